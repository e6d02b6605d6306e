//! `rolewarden serve`: the daemon.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use super::Common;
use super::scan::Stop;
use super::shard::Shards;
use crate::aws::Connect;
use crate::config::Config;
use crate::daemon::{Daemon, Options, Overrides};
use crate::exit::Exit;

pub(super) const HELP: &str = "\
Served, on http://127.0.0.1:9797 unless configured otherwise:
  /  /accounts/{id}  /changes    the page
  /metrics                   for Prometheus; `rolewarden metrics` explains them
  /api/v1/openapi.json       describes the API; /api/v1/report is the whole report
  /-/healthy  /-/ready       for probes
  POST /-/reload, /api/v1/sweeps, /api/v1/accounts/{id}/scan    with the bearer token web.token
  POST /api/v1/accounts/list/confirm                            the same: accounts did leave the organization
  POST /api/v1/remediation/stop, resume, reset                  the same

Nothing is written to AWS unless remediation.mode is apply and --arm has the code that `rolewarden plan` prints for this
configuration. A reload never arms. Drift is put right after each sweep, within the limits of the section remediation.

Signals: SIGHUP reads the configuration again; SIGTERM and SIGINT stop within 20 s; a second one stops at once.
Exit status: 0 after SIGTERM or SIGINT, 1 otherwise; 2 for a usage error.";

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Listen here [default: the configuration's web.listen, 127.0.0.1:9797]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Keep the memory in this file, relative to the working directory [default: store.path of the configuration]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// If the store is damaged, move it aside and begin anew: ages of findings are lost
    #[arg(long)]
    rebuild_store: bool,
    /// Arm remediation (with `remediation.mode: apply`) by the code that `rolewarden plan` prints
    #[arg(long, value_name = "CODE", env = "ROLEWARDEN_ARM", hide_env_values = true)]
    arm: Option<String>,
    #[command(flatten)]
    shards: Shards,
}

pub(super) fn main(common: &Common, flags: &Serve) -> anyhow::Result<Exit> {
    let path = common.config_path();
    let shard = flags.shards.found()?;
    let overrides =
        Overrides { listen: flags.listen, store: flags.store.clone(), shard: shard.shard };
    let mut config = Config::load(&path)?;
    overrides.apply(&mut config);
    let _flush = common.start_detached_logging(&config.log)?;
    shard.log();
    // Two workers: one keeps requests and signals punctual while the other judges.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("failed to start the runtime")?;
    let options = Options {
        path,
        config,
        connect: Connect::default(),
        rebuild_store: flags.rebuild_store,
        overrides,
        arm: flags.arm.clone(),
    };
    runtime.block_on(serve(options))?;
    // A read that hangs must not keep the process: whatever mattered has ended.
    runtime.shutdown_background();
    Ok(Exit::Clean)
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let stop = Stop::on_signals()?;
    let mut hangup = signal(SignalKind::hangup()).context("failed to listen for signals")?;
    let daemon = Daemon::start(options, stop.token.clone()).await?;
    let reloader = daemon.reloader();
    let reloading = tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // What is wrong is logged where it is found.
            let _ = reloader.reload().await;
        }
    });
    let ended = daemon.run().await;
    reloading.abort();
    ended?;
    tracing::info!("stopped");
    Ok(())
}
