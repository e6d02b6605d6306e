//! What became of a finding.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{AccountId, Finding};

/// A finding that opened, came under an exception, or closed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was learned.
    pub at: Timestamp,
    /// The account.
    pub account: AccountId,
    /// The finding as last seen, with `first_seen`.
    pub finding: Finding,
    /// Whether it was there before and no exception covered it.
    pub was_open: bool,
    /// What it is now.
    pub change: Change,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is open: new, or no exception covers it any more.
    Opened,
    /// An exception covers it: from the start, or from now on.
    Excused,
    /// It is gone.
    Closed(Resolution),
}

/// Why a finding is not open any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// rolewarden put it right.
    Remediated,
    /// Somebody else did.
    External,
    /// An exception covers it.
    Exempt,
    /// Its account left the organization or the selection.
    AccountLeft,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 4] = [Self::Remediated, Self::External, Self::Exempt, Self::AccountLeft];

    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remediated => "remediated",
            Self::External => "external",
            Self::Exempt => "exempt",
            Self::AccountLeft => "account_left",
        }
    }
}

impl Event {
    /// Whether the finding is open since this event.
    pub fn is_opening(&self) -> bool {
        self.change == Change::Opened
    }

    /// How an open finding stopped being one; `None` where it was none, or still is.
    pub fn resolution(&self) -> Option<Resolution> {
        match self.change {
            Change::Closed(resolution) => Some(resolution),
            Change::Excused => Some(Resolution::Exempt),
            Change::Opened => None,
        }
        .filter(|_| self.was_open)
    }
}

/// Compares the findings of two judgements of one account and carries `first_seen` over. `gone` is why what is gone is.
pub(super) fn compare(
    account: &AccountId,
    before: &[Finding],
    now: &mut [Finding],
    at: Timestamp,
    gone: Resolution,
    events: &mut Vec<Event>,
) {
    let event = |finding: &Finding, was_open, change| Event {
        at,
        account: account.clone(),
        finding: finding.clone(),
        was_open,
        change,
    };
    for finding in now.iter_mut() {
        let known = before.iter().find(|known| known.id == finding.id);
        finding.first_seen = known.and_then(|known| known.first_seen).or(Some(at));
        let was = known.map(is_open);
        match (was, is_open(finding)) {
            (Some(true), true) | (Some(false), false) => {}
            (_, true) => events.push(event(finding, false, Change::Opened)),
            (_, false) => events.push(event(finding, was == Some(true), Change::Excused)),
        }
    }
    for finding in before.iter().filter(|known| !now.iter().any(|f| f.id == known.id)) {
        events.push(event(finding, is_open(finding), Change::Closed(gone)));
    }
}

/// No exception covers it.
fn is_open(finding: &Finding) -> bool {
    finding.exception.is_none()
}
