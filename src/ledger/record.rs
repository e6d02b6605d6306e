//! The history of findings, as the store keeps it.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Resolution;
use crate::model::{AccountId, CheckName, Severity};

/// A finding's life, open or over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingRecord {
    /// Stable across sweeps for the same account, check and cause.
    pub id: String,
    /// Its account.
    pub account: AccountId,
    /// The check that failed.
    pub check: CheckName,
    /// How bad it was when last seen.
    pub severity: Severity,
    /// One sentence, printable.
    pub summary: String,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// When it stopped being open.
    pub closed_at: Option<Timestamp>,
    /// Why it is not open any more.
    #[serde(serialize_with = "resolution")]
    pub resolution: Option<Resolution>,
    /// Whether an exception covered it when it was last seen.
    pub excused: bool,
}

fn resolution<S: Serializer>(value: &Option<Resolution>, to: S) -> Result<S::Ok, S::Error> {
    value.map(Resolution::as_str).serialize(to)
}
