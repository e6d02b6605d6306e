//! Does a condition let requests through for one account, or one organization, alone?

use super::condition::{Base, Condition, Over};
use super::facts::{Fact, Facts, fields};
use super::glob::{Glob, Token};
use super::holds::{Read, read};

impl Condition {
    /// Whether it holds only for requests made for this account, or for an account of this organization: one of its tests
    /// demands a source (`aws:SourceAccount`, `aws:SourceArn`, `aws:SourceOrgID`, `aws:SourceOrgPaths`) that no other has.
    ///
    /// `StringLike` crosses the colons of an ARN, so that a wildcard before the account field pins nothing.
    pub fn pins(&self, account: &str, organization: Option<&str>) -> bool {
        // Of the variables only those of the role itself pin anything: `${aws:SourceAccount}` is any caller's.
        let mut facts = Facts::default().with("aws:ResourceAccount", Fact::Is(account.to_owned()));
        if let Some(id) = organization {
            facts = facts.with("aws:ResourceOrgID", Fact::Is(id.to_owned()));
        }
        read(self, &facts).iter().any(|test| pins(test, account, organization))
    }
}

fn pins(test: &Read<'_>, account: &str, organization: Option<&str>) -> bool {
    let operator = &test.test.operator;
    // What holds without the key, or for other values than these, pins nothing.
    if operator.negated || operator.if_exists || operator.over == Over::All {
        return false;
    }
    let names = |value: &Glob| match (test.test.key.as_str(), operator.base) {
        (
            "aws:sourceaccount",
            Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike,
        ) => value.as_literal().as_deref() == Some(account),
        ("aws:sourcearn", Base::ArnLike) => account_field(value).as_deref() == Some(account),
        ("aws:sourcearn", Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike) => {
            let head = value.tokens().iter().map(|token| match token {
                Token::Char(c) => Some(*c),
                Token::One | Token::Many => None,
            });
            let head: String = head.map_while(|c| c).collect();
            head.matches(':').count() >= 5 && head.split(':').nth(4) == Some(account)
        }
        ("aws:sourceorgid", Base::StringEquals | Base::StringLike) => {
            organization.is_some() && value.as_literal().as_deref() == organization
        }
        ("aws:sourceorgpaths", Base::StringEquals | Base::StringLike) => {
            organization.is_some_and(|id| Glob::wild(&format!("{id}/*")).covers(value))
        }
        _ => false,
    };
    test.values.iter().all(|value| value.as_ref().is_some_and(names))
}

/// The fifth field of an ARN, where it is spelled out.
fn account_field(value: &Glob) -> Option<String> {
    match fields(value).as_slice() {
        [_, _, _, _, account, _] => account.as_literal(),
        _ => None,
    }
}
