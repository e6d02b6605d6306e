//! A policy document as a file has it.

use serde_json::value::RawValue;

use super::super::document;

/// A policy document as the AWS CLI prints it (an object), as JSON text, or as IAM sends it (percent-encoded text).
#[derive(Debug, Clone)]
pub(super) struct Document(String);

impl Document {
    /// The object's own text is kept, not a parsed value: the strict parser of policies must see duplicate members.
    ///
    /// # Errors
    /// What it is, where it is no document at all.
    pub(super) fn new(raw: &RawValue) -> Result<Self, String> {
        const EXPECTED: &str = "expected a policy document (an object, or its text)";
        let raw = raw.get();
        let found = match raw.as_bytes().first() {
            Some(b'{') => return Ok(Self(raw.to_owned())),
            Some(b'"') => {
                let text: String =
                    serde_json::from_str(raw).map_err(|e| format!("is not a string: {e}"))?;
                return match text.trim() {
                    "" => Err(format!("is empty: {EXPECTED}")),
                    "null" => Err(format!("is null: {EXPECTED}")),
                    // What ConvertTo-Json makes of an object below its depth (2 unless told otherwise): not the policy's words.
                    cut if cut.starts_with("@{") || cut.starts_with("System.") => Err(format!(
                        "is an object that PowerShell's ConvertTo-Json cut off at its depth: {EXPECTED}"
                    )),
                    printed if printed.starts_with("{'") => {
                        Err(format!("is a printed Python value (single quotes): {EXPECTED}"))
                    }
                    _ => Ok(Self(text)),
                };
            }
            Some(b'[') => "a list",
            Some(b'n') => "null",
            Some(b't' | b'f') => "a boolean",
            _ => "a number",
        };
        Err(format!("is {found}: {EXPECTED}"))
    }

    /// The document's JSON text.
    ///
    /// # Errors
    /// What is wrong with its percent-encoding.
    pub(super) fn text(&self) -> Result<String, String> {
        let Self(text) = self;
        match text.trim_start().starts_with('%') {
            true => document::decode(text),
            false => Ok(text.clone()),
        }
    }
}
