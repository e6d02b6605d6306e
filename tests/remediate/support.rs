//! An organization in the same process, an engine in virtual time, and a journal that can fail.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::shared::IntoShared;
use jiff::{SignedDuration, Timestamp};
use rolewarden::aws::{Aws, Connect, OrganizationReader, RoleReader};
use rolewarden::check::Rules;
use rolewarden::config::{Config, Remediation, RemediationMode};
use rolewarden::model::{AccountId, Action, Change, Guard, Origin, Phase, Shard, StepOutcome};
use rolewarden::plan::{
    AccountPlan, ApprovedPlan, Arming, Gate, Made, Moment, Plan, Planned, Scope, account_plan,
};
use rolewarden::remediate::{Engine, Journal, Observer, RunReport, RunSummary};
use rolewarden::simulator::{Calls, Direct, Kind, Operation, Role, World, generate};
use rolewarden::store::ChangeFilter;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The role's name.
pub(crate) const ROLE: &str = "AmazonEKSConnectorAgentRole";

thread_local! {
    static BEGUN: Cell<Option<Instant>> = const { Cell::new(None) };
    /// What the wall clock is ahead of the other one: a suspended machine.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// The wall clock, which goes with tokio's.
pub(crate) fn clock() -> Timestamp {
    let begun = BEGUN.get().expect("the test runs in virtual time");
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let passed = SignedDuration::try_from(begun.elapsed()).unwrap();
    noon + passed + SignedDuration::from_secs(AHEAD.get())
}

/// The machine sleeps for so many seconds.
pub(crate) fn suspend(seconds: i64) {
    AHEAD.set(AHEAD.get() + seconds);
}

/// Runs in virtual time; `seed` decides every back-off.
pub(crate) fn in_virtual_time<T>(seed: u64, run: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        BEGUN.set(Some(Instant::now()));
        AHEAD.set(0);
        run.await
    })
}

/// A journal in memory, in the order in which changes were first written down.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    changes: Mutex<Vec<Change>>,
    guard: Mutex<Guard>,
    /// Writes that succeed before all fail.
    good: Mutex<Option<usize>>,
}

impl Memory {
    /// After so many writes, all fail; `None`: none does.
    pub(crate) fn fails_after(&self, writes: Option<usize>) {
        *self.good.lock().unwrap() = writes;
    }

    /// Every change, the first one first.
    pub(crate) fn all(&self) -> Vec<Change> {
        self.changes.lock().unwrap().clone()
    }

    /// What became of the changes, in order.
    pub(crate) fn outcomes(&self) -> Vec<(Action, Option<StepOutcome>)> {
        self.all().iter().map(|change| (change.write.action(), change.outcome)).collect()
    }

    fn write(&self) -> Result<(), String> {
        match &mut *self.good.lock().unwrap() {
            Some(0) => Err("no space left on device".to_owned()),
            Some(good) => {
                *good -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Journal for Memory {
    fn record(&self, changes: &[Change]) -> Result<(), String> {
        self.write()?;
        let mut all = self.changes.lock().unwrap();
        for change in changes {
            match all.iter_mut().find(|known| known.id == change.id) {
                Some(known) => known.clone_from(change),
                None => all.push(change.clone()),
            }
        }
        Ok(())
    }

    fn changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, String> {
        let fits = |change: &&Change| {
            filter.id.as_ref().is_none_or(|id| *id == change.id)
                && filter.run.as_ref().is_none_or(|run| *run == change.run)
                && filter.account.as_ref().is_none_or(|account| *account == change.account)
                && filter.since.is_none_or(|since| change.at >= since)
                && (!filter.unfinished || change.phase != Phase::Ended)
        };
        Ok(self.all().iter().rev().filter(fits).cloned().collect())
    }

    fn guard(&self) -> Result<Guard, String> {
        Ok(self.guard.lock().unwrap().clone())
    }

    fn update_guard(&self, change: &mut dyn FnMut(&mut Guard)) -> Result<(), String> {
        self.write()?;
        change(&mut self.guard.lock().unwrap());
        Ok(())
    }
}

/// Called after every step.
type AfterStep = Box<dyn Fn(&AccountId) + Send + Sync>;

/// Does something after every step.
pub(crate) struct Watch(pub(crate) AfterStep);

impl Observer for Watch {
    fn step(&self, account: &AccountId, _: Action, _: StepOutcome) {
        (self.0)(account);
    }
}

/// An organization, a configuration, and a journal.
pub(crate) struct Lab {
    pub(crate) aws: Direct,
    pub(crate) config: Config,
    pub(crate) journal: Arc<Memory>,
    pub(crate) cancel: CancellationToken,
    pub(crate) after_step: Mutex<Option<AfterStep>>,
}

/// Everything allowed everywhere, a write every second.
pub(crate) fn everything() -> Remediation {
    Remediation {
        mode: RemediationMode::Apply,
        actions: Action::CONFIGURABLE.into(),
        max_accounts: 1_000,
        max_percent: 100,
        ..Remediation::default()
    }
}

impl Lab {
    pub(crate) fn new(world: World) -> Self {
        let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let text = "accounts: {source: organization}\naccess: {region: us-east-1}\n";
        let path = std::path::Path::new("");
        let mut config = Config::from_text(text, "test", path, &|_| None, &no_files).unwrap();
        config.remediation = everything();
        Self {
            aws: Direct::new(world),
            config,
            journal: Arc::default(),
            cancel: CancellationToken::new(),
            after_step: Mutex::default(),
        }
    }

    /// One account of each of these kinds, beside the management account and the hub, which are right.
    pub(crate) fn of(kinds: &[Kind]) -> (Self, Vec<AccountId>) {
        let (world, ids) = world_of(kinds);
        (Self::new(world), ids)
    }

    /// Another rolewarden of the same configuration in the same organization, with a journal of its own.
    pub(crate) fn twin(&self) -> Self {
        Self {
            aws: self.aws.clone(),
            config: self.config.clone(),
            journal: Arc::default(),
            cancel: CancellationToken::new(),
            after_step: Mutex::default(),
        }
    }

    /// The same rolewarden after a restart.
    pub(crate) fn restarted(&self) -> Self {
        Self { journal: Arc::clone(&self.journal), ..self.twin() }
    }

    async fn connect(&self) -> Aws {
        let connect = Connect {
            endpoint: Some("http://simulated".to_owned()),
            credentials: Some(self.aws.credentials()),
            http: Some(self.aws.clone().into_shared()),
            ..Connect::default()
        };
        Aws::connect_with(&self.config, connect).await.unwrap()
    }

    /// The engine, as it is after a start.
    pub(crate) async fn engine(&self) -> Engine<Aws, Memory> {
        let aws = self.connect().await;
        let organization = aws.read_organization().await.unwrap();
        let today = jiff::civil::date(2026, 11, 24);
        let rules = Rules::new(&self.config, aws.partition().clone(), organization.id, today);
        let after = self.after_step.lock().unwrap().take();
        let accounts = organization.accounts.into_iter();
        Engine {
            accounts: accounts.map(|account| (account.id.clone(), account)).collect(),
            caller: aws.caller_arn().to_owned(),
            aws: Arc::new(aws),
            journal: Arc::clone(&self.journal),
            rules: Arc::new(rules),
            remediation: self.config.remediation.clone(),
            clock,
            cancel: self.cancel.clone(),
            reloaded: CancellationToken::new(),
            observer: Arc::new(Watch(after.unwrap_or_else(|| Box::new(|_| {})))),
            turn: Arc::new(AsyncMutex::new(None)),
        }
    }

    /// What would be done now, all of it approved; there is something.
    pub(crate) async fn plan(&self) -> ApprovedPlan {
        self.planned().await.expect("something is drifted")
    }

    async fn planned(&self) -> Option<ApprovedPlan> {
        self.planned_of(usize::MAX).await
    }

    /// As [`Lab::plan`], of so many accounts only, or of none.
    pub(crate) async fn planned_of(&self, most: usize) -> Option<ApprovedPlan> {
        let engine = self.engine_without_watch().await;
        let accounts: Vec<_> =
            engine.accounts.values().filter(|account| account.skip.is_none()).collect();
        let mut plans = vec![];
        for account in accounts.iter().take(most) {
            let Ok(seen) = engine.aws.read_role(account).await.map(|read| read.seen) else {
                continue;
            };
            let rules = &engine.rules;
            match account_plan(rules, account, &seen, None, &self.config.remediation).unwrap() {
                Planned::Steps(steps) => plans.push(steps),
                Planned::Nothing | Planned::LeftAlone { .. } => {}
            }
        }
        let selected = accounts.len();
        self.approved(plans, selected)
    }

    fn approved(&self, accounts: Vec<AccountPlan>, selected: usize) -> Option<ApprovedPlan> {
        let info = rolewarden::sweep::report_of(
            &self.config,
            "plan",
            "01PLAN".to_owned(),
            clock(),
            vec![],
            true,
        )
        .sweep;
        let mut report = rolewarden::model::Report::new(info, vec![]);
        report.summary.selected = selected;
        let made = Made {
            id: "01PLAN".to_owned(),
            at: clock(),
            config: &self.config,
            organization: None,
            scope: Scope::default(),
        };
        let plan = Plan::new(made, &report, accounts, vec![]);
        let moment = Moment {
            now: clock(),
            guard: Guard::default(),
            kill_switch: None,
            journal: None,
            clock: None,
            stale_list: None,
            arming: Arming::Armed,
            selected,
            unknown: 0,
            shard: Shard::default(),
        };
        let gate = Gate { remediation: &self.config.remediation, moment: &moment };
        let approved = gate.approve(plan).unwrap();
        (!approved.plan().accounts.is_empty()).then_some(approved)
    }

    async fn engine_without_watch(&self) -> Engine<Aws, Memory> {
        let kept = self.after_step.lock().unwrap().take();
        let engine = self.engine().await;
        *self.after_step.lock().unwrap() = kept;
        engine
    }

    /// Plans and applies.
    pub(crate) async fn cycle(&self) -> RunReport {
        let nothing = RunReport {
            schema: RunReport::SCHEMA,
            run: "none".to_owned(),
            plan: None,
            origin: Origin::Apply,
            started_at: clock(),
            finished_at: clock(),
            ended_early: None,
            summary: RunSummary::default(),
            accounts: vec![],
        };
        match self.planned().await {
            Some(plan) => self.apply(&plan).await,
            None => nothing,
        }
    }

    pub(crate) async fn apply(&self, plan: &ApprovedPlan) -> RunReport {
        self.engine().await.run(plan, Origin::Apply).await
    }

    pub(crate) fn role(&self, id: &AccountId) -> Option<Role> {
        self.aws.change(|world| world.accounts[id].roles.get(ROLE).cloned())
    }

    pub(crate) fn change_role(&self, id: &AccountId, change: impl FnOnce(&mut Role)) {
        self.aws.change(|world| {
            change(world.accounts.get_mut(id).unwrap().roles.get_mut(ROLE).unwrap());
        });
    }

    /// Write calls so far.
    pub(crate) fn writes(&self) -> u64 {
        writes(&self.aws.calls())
    }

    /// Accounts that are not as they should be, as a scan without faults sees it.
    pub(crate) async fn drifted(&self) -> Vec<AccountId> {
        let saved = self.aws.change(|world| {
            let saved = (world.faults.clone(), world.lag, world.latency);
            (world.faults, world.lag, world.latency) = (vec![], Duration::ZERO, Duration::ZERO);
            saved
        });
        let plan = self.planned().await;
        self.aws.change(|world| (world.faults, world.lag, world.latency) = saved);
        let accounts = plan.iter().flat_map(|plan| &plan.plan().accounts);
        accounts.map(|account| account.account.clone()).collect()
    }
}

pub(crate) fn writes(calls: &Calls) -> u64 {
    let writing = Operation::ALL.iter().filter(|operation| operation.writes());
    writing.map(|operation| calls.of(*operation)).sum()
}

/// See [`Lab::of`].
pub(crate) fn world_of(kinds: &[Kind]) -> (World, Vec<AccountId>) {
    let mut world = generate(7, 120);
    let (hub, management) = (world.hub.clone(), world.management.clone());
    let mut picked: Vec<AccountId> = vec![];
    for kind in kinds {
        let free = |id: &&AccountId| **id != hub && **id != management && !picked.contains(id);
        picked.push(world.of_kind(*kind).find(free).expect("there is one").clone());
    }
    world.accounts.retain(|id, _| *id == hub || *id == management || picked.contains(id));
    (world, picked)
}

/// So many accounts of this kind.
pub(crate) fn many(kind: Kind, accounts: usize) -> (World, Vec<AccountId>) {
    let mut world = generate(7, accounts + 2);
    let (hub, management) = (world.hub.clone(), world.management.clone());
    let ids: Vec<AccountId> =
        world.ids().filter(|id| **id != hub && **id != management).cloned().collect();
    for id in &ids {
        world.remake(id, kind);
    }
    (world, ids)
}
