//! Reports and history in the formats people and programs read: values in, text out. Pure.

pub mod causes;
mod doctor;
mod history;
mod json;
mod ndjson;
#[cfg(test)]
mod tests;
mod text;
pub mod words;

use std::str::FromStr;

use crate::model::Report;

pub use doctor::doctor;
pub use history::History;
pub use json::json;
pub use ndjson::ndjson;
pub use text::{PlanOptions, TextOptions, UndoOptions, changes, headline, plan, run, text, undo};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One object.
    Json,
    /// One line for the sweep, then one line an account.
    Ndjson,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Text, Self::Json, Self::Ndjson];

    /// The format's name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == s)
            .ok_or_else(|| "expected text, json or ndjson".to_owned())
    }
}

/// The report in one format, ending in a line feed; the options matter to `text` alone.
///
/// # Errors
/// Only if a value in the report cannot be JSON, which would be a defect.
pub fn render(
    report: &Report,
    format: Format,
    options: TextOptions,
) -> Result<String, serde_json::Error> {
    match format {
        Format::Text => Ok(text(report, options)),
        Format::Json => json(report),
        Format::Ndjson => ndjson(report),
    }
}
