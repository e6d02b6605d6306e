//! Decisions in a role's documents, in words: Denies and conditions that the baseline lacks. No advice removes or
//! overwrites a document that holds one, and no plan does unless the configuration names it.

use serde_json::{Value, json};

use super::{Case, words};
use crate::model::{ManagedPolicy, Role, condition_in_words, printable_line};
use crate::policy::{Decisions, Kind, Policy};

/// Actions or resources of one Deny that are told.
const NAMED: usize = 3;
/// Bytes of a name that are told.
const LONGEST: usize = 96;
/// AWS's own policy of full access: known to hold nothing but that, also where its document was not read.
const ADMINISTRATOR: &str = "AdministratorAccess";

/// A document of a role with the decisions it holds: what a write to it would undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Never none.
    pub(crate) decisions: Decisions,
    /// The document and its decisions: `the trust policy holds a Deny (statement 2 denies …)`.
    pub(crate) found: String,
}

/// The document with its decisions; `None` where it holds none. `name`: `the trust policy`.
pub(super) fn in_document(case: &Case<'_>, kind: Kind, name: &str, text: &str) -> Option<Decided> {
    let decisions = decisions(case, kind, text);
    let said = statements(text).and_then(|document| {
        let said = document.iter().enumerate().filter_map(|(at, statement)| {
            let words = in_statement(case, kind, statement)?;
            let sid = statement.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
            let sid = sid.map(|sid| format!(" ({})", printable_line(sid, LONGEST)));
            Some(format!("statement {}{} {words}", at + 1, sid.unwrap_or_default()))
        });
        Some(said.collect::<Vec<_>>()).filter(|said| !said.is_empty())
    });
    let said = said.map_or_else(
        || "the document is not well-formed, and its text holds the word".to_owned(),
        |said| first_of(&said),
    );
    what(decisions)
        .map(|what| Decided { decisions, found: format!("{name} holds {what} ({said})") })
}

/// A managed policy or a boundary with its decisions. One whose document was not read may hold any.
pub(super) fn in_managed(
    case: &Case<'_>,
    name: &str,
    arn: &str,
    policy: &ManagedPolicy,
) -> Option<Decided> {
    match &policy.document {
        Some(text) => in_document(case, Kind::Identity, name, text),
        None if is_administrator(arn) => None,
        None => Some(Decided {
            decisions: Decisions { deny: true, condition: true },
            found: format!(
                "{name} may hold a Deny or a condition (rolewarden did not read its document)"
            ),
        }),
    }
}

fn what(decisions: Decisions) -> Option<&'static str> {
    match (decisions.deny, decisions.condition) {
        (true, true) => Some("a Deny and a condition"),
        (true, false) => Some("a Deny"),
        (false, true) => Some("a condition"),
        (false, false) => None,
    }
}

fn first_of(said: &[String]) -> String {
    let mut shown: Vec<String> = said.iter().take(NAMED).cloned().collect();
    if let more @ 1.. = said.len().saturating_sub(NAMED) {
        shown.push(format!("{more} more"));
    }
    shown.join("; ")
}

/// The statements of a document, also of one that is not strict; `None` where it is no JSON or has none.
fn statements(text: &str) -> Option<Vec<Value>> {
    let document: Value = serde_json::from_str(text).ok()?;
    Some(match document.get("Statement")? {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    })
}

/// The decision in one statement, in words; `None` where it holds none.
fn in_statement(case: &Case<'_>, kind: Kind, statement: &Value) -> Option<String> {
    let alone = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let decisions = decisions(case, kind, &alone);
    let block = statement.get("Condition").filter(|_| decisions.condition);
    let given = || block.map_or("a condition holds".to_owned(), condition_in_words);
    match (decisions.deny, decisions.condition, kind) {
        (true, _, Kind::Identity) => Some(one(statement)),
        (true, _, Kind::Trust) => Some(refuses(statement)),
        (false, true, _) => Some(format!("allows {} only if {}", actions(statement), given())),
        (false, false, _) => None,
    }
}

/// A Deny of a trust policy.
fn refuses(deny: &Value) -> String {
    let who = match (deny.get("Principal"), deny.get("NotPrincipal")) {
        (Some(named), _) => principals(named),
        (None, Some(but)) => format!("everyone but {}", principals(but)),
        (None, None) => "some principals".to_owned(),
    };
    let given = condition(deny).map(|block| format!(" if {}", condition_in_words(block)));
    format!("denies {} to {who}{}", actions(deny), given.unwrap_or_default())
}

fn principals(value: &Value) -> String {
    match value {
        Value::Object(members) if is_all(members.get("AWS")) => "everyone".to_owned(),
        Value::Object(members) => {
            let lists = members.values().map(listed);
            lists.collect::<Vec<_>>().join(" and ")
        }
        one if is_all(Some(one)) => "everyone".to_owned(),
        other => listed(other),
    }
}

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
    // Not as parsed JSON: a parser keeps one of several members of a name, and the Deny may be in another.
    let text = unescaped(text).to_ascii_lowercase();
    let escaped = text.contains("\\u");
    Decisions {
        deny: escaped || text.contains("deny"),
        condition: escaped || text.contains("condition"),
    }
}

/// The text with its `\uXXXX` escapes read, so that they hide nothing. One that is cut or no character stays.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match (code.and_then(char::from_u32), part.get(4..)) {
            (Some(c), Some(rest)) => {
                out.push(c);
                out.push_str(rest);
            }
            _ => {
                out.push_str("\\u");
                out.push_str(part);
            }
        }
    }
    out
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
    let statements = statements(text)?;
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

fn condition(statement: &Value) -> Option<&Value> {
    let block = statement.get("Condition");
    block.filter(|block| block.as_object().is_some_and(|block| !block.is_empty()))
}

fn one(deny: &Value) -> String {
    let condition = condition(deny);
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
            (r#"{"\u0043ondition""#, false, true),
            (r#"{"Effect":"Deny","Effect":"Allow"}"#, true, false),
            (r#"{"Effect":"\u0044eny","Effect":"Allow"}"#, true, false),
            (r#"{"Effect":"\u00"#, true, true),
            (r#"{"Effect":"\ud844"}"#, true, true),
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
