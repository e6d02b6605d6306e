//! The only reader of wall time.

use jiff::Timestamp;

/// The time now, to the second: reports do not need more, and round times read better.
pub fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
