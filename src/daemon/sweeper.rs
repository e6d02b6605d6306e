//! The loop: sweeps at their times and on request, one at a time, and what follows from each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::arming::Arming;
use super::board::Board;
use super::keeper::Keeper;
use super::listing;
use super::schedule::{Due, Timetable};
use super::status::Status;
use crate::aws::{Aws, Connect, OrganizationReader as _, RoleReader as _};
use crate::check::Rules;
use crate::clock;
use crate::config::Config;
use crate::ledger::{Change, Event, Outcome, Shrunken, SweepRecord, Trigger, View};
use crate::model::{
    Account, AccountId, AccountReport, AccountResult, Report, ScanError, UnknownReason,
};
use crate::sweep::{self, Limits};
use crate::telemetry::Telemetry;

/// A sweep that could not begin is tried again after so long, or after the interval if that is shorter.
const RETRY: Duration = Duration::from_secs(60);

/// Sweeps that the view keeps.
const REMEMBERED_SWEEPS: usize = 200;

/// What others ask of the sweeper.
#[derive(Debug)]
pub(super) enum Command {
    /// Sweep now, under this id.
    Sweep(String),
    /// Scan this account again.
    Scan(AccountId),
}

/// Everything the loop needs.
pub(super) struct Sweeper {
    pub(super) board: Board,
    pub(super) keeper: Keeper,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) status: Arc<Status>,
    pub(super) connect: Connect,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) cancel: CancellationToken,
    /// The digest of the configuration that the last sweep judged by.
    pub(super) judged_with: String,
    /// The connection, and the configuration it was made with.
    pub(super) aws: Option<(Arc<Config>, Arc<Aws>)>,
    /// Whether a person armed remediation.
    pub(super) arming: Arc<Arming>,
    /// When the next write may be sent.
    pub(super) turn: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// One sweep to be made.
struct Order {
    id: String,
    trigger: Trigger,
}

impl Order {
    fn new(trigger: Trigger) -> Self {
        Self { id: clock::sweep_id(), trigger }
    }
}

impl Sweeper {
    /// Sweeps until cancelled. What a sweep learned before it was stopped is kept.
    pub(super) async fn run(mut self) {
        let mut order = Order::new(Trigger::Start);
        let mut slot = Instant::now();
        loop {
            let (begun, started) = (Instant::now(), clock::now());
            let outcome = self.sweep(order).await;
            self.status.end();
            if self.cancel.is_cancelled() {
                return;
            }
            let table = Timetable::new(&self.config.borrow().sweep.schedule);
            if table.is_some_and(|table| table.overrun(started, begun.elapsed())) {
                self.telemetry.sweep_overrun();
            }
            self.remediate(outcome).await;
            if self.cancel.is_cancelled() {
                return;
            }
            match self.wait(slot, outcome).await {
                Some((next, at)) => (order, slot) = (next, at),
                None => return,
            }
        }
    }

    /// Waits for the next sweep's time, or for somebody to ask for one; scans single accounts meanwhile.
    async fn wait(&mut self, slot: Instant, outcome: Outcome) -> Option<(Order, Instant)> {
        let random = fastrand::f64();
        let mut due = self.due(slot, outcome, random);
        loop {
            let config = Arc::clone(&self.config.borrow_and_update());
            if config.digest != self.judged_with {
                // What is known was judged by other rules: it must not stand until the next sweep's time.
                return Some((Order::new(Trigger::Request), Instant::now()));
            }
            let schedule = config.sweep.schedule.clone();
            let table = Timetable::new(&schedule)?;
            let wait = due.wait(&table, (Instant::now(), clock::now()));
            if wait.is_zero() {
                return Some((Order::new(Trigger::Schedule), due.slot(Instant::now())));
            }
            let command = tokio::select! {
                () = self.cancel.cancelled() => return None,
                () = tokio::time::sleep(wait) => continue,
                changed = self.config.changed() => {
                    changed.ok()?;
                    if self.config.borrow().sweep.schedule != schedule {
                        due = self.due(slot, outcome, random);
                    }
                    continue;
                }
                command = self.commands.recv() => command?,
            };
            match command {
                Command::Sweep(id) => {
                    return Some((Order { id, trigger: Trigger::Request }, Instant::now()));
                }
                Command::Scan(account) => self.scan(&account).await,
            }
        }
    }

    fn due(&self, slot: Instant, outcome: Outcome, random: f64) -> Due {
        let now = (Instant::now(), clock::now());
        let table = Timetable::new(&self.config.borrow().sweep.schedule);
        let next = table.map(|table| table.next(slot, now, random));
        let retry = now.0 + RETRY;
        match (next, outcome) {
            (Some(Due::Monotonic { start, .. }), Outcome::Failed) if start < retry => {
                Due::Monotonic { slot: start, start }
            }
            (Some(due), Outcome::Complete | Outcome::Partial | Outcome::Cancelled) => due,
            (_, _) => Due::Monotonic { slot: retry, start: retry },
        }
    }

    async fn sweep(&mut self, order: Order) -> Outcome {
        let started = clock::now();
        self.status.begin(order.id.clone(), started, order.trigger);
        let config = Arc::clone(&self.config.borrow_and_update());
        self.judged_with.clone_from(&config.digest);
        let prepared = self.cancel.clone();
        let prepared = prepared.run_until_cancelled(self.prepare(&config, order.trigger)).await;
        match prepared {
            None => Outcome::Cancelled,
            Some(Err(error)) => {
                self.failed(&config, order, started, &error).await;
                Outcome::Failed
            }
            Some(Ok(aws)) => self.swept(&config, &aws, order, started).await,
        }
    }

    /// The connection and the list of accounts.
    async fn prepare(
        &mut self,
        config: &Arc<Config>,
        trigger: Trigger,
    ) -> Result<Arc<Aws>, ScanError> {
        let aws = self.connected(config).await?;
        self.list(config, &aws, trigger).await?;
        self.recover(config, &aws).await;
        Ok(aws)
    }

    /// The connection; made anew when the configuration is another one, with the same counters.
    async fn connected(&mut self, config: &Arc<Config>) -> Result<Arc<Aws>, ScanError> {
        if let Some((with, aws)) = &self.aws
            && Arc::ptr_eq(with, config)
        {
            return Ok(Arc::clone(aws));
        }
        let aws = Arc::new(Aws::connect_with(config, self.connect.clone()).await?);
        self.aws = Some((Arc::clone(config), Arc::clone(&aws)));
        Ok(aws)
    }

    /// Lists the accounts when that is due. A list that cannot be had, or not be believed, leaves the one before in force.
    async fn list(&self, config: &Config, aws: &Aws, trigger: Trigger) -> Result<(), ScanError> {
        let (view, now) = (self.board.view(), clock::now());
        if !listing::is_due(&view, config, trigger, now) {
            return Ok(());
        }
        let listed = match aws.read_organization().await {
            Ok(organization) => listing::believed(&view, config, organization).map_err(|doubted| {
                self.board.change(|view| view.shrunken = Shrunken::Refused(doubted.listed));
                doubted.error
            }),
            Err(error) => Err(error),
        };
        match listed {
            Ok(organization) => {
                self.telemetry.org_refreshed(organization.accounts.len());
                if view.shrunken != Shrunken::No {
                    let accounts = organization.accounts.len();
                    tracing::warn!(
                        accounts,
                        "the list that shrank is in force: it was confirmed, or came twice in a row"
                    );
                }
                let events = self.board.change(|view| listing::take(view, organization, now));
                self.events(&events.unwrap_or_default()).await;
                Ok(())
            }
            Err(error) => {
                self.telemetry.org_refresh_failed(&error);
                self.board.change(|view| view.list.stale = Some(error.to_string()));
                // A shard may hold no account of a list that was had.
                let never = view.ledger.is_empty() && view.list.ids.is_empty();
                if never { Err(error) } else { Ok(()) }
            }
        }
    }

    /// Findings that opened or closed outside of a sweep.
    async fn events(&self, events: &[Event]) {
        self.telemetry.findings_changed(events);
        self.keeper.save(&self.board.view(), None, events).await;
    }

    async fn swept(
        &mut self,
        config: &Arc<Config>,
        aws: &Arc<Aws>,
        order: Order,
        started: Timestamp,
    ) -> Outcome {
        let view = self.board.view();
        let accounts = view.ledger.accounts();
        let selected = accounts.iter().filter(|account| account.skip.is_none()).count();
        self.status.accounts(selected);
        self.telemetry.sweep_started(started, order.trigger, selected, config.sweep.concurrency);
        let mut progress = Watched { telemetry: &self.telemetry, status: &self.status };
        let rules = rules(config, aws, &view);
        let swept = sweep::sweep(
            aws,
            &rules,
            accounts,
            limits(config),
            clock::now,
            &self.cancel,
            &mut progress,
        )
        .await;
        let outcome = match (swept.cancelled, &view.list.stale) {
            (true, _) => Outcome::Cancelled,
            (false, None) => Outcome::Complete,
            (false, Some(_)) => Outcome::Partial,
        };
        let whole = outcome == Outcome::Complete;
        let report = sweep::report_of(config, "serve", order.id, started, swept.accounts, whole);
        let ours = self.put_right().await;
        let how = (order.trigger, outcome);
        let taken = self.board.change(|view| take(view, report, how, &config.rules, &ours));
        if let Some((record, events)) = taken {
            self.telemetry.findings_changed(&events);
            self.telemetry.sweep_ended(&record);
            self.keeper.save(&self.board.view(), Some(&record), &events).await;
            self.keeper.prune(config.store.retention).await;
        }
        outcome
    }

    /// A sweep that could not begin is a sweep too: the accounts' states stay, and grow old.
    async fn failed(&self, config: &Config, order: Order, started: Timestamp, error: &ScanError) {
        self.telemetry.sweep_failed(error);
        let info = sweep::report_of(config, "serve", order.id, started, vec![], false).sweep;
        let record = self.board.change(|view| {
            view.trouble = Some(match &error.hint {
                Some(hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            });
            let record = SweepRecord {
                trigger: order.trigger,
                outcome: Outcome::Failed,
                states: view.states(info.finished_at),
                findings: view.open_findings(info.finished_at),
                unknown: BTreeMap::new(),
                opened: 0,
                resolved: 0,
                info,
            };
            remember(view, record.clone());
            record
        });
        self.keeper.save(&self.board.view(), record.as_ref(), &[]).await;
    }

    /// Scans one account and publishes it: a whole account, at once.
    pub(super) async fn scan(&mut self, id: &AccountId) {
        let view = self.board.view();
        let Some(entry) = view.ledger.get(id).filter(|entry| entry.account.skip.is_none()) else {
            return;
        };
        let account = entry.account.clone();
        let config = Arc::clone(&self.config.borrow());
        let cancel = self.cancel.clone();
        let scanning = self.scan_account(&config, &view, account);
        let Some(reports) = cancel.run_until_cancelled(scanning).await else { return };
        let ours = self.put_right().await;
        let rules = Some(config.rules.as_str().into());
        let events = self.board.change(|view| view.ledger.absorb_judged_by(rules, reports, &ours));
        let events = events.unwrap_or_default();
        self.events(&events).await;
    }

    async fn scan_account(
        &mut self,
        config: &Arc<Config>,
        view: &View,
        account: Account,
    ) -> Vec<AccountReport> {
        let aws = match self.connected(config).await {
            Ok(aws) => aws,
            Err(error) => {
                let Account { id, name, path, .. } = account;
                let result = AccountResult::Unknown(Box::new(error));
                return vec![AccountReport { id, name, path, result }];
            }
        };
        let mut progress = Single(&self.telemetry);
        let (rules, never) = (rules(config, &aws, view), CancellationToken::new());
        let swept = sweep::sweep(
            &aws,
            &rules,
            vec![account],
            limits(config),
            clock::now,
            &never,
            &mut progress,
        );
        swept.await.accounts
    }
}

pub(super) fn rules(config: &Config, aws: &Aws, view: &View) -> Arc<Rules> {
    let organization = view.list.organization.clone();
    Arc::new(Rules::new(config, aws.partition().clone(), organization, clock::today()))
}

pub(super) fn limits(config: &Config) -> Limits {
    Limits { concurrency: config.sweep.concurrency, account_timeout: config.sweep.account_timeout }
}

/// Puts a sweep's results, judged by these rules, into the view; `ours` tells when rolewarden put accounts right. Gives its record and what became of findings.
fn take(
    view: &mut View,
    report: Report,
    (trigger, outcome): (Trigger, Outcome),
    rules: &str,
    ours: &BTreeMap<AccountId, Timestamp>,
) -> (SweepRecord, Vec<Event>) {
    let Report { sweep: info, accounts, .. } = report;
    let unknown = unknown_by_reason(&accounts);
    let events = view.ledger.absorb_judged_by(Some(rules.into()), accounts, ours);
    let record = SweepRecord {
        trigger,
        outcome,
        states: view.states(info.finished_at),
        findings: view.open_findings(info.finished_at),
        unknown,
        opened: events.iter().filter(|event| event.change == Change::Opened).count(),
        resolved: events.iter().filter(|event| event.resolution().is_some()).count(),
        info,
    };
    view.trouble = None;
    if outcome == Outcome::Complete {
        view.last_complete = Some(record.info.finished_at);
    }
    remember(view, record.clone());
    (record, events)
}

fn unknown_by_reason(accounts: &[AccountReport]) -> BTreeMap<UnknownReason, usize> {
    let mut counts = BTreeMap::new();
    for account in accounts {
        if let AccountResult::Unknown(error) = &account.result {
            *counts.entry(error.reason).or_insert(0) += 1;
        }
    }
    counts
}

fn remember(view: &mut View, record: SweepRecord) {
    let sweeps = Arc::make_mut(&mut view.sweeps);
    sweeps.insert(0, record);
    sweeps.truncate(REMEMBERED_SWEEPS);
}

/// Follows a sweep.
struct Watched<'a> {
    telemetry: &'a Telemetry,
    status: &'a Status,
}

impl sweep::Progress for Watched<'_> {
    fn account_started(&mut self) {
        self.telemetry.scan_started();
    }

    fn account_done(&mut self, account: &AccountReport, took: Duration) {
        self.telemetry.scan_ended(account, took);
        self.status.one_done();
    }
}

/// Follows the scan of one account.
struct Single<'a>(&'a Telemetry);

impl sweep::Progress for Single<'_> {
    fn account_done(&mut self, account: &AccountReport, took: Duration) {
        self.0.scanned(account, took);
    }
}
