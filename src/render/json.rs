//! The report as one JSON object, the shape of `CONTRACT.md` section 4.

use crate::model::{Report, json_pretty};

/// The report as an indented object.
///
/// # Errors
/// As [`super::render`].
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    Ok(json_pretty(report)? + "\n")
}
