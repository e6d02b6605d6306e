//! How fast calls may follow each other where AWS throttles. Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// Over which time what was lately sent is counted.
const WINDOW: Duration = Duration::from_secs(1);

/// Share of the calls lately sent that must be throttled before the rest is slowed down: where one call of many is, the
/// quota is not ours.
const SHARE: f64 = 0.05;

/// Unlimited until the first throttle. Then the rate is half of what was lately sent, never less than the floor, and
/// grows with every answer until the next throttle.
///
/// Turns are given out in order, so whoever asked first goes first.
#[derive(Debug)]
pub(super) struct Pace {
    /// Calls a second that are always allowed.
    floor: f64,
    /// What each answer adds to the rate, in calls a second.
    growth: f64,
    /// Calls a second; `None` before the first throttle.
    rate: Option<f64>,
    /// The first turn that is not given out yet.
    next: Option<Instant>,
    /// When the rate was last cut. What was sent before knows nothing of the new rate.
    cut: Option<Instant>,
    sent: Window,
    /// Throttled since the last cut.
    refused: Window,
}

impl Pace {
    /// For one quota that all accounts share. Doubles in some three seconds without a throttle.
    pub(super) fn shared() -> Self {
        Self::new(10.0, 0.25)
    }

    /// For the quota of one account.
    pub(super) fn own() -> Self {
        Self::new(1.0, 0.5)
    }

    fn new(floor: f64, growth: f64) -> Self {
        let (sent, refused) = (Window::default(), Window::default());
        Self { floor, growth, rate: None, next: None, cut: None, sent, refused }
    }

    /// The next turn, not before `now`; it is taken, unless it would come at the deadline or later.
    pub(super) fn turn(&mut self, now: Instant, deadline: Option<Instant>) -> Option<Instant> {
        let at = self.next.map_or(now, |next| next.max(now));
        if deadline.is_some_and(|deadline| at >= deadline) {
            return None;
        }
        self.next = self.rate.map(|rate| at + Duration::from_secs_f64(1.0 / rate));
        Some(at)
    }

    /// A call goes out.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent.count(now);
    }

    /// A call was answered, and not throttled.
    pub(super) fn answered(&mut self) {
        if let Some(rate) = &mut self.rate {
            *rate += self.growth;
        }
    }

    /// A call that went out at `sent` was throttled. Calls that were under way together cut the rate once.
    pub(super) fn throttled(&mut self, sent: Instant, now: Instant) {
        if self.cut.is_some_and(|cut| sent <= cut) {
            return;
        }
        let lately = self.sent.per_second(now);
        self.refused.count(now);
        if self.refused.per_second(now) < lately * SHARE {
            return;
        }
        self.refused = Window::default();
        let rate = (self.rate.unwrap_or(f64::INFINITY).min(lately) / 2.0).max(self.floor);
        self.rate = Some(rate);
        self.cut = Some(now);
        let free = now + Duration::from_secs_f64(1.0 / rate);
        self.next = Some(self.next.map_or(free, |next| next.max(free)));
    }
}

/// A sliding count in two numbers: this window's, and the one's before.
#[derive(Debug, Default)]
struct Window {
    begins: Option<Instant>,
    count: u32,
    before: u32,
}

impl Window {
    fn count(&mut self, now: Instant) {
        self.roll(now);
        self.count = self.count.saturating_add(1);
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        let into = self.roll(now).as_secs_f64() / WINDOW.as_secs_f64();
        f64::from(self.before) * (1.0 - into) + f64::from(self.count)
    }

    /// Begins a new window when the old one is over; tells how far into the window it is.
    fn roll(&mut self, now: Instant) -> Duration {
        let into = now.saturating_duration_since(*self.begins.get_or_insert(now));
        if into < WINDOW {
            return into;
        }
        let adjoining = into < WINDOW * 2;
        self.before = if adjoining { self.count } else { 0 };
        self.count = 0;
        self.begins = Some(if adjoining { now - (into - WINDOW) } else { now });
        if adjoining { into - WINDOW } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds after a common beginning.
    fn at(ms: u64) -> Instant {
        use std::sync::LazyLock;
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        *BEGIN + Duration::from_millis(ms)
    }

    /// Sends so many calls at once.
    fn burst(pace: &mut Pace, calls: usize, ms: u64) {
        for _ in 0..calls {
            assert_eq!(pace.turn(at(ms), None), Some(at(ms)));
            pace.sent(at(ms));
        }
    }

    /// The turns of so many calls that ask at the same time, in milliseconds.
    fn turns(pace: &mut Pace, calls: usize, ms: u64) -> Vec<u128> {
        let next = |_| pace.turn(at(ms), None).unwrap().duration_since(at(0)).as_millis();
        (0..calls).map(next).collect()
    }

    #[test]
    fn nothing_waits_before_the_first_throttle() {
        let mut pace = Pace::shared();
        burst(&mut pace, 1_000, 0);
        pace.answered();
        assert_eq!(turns(&mut pace, 3, 5), [5, 5, 5]);
    }

    #[test]
    fn a_throttle_halves_what_was_lately_sent_down_to_the_floor() {
        // Floor, calls sent at 0 ms, when the throttle is heard, and the turns asked for then.
        let cases = [
            ("half", 10.0, 40, 100, [150, 200, 250]),
            ("the floor", 10.0, 4, 100, [200, 300, 400]),
            ("an account's floor", 1.0, 1, 100, [1100, 2100, 3100]),
            ("an account's first four calls", 1.0, 4, 100, [600, 1100, 1600]),
            ("half of the window before has passed", 10.0, 80, 1500, [1550, 1600, 1650]),
            ("long ago", 10.0, 80, 5000, [5100, 5200, 5300]),
        ];
        for (case, floor, calls, heard, want) in cases {
            let mut pace = Pace::new(floor, 0.0);
            burst(&mut pace, calls, 0);
            (0..calls).for_each(|_| pace.throttled(at(0), at(heard)));
            assert_eq!(turns(&mut pace, 3, heard), want, "case `{case}`");
        }
    }

    #[test]
    fn calls_that_were_under_way_together_cut_the_rate_once() {
        let mut pace = Pace::new(1.0, 0.0);
        burst(&mut pace, 80, 0);
        for _ in 0..80 {
            pace.throttled(at(0), at(20));
        }
        assert_eq!(turns(&mut pace, 2, 20), [45, 70], "forty a second");
        for _ in 0..5 {
            pace.sent(at(45));
            pace.throttled(at(45), at(90));
        }
        assert_eq!(turns(&mut pace, 2, 90), [140, 190], "twenty a second");
    }

    #[test]
    fn one_throttled_call_of_many_slows_nobody_down() {
        // Calls sent, throttles heard, and whether the next call waits.
        for (calls, throttles, waits) in
            [(64, 1, false), (64, 3, false), (64, 4, true), (20, 1, true)]
        {
            let mut pace = Pace::shared();
            burst(&mut pace, calls, 0);
            for _ in 0..throttles {
                pace.throttled(at(0), at(20));
            }
            assert_eq!(turns(&mut pace, 1, 20) != [20], waits, "{throttles} of {calls}");
        }
    }

    #[test]
    fn every_answer_makes_it_faster_again() {
        let mut pace = Pace::new(10.0, 5.0);
        burst(&mut pace, 1, 0);
        pace.throttled(at(0), at(0));
        assert_eq!(turns(&mut pace, 2, 0), [100, 200]);
        pace.answered();
        pace.answered();
        assert_eq!(turns(&mut pace, 3, 0), [300, 350, 400], "twenty a second");
        assert_eq!(turns(&mut pace, 2, 900), [900, 950], "turns that nobody took are not saved up");
    }

    #[test]
    fn a_turn_after_the_deadline_is_not_taken() {
        let mut pace = Pace::new(1.0, 0.0);
        burst(&mut pace, 1, 0);
        pace.throttled(at(0), at(0));
        assert_eq!(pace.turn(at(0), Some(at(1000))), None);
        assert_eq!(pace.turn(at(0), Some(at(1001))), Some(at(1000)), "nobody took it before");
        assert_eq!(pace.turn(at(0), Some(at(1001))), None);
        assert_eq!(pace.turn(at(0), None), Some(at(2000)));
    }
}
