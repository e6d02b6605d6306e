//! What was sent, operation by operation, and how it fared.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// Operations that are counted from the start, with 0: those of an ordinary sweep. Others are counted once they are sent.
const ORDINARY: [&str; 14] = [
    "sts:GetCallerIdentity",
    "sts:AssumeRole",
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListAccountsForParent",
    "organizations:ListTagsForResource",
];

/// Operations that have counters of their own.
const PLACES: usize = 32;

/// Upper bounds, in milliseconds, of the classes that the duration of attempts is counted in.
pub const DURATION_BOUNDS_MS: [u64; 10] = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/// How one attempt of a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// Answered.
    Success,
    /// Answered: there is no such role or policy.
    NotFound,
    /// Refused.
    AccessDenied,
    /// Throttled.
    Throttled,
    /// Refused for another reason.
    ClientError,
    /// AWS had a fault, or its answer could not be read.
    ServerError,
    /// No answer in time.
    Timeout,
    /// No connection.
    Network,
    /// Dropped before its answer came: the account's time was over, or the sweep was stopped.
    Cancelled,
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::NotFound,
        Self::AccessDenied,
        Self::Throttled,
        Self::ClientError,
        Self::ServerError,
        Self::Timeout,
        Self::Network,
        Self::Cancelled,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::NotFound => "not_found",
            Self::AccessDenied => "access_denied",
            Self::Throttled => "throttled",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Counts as they go up. One value may be shared by connections that replace each other.
#[derive(Debug)]
pub struct Counters {
    /// Filled from the front; a place is never emptied.
    places: [OnceLock<Counter>; PLACES],
    /// What found no place.
    other: Counter,
    session_requests: AtomicU64,
    session_hits: AtomicU64,
    sessions: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        let counters = Self {
            places: std::array::from_fn(|_| OnceLock::new()),
            other: Counter::new("other:Other"),
            session_requests: AtomicU64::default(),
            session_hits: AtomicU64::default(),
            sessions: AtomicU64::default(),
        };
        for operation in ORDINARY {
            counters.of(operation);
        }
        counters
    }
}

impl Counters {
    /// The counter of an operation, which is written as `iam:GetRole`.
    pub(crate) fn of(&self, operation: &'static str) -> &Counter {
        let places = self.places.iter();
        places
            .map(|place| place.get_or_init(|| Counter::new(operation)))
            .find(|counter| counter.operation == operation)
            .unwrap_or(&self.other)
    }

    /// A session was asked for; `kept` if none had to be made.
    pub(super) fn session(&self, kept: bool) {
        self.session_requests.fetch_add(1, Relaxed);
        self.session_hits.fetch_add(u64::from(kept), Relaxed);
    }

    /// So many sessions are kept now.
    pub(super) fn sessions(&self, kept: usize) {
        self.sessions.store(kept as u64, Relaxed);
    }

    /// The counts now.
    pub fn read(&self) -> Traffic {
        let counters = self.places.iter().filter_map(OnceLock::get).chain([&self.other]);
        Traffic {
            operations: counters.map(Counter::read).collect(),
            session_requests: self.session_requests.load(Relaxed),
            session_hits: self.session_hits.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
        }
    }
}

/// One operation's counts.
#[derive(Debug)]
pub(crate) struct Counter {
    operation: &'static str,
    calls: AtomicU64,
    retries: AtomicU64,
    waited_ms: AtomicU64,
    took_us: AtomicU64,
    outcomes: [AtomicU64; CallOutcome::ALL.len()],
    durations: [AtomicU64; DURATION_BOUNDS_MS.len()],
}

impl Counter {
    fn new(operation: &'static str) -> Self {
        Self {
            operation,
            calls: AtomicU64::default(),
            retries: AtomicU64::default(),
            waited_ms: AtomicU64::default(),
            took_us: AtomicU64::default(),
            outcomes: Default::default(),
            durations: Default::default(),
        }
    }

    /// An attempt is sent now.
    pub(crate) fn sent(&self, first: bool) -> Attempt<'_> {
        self.calls.fetch_add(1, Relaxed);
        self.retries.fetch_add(u64::from(!first), Relaxed);
        Attempt { counter: self, begun: Instant::now(), outcome: CallOutcome::Cancelled }
    }

    /// A call waited for its turn, or backed off.
    pub(super) fn waited(&self, time: Duration) {
        self.waited_ms.fetch_add(whole(time.as_millis()), Relaxed);
    }

    fn ended(&self, outcome: CallOutcome, took: Duration) {
        let milliseconds = whole(took.as_millis());
        let class = DURATION_BOUNDS_MS.iter().position(|bound| milliseconds < *bound);
        if let Some(count) = class.and_then(|class| self.durations.get(class)) {
            count.fetch_add(1, Relaxed);
        }
        if let Some(count) = self.outcomes.get(outcome as usize) {
            count.fetch_add(1, Relaxed);
        }
        self.took_us.fetch_add(whole(took.as_micros()), Relaxed);
    }

    fn read(&self) -> Operation {
        Operation {
            name: self.operation,
            calls: self.calls.load(Relaxed),
            retries: self.retries.load(Relaxed),
            waited: Duration::from_millis(self.waited_ms.load(Relaxed)),
            took: Duration::from_micros(self.took_us.load(Relaxed)),
            outcomes: self.outcomes.each_ref().map(|count| count.load(Relaxed)),
            durations: self.durations.each_ref().map(|count| count.load(Relaxed)),
        }
    }
}

fn whole(time: u128) -> u64 {
    u64::try_from(time).unwrap_or(u64::MAX)
}

/// One attempt on its way; counted when it ends, and as `cancelled` if it is dropped before.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    counter: &'a Counter,
    begun: Instant,
    outcome: CallOutcome,
}

impl Attempt<'_> {
    pub(crate) fn ended(mut self, outcome: CallOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.counter.ended(self.outcome, self.begun.elapsed());
    }
}

/// What was sent so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// By operation; those that were never sent are there too.
    pub operations: Vec<Operation>,
    /// Sessions of assumed roles that were asked for.
    pub session_requests: u64,
    /// Those of them that were there, or just being made.
    pub session_hits: u64,
    /// Sessions that are kept now.
    pub sessions: u64,
}

/// What was sent of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// As `iam:GetRole`.
    pub name: &'static str,
    /// Every attempt of every call.
    pub calls: u64,
    /// Attempts after a call's first one.
    pub retries: u64,
    /// Time that calls waited for their turn or backed off, all together.
    pub waited: Duration,
    /// Time from sending to the answer, all attempts together.
    pub took: Duration,
    /// Attempts that ended, in the order of [`CallOutcome::ALL`].
    pub outcomes: [u64; CallOutcome::ALL.len()],
    /// Attempts that ended below each of [`DURATION_BOUNDS_MS`] and not below the one before.
    pub durations: [u64; DURATION_BOUNDS_MS.len()],
}

impl Operation {
    /// `iam` and `GetRole`.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once(':').unwrap_or((self.name, self.name))
    }

    /// Attempts that ended so.
    pub fn ended(&self, outcome: CallOutcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or_default()
    }
}

/// What was sent to all services.
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

impl Traffic {
    /// All services together.
    pub fn total(&self) -> Sent {
        self.operations.iter().fold(Sent::default(), |sum, one| Sent {
            calls: sum.calls + one.calls,
            retries: sum.retries + one.retries,
            throttled: sum.throttled + one.ended(CallOutcome::Throttled),
            waited: sum.waited + one.waited,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_nobody_declared_is_counted_under_its_own_name_while_there_is_room() {
        let counters = Counters::default();
        counters.of("eks:ListClusters").sent(true).ended(CallOutcome::Success);
        counters.of("eks:ListClusters").sent(false).ended(CallOutcome::Throttled);
        let names: Vec<String> = (0..PLACES * 2).map(|n| format!("x:Y{n}")).collect();
        for name in names {
            counters.of(name.leak()).sent(true).ended(CallOutcome::Success);
        }
        let read = counters.read();
        let of = |name: &str| read.operations.iter().find(|one| one.name == name).unwrap().clone();
        assert_eq!(of("eks:ListClusters").parts(), ("eks", "ListClusters"));
        assert_eq!((of("eks:ListClusters").calls, of("eks:ListClusters").retries), (2, 1));
        assert_eq!(read.operations.len(), PLACES + 1);
        assert!(of("other:Other").calls > 0);
        assert_eq!(read.total().calls, 2 + 2 * PLACES as u64);
        assert_eq!(read.total().throttled, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_counted_by_how_it_ended_and_how_long_it_took() {
        let counters = Counters::default();
        for (ms, outcome) in [
            (9, Some(CallOutcome::Success)),
            (10, Some(CallOutcome::NotFound)),
            (9999, Some(CallOutcome::Timeout)),
            (20_000, None),
        ] {
            let attempt = counters.of("iam:GetRole").sent(true);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            match outcome {
                Some(outcome) => attempt.ended(outcome),
                None => drop(attempt),
            }
        }
        let read = counters.read();
        let role = read.operations.iter().find(|one| one.name == "iam:GetRole").unwrap();
        assert_eq!(role.outcomes, [1, 1, 0, 0, 0, 0, 1, 0, 1]);
        assert_eq!(role.durations, [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(role.took, Duration::from_millis(9 + 10 + 9999 + 20_000));
    }
}
