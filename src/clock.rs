//! The only reader of wall time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// The time now, to the second that has begun: reports need no more, and it never lies ahead.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor)).unwrap_or(now)
}

/// The day now, in UTC.
pub fn today() -> Date {
    TimeZone::UTC.to_datetime(now()).date()
}

/// A new ULID: sweeps sort by the time they began.
pub fn sweep_id() -> String {
    let milliseconds = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
    ulid::Ulid::from_parts(milliseconds, fastrand::u128(..)).to_string()
}
