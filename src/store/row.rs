//! Values in rows: each is read back through its type, and what does not fit is damage.

use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::model::AccountId;

/// Why rows could not be read or written; the store adds which file they are of.
#[derive(Debug)]
pub(super) enum RowError {
    Sqlite(rusqlite::Error),
    Damaged(String),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl RowError {
    pub(super) fn of(self, path: &Path) -> StoreError {
        match self {
            Self::Sqlite(error) => StoreError::sqlite(path, &error),
            Self::Damaged(what) => StoreError::corrupt(path, what),
        }
    }
}

pub(super) type Result<T> = std::result::Result<T, RowError>;

/// Refuses a row that is not what was written.
pub(super) fn intact(table: &str, holds: bool) -> Result<()> {
    if holds { Ok(()) } else { Err(damaged(table)) }
}

pub(super) fn damaged(table: &str) -> RowError {
    RowError::Damaged(format!("a row of `{table}` is not what was written"))
}

pub(super) fn json<T: DeserializeOwned>(table: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| damaged(table))
}

pub(super) fn text_of(value: &impl serde::Serialize) -> Result<String> {
    // Only maps with keys that are no texts cannot be JSON, and there are none.
    serde_json::to_string(value)
        .map_err(|error| RowError::Sqlite(rusqlite::Error::ToSqlConversionFailure(error.into())))
}

pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(super) fn time(table: &str, micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| damaged(table))
}

/// An account id as a number: its 12 digits fit, and tables are ordered and small by it.
pub(super) fn number(id: &AccountId) -> i64 {
    id.as_str().bytes().fold(0, |sum, digit| sum * 10 + i64::from(digit.wrapping_sub(b'0')))
}

pub(super) fn account(table: &str, number: i64) -> Result<AccountId> {
    format!("{number:012}").parse().map_err(|_| damaged(table))
}

pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
