//! The report as lines of JSON: the sweep first, then one account a line, for tools that read streams.

use serde::Serialize;

use crate::model::{Report, Summary, SweepInfo, Unread, json_line};

/// The first line: everything of a report but its accounts.
#[derive(Serialize)]
struct SweepLine<'a> {
    schema: &'a str,
    sweep: &'a SweepInfo,
    summary: &'a Summary,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unread: &'a [Unread],
}

/// The report as one `sweep` line, then one line an account.
///
/// # Errors
/// As [`super::render`].
pub fn ndjson(report: &Report) -> Result<String, serde_json::Error> {
    let Report { schema, sweep, summary, accounts, unread } = report;
    let first = SweepLine { schema, sweep, summary, unread };
    let mut out = json_line(&first)?;
    out.push('\n');
    for account in accounts {
        out.push_str(&json_line(account)?);
        out.push('\n');
    }
    Ok(out)
}
