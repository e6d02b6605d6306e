//! The report as lines of JSON: the sweep first, then one account a line, for tools that read streams.

use serde::Serialize;

use super::json::escape_invisible;
use crate::model::{Report, Summary, SweepInfo};

/// The first line: everything of a report but its accounts.
#[derive(Serialize)]
struct SweepLine<'a> {
    schema: &'a str,
    sweep: &'a SweepInfo,
    summary: &'a Summary,
}

/// The report as one `sweep` line, then one line an account.
///
/// # Errors
/// As [`super::render`].
pub fn ndjson(report: &Report) -> Result<String, serde_json::Error> {
    let first = SweepLine { schema: report.schema, sweep: &report.sweep, summary: &report.summary };
    let mut out = serde_json::to_string(&first)?;
    out.push('\n');
    for account in &report.accounts {
        out.push_str(&serde_json::to_string(account)?);
        out.push('\n');
    }
    Ok(escape_invisible(out))
}
