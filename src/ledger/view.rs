//! What the daemon knows, published whole: the metrics, the page and the API read this and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Ledger, RemediationView, Standpoint};
use crate::check::ExceptionState;
use crate::config::Config;
use crate::model::{
    AccountId, FindingCounts, Report, StateCounts, Summary, SweepInfo, UnknownReason,
};

/// Everything known at one moment.
#[derive(Debug, Clone)]
pub struct View {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Every known account.
    pub ledger: Ledger,
    /// The list of accounts.
    pub list: AccountList,
    /// The last sweeps, the newest first.
    pub sweeps: Arc<Vec<SweepRecord>>,
    /// End of the last sweep that tried every account of a fresh list.
    pub last_complete: Option<Timestamp>,
    /// Longest time from the start of one sweep to the next.
    pub interval: Duration,
    /// Age at which a judgement holds no more.
    pub stale_after: Duration,
    /// Why rolewarden cannot sweep just now, in words: no credentials, no list of accounts.
    pub trouble: Option<String>,
    /// Whether the last list lacked too many accounts, and what a person said to that.
    pub shrunken: Shrunken,
    /// How remediation stands.
    pub remediation: RemediationView,
}

/// A list of accounts that lacks too many of those that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shrunken {
    /// The last list was believed.
    #[default]
    No,
    /// It was not, and had these accounts. If the next one has the same it is believed: an accident hardly cuts two lists in
    /// a row at the same place.
    Refused(Arc<BTreeSet<AccountId>>),
    /// It was not, and a person said that it was right: the next that has these is believed.
    Accepted(Arc<BTreeSet<AccountId>>),
}

/// The list of accounts, as far as it can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountList {
    /// The organization's id (`o-…`), where it is known.
    pub organization: Option<String>,
    /// When a whole list was last had.
    pub refreshed_at: Option<Timestamp>,
    /// Why the last attempt brought none, and the one before stays in force.
    pub stale: Option<String>,
    /// Every account it had, those of other shards too; empty before the first since the start.
    pub ids: Arc<BTreeSet<AccountId>>,
    /// How many of them are selected.
    pub selected: usize,
}

/// One sweep, after it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// When and with what.
    #[serde(flatten)]
    pub info: SweepInfo,
    /// Why it ran.
    pub trigger: Trigger,
    /// How it ended.
    pub outcome: Outcome,
    /// Selected accounts by state, when it ended.
    pub states: StateCounts,
    /// Open findings by severity, when it ended.
    pub findings: FindingCounts,
    /// Accounts that could not be judged, by reason.
    pub unknown: BTreeMap<UnknownReason, usize>,
    /// Findings that opened.
    pub opened: usize,
    /// Findings that were resolved.
    pub resolved: usize,
}

/// Why a sweep ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The daemon started.
    Start,
    /// Its time had come.
    Schedule,
    /// Somebody asked for it.
    Request,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 3] = [Self::Start, Self::Schedule, Self::Request];

    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Schedule => "schedule",
            Self::Request => "request",
        }
    }
}

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every selected account was tried, and the list of accounts was fresh.
    Complete,
    /// Every selected account of an old list was tried.
    Partial,
    /// It did not begin: no credentials, no accounts.
    Failed,
    /// It was stopped.
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Partial, Self::Failed, Self::Cancelled];

    /// The name in metrics, the store and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl View {
    /// The newest sweep that ended, stored or new.
    pub fn newest(&self) -> Option<&SweepRecord> {
        let ended = |outcome| match outcome {
            Outcome::Complete | Outcome::Partial => true,
            Outcome::Failed | Outcome::Cancelled => false,
        };
        self.sweeps.iter().find(|sweep| ended(sweep.outcome))
    }

    /// From where its entries are looked at.
    pub fn at(&self, now: Timestamp) -> Standpoint<'_> {
        let today = TimeZone::UTC.to_datetime(now).date();
        let exceptions = self.config.exceptions.iter();
        let ended = exceptions.filter(|exception| {
            ExceptionState::on(today, exception.expires) == ExceptionState::Expired
        });
        Standpoint {
            now,
            stale_after: self.stale_after,
            rules: self.ledger.rules(),
            drift_severity: self.config.checks.drift_severity,
            ended: ended.map(|exception| exception.id.as_str()).collect(),
        }
    }

    /// Until when states and reports are as they are now, unless another view is published: the next judgement becomes too old,
    /// or a day ends and with it an exception.
    pub fn holds_until(&self, now: Timestamp) -> Timestamp {
        let tomorrow = TimeZone::UTC.to_datetime(now).date().tomorrow();
        let midnight = tomorrow.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)));
        let at = self.at(now);
        let changes = self.ledger.entries().filter_map(|entry| entry.changes_at(&at));
        changes.chain(midnight).min().unwrap_or(now)
    }

    /// Selected accounts by state now; their sum is the number of selected accounts.
    pub fn states(&self, now: Timestamp) -> StateCounts {
        let (at, mut counts) = (self.at(now), StateCounts::default());
        for entry in self.ledger.entries() {
            if let Some((state, _)) = entry.state(&at) {
                counts.add(state);
            }
        }
        counts
    }

    /// Open findings by severity: those of accounts that cannot be read now, too.
    pub fn open_findings(&self, now: Timestamp) -> FindingCounts {
        let (at, mut counts) = (self.at(now), FindingCounts::default());
        for entry in self.ledger.entries() {
            let findings = entry.findings(&at);
            let open = findings.iter().filter(|finding| finding.exception.is_none());
            open.for_each(|finding| counts.add(finding.severity));
        }
        counts
    }

    /// The report as it stands now: the newest sweep's, with every account's newest result, judgements that are too old
    /// turned to `unknown`. `None` before the first sweep.
    pub fn report(&self, now: Timestamp) -> Option<Report> {
        let mut sweep = self.newest()?.info.clone();
        // The newest may have been another part's, before a restart.
        sweep.shard = self.config.shard;
        let at = self.at(now);
        let accounts: Vec<_> = self.ledger.entries().map(|entry| entry.report(&at)).collect();
        let summary = Summary::of(&accounts);
        sweep.complete = sweep.complete && self.list.stale.is_none() && summary.states.unknown == 0;
        let unread = Vec::new();
        Some(Report { schema: Report::SCHEMA, sweep, summary, accounts, unread })
    }
}
