//! What follows from a sweep where drift is put right: a plan and, where a person armed it, a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::sweeper::{Sweeper, limits, rules};
use crate::aws::Aws;
use crate::clock;
use crate::config::{Config, RemediationMode};
use crate::ledger::{Breaker, Entry, Guard, Outcome, RemediationView, Standpoint, View};
use crate::model::{
    Account, AccountId, AccountReport, AccountState, Action, Change, Origin, StepOutcome,
    UnknownReason,
};
use crate::plan::{
    AccountFacts, ApprovedPlan, Facts, LeftReason, Limits, Plan, Refusal, approve, arming_code,
};
use crate::remediate::{self, Engine, Observer, Rest, RunReport, rest};
use crate::store::{ChangeFilter, Store};
use crate::sweep::{self, Planning};
use crate::telemetry::Telemetry;

/// How far back the journal is read: longer than anything in it keeps an account from being changed.
const MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Accounts that are read beyond those a run may change: some turn out to be right, or to be left alone.
const SPARE: usize = 5;

/// Tells telemetry what the engine does.
struct Told(Arc<Telemetry>);

impl Observer for Told {
    fn step(&self, account: &AccountId, action: Action, outcome: StepOutcome) {
        self.0.step_ended(account, action, outcome);
    }
}

/// What a sweep found that may be put right.
struct Candidates {
    /// May be changed now, in account order.
    now: Vec<AccountId>,
    /// All that are drifted and may be changed, now or later.
    pending: BTreeSet<AccountId>,
    /// Left alone, because they were put right again and again.
    flapping: BTreeSet<AccountId>,
}

impl Sweeper {
    /// Finds out what became of changes that had not ended, before anything else is done.
    pub(super) async fn recover(&self, config: &Arc<Config>, aws: &Arc<Aws>) {
        let filter = ChangeFilter { unfinished: true, limit: Some(1), ..ChangeFilter::default() };
        match self.keeper.changes(filter).await {
            Ok(unfinished) if unfinished.is_empty() => return,
            Ok(_) => {}
            Err(error) => return tracing::error!(error, "the journal of changes cannot be read"),
        }
        let engine = self.engine(config, aws, self.cancel.clone());
        match engine.recover(self.arming.fits(config)).await {
            Ok(recovered) => {
                let (closed, open) = (recovered.closed.len(), recovered.open.len());
                tracing::warn!(closed, open, "changes that had not ended were looked at");
            }
            Err(held) => tracing::warn!(%held, "changes that had not ended stay open"),
        }
        self.show(config, |_| {});
    }

    /// Plans what the last sweep found to be put right and, where it is armed, does it.
    pub(super) async fn remediate(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Complete | Outcome::Partial => {}
            Outcome::Failed | Outcome::Cancelled => return,
        }
        let Some((config, aws)) = self.aws.clone() else { return };
        if !Arc::ptr_eq(&config, &self.config.borrow()) {
            // It was reloaded meanwhile: what is excluded now may not have been when the accounts were listed.
            return;
        }
        if config.remediation.mode == RemediationMode::Off {
            return self.show(&config, |shown| *shown = RemediationView::default());
        }
        let changes = match self.keeper.changes(since(clock::now())).await {
            Ok(changes) => by_account(changes),
            Err(error) => {
                let held = Refusal::Journal(error).to_string();
                return self.show(&config, |shown| shown.held = Some(held));
            }
        };
        let view = self.board.view();
        let candidates = candidates(&view, &config, &changes, clock::now());
        let Some(plan) = self.plan(&config, &aws, &view, &candidates).await else { return };
        let left: BTreeSet<&AccountId> = plan.left_alone.iter().map(|left| &left.account).collect();
        let mut pending = candidates.pending.clone();
        pending.retain(|id| !left.contains(id));
        let decided = self.decide(&config, &view, &changes, &plan);
        let held = match &decided {
            Decided::Now(_) | Decided::Nothing => None,
            Decided::Refused(refusal) => Some(refusal.to_string()),
        };
        self.telemetry.planned(&plan, pending.len(), held.as_deref());
        let dry = config.remediation.mode == RemediationMode::Plan;
        let shown = RemediationView {
            held: held.filter(|_| !dry),
            pending: pending.len(),
            flapping: candidates.flapping,
            looked_at: Some(clock::now()),
            plan: Some(Arc::new(plan)),
            ..RemediationView::default()
        };
        self.show(&config, |now| *now = shown);
        if let Decided::Now(approved) = decided {
            let report = self.run_plan(&config, &aws, &approved).await;
            self.after_run(&config, report, pending).await;
        }
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
        let most = most(config, report.summary.selected).saturating_add(SPARE);
        let rules = rules(config, aws, view);
        let mut planned = Planning::default();
        // What is left alone once read makes room for others: it must not keep them from their turn.
        for some in candidates.now.chunks(most) {
            if planned.accounts.len() >= most {
                break;
            }
            let some: BTreeSet<&AccountId> = some.iter().collect();
            let of = report.accounts.iter().filter(|account| some.contains(&account.id));
            let reports: Vec<AccountReport> = of.cloned().collect();
            let accounts: Vec<Account> =
                some.iter().filter_map(|id| Some(view.ledger.get(id)?.account.clone())).collect();
            let (remediation, limits) = (&config.remediation, limits(config));
            let planning =
                sweep::plan(aws, &rules, remediation, &accounts, &reports, limits, &self.cancel);
            let Planning { accounts, left_alone } = planning.await?;
            planned.accounts.extend(accounts);
            planned.left_alone.extend(left_alone);
        }
        let Planning { accounts, left_alone } = planned;
        let (id, now) = (clock::sweep_id(), clock::now());
        Some(Plan::new(id, now, config, &report, accounts, left_alone))
    }

    /// Holds the plan against everything that may hold it back; counts what is not done now.
    fn decide(
        &self,
        config: &Config,
        view: &View,
        changes: &BTreeMap<AccountId, Vec<Change>>,
        plan: &Plan,
    ) -> Decided {
        let facts = self.facts(config, view, changes);
        let limits = Limits { remediation: &config.remediation, facts: &facts };
        let skipped = |id: &AccountId, outcome| {
            let steps = plan.accounts.iter().filter(|account| account.account == *id);
            for step in steps.flat_map(|account| &account.steps) {
                self.telemetry.step_ended(id, step.write.action(), outcome);
            }
        };
        match approve(plan.clone(), &limits) {
            Ok(approved) => {
                for left in &approved.left {
                    if let LeftReason::Limit(_) = left.reason {
                        skipped(&left.account, StepOutcome::SkippedLimit);
                    }
                }
                approved.plan.map_or(Decided::Nothing, |plan| Decided::Now(Box::new(plan)))
            }
            Err(refusal) => {
                if let Refusal::Mode(_) | Refusal::NotArmed(_) | Refusal::ArmedForAnother { .. } =
                    &refusal
                {
                    plan.accounts
                        .iter()
                        .for_each(|account| skipped(&account.account, StepOutcome::SkippedDryRun));
                }
                Decided::Refused(refusal)
            }
        }
    }

    fn facts(
        &self,
        config: &Config,
        view: &View,
        changes: &BTreeMap<AccountId, Vec<Change>>,
    ) -> Facts {
        let (guard, now) = (self.keeper.store.guard(), clock::now());
        let at = view.at(now);
        let clock_is_off = view
            .newest()
            .is_some_and(|sweep| sweep.unknown.get(&UnknownReason::Clock).is_some_and(|n| *n > 0));
        let about = |entry: &Arc<Entry>| {
            let id = entry.account.id.clone();
            let changes = changes.get(&id).map_or(&[][..], Vec::as_slice);
            let facts = AccountFacts {
                fixed_at: ended(changes, StepOutcome::Applied),
                unverified_at: ended(changes, StepOutcome::VerifyFailed).into_iter().max(),
                open_since: open_since(entry, &at),
                ..AccountFacts::new(entry.account.clone())
            };
            (id, facts)
        };
        Facts {
            now,
            origin: Origin::Serve,
            armed: self.arming.code(),
            code: arming_code(config),
            config_digest: config.digest.clone(),
            baseline_digest: crate::check::baseline_digest(&config.baseline),
            list_is_stale: view.list.stale.is_some(),
            clock_is_off,
            stopped: stopped(&guard, config.remediation.kill_switch.as_deref()),
            breaker: match guard.breaker {
                Breaker::Open { why, .. } => Some(why),
                Breaker::Closed | Breaker::HalfOpen => None,
            },
            journal: self.keeper.store.health().trouble,
            accounts: view.ledger.entries().map(about).collect(),
        }
    }

    /// Carries out what was approved. A reload that would have something else written ends it after the write in progress.
    async fn run_plan(
        &mut self,
        config: &Arc<Config>,
        aws: &Arc<Aws>,
        approved: &ApprovedPlan,
    ) -> RunReport {
        let cancel = self.cancel.child_token();
        let engine = self.engine(config, aws, cancel.clone());
        let mut running = std::pin::pin!(engine.run(approved, Origin::Serve));
        loop {
            tokio::select! {
                report = &mut running => return report,
                changed = self.config.changed(), if !cancel.is_cancelled() => {
                    let now = Arc::clone(&self.config.borrow_and_update());
                    let same = now.remediation == config.remediation && self.arming.fits(&now);
                    if changed.is_err() || !same {
                        cancel.cancel();
                    }
                }
            }
        }
    }

    /// Scans what was changed again, and publishes it.
    async fn after_run(
        &mut self,
        config: &Arc<Config>,
        report: RunReport,
        mut pending: BTreeSet<AccountId>,
    ) {
        for account in &report.accounts {
            match account.outcome {
                remediate::Outcome::Applied | remediate::Outcome::DoneAlready => {
                    pending.remove(&account.account);
                }
                remediate::Outcome::Failed => {}
                remediate::Outcome::Left => continue,
            }
            if !self.cancel.is_cancelled() {
                self.scan(&account.account).await;
            }
        }
        self.show(config, |shown| {
            shown.pending = pending.len();
            shown.held = report.ended_early;
        });
        self.telemetry.store_health(self.keeper.store.health());
    }

    /// Publishes how remediation stands.
    fn show(&self, config: &Config, change: impl FnOnce(&mut RemediationView)) {
        let (armed, guard) = (self.arming.fits(config), self.keeper.store.guard());
        let code = arming_code(config);
        self.board.change(|view| {
            change(&mut view.remediation);
            let shown = &mut view.remediation;
            (shown.armed, shown.guard, shown.code) = (armed, guard, code);
        });
    }

    fn engine(
        &self,
        config: &Arc<Config>,
        aws: &Arc<Aws>,
        cancel: CancellationToken,
    ) -> Engine<Aws, Store> {
        let view = self.board.view();
        let may = |account: &Account| account.skip.is_none() && config.remediation.covers(account);
        let accounts = view.ledger.accounts().into_iter().filter(may);
        Engine {
            aws: Arc::clone(aws),
            journal: Arc::clone(&self.keeper.store),
            rules: rules(config, aws, &view),
            accounts: accounts.map(|account| (account.id.clone(), account)).collect(),
            remediation: config.remediation.clone(),
            caller: aws.caller_arn().to_owned(),
            clock: clock::now,
            cancel,
            observer: Arc::new(Told(Arc::clone(&self.telemetry))),
            turn: Arc::clone(&self.turn),
        }
    }
}

/// What is to become of a plan.
enum Decided {
    /// It is carried out.
    Now(Box<ApprovedPlan>),
    /// There is nothing to do now.
    Nothing,
    /// Nothing may be done.
    Refused(Refusal),
}

/// The changes that may matter to what is done now.
fn since(now: Timestamp) -> ChangeFilter {
    ChangeFilter { since: now.checked_sub(MEMORY).ok(), ..ChangeFilter::default() }
}

fn by_account(changes: Vec<Change>) -> BTreeMap<AccountId, Vec<Change>> {
    let mut sorted = BTreeMap::<AccountId, Vec<Change>>::new();
    for change in changes {
        sorted.entry(change.account.clone()).or_default().push(change);
    }
    sorted
}

/// When runs ended that had a change with this outcome: once a run. What a person rolled back is none.
fn ended(changes: &[Change], outcome: StepOutcome) -> Vec<Timestamp> {
    let mut runs = BTreeMap::<&str, Timestamp>::new();
    for change in changes {
        let counts = change.outcome == Some(outcome) && change.origin != Origin::Rollback;
        if let Some(at) = change.ended_at.filter(|_| counts) {
            let run = runs.entry(&change.run).or_insert(at);
            *run = at.max(*run);
        }
    }
    runs.into_values().collect()
}

/// Since when all open findings of an account have been there.
fn open_since(entry: &Entry, at: &Standpoint<'_>) -> Option<Timestamp> {
    let findings = entry.findings(at);
    let open = findings.iter().filter(|finding| finding.exception.is_none());
    open.filter_map(|finding| finding.first_seen).max()
}

/// Accounts one run may change.
fn most(config: &Config, selected: usize) -> usize {
    let remediation = &config.remediation;
    let number = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    let share = selected.saturating_mul(number(remediation.max_percent)).div_ceil(100);
    share.min(number(config.shard.part_of(remediation.max_accounts)))
}

fn stopped(guard: &Guard, kill_switch: Option<&Path>) -> Option<String> {
    // A switch that cannot be looked at counts as thrown.
    let thrown = kill_switch.filter(|path| path.try_exists().unwrap_or(true));
    let thrown = thrown.map(|path| {
        format!("the kill switch `{}` exists: delete the file to go on", path.display())
    });
    let by_hand = guard.stopped.as_ref();
    thrown.or(by_hand.map(|stopped| format!("at {} by {}; resume it", stopped.at, stopped.by)))
}

/// Which drifted accounts may be changed, now or later.
fn candidates(
    view: &View,
    config: &Config,
    changes: &BTreeMap<AccountId, Vec<Change>>,
    now: Timestamp,
) -> Candidates {
    let (at, remediation) = (view.at(now), &config.remediation);
    let mut found = Candidates { now: vec![], pending: BTreeSet::new(), flapping: BTreeSet::new() };
    for entry in view.ledger.entries() {
        let account = &entry.account;
        let state = entry.state(&at).map(|(state, _)| state);
        if state != Some(AccountState::Drifted) || !remediation.covers(account) {
            continue;
        }
        let grace = SignedDuration::try_from(remediation.grace).unwrap_or(SignedDuration::MAX);
        let fresh = open_since(entry, &at)
            .is_none_or(|since| since.checked_add(grace).is_ok_and(|from| from > now));
        let history = changes.get(&account.id).map_or(&[][..], Vec::as_slice);
        match rest(history, now, remediation.flapping_after) {
            Some(Rest::Flapping(..)) => {
                found.flapping.insert(account.id.clone());
            }
            Some(Rest::Unverified(_) | Rest::Refused(..)) => {
                found.pending.insert(account.id.clone());
            }
            None => {
                found.pending.insert(account.id.clone());
                if !fresh {
                    found.now.push(account.id.clone());
                }
            }
        }
    }
    found
}

/// When rolewarden last put each account right.
pub(super) fn put_right(changes: &[Change]) -> BTreeMap<AccountId, Timestamp> {
    let mut latest = BTreeMap::<AccountId, Timestamp>::new();
    for change in changes.iter().filter(|change| change.outcome == Some(StepOutcome::Applied)) {
        if let Some(at) = change.ended_at.filter(|_| change.origin != Origin::Rollback) {
            let known = latest.entry(change.account.clone()).or_insert(at);
            *known = at.max(*known);
        }
    }
    latest
}

impl Sweeper {
    /// When rolewarden put accounts right lately: findings that are gone since are its work.
    pub(super) async fn put_right(&self) -> BTreeMap<AccountId, Timestamp> {
        match self.keeper.changes(since(clock::now())).await {
            Ok(changes) => put_right(&changes),
            Err(error) => {
                tracing::error!(error, "the journal of changes cannot be read");
                BTreeMap::new()
            }
        }
    }
}
