//! Where what is known is published.

use std::sync::Arc;

use tokio::sync::watch;

use crate::ledger::View;

/// The one place that is written to. Readers see one whole view after the other.
#[derive(Debug, Clone)]
pub(super) struct Board(watch::Sender<Arc<View>>);

impl Board {
    pub(super) fn new(view: View) -> Self {
        Self(watch::Sender::new(Arc::new(view)))
    }

    /// Changes what is known, and publishes it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> Option<T> {
        let mut result = None;
        self.0.send_modify(|view| result = Some(change(Arc::make_mut(view))));
        result
    }

    /// What is known now.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.0.borrow())
    }

    /// For those who follow it.
    pub(super) fn follow(&self) -> watch::Receiver<Arc<View>> {
        self.0.subscribe()
    }
}
