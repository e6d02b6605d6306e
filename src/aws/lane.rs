//! The way every call goes: it waits for its turn, is sent, and is sent again where that may help.
//!
//! The SDK's own retries are off. They know neither a quota that several accounts share nor the accounts' deadlines, and
//! a process that is throttled everywhere would multiply its calls.

use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::client::CALLS_AT_ONCE;
use super::error::{Again, Failure, failure, no_turn};
use super::pace::Pace;
use super::reading::Taken;
use super::traffic::{CallOutcome, Counter, Counters, Traffic};
use crate::config::SweepConfig;
use crate::model::ScanError;

/// Bound of the first wait before another attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Longest wait, and the most that AWS may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// How often a call waits once more because the budget has no retry for it just now.
const PATIENCE: u32 = 4;

/// What all lanes of one service share.
#[derive(Debug)]
struct Service {
    budget: Mutex<Budget>,
    counters: Arc<Counters>,
}

/// The lanes of one process, and the limits that hold in each.
#[derive(Debug)]
pub(super) struct Lanes {
    max_attempts: u32,
    /// No call waits longer than one account may take.
    longest: Duration,
    sts: (Arc<Service>, Arc<Mutex<Pace>>),
    organizations: (Arc<Service>, Arc<Mutex<Pace>>),
    iam: Arc<Service>,
    eks: (Arc<Service>, Arc<Mutex<Pace>>),
    counters: Arc<Counters>,
}

impl Lanes {
    pub(super) fn new(sweep: &SweepConfig, counters: Arc<Counters>) -> Self {
        let service = |calls| {
            let budget = Mutex::new(Budget::new(sweep.concurrency.saturating_mul(calls)));
            Arc::new(Service { budget, counters: Arc::clone(&counters) })
        };
        let pace = || Arc::new(Mutex::new(Pace::shared()));
        Self {
            max_attempts: sweep.max_attempts.max(1),
            longest: sweep.account_timeout,
            sts: (service(1), pace()),
            organizations: (service(1), pace()),
            iam: service(CALLS_AT_ONCE),
            eks: (service(1), pace()),
            counters,
        }
    }

    /// For STS, whose quota belongs to the calling account: all AssumeRole calls follow one pace.
    pub(super) fn sts(&self) -> Lane {
        let (service, pace) = &self.sts;
        self.lane(service, Arc::clone(pace), None)
    }

    /// For Organizations, whose quota belongs to the organization.
    pub(super) fn organizations(&self) -> Lane {
        let (service, pace) = &self.organizations;
        self.lane(service, Arc::clone(pace), None)
    }

    /// For EKS: its quotas are each account's own, but all accounts follow one pace, because nothing there is urgent.
    pub(super) fn eks(&self) -> Lane {
        let (service, pace) = &self.eks;
        self.lane(service, Arc::clone(pace), None)
    }

    /// For IAM in one account, which has a quota of its own; for one read, which began at `begun`.
    pub(super) fn account(&self, begun: Instant) -> Lane {
        self.lane(&self.iam, Arc::new(Mutex::new(Pace::own())), Some(begun + self.longest))
    }

    fn lane(
        &self,
        service: &Arc<Service>,
        pace: Arc<Mutex<Pace>>,
        deadline: Option<Instant>,
    ) -> Lane {
        Lane {
            service: Arc::clone(service),
            pace,
            max_attempts: self.max_attempts,
            longest: self.longest,
            deadline,
            throttled: sync::Mutex::default(),
            over: CancellationToken::new(),
            taken: Mutex::default(),
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.counters.read()
    }
}

/// One party's way to one service. It lives as long as what is read through it.
#[derive(Debug)]
pub(super) struct Lane {
    service: Arc<Service>,
    pace: Arc<Mutex<Pace>>,
    max_attempts: u32,
    longest: Duration,
    deadline: Option<Instant>,
    /// Held by the one throttled call that is tried again: the others wait to see how it fares.
    throttled: sync::Mutex<()>,
    /// One call was throttled to the end: the others of this party have nothing to hope for.
    over: CancellationToken,
    /// How its calls went so far; `None` before the first answer.
    taken: Mutex<Option<Taken>>,
}

/// Whether a write may still be sent: what was read before it is not too old.
pub(super) type Fresh<'a> = &'a (dyn Fn() -> bool + Sync);

/// How a call ended that was not answered as asked.
#[derive(Debug)]
pub(super) enum Ended {
    /// It failed.
    Failed(Failure),
    /// A write that was not sent, or not sent again: its time was over.
    Stale,
}

/// How far one call has come.
struct Progress<'a> {
    counter: &'a Counter,
    attempts: u32,
    /// Waits so far; a wait may end without an attempt.
    waits: u32,
    deadline: Instant,
    /// From its first throttle to its end.
    alone: Option<sync::MutexGuard<'a, ()>>,
}

impl Lane {
    /// Sends a call, again where that may help, until it is answered or given up. `operation` is written as `iam:GetRole`.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, ScanError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.attempts(operation, send, None).await.map_err(|ended| match ended {
            Ended::Failed(failed) => failed.error,
            Ended::Stale => no_turn(operation),
        })
    }

    /// As [`Lane::call`], for a call that changes something: it is sent again only where AWS said that it is throttled, and
    /// that nothing was done. Right before each attempt `fresh` tells whether it may still be sent.
    pub(super) async fn write<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
        fresh: Fresh<'_>,
    ) -> Result<T, Ended>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.attempts(operation, send, Some(fresh)).await
    }

    /// `fresh` is there for writes.
    async fn attempts<T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn() -> F,
        fresh: Option<Fresh<'_>>,
    ) -> Result<T, Ended>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let deadline = self.deadline.unwrap_or_else(|| Instant::now() + self.longest);
        let counter = self.service.counters.of(operation);
        let mut progress = Progress { counter, attempts: 0, waits: 0, deadline, alone: None };
        let mut last = None;
        // Asked for because of what another call answered. One that only had to wait for a connection was not.
        let mut follows = lock(&self.taken).is_some();
        loop {
            let Some(sent) = self.turn(&mut progress).await else {
                return Err(Ended::Failed(last.unwrap_or_else(|| Failure::unsent(operation))));
            };
            if fresh.is_some_and(|fresh| !fresh()) {
                return Err(Ended::Stale);
            }
            let attempt = counter.sent(progress.attempts == 1);
            let answer = send().await;
            self.took(sent, follows);
            // The next attempt is a retry.
            follows = true;
            let failed = match answer {
                Ok(answer) => {
                    attempt.ended(CallOutcome::Success);
                    self.heard(Again::Never, sent);
                    return Ok(answer);
                }
                Err(error) => failure(operation, &error),
            };
            attempt.ended(failed.outcome());
            self.heard(failed.again, sent);
            let throttled = failed.again == Again::Slower && failed.refused;
            let once = fresh.is_some() && !throttled;
            if once || !self.back_off(&mut progress, &failed).await {
                // What one call met to the end is this party's quota, and its other calls meet it too.
                if failed.again == Again::Slower {
                    self.over.cancel();
                }
                return Err(Ended::Failed(failed));
            }
            last = Some(failed);
        }
    }

    /// How the calls went that were made through it; `None` where none was answered.
    pub(super) fn taken(&self) -> Option<Taken> {
        *lock(&self.taken)
    }

    /// An attempt was answered, or failed.
    fn took(&self, sent: Instant, follows: bool) {
        let (mut taken, now) = (lock(&self.taken), Instant::now());
        *taken = Some(match *taken {
            None => Taken::call(sent, now),
            Some(taken) => taken.and_call(sent, now, follows),
        });
    }

    /// Waits for the call's turn and takes it; `None` where that would be too late.
    async fn turn(&self, progress: &mut Progress<'_>) -> Option<Instant> {
        let first = progress.attempts == 0;
        let at = lock(&self.pace).turn(Instant::now(), Some(progress.deadline))?;
        // A call that was not sent yet is sent once, in its turn, whatever the others met.
        if !self.wait(progress.counter, at, first).await {
            return None;
        }
        let now = Instant::now();
        lock(&self.pace).sent(now);
        if first {
            lock(&self.service.budget).first();
        }
        progress.attempts += 1;
        Some(now)
    }

    /// Learns from what came back. An answer that would not change is an answer, whatever it says.
    fn heard(&self, again: Again, sent: Instant) {
        match again {
            Again::Never => {
                lock(&self.pace).answered();
                lock(&self.service.budget).answered();
            }
            Again::Slower => {
                lock(&self.pace).throttled(sent, Instant::now());
            }
            Again::Later | Again::Unreached | Again::Resigned => {}
        }
    }

    /// Waits before another attempt and pays for it; false when there shall be none.
    async fn back_off<'a>(&'a self, progress: &mut Progress<'a>, failed: &Failure) -> bool {
        if progress.attempts >= failed.again.attempts(self.max_attempts) {
            return false;
        }
        if failed.again == Again::Slower && progress.alone.is_none() {
            progress.alone = Some(self.throttled.lock().await);
        }
        while progress.waits < self.max_attempts - 1 + PATIENCE {
            let asked = failed.after.unwrap_or_default().min(LONGEST_WAIT);
            let at = Instant::now() + asked + wait(progress.waits, fastrand::f64());
            progress.waits += 1;
            if at >= progress.deadline || !self.wait(progress.counter, at, false).await {
                return false;
            }
            if lock(&self.service.budget).claim() {
                return true;
            }
        }
        false
    }

    /// Waits until then; false when another call of this party was given up before, unless that does not matter.
    async fn wait(&self, counter: &Counter, until: Instant, regardless: bool) -> bool {
        let from = Instant::now();
        // A timer takes a millisecond even where nothing is to be waited for.
        if until > from {
            if regardless {
                sleep_until(until).await;
            } else {
                self.over.run_until_cancelled(sleep_until(until)).await;
            }
            counter.waited(from.elapsed());
        }
        regardless || !self.over.is_cancelled()
    }
}

/// Full jitter: anything up to a bound that doubles, so that calls that failed together do not come back together.
fn wait(waits: u32, random: f64) -> Duration {
    let bound = FIRST_WAIT.saturating_mul(1_u32.checked_shl(waits).unwrap_or(u32::MAX));
    bound.min(LONGEST_WAIT).mul_f64(random)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_random_below_a_bound_that_doubles_up_to_twenty_seconds() {
        let cases = [
            (0, 0.0, 0),
            (0, 0.5, 100),
            (0, 1.0, 200),
            (1, 1.0, 400),
            (3, 0.25, 400),
            (6, 1.0, 12_800),
            (7, 1.0, 20_000),
            (31, 1.0, 20_000),
            (99, 0.5, 10_000),
        ];
        for (waits, random, want) in cases {
            assert_eq!(wait(waits, random).as_millis(), want, "case {waits} {random}");
        }
    }
}
