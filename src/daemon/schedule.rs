//! When the next sweep starts. Time is an argument.
//!
//! An interval counts on a monotonic clock from one start to the next; a calendar (cron) needs the wall clock, which may
//! jump: it is asked again at least every half minute. Either way a sweep that is late starts once, never several times.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Schedule, When};

/// Longest sleep before the wall clock is asked again.
pub(super) const SLICE: Duration = Duration::from_secs(30);

/// A day's worth of gaps is looked at to find a calendar's longest.
const GAPS: usize = 1_500;

/// A schedule, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    times: Times,
    jitter: Duration,
}

#[derive(Debug, Clone)]
enum Times {
    Every(Duration),
    Calendar { cron: Box<Cron>, zone: TimeZone },
}

impl Timetable {
    /// `None` if the pattern or the zone is none, which a validated configuration rules out.
    pub(super) fn new(schedule: &Schedule) -> Option<Self> {
        let times = match &schedule.when {
            When::Every(every) => Times::Every(*every),
            When::Cron { pattern, timezone } => Times::Calendar {
                cron: Box::new(parser().parse(pattern).ok()?),
                zone: TimeZone::get(timezone).ok()?,
            },
        };
        Some(Self { times, jitter: schedule.jitter })
    }

    /// Longest time from one start to the next, without jitter.
    pub(super) fn interval(&self, now: Timestamp) -> Duration {
        match &self.times {
            Times::Every(every) => *every,
            Times::Calendar { cron, zone } => {
                let starts = cron.iter_after(now.to_zoned(zone.clone())).take(GAPS);
                let starts: Vec<_> = starts.map(|start| start.timestamp()).collect();
                let gaps = starts.iter().zip(starts.iter().skip(1));
                let longest = gaps.map(|(a, b)| b.duration_since(*a)).max();
                longest.and_then(|gap| Duration::try_from(gap).ok()).unwrap_or(WEEK)
            }
        }
    }

    /// How long to wait: from the last start (`since` ago, monotonic), or until the calendar's next time after `now`.
    /// `random` is from 0 to 1 and picks the jitter.
    pub(super) fn wait(&self, since: Duration, now: Timestamp, random: f64) -> Duration {
        let jitter = self.jitter.mul_f64(random.clamp(0.0, 1.0));
        match &self.times {
            Times::Every(every) => every.saturating_sub(since).saturating_add(jitter),
            Times::Calendar { cron, zone } => {
                let next = cron.find_next_occurrence(&now.to_zoned(zone.clone()), false);
                let wait = next.map(|next| next.timestamp().duration_since(now));
                let wait = wait.unwrap_or(SignedDuration::from_secs(3600));
                Duration::try_from(wait).unwrap_or_default().saturating_add(jitter)
            }
        }
    }

    /// Whether a sweep that took so long made its successor late.
    pub(super) fn overrun(&self, started: Timestamp, took: Duration) -> bool {
        match &self.times {
            Times::Every(every) => took > *every,
            Times::Calendar { .. } => took > self.wait(Duration::ZERO, started, 0.0),
        }
    }

    /// Whether the wall clock decides, so that a wait must be looked at again and again.
    pub(super) fn by_wall_clock(&self) -> bool {
        matches!(self.times, Times::Calendar { .. })
    }
}

/// The interval of a calendar that hardly ever fires.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Five fields, as the configuration promises.
fn parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build()
}

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

    #[test]
    fn an_interval_counts_from_start_to_start() {
        let now = at("2026-11-24T12:00:00Z");
        let cases = [
            ("a quick sweep", every(900, 0), 10, 0.5, 890),
            ("a slow one", every(900, 0), 899, 0.5, 1),
            ("too slow: at once, and only once", every(900, 0), 5_000, 0.5, 0),
            ("no jitter drawn", every(900, 30), 10, 0.0, 890),
            ("all of the jitter", every(900, 30), 10, 1.0, 920),
        ];
        for (case, table, since, random, want) in cases {
            let wait = table.wait(Duration::from_secs(since), now, random);
            assert_eq!(wait.as_secs(), want, "case `{case}`");
        }
    }

    #[test]
    fn a_calendar_follows_its_time_zone_through_the_changes_of_the_clock() {
        let berlin = || cron("30 2 * * *", "Europe/Berlin");
        let cases = [
            ("winter", berlin(), "2026-11-24T00:00:00Z", "2026-11-24T01:30:00Z"),
            ("summer", berlin(), "2026-07-24T00:00:00Z", "2026-07-24T00:30:00Z"),
            ("just now is past", berlin(), "2026-11-24T01:30:00Z", "2026-11-25T01:30:00Z"),
            ("quarters", cron("*/15 * * * *", "UTC"), "2026-11-24T11:59:59Z", "2026-11-24T12:00:00Z"),
        ];
        for (case, table, now, want) in cases {
            let wait = table.wait(Duration::ZERO, at(now), 0.0);
            let next = at(now) + SignedDuration::try_from(wait).unwrap();
            assert_eq!(next, at(want), "case `{case}`");
        }
    }

    #[test]
    fn the_longest_gap_of_a_calendar_is_its_interval() {
        let cases = [
            ("*/15 * * * *", 15 * 60),
            ("0 8-18 * * 1-5", (6 + 48 + 8) * 3600),
            ("0 6 * * *", 24 * 3600),
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
