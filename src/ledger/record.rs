//! The history of findings, as the store keeps it.

use jiff::Timestamp;
use serde::Serialize;

use super::Resolution;
use crate::model::{AccountId, CheckName, Severity};

/// A finding from when it was first seen to when it was gone. One that comes back later is another record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingRecord {
    /// The account.
    pub account: AccountId,
    /// Stable across sweeps for the same account, check and cause.
    pub id: String,
    /// The check that failed.
    pub check: CheckName,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence; hostile text, shown escaped.
    pub summary: String,
    /// The judgement that first had it.
    pub first_seen: Timestamp,
    /// The last judgement that had it.
    pub last_seen: Timestamp,
    /// When it was gone.
    pub closed_at: Option<Timestamp>,
    /// Why it is gone; there exactly when `closed_at` is.
    pub resolution: Option<Resolution>,
    /// The exception that covers it, or covered it to the end.
    pub exception: Option<String>,
}
