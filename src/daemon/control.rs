//! What a request can ask of the daemon.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Overrides;
use super::arming::Arming;
use super::board::Board;
use super::keeper::Keeper;
use super::listing;
use super::schedule;
use super::status::Status;
use super::sweeper::Command;
use crate::clock;
use crate::config::{Config, ConfigError, Secret};
use crate::ledger::{Breaker, FindingRecord, Guard, Stopped};
use crate::model::{AccountId, Change};
use crate::plan::arming_code;
use crate::store::ChangeFilter;
use crate::telemetry::{Rendered, Telemetry};
use crate::web::server::Access;
use crate::web::{Control, Encoding, Progress, Refused, Steer, SweepStarted};

/// The daemon's handles.
pub(super) struct Handle {
    pub(super) path: PathBuf,
    pub(super) overrides: Overrides,
    pub(super) board: Board,
    pub(super) keeper: Keeper,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) status: Arc<Status>,
    pub(super) config: watch::Sender<Arc<Config>>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) access: Arc<Access>,
    pub(super) stop: CancellationToken,
    /// One reload at a time.
    pub(super) reloading: tokio::sync::Mutex<()>,
    /// Whether a person armed remediation.
    pub(super) arming: Arc<Arming>,
}

impl Handle {
    fn ask(&self, command: Command) -> Result<(), Refused> {
        if self.stop.is_cancelled() {
            return Err(Refused::Stopping);
        }
        if self.status.read().is_some() {
            return Err(Refused::Running);
        }
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Running,
            mpsc::error::TrySendError::Closed(_) => Refused::Stopping,
        })
    }

    /// Reads the configuration again: builds and checks everything first, swaps last. A sweep that runs ends as it began.
    pub(super) async fn reload_config(&self) -> Result<(), String> {
        let _one = self.reloading.lock().await;
        let (path, overrides) = (self.path.clone(), self.overrides.clone());
        let load = move || {
            let mut config = Config::load(&path)?;
            overrides.apply(&mut config);
            Ok::<_, ConfigError>(config)
        };
        let loaded = tokio::task::spawn_blocking(load).await;
        let config = loaded.map_err(|error| error.to_string())?.map_err(|error| error.to_string());
        let taken = match config {
            Ok(config) => self.swap(config).await,
            Err(problems) => Err(problems),
        };
        match &taken {
            Ok(()) => self.telemetry.config_reloaded(clock::now()),
            Err(error) => self.telemetry.config_reload_failed(error),
        }
        taken
    }

    async fn swap(&self, config: Config) -> Result<(), String> {
        let before = Arc::clone(&self.config.borrow());
        let fixed = needs_restart(&before, &config);
        if !fixed.is_empty() {
            return Err(format!(
                "{} changed, which needs a restart: nothing was reloaded",
                fixed.join(", ")
            ));
        }
        let access = Arc::clone(&self.access);
        let read = tokio::task::spawn_blocking(move || access.reload()).await;
        read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let config = Arc::new(config);
        self.arming.reloaded(&config);
        let (code, armed) = (arming_code(&config), self.arming.fits(&config));
        let (interval, stale_after) = schedule::times(&config.sweep, clock::now());
        self.config.send_replace(Arc::clone(&config));
        self.board.change(|view| {
            view.ledger.put_in_force(&config.rules);
            view.config = config;
            (view.remediation.code, view.remediation.armed) = (code, armed);
            view.interval = interval;
            if listing::needs_another(&before.remediation, &view.config.remediation) {
                view.list.stale = Some(listing::NAMED_ANEW.to_owned());
            }
            view.stale_after = stale_after;
        });
        Ok(())
    }
}

/// Keys whose values were read once, when the process started.
fn needs_restart(before: &Config, after: &Config) -> Vec<&'static str> {
    let log = |config: &Config| (config.log.format, config.log.level.clone());
    [
        ("store.path", before.store.path != after.store.path),
        ("web.listen", before.web.listen != after.web.listen),
        ("web.config_file", before.web.config_file != after.web.config_file),
        ("web.insecure_bind", before.web.insecure_bind != after.web.insecure_bind),
        ("log", log(before) != log(after)),
    ]
    .into_iter()
    .filter_map(|(key, changed)| changed.then_some(key))
    .collect()
}

impl Control for Handle {
    fn progress(&self) -> Option<Progress> {
        self.status.read()
    }

    fn metrics(&self, encoding: Encoding) -> BoxFuture<'_, Bytes> {
        async move {
            let (telemetry, view) = (Arc::clone(&self.telemetry), self.board.view());
            let rendered = move || telemetry.scrape(&view, clock::now());
            match tokio::task::spawn_blocking(rendered).await {
                Ok(rendered) => match encoding {
                    Encoding::Plain => Bytes::from_owner(Plain(rendered)),
                    Encoding::Gzip => Bytes::from_owner(Gzip(rendered)),
                },
                Err(_) => Bytes::new(),
            }
        }
        .boxed()
    }

    fn sweep_now(&self) -> BoxFuture<'_, Result<SweepStarted, Refused>> {
        let id = clock::sweep_id();
        let asked = self.ask(Command::Sweep(id.clone())).map(|()| SweepStarted { id });
        std::future::ready(asked).boxed()
    }

    fn rescan(&self, account: AccountId) -> BoxFuture<'_, Result<(), Refused>> {
        let view = self.board.view();
        let known = view.ledger.get(&account).is_some_and(|entry| entry.account.skip.is_none());
        let asked =
            if known { self.ask(Command::Scan(account)) } else { Err(Refused::NoSuchAccount) };
        std::future::ready(asked).boxed()
    }

    fn confirm_list(&self) -> Result<usize, Refused> {
        let confirmed = self.board.change(listing::confirm).flatten();
        let accounts = confirmed.ok_or(Refused::NoSuchList)?;
        tracing::warn!(
            accounts,
            "the list of accounts that was not believed was confirmed by hand"
        );
        Ok(accounts)
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), String>> {
        self.reload_config().boxed()
    }

    fn ready(&self) -> Result<(), &'static str> {
        if self.stop.is_cancelled() {
            return Err("stopping");
        }
        let view = self.board.view();
        if view.newest().is_none() {
            return Err("no sweep has ended yet");
        }
        if view.ledger.awaits_judgement() {
            return Err(
                "no sweep has ended by the configuration in force: every account is pending",
            );
        }
        if self.keeper.store.health().trouble.is_some() {
            return Err("the store cannot be written");
        }
        Ok(())
    }

    fn history(&self, account: AccountId) -> BoxFuture<'_, Result<Vec<FindingRecord>, String>> {
        self.keeper.history(account).boxed()
    }

    fn changes(&self, filter: ChangeFilter) -> BoxFuture<'_, Result<Vec<Change>, String>> {
        self.keeper.changes(filter).boxed()
    }

    fn steer(&self, how: Steer) -> BoxFuture<'_, Result<(), String>> {
        async move {
            let store = Arc::clone(&self.keeper.store);
            let written = tokio::task::spawn_blocking(move || {
                store.update_guard(&mut |guard| steer(guard, how, clock::now()))
            });
            let written = written.await.map_err(|error| error.to_string())?;
            written.map_err(|error| error.to_string())?;
            let guard = self.keeper.store.guard();
            tracing::warn!(
                ?how,
                breaker = guard.breaker.as_str(),
                "remediation was steered by hand"
            );
            self.board.change(|view| view.remediation.guard = guard);
            Ok(())
        }
        .boxed()
    }

    fn token(&self) -> Option<Secret> {
        self.config.borrow().web.token.clone()
    }
}

/// Stops, resumes or resets; what is so already stays as it is.
fn steer(guard: &mut Guard, how: Steer, now: Timestamp) {
    match how {
        Steer::Stop => {
            let by = "POST /api/v1/remediation/stop".to_owned();
            guard.stopped.get_or_insert(Stopped { at: now, by });
        }
        Steer::Resume => guard.stopped = None,
        Steer::Reset => {
            if let Breaker::Open { .. } = guard.breaker {
                guard.breaker = Breaker::HalfOpen;
            }
        }
    }
}

/// One rendering, shared by every answer that sends it.
struct Plain(Arc<Rendered>);

impl AsRef<[u8]> for Plain {
    fn as_ref(&self) -> &[u8] {
        &self.0.plain
    }
}

/// The same, packed.
struct Gzip(Arc<Rendered>);

impl AsRef<[u8]> for Gzip {
    fn as_ref(&self) -> &[u8] {
        &self.0.gzip
    }
}
