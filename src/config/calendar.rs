//! Cron's calendar, in a time zone.

use std::cmp::Ordering;
use std::time::Duration;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

/// Times that are gone through one by one: more than there are minutes in a day.
const GAPS: usize = 1_500;

/// How far is looked ahead, and by which strides.
const YEAR: SignedDuration = SignedDuration::from_hours(400 * 24);
const STRIDE: SignedDuration = SignedDuration::from_secs(24 * 3600 - 1);

/// Five cron fields in a time zone.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    cron: Cron,
    zone: TimeZone,
}

impl Calendar {
    /// `None` if the pattern or the zone is none.
    pub(crate) fn new(pattern: &str, timezone: &str) -> Option<Self> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed);
        let cron = parser.build().parse(pattern).ok()?;
        Some(Self { cron, zone: TimeZone::get(timezone).ok()? })
    }

    /// The next time after this one.
    pub(crate) fn after(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&self.moment(now), false).ok()?;
        Some(next.0.timestamp())
    }

    /// The longest time from one to the next, within a good year. `None` if it comes no more.
    ///
    /// Gaps of less than a day show in the times that come first. The longer ones are looked for in strides of less than a
    /// day: a minute of one week in the year has more times than could be gone through.
    pub(crate) fn longest_gap(&self, from: Timestamp) -> Option<Duration> {
        let times = self.cron.iter_after(self.moment(from)).take(GAPS);
        let times: Vec<_> = times.map(|moment| moment.0.timestamp()).collect();
        let gaps = times.iter().zip(times.iter().skip(1));
        let mut longest = gaps.map(|(a, b)| b.duration_since(*a)).max().unwrap_or_default();
        let (mut at, end) = (from, from.checked_add(YEAR).ok()?);
        while at < end {
            let next = self.after(at)?;
            if let Some(before) = self.before(next) {
                longest = longest.max(next.duration_since(before));
            }
            at = next.checked_add(STRIDE).ok()?;
        }
        Duration::try_from(longest).ok()
    }

    /// The time before this one.
    fn before(&self, now: Timestamp) -> Option<Timestamp> {
        let before = self.cron.find_previous_occurrence(&self.moment(now), false).ok()?;
        Some(before.0.timestamp())
    }

    fn moment(&self, at: Timestamp) -> Moment {
        Moment(ZonedDateTime::new(at, self.zone.clone()))
    }
}

/// A time that croner can reckon with. (Its own feature for jiff is made for another version of it.)
#[derive(Clone)]
struct Moment(ZonedDateTime);

/// What a calendar shows is always small and positive.
fn small(part: i8) -> u32 {
    u32::from(part.unsigned_abs())
}

fn civil(datetime: DateTime) -> CivilDateTime {
    let (date, time) = (datetime.date(), datetime.time());
    CivilDateTime::new(
        CivilDate::from_parts_unchecked(
            i32::from(date.year()),
            small(date.month()),
            small(date.day()),
        ),
        CivilTime::from_parts_unchecked(
            small(time.hour()),
            small(time.minute()),
            small(time.second()),
        ),
    )
}

fn datetime(civil: CivilDateTime) -> Option<DateTime> {
    let part = |part: u32| i8::try_from(part).ok();
    DateTime::new(
        i16::try_from(civil.year()).ok()?,
        part(civil.month())?,
        part(civil.day())?,
        part(civil.hour())?,
        part(civil.minute())?,
        part(civil.second())?,
        0,
    )
    .ok()
}

impl CronDateTime for Moment {
    fn to_civil(&self) -> CivilDateTime {
        civil(self.0.datetime())
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(small(self.0.weekday().to_sunday_zero_offset()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let datetime = datetime(civil).ok_or(CronError::InvalidDate)?;
        let zone = self.0.time_zone();
        let at = |time: Result<Timestamp, jiff::Error>| {
            let time = time.map_err(|_| CronError::InvalidTime)?;
            Ok(Self(ZonedDateTime::new(time, zone.clone())))
        };
        let ambiguous = zone.to_ambiguous_timestamp(datetime);
        Ok(match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(at(ambiguous.unambiguous())?),
            AmbiguousOffset::Fold { .. } => {
                Resolution::Ambiguous(at(ambiguous.earlier())?, at(ambiguous.later())?)
            }
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}
