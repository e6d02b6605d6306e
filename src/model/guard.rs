//! What holds remediation back, beside configuration.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What holds remediation back over restarts. The default holds nothing back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Whether failures have stopped it.
    pub breaker: Breaker,
    /// Writes that failed since one last succeeded.
    pub failures_in_a_row: u32,
    /// Stopped by hand, or because the journal was lost.
    pub stopped: Option<Stopped>,
}

/// Whether failures have stopped remediation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// No.
    #[default]
    Closed,
    /// Yes, until it is reset by hand.
    Open {
        /// Since when.
        since: Timestamp,
        /// Why, printable.
        why: String,
    },
    /// It was reset: one account is tried, and decides.
    HalfOpen,
}

/// Who stopped remediation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// When.
    pub at: Timestamp,
    /// Who or what, printable.
    pub by: String,
}

impl Breaker {
    /// The name in JSON and on pages.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}
