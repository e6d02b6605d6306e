//! The verdict: `SEMANTICS.md` section 3, with the baseline's own conditions taken one world at a time.
//!
//! A **world** fixes for each distinct condition block of the baseline whether it holds. Where all hold, section 3 applies
//! to the letter, with those blocks as no conditions. Where some do not, statements carrying them vanish on both sides; a
//! role that surely allows there what the baseline does not is in excess (it lacks the pin), and one that never allows
//! there what the baseline does is missing it. Conditions the baseline does not know stay opaque everywhere.

use std::collections::BTreeSet;

use super::budget::{Budget, Purse, Spent};
use super::condition::Condition;
use super::requests::{self, Nicer, Rect, Request, Requests, Suggest};
use super::statement::{Region, Statement};
use super::{Comparison, Coverage, Kind, Policy, principal, ways, witness};
use crate::model::{Side, Verdict, Witness};

/// Witnesses looked for on each side. Of principals all matter, because the worst one makes the severity.
fn most_witnesses(kind: Kind) -> usize {
    match kind {
        Kind::Trust => 256,
        Kind::Identity => super::MOST_REQUESTS,
    }
}

/// Compares what two policies of one kind allow.
pub(super) fn compare(actual: &Policy, baseline: &Policy) -> Comparison {
    let doubt = actual.doubts.first().or(baseline.doubts.first()).cloned();
    if actual.statements == baseline.statements {
        return finish(Verdict::Equivalent, Vec::new(), doubt);
    }
    let judged = match &baseline.accepted {
        None => Judge::new(actual, baseline).both_ways(),
        Some(accepted) => accepted.both_ways(actual, baseline),
    };
    match judged {
        Ok((verdict, witnesses)) => finish(verdict, witnesses, doubt),
        Err(Spent) => undecided(),
    }
}

/// Only the baseline's side: is all of it allowed?
pub(super) fn covers(actual: &Policy, baseline: &Policy, purse: &mut Purse) -> Coverage {
    if let Some(accepted) = &baseline.accepted {
        return accepted.covered_by(actual);
    }
    let mut judge = Judge { budget: purse.next(), ..Judge::new(actual, baseline) };
    let result = judge.missing().and_then(|missing| {
        if missing.is_empty() {
            judge.conditional().map(|c| (Verdict::Conditional, c))
        } else {
            Ok((Verdict::Missing, missing))
        }
    });
    purse.settle(&purse.next(), &judge.budget);
    match result {
        Ok((_, witnesses)) if witnesses.is_empty() => {
            Coverage { verdict: Verdict::Equivalent, witnesses }
        }
        Ok((verdict, witnesses)) => Coverage { verdict, witnesses },
        Err(Spent) => Coverage { verdict: Verdict::Undecided, witnesses: Vec::new() },
    }
}

fn finish(verdict: Verdict, witnesses: Vec<Witness>, doubt: Option<String>) -> Comparison {
    match (verdict, doubt) {
        (Verdict::Equivalent, Some(doubt)) => {
            Comparison { verdict: Verdict::Invalid, witnesses, note: Some(doubt) }
        }
        _ => Comparison { verdict, witnesses, note: None },
    }
}

fn undecided() -> Comparison {
    let note = "the comparison spent its work budget; no claim is made".to_owned();
    Comparison { verdict: Verdict::Undecided, witnesses: Vec::new(), note: Some(note) }
}

/// What a policy may and what it surely allows, in one world.
struct Sides {
    may: Requests,
    must: Requests,
}

/// Which of the baseline's conditions hold.
#[derive(Clone, Copy)]
struct World<'c> {
    conditions: &'c [&'c Condition],
    /// One bit for each condition.
    holding: u32,
}

impl World<'_> {
    /// `Some(true)`: as if there were no condition. `Some(false)`: the statement does not apply. `None`: opaque.
    fn decides(&self, condition: Option<&Condition>) -> Option<bool> {
        let Some(condition) = condition else { return Some(true) };
        let index = self.conditions.iter().position(|known| *known == condition)?;
        Some(self.holding >> index & 1 == 1)
    }

    fn all_hold(&self) -> bool {
        self.holding == (1 << self.conditions.len()) - 1
    }
}

fn sides(statements: &[Statement], world: World<'_>) -> Sides {
    let mut sides = Sides { may: Requests::default(), must: Requests::default() };
    for statement in statements {
        let certain = match world.decides(statement.condition.as_ref()) {
            Some(true) => true,
            Some(false) => continue,
            None => false,
        };
        let rect = |widest| Rect {
            actions: statement.actions.region(widest),
            scope: statement.scope.region(widest),
        };
        // An Allow widens what may be and an opaque one proves nothing; a Deny the other way round.
        if statement.allow || certain {
            sides.may.push(statement.allow, rect(statement.allow));
        }
        if !statement.allow || certain {
            sides.must.push(statement.allow, rect(!statement.allow));
        }
    }
    sides
}

pub(super) struct Judge<'p> {
    actual: &'p Policy,
    baseline: &'p Policy,
    conditions: Vec<&'p Condition>,
    universe: Region,
    budget: Budget,
}

impl<'p> Judge<'p> {
    pub(super) fn new(actual: &'p Policy, baseline: &'p Policy) -> Self {
        let conditions: BTreeSet<&Condition> = baseline
            .statements
            .iter()
            .filter_map(|statement| statement.condition.as_ref())
            .collect();
        let universe = match baseline.kind {
            Kind::Trust => Region::new(principal::universe(), false),
            Kind::Identity => requests::anything(),
        };
        Self {
            actual,
            baseline,
            conditions: conditions.into_iter().collect(),
            universe,
            budget: Budget::default(),
        }
    }

    /// What the role may allow beyond a baseline with what is accepted beside it. `own`: the baseline alone.
    ///
    /// Stricter than [`Judge::excess`] in two ways. A condition of the role's own counts as holding in every world of the
    /// accepted conditions: a grant accepted under one condition is not accepted under another. And every world is asked,
    /// because the worst request may show in the last one.
    pub(super) fn beyond_accepted(&mut self, own: &Policy) -> Result<Vec<Witness>, Spent> {
        let mut found: Vec<Witness> = Vec::new();
        let worlds = self.worlds()?;
        let first = worlds.first().copied().unwrap_or_default();
        let held = World { conditions: &self.conditions, holding: first };
        let baseline = sides(&own.statements, held).must;
        for holding in worlds {
            let world = World { conditions: &self.conditions, holding };
            let (role, accepted) =
                (sides(&self.actual.statements, world), sides(&self.baseline.statements, world));
            let here = sides(&own.statements, world).must;
            let (mut surely, mut wide) = (role.must, role.may);
            // A baseline without a Deny is the union of its Allows: what it allows is beyond nothing, also where an
            // accepted document denies it. What the role may allow under conditions of its own is no pin that is lacking.
            if baseline.deny.is_empty() {
                surely.deny.extend(here.allow);
                wide.deny.extend(baseline.allow.iter().cloned());
            }
            for (wide, narrow) in [(surely, accepted.must), (wide, accepted.may)] {
                // What was found proves the verdict, whatever is left of the budget.
                let requests = match self.beyond(&wide, &narrow) {
                    Err(Spent) if !found.is_empty() => return Ok(found),
                    requests => requests?,
                };
                for request in requests {
                    let witness = self.witness(request, Side::Excess, holding);
                    let same = |w: &Witness| w.scope == witness.scope && w.action == witness.action;
                    if !found.iter().any(same) {
                        found.push(witness);
                    }
                }
            }
        }
        Ok(found)
    }

    fn both_ways(&mut self) -> Result<(Verdict, Vec<Witness>), Spent> {
        let missing = self.missing()?;
        let excess = self.excess()?;
        let verdict = match (missing.is_empty(), excess.is_empty()) {
            (false, false) => Verdict::MissingAndExcess,
            (false, true) => Verdict::Missing,
            (true, false) => Verdict::Excess,
            (true, true) => {
                let conditional = self.conditional()?;
                let verdict =
                    if conditional.is_empty() { Verdict::Equivalent } else { Verdict::Conditional };
                return Ok((verdict, conditional));
            }
        };
        Ok((verdict, missing.into_iter().chain(excess).collect()))
    }

    /// Every world, the one where all of the baseline's conditions hold first.
    fn worlds(&self) -> Result<Vec<u32>, Spent> {
        if self.conditions.len() > super::MAX_BASELINE_CONDITIONS {
            return Err(Spent);
        }
        Ok((0..1u32 << self.conditions.len()).rev().collect())
    }

    fn missing(&mut self) -> Result<Vec<Witness>, Spent> {
        self.first(Side::Missing, |actual, baseline, all_hold| {
            let wide = if all_hold { &baseline.may } else { &baseline.must };
            vec![(wide.clone(), actual.may.clone())]
        })
    }

    fn excess(&mut self) -> Result<Vec<Witness>, Spent> {
        self.first(Side::Excess, |actual, baseline, all_hold| {
            let surely = (actual.must.clone(), baseline.must.clone());
            if all_hold {
                vec![(actual.may.clone(), baseline.may.clone()), surely]
            } else {
                vec![surely]
            }
        })
    }

    fn conditional(&mut self) -> Result<Vec<Witness>, Spent> {
        self.first(Side::Conditional, |actual, baseline, all_hold| {
            if all_hold { vec![(baseline.must.clone(), actual.must.clone())] } else { Vec::new() }
        })
    }

    /// Witnesses of the first world and question that has any.
    fn first(
        &mut self,
        side: Side,
        questions: impl Fn(&Sides, &Sides, bool) -> Vec<(Requests, Requests)>,
    ) -> Result<Vec<Witness>, Spent> {
        for holding in self.worlds()? {
            let world = World { conditions: &self.conditions, holding };
            let (actual, baseline) =
                (sides(&self.actual.statements, world), sides(&self.baseline.statements, world));
            let all_hold = world.all_hold();
            for (wide, narrow) in questions(&actual, &baseline, all_hold) {
                let requests = self.beyond(&wide, &narrow)?;
                if !requests.is_empty() {
                    return Ok(requests
                        .into_iter()
                        .map(|request| self.witness(request, side, holding))
                        .collect());
                }
            }
        }
        Ok(Vec::new())
    }

    fn beyond(&mut self, wide: &Requests, narrow: &Requests) -> Result<Vec<Request>, Spent> {
        let (kind, context) = (self.actual.kind, &self.actual.context);
        let suggest: &Suggest<'_> = &|rect| witness::suggest(rect, kind, context);
        let nicer: &Nicer<'_> = &|request| witness::nicer(request, kind, context);
        requests::beyond(
            wide,
            narrow,
            &self.universe,
            (suggest, nicer),
            most_witnesses(kind),
            &mut self.budget,
        )
    }

    /// `holding`: the world in which the two differ.
    fn witness(&self, request: Request, side: Side, holding: u32) -> Witness {
        let world = World { conditions: &self.conditions, holding };
        let spelled: Vec<&str> =
            self.actual.spelled.iter().chain(&self.baseline.spelled).map(String::as_str).collect();
        let allows = match side {
            Side::Missing => self.baseline,
            Side::Excess | Side::Conditional => self.actual,
        };
        let needs = ways::needs(allows, &request, |c| world.decides(Some(c)) != Some(false));
        let outside = !world.all_hold();
        witness::witness(request, self.baseline.kind, side, outside, needs, &spelled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Kind, Policy, compare};
    use crate::model::{Partition, Scope, Verdict, Witness};

    const TRUST: &str = include_str!("../../config/baseline/eks-connector-agent-trust-policy.json");
    const INLINE: &str = include_str!("../../config/baseline/eks-connector-agent-policy.json");

    fn context() -> Context {
        Context { account: "111122223333".parse().unwrap(), partition: Partition::default() }
    }

    fn judge(kind: Kind, actual: &str, baseline: &str) -> (Verdict, Vec<Witness>) {
        let actual = Policy::parse(kind, actual, &context()).unwrap();
        let baseline = Policy::parse_baseline(kind, baseline, &context(), None).unwrap();
        let comparison = compare(&actual, &baseline);
        (comparison.verdict, comparison.witnesses)
    }

    fn shown(witness: &Witness) -> String {
        match &witness.scope {
            Scope::Principal { kind, value } => format!("{kind} {value} {}", witness.action),
            Scope::Resource(resource) => format!("{} {resource}", witness.action),
        }
    }

    #[test]
    fn trust_is_judged_by_who_may_assume_the_role() {
        let allow = |principal: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}]}}"#
            )
        };
        let cases = [
            (r#"{"Service":"ssm.amazonaws.com"}"#, Verdict::Equivalent, None),
            (
                r#"{"AWS":"*"}"#,
                Verdict::Excess,
                Some("AWS arn:aws:iam::999999999999:root sts:AssumeRole"),
            ),
            (
                r#"{"Service":"ssm.amazonaws.com","AWS":"999988887777"}"#,
                Verdict::Excess,
                Some("AWS arn:aws:iam::999988887777:root sts:AssumeRole"),
            ),
            (
                r#"{"Service":"ec2.amazonaws.com"}"#,
                Verdict::MissingAndExcess,
                Some("Service ssm.amazonaws.com sts:AssumeRole"),
            ),
        ];
        for (principal, want, witness) in cases {
            let (verdict, witnesses) = judge(Kind::Trust, &allow(principal), TRUST);
            assert_eq!(verdict, want, "case {principal}");
            assert_eq!(witnesses.first().map(shown).as_deref(), witness, "case {principal}");
        }
    }

    #[test]
    fn an_account_holds_its_roles() {
        let allow = |who: &str| {
            format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"sts:AssumeRole"}}}}"#
            )
        };
        let (root, role) = (allow("111122223333"), allow("arn:aws:iam::111122223333:role/x"));
        assert_eq!(judge(Kind::Trust, &role, &root).0, Verdict::Missing);
        assert_eq!(judge(Kind::Trust, &root, &role).0, Verdict::Excess);
        assert_eq!(
            judge(Kind::Trust, &root, &allow("arn:aws:iam::111122223333:root")).0,
            Verdict::Equivalent
        );
    }

    #[test]
    fn permissions_are_judged_as_one_set() {
        let allow = |action: &str, resource: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{action},"Resource":{resource}}}]}}"#
            )
        };
        let eks = r#""arn:aws:eks:*:*:cluster/*""#;
        let channels = r#"["ssmmessages:createdatachannel","ssmmessages:OpenDataChannel","ssmmessages:OpenControlChannel"]"#;
        let control = r#""ssmmessages:CreateControlChannel""#;
        let both = |a: &str, b: &str| format!("{a}\n{b}");
        let cases = [
            (
                "split in two",
                both(&allow(control, eks), &allow(channels, r#""*""#)),
                Verdict::Equivalent,
            ),
            ("only one half", allow(channels, r#""*""#), Verdict::Missing),
            (
                "wider resource",
                both(&allow(control, r#""*""#), &allow(channels, r#""*""#)),
                Verdict::Excess,
            ),
            ("wildcard action", allow(r#""ssmmessages:*""#, r#""*""#), Verdict::Excess),
            (
                "a union of lengths",
                both(
                    &allow(channels, r#""*""#),
                    &allow(
                        control,
                        r#"["arn:aws:eks:*:*:cluster/","arn:aws:eks:*:*:cluster/?","arn:aws:eks:*:*:cluster/??*"]"#,
                    ),
                ),
                Verdict::Equivalent,
            ),
        ];
        for (case, documents, want) in cases {
            let actual = Policy::union(
                documents.lines().map(|d| Policy::parse(Kind::Identity, d, &context()).unwrap()),
            )
            .unwrap();
            let baseline =
                Policy::parse_baseline(Kind::Identity, INLINE, &context(), None).unwrap();
            let got = compare(&actual, &baseline);
            assert_eq!(got.verdict, want, "case `{case}`: {:?}", got.witnesses);
        }
    }

    #[test]
    fn a_role_without_the_baselines_pin_is_in_excess() {
        let trust = |condition: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"ssm.amazonaws.com"}},"Action":"sts:AssumeRole"{condition}}}]}}"#
            )
        };
        let pin = |id: &str| {
            trust(&format!(r#","Condition":{{"StringEquals":{{"aws:SourceAccount":"{id}"}}}}"#))
        };
        let baseline = pin("${rolewarden:account_id}");
        let (verdict, witnesses) = judge(Kind::Trust, TRUST, &baseline);
        assert_eq!(verdict, Verdict::Excess);
        assert!(witnesses[0].outside_baseline_condition);
        let same = r#","Condition":{"StringEquals":{"AWS:sourceaccount":["111122223333"]}}"#;
        assert_eq!(judge(Kind::Trust, &trust(same), &baseline).0, Verdict::Equivalent);
        assert_eq!(judge(Kind::Trust, &pin("999988887777"), &baseline).0, Verdict::Conditional);
        assert_eq!(judge(Kind::Trust, &pin("111122223333"), TRUST).0, Verdict::Conditional);
    }
}
