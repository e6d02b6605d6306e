//! The journal: every change that was asked for, and what became of it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::row::{self, Result};
use super::sum::Sum;
use crate::model::{AccountId, Change, Guard, Phase, StepOutcome};

const TABLE: &str = "changes";

/// Which changes are asked for. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct ChangeFilter {
    /// Only this one.
    pub id: Option<String>,
    /// Only those of this run.
    pub run: Option<String>,
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Only those that were written down at or after this time.
    pub since: Option<Timestamp>,
    /// Only those that came to this.
    pub outcome: Option<StepOutcome>,
    /// Only those of which it is not known what became of them.
    pub unfinished: bool,
    /// Only those that were written down before the one of this id: where the page before ended.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// The columns of a row but its sum.
struct Columns {
    /// Rows are numbered as they are written down: clocks may go back.
    seq: i64,
    id: String,
    run: String,
    account: i64,
    at: i64,
    ended_at: Option<i64>,
    body: String,
}

impl Columns {
    fn sum(&self) -> i64 {
        Sum::of(TABLE)
            .number(Some(self.seq))
            .text(Some(&self.id))
            .text(Some(&self.run))
            .number(Some(self.account))
            .number(Some(self.at))
            .number(self.ended_at)
            .text(Some(&self.body))
            .end()
    }
}

/// When a change ended; `None` while that is open, whatever else is said.
fn ended_at(change: &Change) -> Option<i64> {
    match change.phase {
        Phase::Planned | Phase::Sent => None,
        Phase::Ended => Some(row::micros(change.ended_at.unwrap_or(change.at))),
    }
}

/// Writes a change, new or in place of the one of its id.
pub(super) fn put(conn: &Connection, change: &Change) -> Result<()> {
    let known = conn
        .prepare_cached("SELECT seq FROM changes WHERE id = ?1")?
        .query_row([&change.id], |found| found.get(0))
        .optional()?;
    let seq = match known {
        Some(seq) => seq,
        None => conn
            .prepare_cached("SELECT ifnull(max(seq), 0) + 1 FROM changes")?
            .query_row([], |found| found.get(0))?,
    };
    let columns = Columns {
        seq,
        id: change.id.clone(),
        run: change.run.clone(),
        account: row::number(&change.account),
        at: row::micros(change.at),
        ended_at: ended_at(change),
        body: row::text_of(change)?,
    };
    let sum = columns.sum();
    let Columns { seq, id, run, account, at, ended_at, body } = columns;
    let mut statement = conn.prepare_cached(
        "INSERT OR REPLACE INTO changes (seq, id, run, account, at, ended_at, body, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    statement.execute((seq, id, run, account, at, ended_at, body, sum))?;
    Ok(())
}

const SELECT: &str = "SELECT seq, id, run, account, at, ended_at, body, sum FROM changes";

/// Changes, those that were written down last first.
pub(super) fn list(conn: &Connection, filter: &ChangeFilter) -> Result<Vec<Change>> {
    let sql = format!(
        "{SELECT}
         WHERE (?1 IS NULL OR id = ?1)
           AND (?2 IS NULL OR run = ?2)
           AND (?3 IS NULL OR account = ?3)
           AND (?4 IS NULL OR at >= ?4)
           AND (NOT ?5 OR ended_at IS NULL)
           AND (?6 IS NULL OR seq < (SELECT seq FROM changes WHERE id = ?6))
           AND (?7 IS NULL OR body ->> '$.outcome' = ?7)
         ORDER BY seq DESC LIMIT ?8"
    );
    let ChangeFilter { id, run, account, since, outcome, unfinished, before, limit } = filter;
    let outcome = outcome.map(StepOutcome::as_str);
    let account = account.as_ref().map(row::number);
    let since = since.map(row::micros);
    let limit = limit.map_or(-1, row::limit);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows =
        statement.query((id, run, account, since, unfinished, before, outcome, limit))?;
    let mut changes = vec![];
    while let Some(found) = rows.next()? {
        changes.push(change(found)?);
    }
    Ok(changes)
}

/// Reads every change, so that damage is found now.
pub(super) fn check_all(conn: &Connection) -> Result<()> {
    let mut statement = conn.prepare(SELECT)?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        change(found)?;
    }
    Ok(())
}

/// Forgets what ended before this time, and nothing that did not end; tells how many.
pub(super) fn prune(conn: &Connection, before: Timestamp) -> Result<usize> {
    Ok(conn.execute("DELETE FROM changes WHERE ended_at < ?1", [row::micros(before)])?)
}

fn change(found: &Row<'_>) -> Result<Change> {
    let columns = Columns {
        seq: found.get(0)?,
        id: found.get(1)?,
        run: found.get(2)?,
        account: found.get(3)?,
        at: found.get(4)?,
        ended_at: found.get(5)?,
        body: found.get(6)?,
    };
    row::intact(TABLE, columns.sum() == found.get::<_, i64>(7)?)?;
    row::json(TABLE, &columns.body)
}

pub(super) fn put_guard(conn: &Connection, guard: &Guard) -> Result<()> {
    let body = row::text_of(guard)?;
    let sum = Sum::of("guard").text(Some(&body)).end();
    conn.prepare_cached(
        "INSERT INTO guard (id, body, sum) VALUES (1, ?1, ?2)
         ON CONFLICT (id) DO UPDATE SET body = ?1, sum = ?2",
    )?
    .execute((body, sum))?;
    Ok(())
}

/// The guard; it holds nothing back before it was first written.
pub(super) fn guard(conn: &Connection) -> Result<Guard> {
    let mut statement = conn.prepare_cached("SELECT body, sum FROM guard")?;
    let mut rows = statement.query([])?;
    let Some(found) = rows.next()? else { return Ok(Guard::default()) };
    let body: String = found.get(0)?;
    row::intact("guard", Sum::of("guard").text(Some(&body)).end() == found.get::<_, i64>(1)?)?;
    row::json("guard", &body)
}
