//! Puts drift right: approved plans become writes, each written down before it is sent and again when it is known what
//! became of it.
//!
//! One account after the other, and one write at a time. The first account that is changed is the canary: it is verified
//! before the next one is touched. Then come five, then the rest; a failure among these six ends the run. For each account
//! every step is in the journal, durably, before the first is sent. For each step:
//!
//! 1. The remediation role is assumed for this one call.
//! 2. The role is read, and must be to the byte what the plan saw and the steps before it left.
//! 3. Nothing may block writes: see [`Blocked`].
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
pub mod kill_switch;
mod recover;
mod redo;
mod report;
mod rollback;
mod run;
mod step;
mod unwind;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::check::Rules;
use crate::config::Remediation;
use crate::model::{Account, AccountId, Action, Change, StepOutcome};
use crate::plan::{Blocked, gate};

pub use journal::Journal;
pub use recover::Recovered;
pub use report::{AccountRun, Outcome, RunReport, RunSummary, StepRun};
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
    /// Every account of the list. The gate tells which of them may be written to.
    pub accounts: BTreeMap<AccountId, Account>,
    /// What may be done, and how fast.
    pub remediation: Remediation,
    /// The ARN of the base credentials.
    pub caller: String,
    /// The time now.
    pub clock: fn() -> Timestamp,
    /// Stops a run after the write in progress: the process is about to end.
    pub cancel: CancellationToken,
    /// Ends a run after the write in progress, because another configuration is in force. The write is followed up in full.
    pub reloaded: CancellationToken,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
    /// When the next write may be sent; one write at a time.
    pub turn: Arc<Mutex<Option<Instant>>>,
}

impl<A, J: Journal> Engine<A, J> {
    /// Whether anything blocks writes now that did not when the run was let through.
    ///
    /// # Errors
    /// What does.
    pub fn held(&self) -> Result<(), Blocked> {
        self.held_from_putting_back()?;
        if self.reloaded.is_cancelled() {
            return Err(Blocked::Reloaded);
        }
        gate::brakes(&self.journal.guard().map_err(Blocked::Journal)?, None)
    }

    /// As [`Engine::held`], for a person who rolls changes back. A stop and an open breaker are reasons for that, and none
    /// against it.
    ///
    /// # Errors
    /// What blocks it.
    pub fn held_from_putting_back(&self) -> Result<(), Blocked> {
        if self.cancel.is_cancelled() {
            return Err(Blocked::Cancelled);
        }
        kill_switch::look_for(self.remediation.kill_switch.as_deref())
            .map_err(|why| Blocked::KillSwitch(why.to_string()))
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Writes changes down; they are on the disk when this returns.
    async fn record(&self, changes: Vec<Change>) -> Result<(), Blocked> {
        let journal = Arc::clone(&self.journal);
        let written = tokio::task::spawn_blocking(move || journal.record(&changes)).await;
        written.unwrap_or_else(|error| Err(error.to_string())).map_err(Blocked::Journal)
    }
}
