//! What the reporting commands share: selecting accounts, sweeping, putting the report together, writing it, and the
//! exit status that follows.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{Common, Report as Flags, output};
use crate::aws::{Organization, RoleReader};
use crate::check::Rules;
use crate::clock;
use crate::config::Config;
use crate::model::{Account, AccountId, Report, Shard, SkipReason};
use crate::plan::Scope;
use crate::render::{Format, TextOptions, render};
use crate::sweep::{self, Limits};

impl Flags {
    /// Flags win over the configuration.
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(severity) = self.fail_on {
            config.checks.drift_severity = severity;
        }
    }

    /// The accounts that were asked for, as a plan remembers them.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            accounts: self.accounts.iter().cloned().collect(),
            exclude_accounts: self.exclude_accounts.iter().cloned().collect(),
        }
    }

    /// The flags that ask for these accounts.
    pub(super) fn of(scope: &Scope) -> Self {
        Self {
            accounts: scope.accounts.iter().cloned().collect(),
            exclude_accounts: scope.exclude_accounts.iter().cloned().collect(),
            ..Self::default()
        }
    }

    /// Leaves out what `--account` and `--exclude-account` leave out. What is left out already stays so.
    pub(super) fn select(&self, accounts: &mut [Account]) -> anyhow::Result<()> {
        let known: BTreeSet<AccountId> =
            accounts.iter().map(|account| account.id.clone()).collect();
        let named = self.accounts.iter().chain(&self.exclude_accounts);
        let strangers: Vec<&str> =
            named.filter(|id| !known.contains(id)).map(AccountId::as_str).collect();
        anyhow::ensure!(
            strangers.is_empty(),
            "no such account: {}; it is not among the {} accounts found",
            strangers.join(", "),
            known.len()
        );
        for account in accounts.iter_mut() {
            let included = self.accounts.is_empty() || self.accounts.contains(&account.id);
            if account.skip.is_none() && (!included || self.exclude_accounts.contains(&account.id))
            {
                account.skip = Some(SkipReason::Excluded);
            }
        }
        let skipped = accounts.iter().filter(|account| account.skip.is_some()).count();
        anyhow::ensure!(
            skipped < accounts.len(),
            "no account is selected: {skipped} of {} are left out by their state, the configuration's include and \
             exclude, or --account and --exclude-account",
            accounts.len()
        );
        Ok(())
    }

    /// Leaves only a shard's part of the organization, those that are left out too; tells how many accounts are selected in
    /// all of it.
    pub(super) fn share(&self, shard: Shard, accounts: &mut Vec<Account>) -> anyhow::Result<usize> {
        let elsewhere: Vec<String> = self
            .accounts
            .iter()
            .filter(|id| !shard.holds(id))
            .map(|id| format!("{id} is in shard {}", shard.ordinal_of(id)))
            .collect();
        anyhow::ensure!(
            elsewhere.is_empty(),
            "{shard} does not hold every account of --account: {}; scan it there, or without --total-shards",
            elsewhere.join(", ")
        );
        let is_selected = |account: &Account| account.skip.is_none();
        let selected = accounts.iter().filter(|account| is_selected(account)).count();
        accounts.retain(|account| shard.holds(&account.id));
        anyhow::ensure!(
            accounts.iter().any(is_selected),
            "no account is selected: {shard} holds none of the {selected} selected accounts; use fewer shards"
        );
        Ok(selected)
    }

    /// Writes the report where it was asked for.
    pub(super) fn write(&self, common: &Common, report: &Report) -> anyhow::Result<()> {
        let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
        let color = self.output.is_none() && common.colored(&std::io::stdout());
        let max_accounts = if self.verbose { 0 } else { TextOptions::default().max_accounts };
        let options = TextOptions { color, width, max_accounts, verbose: self.verbose };
        let text = render(report, self.format.unwrap_or(Format::Text), options)
            .context("failed to write the report")?;
        match &self.output {
            Some(path) => output::write(path, text.as_bytes(), output::For::Owner),
            None => output::print(text.as_bytes()),
        }
    }
}

/// The rules for an organization, today.
pub(super) fn rules(
    config: &Config,
    reader: &impl RoleReader,
    organization: &Organization,
) -> Arc<Rules> {
    let (partition, id) = (reader.partition().clone(), organization.id.clone());
    Arc::new(Rules::new(config, partition, id, clock::today()))
}

/// How the configuration says that accounts are read.
pub(super) fn limits(config: &Config) -> Limits {
    let sweep = &config.sweep;
    Limits { concurrency: sweep.concurrency, account_timeout: sweep.account_timeout }
}

/// Sweeps an organization and puts the report together. The second value tells whether the sweep was stopped.
pub(super) async fn sweep<R>(
    config: &Config,
    reader: &Arc<R>,
    rules: &Arc<Rules>,
    accounts: Vec<Account>,
    quiet: bool,
    cancel: &CancellationToken,
) -> (Report, bool)
where
    R: RoleReader + Send + Sync + 'static,
{
    let started = clock::now();
    let selected = accounts.iter().filter(|account| account.skip.is_none()).count();
    tracing::info!(accounts = selected, discovered = accounts.len(), "sweep started");
    let mut progress = Progress::new(selected, quiet);
    let before = reader.traffic().total();
    let limits = limits(config);
    let swept =
        sweep::sweep(reader, rules, accounts, limits, clock::now, cancel, &mut progress).await;
    progress.finish();
    let id = clock::sweep_id();
    let report = sweep::report_of(config, "scan", id, started, swept.accounts, !swept.cancelled);
    let states = &report.summary.states;
    let sent = reader.traffic().total();
    tracing::info!(
        compliant = states.compliant,
        drifted = states.drifted,
        exempt = states.exempt,
        unknown = states.unknown,
        complete = report.sweep.complete,
        calls = sent.calls - before.calls,
        retries = sent.retries - before.retries,
        throttled = sent.throttled - before.throttled,
        "sweep finished"
    );
    (report, swept.cancelled)
}
