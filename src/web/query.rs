//! Query strings, read strictly: an unknown or misspelt parameter is an error, never a list of everything.

use std::fmt::Display;

use percent_encoding::percent_decode_str;

use super::problem::Problem;
use crate::model::printable_line;

/// What is left of a query string.
pub(super) struct Params(Vec<(String, String)>);

/// What a parameter without a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// Not given: a form sends its empty fields.
    Absent,
    /// A value like another.
    Value,
}

impl Params {
    pub(super) fn parse(query: Option<&str>, empty: Empty) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = vec![];
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Problem::bad(format!(
                    "parameter `{}` is given twice",
                    printable_line(&name, 64)
                )));
            }
            pairs.push((name, value));
        }
        pairs.retain(|(_, value)| empty == Empty::Value || !value.is_empty());
        Ok(Self(pairs))
    }

    /// One parameter's value.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// One parameter's value, as what it means.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        expected: impl Display,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Problem::bad(format!("parameter `{name}`: expected {expected}"));
        parse(&text).map(Some).ok_or_else(wrong)
    }

    /// One parameter out of a closed set.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        set: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let words: Vec<_> = set.iter().map(|(word, _)| *word).collect();
        self.read(name, format_args!("one of {}", words.join(", ")), |text| {
            set.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        name: &str,
        within: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<usize>, Problem> {
        let expected = format!("a whole number from {} to {}", within.start(), within.end());
        self.read(name, expected, |text| {
            let plain = text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|number| plain && within.contains(number))
        })
    }

    /// A text that is not too long.
    pub(super) fn words(&mut self, name: &str, longest: usize) -> Result<Option<String>, Problem> {
        self.read(name, format_args!("at most {longest} characters"), |text| {
            (text.chars().count() <= longest).then(|| text.to_owned())
        })
    }

    /// Every parameter was one that this path has.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad(format!(
                "there is no parameter `{}` here",
                printable_line(name, 64)
            ))),
        }
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(|text| text.into_owned())
        .map_err(|_| Problem::bad("the query is not UTF-8 text, percent-encoded"))
}
