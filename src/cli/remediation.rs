//! What `apply` and `rollback` share: the engine on top of the store, and how a run is written.

use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;

use super::scan::{Stop, explained};
use super::{Common, output};
use crate::aws::{Aws, Organization, OrganizationReader as _, RoleReader as _};
use crate::check::Rules;
use crate::clock;
use crate::config::{Config, RemediationMode};
use crate::exit::Exit;
use crate::model::{Account, json_pretty};
use crate::remediate::{Engine, Recovered, RunReport, Unobserved};
use crate::render::{self, TextOptions};
use crate::store::Store;

/// How a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RunFormat {
    Text,
    Json,
}

/// Everything a run is done with.
pub(super) struct Hands {
    pub(super) engine: Engine<Aws, Store>,
    /// Every account of the list.
    pub(super) listed: Vec<Account>,
}

/// Remediation must be allowed by the configuration.
pub(super) fn check_mode(config: &Config) -> anyhow::Result<()> {
    let mode = match config.remediation.mode {
        RemediationMode::Apply => return Ok(()),
        RemediationMode::Off => "off",
        RemediationMode::Plan => "plan",
    };
    anyhow::bail!("remediation.mode is {mode}: nothing is written before it is apply")
}

impl Hands {
    /// Locks the store, and connects. The store comes first: one process writes.
    pub(super) async fn new(config: &Config, stop: &Stop) -> anyhow::Result<Self> {
        let path = config.store.path.clone();
        let store = tokio::task::spawn_blocking(move || Store::open(&path));
        let store = store.await.context("failed to open the store")?.context(
            "nothing is written without the journal; a `rolewarden serve` that has the store must be stopped first",
        )?;
        let aws = Aws::connect(config).await.map_err(explained)?;
        let Organization { id, accounts } = aws.read_organization().await.map_err(explained)?;
        let caller = aws.caller_arn().to_owned();
        let rules = Rules::new(config, aws.partition().clone(), id, clock::today());
        let selected = accounts.iter().filter(|account| account.skip.is_none());
        let engine = Engine {
            accounts: selected.map(|account| (account.id.clone(), account.clone())).collect(),
            aws: Arc::new(aws),
            journal: Arc::new(store),
            rules: Arc::new(rules),
            remediation: config.remediation.clone(),
            caller,
            clock: clock::now,
            cancel: stop.token.clone(),
            observer: Arc::new(Unobserved),
            turn: Arc::default(),
        };
        Ok(Self { engine, listed: accounts })
    }

    /// Finds out what became of an earlier run that was cut off; goes on with it only if armed.
    pub(super) async fn recover(&self, armed: bool) -> anyhow::Result<()> {
        let Recovered { closed, open } = self.engine.recover(armed).await?;
        for change in &closed {
            let outcome = change.outcome.map_or("", crate::model::StepOutcome::as_str);
            tracing::warn!(account = %change.account, change = change.id, outcome, "a change of an earlier run was closed");
        }
        for (account, why) in &open {
            tracing::warn!(%account, why, "a change of an earlier run stays open: nothing is written in this account");
        }
        Ok(())
    }
}

/// Writes the run to stdout.
pub(super) fn print(common: &Common, format: RunFormat, report: &RunReport) -> anyhow::Result<()> {
    let text = match format {
        RunFormat::Json => {
            let json = json_pretty(report);
            format!("{}\n", json.context("failed to write the report")?)
        }
        RunFormat::Text => render::run(report, text_options(common)),
    };
    output::print(text.as_bytes())
}

pub(super) fn text_options(common: &Common) -> TextOptions {
    let width = terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0));
    let color = common.colored(&std::io::stdout());
    TextOptions { color, width, ..TextOptions::default() }
}

/// What a run stands for: 3 where an account was left as it was, 4 where something failed or was not seen, 5 for both.
pub(super) fn exit_of(report: &RunReport, stop: &Stop) -> Exit {
    let left = report.summary.left > 0;
    match (left, report.summary.failed > 0) {
        _ if stop.token.is_cancelled() => stop.exit(),
        (false, false) => Exit::Clean,
        (true, false) => Exit::Drifted,
        (false, true) => Exit::Incomplete,
        (true, true) => Exit::DriftedAndIncomplete,
    }
}
