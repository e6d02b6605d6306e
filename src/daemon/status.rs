//! The sweep that runs now.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::ledger::Trigger;
use crate::web::Progress;

/// Shared by the sweeper, which writes it, and whoever asks.
#[derive(Debug, Default)]
pub(super) struct Status(Mutex<Option<Progress>>);

impl Status {
    pub(super) fn begin(&self, id: String, started_at: Timestamp, trigger: Trigger) {
        *self.lock() = Some(Progress { id, started_at, trigger, done: 0, total: 0 });
    }

    pub(super) fn accounts(&self, total: usize) {
        if let Some(progress) = self.lock().as_mut() {
            progress.total = total;
        }
    }

    pub(super) fn one_done(&self) {
        if let Some(progress) = self.lock().as_mut() {
            progress.done += 1;
        }
    }

    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    pub(super) fn read(&self) -> Option<Progress> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
