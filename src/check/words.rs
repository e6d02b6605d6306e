//! Witnesses in words a person reads at once.

use serde_json::Value;

use crate::model::{AccountId, Needs, Scope, Witness, printable_line};
use crate::policy::{Never, Problem, spelled};

/// Values of a condition that a sentence names.
const VALUES: usize = 3;

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

/// What a request needs, as `if aws:SourceAccount is 111122223333, unless aws:SourceIp is in 10.0.0.0/8`; empty where it
/// needs nothing.
pub(super) fn needs(needs: &Needs) -> String {
    let mut out = needs.conditions.as_ref().map(|b| format!("if {}", block(b))).unwrap_or_default();
    if !needs.unless.is_empty() {
        let unless: Vec<String> = needs.unless.iter().map(block).collect();
        let between = if out.is_empty() { "" } else { ", " };
        out.push_str(&format!("{between}unless {}", unless.join(", or ")));
    }
    out
}

/// A condition block as a phrase.
fn block(block: &Value) -> String {
    let operators = block.as_object().into_iter().flatten();
    let tests = operators.flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, values)| test(operator, key, values))
    });
    tests.collect::<Vec<_>>().join(" and ")
}

fn test(operator: &str, key: &str, values: &Value) -> String {
    let one = |value: &Value| match value {
        Value::String(text) => printable_line(text, 128),
        other => other.to_string(),
    };
    let list: Vec<String> = match values {
        Value::Array(list) => list.iter().map(one).collect(),
        value => vec![one(value)],
    };
    let (bare, optional) = match operator.strip_suffix("IfExists") {
        Some(bare) => (bare, " (where it is present)"),
        None => (operator, ""),
    };
    let (bare, each) = match bare.split_once(':') {
        Some(("ForAllValues", bare)) => (bare, "every value of "),
        Some((_, bare)) => (bare, "a value of "),
        None => (bare, ""),
    };
    let key = printable_line(key, 64);
    if bare == "Null" {
        let is = if list.iter().any(|value| value == "true") { "is absent" } else { "is present" };
        return format!("{key} {is}");
    }
    let wild = list.iter().any(|value| value.contains(['*', '?']));
    let verb = match bare {
        "ArnEquals" if wild => "is like",
        "ArnNotEquals" if wild => "is not like",
        "StringNotEquals"
        | "StringNotEqualsIgnoreCase"
        | "ArnNotEquals"
        | "NumericNotEquals"
        | "DateNotEquals" => "is not",
        "StringLike" | "ArnLike" => "is like",
        "StringNotLike" | "ArnNotLike" => "is not like",
        "IpAddress" => "is in",
        "NotIpAddress" => "is not in",
        "DateLessThan" => "is before",
        "DateLessThanEquals" => "is at the latest",
        "DateGreaterThan" => "is after",
        "DateGreaterThanEquals" => "is at the earliest",
        "NumericLessThan" => "is less than",
        "NumericLessThanEquals" => "is at most",
        "NumericGreaterThan" => "is more than",
        "NumericGreaterThanEquals" => "is at least",
        _ => "is",
    };
    let more = list.len().saturating_sub(VALUES);
    let mut shown: Vec<String> = list.into_iter().take(VALUES).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    let joint = if verb.starts_with("is not") { " nor " } else { " or " };
    format!("{each}{key} {verb} {}{optional}", shown.join(joint))
}

/// Why a condition never holds for a service that acts for this account.
pub(super) fn never(never: &Never, own: &AccountId, service: &str) -> String {
    match never {
        Never::Contradiction(key) => format!("its tests of {} contradict each other", spelled(key)),
        Never::Denied(keys) => {
            let keys: Vec<&str> = keys.iter().map(|key| spelled(key)).collect();
            format!("a Deny on {} always does", keys.join(" and "))
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

/// Requests in words, those on one resource together: `a:B and a:C on R`.
pub(super) fn requests(witnesses: &[&Witness]) -> String {
    let mut by_resource: Vec<(&str, Vec<String>)> = Vec::new();
    for witness in witnesses {
        let Scope::Resource(resource) = &witness.scope else { continue };
        match by_resource.iter_mut().find(|(known, _)| known == resource) {
            Some((_, actions)) => actions.push(witness.action.clone()),
            None => by_resource.push((resource, vec![witness.action.clone()])),
        }
    }
    let phrases = by_resource.iter().map(|(resource, actions)| {
        let resource = if resource.is_empty() { "the empty resource" } else { resource };
        format!("{} on {resource}", list(actions))
    });
    list(&phrases.collect::<Vec<_>>())
}

/// `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
