//! One sweep: every selected account read, judged and reported; bounded, cancellable, and one bad account never stops the
//! rest.

mod plan;
mod report;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use plan::{Planning, plan};
pub use report::report_of;

use crate::aws::RoleReader;
use crate::check::Rules;
use crate::config::Exception;
use crate::model::{
    Account, AccountReport, AccountResult, ScanError, UnknownReason, printable_line,
};

/// How a sweep runs.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Accounts in flight; at least one.
    pub concurrency: usize,
    /// Deadline of one account, every read and retry included.
    pub account_timeout: Duration,
}

/// Told of each account as it is done.
pub trait Progress {
    /// One more account is being scanned.
    fn account_started(&mut self) {}

    /// One more account is done, after so long; skipped ones are not told.
    fn account_done(&mut self, account: &AccountReport, took: Duration);
}

/// What a sweep brought.
#[derive(Debug)]
pub struct Swept {
    /// Every account of the list, in no particular order.
    pub accounts: Vec<AccountReport>,
    /// The sweep was stopped; accounts it did not reach are `unknown{pending}`.
    pub cancelled: bool,
}

/// Scans every account that is not left out.
///
/// `clock` gives the time an account was read at. When `cancel` fires, reads in flight are dropped and the accounts not
/// yet done are reported as `pending`.
pub async fn sweep<R>(
    reader: &Arc<R>,
    rules: &Arc<Rules>,
    accounts: Vec<Account>,
    limits: Limits,
    clock: fn() -> Timestamp,
    cancel: &CancellationToken,
    progress: &mut impl Progress,
) -> Swept
where
    R: RoleReader + Send + Sync + 'static,
{
    warn_of_expired(rules);
    reader.begin_sweep();
    let (mut done, queue) = split(accounts);
    let mut queue = queue.into_iter();
    let mut flights: JoinSet<AccountResult> = JoinSet::new();
    let mut names: BTreeMap<Id, (Account, Instant)> = BTreeMap::new();
    loop {
        while flights.len() < limits.concurrency.max(1) && !cancel.is_cancelled() {
            let Some(account) = queue.next() else { break };
            let scan = scan::scan(
                Arc::clone(reader),
                Arc::clone(rules),
                account.clone(),
                limits.account_timeout,
                clock,
            );
            progress.account_started();
            names.insert(flights.spawn(scan).id(), (account, Instant::now()));
        }
        let landed = tokio::select! {
            biased;
            () = cancel.cancelled() => break,
            landed = flights.join_next_with_id() => landed,
        };
        let (id, result) = match landed {
            None => break,
            Some(Ok((id, result))) => (id, result),
            Some(Err(error)) => (error.id(), AccountResult::Unknown(Box::new(defect()))),
        };
        if let Some((account, started)) = names.remove(&id) {
            let report = report(account, result);
            progress.account_done(&report, started.elapsed());
            done.push(report);
        }
    }
    flights.abort_all();
    let left: Vec<Account> = names.into_values().map(|(account, _)| account).chain(queue).collect();
    let cancelled = cancel.is_cancelled() && !left.is_empty();
    done.extend(
        left.into_iter()
            .map(|account| report(account, AccountResult::Unknown(Box::new(stopped())))),
    );
    Swept { accounts: done, cancelled }
}

/// Names the exceptions that nobody took out or renewed.
pub(crate) fn warn_of_expired(rules: &Rules) {
    for Exception { id, owner, expires, .. } in rules.expired_exceptions() {
        let (exception, owner) = (printable_line(id, 64), printable_line(owner, 128));
        tracing::warn!(exception, owner, expired = %expires, "an exception has expired: it covers nothing any more");
    }
}

/// Splits off the accounts that are not read, already reported.
fn split(accounts: Vec<Account>) -> (Vec<AccountReport>, Vec<Account>) {
    let (mut done, mut selected) = (Vec::new(), Vec::new());
    for account in accounts {
        match account.skip {
            Some(reason) => done.push(report(account, AccountResult::Skipped(reason))),
            None if account.contradicted => {
                done.push(report(account, AccountResult::Unknown(Box::new(contradicted()))));
            }
            None => selected.push(account),
        }
    }
    (done, selected)
}

fn report(account: Account, result: AccountResult) -> AccountReport {
    AccountReport { id: account.id, name: account.name, path: account.path, result }
}

fn defect() -> ScanError {
    ScanError::new(UnknownReason::Internal, "scanning this account met a defect of rolewarden")
        .hint("please report it, with the log")
}

fn contradicted() -> ScanError {
    ScanError::new(
        UnknownReason::Unstable,
        "the account list has this account twice, with another state, name or place each time",
    )
    .during("organizations:ListAccounts")
    .hint("it changed while the accounts were listed: scan again; if it stays, look at what stands between rolewarden and AWS")
}

fn stopped() -> ScanError {
    ScanError::new(UnknownReason::Pending, "the sweep was stopped before this account was done")
        .hint("run the scan again")
}
