//! Checksums of rows: SQLite has none in the database file, and a bit that flips inside a text passes all its checks.

use sha2::{Digest as _, Sha256};

/// The checksum of one row: the first 8 bytes of a SHA-256 over the table's name and the columns. It tells damage, not
/// intent: who can write the file can write the sum.
pub(super) struct Sum(Sha256);

impl Sum {
    pub(super) fn of(table: &str) -> Self {
        Self(Sha256::new()).text(Some(table))
    }

    pub(super) fn number(mut self, value: Option<i64>) -> Self {
        self.0.update([u8::from(value.is_some())]);
        self.0.update(value.unwrap_or(0).to_le_bytes());
        self
    }

    pub(super) fn text(mut self, value: Option<&str>) -> Self {
        let text = value.unwrap_or_default();
        let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
        self = self.number(value.map(|_| length));
        self.0.update(text.as_bytes());
        self
    }

    pub(super) fn end(self) -> i64 {
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(self.0.finalize()) {
            *to = from;
        }
        i64::from_le_bytes(first)
    }
}
