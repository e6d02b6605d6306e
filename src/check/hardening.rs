//! Conditions and Denies on the trust policy that the baseline does not have: do they lock the connector out, are they
//! accepted hardening, or do they simply stand?

use std::collections::BTreeSet;

use super::{Case, requesters, words};
use crate::model::{Scope, Side, Witness};
use crate::policy::{Condition, Holds, Policy, Way, covers, spelled};

/// Why the connector's service cannot assume the role, although no statement says so outright: the conditions on each way in
/// never hold for it. `None` where one may hold, or where the baseline's request is missing anyway.
pub(super) fn lockout(case: &Case<'_>, policy: &Policy) -> Option<(Witness, String)> {
    let coverage = covers(policy, &case.baseline.trust);
    let conditional = coverage.witnesses.into_iter().filter(|w| w.side == Side::Conditional);
    conditional.into_iter().find_map(|witness| {
        let why = never(case, policy, &witness)?;
        Some((witness, why))
    })
}

fn never(case: &Case<'_>, policy: &Policy, witness: &Witness) -> Option<String> {
    let service = service_of(witness)?;
    let facts = requesters::service(case, service, case.account.as_str());
    let ways = policy.ways(witness);
    let reasons: Option<Vec<String>> = ways
        .iter()
        .map(|way| match way.holds(&facts) {
            Holds::Never(never) => Some(words::never(&never, case.account, service)),
            Holds::Yes(_) | Holds::Unsure { .. } => None,
        })
        .collect();
    reasons?.into_iter().next()
}

fn service_of(witness: &Witness) -> Option<&str> {
    match &witness.scope {
        Scope::Principal { kind, value } if kind == "Service" => Some(value),
        Scope::Principal { .. } | Scope::Resource(_) => None,
    }
}

/// What the conditions that the baseline does not have amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hardening {
    /// Only accepted keys; it can hold for the connector's service, and lets no other account in.
    Accepted,
    /// It stands; why it is not accepted, where that is worth saying.
    Stands(Option<String>),
}

/// Judges the conditions of `policy` that the baseline does not have; `witness` is a request of the baseline under them.
pub(super) fn judge(case: &Case<'_>, policy: &Policy, witness: &Witness) -> Hardening {
    let known: BTreeSet<&Condition> = case.baseline.trust.conditions().collect();
    let new: Vec<(bool, &Condition)> =
        policy.conditional().filter(|(_, c)| !known.contains(c)).collect();
    let Some(service) = service_of(witness) else { return Hardening::Stands(None) };
    for (allow, condition) in &new {
        if let Err(why) = accepted(case, service, *allow, condition) {
            return Hardening::Stands(why);
        }
    }
    if new.is_empty() { Hardening::Stands(None) } else { Hardening::Accepted }
}

/// Whether one condition is accepted hardening, or why not.
fn accepted(
    case: &Case<'_>,
    service: &str,
    allow: bool,
    condition: &Condition,
) -> Result<(), Option<String>> {
    const ACCEPTABLE: [&str; 4] =
        ["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"];
    let keys: BTreeSet<&str> = condition.tests.iter().map(|test| test.key.as_str()).collect();
    if !allow || !keys.iter().all(|key| ACCEPTABLE.contains(key)) {
        return Err(None);
    }
    let organization = case.rules.organization.as_deref();
    let account = case.account.as_str();
    let by_organization = |key: &&str| key.starts_with("aws:sourceorg");
    if !condition.pins(account, organization) {
        return Err(Some(match (organization, keys.iter().any(by_organization)) {
            (None, true) => {
                "the organization's id is not known here: set accounts.organization_id".to_owned()
            }
            _ => "it does not keep other accounts out".to_owned(),
        }));
    }
    let way = Way { allow: Some(condition), deny: Vec::new() };
    let facts = requesters::service(case, service, account);
    if !matches!(way.holds(&facts), Holds::Yes(_)) {
        return Err(Some("it is not certain that it can hold".to_owned()));
    }
    let left: Vec<&str> = keys
        .into_iter()
        .filter(|key| !case.rules.checks.accept_conditions.contains(*key))
        .map(spelled)
        .collect();
    match left.as_slice() {
        [] => Ok(()),
        left => Err(Some(format!(
            "checks.trust-policy.accept_conditions: [{}] accepts it",
            left.join(", ")
        ))),
    }
}
