//! Witnesses in words a person reads at once.

use crate::model::{AccountId, Scope, Side, Witness};
use crate::policy::MOST_REQUESTS;

/// The account a principal belongs to, if it is an AWS principal with an ARN.
pub(super) fn account_of(witness: &Witness) -> Option<&str> {
    match &witness.scope {
        Scope::Principal { kind, value } if kind == "AWS" => {
            value.strip_prefix("arn:")?.split(':').nth(3)
        }
        Scope::Principal { .. } | Scope::Resource(_) => None,
    }
}

/// Who asks, in words. `named` tells whether the policy's text names an account: if not, it stands for everyone.
pub(super) fn principal(
    witness: &Witness,
    own: &AccountId,
    named: impl Fn(&str) -> bool,
) -> String {
    let Scope::Principal { kind, value } = &witness.scope else { return String::new() };
    match (kind.as_str(), account_of(witness)) {
        ("AWS", Some(account)) if !named(account) => "anyone in the world".to_owned(),
        ("AWS", Some(account)) if value.ends_with(":root") && account == own.as_str() => {
            format!("anyone in this account ({account})")
        }
        ("AWS", Some(account)) if value.ends_with(":root") => {
            format!("anyone in account {account}")
        }
        ("AWS", None) if value.starts_with("AROA") || value.starts_with("AIDA") => {
            format!("{value} (a deleted role or user)")
        }
        ("Service", _) => format!("the service {value}"),
        ("Federated", _) => format!("users of the identity provider {value}"),
        ("CanonicalUser", _) => format!("the canonical user {value}"),
        _ => value.clone(),
    }
}

/// What is asked of the role, in words.
pub(super) fn assumes(action: &str) -> String {
    if action.eq_ignore_ascii_case("sts:AssumeRole") {
        "assume the role".to_owned()
    } else {
        format!("call {action} on the role")
    }
}

/// Requests that a sentence names; the others are counted.
const REQUESTS: usize = 5;

/// Requests in words, those on one resource under one condition together: `a:B and a:C on R`, `a:D on S under a condition
/// (if …)`. The condition is told of requests in excess: on the other sides the sentence itself tells it.
pub(super) fn requests(witnesses: &[&Witness]) -> String {
    let mut groups: Vec<(&str, Option<String>, Vec<String>)> = Vec::new();
    for witness in witnesses.iter().take(REQUESTS) {
        let Scope::Resource(resource) = &witness.scope else { continue };
        let needs = witness.needs.in_words().filter(|_| witness.side == Side::Excess);
        match groups.iter_mut().find(|(known, under, _)| known == resource && *under == needs) {
            Some((_, _, actions)) => actions.push(witness.action.clone()),
            None => groups.push((resource, needs, vec![witness.action.clone()])),
        }
    }
    let phrase = |(resource, needs, actions): &(&str, Option<String>, Vec<String>)| {
        let resource = if resource.is_empty() { "the empty resource" } else { resource };
        let under = needs.as_ref().map(|needs| format!(" under a condition ({needs})"));
        format!("{} on {resource}{}", list(actions), under.unwrap_or_default())
    };
    let mut phrases: Vec<String> = groups.iter().map(phrase).collect();
    match witnesses.len().saturating_sub(REQUESTS) {
        0 => {}
        // The comparison stops looking there.
        more if witnesses.len() >= MOST_REQUESTS => phrases.push(format!("at least {more} more")),
        more => phrases.push(format!("{more} more")),
    }
    list(&phrases)
}

/// The first few of a list, and how many more there are.
pub(super) fn first(items: &[String], most: usize) -> String {
    let mut shown: Vec<String> = items.iter().take(most).cloned().collect();
    if let more @ 1.. = items.len().saturating_sub(most) {
        shown.push(format!("{more} more"));
    }
    list(&shown)
}

/// `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
