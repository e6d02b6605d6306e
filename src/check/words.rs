//! Witnesses in words a person reads at once.

use crate::model::{AccountId, Scope, Side, Witness, printable_line};
use crate::policy::{MOST_REQUESTS, Never, Problem, spelled};

/// Who asks, in words.
pub(super) fn principal(witness: &Witness, own: &AccountId) -> String {
    let Scope::Principal { kind, value } = &witness.scope else { return String::new() };
    let account = value.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3));
    match (kind.as_str(), account.filter(|_| value.ends_with(":root"))) {
        ("AWS", Some(account)) if account == own.as_str() => {
            format!("anyone in this account ({account})")
        }
        ("AWS", Some(account)) => format!("anyone in account {account}"),
        ("Service", _) => format!("the service {value}"),
        ("Federated", _) => format!("users of the identity provider {value}"),
        ("CanonicalUser", _) => format!("the canonical user {value}"),
        _ => value.clone(),
    }
}

/// Why a condition never holds for a service that acts for this account.
pub(super) fn never(never: &Never, own: &AccountId, service: &str) -> String {
    match never {
        Never::Contradiction(key) => format!("its tests of {} contradict each other", spelled(key)),
        Never::Denied(keys) => {
            let keys: Vec<&str> = keys.iter().map(|key| spelled(key)).collect();
            format!("a Deny on {} always holds", keys.join(" and "))
        }
        Never::Test { key, value, problem } => {
            let (key, value) = (spelled(key), printable_line(value, 128));
            match problem {
                Problem::Absent => format!("a request of the service {service} carries no {key}"),
                Problem::Operator => {
                    format!("its operator does not compare values such as those of {key}")
                }
                Problem::Malformed if key == "aws:SourceAccount" => {
                    format!("{key} `{value}` is not 12 digits")
                }
                Problem::Malformed if key == "aws:SourceArn" => {
                    format!("{key} `{value}` is not an ARN of six fields")
                }
                Problem::Malformed => format!("`{value}` has not the form of {key}"),
                Problem::Partition => format!("{key} `{value}` names another partition"),
                Problem::Service => format!("{key} `{value}` names another service than {service}"),
                Problem::Account => {
                    format!("{key} `{value}` names another account than this one ({own})")
                }
                Problem::Organization => format!("{key} `{value}` names another organization"),
                Problem::Region => format!("{key} `{value}` names no region of this partition"),
                Problem::Wildcard => {
                    format!(
                        "`*` and `?` are plain characters in {key} `{value}` with this operator"
                    )
                }
                Problem::Other => format!("{key} never matches `{value}`"),
            }
        }
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
