//! Events: each function logs and counts one, so that log and metrics cannot disagree.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::counted::Counted;
use super::scrape::Kept;
use crate::aws::{Counters, Sent, Traffic};
use crate::ledger::{Event, Outcome, Resolution, SweepRecord, Trigger};
use crate::model::{AccountId, AccountReport, AccountResult, Action, ScanError, StepOutcome};
use crate::plan::{Blocked, Plan};
use crate::store::Health;
use crate::web::Refusals;

/// Findings that are logged one by one at `info`; of what changes beyond that at once, `debug` tells.
const LOGGED_FINDINGS: usize = 50;

/// Logs and counts what happens, and renders the metrics.
#[derive(Debug)]
pub struct Telemetry {
    pub(super) counted: Counted,
    pub(super) traffic: Arc<Counters>,
    pub(super) refusals: Arc<Refusals>,
    pub(super) store: Mutex<Health>,
    pub(super) sweep: Mutex<Sweep>,
    pub(super) kept: Mutex<Option<Kept>>,
}

/// The running sweep and the one before, as far as the process itself saw them.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// When the running sweep began.
    pub(super) running_since: Option<Timestamp>,
    /// What was sent before it.
    before: Traffic,
    /// What had been sent before and after the last sweep.
    pub(super) last: (Traffic, Traffic),
    /// How the newest attempt of one ended.
    pub(super) outcome: Option<Outcome>,
}

impl Telemetry {
    /// Nothing has happened yet.
    ///
    /// # Errors
    /// The catalogue declares something that Prometheus does not accept: a defect.
    pub fn new() -> prometheus::Result<Self> {
        let traffic = Arc::<Counters>::default();
        Ok(Self {
            counted: Counted::new()?,
            store: Mutex::default(),
            sweep: Mutex::default(),
            kept: Mutex::default(),
            traffic,
            refusals: Arc::default(),
        })
    }

    /// Where connections count their calls: see [`crate::aws::Connect`].
    pub fn traffic(&self) -> Arc<Counters> {
        Arc::clone(&self.traffic)
    }

    /// Where the web server counts what it refuses.
    pub fn refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.refusals)
    }

    /// A sweep of so many selected accounts begins, of which so many are scanned at once.
    pub fn sweep_started(&self, at: Timestamp, trigger: Trigger, accounts: usize, workers: usize) {
        self.counted.in_progress.set(1);
        self.counted.queue.set(signed(accounts));
        self.counted.busy.set(0);
        self.counted.workers.set(signed(workers));
        let mut sweep = lock(&self.sweep);
        sweep.running_since = Some(at);
        sweep.before = self.traffic.read();
        tracing::debug!(trigger = trigger.as_str(), accounts, "sweep started");
    }

    /// A worker of the running sweep takes an account.
    pub fn scan_started(&self) {
        self.counted.queue.dec();
        self.counted.busy.inc();
    }

    /// A worker is done with an account.
    pub fn scan_ended(&self, account: &AccountReport, took: Duration) {
        self.counted.busy.dec();
        self.scanned(account, took);
    }

    /// One account was scanned: by a sweep, or because somebody asked.
    pub fn scanned(&self, account: &AccountReport, took: Duration) {
        let id = account.id.as_str();
        let seconds = took.as_secs_f64();
        let outcome = match &account.result {
            AccountResult::Skipped(_) => return,
            AccountResult::Judged { state, .. } => {
                tracing::debug!(account = id, state = state.as_str(), seconds, "account scanned");
                "success"
            }
            AccountResult::Unknown(error) => {
                let reason = error.reason.as_str();
                tracing::debug!(account = id, reason, error = %error, seconds, "account not judged");
                reason
            }
        };
        self.counted.scans.with_label_values(&[outcome]).inc();
        self.counted.scan_seconds.observe(seconds);
    }

    /// A sweep ended, or was stopped.
    pub fn sweep_ended(&self, sweep: &SweepRecord) {
        let sent = self.end(sweep.outcome);
        let SweepRecord { info, trigger, outcome, states, opened, resolved, .. } = sweep;
        tracing::info!(
            sweep = info.id,
            trigger = trigger.as_str(),
            outcome = outcome.as_str(),
            seconds = info.finished_at.as_second() - info.started_at.as_second(),
            compliant = states.compliant,
            drifted = states.drifted,
            exempt = states.exempt,
            not_applicable = states.not_applicable,
            unknown = states.unknown,
            opened,
            resolved,
            calls = sent.calls,
            retries = sent.retries,
            throttled = sent.throttled,
            "sweep ended"
        );
    }

    /// A sweep could not begin.
    pub fn sweep_failed(&self, error: &ScanError) {
        self.end(Outcome::Failed);
        tracing::error!(reason = error.reason.as_str(), error = %error, hint = error.hint, "sweep failed");
    }

    /// Counts the end of a sweep; gives what was sent meanwhile.
    fn end(&self, outcome: Outcome) -> Sent {
        self.counted.sweeps.with_label_values(&[outcome.as_str()]).inc();
        self.counted.in_progress.set(0);
        self.counted.queue.set(0);
        self.counted.busy.set(0);
        let mut sweep = lock(&self.sweep);
        sweep.outcome = Some(outcome);
        if sweep.running_since.take().is_none() {
            return Sent::default();
        }
        sweep.last = (std::mem::take(&mut sweep.before), self.traffic.read());
        let (before, after) = (sweep.last.0.total(), sweep.last.1.total());
        Sent {
            calls: after.calls - before.calls,
            retries: after.retries - before.retries,
            throttled: after.throttled - before.throttled,
            waited: after.waited.saturating_sub(before.waited),
        }
    }

    /// The time of a sweep came while the one before still ran.
    pub fn sweep_overrun(&self) {
        self.counted.overruns.inc();
        tracing::warn!("a sweep takes longer than the time to the next: that one begins late");
    }

    /// Findings opened, came under an exception, or closed.
    pub fn findings_changed(&self, events: &[Event]) {
        for (number, event) in events.iter().enumerate() {
            self.finding_changed(event, number < LOGGED_FINDINGS);
        }
        if let Some(more) = events.len().checked_sub(LOGGED_FINDINGS).filter(|more| *more > 0) {
            tracing::info!(more, "more findings changed; the level debug shows each");
        }
    }

    fn finding_changed(&self, event: &Event, loudly: bool) {
        let finding = &event.finding;
        let (check, severity) = (finding.check.as_str(), finding.severity.as_str());
        let resolution = event.resolution();
        let message = match (event.is_opening(), resolution) {
            (true, _) => {
                self.counted.opened.with_label_values(&[check, severity]).inc();
                "finding opened"
            }
            (false, Some(resolution)) => {
                let labels = [check, severity, resolution.as_str()];
                self.counted.resolved.with_label_values(&labels).inc();
                // Of drift that goes on it is not known how long it will have been open.
                let ended = resolution != Resolution::Changed;
                let open =
                    finding.first_seen.map_or(0, |seen| event.at.as_second() - seen.as_second());
                let open = u32::try_from(open).map_or(0.0, f64::from);
                if ended {
                    self.counted.open_seconds.with_label_values(&[severity]).observe(open);
                    "finding resolved"
                } else {
                    "finding changed"
                }
            }
            // It was under an exception all the time.
            (false, None) => return,
        };
        let account = event.account.as_str();
        let id = finding.id.as_str();
        let resolution = resolution.map(Resolution::as_str);
        if loudly {
            let summary = finding.summary.as_str();
            tracing::info!(account, check, severity, resolution, id, summary, "{message}");
        } else {
            tracing::debug!(account, check, severity, resolution, id, "{message}");
        }
    }

    /// A step of remediation ended, or is not done now. What was done, its run tells louder.
    pub fn step_ended(&self, account: &AccountId, action: Action, outcome: StepOutcome) {
        let (action, outcome_word) = (action.as_str(), outcome.as_str());
        self.counted.remediations.with_label_values(&[action, outcome_word]).inc();
        let account = account.as_str();
        tracing::debug!(account, action, outcome = outcome_word, "step ended");
    }

    /// A plan was made after a sweep.
    pub fn planned(&self, plan: &Plan, pending: usize, held: Option<&Blocked>) {
        let accounts = plan.accounts.len();
        let steps: usize = plan.accounts.iter().map(|account| account.steps.len()).sum();
        let left_alone = plan.left_alone.len();
        let plan = plan.id.as_str();
        match held {
            Some(held) => {
                tracing::warn!(
                    plan,
                    accounts,
                    steps,
                    pending,
                    left_alone,
                    reason = held.as_str(),
                    %held,
                    "nothing is remediated"
                );
            }
            None => {
                tracing::info!(plan, accounts, steps, pending, left_alone, "remediation planned")
            }
        }
    }

    /// The accounts were listed.
    pub fn org_refreshed(&self, accounts: usize) {
        self.counted.refreshes.inc();
        tracing::debug!(accounts, "accounts listed");
    }

    /// The accounts could not be listed, or the list was not believed: the last good one stays in force.
    pub fn org_refresh_failed(&self, error: &ScanError) {
        self.counted.refreshes.inc();
        self.counted.refresh_failures.inc();
        let reason = error.reason.as_str();
        tracing::warn!(reason, error = %error, hint = error.hint, "accounts could not be listed");
    }

    /// The configuration was loaded at the start.
    pub fn config_loaded(&self, at: Timestamp) {
        self.counted.reload_successful.set(1);
        self.counted.reload_time.set(at.as_second());
    }

    /// The configuration was loaded again and is in force.
    pub fn config_reloaded(&self, at: Timestamp) {
        self.counted.reloads.inc();
        self.config_loaded(at);
        tracing::info!("configuration reloaded");
    }

    /// The configuration could not be loaded again; the one before stays in force.
    pub fn config_reload_failed(&self, error: &str) {
        self.counted.reloads.inc();
        self.counted.reload_failures.inc();
        self.counted.reload_successful.set(0);
        tracing::error!(error, "configuration not reloaded: the one before stays in force");
    }

    /// How the store fares.
    pub fn store_health(&self, health: Health) {
        *lock(&self.store) = health;
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
