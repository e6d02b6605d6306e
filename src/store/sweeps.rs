//! Sweeps in the store, and when the list of accounts was last whole.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::row::{self, Result};
use super::sum::Sum;
use crate::ledger::SweepRecord;

/// Which sweeps are asked for. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct SweepFilter {
    /// Only those that ended at or after this time.
    pub since: Option<Timestamp>,
    /// Only those that began before the one of this id: where the page before ended.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What is known beside accounts, findings and sweeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) organization: Option<String>,
    pub(super) listed_at: Option<Timestamp>,
    pub(super) last_complete: Option<Timestamp>,
}

pub(super) fn put(conn: &Connection, sweep: &SweepRecord) -> Result<()> {
    let (id, finished_at) = (&sweep.info.id, row::micros(sweep.info.finished_at));
    let body = row::text_of(sweep)?;
    let sum = sum(id, finished_at, &body);
    conn.prepare_cached(
        "INSERT OR REPLACE INTO sweeps (id, finished_at, body, sum) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((id, finished_at, body, sum))?;
    Ok(())
}

/// Sweeps, the newest first: their ids sort by the time they began.
pub(super) fn list(conn: &Connection, filter: &SweepFilter) -> Result<Vec<SweepRecord>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, finished_at, body, sum FROM sweeps
         WHERE (?1 IS NULL OR finished_at >= ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
    )?;
    let limit = filter.limit.map_or(-1, row::limit);
    let mut rows = statement.query((filter.since.map(row::micros), &filter.before, limit))?;
    let mut sweeps = vec![];
    while let Some(found) = rows.next()? {
        let (id, finished_at, body): (String, i64, String) =
            (found.get(0)?, found.get(1)?, found.get(2)?);
        row::intact("sweeps", sum(&id, finished_at, &body) == found.get::<_, i64>(3)?)?;
        sweeps.push(row::json("sweeps", &body)?);
    }
    Ok(sweeps)
}

/// Forgets what ended before this time, but never the newest; tells how many.
pub(super) fn prune(conn: &Connection, before: Timestamp) -> Result<usize> {
    Ok(conn.execute(
        "DELETE FROM sweeps WHERE finished_at < ?1 AND id <> (SELECT max(id) FROM sweeps)",
        [row::micros(before)],
    )?)
}

pub(super) fn put_state(conn: &Connection, state: &State) -> Result<()> {
    let body = row::text_of(state)?;
    let sum = Sum::of("state").text(Some(&body)).end();
    conn.prepare_cached(
        "INSERT INTO state (id, body, sum) VALUES (1, ?1, ?2)
         ON CONFLICT (id) DO UPDATE SET body = ?1, sum = ?2",
    )?
    .execute((body, sum))?;
    Ok(())
}

/// The state; nothing is known before the first save.
pub(super) fn state(conn: &Connection) -> Result<State> {
    let mut statement = conn.prepare_cached("SELECT body, sum FROM state")?;
    let mut rows = statement.query([])?;
    let Some(found) = rows.next()? else { return Ok(State::default()) };
    let body: String = found.get(0)?;
    row::intact("state", Sum::of("state").text(Some(&body)).end() == found.get::<_, i64>(1)?)?;
    row::json("state", &body)
}

fn sum(id: &str, finished_at: i64, body: &str) -> i64 {
    Sum::of("sweeps").text(Some(id)).number(Some(finished_at)).text(Some(body)).end()
}
