//! Progress on stderr: a bar on a terminal, log lines otherwise.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::{AccountReport, AccountState};
use crate::sweep;

/// What is shown while a sweep runs.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    total: usize,
    done: usize,
    drifted: usize,
    unknown: usize,
}

/// A bar for `total` accounts, on a terminal and unless `quiet`.
pub(super) fn bar(total: usize, quiet: bool) -> Option<ProgressBar> {
    (!quiet && std::io::stderr().is_terminal()).then(|| {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} accounts, {msg} ({elapsed})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    })
}

/// How many accounts are done between two log lines: about ten lines for a large sweep, none for a small one.
pub(super) fn step(total: usize) -> usize {
    (total / 10).max(50)
}

impl Progress {
    /// For `total` accounts; `quiet` shows nothing.
    pub(super) fn new(total: usize, quiet: bool) -> Self {
        Self { bar: bar(total, quiet), quiet, total, done: 0, drifted: 0, unknown: 0 }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// A line now and then.
    fn log(&self) {
        if self.done.is_multiple_of(step(self.total)) && self.done < self.total {
            tracing::info!(
                done = self.done,
                accounts = self.total,
                drifted = self.drifted,
                unknown = self.unknown,
                "sweep in progress"
            );
        }
    }
}

impl sweep::Progress for Progress {
    fn account_done(&mut self, account: &AccountReport, _: Duration) {
        self.done += 1;
        match account.state() {
            Some(AccountState::Drifted) => self.drifted += 1,
            Some(AccountState::Unknown) => self.unknown += 1,
            _ => {}
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(format!("{} drifted, {} unknown", self.drifted, self.unknown));
                bar.set_position(self.done as u64);
            }
            None if !self.quiet => self.log(),
            None => {}
        }
    }
}
