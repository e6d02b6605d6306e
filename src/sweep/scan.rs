//! One account: read, judge, and read again before drift is claimed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::RoleReader;
use crate::check::{Judgement, Rules};
use crate::model::{
    Account, AccountResult, AccountState, Cluster, ScanError, Snapshot, UnknownReason, Usage,
};

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
    let judging = Box::pin(judged(reader.as_ref(), &rules, &account, deadline));
    match judging.await {
        Ok(Judgement { state, role_arn, checks, findings }) => {
            AccountResult::Judged { state, role_arn, checked_at: clock(), checks, findings }
        }
        Err(error) => AccountResult::Unknown(Box::new(error)),
    }
}

/// The clusters come in a slow lane of their own, whose waiting does not count: the deadline is the role's.
async fn judged<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    account: &Account,
    deadline: Duration,
) -> Result<Judgement, ScanError> {
    let clusters = reader.read_clusters(account).await?;
    let judging = confirmed(reader, rules, account, clusters.as_deref());
    tokio::time::timeout(deadline, judging).await.unwrap_or_else(|_| Err(late(deadline)))
}

/// One whole read, within the deadline of the role.
pub(super) async fn seen<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    account: &Account,
    deadline: Duration,
) -> Result<Seen, ScanError> {
    let clusters = reader.read_clusters(account).await?;
    let reading = read(reader, rules, account, clusters.as_deref());
    tokio::time::timeout(deadline, reading).await.unwrap_or_else(|_| Err(late(deadline)))
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
    clusters: Option<&[Cluster]>,
) -> Result<Judgement, ScanError> {
    let judge = |(snapshot, usage): &Seen| rules.judge(account, snapshot, Some(usage));
    let mut seen = read(reader, rules, account, clusters).await?;
    for _ in 1..READS {
        let judgement = judge(&seen)?;
        if !needs_confirming(judgement.state) {
            return Ok(judgement);
        }
        let again = read(reader, rules, account, clusters).await?;
        if again == seen {
            return Ok(judgement);
        }
        seen = again;
    }
    let judgement = judge(&seen)?;
    if needs_confirming(judgement.state) { Err(unstable()) } else { Ok(judgement) }
}

/// The role, and what is known beside it.
pub(super) type Seen = (Snapshot, Usage);

async fn read<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    account: &Account,
    clusters: Option<&[Cluster]>,
) -> Result<Seen, ScanError> {
    let snapshot = reader.read_role(account).await?;
    let mut usage = Usage { clusters: clusters.map(<[_]>::to_vec), ..Usage::default() };
    for name in rules.other_roles(&account.id, clusters.unwrap_or_default()) {
        let role = reader.read_other_role(account, &name).await?;
        usage.roles.insert(name, role);
    }
    Ok((snapshot, usage))
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
