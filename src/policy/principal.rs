//! Principals as texts the engine can compare: `{type}\0{value}`, so that "who" is one more set of globs.

use super::Context;
use super::glob::{Glob, Token};
use crate::model::{AccountId, Scope};

/// The types of principal.
pub(super) const KINDS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

const SEPARATOR: char = '\0';

/// Everyone, of every type: `{"AWS": "*"}`.
pub(super) fn everyone() -> Glob {
    Glob::new([Token::Many])
}

/// Every text that is a principal at all: one of the types and a value.
pub(super) fn universe() -> Vec<Glob> {
    KINDS.iter().map(|kind| prefixed(kind, &[Token::One, Token::Many])).collect()
}

/// What one value of one type stands for.
///
/// The only wildcard is the whole value `*`. An account, as its id or as its root's ARN, means the whole account: its
/// root and everyone in it (IAM User Guide, "AWS JSON policy elements: Principal").
pub(super) fn globs(kind: &str, value: &str, context: &Context) -> Vec<Glob> {
    if value == "*" {
        return vec![if kind == "AWS" {
            everyone()
        } else {
            prefixed(kind, &[Token::One, Token::Many])
        }];
    }
    match (kind, account_of(value, context)) {
        ("AWS", Some((partition, account))) => ["iam", "sts"]
            .map(|service| {
                let head: Vec<Token> = format!("arn:{partition}:{service}::{account}:")
                    .chars()
                    .map(Token::Char)
                    .collect();
                prefixed(kind, &[head.as_slice(), &[Token::One, Token::Many]].concat())
            })
            .to_vec(),
        _ => vec![Glob::literal(&format!("{kind}{SEPARATOR}{value}"))],
    }
}

/// The partition and number of the account a value names as a whole, if it does.
fn account_of<'v>(value: &'v str, context: &'v Context) -> Option<(&'v str, &'v str)> {
    let is_id = |text: &str| text.parse::<AccountId>().is_ok();
    if is_id(value) {
        return Some((context.partition.as_str(), value));
    }
    let (partition, rest) = value.strip_prefix("arn:")?.split_once(':')?;
    let account = rest.strip_prefix("iam::")?.strip_suffix(":root")?;
    is_id(account).then_some((partition, account))
}

fn prefixed(kind: &str, value: &[Token]) -> Glob {
    Glob::new(kind.chars().chain([SEPARATOR]).map(Token::Char).chain(value.iter().copied()))
}

/// The engine's text of a principal.
pub(super) fn encode(kind: &str, value: &str) -> String {
    format!("{kind}{SEPARATOR}{value}")
}

/// The principal behind an engine's text.
pub(super) fn decode(text: &str) -> Scope {
    let (kind, value) = text.split_once(SEPARATOR).unwrap_or(("AWS", text));
    Scope::Principal { kind: kind.to_owned(), value: value.to_owned() }
}
