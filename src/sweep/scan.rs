//! One account: read, judge, and read again before drift is claimed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::RoleReader;
use crate::check::{Judgement, Rules};
use crate::model::{Account, AccountResult, AccountState, ScanError, UnknownReason};

/// Whole reads of one role at most: the first, the one that confirms, and one more when the two differ.
const READS: usize = 3;

/// Scans one account within its deadline.
pub(super) async fn scan<R: RoleReader>(
    reader: Arc<R>,
    rules: Arc<Rules>,
    account: Account,
    deadline: Duration,
    clock: fn() -> Timestamp,
) -> AccountResult {
    // On the heap at once: spawning moves the task, and these are some twenty kilobytes.
    let judging = Box::pin(confirmed(reader.as_ref(), &rules, &account));
    let result = tokio::time::timeout(deadline, judging).await;
    match result.unwrap_or_else(|_| Err(late(deadline))) {
        Ok(Judgement { state, role_arn, checks, findings }) => {
            AccountResult::Judged { state, role_arn, checked_at: clock(), checks, findings }
        }
        Err(error) => AccountResult::Unknown(Box::new(error)),
    }
}

fn late(deadline: Duration) -> ScanError {
    ScanError::new(
        UnknownReason::Timeout,
        format!("the account was not read within {} s", deadline.as_secs_f64()),
    )
    .hint("raise sweep.account_timeout, or lower sweep.concurrency if many accounts are slow")
}

/// A drift is reported only when two whole reads in a row agree: a role that changes while it is read may look like
/// something it never was.
async fn confirmed<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    account: &Account,
) -> Result<Judgement, ScanError> {
    let mut snapshot = reader.read_role(account).await?;
    for _ in 1..READS {
        let judgement = rules.judge(&account.id, &snapshot)?;
        if !needs_confirming(judgement.state) {
            return Ok(judgement);
        }
        let again = reader.read_role(account).await?;
        if again == snapshot {
            return Ok(judgement);
        }
        snapshot = again;
    }
    let judgement = rules.judge(&account.id, &snapshot)?;
    if needs_confirming(judgement.state) { Err(unstable()) } else { Ok(judgement) }
}

fn needs_confirming(state: AccountState) -> bool {
    match state {
        AccountState::Drifted | AccountState::Exempt => true,
        AccountState::Compliant | AccountState::NotApplicable | AccountState::Unknown => false,
    }
}

fn unstable() -> ScanError {
    ScanError::new(UnknownReason::Unstable, format!("the role changed with each of {READS} reads"))
        .hint("somebody is changing it right now; look at CloudTrail, and scan again")
}
