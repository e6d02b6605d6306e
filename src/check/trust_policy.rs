//! `trust-policy`: who may assume the role.

use std::collections::BTreeSet;

use serde_json::Value;

use super::callers::Principals;
use super::hardening::{self, Hardening};
use super::reach::{self, Grant, Who};
use super::requesters::THIS_ORGANIZATION;
use super::{Case, Outcome, Problem, decided, fix, shown, words};
use crate::model::{Severity, Side, Verdict, Witness};
use crate::policy::{Comparison, Kind, Policy, compare};

/// Witnesses and phrases a finding shows, worst first.
const SHOWN: usize = 5;

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let (text, baseline) = (case.role.trust_policy.as_str(), case.baseline);
    if baseline.same_trust.has(text) {
        return Outcome::passed();
    }
    let policy = match Policy::parse(Kind::Trust, text, &case.context()) {
        Ok(policy) => policy,
        Err(error) => return not_strict(case, &error.to_string()),
    };
    let Comparison { verdict, witnesses, note } = compare(&policy, &baseline.trust);
    let note = note.unwrap_or_default();
    match verdict {
        Verdict::Equivalent => {
            baseline.same_trust.add(text);
            Outcome::passed()
        }
        Verdict::Undecided => Outcome::of(verdict).detail("note", note),
        Verdict::Invalid | Verdict::Absent => not_strict(case, &note),
        Verdict::Missing | Verdict::Excess | Verdict::MissingAndExcess | Verdict::Conditional => {
            Difference::of(case, &policy, verdict, witnesses).outcome()
        }
    }
}

fn not_strict(case: &Case<'_>, note: &str) -> Outcome {
    let summary = format!("the trust policy is not one well-formed policy document: {note}");
    // Whom it lets in is not known: no key may lower that.
    let said = Said { reaches_beyond: true, ..Said::new(Severity::High, summary, Vec::new()) };
    failed(case, Verdict::Invalid, said).detail("note", note)
}

/// A finding's words.
struct Said {
    severity: Severity,
    summary: String,
    witnesses: Vec<Witness>,
    /// It lets in more than principals of this account.
    reaches_beyond: bool,
}

impl Said {
    fn new(severity: Severity, summary: String, witnesses: Vec<Witness>) -> Self {
        Self { severity, summary, witnesses, reaches_beyond: false }
    }
}

fn failed(case: &Case<'_>, verdict: Verdict, said: Said) -> Outcome {
    let update = case.baseline.update_trust();
    let decisions = decided::decisions(case, Kind::Trust, &case.role.trust_policy);
    // Whatever else is wrong in a document that holds a decision, replacing it would undo that.
    let (fix, left) = match decided::left_to_people(decisions) {
        None => (fix::commands(&case.role.arn.name, [&update]), String::new()),
        Some(_) if said.severity == Severity::Info => (Vec::new(), String::new()),
        Some(why) => (Vec::new(), format!("; {why}")),
    };
    Outcome::of(verdict).problem(Problem {
        verdict,
        severity: said.severity,
        summary: format!("{}{left}", said.summary),
        witnesses: said.witnesses,
        expected: case.baseline.trust_document.clone(),
        actual: shown(&case.role.trust_policy),
        fix,
        reaches_beyond: said.reaches_beyond,
        ..Problem::about(case.trust_subject(verdict))
    })
}

/// A trust policy that is read, compared, and not equivalent.
struct Difference<'a> {
    case: &'a Case<'a>,
    policy: &'a Policy,
    verdict: Verdict,
    /// Worst first.
    grants: Vec<Grant>,
    missing: Vec<Witness>,
    /// Why no condition on the way in can hold for the connector's service.
    never: Option<String>,
    conditional: Vec<Witness>,
}

impl<'a> Difference<'a> {
    fn of(
        case: &'a Case<'a>,
        policy: &'a Policy,
        verdict: Verdict,
        witnesses: Vec<Witness>,
    ) -> Self {
        // The policy's principals tell whether an account is named or everyone is meant.
        let principals = principals(&shown(&case.role.trust_policy));
        let (mut excess, mut missing, mut conditional) = (Vec::new(), Vec::new(), Vec::new());
        for witness in witnesses {
            match witness.side {
                Side::Excess => excess.push(reach::judge(case, policy, witness, &principals)),
                Side::Missing => missing.push(witness),
                Side::Conditional => conditional.push(witness),
            }
        }
        excess.sort_by_key(|grant| std::cmp::Reverse(grant.severity));
        // An account is two sets of principals (iam and sts): one of them says it.
        let mut said = BTreeSet::new();
        excess.retain(|grant| said.insert(granted(case, grant)));
        let mut difference =
            Self { case, policy, verdict, grants: excess, missing, never: None, conditional };
        difference.look_for_a_lockout();
        difference
    }

    /// Conditions are opaque to the comparison; one that never holds for the connector's service allows it nothing.
    fn look_for_a_lockout(&mut self) {
        let locked = match self.verdict {
            Verdict::Conditional => Verdict::Missing,
            Verdict::Excess => Verdict::MissingAndExcess,
            _ => return,
        };
        if let Some((witness, why)) = hardening::lockout(self.case, self.policy) {
            let expected = &self.case.baseline.trust;
            let needs = expected.ways(&witness).first().map(|way| expected.needs(way));
            let needs = needs.unwrap_or_default();
            self.missing = vec![Witness { side: Side::Missing, needs, ..witness }];
            (self.verdict, self.never) = (locked, Some(why));
        }
    }

    fn outcome(self) -> Outcome {
        let said = match self.verdict {
            Verdict::Conditional => self.conditional(),
            _ => self.differs(),
        };
        failed(self.case, self.verdict, said)
    }

    fn differs(&self) -> Said {
        let lacks = self.missing.iter().map(|_| Severity::High);
        let severity = self.grants.iter().map(|grant| grant.severity).chain(lacks).max();
        let mut phrases: Vec<String> =
            self.grants.iter().map(|grant| granted(self.case, grant)).collect();
        for phrase in self.missing.iter().map(|witness| self.lacking(witness)) {
            if !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
        let more = phrases.len().saturating_sub(SHOWN);
        phrases.truncate(SHOWN);
        if more > 0 {
            phrases.push(format!("{more} more differ"));
        }
        // A request that the policy refuses proves nothing.
        let proofs = self.grants.iter().filter(|grant| grant.who != Who::Never);
        let proofs = proofs.map(|grant| &grant.witness).chain(&self.missing);
        Said {
            severity: severity.unwrap_or(Severity::High),
            summary: words::list(&phrases),
            witnesses: proofs.take(SHOWN).cloned().collect(),
            reaches_beyond: self.grants.iter().any(|grant| grant.beyond),
        }
    }

    fn lacking(&self, witness: &Witness) -> String {
        let who = words::principal(witness, self.case.account);
        let assumes = words::assumes(&witness.action);
        match &self.never {
            Some(why) => format!(
                "{who} can never {assumes}: its condition never holds, as {why}; the connector is locked out"
            ),
            None if self.policy.refuses(witness) => {
                format!("a Deny forbids {who} to {assumes}: the connector is locked out")
            }
            None => format!("{who} may not {assumes}"),
        }
    }

    fn conditional(&self) -> Said {
        let Some(witness) = self.conditional.first() else {
            let summary = "the role may be assumed only under a condition".to_owned();
            return Said::new(Severity::Medium, summary, Vec::new());
        };
        let who = words::principal(witness, self.case.account);
        let what = format!("{who} may {}", words::assumes(&witness.action));
        let needs = witness.needs.in_words().unwrap_or_default();
        // `only if …`, but `unless …`.
        let needs = match witness.needs.conditions.is_some() {
            true => format!("only {needs}"),
            false => needs,
        };
        let (severity, summary) = match hardening::judge(self.case, self.policy, witness) {
            Hardening::Accepted => {
                (Severity::Info, format!("{what} {needs}, which is an accepted condition"))
            }
            Hardening::Stands(note) => {
                let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
                (Severity::Medium, format!("{what} {needs}{note}"))
            }
        };
        let witnesses = self.conditional.iter().take(SHOWN).cloned().collect();
        Said::new(severity, summary, witnesses)
    }
}

/// What a grant lets happen, in words.
fn granted(case: &Case<'_>, grant: &Grant) -> String {
    let witness = &grant.witness;
    let assumes = words::assumes(&witness.action);
    let named = words::principal(witness, case.account);
    let who = match &grant.who {
        Who::World => "anyone in the world".to_owned(),
        Who::WorldWithExternalId => "anyone in the world who knows the external id".to_owned(),
        Who::PublicIdentity(host) => format!("anyone with an account at {host}"),
        Who::SomeIdentities(host) => format!("identities of {host}"),
        Who::Organization { id, .. } if id == THIS_ORGANIZATION => {
            "anyone in this organization".to_owned()
        }
        Who::Organization { id, foreign: true } => {
            format!("anyone in organization {id}, which is another one,")
        }
        Who::Organization { id, foreign: false } => format!("anyone in organization {id}"),
        Who::Elsewhere { .. } | Who::Here | Who::Service { .. } => named,
        Who::Deleted => {
            return format!("dead entry: {named} was deleted, and nothing can {assumes} as it");
        }
        Who::Never => {
            return format!(
                "dead entry: {named} can never {assumes}, as the condition never holds"
            );
        }
    };
    let beyond = if witness.outside_baseline_condition {
        " without the condition the baseline demands"
    } else {
        ""
    };
    let needs = witness.needs.in_words().map(|needs| format!(" {needs}")).unwrap_or_default();
    format!("{who} may {assumes}{beyond}{needs}")
}

/// The principals of every statement. Nothing else in a policy names who may come: not a Sid, not a condition.
fn principals(document: &Value) -> Principals {
    fn texts(value: &Value, out: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => drop(out.insert(text.clone())),
            Value::Array(list) => list.iter().for_each(|value| texts(value, out)),
            Value::Object(members) => members.values().for_each(|value| texts(value, out)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut principals = Principals::default();
    for statement in statements {
        let Some(named) = statement.get("Principal") else { continue };
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Deny") => texts(named, &mut principals.denied),
            _ => texts(named, &mut principals.allowed),
        }
    }
    principals
}
