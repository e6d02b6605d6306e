//! Exit statuses of the one-shot commands: public interface.

use std::process::ExitCode;

use crate::model::Summary;

/// How a one-shot command ended. The flag parser owns 2 (usage); 128+n means ended by signal n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every selected account was judged, and none drifted.
    Clean,
    /// Could not run: bad configuration, no credentials, accounts could not be listed.
    Failed,
    /// Drift, and every selected account was judged.
    Drifted,
    /// At least one account is unknown, none drifted.
    Incomplete,
    /// Drift and incomplete.
    DriftedAndIncomplete,
    /// Ended by this signal.
    Signal(u8),
}

impl Exit {
    /// What a finished sweep stands for. Only a sweep that judged every selected account, and found no drift, is clean.
    pub fn of(summary: &Summary) -> Self {
        match (summary.states.drifted > 0, summary.states.unknown > 0) {
            (false, false) => Self::Clean,
            (true, false) => Self::Drifted,
            (false, true) => Self::Incomplete,
            (true, true) => Self::DriftedAndIncomplete,
        }
    }

    /// The number the process ends with.
    pub fn status(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failed => 1,
            Self::Drifted => 3,
            Self::Incomplete => 4,
            Self::DriftedAndIncomplete => 5,
            Self::Signal(n) => 128u8.saturating_add(n),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}
