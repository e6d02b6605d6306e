//! `rolewarden metrics`, and the file that `scan --metrics-file` writes.

use std::cell::Cell;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::output::{self, For};
use crate::aws::Counters;
use crate::config::Config;
use crate::exit::Exit;
use crate::ledger::Outcome;
use crate::model::Report;
use crate::telemetry::{self, Listed, OneShot};

/// No file of ours is larger; what is behind it is not read.
const LARGEST: u64 = 64 << 20;

pub(super) fn main() -> anyhow::Result<Exit> {
    output::print(telemetry::reference().as_bytes())?;
    Ok(Exit::Clean)
}

/// The file of a scan's metrics. However the scan ends, it is written once.
pub(super) struct MetricsFile {
    path: PathBuf,
    counters: Arc<Counters>,
    /// What the file before says.
    last_complete: Option<Timestamp>,
    written: Cell<bool>,
}

impl MetricsFile {
    /// Looks whether it can be written, and what the one before says.
    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        output::check_writable(path, For::Everyone)?;
        let mut before = String::new();
        // One that is not there, or no text, says nothing.
        let _ = std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST).read_to_string(&mut before));
        Ok(Self {
            path: path.to_owned(),
            counters: Arc::default(),
            last_complete: telemetry::last_complete(&before),
            written: Cell::new(false),
        })
    }

    /// Where the scan counts its calls.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Writes what a sweep of these accounts learned.
    pub(super) fn write(
        &self,
        config: &Config,
        listed: Listed,
        report: &Report,
        cancelled: bool,
    ) -> anyhow::Result<()> {
        let outcome = if cancelled { Outcome::Cancelled } else { Outcome::Complete };
        let text = self.ended(outcome).state(config, listed, report);
        self.save(&text)
    }

    /// Says that there was no sweep, unless there was one.
    pub(super) fn end(&self, failed: bool) -> anyhow::Result<()> {
        if self.written.get() {
            return Ok(());
        }
        let outcome = if failed { Outcome::Failed } else { Outcome::Cancelled };
        self.save(&self.ended(outcome).nothing())
    }

    fn ended(&self, outcome: Outcome) -> OneShot {
        let (traffic, last_complete) = (self.counters.read(), self.last_complete);
        OneShot { outcome, traffic, last_complete }
    }

    fn save(&self, text: &[u8]) -> anyhow::Result<()> {
        self.written.set(true);
        output::write(&self.path, text, For::Everyone)
    }
}
