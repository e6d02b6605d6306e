//! Accounts of an organization.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An AWS account number: exactly 12 ASCII digits. Text, so leading zeros survive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountId(String);

/// The text is not an account number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an account id: expected exactly 12 digits")]
pub struct InvalidAccountId(pub String);

impl AccountId {
    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(s.to_owned()))
        } else {
            Err(InvalidAccountId(super::printable_line(s, 64)))
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One account as the organization (or the configured list) names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The account number.
    pub id: AccountId,
    /// Its name; hostile text, shown escaped. Empty when only the number is known.
    pub name: String,
    /// Names of the organizational units above it and its own, as `/prod/payments`; `/` when not known.
    pub path: String,
    /// Ids of the root and the organizational units above it, from the top; empty when not known.
    pub units: Vec<String>,
    /// Its tags; read only where a selector or an exception asks for them, else empty.
    pub tags: BTreeMap<String, String>,
    /// Why it is left out of the sweep, if it is.
    pub skip: Option<SkipReason>,
    /// The list has it twice, and not the same: nothing can be said of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contradicted: bool,
}

impl Account {
    /// An account of which only the number is known.
    pub fn numbered(id: AccountId) -> Self {
        let (units, tags) = (Vec::new(), BTreeMap::new());
        let (path, skip, contradicted) = ("/".to_owned(), None, false);
        Self { id, name: String::new(), path, units, tags, skip, contradicted }
    }
}

/// Why an account is in no state: left out on purpose, which says nothing about compliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Organizations says SUSPENDED.
    Suspended,
    /// Organizations says PENDING_CLOSURE.
    PendingClosure,
    /// Organizations says PENDING_ACTIVATION.
    PendingActivation,
    /// Organizations says CLOSED.
    Closed,
    /// The configuration or a flag leaves it out.
    Excluded,
    /// The management account, which the configuration skips.
    Management,
}

impl SkipReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Suspended,
        Self::PendingClosure,
        Self::PendingActivation,
        Self::Closed,
        Self::Excluded,
        Self::Management,
    ];

    /// The closed set, as reports and metrics print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::PendingClosure => "pending_closure",
            Self::PendingActivation => "pending_activation",
            Self::Closed => "closed",
            Self::Excluded => "excluded",
            Self::Management => "management",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_exactly_twelve_digits() {
        let cases = [
            ("000000000001", true),
            ("111122223333", true),
            ("11112222333", false),
            ("1111222233334", false),
            ("11112222333a", false),
            ("١١١١٢٢٢٢٣٣٣٣", false),
            ("", false),
        ];
        for (text, want) in cases {
            assert_eq!(text.parse::<AccountId>().is_ok(), want, "case `{text}`");
        }
    }
}
