//! What was sent, service by service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts as they go up.
#[derive(Debug, Default)]
pub(super) struct Counter {
    calls: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    waited_ms: AtomicU64,
}

impl Counter {
    pub(super) fn call(&self, first: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.retries.fetch_add(u64::from(!first), Ordering::Relaxed);
    }

    pub(super) fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn waited(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.waited_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Sent {
        Sent {
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            waited: Duration::from_millis(self.waited_ms.load(Ordering::Relaxed)),
        }
    }
}

/// What was sent to one service, or to all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Every attempt of every call.
    pub calls: u64,
    /// Attempts after a call's first one.
    pub retries: u64,
    /// Attempts that AWS throttled.
    pub throttled: u64,
    /// Time that calls waited for their turn or backed off, all calls together.
    pub waited: Duration,
}

/// What was sent since the connection was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To STS.
    pub sts: Sent,
    /// To IAM, in all accounts.
    pub iam: Sent,
    /// To Organizations.
    pub organizations: Sent,
    /// To EKS, in all accounts.
    pub eks: Sent,
}

impl Traffic {
    /// All services together.
    pub fn total(&self) -> Sent {
        [self.sts, self.iam, self.organizations, self.eks].into_iter().fold(
            Sent::default(),
            |sum, one| Sent {
                calls: sum.calls + one.calls,
                retries: sum.retries + one.retries,
                throttled: sum.throttled + one.throttled,
                waited: sum.waited + one.waited,
            },
        )
    }
}
