//! One save: what differs from what was saved last, in one transaction.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::sweeps::State;
use super::{Inner, Saving, entries, findings, row, sweeps};
use crate::ledger::{Entry, FindingRecord, Resolution, SweepRecord};

/// Sweeps that wait for a save that succeeds; older ones are dropped. A fortnight of sweeps every 15 minutes.
pub(super) const MOST_SWEEPS: usize = 1_344;
/// Findings that closed and wait; older ones are dropped, and only their resolution is lost.
const MOST_CLOSED: usize = 20_000;

/// What no ledger holds and the store does not have yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    sweeps: VecDeque<SweepRecord>,
    closed: VecDeque<FindingRecord>,
}

impl Inner {
    /// Writes it all, or nothing.
    pub(super) fn write(&mut self, saving: Saving<'_>) -> row::Result<()> {
        let listed_at = saving.list.refreshed_at.or(self.state.listed_at);
        let organization = saving.list.organization.clone();
        let state = State { organization, listed_at, last_complete: saving.last_complete };
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Before the times of the judgements: they tell when a finding was last seen.
        self.waiting.closed.iter().try_for_each(|record| findings::put_closed(&tx, record))?;
        let closed: BTreeSet<_> =
            self.waiting.closed.iter().map(|record| &record.account).collect();
        for now in saving.ledger.entries() {
            let id = &now.account.id;
            // Where something closed, nothing is taken for what it was: it may have come back.
            let saved = self.saved.get(id).filter(|_| !closed.contains(id));
            write_entry(&tx, saved, now, saving.at)?;
        }
        for gone in self.saved.entries() {
            let id = &gone.account.id;
            if saving.ledger.get(id).is_none() {
                findings::bring_up_to(&tx, id, &[], saving.at, Resolution::AccountLeft)?;
                entries::delete(&tx, id)?;
            }
        }
        self.waiting.sweeps.iter().try_for_each(|sweep| sweeps::put(&tx, sweep))?;
        sweeps::put_state(&tx, &state)?;
        tx.commit()?;
        self.saved = saving.ledger.clone();
        self.state = state;
        self.waiting = Waiting::default();
        Ok(())
    }
}

/// Writes one account, as far as it differs from what was saved.
fn write_entry(
    conn: &Connection,
    saved: Option<&Arc<Entry>>,
    now: &Arc<Entry>,
    at: Timestamp,
) -> row::Result<()> {
    if saved.is_some_and(|saved| Arc::ptr_eq(saved, now)) {
        return Ok(());
    }
    let judged_at = now.judged_at();
    if !saved.is_some_and(|saved| entries::same_but_judged_again(saved, now)) {
        entries::put(conn, now)?;
        let (id, seen) = (&now.account.id, judged_at.unwrap_or(at));
        findings::bring_up_to(conn, id, now.found(), seen, Resolution::External)?;
    }
    if saved.is_none_or(|saved| saved.judged_at() != judged_at) {
        entries::put_judged_at(conn, now)?;
    }
    Ok(())
}

impl Waiting {
    /// Takes what only this call knows; tells how much was dropped for it.
    pub(super) fn take_in(&mut self, saving: Saving<'_>) -> u64 {
        self.sweeps.extend(saving.sweep.cloned());
        self.closed.extend(saving.events.iter().filter_map(findings::closed));
        let sweeps = self.sweeps.len().saturating_sub(MOST_SWEEPS);
        let closed = self.closed.len().saturating_sub(MOST_CLOSED);
        drop((self.sweeps.drain(..sweeps), self.closed.drain(..closed)));
        u64::try_from(sweeps + closed).unwrap_or(u64::MAX)
    }
}
