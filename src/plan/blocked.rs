//! Why nothing is written: one set of reasons, with one wording for the terminal, the API, the page, metrics and the log.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::config::RemediationMode;
use crate::model::{AccountId, SkipReason};

/// Why nothing is written: anywhere, or in one account. Says what blocks, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// The configuration does not ask for writes.
    #[error(
        "remediation.mode is {}: set it to apply in the configuration to allow writes",
        .0.as_str()
    )]
    Mode(RemediationMode),
    /// The kill switch, in words.
    #[error("{0}")]
    KillSwitch(String),
    /// A person stopped it, or the journal was lost.
    #[error("remediation was stopped at {at} by {by}: resume it first")]
    Stopped {
        /// When.
        at: Timestamp,
        /// By whom, or what.
        by: String,
    },
    /// Too many changes failed.
    #[error(
        "the breaker is open (since {since}): {why}; find the cause, then reset it: the next run tries one account"
    )]
    BreakerOpen {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
    /// Changes cannot be written down.
    #[error("the journal does not work, and nothing is written without it: {0}")]
    Journal(String),
    /// Times in the journal would be wrong.
    #[error("this machine's clock and AWS's disagree ({0}): set this machine's clock by NTP")]
    Clock(String),
    /// Accounts may have joined or left.
    #[error("the list of accounts is out of date: {0}; it must be listed again first")]
    StaleList(String),
    /// Too little is known.
    #[error(
        "{unknown} of {selected} accounts are unknown, more than {limit} % (remediation.max_unknown_percent): find out why they cannot be read"
    )]
    TooManyUnknown {
        /// How many.
        unknown: usize,
        /// Of how many.
        selected: usize,
        /// Percent.
        limit: u32,
    },
    /// No code was given.
    #[error(
        "remediation is not armed: review what `rolewarden plan` prints, then pass the code it ends with (--arm CODE, or ROLEWARDEN_ARM)"
    )]
    NotArmed,
    /// A code was given that does not fit. The one that would fit is not told: it stands under the plan that was reviewed.
    #[error(
        "the code `{0}` does not fit: it is of another plan, another organization, another baseline or other actions; run `rolewarden plan`, review it, and pass the code it ends with"
    )]
    WrongCode(String),
    /// The plan was made for something else.
    #[error("the plan was made with another {0} than is in force: run `rolewarden plan` again")]
    Moved(&'static str),
    /// The plan is of another part of the organization.
    #[error(
        "the plan is for {planned}, and this is {here}: pass the same --shard and --total-shards as to `rolewarden plan`"
    )]
    OtherShard {
        /// What the plan is for.
        planned: String,
        /// What this process is for.
        here: String,
    },
    /// The plan is old, or from the future.
    #[error(
        "the plan was made at {0}, which is not within the last 24 hours: run `rolewarden plan` again"
    )]
    Age(Timestamp),
    /// A limit allows no account at all.
    #[error("remediation.{0} is 0: no account may be changed")]
    Zero(&'static str),
    /// A signal, or the end of the daemon.
    #[error("stopped by a signal; the write in progress was finished first")]
    Cancelled,
    /// Another configuration came into force during the run.
    #[error(
        "the configuration was reloaded during the run: the run ended after the write in progress, and the next one follows the new configuration"
    )]
    Reloaded,
    /// One of the first accounts of a run failed.
    #[error(
        "account {0} failed, and the first six accounts of a run must all succeed: the run ended"
    )]
    EarlyFailure(AccountId),

    /// The account is not in the list.
    #[error("it is not among the accounts of the organization")]
    Gone,
    /// The account is not scanned.
    #[error("it is skipped: {}", .0.as_str())]
    Skipped(SkipReason),
    /// Configuration excludes it.
    #[error("remediation.exclude names it")]
    Excluded,
    /// Configuration includes others.
    #[error("remediation.include does not name it")]
    NotIncluded,
    /// A change of an earlier run is still open.
    #[error(
        "an earlier change of this account is still open: the next start reads first what became of it"
    )]
    Unfinished,
    /// Its last change was not seen to take effect.
    #[error("its last change was not seen to take effect: it rests until {0}")]
    Unverified(Timestamp),
    /// AWS refused its last changes: how many in a row.
    #[error("AWS refused its last {}: it rests until {}", changes(*.0), .1)]
    Refused(u32, Timestamp),
    /// It is remediated again and again.
    #[error(
        "remediated {0} times within 24 h and reverted each time: find the other writer in CloudTrail; it rests until {1}"
    )]
    Flapping(u32, Timestamp),
    /// A finding is too fresh.
    #[error("its newest finding waits for remediation.grace: it is remediated after {0}")]
    Grace(Timestamp),
    /// The run has changed as many accounts as it may.
    #[error(
        "this run changes at most {} (remediation.max_accounts, remediation.max_percent): the next run goes on here",
        accounts(*.0)
    )]
    Limit(usize),
    /// The breaker was reset, and one account decides.
    #[error("the breaker was just reset: this run tries one account only")]
    Trial,
}

fn changes(count: u32) -> String {
    if count == 1 { "change".to_owned() } else { format!("{count} changes") }
}

fn accounts(count: usize) -> String {
    if count == 1 { "1 account".to_owned() } else { format!("{count} accounts") }
}

impl Blocked {
    /// Reasons that block one account, by their words.
    pub const OF_ACCOUNTS: [&'static str; 11] = [
        "gone",
        "skipped",
        "excluded",
        "not_included",
        "unfinished",
        "unverified",
        "refused",
        "flapping",
        "grace",
        "limit",
        "trial",
    ];

    /// Reasons that block everything, by their words.
    pub const OF_EVERYTHING: [&'static str; 17] = [
        "mode",
        "kill_switch",
        "stopped",
        "breaker_open",
        "journal",
        "clock",
        "stale_list",
        "too_many_unknown",
        "not_armed",
        "wrong_code",
        "moved",
        "other_shard",
        "age",
        "zero",
        "cancelled",
        "reloaded",
        "early_failure",
    ];

    /// The reason in JSON and metrics: a word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Mode(_) => "mode",
            Self::KillSwitch(_) => "kill_switch",
            Self::Stopped { .. } => "stopped",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Journal(_) => "journal",
            Self::Clock(_) => "clock",
            Self::StaleList(_) => "stale_list",
            Self::TooManyUnknown { .. } => "too_many_unknown",
            Self::NotArmed => "not_armed",
            Self::WrongCode(_) => "wrong_code",
            Self::Moved(_) => "moved",
            Self::OtherShard { .. } => "other_shard",
            Self::Age(_) => "age",
            Self::Zero(_) => "zero",
            Self::Cancelled => "cancelled",
            Self::Reloaded => "reloaded",
            Self::EarlyFailure(_) => "early_failure",
            Self::Gone => "gone",
            Self::Skipped(_) => "skipped",
            Self::Excluded => "excluded",
            Self::NotIncluded => "not_included",
            Self::Unfinished => "unfinished",
            Self::Unverified(_) => "unverified",
            Self::Refused(..) => "refused",
            Self::Flapping(..) => "flapping",
            Self::Grace(_) => "grace",
            Self::Limit(_) => "limit",
            Self::Trial => "trial",
        }
    }

    /// When it stops blocking by itself, where that is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Unverified(until)
            | Self::Refused(_, until)
            | Self::Flapping(_, until)
            | Self::Grace(until) => Some(*until),
            Self::Mode(_)
            | Self::KillSwitch(_)
            | Self::Stopped { .. }
            | Self::BreakerOpen { .. }
            | Self::Journal(_)
            | Self::Clock(_)
            | Self::StaleList(_)
            | Self::TooManyUnknown { .. }
            | Self::NotArmed
            | Self::WrongCode(_)
            | Self::Moved(_)
            | Self::OtherShard { .. }
            | Self::Age(_)
            | Self::Zero(_)
            | Self::Cancelled
            | Self::Reloaded
            | Self::EarlyFailure(_)
            | Self::Gone
            | Self::Skipped(_)
            | Self::Excluded
            | Self::NotIncluded
            | Self::Unfinished
            | Self::Limit(_)
            | Self::Trial => None,
        }
    }
}

/// As its sentence.
impl Serialize for Blocked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
