//! The preflight's report in the formats of reports.

use super::{Format, TextOptions, text};
use crate::doctor::Report;
use crate::model::{json_line, json_pretty};

/// The report in one format, ending in a line feed; the options matter to `text` alone. NDJSON is one line.
///
/// # Errors
/// Only if a value cannot be JSON, which would be a defect.
pub fn doctor(
    report: &Report,
    format: Format,
    options: TextOptions,
) -> Result<String, serde_json::Error> {
    match format {
        Format::Text => Ok(text::doctor(report, options)),
        Format::Json => Ok(json_pretty(report)? + "\n"),
        Format::Ndjson => Ok(json_line(report)? + "\n"),
    }
}
