//! What the web asks of the daemon.

use std::sync::Arc;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use crate::config::Secret;
use crate::ledger::{FindingRecord, Trigger, View};
use crate::model::{AccountId, Change};
use crate::store::ChangeFilter;

/// What the page and the API read.
#[derive(Clone)]
pub struct Site {
    /// What is known; replaced whole.
    pub view: watch::Receiver<Arc<View>>,
    /// The time now.
    pub clock: fn() -> Timestamp,
    /// What is done on request.
    pub control: Arc<dyn Control>,
}

/// The daemon, as far as a request can reach it. A trait, so that tests need none.
pub trait Control: Send + Sync {
    /// The sweep that runs now.
    fn progress(&self) -> Option<Progress>;

    /// The metrics in Prometheus' text format 0.0.4.
    fn metrics(&self, encoding: Encoding) -> BoxFuture<'_, Bytes>;

    /// Starts a sweep. It goes on after the answer.
    fn sweep_now(&self) -> BoxFuture<'_, Result<SweepStarted, Refused>>;

    /// Begins to scan one account again. It goes on after the answer.
    fn rescan(&self, account: AccountId) -> BoxFuture<'_, Result<(), Refused>>;

    /// Takes a person's word that the list of accounts that was not believed is right: how many accounts it has. The next
    /// sweep lists them again.
    fn confirm_list(&self) -> Result<usize, Refused>;

    /// Reads the configuration again and puts it in force. The error is every problem, a line each; it holds no secret.
    fn reload(&self) -> BoxFuture<'_, Result<(), String>>;

    /// Whether the daemon can answer for the organization; the error is a constant phrase.
    fn ready(&self) -> Result<(), &'static str>;

    /// The history of an account's findings, the newest first. The error is for the log.
    fn history(&self, account: AccountId) -> BoxFuture<'_, Result<Vec<FindingRecord>, String>>;

    /// Changes in AWS, those that were written down last first. The error is for the log.
    fn changes(&self, filter: ChangeFilter) -> BoxFuture<'_, Result<Vec<Change>, String>>;

    /// Stops remediation, or lets it go on. The error is for the log: then it is as it was.
    fn steer(&self, how: Steer) -> BoxFuture<'_, Result<(), String>>;

    /// The bearer token that POST needs; `None`: there is no POST.
    fn token(&self) -> Option<Secret>;
}

/// What a person wants of remediation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steer {
    /// Nothing is written any more, from the next write on; the one in progress is finished.
    Stop,
    /// What was stopped goes on.
    Resume,
    /// The breaker that is open lets one account through, which decides.
    Reset,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// `Content-Encoding: gzip`.
    Gzip,
}

/// How far the running sweep is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The sweep's ULID.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Why it runs.
    pub trigger: Trigger,
    /// Accounts done.
    pub done: usize,
    /// Accounts to be done; 0 while they are listed.
    pub total: usize,
}

/// A sweep that was started on request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepStarted {
    /// Its ULID, under which it will be among the sweeps.
    pub id: String,
}

/// Why a request was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// A sweep, or a scan of this account, runs already.
    Running,
    /// There is no such account, or it is left out.
    NoSuchAccount,
    /// No list of accounts waits to be confirmed.
    NoSuchList,
    /// The daemon is about to end.
    Stopping,
}
