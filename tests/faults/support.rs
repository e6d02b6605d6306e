//! A whole scan in one process and in virtual time, and what must hold of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::shared::IntoShared;
use jiff::Timestamp;
use rolewarden::aws::{Aws, Connect, OrganizationReader, RoleReader, Traffic};
use rolewarden::check::Rules;
use rolewarden::config::Config;
use rolewarden::exit::Exit;
use rolewarden::model::{
    Account, AccountId, AccountReport, AccountResult, AccountState, ScanError, Summary,
    UnknownReason,
};
use rolewarden::simulator::{Change, Direct, Operation, Paging, World};
use rolewarden::sweep::{self, Limits};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a scan came to.
pub(crate) struct Outcome {
    /// The accounts by id, or why there is no list of them.
    pub(crate) accounts: Result<BTreeMap<AccountId, AccountReport>, ScanError>,
    /// The status the process would end with.
    pub(crate) exit: Exit,
    /// How long after the sweep began each account was done.
    pub(crate) done: BTreeMap<AccountId, Duration>,
    /// What was sent, the list included.
    pub(crate) traffic: Traffic,
}

/// A configuration from YAML, with everything else by default.
pub(crate) fn config(yaml: &str) -> Config {
    let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let text = format!("accounts: {{source: organization}}\naccess: {{region: us-east-1}}\n{yaml}");
    Config::from_text(&text, "test", std::path::Path::new(""), &|_| None, &no_files).unwrap()
}

/// One moment for every scan: reports of equal accounts are equal.
fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// When the sweep began, and how long after that each account was done.
struct Watch(Instant, BTreeMap<AccountId, Duration>);

impl sweep::Progress for Watch {
    fn account_done(&mut self, account: &AccountReport, _: Duration) {
        self.1.insert(account.id.clone(), self.0.elapsed());
    }
}

/// Runs in virtual time; `seed` decides every back-off.
pub(crate) fn in_virtual_time<T>(seed: u64, run: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run)
}

async fn connect(config: &Config, direct: &Direct) -> Result<Aws, ScanError> {
    let connect = Connect {
        endpoint: Some("http://simulated".to_owned()),
        credentials: Some(direct.credentials()),
        http: Some(direct.clone().into_shared()),
        ..Connect::default()
    };
    Aws::connect_with(config, connect).await
}

/// The accounts of the world behind `direct`.
pub(crate) async fn list(config: &Config, direct: &Direct) -> Result<Vec<Account>, ScanError> {
    let organization = connect(config, direct).await?.read_organization().await?;
    Ok(organization.accounts)
}

/// One scan of the world behind `direct`, as `rolewarden scan` does it.
pub(crate) async fn scan(config: &Config, direct: &Direct) -> Outcome {
    let prepared = async {
        let aws = connect(config, direct).await?;
        let organization = aws.read_organization().await?;
        Ok::<_, ScanError>((aws, organization))
    };
    let (aws, organization) = match prepared.await {
        Ok(prepared) => prepared,
        Err(error) => {
            let (done, traffic) = (BTreeMap::new(), Traffic::default());
            return Outcome { accounts: Err(error), exit: Exit::Failed, done, traffic };
        }
    };
    let today = jiff::civil::date(2026, 11, 24);
    let rules = Rules::new(config, aws.partition().clone(), organization.id, today);
    let limits = Limits {
        concurrency: config.sweep.concurrency,
        account_timeout: config.sweep.account_timeout,
    };
    let cancel = CancellationToken::new();
    let aws = Arc::new(aws);
    let mut watch = Watch(Instant::now(), BTreeMap::new());
    let swept = sweep::sweep(
        &aws,
        &Arc::new(rules),
        organization.accounts,
        limits,
        noon,
        &cancel,
        &mut watch,
    )
    .await;
    // Whatever goes wrong: a scan does not write.
    let writes = Operation::ALL.iter().filter(|operation| operation.writes());
    assert_eq!(writes.map(|operation| direct.calls().of(*operation)).sum::<u64>(), 0);
    let exit = Exit::of(&Summary::of(&swept.accounts));
    let accounts = swept.accounts.into_iter().map(|account| (account.id.clone(), account));
    let accounts = Ok(accounts.collect());
    Outcome { accounts, exit, done: watch.1, traffic: aws.traffic() }
}

impl Outcome {
    /// Every account that is unknown, and why.
    pub(crate) fn unknown(&self) -> BTreeMap<AccountId, UnknownReason> {
        let ids = self.accounts.iter().flat_map(BTreeMap::keys);
        ids.filter_map(|id| Some((id.clone(), self.reason(id)?))).collect()
    }

    /// The state of a selected account, which must be there.
    pub(crate) fn state(&self, id: &AccountId) -> AccountState {
        self.accounts.as_ref().unwrap()[id].state().unwrap()
    }

    /// Why an account is unknown; `None` when it is not.
    pub(crate) fn reason(&self, id: &AccountId) -> Option<UnknownReason> {
        match &self.accounts.as_ref().ok()?.get(id)?.result {
            AccountResult::Unknown(error) => Some(error.reason),
            AccountResult::Skipped(_) | AccountResult::Judged { .. } => None,
        }
    }
}

/// The world's own truth: what a scan says of each account that meets no fault at all, before and after what changes.
pub(crate) struct Truth(BTreeMap<AccountId, Vec<AccountReport>>);

impl Truth {
    pub(crate) fn of(config: &Config, world: &World) -> Self {
        let (mut before, mut after) = (world.clone(), world.clone());
        for world in [&mut before, &mut after] {
            world.faults.clear();
            world.latency = Duration::ZERO;
            world.jitter = Duration::ZERO;
            world.listing.paging = Paging::Honest;
            world.accounts.values_mut().for_each(|member| member.faults.clear());
        }
        for member in before.accounts.values_mut() {
            if let Change::Once { .. } = member.change {
                member.change = Change::Never;
            }
        }
        for member in after.accounts.values_mut() {
            if let Change::Once { role, to, .. } = &member.change {
                match to {
                    Some(to) => drop(member.roles.insert(role.clone(), (**to).clone())),
                    None => drop(member.roles.remove(role)),
                }
                member.change = Change::Never;
            }
        }
        let mut truth = Self(BTreeMap::new());
        let changes = before != after;
        truth.learn(config, before);
        if changes {
            truth.learn(config, after);
        }
        truth
    }

    fn learn(&mut self, config: &Config, world: World) {
        let outcome = in_virtual_time(0, scan(config, &Direct::new(world)));
        let accounts = outcome.accounts.expect("an organization without faults is listed");
        for (id, account) in accounts {
            self.0.entry(id).or_default().push(account);
        }
    }

    /// What no fault may break: each account is what it is, or unknown; and only a scan that read everything, and found
    /// no drift, ends with 0.
    #[track_caller]
    pub(crate) fn holds(&self, outcome: &Outcome, case: &str) {
        let Ok(accounts) = &outcome.accounts else {
            assert_eq!(outcome.exit, Exit::Failed, "{case}");
            return;
        };
        assert!(accounts.keys().eq(self.0.keys()), "{case}: the accounts differ");
        for (id, account) in accounts {
            let unknown = account.state() == Some(AccountState::Unknown);
            assert!(unknown || self.0[id].contains(account), "{case}: {id} is told as {account:?}");
        }
        let states = || accounts.values().filter_map(AccountReport::state);
        let unread = states().any(|state| state == AccountState::Unknown);
        let drifted = states().any(|state| state == AccountState::Drifted);
        let want = match (drifted, unread) {
            (false, false) => Exit::Clean,
            (true, false) => Exit::Drifted,
            (false, true) => Exit::Incomplete,
            (true, true) => Exit::DriftedAndIncomplete,
        };
        assert_eq!(outcome.exit, want, "{case}");
    }

    /// Whether the scan told the truth of this account, and not that it could not read it.
    pub(crate) fn knows(&self, outcome: &Outcome, id: &AccountId) -> bool {
        outcome.accounts.as_ref().is_ok_and(|accounts| self.0[id].contains(&accounts[id]))
    }

    /// Whether the scan came to the whole truth.
    pub(crate) fn is_whole(&self, outcome: &Outcome) -> bool {
        self.0.keys().all(|id| self.knows(outcome, id))
    }
}

/// How many times as much as in `make test` is run: the variable `ROLEWARDEN_FAULT_RUNS`.
pub(crate) fn times() -> u64 {
    std::env::var("ROLEWARDEN_FAULT_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
