//! How many retries a service may get, all accounts together. Pure.

/// Retries that are there before anything was sent.
const RESERVE: u32 = 10;

/// Everything is counted in tenths of a retry.
const RETRY: u32 = 10;

/// What each call earns when it is first sent, in tenths.
const FIRST: u32 = 2;

/// What each answer earns, in tenths.
const ANSWER: u32 = 10;

/// Retries are paid from what calls bring in. Where everything is refused, `n` calls cost at most `1.2 n + 10` attempts;
/// where every second attempt is answered, there is always enough.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    most: u32,
}

impl Budget {
    /// Saves up as many retries as calls can be under way, and the reserve at least.
    pub(super) fn new(in_flight: usize) -> Self {
        let most = u32::try_from(in_flight).unwrap_or(u32::MAX).max(RESERVE);
        Self { left: RESERVE * RETRY, most: most.saturating_mul(RETRY) }
    }

    /// A call is sent for the first time.
    pub(super) fn first(&mut self) {
        self.earn(FIRST);
    }

    /// A call was answered.
    pub(super) fn answered(&mut self) {
        self.earn(ANSWER);
    }

    /// Takes a retry, if there is one.
    pub(super) fn claim(&mut self) -> bool {
        let left = self.left.checked_sub(RETRY);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn earn(&mut self, tenths: u32) {
        self.left = self.left.saturating_add(tenths).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often a call fails, and whether it is answered after that.
    type Failures = fn(u32) -> (u32, bool);

    /// The attempts of so many calls, and whether each got all the retries it asked for.
    fn spend(budget: &mut Budget, calls: u32, failures: Failures) -> (usize, bool) {
        let (mut attempts, mut all) = (0, true);
        for (fails, answered) in (0..calls).map(failures) {
            budget.first();
            let retries = (0..fails).take_while(|_| budget.claim()).count();
            attempts += 1 + retries;
            match retries == fails as usize {
                true if answered => budget.answered(),
                true => {}
                false => all = false,
            }
        }
        (attempts, all)
    }

    #[test]
    fn refused_calls_cost_a_fifth_more_and_answered_ones_never_run_out() {
        // Calls, calls under way at once, what happens to each call; attempts, and whether every retry could be paid.
        let cases: [(&str, u32, usize, Failures, usize, bool); 7] = [
            ("all well", 1_000, 64, |_| (0, true), 1_000, true),
            ("nothing answered: 10", 10, 64, |_| (3, false), 10 + 12, false),
            ("nothing answered: 1,000", 1_000, 64, |_| (3, false), 1_000 + 210, false),
            ("nothing answered: 10,000", 10_000, 1024, |_| (3, false), 10_000 + 2_010, false),
            ("each fails once", 10_000, 1, |_| (1, true), 20_000, true),
            ("every second fails twice", 10_000, 1, |n| (n % 2 * 2, true), 20_000, true),
            ("every tenth for ever", 10_000, 1, |n| (n % 10 / 9 * 3, n % 10 < 9), 13_000, true),
        ];
        for (case, calls, in_flight, failures, attempts, all) in cases {
            let got = spend(&mut Budget::new(in_flight), calls, failures);
            assert_eq!(got, (attempts, all), "case `{case}`");
        }
    }

    #[test]
    fn good_times_save_up_no_more_than_the_calls_under_way_need() {
        for (in_flight, want) in [(1, 10), (64, 64), (1024, 1024)] {
            let mut budget = Budget::new(in_flight);
            spend(&mut budget, 5_000, |_| (0, true));
            assert_eq!((0..5_000).take_while(|_| budget.claim()).count(), want);
        }
    }
}
