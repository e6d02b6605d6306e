//! When the next sweep starts. Time is an argument.
//!
//! An interval counts on a monotonic clock from one start to the next; a calendar (cron) needs the wall clock, which may
//! jump: it is asked again at least every half minute. Either way a sweep that is late starts once, never several times.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::config::{Calendar, Schedule, SweepConfig, When};

/// Longest sleep before the wall clock is asked again.
pub(super) const SLICE: Duration = Duration::from_secs(30);

/// A schedule, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    times: Times,
    jitter: Duration,
}

#[derive(Debug, Clone)]
enum Times {
    Every(Duration),
    Calendar(Box<Calendar>),
}

impl Timetable {
    /// `None` if the pattern or the zone is none, which a validated configuration rules out.
    pub(super) fn new(schedule: &Schedule) -> Option<Self> {
        let times = match &schedule.when {
            When::Every(every) => Times::Every(*every),
            When::Cron { pattern, timezone } => {
                Times::Calendar(Box::new(Calendar::new(pattern, timezone)?))
            }
        };
        Some(Self { times, jitter: schedule.jitter })
    }

    /// Longest time from one start to the next, without jitter.
    pub(super) fn interval(&self, now: Timestamp) -> Duration {
        match &self.times {
            Times::Every(every) => *every,
            Times::Calendar(calendar) => calendar.longest_gap(now).unwrap_or(WEEK),
        }
    }

    /// When the next sweep is due, after one whose time was `slot` and that ended just now. `random` is from 0 to 1 and
    /// picks the jitter, which moves a start and not the ones after it.
    pub(super) fn next(&self, slot: Instant, now: (Instant, Timestamp), random: f64) -> Due {
        let jitter = self.jitter.mul_f64(random.clamp(0.0, 1.0));
        match &self.times {
            Times::Every(every) => {
                let slot = (slot + *every).max(now.0);
                Due::Monotonic { slot, start: slot + jitter }
            }
            Times::Calendar(_) => Due::Wall { at: self.after(now.1), jitter },
        }
    }

    /// The calendar's next time; far away if there is none, and for an interval.
    pub(super) fn after(&self, now: Timestamp) -> Timestamp {
        let Times::Calendar(calendar) = &self.times else { return Timestamp::MAX };
        calendar.after(now).unwrap_or(Timestamp::MAX)
    }

    /// Whether a sweep that took so long made its successor late.
    pub(super) fn overrun(&self, started: Timestamp, took: Duration) -> bool {
        match &self.times {
            Times::Every(every) => took > *every,
            Times::Calendar(_) => {
                let gap = self.after(started).duration_since(started);
                Duration::try_from(gap).is_ok_and(|gap| took > gap)
            }
        }
    }
}

/// When a sweep is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Due {
    /// On the monotonic clock.
    Monotonic {
        /// Its time, from which the next is counted.
        slot: Instant,
        /// Its start.
        start: Instant,
    },
    /// On the wall clock, which may jump.
    Wall {
        /// Its time.
        at: Timestamp,
        /// How much later it starts.
        jitter: Duration,
    },
}

impl Due {
    /// How long to sleep before this is asked again; zero when the sweep is due. On a wall clock that went back the time
    /// that is next by the calendar counts, and on one that went forward a time that was passed.
    pub(super) fn wait(&mut self, table: &Timetable, now: (Instant, Timestamp)) -> Duration {
        match self {
            Self::Monotonic { start, .. } => start.saturating_duration_since(now.0),
            Self::Wall { at, jitter } => {
                *at = (*at).min(table.after(now.1));
                let until = at.duration_since(now.1).saturating_add(signed(*jitter));
                Duration::try_from(until).unwrap_or_default().min(SLICE)
            }
        }
    }

    /// From when the next sweep is counted, if this one starts now.
    pub(super) fn slot(&self, now: Instant) -> Instant {
        match self {
            Self::Monotonic { slot, .. } => *slot,
            Self::Wall { .. } => now,
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// The interval in force and the age at which a judgement holds no more.
pub(super) fn times(config: &SweepConfig, now: Timestamp) -> (Duration, Duration) {
    let interval = Timetable::new(&config.schedule).map_or(WEEK, |table| table.interval(now));
    (interval, config.stale_after.unwrap_or(interval.saturating_mul(2)))
}

/// The interval of a calendar that hardly ever fires.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cron(pattern: &str, timezone: &str) -> Timetable {
        let when = When::Cron { pattern: pattern.into(), timezone: timezone.into() };
        Timetable::new(&Schedule { when, jitter: Duration::ZERO }).unwrap()
    }

    fn every(seconds: u64, jitter: u64) -> Timetable {
        let when = When::Every(Duration::from_secs(seconds));
        Timetable::new(&Schedule { when, jitter: Duration::from_secs(jitter) }).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn an_interval_counts_from_slot_to_slot_and_a_late_sweep_starts_once() {
        let wall = at("2026-11-24T12:00:00Z");
        let slot = Instant::now();
        let cases = [
            ("a quick sweep", every(900, 0), 10, 0.5, (900, 900)),
            ("a slow one", every(900, 0), 899, 0.5, (900, 900)),
            ("too slow: at once, and only once", every(900, 0), 5_000, 0.5, (5_000, 5_000)),
            ("no jitter drawn", every(900, 30), 10, 0.0, (900, 900)),
            ("jitter moves the start and not the slot", every(900, 30), 10, 1.0, (900, 930)),
        ];
        for (case, table, took, random, (want_slot, want_start)) in cases {
            let now = slot + seconds(took);
            let mut due = table.next(slot, (now, wall), random);
            let start = slot + seconds(want_start);
            assert_eq!(
                due,
                Due::Monotonic { slot: slot + seconds(want_slot), start },
                "case `{case}`"
            );
            // The wall clock does not matter.
            let wait = due.wait(&table, (now, at("2030-01-01T00:00:00Z")));
            assert_eq!(wait, start - now, "case `{case}`");
        }
    }

    #[test]
    fn a_calendar_follows_its_time_zone_through_the_changes_of_the_clock() {
        let berlin = || cron("30 2 * * *", "Europe/Berlin");
        let cases = [
            ("winter", berlin(), "2026-11-24T00:00:00Z", "2026-11-24T01:30:00Z"),
            ("summer", berlin(), "2026-07-24T00:00:00Z", "2026-07-24T00:30:00Z"),
            ("just now is past", berlin(), "2026-11-24T01:30:00Z", "2026-11-25T01:30:00Z"),
            (
                "quarters",
                cron("*/15 * * * *", "UTC"),
                "2026-11-24T11:59:59Z",
                "2026-11-24T12:00:00Z",
            ),
        ];
        for (case, table, now, want) in cases {
            assert_eq!(table.after(at(now)), at(want), "case `{case}`");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_jumps_brings_neither_a_burst_nor_a_standstill() {
        let table = cron("0 * * * *", "UTC");
        let begun = Instant::now();
        let due = || table.next(begun, (begun, at("2026-11-24T11:30:00Z")), 0.0);
        let cases = [
            ("half an hour to go: in slices", "2026-11-24T11:30:00Z", 30),
            ("ten seconds to go", "2026-11-24T11:59:50Z", 10),
            ("due", "2026-11-24T12:00:00Z", 0),
            ("forward over its time: due, once", "2026-11-25T09:59:00Z", 0),
            ("back by a day: the time that is next then", "2026-11-23T10:59:55Z", 5),
        ];
        for (case, now, want) in cases {
            assert_eq!(due().wait(&table, (begun, at(now))), seconds(want), "case `{case}`");
        }
        // After the jump forward the next is the next of the calendar, not one of those that were passed.
        let now = at("2026-11-25T09:59:00Z");
        assert_eq!(
            table.next(begun, (begun, now), 0.0),
            Due::Wall { at: at("2026-11-25T10:00:00Z"), jitter: Duration::ZERO }
        );
    }

    #[test]
    fn the_longest_gap_of_a_calendar_is_its_interval() {
        let cases = [
            ("*/15 * * * *", 15 * 60),
            ("0 8-18 * * 1-5", (6 + 48 + 8) * 3600),
            ("0 6 * * *", 24 * 3600),
            // More times in a week than are gone through one by one.
            ("* * * * 1-2", 5 * 24 * 3600 + 60),
            ("0 0 * * 1", 7 * 24 * 3600),
        ];
        for (pattern, want) in cases {
            let interval = cron(pattern, "UTC").interval(at("2026-11-24T12:00:00Z"));
            assert_eq!(interval.as_secs(), want, "case `{pattern}`");
        }
        assert_eq!(every(60, 5).interval(at("2026-11-24T12:00:00Z")).as_secs(), 60);
    }

    #[test]
    fn a_sweep_longer_than_the_gap_it_started_in_is_an_overrun() {
        let quarters = cron("*/15 * * * *", "UTC");
        let start = at("2026-11-24T12:00:00Z");
        for (table, seconds, want) in [
            (&every(900, 0), 900, false),
            (&every(900, 0), 901, true),
            (&quarters, 900, false),
            (&quarters, 901, true),
        ] {
            let took = Duration::from_secs(seconds);
            assert_eq!(table.overrun(start, took), want, "case {table:?} {seconds}");
        }
    }
}
