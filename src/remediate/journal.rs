//! The journal as the engine sees it.

use crate::model::{Change, Guard};
use crate::store::{ChangeFilter, Store};

/// Where changes are written down. Errors are for people.
pub trait Journal: Send + Sync + 'static {
    /// Writes changes, each new or in place of the one of its id: all or none, and on the disk when this returns.
    ///
    /// # Errors
    /// Why nothing was written.
    fn record(&self, changes: &[Change]) -> Result<(), String>;

    /// Changes, those that were written down last first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, String>;

    /// What holds remediation back, as it is written down now.
    ///
    /// # Errors
    /// When it cannot be read: then nothing may be written to AWS.
    fn guard(&self) -> Result<Guard, String>;

    /// Changes what holds remediation back, as it is by then; on the disk when this returns.
    ///
    /// # Errors
    /// Why it is as it was.
    fn update_guard(&self, change: &mut dyn FnMut(&mut Guard)) -> Result<(), String>;
}

impl Journal for Store {
    fn record(&self, changes: &[Change]) -> Result<(), String> {
        Self::record(self, changes).map_err(|error| error.to_string())
    }

    fn changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, String> {
        Self::changes(self, filter).map_err(|error| error.to_string())
    }

    fn guard(&self) -> Result<Guard, String> {
        Self::guard(self).map_err(|error| error.to_string())
    }

    fn update_guard(&self, change: &mut dyn FnMut(&mut Guard)) -> Result<(), String> {
        Self::update_guard(self, change).map_err(|error| error.to_string())
    }
}
