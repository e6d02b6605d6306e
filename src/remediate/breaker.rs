//! Stops remediation when too much fails. Pure.

use jiff::Timestamp;

use crate::config::Remediation;
use crate::model::{Breaker, Guard};

/// Accounts of a run from which on percentages are looked at.
const FEWEST: usize = 10;

/// How the accounts of a run have fared so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Accounts in which something was written, or tried.
    pub(super) tried: usize,
    /// Of these, those that failed.
    pub(super) failed: usize,
}

/// Counts one account; tells why the breaker opens, if it does.
pub(super) fn count(
    guard: &mut Guard,
    tally: Tally,
    failed: bool,
    limits: &Remediation,
    now: Timestamp,
) -> Option<String> {
    if !failed {
        guard.failures_in_a_row = 0;
        if guard.breaker == Breaker::HalfOpen {
            guard.breaker = Breaker::Closed;
        }
    } else {
        guard.failures_in_a_row = guard.failures_in_a_row.saturating_add(1);
    }
    let why = why(guard, tally, failed, limits)?;
    guard.breaker = Breaker::Open { since: now, why: why.clone() };
    Some(why)
}

fn why(guard: &Guard, tally: Tally, failed: bool, limits: &Remediation) -> Option<String> {
    if !failed {
        return None;
    }
    let Tally { tried, failed } = tally;
    if guard.breaker == Breaker::HalfOpen {
        return Some("the one account that was tried after the reset failed".to_owned());
    }
    if guard.failures_in_a_row >= limits.breaker_failures.max(1) {
        return Some(format!("changes failed {} times in a row", guard.failures_in_a_row));
    }
    let percent = usize::try_from(limits.breaker_percent).unwrap_or(usize::MAX);
    let too_many = failed.saturating_mul(100) > percent.saturating_mul(tried);
    (tried >= FEWEST && too_many)
        .then(|| format!("{failed} of the {tried} accounts of one run failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Fares of accounts, `x` failed; where the breaker opens, and why.
    fn opens(guard: Guard, fares: &str) -> Option<(usize, String)> {
        let (mut guard, mut tally) = (guard, Tally::default());
        for (n, fare) in fares.chars().enumerate() {
            tally.tried += 1;
            tally.failed += usize::from(fare == 'x');
            let limits = Remediation::default();
            if let Some(why) = count(&mut guard, tally, fare == 'x', &limits, at(1)) {
                assert_eq!(guard.breaker, Breaker::Open { since: at(1), why: why.clone() });
                return Some((n, why));
            }
        }
        assert_eq!(guard.breaker, Breaker::Closed);
        None
    }

    #[test]
    fn it_opens_after_failures_in_a_row_or_a_share_of_the_run() {
        let half = || Guard { breaker: Breaker::HalfOpen, ..Guard::default() };
        let two = || Guard { failures_in_a_row: 2, ..Guard::default() };
        let cases = [
            ("nothing fails", Guard::default(), "............", None),
            ("three in a row", Guard::default(), "xxx", Some((2, "3 times in a row"))),
            ("a success between", Guard::default(), "xx.xx.", None),
            ("two were before", two(), "x", Some((0, "3 times in a row"))),
            ("two were before, then a success", two(), ".x", None),
            ("one of nine", Guard::default(), "........x", None),
            ("one of ten", Guard::default(), ".........x", Some((9, "1 of the 10 accounts"))),
            ("one of twenty", Guard::default(), "...................x", None),
            ("half open, fails", half(), "x", Some((0, "after the reset"))),
            ("half open, succeeds", half(), ".xx", None),
        ];
        for (case, guard, fares, want) in cases {
            let got = opens(guard, fares);
            assert_eq!(got.as_ref().map(|got| got.0), want.map(|want| want.0), "case `{case}`");
            if let (Some((_, why)), Some((_, words))) = (got, want) {
                assert!(why.contains(words), "case `{case}`: {why}");
            }
        }
    }
}
