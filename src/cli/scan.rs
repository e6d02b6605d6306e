//! `rolewarden scan`: one sweep, a report, an exit status.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::metrics::MetricsFile;
use super::shard::Shards;
use super::{Common, Report as Flags, output, run};
use crate::aws::{Aws, Connect, OrganizationReader};
use crate::config::Config;
use crate::exit::Exit;
use crate::model::ScanError;
use crate::telemetry::Listed;

/// Flags of `scan`.
#[derive(Debug, Args)]
pub(super) struct Scan {
    #[command(flatten)]
    report: Flags,
    #[command(flatten)]
    shards: Shards,
    /// Write the state as metrics to a file (whole or not at all, mode 0644), for node_exporter's textfile collector
    ///
    /// The folder is that of `--collector.textfile.directory`, the name ends in `.prom`. When the scan cannot run, the file
    /// says so in rolewarden_last_sweep_outcome: it has no states then, but keeps
    /// rolewarden_last_complete_sweep_timestamp_seconds of the file before. Only a usage error leaves the old file in place.
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
}

pub(super) fn main(common: &Common, scan: &Scan) -> anyhow::Result<Exit> {
    let Some(path) = &scan.metrics_file else { return run(common, scan, None) };
    let file = MetricsFile::new(path)?;
    let ended = run(common, scan, Some(&file));
    file.end(ended.is_err())?;
    ended
}

fn run(common: &Common, command: &Scan, metrics: Option<&MetricsFile>) -> anyhow::Result<Exit> {
    let (flags, shard) = (&command.report, command.shards.found()?);
    let mut config = Config::load(&common.config_path())?;
    flags.apply(&mut config);
    config.shard = shard.shard;
    common.start_logging(&config.log)?;
    shard.log();
    if let Some(path) = &flags.output {
        output::check_writable(path, output::For::Owner)?;
    }
    // One thread: the calls wait for AWS most of the time, and handing them from thread to thread costs a quarter more CPU.
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(scan(common, flags, &config, metrics))
}

/// Two workers: one keeps signals and time-outs punctual while the other judges.
#[cfg(feature = "simulator")]
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("failed to start the runtime")
}

async fn scan(
    common: &Common,
    flags: &Flags,
    config: &Config,
    metrics: Option<&MetricsFile>,
) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    let prepare = async {
        let counters = metrics.map(MetricsFile::counters).unwrap_or_default();
        let connect = Connect { counters, ..Connect::default() };
        let aws = Aws::connect_with(config, connect).await.map_err(explained)?;
        let mut organization = aws.read_organization().await.map_err(explained)?;
        flags.select(&mut organization.accounts)?;
        let selected = flags.share(config.shard, &mut organization.accounts)?;
        anyhow::Ok((aws, organization, selected))
    };
    let Some(prepared) = stop.token.run_until_cancelled(prepare).await else {
        tracing::warn!("stopped before the accounts were known; there is no report");
        return Ok(stop.exit());
    };
    let (aws, organization, selected) = prepared?;
    let known = metrics.map(|_| Listed { accounts: organization.accounts.clone(), selected });
    let rules = run::rules(config, &aws, &organization);
    let aws = Arc::new(aws);
    let (quiet, accounts) = (common.no_progress, organization.accounts);
    let (report, cancelled) = run::sweep(config, &aws, &rules, accounts, quiet, &stop.token).await;
    let written = flags.write(common, &report);
    if let (Some(metrics), Some(known)) = (metrics, known) {
        metrics.write(config, known, &report, cancelled)?;
    }
    written?;
    Ok(if cancelled { stop.exit() } else { Exit::of_report(&report) })
}

/// The error with what to do about it.
pub(super) fn explained(error: ScanError) -> anyhow::Error {
    let hint = error.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let request = error.request_id.as_ref().map(|id| format!("request {id}"));
    let facts: Vec<String> = error.code.iter().cloned().chain(request).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    anyhow::anyhow!("{error}{facts}{hint}")
}

/// The first SIGINT or SIGTERM stops the sweep, whose partial report is still written; a second ends the process at once.
pub(super) struct Stop {
    pub(super) token: CancellationToken,
    signal: Arc<AtomicU8>,
}

impl Stop {
    /// Listens in a thread of its own: whatever the others wait for, a second signal is heard.
    pub(super) fn on_signals() -> anyhow::Result<Self> {
        let stop = Self { token: CancellationToken::new(), signal: Arc::new(AtomicU8::new(0)) };
        let listening = "failed to listen for signals";
        let runtime = Builder::new_current_thread().enable_all().build().context(listening)?;
        let inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).context(listening)?;
        let terminate = signal(SignalKind::terminate()).context(listening)?;
        drop(inside);
        let (token, which) = (stop.token.clone(), Arc::clone(&stop.signal));
        let thread = std::thread::Builder::new().name("signals".to_owned());
        let obey = async move {
            tokio::join!(obey(interrupt, 2, &token, &which), obey(terminate, 15, &token, &which))
        };
        thread.spawn(move || runtime.block_on(obey)).context(listening)?;
        Ok(stop)
    }

    pub(super) fn exit(&self) -> Exit {
        Exit::Signal(self.signal.load(Ordering::SeqCst))
    }
}

async fn obey(mut listener: Signal, number: u8, token: &CancellationToken, which: &AtomicU8) {
    while listener.recv().await.is_some() {
        if token.is_cancelled() {
            std::process::exit(Exit::Signal(number).status().into());
        }
        which.store(number, Ordering::SeqCst);
        tracing::warn!(signal = number, "stopping; a second signal ends at once");
        token.cancel();
    }
}
