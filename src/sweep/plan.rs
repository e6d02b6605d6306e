//! After a sweep: the drifted accounts read once more, each planned from what is there by then.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Limits, scan};
use crate::aws::{Proof, RoleReader};
use crate::check::Rules;
use crate::config::{Doubt, Remediation};
use crate::model::{
    Account, AccountId, AccountReport, AccountResult, AccountState, ScanError, UnknownReason,
    printable_line,
};
use crate::plan::{AccountPlan, LeftAlone, Planned, account_plan};

/// What is planned for the accounts of a sweep.
#[derive(Debug, Default)]
pub struct Planning {
    /// Accounts with steps, in no particular order.
    pub accounts: Vec<AccountPlan>,
    /// Drifted accounts without, and why.
    pub left_alone: Vec<LeftAlone>,
}

/// Reads every account of a report that is to be acted on once more, and plans it from that: a role that changed meanwhile
/// is judged anew. Stopped, it gives out nothing.
pub async fn plan<R>(
    reader: &Arc<R>,
    rules: &Arc<Rules>,
    remediation: &Remediation,
    accounts: &[Account],
    reports: &[AccountReport],
    limits: Limits,
    cancel: &CancellationToken,
) -> Option<Planning>
where
    R: RoleReader + Send + Sync + 'static,
{
    reader.begin_sweep();
    let known: BTreeMap<&AccountId, &Account> =
        accounts.iter().map(|account| (&account.id, account)).collect();
    let drifted = reports.iter().filter(|report| is_for_us(report, remediation));
    let mut queue = drifted.filter_map(|report| known.get(&report.id).copied());
    let remediation = Arc::new(remediation.clone());
    let mut flights: JoinSet<Result<Planned, ScanError>> = JoinSet::new();
    let mut names: BTreeMap<Id, &Account> = BTreeMap::new();
    let mut planning = Planning::default();
    loop {
        while flights.len() < limits.concurrency.max(1) {
            let Some(account) = queue.next() else { break };
            let (reader, rules) = (Arc::clone(reader), Arc::clone(rules));
            let remediation = Arc::clone(&remediation);
            let flown = account.clone();
            let flight = flights.spawn(async move {
                one(reader.as_ref(), &rules, &remediation, &flown, limits).await
            });
            names.insert(flight.id(), account);
        }
        // What is dropped is aborted.
        let (id, planned) = match cancel.run_until_cancelled(flights.join_next_with_id()).await? {
            None => return Some(planning),
            Some(Ok(landed)) => landed,
            Some(Err(error)) => (error.id(), Err(super::defect())),
        };
        if let Some(account) = names.remove(&id) {
            planning.add(account, planned);
        }
    }
}

impl Planning {
    fn add(&mut self, account: &Account, planned: Result<Planned, ScanError>) {
        let (why, fix) = match planned {
            Ok(Planned::Steps(plan)) => return self.accounts.push(plan),
            Ok(Planned::LeftAlone { why, fix }) => (why, fix),
            Ok(Planned::Nothing) => ("it is not drifted any more".to_owned(), Vec::new()),
            Err(error) => (format!("it could not be read and planned: {error}"), Vec::new()),
        };
        let name = printable_line(&account.name, 256);
        self.left_alone.push(LeftAlone { account: account.id.clone(), name, why, fix });
    }
}

/// Whether there may be something to do.
fn is_for_us(report: &AccountReport, remediation: &Remediation) -> bool {
    match &report.result {
        AccountResult::Judged { state, .. } => *state == AccountState::Drifted,
        AccountResult::Unknown(error) => {
            error.reason == UnknownReason::Undecided
                && remediation.act_on.contains(&Doubt::Undecided)
        }
        AccountResult::Skipped(_) => false,
    }
}

async fn one<R: RoleReader>(
    reader: &R,
    rules: &Rules,
    remediation: &Remediation,
    account: &Account,
    limits: Limits,
) -> Result<Planned, ScanError> {
    let claim = |(snapshot, usage): &scan::Seen| {
        let planned = account_plan(rules, account, snapshot, Some(usage), remediation)?;
        Ok((planned, Proof::OneMoment))
    };
    scan::claimed(reader, rules, account, limits.account_timeout, claim).await
}
