//! The limits that clients meet, and how often each of them refused a request.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a request was refused though nothing is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Every connection that this client may have, or all may have together, is in use.
    Connections,
    /// Too many large answers are under way.
    Answers,
    /// Too many passwords wait to be verified.
    Passwords,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 3] = [Self::Connections, Self::Answers, Self::Passwords];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Answers => "answers",
            Self::Passwords => "passwords",
        }
    }
}

/// Requests refused since the process started, by limit.
#[derive(Debug, Default)]
pub struct Refusals {
    connections: AtomicU64,
    answers: AtomicU64,
    passwords: AtomicU64,
}

impl Refusals {
    fn of(&self, limit: Limit) -> &AtomicU64 {
        match limit {
            Limit::Connections => &self.connections,
            Limit::Answers => &self.answers,
            Limit::Passwords => &self.passwords,
        }
    }

    /// Counts one. Logged at `debug` only: a client that is refused must not fill the log either.
    pub(super) fn count(&self, limit: Limit) {
        self.of(limit).fetch_add(1, Ordering::Relaxed);
        tracing::debug!(limit = limit.as_str(), "request refused");
    }

    /// How many there were.
    pub fn read(&self, limit: Limit) -> u64 {
        self.of(limit).load(Ordering::Relaxed)
    }
}
