//! What `apply` and `rollback` share: the engine on top of the store, and how a run is written.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::scan::{Stop, explained};
use super::{Common, output, run};
use crate::aws::{Aws, Organization, OrganizationReader as _};
use crate::clock;
use crate::config::{Config, StoreConfig};
use crate::exit::Exit;
use crate::model::json_pretty;
use crate::remediate::{Engine, Recovered, RunReport, Unobserved};
use crate::render::{self, TextOptions};
use crate::store::{Store, StoreError};

/// How a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RunFormat {
    Text,
    Json,
}

/// The store that says what holds writes back, and that they are written down in.
#[derive(Debug, Args)]
pub(super) struct StoreFlags {
    /// The store of the `serve` that watches these accounts, relative to the working directory [default: store.path of the
    /// configuration]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Make the store where there is none: it remembers no stop, no open breaker and no earlier change
    #[arg(long)]
    new_store: bool,
}

impl StoreFlags {
    /// The store that was named, as it was named.
    pub(super) fn named(&self) -> Option<String> {
        self.store.as_ref().map(|path| path.display().to_string())
    }

    fn open(&self, config: &StoreConfig) -> anyhow::Result<Store> {
        let mut config = config.clone();
        if let Some(path) = &self.store {
            config.take_flag(path);
        }
        let opened = match self.new_store {
            true => Store::open(&config.path),
            false => Store::open_existing(&config.path),
        };
        opened.map_err(|error| match error {
            StoreError::Missing(path) => anyhow::anyhow!(
                "there is no store at `{}` ({}), and nothing is written without the stops, the breaker and the journal in it: \
                 name the store of `rolewarden serve` with --store, or make an empty one with --new-store",
                path.display(),
                config.named_by
            ),
            StoreError::Locked(_) => anyhow::Error::new(error).context(
                "nothing is written without the journal; a `rolewarden serve` that has the store must be stopped first",
            ),
            other => anyhow::Error::new(other).context(format!(
                "nothing is written without the journal ({})",
                config.named_by
            )),
        })
    }
}

/// Everything a run is done with.
pub(super) struct Hands {
    pub(super) engine: Engine<Aws, Store>,
    /// The organization, as it was just listed.
    pub(super) organization: Organization,
}

impl Hands {
    /// Locks the store, and connects. The store comes first: one process writes.
    pub(super) async fn new(
        config: &Config,
        store: &StoreFlags,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        // Nothing else runs yet that waiting for the disk could hold up.
        let store = store.open(&config.store)?;
        let aws = Aws::connect(config).await.map_err(explained)?;
        let organization = aws.read_organization().await.map_err(explained)?;
        let caller = aws.caller_arn().to_owned();
        let rules = run::rules(config, &aws, &organization);
        let accounts = organization.accounts.iter();
        let engine = Engine {
            accounts: accounts.map(|account| (account.id.clone(), account.clone())).collect(),
            aws: Arc::new(aws),
            journal: Arc::new(store),
            rules,
            remediation: config.remediation.clone(),
            caller,
            clock: clock::now,
            cancel: stop.token.clone(),
            reloaded: CancellationToken::new(),
            observer: Arc::new(Unobserved),
            turn: Arc::default(),
        };
        Ok(Self { engine, organization })
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
