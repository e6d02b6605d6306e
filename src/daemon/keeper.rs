//! The store, from the daemon's side: what it does not take is logged, counted, and tried again with the next save.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::ledger::{Event, FindingRecord, SweepRecord, View};
use crate::model::{AccountId, Change};
use crate::store::{ChangeFilter, FindingFilter, Saving, Store};
use crate::telemetry::Telemetry;

/// Findings of one account's history that are shown.
const HISTORY: usize = 200;

#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) store: Arc<Store>,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Keeper {
    /// Saves what is known, a sweep that ended, and what became of findings.
    pub(super) async fn save(
        &self,
        view: &Arc<View>,
        sweep: Option<&SweepRecord>,
        events: &[Event],
    ) {
        let (view, sweep, events) = (Arc::clone(view), sweep.cloned(), events.to_vec());
        self.with(move |store| {
            store.save(Saving {
                at: clock::now(),
                ledger: &view.ledger,
                sweep: sweep.as_ref(),
                events: &events,
                list: &view.list,
                last_complete: view.last_complete,
            })
        })
        .await;
    }

    /// Forgets history that is older than it is kept.
    pub(super) async fn prune(&self, retention: Duration) {
        self.with(move |store| store.prune(clock::now(), retention).map(drop)).await;
    }

    async fn with(
        &self,
        work: impl FnOnce(&Store) -> Result<(), crate::store::StoreError> + Send + 'static,
    ) {
        let store = Arc::clone(&self.store);
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        if let Ok(Err(error)) = done {
            tracing::error!(%error, "store not written: what is known stays in memory and is saved with the next sweep");
        }
        self.telemetry.store_health(self.store.health());
    }

    /// Changes, those that were written down last first.
    pub(super) async fn changes(&self, filter: ChangeFilter) -> Result<Vec<Change>, String> {
        let store = Arc::clone(&self.store);
        let read = move || store.changes(&filter);
        let read = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
        read.map_err(|error| error.to_string())
    }

    /// The history of one account's findings, the newest first.
    pub(super) async fn history(&self, account: AccountId) -> Result<Vec<FindingRecord>, String> {
        let store = Arc::clone(&self.store);
        let filter = FindingFilter {
            account: Some(account),
            limit: Some(HISTORY),
            ..FindingFilter::default()
        };
        let read = move || store.findings(&filter);
        let read = tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?;
        read.map_err(|error| error.to_string())
    }
}
