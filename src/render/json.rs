//! The report as one JSON object, the shape of `CONTRACT.md` section 4.

use std::fmt::Write;

use crate::model::{Report, is_dangerous};

/// The report as an indented object.
///
/// # Errors
/// As [`super::render`].
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut out = escape_invisible(serde_json::to_string_pretty(report)?);
    out.push('\n');
    Ok(out)
}

/// Writes the characters that could steer a terminal, and that JSON allows unescaped (C1 controls, bidirectional
/// overrides, …), as `\u….`: another text for the same value, so that `--format json` on a terminal is harmless too.
pub(super) fn escape_invisible(json: String) -> String {
    // Outside strings JSON is ASCII, and the only control character the serializer puts there is the line feed.
    let steers = |c: char| c != '\n' && is_dangerous(c);
    if !json.contains(steers) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}
