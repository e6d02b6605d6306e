//! Puts drift right: approved plans become writes, each written down before it is sent and again when it is known what
//! became of it.
//!
//! One account after the other, and one write at a time. The first account that is changed is the canary: it is verified
//! before the next one is touched. Then come five, then the rest; a failure among these six ends the run. For each account
//! every step is in the journal, durably, before the first is sent. For each step:
//!
//! 1. The remediation role is assumed for this one call.
//! 2. The role is read, and must be to the byte what the plan saw and the steps before it left.
//! 3. Nothing may hold remediation back: see [`Held`].
//! 4. The step is journaled as sent, and sent. What was read may be five seconds old at most.
//! 5. Reads tell what became of it, until two in a row agree. A write whose answer was lost is never sent again blindly.
//!
//! A crash leaves at most one step in the journal that may have been sent; [`Engine::recover`] reads what became of it.

mod account;
mod breaker;
mod confirm;
pub mod crash;
mod effect;
mod journal;
mod recover;
mod redo;
mod report;
mod rest;
mod rollback;
mod run;
mod step;
mod unwind;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::check::Rules;
use crate::config::Remediation;
use crate::ledger::Breaker;
use crate::model::{Account, AccountId, Action, Change, StepOutcome};

pub use account::not_done;
pub use journal::Journal;
pub use recover::Recovered;
pub use report::{AccountRun, Outcome, RunReport, RunSummary, StepRun};
pub use rest::{Rest, rest};
pub use rollback::{CannotUndo, Undo, UndoAccount};
pub use unwind::UndoStep;

/// Told of what is done, for logs and metrics.
pub trait Observer: Send + Sync {
    /// A step ended.
    fn step(&self, account: &AccountId, action: Action, outcome: StepOutcome) {
        let _ = (account, action, outcome);
    }

    /// The breaker opened.
    fn breaker_opened(&self, why: &str) {
        let _ = why;
    }
}

/// Nobody is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// What a run is done with.
pub struct Engine<A, J> {
    /// Reads and writes roles.
    pub aws: Arc<A>,
    /// Where changes are written down.
    pub journal: Arc<J>,
    /// What each plan is made from once more, right before its first write.
    pub rules: Arc<Rules>,
    /// The accounts that may be written to: all that are in the list and not left out.
    pub accounts: BTreeMap<AccountId, Account>,
    /// What may be done, and how fast.
    pub remediation: Remediation,
    /// The ARN of the base credentials.
    pub caller: String,
    /// The time now.
    pub clock: fn() -> Timestamp,
    /// Stops a run after the write in progress.
    pub cancel: CancellationToken,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// When the next write may be sent; one write at a time.
    pub turn: Arc<Mutex<Option<Instant>>>,
}

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// The kill switch.
    #[error("the kill switch `{}` exists: delete the file to go on", .0.display())]
    KillSwitch(PathBuf),
    /// Stopped by hand, or because the journal was lost.
    #[error("remediation was stopped at {at} by {by}: resume it first")]
    Stopped {
        /// When.
        at: Timestamp,
        /// Who or what.
        by: String,
    },
    /// Too many changes failed.
    #[error(
        "the breaker is open since {since}: {why}; find out why, then reset it: one account is tried first"
    )]
    BreakerOpen {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
    /// The journal cannot be written or read.
    #[error("the journal does not work, and nothing is written without it: {0}")]
    Journal(String),
    /// A signal, or the end of the daemon.
    #[error("stopped before it was done")]
    Cancelled,
    /// AWS's clock and this machine's disagree.
    #[error(
        "the clocks disagree, so the journal's times would be wrong: {0}; set this machine's clock by NTP"
    )]
    Clock(String),
    /// A failure in the first accounts of a run.
    #[error(
        "the run ended with the failure in account {0}: the first six accounts must all succeed"
    )]
    EarlyFailure(AccountId),
}

impl<A, J: Journal> Engine<A, J> {
    /// What holds remediation back now, if anything does.
    ///
    /// # Errors
    /// Why nothing is written.
    pub fn held(&self) -> Result<(), Held> {
        self.held_from_putting_back()?;
        let guard = self.journal.guard();
        if let Some(stopped) = guard.stopped {
            return Err(Held::Stopped { at: stopped.at, by: stopped.by });
        }
        match guard.breaker {
            Breaker::Open { since, why } => Err(Held::BreakerOpen { since, why }),
            Breaker::Closed | Breaker::HalfOpen => Ok(()),
        }
    }

    /// As [`Engine::held`], for a person who puts things back. That remediation was stopped by hand, or by its breaker, is a
    /// reason for that and none against it.
    ///
    /// # Errors
    /// Why nothing is written.
    pub fn held_from_putting_back(&self) -> Result<(), Held> {
        if self.cancel.is_cancelled() {
            return Err(Held::Cancelled);
        }
        // A switch that cannot be looked at counts as thrown.
        match &self.remediation.kill_switch {
            Some(path) if path.try_exists().unwrap_or(true) => Err(Held::KillSwitch(path.clone())),
            _ => Ok(()),
        }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Writes changes down; they are on the disk when this returns.
    async fn record(&self, changes: Vec<Change>) -> Result<(), Held> {
        let journal = Arc::clone(&self.journal);
        let written = tokio::task::spawn_blocking(move || journal.record(&changes)).await;
        written.unwrap_or_else(|error| Err(error.to_string())).map_err(Held::Journal)
    }
}
