//! The history in the formats of reports.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Format, TextOptions, text};
use crate::ledger::{FindingRecord, SweepRecord};
use crate::model::{AccountId, Change, json_line, json_pretty};

/// What is shown of the history: what was not asked for is `None`.
#[derive(Debug, Serialize)]
pub struct History {
    /// The version of this shape.
    pub schema: &'static str,
    /// Findings, those that opened or closed last first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<FindingRecord>>,
    /// Sweeps, the newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweeps: Option<Vec<SweepRecord>>,
    /// Changes in AWS, those that were written down last first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Change>>,
    /// Whether older ones were left out.
    pub more: bool,
    /// Names of accounts, for people; hostile text.
    #[serde(skip)]
    pub names: BTreeMap<AccountId, String>,
}

/// A line of NDJSON.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Finding(&'a FindingRecord),
    Sweep(&'a SweepRecord),
    Change(&'a Change),
}

impl History {
    /// The version of the shape of [`History`].
    pub const SCHEMA: &'static str = "rolewarden.history/v1";

    /// The history in one format, ending in a line feed unless it is empty; the options matter to `text` alone.
    ///
    /// # Errors
    /// Only if a value cannot be JSON, which would be a defect.
    pub fn render(
        &self,
        format: Format,
        options: TextOptions,
    ) -> Result<String, serde_json::Error> {
        match format {
            Format::Text => Ok(text::history(self, options)),
            Format::Json => Ok(json_pretty(self)? + "\n"),
            Format::Ndjson => {
                let findings = self.findings.iter().flatten().map(Line::Finding);
                let sweeps = self.sweeps.iter().flatten().map(Line::Sweep);
                let changes = self.changes.iter().flatten().map(Line::Change);
                let lines = findings.chain(sweeps).chain(changes);
                let line = |line| Ok(json_line(&line)? + "\n");
                lines.map(line).collect()
            }
        }
    }
}
