//! Conditions on the trust policy: accepted hardening, a condition that names somebody else, or anything else.

use std::collections::BTreeSet;

use crate::model::AccountId;
use crate::policy::{Condition, Policy, Test};

/// What the conditions that the baseline does not have amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hardening {
    /// Only accepted keys, positive operators, and they name this very account or organization.
    Accepted,
    /// Every conditional Allow is for this other account: here it can never apply.
    OtherAccount(String),
    /// Anything else.
    Other,
}

/// Judges the conditions of `policy` that `baseline` does not have.
pub(super) fn judge(
    policy: &Policy,
    baseline: &Policy,
    accepted_keys: &BTreeSet<String>,
    account: &AccountId,
    organization: Option<&str>,
) -> Hardening {
    let known: BTreeSet<&Condition> = baseline.conditions().collect();
    let new: Vec<(bool, &Condition)> =
        policy.conditional().filter(|(_, c)| !known.contains(c)).collect();
    let accepted = |(allow, condition): &(bool, &Condition)| {
        let fine = |test: &Test| {
            accepted_keys.contains(&test.key)
                && is_positive(test)
                && test.values.iter().all(|value| names(&test.key, value, account, organization))
                // There `*` and `?` are plain characters, which no account and no ARN has: never true.
                && !(test.operator == "StringEquals" && test.values.iter().any(|v| v.contains(['*', '?'])))
        };
        *allow && !condition.variables && condition.tests.iter().all(fine)
    };
    if !new.is_empty() && new.iter().all(accepted) {
        return Hardening::Accepted;
    }
    // With a conditional Deny among them, an Allow without a condition may be what works.
    let elsewhere: Option<Vec<String>> = new
        .iter()
        .map(|(allow, condition)| {
            condition.tests.iter().find_map(|test| other_account(test, account)).filter(|_| *allow)
        })
        .collect();
    match elsewhere.and_then(|values| values.into_iter().next()) {
        Some(value) => Hardening::OtherAccount(value),
        None => Hardening::Other,
    }
}

/// The four operators that say "is one of". Canonical form has `ArnEquals` as `ArnLike`.
fn is_positive(test: &Test) -> bool {
    matches!(test.operator.as_str(), "StringEquals" | "StringLike" | "ArnLike")
}

/// Whether a value is about this account (or organization) alone.
fn names(key: &str, value: &str, account: &AccountId, organization: Option<&str>) -> bool {
    match key {
        "aws:sourceaccount" => value == account.as_str(),
        "aws:sourcearn" => account_field(value) == Some(account.as_str()),
        "aws:sourceorgid" => organization == Some(value),
        _ => false,
    }
}

/// The account a source ARN is about: its fifth field.
fn account_field(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3)
}

/// The first value, if the test demands a source account and none of its values can be this one.
fn other_account(test: &Test, account: &AccountId) -> Option<String> {
    if !is_positive(test) {
        return None;
    }
    let is_other = |value: &String| {
        let field = match test.key.as_str() {
            "aws:sourceaccount" => Some(value.as_str()),
            "aws:sourcearn" => account_field(value),
            _ => None,
        };
        // Wildcards and variables may still mean this account.
        field.is_some_and(|field| field.parse::<AccountId>().is_ok_and(|other| other != *account))
    };
    test.values.iter().all(is_other).then(|| test.values.first().cloned()).flatten()
}
