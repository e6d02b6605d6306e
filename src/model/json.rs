//! JSON as it leaves the program. Every writer goes through here, so that no answer, file or stream can steer the terminal
//! that shows it.

use std::fmt::Write;

use serde::Serialize;

use super::is_dangerous;

/// The value as JSON on one line.
///
/// # Errors
/// The value cannot be JSON, which would be a defect.
pub fn json_line<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(escape_invisible)
}

/// The value as indented JSON, without a line feed at its end.
///
/// # Errors
/// As [`json_line`].
pub fn json_pretty<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(escape_invisible)
}

/// Writes the characters that change how the text around them is shown, and that JSON allows unescaped (DEL, C1 controls,
/// bidirectional overrides, line separators, …), as `\u….`: another text for the same value.
fn escape_invisible(json: String) -> String {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_character_that_steers_a_terminal_is_escaped_and_the_value_stays() {
        let ranges = [
            0..=0x1f,
            0x7f..=0x9f,
            0xad..=0xad,
            0x61c..=0x61c,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x2069,
            0xfeff..=0xfeff,
            0xe0001..=0xe0001,
        ];
        for code in ranges.into_iter().flatten() {
            let c = char::from_u32(code).unwrap();
            let value = json!({format!("key{c}"): [format!("{c}value")]});
            for text in [json_line(&value).unwrap(), json_pretty(&value).unwrap()] {
                assert!(
                    text.chars().all(|c| c == '\n' || !is_dangerous(c)),
                    "case U+{code:04X}: {text:?}"
                );
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value, "U+{code:04X}");
            }
        }
    }

    #[test]
    fn letters_of_every_language_stay_as_they_are() {
        let text = "Straße 日本語 مرحبا 👩";
        assert_eq!(json_line(text).unwrap(), format!("\"{text}\""));
    }
}
