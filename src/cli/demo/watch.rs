//! `rolewarden demo --serve`: the daemon watches a simulated organization in which people go on changing things.

use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::super::Common;
use super::super::scan::{Stop, runtime};
use super::{Demo, JITTER, LATENCY, MIX, note};
use crate::aws::Connect;
use crate::config::Config;
use crate::daemon::{Daemon, Options, Overrides};
use crate::exit::Exit;
use crate::model::AccountId;
use crate::simulator::{Kind, Running, Server, World, generate_with};

/// Everything else is the default.
const CONFIG: &str = "
accounts: {source: organization, refresh: 1m}
access: {external_id: rolewarden-demo, region: us-east-1}
sweep: {every: 20s, jitter: 0s, attempt_timeout: 2s, max_attempts: 2}
log: {level: warn}
";

/// The time between two things that happen.
const BETWEEN: Duration = Duration::from_secs(15);

/// What people do to a role that was right, in turn.
const DEEDS: [Kind; 6] = [
    Kind::Everyone,
    Kind::AssumeDenied,
    Kind::WildcardAction,
    Kind::ForeignAccount,
    Kind::Absent,
    Kind::AdministratorAttached,
];

pub(super) fn main(common: &Common, demo: &Demo) -> anyhow::Result<Exit> {
    let folder = tempfile::tempdir().context("no folder for the demo's store")?;
    let path = folder.path().join("rolewarden.yaml");
    std::fs::write(&path, CONFIG)?;
    let store = Some(folder.path().join("rolewarden.db"));
    let overrides = Overrides { listen: Some(demo.listen), store, ..Overrides::default() };
    let mut config = Config::load(&path)?;
    overrides.apply(&mut config);
    let _flush = common.start_detached_logging(&config.log)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let stop = Stop::on_signals()?;
        let mut world = generate_with(demo.seed, usize::from(demo.size), MIX);
        (world.latency, world.jitter) = (LATENCY, JITTER);
        let running = Server::start(world).await?;
        let connect = Connect {
            endpoint: Some(running.endpoint()),
            credentials: Some(running.credentials()),
            ..Connect::default()
        };
        let options = Options { path, config, connect, rebuild_store: false, overrides, arm: None };
        let daemon = Daemon::start(options, stop.token.clone()).await?;
        note(&format!(
            "A simulated AWS Organization of {} accounts (seed {}), swept every 20 s.\n\n  \
             page     http://{address}/\n  \
             metrics  http://{address}/metrics\n  \
             API      http://{address}/api/v1/report\n\n\
             Every 15 s somebody changes a role, or puts one right. Ctrl-C ends it; nothing is left behind.",
            demo.size,
            demo.seed,
            address = daemon.address(),
        ));
        let (ended, ()) = tokio::join!(daemon.run(), live(&running, &stop.token));
        running.stop().await;
        anyhow::Ok(ended?)
    })?;
    Ok(Exit::Clean)
}

/// Breaks one account after the other; each is put right two deeds later.
async fn live(running: &Running, stop: &CancellationToken) {
    let right: Vec<AccountId> =
        running.change(|world: &mut World| world.of_kind(Kind::Eksctl).cloned().collect());
    let mut broken: std::collections::VecDeque<&AccountId> = std::collections::VecDeque::new();
    for (account, kind) in right.iter().cycle().zip(DEEDS.into_iter().cycle()) {
        if stop.run_until_cancelled(tokio::time::sleep(BETWEEN)).await.is_none() {
            return;
        }
        running.change(|world| world.remake(account, kind));
        broken.push_back(account);
        if broken.len() > 2
            && let Some(account) = broken.pop_front()
        {
            running.change(|world| world.remake(account, Kind::Eksctl));
        }
    }
}
