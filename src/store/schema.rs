//! The tables, and how an older store becomes a newer one.
//!
//! Every row ends in a `sum` over all its other columns (see [`super::sum`]). Times are microseconds since 1970, in UTC.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// In the file's header, so that `file` and we know whose it is: `rlwd`.
pub(super) const APPLICATION_ID: i64 = 0x726c_7764;

/// One step a number; a store of schema n has had the first n. Released steps do not change.
const STEPS: [&str; 2] = [
    // Accounts: what is known of each but when it was last judged. That changes with every sweep while the rest stays,
    // and so has a small table of its own. Findings: the open ones and, for a while, those that were closed; an open
    // one has no `last_seen`: it is seen whenever its account is judged. State: one row.
    "CREATE TABLE accounts (
        id INTEGER PRIMARY KEY, body TEXT NOT NULL, checks TEXT, sum INTEGER NOT NULL) STRICT;
     CREATE TABLE judged (
        account INTEGER PRIMARY KEY, at INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;
     CREATE TABLE findings (
        account INTEGER NOT NULL, id TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER, closed_at INTEGER,
        exception TEXT, body TEXT NOT NULL, sum INTEGER NOT NULL,
        PRIMARY KEY (account, id, first_seen)) STRICT, WITHOUT ROWID;
     CREATE TABLE sweeps (
        id TEXT NOT NULL PRIMARY KEY, finished_at INTEGER NOT NULL, body TEXT NOT NULL, sum INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
     CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;",
    // Changes: the journal of writes to AWS; one without `ended_at` is not known to have ended. Guard: one row.
    "CREATE TABLE changes (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run TEXT NOT NULL, account INTEGER NOT NULL,
        at INTEGER NOT NULL, ended_at INTEGER, body TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
     CREATE INDEX changes_by_account ON changes (account);
     CREATE INDEX changes_by_run ON changes (run);
     CREATE INDEX changes_unfinished ON changes (seq) WHERE ended_at IS NULL;
     CREATE TABLE guard (
        id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;",
];

/// The schema this version reads and writes.
pub(super) fn newest() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// What the file's header says: whose it is and of which schema.
pub(super) fn identity(conn: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name| conn.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Takes the steps the store has not had, each in a transaction of its own.
pub(super) fn migrate(conn: &mut Connection, from: i64) -> rusqlite::Result<()> {
    for (version, step) in (1_i64..).zip(STEPS).filter(|(version, _)| *version > from) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}

/// Whether the store is whole: its pages fit together, and its tables are those of this version.
pub(super) fn verify(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let said: String =
        conn.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(failed)?;
    if said != "ok" {
        return Err(StoreError::corrupt(path, said.lines().collect::<Vec<_>>().join(", ")));
    }
    let expected = Connection::open_in_memory().and_then(|mut fresh| {
        migrate(&mut fresh, 0)?;
        tables(&fresh)
    });
    if tables(conn).map_err(failed)? != expected.map_err(failed)? {
        return Err(StoreError::corrupt(path, "its tables are not those it was made with"));
    }
    Ok(())
}

fn tables(conn: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let mut statement = conn.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
