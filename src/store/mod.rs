//! What `serve` remembers over restarts: one SQLite file, written by one process.
//!
//! The ledger in memory is what counts; the store follows it. [`Store::save`] compares with what was saved last and
//! writes, in one transaction, what differs. So a save that failed is made good by the next one, without a restart.
//! Only what the ledger does not hold waits in memory meanwhile: sweeps, and findings that closed.
//!
//! Nothing that was not written is read: pages are checked when the store is opened, every row has a checksum, and
//! every value is read through its type. All calls block.

mod changes;
mod entries;
mod error;
mod findings;
mod open;
mod place;
mod row;
mod saving;
mod schema;
mod sum;
mod sweeps;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

pub use changes::ChangeFilter;
pub use error::StoreError;
pub use findings::FindingFilter;
pub use sweeps::SweepFilter;

use crate::ledger::{AccountList, Event, FindingRecord, Ledger, SweepRecord};
use crate::model::{AccountId, Change, Guard, Stopped};
use open::{Absent, Lock};
use row::RowError;
use saving::Waiting;
use sweeps::State;

/// The store, open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Held while the store is open to write. After the connection: see [`Lock::hold`].
    _lock: Option<Lock>,
}

#[derive(Debug)]
struct Inner {
    conn: Connection,
    /// What the tables hold.
    saved: Ledger,
    state: State,
    waiting: Waiting,
    health: Health,
}

/// What was stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Every account.
    pub ledger: Ledger,
    /// The last sweeps, the newest first.
    pub sweeps: Vec<SweepRecord>,
    /// The organization's id, where it is known.
    pub organization: Option<String>,
    /// When the list of accounts was last whole.
    pub listed_at: Option<Timestamp>,
    /// End of the last sweep that tried every account of a fresh list.
    pub last_complete: Option<Timestamp>,
}

/// What is to be saved.
#[derive(Debug, Clone, Copy)]
pub struct Saving<'a> {
    /// The time now.
    pub at: Timestamp,
    /// Every account.
    pub ledger: &'a Ledger,
    /// The sweep that ended, if one did.
    pub sweep: Option<&'a SweepRecord>,
    /// What became of findings since the last call.
    pub events: &'a [Event],
    /// The list of accounts.
    pub list: &'a AccountList,
    /// End of the last sweep that tried every account of a fresh list.
    pub last_complete: Option<Timestamp>,
}

/// How saving goes, for metrics and readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Saves that succeeded since the store was opened.
    pub saves: u64,
    /// Saves that failed.
    pub failures: u64,
    /// When a save last succeeded.
    pub saved_at: Option<Timestamp>,
    /// Why the last save failed; `None` when it did not.
    pub trouble: Option<String>,
    /// Records of history that were dropped because saves failed for too long.
    pub dropped: u64,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Sweeps.
    pub sweeps: usize,
    /// Findings that had closed.
    pub findings: usize,
    /// Changes that had ended.
    pub changes: usize,
}

impl Store {
    /// Opens the store, or makes it; brings its schema up to date and checks all of it.
    ///
    /// # Errors
    /// Why it cannot be used, in one line that says what to do.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::writing(path, Absent::Make)
    }

    /// As [`Store::open`], and never makes one: a store that is not where it was looked for holds a stop or an open breaker
    /// that must not be forgotten by accident.
    ///
    /// # Errors
    /// As [`Store::open`]; and when there is none.
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::writing(path, Absent::Refuse)
    }

    fn writing(path: &Path, absent: Absent) -> Result<Self, StoreError> {
        let path = place::resolve(path)?;
        place::refuse_shared(&path)?;
        if absent == Absent::Refuse && !open::is_there(&path)? {
            // Before the lock, which would leave its file behind.
            return Err(StoreError::Missing(path));
        }
        let mut lock = Lock::take(&path)?;
        let (conn, made) = open::writer(&mut lock, absent)?;
        // Once more: in a folder with the sticky bit another user may have made a log since. Opened, it is there and ours.
        place::refuse_shared(&path)?;
        let inner = Inner::read(conn, &path)?;
        if made {
            tracing::warn!(
                store = %path.display(),
                "a new store was made: it remembers no stop, no open breaker, no flapping account and no earlier change"
            );
        }
        Ok(Self { path, inner: Mutex::new(inner), _lock: Some(lock) })
    }

    /// As [`Store::open`]; a store that is damaged is moved aside (the second value tells where to) and begun anew. One
    /// of a newer version, or of another program, is left alone. With the old store the journal is gone, and so remediation
    /// is stopped until a person resumes it.
    ///
    /// # Errors
    /// As [`Store::open`], but for damage.
    pub fn rebuild(path: &Path, now: Timestamp) -> Result<(Self, Option<PathBuf>), StoreError> {
        match Self::open(path) {
            Err(StoreError::Corrupt { path, .. }) => {
                let mut lock = Lock::take(&path)?;
                // A process that has the damaged file under another name goes on writing it.
                lock.hold()?;
                let aside = open::move_aside(&path, now)?;
                let (conn, _) = open::writer(&mut lock, Absent::Make)?;
                let inner = Inner::read(conn, &path)?;
                let store = Self { path, inner: Mutex::new(inner), _lock: Some(lock) };
                let by = "the store was damaged and begun anew: the journal of changes is in the old one";
                let stopped = Some(Stopped { at: now, by: by.to_owned() });
                store.set_guard(&Guard { stopped, ..Guard::default() })?;
                Ok((store, Some(aside)))
            }
            opened => Ok((opened?, None)),
        }
    }

    /// Opens the store to read it, while `serve` may write it.
    ///
    /// # Errors
    /// As [`Store::open`]; and when there is none.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let path = place::resolve(path)?;
        place::refuse_shared(&path)?;
        let inner = Inner::read(open::reader(&path)?, &path)?;
        Ok(Self { path, inner: Mutex::new(inner), _lock: None })
    }

    /// What was stored when the store was opened or last saved, with at most so many sweeps.
    ///
    /// # Errors
    /// When the sweeps cannot be read.
    pub fn load(&self, sweeps: usize) -> Result<Stored, StoreError> {
        let sweeps = self.sweeps(&SweepFilter { limit: Some(sweeps), ..SweepFilter::default() })?;
        let inner = self.inner();
        let State { organization, listed_at, last_complete } = inner.state.clone();
        Ok(Stored { ledger: inner.saved.clone(), sweeps, organization, listed_at, last_complete })
    }

    /// Forgets the accounts that this is not true of, because another process has them now, and their open findings: nothing
    /// about them was resolved. What closed, and the journal, stay. Tells how many.
    ///
    /// # Errors
    /// Why nothing was forgotten.
    pub fn retain(&self, keep: impl Fn(&AccountId) -> bool) -> Result<usize, StoreError> {
        let mut inner = self.inner();
        let ids = inner.saved.entries().map(|entry| entry.account.id.clone());
        let gone: Vec<AccountId> = ids.filter(|id| !keep(id)).collect();
        let forget = |conn: &Connection| {
            gone.iter().try_for_each(|id| {
                findings::forget_open(conn, id)?;
                entries::delete(conn, id)
            })
        };
        if !gone.is_empty() {
            inner.write_now(forget).map_err(|error| error.of(&self.path))?;
            inner.saved.retain(keep);
        }
        Ok(gone.len())
    }

    /// Saves what differs from what was saved last, all of it or nothing. What a save that fails does not save, the next
    /// one does.
    ///
    /// # Errors
    /// Why nothing was saved.
    pub fn save(&self, saving: Saving<'_>) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let dropped = inner.waiting.take_in(saving);
        inner.health.dropped += dropped;
        let result = inner.write(saving).map_err(|error| error.of(&self.path));
        match &result {
            Ok(()) => {
                inner.health.saves += 1;
                inner.health.saved_at = Some(saving.at);
                inner.health.trouble = None;
            }
            Err(error) => {
                inner.health.failures += 1;
                inner.health.trouble = Some(error.to_string());
            }
        }
        result
    }

    /// Forgets sweeps, closed findings and changes that ended, all older than this, and gives the space back. The newest
    /// sweep stays, and so does every change that did not end.
    ///
    /// # Errors
    /// Why nothing was forgotten, or the space not given back.
    pub fn prune(&self, now: Timestamp, retention: Duration) -> Result<Pruned, StoreError> {
        // A retention longer than time has lasted forgets nothing.
        let before = now.checked_sub(retention).unwrap_or(Timestamp::MIN);
        let mut inner = self.inner();
        inner.prune(before).map_err(|error| error.of(&self.path))
    }

    /// Findings, those that opened or closed last first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn findings(&self, filter: &FindingFilter) -> Result<Vec<FindingRecord>, StoreError> {
        findings::list(&self.inner().conn, filter).map_err(|error| error.of(&self.path))
    }

    /// Sweeps, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn sweeps(&self, filter: &SweepFilter) -> Result<Vec<SweepRecord>, StoreError> {
        sweeps::list(&self.inner().conn, filter).map_err(|error| error.of(&self.path))
    }

    /// Writes changes into the journal, each new or in place of the one of its id: all of them or none, and on the disk
    /// when this returns.
    ///
    /// # Errors
    /// Why nothing was written. Nothing may be sent to AWS then.
    pub fn record(&self, changes: &[Change]) -> Result<(), StoreError> {
        let write = |conn: &Connection| changes.iter().try_for_each(|c| changes::put(conn, c));
        self.write_now(write)
    }

    /// Changes, those that were written down last first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn changes(&self, filter: &ChangeFilter) -> Result<Vec<Change>, StoreError> {
        changes::list(&self.inner().conn, filter).map_err(|error| error.of(&self.path))
    }

    /// What holds remediation back, as the database has it now. It is kept nowhere else: a copy could be older than a stop.
    ///
    /// # Errors
    /// When it cannot be read, which is trouble until a save succeeds. Nothing may be sent to AWS then.
    pub fn guard(&self) -> Result<Guard, StoreError> {
        let mut inner = self.inner();
        let read = changes::guard(&inner.conn).map_err(|error| error.of(&self.path));
        if let Err(error) = &read {
            inner.health.trouble = Some(error.to_string());
        }
        read
    }

    /// Changes what holds remediation back; on the disk when this returns.
    ///
    /// # Errors
    /// Why it is as it was.
    pub fn set_guard(&self, guard: &Guard) -> Result<(), StoreError> {
        self.update_guard(&mut |now| now.clone_from(guard))
    }

    /// As [`Store::set_guard`], from what the same transaction reads: of two that change it at once neither is lost.
    ///
    /// # Errors
    /// Why it is as it was.
    pub fn update_guard(&self, change: &mut dyn FnMut(&mut Guard)) -> Result<(), StoreError> {
        self.write_now(|conn| {
            let mut guard = changes::guard(conn)?;
            change(&mut guard);
            changes::put_guard(conn, &guard)
        })
    }

    /// One transaction. A failure is trouble until a save succeeds.
    fn write_now(
        &self,
        write: impl FnOnce(&Connection) -> row::Result<()>,
    ) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let result = inner.write_now(write).map_err(|error| error.of(&self.path));
        if let Err(error) = &result {
            inner.health.failures += 1;
            inner.health.trouble = Some(error.to_string());
        }
        result
    }

    /// Closes the database, which writes its log into it and removes the log. The process may end while others still hold the
    /// store, and what they ask of it from now on fails.
    pub fn close(&self) {
        let mut inner = self.inner();
        let Ok(nothing) = Connection::open_in_memory() else { return };
        let open = std::mem::replace(&mut inner.conn, nothing);
        if let Err((_, error)) = open.close() {
            tracing::warn!(%error, "the store was not closed in order: the next start does that");
        }
    }

    /// How saving goes.
    pub fn health(&self) -> Health {
        self.inner().health.clone()
    }

    /// A panic in a save leaves nothing half done: its transaction is rolled back, and memory changes after it.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Reads every row once, so that damage is found now.
    fn read(conn: Connection, path: &Path) -> Result<Self, StoreError> {
        let read = || {
            // One transaction: another process may write meanwhile.
            let tx = conn.unchecked_transaction()?;
            let read = (entries::load(&tx)?, sweeps::state(&tx)?);
            changes::guard(&tx)?;
            findings::check_all(&tx)?;
            changes::check_all(&tx)?;
            sweeps::list(&tx, &SweepFilter::default())?;
            tx.commit()?;
            Ok(read)
        };
        let (saved, state) = read().map_err(|error: RowError| error.of(path))?;
        let (waiting, health) = (Waiting::default(), Health::default());
        Ok(Self { conn, saved, state, waiting, health })
    }

    fn write_now(&mut self, write: impl FnOnce(&Connection) -> row::Result<()>) -> row::Result<()> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&tx)?;
        Ok(tx.commit()?)
    }

    fn prune(&mut self, before: Timestamp) -> row::Result<Pruned> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let pruned = Pruned {
            sweeps: sweeps::prune(&tx, before)?,
            findings: findings::prune(&tx, before)?,
            changes: changes::prune(&tx, before)?,
        };
        tx.commit()?;
        // The first gives pages back a row at a time; the second cuts the files, unless somebody reads just now.
        for step in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            let mut statement = self.conn.prepare(step)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
        }
        Ok(pruned)
    }
}
