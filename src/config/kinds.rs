//! What single values look like: words, durations, counts, switches. Each knows its schema and its error message.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::reader::{Kind, Reading, one_of};
use super::yaml::{Node, Value};

/// A text in a form of its own.
pub(super) struct Word<T> {
    /// As `an account id of 12 digits`.
    pub(super) expects: &'static str,
    /// A regular expression for editors; empty where the form is no regular one.
    pub(super) pattern: &'static str,
    /// The value, if the text has the form.
    pub(super) parse: fn(&str) -> Option<T>,
}

impl<T> Kind for Word<T> {
    type Value = T;

    fn schema(&self) -> Json {
        match self.pattern {
            "" => json!({"type": "string", "title": self.expects}),
            pattern => json!({"type": "string", "title": self.expects, "pattern": pattern}),
        }
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<T> {
        let value = if let Value::Text(text) = &node.value { (self.parse)(text) } else { None };
        if value.is_none() {
            let quote = match node.value {
                Value::Number(_) | Value::Bool(_) => "; put it in quotes",
                Value::Null | Value::Text(_) | Value::List(_) | Value::Map(_) => "",
            };
            let found = node.value.found();
            reading.problem(
                node.place,
                format_args!("expected {}, found {found}{quote}", self.expects),
            );
        }
        value
    }
}

/// `true` or `false`.
pub(super) struct Switch;

impl Kind for Switch {
    type Value = bool;

    fn schema(&self) -> Json {
        json!({"type": "boolean"})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<bool> {
        let Value::Bool(value) = node.value else {
            reading.problem(
                node.place,
                format_args!("expected true or false, found {}", node.value.found()),
            );
            return None;
        };
        Some(value)
    }
}

/// One of a few words.
pub(super) struct OneOf<T: 'static> {
    /// The words and what they mean.
    pub(super) words: &'static [(&'static str, T)],
    /// Words the public interface has and this version does not do yet.
    pub(super) later: &'static [&'static str],
}

impl<T: Copy> Kind for OneOf<T> {
    type Value = T;

    fn schema(&self) -> Json {
        json!({"enum": self.words.iter().map(|(word, _)| *word).collect::<Vec<_>>()})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<T> {
        let words: Vec<&str> = self.words.iter().map(|(word, _)| *word).collect();
        let expected = one_of(&words);
        if let Value::Text(text) = &node.value {
            if let Some((_, value)) = self.words.iter().find(|(word, _)| word == text) {
                return Some(*value);
            }
            if self.later.contains(&text.as_str()) {
                reading.problem(
                    node.place,
                    format_args!("`{text}` is not in this version yet; expected {expected}"),
                );
                return None;
            }
        }
        reading
            .problem(node.place, format_args!("expected {expected}, found {}", node.value.found()));
        None
    }
}

/// A whole number within limits.
pub(super) struct Count(pub(super) RangeInclusive<u32>);

impl Kind for Count {
    type Value = u32;

    fn schema(&self) -> Json {
        json!({"type": "integer", "minimum": self.0.start(), "maximum": self.0.end()})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<u32> {
        let number = if let Value::Number(text) = &node.value { decimal(text) } else { None };
        let within = number.and_then(|number| u32::try_from(number).ok());
        let within = within.filter(|number| self.0.contains(number));
        if within.is_none() {
            let (least, most) = (self.0.start(), self.0.end());
            let spelled = match &node.value {
                Value::Number(text) if is_odd(text) => {
                    "; write it in plain decimal digits, such as 10"
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Text(_)
                | Value::List(_)
                | Value::Map(_) => "",
            };
            let found = node.value.found();
            reading.problem(
                node.place,
                format_args!(
                    "expected a whole number from {least} to {most}, found {found}{spelled}"
                ),
            );
        }
        within
    }
}

/// A duration such as `15m` or `1h30m`, within limits written the same way; whole seconds unless the least has parts.
pub(super) struct Span(pub(super) &'static str, pub(super) &'static str);

/// The form of a [`duration`], but for that it has a part.
const SPAN: &str = "^((0|[1-9][0-9]*)d)?((0|[1-9][0-9]*)h)?((0|[1-9][0-9]*)m)?((0|[1-9][0-9]*)s)?((0|[1-9][0-9]*)ms)?$";

impl Kind for Span {
    type Value = Duration;

    fn schema(&self) -> Json {
        let title = format!("a duration from {} to {}", self.0, self.1);
        json!({"type": "string", "title": title, "pattern": SPAN, "minLength": 2})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Duration> {
        let Self(least, most) = *self;
        let parsed = if let Value::Text(text) = &node.value { duration(text) } else { None };
        let found = node.value.found();
        let Some(value) = parsed else {
            reading.problem(
                node.place,
                format_args!("expected a duration such as 15m, found {found}"),
            );
            return None;
        };
        let limits = duration(least).unwrap_or_default()..=duration(most).unwrap_or_default();
        if !limits.contains(&value) {
            reading.problem(
                node.place,
                format_args!("expected a duration from {least} to {most}, found {found}"),
            );
            return None;
        }
        if value.subsec_nanos() != 0 && limits.start().subsec_nanos() == 0 {
            reading.problem(node.place, format_args!("expected whole seconds, found {found}"));
            return None;
        }
        Some(value)
    }
}

/// A whole number as people write one. YAML has more spellings, and readers who disagree: `010` is ten in YAML 1.2 and eight
/// in 1.1, and a limit must not be another number than the one that was reviewed.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Whether a number is spelled as none that is printed.
fn is_odd(text: &str) -> bool {
    text.parse::<f64>().map_or(true, |number| number.to_string() != text)
}

/// `15m`, `1h30m`, `100ms`: whole numbers with units, summed; the larger unit first, each once.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut larger = u64::MAX;
    while !rest.is_empty() {
        let (number, tail) = split_while(rest, |c| c.is_ascii_digit())?;
        let (unit, tail) = split_while(tail, |c| c.is_ascii_alphabetic())?;
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        if millis >= larger {
            return None;
        }
        total = total.checked_add(Duration::from_millis(decimal(number)?.checked_mul(millis)?))?;
        (rest, larger) = (tail, millis);
    }
    (!text.is_empty()).then_some(total)
}

fn split_while(text: &str, holds: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c| !holds(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(head, _)| !head.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_units() {
        let cases = [
            ("15m", Some(900_000)),
            ("1h30m", Some(5_400_000)),
            ("100ms", Some(100)),
            ("90d", Some(7_776_000_000)),
            ("0s", Some(0)),
            ("", None),
            ("15", None),
            ("m", None),
            ("-1m", None),
            ("1.5h", None),
            ("1 h", None),
            ("1w", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
            ("15µs", None),
            ("1d2h3m4s5ms", Some(93_784_005)),
            ("010m", None),
            ("0x10m", None),
            ("0o10m", None),
            ("1e1m", None),
            ("1_0m", None),
            ("+5m", None),
            ("1.0m", None),
            ("00s", None),
            ("1h1h", None),
            ("1m1h", None),
        ];
        for (text, want) in cases {
            assert_eq!(duration(text), want.map(Duration::from_millis), "case `{text}`");
        }
    }
}
