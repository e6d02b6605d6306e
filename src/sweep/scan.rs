//! One account: read, judge, and read again until what is claimed is proved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::aws::{Proof, Reading, RoleReader, proved};
use crate::check::{Judgement, Rules};
use crate::model::{
    Account, AccountResult, AccountState, Cluster, ScanError, Snapshot, UnknownReason, Usage,
};

/// Roles of one account that are read at once beside the expected one: what does not fit comes in a second round trip.
const OTHERS_AT_ONCE: usize = 4;

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

async fn judged<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    account: &Account,
    deadline: Duration,
) -> Result<Judgement, ScanError> {
    let claim = |(snapshot, usage): &Seen| {
        let judgement = rules.judge(account, snapshot, Some(usage))?;
        let proof = proof_of(judgement.state);
        Ok((judgement, proof))
    };
    claimed(reader, rules, account, deadline, claim).await
}

/// Reads until what is claimed of the account is proved, within its deadline. The clusters come in a slow lane of their own,
/// whose waiting does not count: the deadline is the role's.
pub(super) async fn claimed<R: RoleReader, C>(
    reader: &R,
    rules: &Rules,
    account: &Account,
    deadline: Duration,
    claim: impl Fn(&Seen) -> Result<(C, Proof), ScanError>,
) -> Result<C, ScanError> {
    let clusters = reader.read_clusters(account).await?;
    let claiming = proved(|| read(reader, rules, account, clusters.as_deref()), claim);
    tokio::time::timeout(deadline, claiming).await.unwrap_or_else(|_| Err(late(deadline)))
}

fn late(deadline: Duration) -> ScanError {
    ScanError::new(
        UnknownReason::Timeout,
        format!("the account was not read within {} s", deadline.as_secs_f64()),
    )
    .hint("raise sweep.account_timeout, or lower sweep.concurrency if many accounts are slow")
}

/// The role, and what is known beside it.
pub(super) type Seen = (Snapshot, Usage);

/// The roles are read together: what is claimed of the account is claimed of all of them at one moment.
async fn read<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    account: &Account,
    clusters: Option<&[Cluster]>,
) -> Result<Reading<Seen>, ScanError> {
    let others = async {
        let names = rules.other_roles(&account.id, clusters.unwrap_or_default());
        stream::iter(names)
            .map(async |name| {
                let reading = reader.read_other_role(account, &name).await?;
                Ok::<_, ScanError>((name, reading))
            })
            .buffered(OTHERS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await
    };
    let (own, others) = tokio::try_join!(reader.read_role(account), others)?;
    let taken = others.iter().fold(own.taken, |all, (_, other)| all.and(other.taken));
    let roles: BTreeMap<_, _> =
        others.into_iter().map(|(name, other)| (name, other.seen)).collect();
    let usage = Usage { clusters: clusters.map(<[_]>::to_vec), roles };
    Ok(Reading { seen: (own.seen, usage), taken })
}

/// Drift is acted on and pages people: it is always read twice.
fn proof_of(state: AccountState) -> Proof {
    match state {
        AccountState::Drifted | AccountState::Exempt => Proof::TwoReadings,
        AccountState::Compliant | AccountState::NotApplicable | AccountState::Unknown => {
            Proof::OneMoment
        }
    }
}
