//! Secrets, and the files a configuration names.

use serde_json::{Value as Json, json};

use super::Secret;
use super::reader::{Kind, Reading};
use super::yaml::{Node, Value};
use crate::model::printable_line;

/// A secret: plain, `${env:NAME}` or `${file:/path}`. Its text is never shown, not even when it is wrong.
pub(super) struct Hidden {
    shortest: usize,
    longest: usize,
    allowed: fn(char) -> bool,
    /// What is expected, beside the two references.
    expects: &'static str,
}

/// Sent with AssumeRole; STS's own limits.
pub(super) const EXTERNAL_ID: Hidden = Hidden {
    shortest: 2,
    longest: 1224,
    allowed: |c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c),
    expects: "2 to 1224 letters, digits and `_+=,.@:/-`",
};

/// A bearer token, as RFC 6750 spells one; long enough not to be guessed.
pub(super) const TOKEN: Hidden = Hidden {
    shortest: 16,
    longest: 512,
    allowed: |c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c),
    expects: "16 to 512 letters, digits and `-._~+/=`",
};

impl Kind for Hidden {
    type Value = Secret;

    fn schema(&self) -> Json {
        let title = format!("`${{env:NAME}}`, `${{file:/path}}`, or {}", self.expects);
        json!({"type": "string", "title": title, "minLength": 2})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Secret> {
        let secret = match &node.value {
            Value::Text(text) => fetch(text, reading),
            Value::Number(_) | Value::Bool(_) => {
                Err("expected a text; put it in quotes".to_owned())
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                Err("expected a text, `${env:NAME}` or `${file:/path}`".to_owned())
            }
        };
        let secret = secret.and_then(|text| {
            if (self.shortest..=self.longest).contains(&text.len())
                && text.chars().all(self.allowed)
            {
                Ok(Secret::new(text))
            } else {
                Err(format!(
                    "expected {}, or `${{env:NAME}}` or `${{file:/path}}` (its value is not shown)",
                    self.expects
                ))
            }
        });
        secret.map_err(|what| reading.problem(node.place, what)).ok()
    }
}

/// The text itself, or what the place it names holds.
fn fetch(text: &str, reading: &Reading<'_>) -> Result<String, String> {
    let named = |kind: &str| {
        text.strip_prefix("${")?.strip_suffix('}')?.strip_prefix(kind)?.strip_prefix(':')
    };
    if let Some(name) = named("env") {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(word) {
            return Err("expected the name of an environment variable in `${env:NAME}`".to_owned());
        }
        return (reading.around.env)(name)
            .ok_or_else(|| format!("environment variable `{name}` is not set"));
    }
    if let Some(path) = named("file") {
        let content = read_file(path, reading)?;
        let content = content.strip_suffix('\n').unwrap_or(&content);
        return Ok(content.strip_suffix('\r').unwrap_or(content).to_owned());
    }
    Ok(text.to_owned())
}

/// A file's text; the error says which file and why, in words.
pub(super) fn read_file(path: &str, reading: &Reading<'_>) -> Result<String, String> {
    (reading.around.read)(&reading.locate(path)).map_err(|error| {
        format!("cannot read `{}`: {}", printable_line(path, 256), io_problem(&error))
    })
}

/// An I/O error in a person's words; no number of the operating system.
pub(super) fn io_problem(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "it is a directory, expected a file".to_owned(),
        _ => printable_line(&error.to_string(), 200),
    }
}
