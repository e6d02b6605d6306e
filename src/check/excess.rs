//! How bad it is that a policy allows more than the baseline: by what it allows, and under which conditions.

use serde_json::json;

use super::{Case, words};
use crate::model::{Severity, Side, Verdict, Witness};
use crate::policy::{Kind, Policy, compare, covers};

/// What a policy allows beyond the baseline.
pub(super) struct Excess {
    pub(super) severity: Severity,
    /// Requests that an Allow without a condition grants first.
    pub(super) witnesses: Vec<Witness>,
    /// Any action on any resource, perhaps under a condition.
    everything: bool,
}

impl Excess {
    /// `witnesses`: those of the comparison with the baseline.
    pub(super) fn of(case: &Case<'_>, policy: &Policy, witnesses: &[Witness]) -> Self {
        let baseline = &case.baseline.inline;
        let found = witnesses.iter().filter(|witness| witness.side == Side::Excess);
        let (granted, at_most) = (policy.granted(baseline), policy.at_most(baseline));
        let sure = compare(&granted, baseline);
        let certain = match sure.verdict {
            Verdict::Excess | Verdict::MissingAndExcess => true,
            // Not decided: as bad as it may be.
            Verdict::Undecided => true,
            _ => false,
        };
        // A Deny under a condition may refuse it all the same: the whole policy says what the request needs.
        let needs = |witness: &Witness| {
            policy.ways(witness).first().map(|way| policy.needs(way)).unwrap_or_default()
        };
        let sure = sure.witnesses.into_iter().filter(|witness| witness.side == Side::Excess);
        let mut listed: Vec<Witness> =
            sure.map(|witness| Witness { needs: needs(&witness), ..witness }).collect();
        let known = |list: &[Witness], new: &Witness| {
            list.iter().any(|old| (&old.scope, &old.action) == (&new.scope, &new.action))
        };
        for witness in found {
            if !known(&listed, witness) {
                listed.push(witness.clone());
            }
        }
        let everything = allows_everything(case, &at_most);
        let severity = match (certain, certain && allows_everything(case, &granted), everything) {
            (_, true, _) => Severity::Critical,
            (true, false, _) | (false, _, true) => Severity::High,
            (false, false, false) => Severity::Medium,
        };
        Self { severity, witnesses: listed, everything }
    }

    /// The end of `the policy allows …`.
    pub(super) fn in_words(&self) -> String {
        let requests = words::requests(&self.witnesses.iter().collect::<Vec<_>>());
        if !self.everything {
            return requests;
        }
        let needs = self.witnesses.first().and_then(|witness| witness.needs.in_words());
        let under = needs.map(|needs| format!(" under a condition ({needs})"));
        format!("every action on every resource{}, such as {}", under.unwrap_or_default(), {
            let first = self
                .witnesses
                .first()
                .map(|first| Witness { needs: crate::model::Needs::default(), ..first.clone() });
            words::requests(&first.iter().collect::<Vec<_>>())
        })
    }
}

/// Its Allows hold any action on any resource, and its Denies leave the making of identities: whoever may do that may do all.
fn allows_everything(case: &Case<'_>, policy: &Policy) -> bool {
    // Every action has a colon in its name, and every resource of the partition begins alike: `*:*` on `arn:aws:*` is all.
    let all = format!("arn:{}:*", case.rules.partition);
    let holds = |policy: &Policy, action: &str| {
        let document = json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": all}});
        Policy::parse(Kind::Identity, &document.to_string(), &case.context())
            .is_ok_and(|wanted| covers(policy, &wanted).verdict == Verdict::Equivalent)
    };
    holds(&policy.allows(), "*:*") && holds(policy, "iam:CreateUser")
}
