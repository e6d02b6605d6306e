//! Decisions in a role's documents, in words: Denies and conditions that the baseline lacks. No advice removes or
//! overwrites a document that holds one.

use serde_json::Value;

use super::{Case, words};
use crate::model::{ManagedPolicy, Role, condition_in_words, printable_line};
use crate::policy::{Decisions, Kind, Policy};

/// Actions or resources of one Deny that are told.
const NAMED: usize = 3;
/// Bytes of a name that are told.
const LONGEST: usize = 96;
/// AWS's own policy of full access: known to hold nothing but that, also where its document was not read.
const ADMINISTRATOR: &str = "AdministratorAccess";

/// The decisions in a document of the role. In one that cannot be parsed, whatever may be one counts.
pub(super) fn decisions(case: &Case<'_>, kind: Kind, text: &str) -> Decisions {
    let baseline = match kind {
        Kind::Trust => &case.baseline.trust,
        Kind::Identity => &case.baseline.inline,
    };
    match Policy::parse(kind, text, &case.context()) {
        Ok(policy) => policy.decisions(baseline),
        Err(_) => by_its_words(text),
    }
}

fn by_its_words(text: &str) -> Decisions {
    // As JSON once more, so that escapes hide nothing; what is no JSON is searched as it is.
    let text =
        serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |v| v.to_string());
    let text = text.to_ascii_lowercase();
    let escaped = text.contains("\\u");
    Decisions {
        deny: escaped || text.contains("deny"),
        condition: escaped || text.contains("condition"),
    }
}

/// Why no command removes or overwrites the document, as the end of a sentence; `None` where one may.
pub(super) fn left_to_people(decisions: Decisions) -> Option<&'static str> {
    match (decisions.deny, decisions.condition) {
        (true, true) => Some("left to people: it holds a Deny and a condition"),
        (true, false) => Some("left to people: it holds a Deny"),
        (false, true) => Some("left to people: it holds a condition"),
        (false, false) => None,
    }
}

/// As [`left_to_people`], for a managed policy, whose document may not have been read.
pub(super) fn managed_is_left(
    case: &Case<'_>,
    arn: &str,
    policy: &ManagedPolicy,
) -> Option<&'static str> {
    match &policy.document {
        Some(text) => left_to_people(decisions(case, Kind::Identity, text)),
        None if is_administrator(arn) => None,
        None => Some("left to people: it may hold a Deny"),
    }
}

/// AWS's AdministratorAccess, by its ARN.
pub(super) fn is_administrator(arn: &str) -> bool {
    let mut fields = arn.splitn(6, ':').skip(4);
    fields.next() == Some("aws")
        && fields.next().and_then(|rest| rest.strip_prefix("policy/")) == Some(ADMINISTRATOR)
}

/// Why no command deletes the role, as the end of a sentence; `None` where one may.
pub(super) fn role_is_left(case: &Case<'_>) -> Option<String> {
    let trust = left_to_people(decisions(case, Kind::Trust, &case.role.trust_policy));
    trust.map(|why| named("its trust policy", why)).or_else(|| policies_are_left(case))
}

/// The first of the role's inline and attached policies that no command may remove, and why.
pub(super) fn policies_are_left(case: &Case<'_>) -> Option<String> {
    let Role { inline, attached, .. } = case.role;
    let inline = inline.iter().filter_map(|(name, text)| {
        let why = left_to_people(decisions(case, Kind::Identity, text))?;
        Some(named(name, why))
    });
    let attached = attached
        .iter()
        .filter_map(|(arn, policy)| Some(named(&policy.name, managed_is_left(case, arn, policy)?)));
    inline.chain(attached).next()
}

/// The reason with the document's name in place of `it`.
pub(super) fn named(name: &str, why: &str) -> String {
    why.replacen(" it ", &format!(" {} ", printable_line(name, LONGEST)), 1)
}

/// What the Denies of a document do, as `denies every action: the role is quarantined`; `None` where it has none.
pub(super) fn denies(text: &str) -> Option<String> {
    let document: Value = serde_json::from_str(text).ok()?;
    let statements = match document.get("Statement")? {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_deny = |s: &&Value| s.get("Effect").and_then(Value::as_str) == Some("Deny");
    let mut denies: Vec<&Value> = statements.iter().filter(is_deny).collect();
    // The widest first: the others add little to it.
    denies.sort_by_key(|deny| !takes_everything(deny));
    let (first, rest) = denies.split_first()?;
    let more = match rest.len() {
        0 => String::new(),
        1 => ", and 1 more Deny".to_owned(),
        more => format!(", and {more} more Denies"),
    };
    Some(format!("{}{more}", one(first)))
}

fn is_all(value: Option<&Value>) -> bool {
    let all = |value: &Value| value.as_str().is_some_and(|text| text == "*" || text == "*:*");
    match value {
        Some(Value::Array(list)) => list.iter().any(all),
        Some(one) => all(one),
        None => false,
    }
}

fn takes_everything(deny: &Value) -> bool {
    is_all(deny.get("Action")) && is_all(deny.get("Resource"))
}

fn one(deny: &Value) -> String {
    let condition =
        deny.get("Condition").filter(|block| block.as_object().is_some_and(|b| !b.is_empty()));
    let everything = takes_everything(deny);
    match condition {
        None if everything => "denies every action: the role is quarantined".to_owned(),
        Some(block) if everything => match revoked(block) {
            Some(time) => {
                format!("denies everything to sessions issued before {time}: sessions were revoked")
            }
            None => format!("denies every action if {}", condition_in_words(block)),
        },
        _ => {
            let given = condition.map(|block| format!(" if {}", condition_in_words(block)));
            format!("denies {} on {}{}", actions(deny), resources(deny), given.unwrap_or_default())
        }
    }
}

/// The time of the console's "Revoke active sessions", if the condition is that and nothing else.
fn revoked(block: &Value) -> Option<String> {
    let block = block.as_object().filter(|block| block.len() == 1)?;
    let keys = block.get("DateLessThan")?.as_object().filter(|keys| keys.len() == 1)?;
    let (key, time) = keys.iter().next()?;
    let time = match time {
        Value::Array(list) => list.first()?,
        one => one,
    };
    key.eq_ignore_ascii_case("aws:TokenIssueTime")
        .then(|| time.as_str().map(|time| printable_line(time, LONGEST)))
        .flatten()
}

fn actions(deny: &Value) -> String {
    match (deny.get("Action"), deny.get("NotAction")) {
        (all, _) if is_all(all) => "every action".to_owned(),
        (Some(some), _) => listed(some),
        (None, Some(but)) => format!("every action but {}", listed(but)),
        (None, None) => "actions".to_owned(),
    }
}

fn resources(deny: &Value) -> String {
    match (deny.get("Resource"), deny.get("NotResource")) {
        (all, _) if is_all(all) => "every resource".to_owned(),
        (Some(some), _) => listed(some),
        (None, Some(but)) => format!("every resource but {}", listed(but)),
        (None, None) => "resources".to_owned(),
    }
}

fn listed(value: &Value) -> String {
    let text = |value: &Value| value.as_str().map(|text| printable_line(text, LONGEST));
    let all: Vec<String> = match value {
        Value::Array(list) => list.iter().filter_map(text).collect(),
        one => text(one).into_iter().collect(),
    };
    words::first(&all, NAMED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deny_is_told_by_what_it_does() {
        let cases = [
            (
                r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#,
                Some("denies every action: the role is quarantined"),
            ),
            (
                r#"{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-29T03:12:00.000Z"}}}"#,
                Some(
                    "denies everything to sessions issued before 2026-11-29T03:12:00.000Z: sessions were revoked",
                ),
            ),
            (
                r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
                Some("denies every action if aws:SecureTransport is false"),
            ),
            (
                r#"[{"Effect":"Allow","Action":"a:b","Resource":"*"},{"Effect":"Deny","Action":["a:b","a:c","a:d","a:e"],"Resource":"arn:x"}]"#,
                Some("denies a:b, a:c, a:d and 1 more on arn:x"),
            ),
            (
                r#"[{"Effect":"Deny","NotAction":"iam:*","NotResource":"r"},{"Effect":"Deny","Action":"*","Resource":"*"}]"#,
                Some("denies every action: the role is quarantined, and 1 more Deny"),
            ),
            (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, None),
        ];
        for (statement, want) in cases {
            let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
            assert_eq!(denies(&text).as_deref(), want, "case {statement}");
        }
        assert_eq!(denies("no JSON"), None);
    }

    #[test]
    fn what_cannot_be_parsed_may_hold_a_decision() {
        let cases = [
            ("{", false, false),
            (r#"{"Statement":[{"Effect":"Deny""#, true, false),
            (r#"{"Effect":"\u0044eny"}"#, true, false),
            (r#"{"Statement":{"Effect":"Allow","condition":{}}}"#, false, true),
            (r#"{"\u0043ondition""#, true, true),
        ];
        for (text, deny, condition) in cases {
            assert_eq!(by_its_words(text), Decisions { deny, condition }, "case {text}");
        }
    }

    #[test]
    fn only_the_policy_of_aws_is_known_by_its_arn() {
        for (arn, want) in [
            ("arn:aws:iam::aws:policy/AdministratorAccess", true),
            ("arn:aws-cn:iam::aws:policy/AdministratorAccess", true),
            ("arn:aws:iam::111122223333:policy/AdministratorAccess", false),
            ("arn:aws:iam::aws:policy/AdministratorAccess-Amplify", false),
            ("arn:aws:iam::aws:policy/job-function/AdministratorAccess", false),
        ] {
            assert_eq!(is_administrator(arn), want, "case {arn}");
        }
    }
}
