//! Exit statuses of the one-shot commands: public interface.

use std::process::ExitCode;

use crate::model::{Report, Summary};

/// How a one-shot command ended. The flag parser owns 2 (usage); 128+n means ended by signal n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every selected account was judged, and none drifted.
    Clean,
    /// Could not run: bad configuration, no credentials, accounts could not be listed.
    Failed,
    /// Drift, and every selected account was judged.
    Drifted,
    /// At least one account is unknown, or one file was refused, and none drifted.
    Incomplete,
    /// Drift and incomplete.
    DriftedAndIncomplete,
    /// Ended by this signal.
    Signal(u8),
}

impl Exit {
    /// What a report stands for. Only a complete one, which judged every selected account and found no drift, is clean.
    pub fn of_report(report: &Report) -> Self {
        let states = &report.summary.states;
        let complete = report.sweep.complete && report.unread.is_empty() && states.unknown == 0;
        Self::ended(states.drifted > 0, complete)
    }

    /// As [`Exit::of_report`], of a sweep that is known to be whole but for its unknown accounts.
    pub fn of(summary: &Summary) -> Self {
        Self::ended(summary.states.drifted > 0, summary.states.unknown == 0)
    }

    fn ended(drifted: bool, complete: bool) -> Self {
        match (drifted, complete) {
            (false, true) => Self::Clean,
            (true, true) => Self::Drifted,
            (false, false) => Self::Incomplete,
            (true, false) => Self::DriftedAndIncomplete,
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
