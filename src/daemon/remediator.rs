//! Everything that writes to AWS: after a sweep, a plan and, where a person armed it, a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::arming::{self, Arming};
use super::board::Board;
use super::keeper::Keeper;
use super::sweeper::{limits, rules};
use crate::aws::Aws;
use crate::clock;
use crate::config::{Config, RemediationMode};
use crate::ledger::{Entry, RemediationView, Standpoint, View, Waiting};
use crate::model::{
    Account, AccountId, AccountReport, AccountState, Action, Change, Origin, Severity, StepOutcome,
    UnknownReason,
};
use crate::plan::{ApprovedPlan, Blocked, Candidate, Gate, Made, Moment, Plan, Scope, gate};
use crate::remediate::{self, Engine, Observer, RunReport, kill_switch};
use crate::store::{ChangeFilter, Store};
use crate::sweep::{self, Planning};
use crate::telemetry::Telemetry;

/// How far back the journal is read: longer than anything in it keeps an account from being changed.
const MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Accounts that are read beyond those a run may change: some turn out to be right, or to be left alone.
const SPARE: usize = 5;

/// Writes, and shows how remediation stands.
pub(super) struct Remediator {
    pub(super) board: Board,
    pub(super) keeper: Keeper,
    pub(super) telemetry: Arc<Telemetry>,
    /// Tells of reloads, which end a run.
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) cancel: CancellationToken,
    /// Whether a person armed remediation.
    pub(super) arming: Arc<Arming>,
    /// When the next write may be sent: `write_interval` holds from one run to the next, too.
    pub(super) turn: Arc<Mutex<Option<Instant>>>,
}

/// Counts what the engine does.
struct Counter(Arc<Telemetry>);

impl Observer for Counter {
    fn step(&self, account: &AccountId, action: Action, outcome: StepOutcome) {
        self.0.step_ended(account, action, outcome);
    }
}

/// A drifted account that may be changed now.
struct Ready {
    account: Account,
    open_since: Option<Timestamp>,
    severity: Severity,
}

/// The drifted accounts that remediation covers.
#[derive(Default)]
struct Candidates {
    /// May be changed now, the worst first.
    ready: Vec<Ready>,
    /// May not be changed now, and why.
    waiting: BTreeMap<AccountId, Waiting>,
}

impl Remediator {
    /// Finds out what became of changes that had not ended, before anything else is done.
    pub(super) async fn recover(&self, config: &Arc<Config>, aws: &Arc<Aws>) {
        let view = self.board.view();
        self.arming.settle(&view);
        let filter = ChangeFilter { unfinished: true, limit: Some(1), ..ChangeFilter::default() };
        match self.keeper.changes(filter).await {
            Ok(unfinished) if unfinished.is_empty() => return self.show(|_| {}),
            Ok(_) => {}
            Err(error) => return tracing::error!(error, "the journal of changes cannot be read"),
        }
        let engine = self.engine(config, aws);
        match engine.recover(self.arming.fits(&view)).await {
            Ok(recovered) => {
                let (closed, open) = (recovered.closed.len(), recovered.open.len());
                tracing::warn!(closed, open, "changes that had not ended were looked at");
            }
            Err(blocked) => tracing::warn!(%blocked, "changes that had not ended stay open"),
        }
        self.show(|_| {});
    }

    /// Plans what the last sweep found and, where it is armed, does it. Gives the accounts that are to be scanned again.
    pub(super) async fn follow_up(
        &mut self,
        config: &Arc<Config>,
        aws: &Arc<Aws>,
    ) -> Vec<AccountId> {
        if !Arc::ptr_eq(config, &self.config.borrow_and_update()) {
            // It was reloaded meanwhile: what is excluded now may not have been when the accounts were listed.
            return vec![];
        }
        if config.remediation.mode == RemediationMode::Off {
            self.show(|shown| *shown = RemediationView::default());
            return vec![];
        }
        let changes = match self.journal().await {
            Ok(changes) => by_account(changes),
            Err(error) => {
                self.show(|shown| shown.held = Some(Blocked::Journal(error)));
                return vec![];
            }
        };
        let view = self.board.view();
        let mut candidates = candidates(&view, config, &changes, clock::now());
        let Some(plan) = self.plan(config, aws, &view, &candidates).await else { return vec![] };
        let moment = self.moment(config, &view);
        let approved =
            Gate { remediation: &config.remediation, moment: &moment }.approve(plan.clone());
        for left in &plan.left_alone {
            candidates.ready.retain(|ready| ready.account.id != left.account);
        }
        self.tell(config, &plan, &candidates, approved.as_ref().err());
        match approved {
            Ok(approved) if !plan.accounts.is_empty() => {
                let report = self.run(config, aws, &approved).await;
                self.after_run(candidates, &report);
                report.accounts.into_iter().filter(was_tried).map(|run| run.account).collect()
            }
            Ok(_) => vec![],
            Err(blocked) => {
                self.count_dry_run(&plan, &blocked);
                vec![]
            }
        }
    }

    /// When rolewarden remediated accounts lately: findings that are gone since are its work.
    pub(super) async fn remediated_lately(&self) -> BTreeMap<AccountId, Timestamp> {
        match self.journal().await {
            Ok(changes) => last_fixes(&changes),
            Err(error) => {
                tracing::error!(error, "the journal of changes cannot be read");
                BTreeMap::new()
            }
        }
    }

    /// The changes that matter to what is done now: the latest, and those that are open, however old.
    async fn journal(&self) -> Result<Vec<Change>, String> {
        let since = clock::now().checked_sub(MEMORY).ok();
        let mut changes = self.keeper.changes(ChangeFilter { since, ..Default::default() }).await?;
        let open = ChangeFilter { unfinished: true, ..Default::default() };
        changes.extend(self.keeper.changes(open).await?);
        Ok(changes)
    }

    /// Reads the accounts that may be changed now, as far as a run may go, and plans them.
    async fn plan(
        &self,
        config: &Arc<Config>,
        aws: &Arc<Aws>,
        view: &View,
        candidates: &Candidates,
    ) -> Option<Plan> {
        let report = view.report(clock::now())?;
        let most = gate::budget(&config.remediation, report.summary.selected, config.shard);
        let most = most.unwrap_or(0).saturating_add(SPARE);
        let rules = rules(config, aws, view);
        let mut planned = Planning::default();
        // What is left alone once read makes room for others: it must not keep them from their turn.
        for some in candidates.ready.chunks(most) {
            if planned.accounts.len() >= most {
                break;
            }
            let accounts: Vec<Account> = some.iter().map(|ready| ready.account.clone()).collect();
            let ids: BTreeSet<&AccountId> = accounts.iter().map(|account| &account.id).collect();
            let of = report.accounts.iter().filter(|account| ids.contains(&account.id));
            let reports: Vec<AccountReport> = of.cloned().collect();
            let (remediation, limits) = (&config.remediation, limits(config));
            let planning =
                sweep::plan(aws, &rules, remediation, &accounts, &reports, limits, &self.cancel);
            let Planning { accounts, left_alone } = planning.await?;
            planned.accounts.extend(accounts);
            planned.left_alone.extend(left_alone);
        }
        let ages: BTreeMap<&AccountId, Option<Timestamp>> =
            candidates.ready.iter().map(|ready| (&ready.account.id, ready.open_since)).collect();
        for account in &mut planned.accounts {
            account.open_since = ages.get(&account.account).copied().flatten();
        }
        let made = Made {
            id: clock::sweep_id(),
            at: clock::now(),
            config,
            organization: view.list.organization.as_deref(),
            scope: Scope::default(),
        };
        Some(Plan::new(made, &report, planned.accounts, planned.left_alone))
    }

    fn moment(&self, config: &Config, view: &View) -> Moment {
        let now = clock::now();
        let states = view.states(now);
        let off = view.newest().and_then(|sweep| sweep.unknown.get(&UnknownReason::Clock).copied());
        let clock = off.filter(|accounts| *accounts > 0);
        let guard = self.keeper.store.guard();
        let unreadable = guard.as_ref().err().map(ToString::to_string);
        Moment {
            now,
            guard: guard.unwrap_or_default(),
            kill_switch: kill_switch::look_for(config.remediation.kill_switch.as_deref())
                .err()
                .map(|why| why.to_string()),
            journal: unreadable.or(self.keeper.store.health().trouble),
            clock: clock.map(|accounts| format!("seen in {accounts} of the accounts")),
            stale_list: view.list.stale.clone(),
            arming: self.arming.as_gate(view),
            selected: states.total(),
            unknown: states.unknown,
            shard: config.shard,
        }
    }

    /// Shows and logs what was planned.
    fn tell(
        &self,
        config: &Config,
        plan: &Plan,
        candidates: &Candidates,
        blocked: Option<&Blocked>,
    ) {
        let dry = config.remediation.mode == RemediationMode::Plan;
        let held = blocked.filter(|_| !dry).cloned();
        let pending = candidates.pending();
        self.telemetry.planned(plan, pending, held.as_ref());
        let shown = RemediationView {
            held,
            pending,
            waiting: candidates.waiting.values().cloned().collect(),
            looked_at: Some(clock::now()),
            plan: Some(Arc::new(plan.clone())),
            ..RemediationView::default()
        };
        self.show(|now| *now = shown);
    }

    /// Steps that would have been done if it were armed.
    fn count_dry_run(&self, plan: &Plan, blocked: &Blocked) {
        if let Blocked::Mode(_) | Blocked::NotArmed | Blocked::WrongCode(_) = blocked {
            for account in &plan.accounts {
                for step in &account.steps {
                    let outcome = StepOutcome::SkippedDryRun;
                    self.telemetry.step_ended(&account.account, step.write.action(), outcome);
                }
            }
        }
    }

    /// Carries out what was approved. Any reload ends it after the write in progress: it may change what is written.
    async fn run(
        &mut self,
        config: &Arc<Config>,
        aws: &Arc<Aws>,
        approved: &ApprovedPlan,
    ) -> RunReport {
        let engine = self.engine(config, aws);
        let reloaded = engine.reloaded.clone();
        let mut running = std::pin::pin!(engine.run(approved, Origin::Serve));
        loop {
            let same = {
                let now = self.config.borrow_and_update();
                now.digest == config.digest && now.remediation == config.remediation
            };
            if !same || !self.arming.fits(&self.board.view()) {
                reloaded.cancel();
            }
            tokio::select! {
                report = &mut running => return report,
                changed = self.config.changed(), if !reloaded.is_cancelled() => {
                    if changed.is_err() {
                        reloaded.cancel();
                    }
                }
            }
        }
    }

    /// Counts and shows what a run left for later.
    fn after_run(&self, mut candidates: Candidates, report: &RunReport) {
        for run in &report.accounts {
            if run.reason == Some(Blocked::Limit(0).as_str()) {
                for step in &run.steps {
                    let outcome = StepOutcome::SkippedLimit;
                    self.telemetry.step_ended(&run.account, step.write.action(), outcome);
                }
            }
            if let remediate::Outcome::Applied | remediate::Outcome::DoneAlready = run.outcome {
                candidates.ready.retain(|ready| ready.account.id != run.account);
            }
        }
        let pending = candidates.pending();
        self.show(|shown| {
            shown.pending = pending;
            shown.held.clone_from(&report.ended_early);
        });
        self.telemetry.store_health(self.keeper.store.health());
    }

    /// Publishes how remediation stands.
    fn show(&self, change: impl FnOnce(&mut RemediationView)) {
        let guard = self.keeper.store.guard().ok();
        self.board.change(|view| {
            change(&mut view.remediation);
            let (armed, code) = (self.arming.fits(view), arming::code(view));
            let shown = &mut view.remediation;
            (shown.armed, shown.code) = (armed, code);
            // What cannot be read stays as it was shown last.
            shown.guard = guard.unwrap_or_else(|| shown.guard.clone());
        });
    }

    fn engine(&self, config: &Arc<Config>, aws: &Arc<Aws>) -> Engine<Aws, Store> {
        let view = self.board.view();
        let accounts = view.ledger.accounts().into_iter();
        Engine {
            aws: Arc::clone(aws),
            journal: Arc::clone(&self.keeper.store),
            rules: rules(config, aws, &view),
            accounts: accounts.map(|account| (account.id.clone(), account)).collect(),
            remediation: config.remediation.clone(),
            caller: aws.caller_arn().to_owned(),
            clock: clock::now,
            cancel: self.cancel.clone(),
            reloaded: CancellationToken::new(),
            observer: Arc::new(Counter(Arc::clone(&self.telemetry))),
            turn: Arc::clone(&self.turn),
        }
    }
}

impl Candidates {
    /// Accounts that will be remediated, now or later. An account that flaps is left to people.
    fn pending(&self) -> usize {
        let flapping = self.waiting.values().filter(|waiting| waiting.is_flapping()).count();
        self.ready.len() + self.waiting.len() - flapping
    }
}

/// Which drifted accounts may be changed now, and why the others may not.
fn candidates(
    view: &View,
    config: &Config,
    changes: &BTreeMap<AccountId, Vec<Change>>,
    now: Timestamp,
) -> Candidates {
    let (at, remediation) = (view.at(now), &config.remediation);
    let mut found = Candidates::default();
    for entry in view.ledger.entries() {
        let account = &entry.account;
        let drifted = entry.state(&at).map(|(state, _)| state) == Some(AccountState::Drifted);
        if !drifted || gate::coverage(remediation, account).is_err() {
            continue;
        }
        let open_since = open_since(entry, &at);
        let candidate = Candidate {
            account: Some(account),
            changes: changes.get(&account.id).map_or(&[], Vec::as_slice),
            open_since,
        };
        match gate::account(remediation, &candidate, Origin::Serve, now) {
            Ok(()) => found.ready.push(Ready {
                account: account.clone(),
                open_since,
                severity: worst(entry, &at),
            }),
            Err(why) => {
                let waiting =
                    Waiting { account: account.id.clone(), name: account.name.clone(), why };
                found.waiting.insert(account.id.clone(), waiting);
            }
        }
    }
    found.ready.sort_by_cached_key(|ready| {
        (gate::urgency(ready.severity, ready.open_since), ready.account.id.clone())
    });
    found
}

/// Since when all open findings of an account have been there.
fn open_since(entry: &Entry, at: &Standpoint<'_>) -> Option<Timestamp> {
    let findings = entry.findings(at);
    let open = findings.iter().filter(|finding| finding.exception.is_none());
    open.filter_map(|finding| finding.first_seen).max()
}

/// The worst open finding of an account.
fn worst(entry: &Entry, at: &Standpoint<'_>) -> Severity {
    let findings = entry.findings(at);
    let open = findings.iter().filter(|finding| finding.exception.is_none());
    open.map(|finding| finding.severity).max().unwrap_or(Severity::Info)
}

fn by_account(changes: Vec<Change>) -> BTreeMap<AccountId, Vec<Change>> {
    let mut sorted = BTreeMap::<AccountId, Vec<Change>>::new();
    for change in changes {
        sorted.entry(change.account.clone()).or_default().push(change);
    }
    sorted
}

/// When rolewarden last remediated each account.
fn last_fixes(changes: &[Change]) -> BTreeMap<AccountId, Timestamp> {
    let mut latest = BTreeMap::<AccountId, Timestamp>::new();
    for change in changes.iter().filter(|change| change.outcome == Some(StepOutcome::Applied)) {
        if let Some(at) = change.ended_at.filter(|_| change.origin != Origin::Rollback) {
            let known = latest.entry(change.account.clone()).or_insert(at);
            *known = at.max(*known);
        }
    }
    latest
}

/// Whether the run may have changed the account, or found it changed: then it is scanned again.
fn was_tried(run: &remediate::AccountRun) -> bool {
    match run.outcome {
        remediate::Outcome::Applied
        | remediate::Outcome::DoneAlready
        | remediate::Outcome::Failed => true,
        remediate::Outcome::Left => false,
    }
}
