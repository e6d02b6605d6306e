//! Findings: failed checks, for people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CheckName, Verdict, Witness};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Info,
    /// Works and is safe, but is not as it should be.
    Low,
    /// May not work, or is riskier than it should be.
    Medium,
    /// Does not work, or allows too much.
    High,
    /// Someone outside may take the role over.
    Critical,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The severity's name in configuration, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == s)
            .ok_or_else(|| "expected critical, high, medium, low or info".to_owned())
    }
}

/// Whether a text has the form of a finding's id: 16 hexadecimal digits.
pub fn is_finding_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A failed check: what is wrong, the proof, what was expected, and how to put it right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// A digest of the account, the check and what the finding is about: another excess has another id.
    pub id: String,
    /// The check that failed.
    pub check: CheckName,
    /// Its verdict.
    pub verdict: Verdict,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, printable.
    pub summary: String,
    /// Requests that prove it.
    pub witnesses: Vec<Witness>,
    /// What it should be: a policy document, a list, an attribute.
    pub expected: Value,
    /// What it is; a text where it is no JSON.
    pub actual: Value,
    /// A readable line diff: `-` is what the role has now, `+` is what the baseline says. Empty where there is nothing to compare.
    pub diff: String,
    /// AWS CLI commands that put it right, to be run with credentials of the account.
    pub fix: Vec<String>,
    /// When it was first seen; set by the store.
    pub first_seen: Option<Timestamp>,
    /// The exception that covers it, by id.
    pub exception: Option<String>,
}
