//! Witnesses in words a person reads at once.

use crate::model::{AccountId, Scope, Witness};

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
