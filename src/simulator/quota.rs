//! Quotas: so many calls a second, and the rest is throttled, as AWS does it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::calls::{Operation, Service};
use super::script::On;
use super::world::World;
use crate::model::AccountId;

/// How many of some calls are answered in a second. IAM and EKS count each account by itself; STS and Organizations count
/// everything, as all of it comes from the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Which calls.
    pub on: On,
    /// Calls a second, for long.
    pub per_second: u32,
    /// Calls at once, after a pause.
    pub burst: u32,
}

/// How far the world's quotas are used up.
#[derive(Debug, Default)]
pub(super) struct Meters(Mutex<HashMap<(usize, Option<AccountId>), Bucket>>);

/// What is left, and when that was true.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Meters {
    /// Counts a call against every quota it falls under; tells whether it goes beyond one.
    pub(super) fn is_beyond(
        &self,
        world: &World,
        operation: Operation,
        account: &AccountId,
    ) -> bool {
        if world.quotas.is_empty() {
            return false;
        }
        let now = Instant::now();
        let own = matches!(operation.service(), Service::Iam | Service::Eks).then_some(account);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quotas = world.quotas.iter().enumerate();
        let counted = quotas.filter(|(_, quota)| quota.on.includes(operation));
        // Every quota counts the call, also when another has refused it already.
        counted.fold(false, |beyond, (number, quota)| {
            let full = || Bucket { left: f64::from(quota.burst), at: now };
            let bucket = buckets.entry((number, own.cloned())).or_insert_with(full);
            !bucket.take(quota, now) || beyond
        })
    }
}

impl Bucket {
    fn take(&mut self, quota: &Quota, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * f64::from(quota.per_second)).min(f64::from(quota.burst));
        self.at = now;
        let enough = self.left >= 1.0;
        self.left -= if enough { 1.0 } else { 0.0 };
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_quota_lets_a_burst_through_and_then_so_many_a_second() {
        let quota = Quota { on: On::Any, per_second: 10, burst: 5 };
        let begin = Instant::now();
        let mut bucket = Bucket { left: 5.0, at: begin };
        // Milliseconds, calls at that time, how many of them are answered.
        for (ms, calls, want) in [(0, 8, 5), (100, 3, 1), (150, 3, 0), (1_000, 9, 5), (9_000, 9, 5)]
        {
            let at = begin + Duration::from_millis(ms);
            let answered = (0..calls).filter(|_| bucket.take(&quota, at)).count();
            assert_eq!(answered, want, "at {ms} ms");
        }
    }
}
