//! What became of a finding.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{AccountId, AccountState, CheckName, CheckResults, Finding, Verdict};

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
    /// Another finding of the same check took its place: the drift goes on, and keeps its age.
    Changed,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 5] =
        [Self::Remediated, Self::External, Self::Exempt, Self::AccountLeft, Self::Changed];

    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remediated => "remediated",
            Self::External => "external",
            Self::Exempt => "exempt",
            Self::AccountLeft => "account_left",
            Self::Changed => "changed",
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

/// Since when checks have been drifting: the age of an account's drift, whichever findings it consists of.
pub(super) type Ages = BTreeMap<CheckName, Timestamp>;

/// What the judgement before this one left.
pub(super) struct Before<'a> {
    pub(super) findings: &'a [Finding],
    /// Of checks that drifted when they were last judged, and were not judged since.
    pub(super) ages: &'a Ages,
}

/// A new judgement.
pub(super) struct Now<'a> {
    pub(super) at: Timestamp,
    pub(super) state: AccountState,
    pub(super) checks: &'a CheckResults,
    pub(super) findings: &'a mut [Finding],
}

/// Compares the findings of two judgements of one account and carries `first_seen` over. `gone` is why what is gone is.
///
/// A finding's id changes with whatever the role allows, so that drift which changes is another finding. Its age must not
/// start over: an overdue drift would never be overdue if it changed often enough. So a new open finding is as old as the
/// oldest open one of its check before it. Gives the ages of the checks that this judgement does not speak of.
pub(super) fn compare(
    account: &AccountId,
    before: &Before<'_>,
    now: &mut Now<'_>,
    gone: Resolution,
    events: &mut Vec<Event>,
) -> Ages {
    let at = now.at;
    let event = |finding: &Finding, was_open, change| Event {
        at,
        account: account.clone(),
        finding: finding.clone(),
        was_open,
        change,
    };
    let ages = before.drifting();
    let mut changed = BTreeSet::new();
    for finding in now.findings.iter_mut() {
        let known = before.findings.iter().find(|known| known.id == finding.id);
        let was = known.map(is_open);
        let opens = is_open(finding) && was != Some(true);
        let since = ages.get(&finding.check).copied().filter(|_| opens);
        let seen = known.and_then(|known| known.first_seen);
        finding.first_seen = seen.into_iter().chain(since).min().or(Some(at));
        match (was, is_open(finding)) {
            (Some(true), true) | (Some(false), false) => {}
            (_, true) => {
                changed.insert(finding.check);
                events.push(event(finding, false, Change::Opened));
            }
            (_, false) => events.push(event(finding, was == Some(true), Change::Excused)),
        }
    }
    let stays = |known: &Finding| now.findings.iter().any(|finding| finding.id == known.id);
    for finding in before.findings.iter().filter(|known| !stays(known)) {
        let goes_on = is_open(finding) && changed.contains(&finding.check);
        let gone = if goes_on { Resolution::Changed } else { gone };
        events.push(event(finding, is_open(finding), Change::Closed(gone)));
    }
    now.not_judged(ages)
}

impl Before<'_> {
    /// Since when each check has been drifting, as far as is known.
    fn drifting(&self) -> Ages {
        let mut ages = self.ages.clone();
        for finding in self.findings.iter().filter(|finding| is_open(finding)) {
            if let Some(seen) = finding.first_seen {
                ages.entry(finding.check).and_modify(|age| *age = seen.min(*age)).or_insert(seen);
            }
        }
        ages
    }
}

impl Now<'_> {
    /// Of these ages those of checks that this judgement neither found drifting nor passed: the role is gone, say, and its
    /// policies with it. An account that did not drift has nothing left that could be old.
    fn not_judged(&self, mut ages: Ages) -> Ages {
        let drifts = |check| self.findings.iter().any(|f| f.check == check && is_open(f));
        let passed = |check: &CheckName| {
            self.checks.get(check).is_some_and(|result| result.verdict != Verdict::Undecided)
        };
        let drifted = self.state == AccountState::Drifted;
        ages.retain(|check, _| drifted && !drifts(*check) && !passed(check));
        ages
    }
}

/// No exception covers it.
fn is_open(finding: &Finding) -> bool {
    finding.exception.is_none()
}
