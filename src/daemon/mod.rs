//! The daemon: a loop around what the one-shot commands call, with a memory, metrics, a page and an API.
//!
//! ```text
//! sweeper ─> board (watch: one whole view after the other) ─> metrics, page, API
//!    └─────> keeper ─> store
//! ```
//!
//! One place spawns every task and keeps its handle; a task that ends before it was told to is fatal.

mod arming;
mod board;
mod control;
mod keeper;
mod listing;
mod remediator;
mod schedule;
mod status;
mod sweeper;
mod system;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use arming::Arming;
use board::Board;
use control::Handle;
use keeper::Keeper;
use remediator::Remediator;
use status::Status;
use sweeper::Sweeper;

use crate::aws::Connect;
use crate::clock;
use crate::config::Config;
use crate::ledger::{AccountList, RemediationView, Shrunken, View};
use crate::model::Shard;
use crate::store::{Store, StoreError, Stored};
use crate::telemetry::Telemetry;
use crate::web::server::{Access, Server, WebFileError};
use crate::web::{Site, router};

/// Sweeps that are read from the store at the start.
const SWEEPS: usize = 200;

/// For everything to end after it was told to; the contract says 20 s.
const GRACE: Duration = Duration::from_secs(18);

/// What a daemon is started with.
pub struct Options {
    /// The configuration's file, read again on a reload.
    pub path: PathBuf,
    /// What was read from it.
    pub config: Config,
    /// How AWS is reached.
    pub connect: Connect,
    /// A damaged store is moved aside and begun anew.
    pub rebuild_store: bool,
    /// Flags that win over the file, each time it is read.
    pub overrides: Overrides,
    /// The code a person arms remediation with.
    pub arm: Option<String>,
}

/// What flags say instead of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `web.listen`.
    pub listen: Option<SocketAddr>,
    /// `store.path`.
    pub store: Option<PathBuf>,
    /// Which part of the organization is this process's.
    pub shard: Shard,
}

impl Overrides {
    /// Flags win.
    pub fn apply(&self, config: &mut Config) {
        config.shard = self.shard;
        if let Some(listen) = self.listen {
            config.web.listen = listen;
        }
        if let Some(store) = &self.store {
            config.store.take_flag(store);
        }
    }
}

/// Reads the configuration again, on a signal.
#[derive(Clone)]
pub struct Reloader(Arc<Handle>);

impl Reloader {
    /// As the signal and the request do.
    ///
    /// # Errors
    /// Every problem, a line each; then nothing changed.
    pub async fn reload(&self) -> Result<(), String> {
        system::reloading();
        let reloaded = self.0.reload_config().await;
        system::ready();
        reloaded
    }
}

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(StoreError),
    /// The file with TLS and basic auth cannot be used.
    #[error(transparent)]
    WebFile(WebFileError),
    /// The address is not this machine's alone.
    #[error(
        "will not listen on {0} without TLS: configure it with `web.config_file`, listen on loopback, or set `web.insecure_bind: true` (behind a proxy, in a pod)"
    )]
    Exposed(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} (web.listen)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The metrics could not be set up: a defect.
    #[error("the metrics could not be set up: please report this")]
    Metrics(#[source] prometheus::Error),
}

/// A task ended that should not have.
#[derive(Debug, thiserror::Error)]
#[error("the {0} ended unexpectedly: please report this, with the log")]
pub struct Died(&'static str);

/// A running daemon.
pub struct Daemon {
    address: SocketAddr,
    handle: Arc<Handle>,
    stop: CancellationToken,
    sweeper: JoinHandle<()>,
    server: JoinHandle<()>,
}

impl Daemon {
    /// Opens the store, binds the address, and begins to sweep. What was stored is served at once.
    ///
    /// # Errors
    /// Why it cannot run.
    pub async fn start(options: Options, stop: CancellationToken) -> Result<Self, StartError> {
        let Options { path, config, mut connect, rebuild_store, overrides, arm } = options;
        let telemetry = Arc::new(Telemetry::new().map_err(StartError::Metrics)?);
        telemetry.config_loaded(clock::now());
        connect.counters = telemetry.traffic();
        let access =
            Access::load(config.web.config_file.as_deref()).map_err(StartError::WebFile)?;
        let address = config.web.listen;
        if !address.ip().is_loopback() && !access.is_encrypted() && !config.web.insecure_bind {
            return Err(StartError::Exposed(address));
        }
        let store = Arc::new(open(&config, rebuild_store)?);
        let access = Arc::new(access);
        let server = Server::bind(address, Arc::clone(&access), telemetry.refusals()).await;
        let server = server.map_err(|source| StartError::Listen { address, source })?;
        let address = server.address().unwrap_or(address);
        forget_others(&store, config.shard)?;
        let stored = store.load(SWEEPS).map_err(StartError::Store)?;
        let config = Arc::new(config);
        let arming = Arc::new(Arming::new(arm.as_deref(), &config));
        let view = View {
            remediation: RemediationView {
                guard: store.guard().map_err(StartError::Store)?,
                ..RemediationView::default()
            },
            ..view(Arc::clone(&config), stored)
        };
        let board = Board::new(view);
        let (commands, asked) = mpsc::channel(1);
        let handle = Arc::new(Handle {
            path,
            overrides,
            board: board.clone(),
            keeper: Keeper { store, telemetry: Arc::clone(&telemetry) },
            telemetry,
            status: Arc::new(Status::default()),
            config: watch::Sender::new(Arc::clone(&config)),
            commands,
            access,
            stop: stop.clone(),
            reloading: tokio::sync::Mutex::default(),
            arming: Arc::clone(&arming),
        });
        let remediator = Remediator {
            board: board.clone(),
            keeper: handle.keeper.clone(),
            telemetry: Arc::clone(&handle.telemetry),
            config: handle.config.subscribe(),
            cancel: stop.clone(),
            arming,
            turn: Arc::default(),
        };
        let sweeper = Sweeper {
            board: board.clone(),
            keeper: handle.keeper.clone(),
            telemetry: Arc::clone(&handle.telemetry),
            status: Arc::clone(&handle.status),
            connect,
            config: handle.config.subscribe(),
            commands: asked,
            cancel: stop.clone(),
            judged_with: String::new(),
            aws: None,
            remediator,
        };
        let site = Site { view: board.follow(), clock: clock::now, control: handle.clone() };
        let served = server.run(router(site), stop.clone());
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        Ok(Self {
            address,
            handle,
            stop,
            sweeper: tokio::spawn(sweeper.run()),
            server: tokio::spawn(served),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What reads the configuration again.
    pub fn reloader(&self) -> Reloader {
        Reloader(Arc::clone(&self.handle))
    }

    /// Runs until told to stop, and then until everything has ended.
    ///
    /// # Errors
    /// A task ended without having been told to.
    pub async fn run(mut self) -> Result<(), Died> {
        system::ready();
        let watchdog = tokio::spawn(system::watchdog(self.stop.clone()));
        let died = tokio::select! {
            () = self.stop.cancelled() => None,
            _ = &mut self.sweeper => (!self.stop.is_cancelled()).then_some("sweeper"),
            _ = &mut self.server => (!self.stop.is_cancelled()).then_some("web server"),
        };
        self.stop.cancel();
        system::stopping();
        let ending = async {
            for task in [&mut self.sweeper, &mut self.server] {
                if !task.is_finished() {
                    let _ = task.await;
                }
            }
            let _ = watchdog.await;
        };
        if tokio::time::timeout(GRACE, ending).await.is_err() {
            tracing::warn!("not everything ended in time");
        }
        self.handle.keeper.store.close();
        died.map_or(Ok(()), |task| Err(Died(task)))
    }
}

fn open(config: &Config, rebuild: bool) -> Result<Store, StartError> {
    let path = &config.store.path;
    if !rebuild {
        return Store::open(path).map_err(StartError::Store);
    }
    let (store, aside) = Store::rebuild(path, clock::now()).map_err(StartError::Store)?;
    match aside {
        Some(aside) => {
            tracing::warn!(aside = %aside.display(), "the damaged store was moved aside; ages of findings begin anew")
        }
        None => tracing::info!("the store is not damaged: nothing was rebuilt"),
    }
    Ok(store)
}

/// What is in the store of accounts that are another shard's now. They left nothing: nobody may be told that their findings
/// were resolved.
fn forget_others(store: &Store, shard: Shard) -> Result<(), StartError> {
    let forgotten = store.retain(|id| shard.holds(id)).map_err(StartError::Store)?;
    if forgotten > 0 {
        let (shard, total) = (shard.ordinal(), shard.total());
        tracing::warn!(
            shard,
            total,
            forgotten,
            "the store had accounts that are in other shards: they were forgotten, and the ages of their findings begin anew there"
        );
    }
    Ok(())
}

/// What was stored, as the first view.
fn view(config: Arc<Config>, mut stored: Stored) -> View {
    stored.ledger.put_in_force(&config.rules);
    let (interval, stale_after) = schedule::times(&config.sweep, clock::now());
    let stale = stored.listed_at.map(|_| "not listed since rolewarden started".to_owned());
    View {
        config,
        ledger: stored.ledger,
        list: AccountList {
            organization: stored.organization,
            refreshed_at: stored.listed_at,
            stale,
            ..AccountList::default()
        },
        sweeps: Arc::new(stored.sweeps),
        last_complete: stored.last_complete,
        interval,
        stale_after,
        trouble: None,
        shrunken: Shrunken::No,
        remediation: RemediationView::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_store_is_said_once() {
        for error in StoreError::examples() {
            let (said, case) = (error.to_string(), format!("{error:?}"));
            assert!(!said.contains('\n'), "case {case}: one line");
            let chain = format!("{:#}", anyhow::Error::from(StartError::Store(error)));
            assert_eq!(chain, said, "case {case}");
        }
    }
}
