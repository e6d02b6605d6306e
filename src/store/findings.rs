//! The history of findings.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::entries;
use super::row::{self, Result};
use super::sum::Sum;
use crate::ledger::{Change, Event, FindingRecord, Resolution};
use crate::model::{AccountId, CheckName, Finding, Severity};

/// Which findings are asked for. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Only those that are there and under no exception.
    pub open: bool,
    /// Only those that opened or closed at or after this time.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What has no column of its own.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    check: CheckName,
    severity: Severity,
    summary: Cow<'a, str>,
    resolution: Option<Resolution>,
}

/// A finding that is there.
fn present(account: &AccountId, finding: &Finding, at: Timestamp) -> FindingRecord {
    let first_seen = finding.first_seen.unwrap_or(at);
    FindingRecord {
        account: account.clone(),
        id: finding.id.clone(),
        check: finding.check,
        severity: finding.severity,
        summary: finding.summary.clone(),
        first_seen,
        last_seen: at.max(first_seen),
        closed_at: None,
        resolution: None,
        exception: finding.exception.clone(),
    }
}

/// What an event says is gone; when it was last seen, the store knows.
pub(super) fn closed(event: &Event) -> Option<FindingRecord> {
    let Change::Closed(resolution) = event.change else { return None };
    let (closed_at, resolution) = (Some(event.at), Some(resolution));
    let first_seen = event.finding.first_seen.unwrap_or(event.at);
    let present = present(&event.account, &event.finding, first_seen);
    Some(FindingRecord { closed_at, resolution, ..present })
}

/// Brings the records of an account to what is there now: `findings`, seen at `at`. What else was there is closed.
pub(super) fn bring_up_to(
    conn: &Connection,
    account: &AccountId,
    findings: &[Finding],
    at: Timestamp,
    resolution: Resolution,
) -> Result<()> {
    let there: Vec<_> = findings.iter().map(|finding| present(account, finding, at)).collect();
    for record in open_ones(conn, account)? {
        let key = (&record.id, record.first_seen);
        if !there.iter().any(|finding| (&finding.id, finding.first_seen) == key) {
            put_closed(
                conn,
                &FindingRecord { closed_at: Some(at), resolution: Some(resolution), ..record },
            )?;
        }
    }
    there.iter().try_for_each(|record| put(conn, record))
}

/// Forgets the records of an account that are open; what closed stays.
pub(super) fn forget_open(conn: &Connection, account: &AccountId) -> Result<()> {
    let sql = "DELETE FROM findings WHERE account = ?1 AND closed_at IS NULL";
    conn.prepare_cached(sql)?.execute([row::number(account)])?;
    Ok(())
}

/// Writes a record that closed. It was last seen by the last judgement that was stored.
pub(super) fn put_closed(conn: &Connection, record: &FindingRecord) -> Result<()> {
    let judged = entries::judged_at(conn, row::number(&record.account))?;
    let last_seen = judged.map_or(record.last_seen, |at| at.max(record.first_seen));
    put(conn, &FindingRecord { last_seen, ..record.clone() })
}

fn put(conn: &Connection, record: &FindingRecord) -> Result<()> {
    let FindingRecord { check, severity, resolution, .. } = *record;
    let body = Body { check, severity, summary: Cow::Borrowed(&record.summary), resolution };
    let columns = Columns {
        account: row::number(&record.account),
        id: record.id.clone(),
        first_seen: row::micros(record.first_seen),
        last_seen: record.closed_at.map(|_| row::micros(record.last_seen)),
        closed_at: record.closed_at.map(row::micros),
        exception: record.exception.clone(),
        body: row::text_of(&body)?,
    };
    let sum = columns.sum();
    let Columns { account, id, first_seen, last_seen, closed_at, exception, body } = columns;
    // What is the same is not written again.
    let mut statement = conn.prepare_cached(
        "INSERT INTO findings (account, id, first_seen, last_seen, closed_at, exception, body, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (account, id, first_seen)
         DO UPDATE SET last_seen = ?4, closed_at = ?5, exception = ?6, body = ?7, sum = ?8 WHERE sum <> ?8",
    )?;
    statement.execute((account, id, first_seen, last_seen, closed_at, exception, body, sum))?;
    Ok(())
}

/// The columns of a row but its sum.
struct Columns {
    account: i64,
    id: String,
    first_seen: i64,
    last_seen: Option<i64>,
    closed_at: Option<i64>,
    exception: Option<String>,
    body: String,
}

impl Columns {
    fn sum(&self) -> i64 {
        Sum::of("findings")
            .number(Some(self.account))
            .text(Some(&self.id))
            .number(Some(self.first_seen))
            .number(self.last_seen)
            .number(self.closed_at)
            .text(self.exception.as_deref())
            .text(Some(&self.body))
            .end()
    }
}

const SELECT: &str = "SELECT f.account, f.id, f.first_seen, f.last_seen, f.closed_at, f.exception, f.body, f.sum, j.at, j.sum
     FROM findings f LEFT JOIN judged j ON j.account = f.account";

fn open_ones(conn: &Connection, account: &AccountId) -> Result<Vec<FindingRecord>> {
    let sql = format!("{SELECT} WHERE f.account = ?1 AND f.closed_at IS NULL");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([row::number(account)])?;
    let mut records = vec![];
    while let Some(found) = rows.next()? {
        records.push(record(found)?);
    }
    Ok(records)
}

/// Calls `each` with every record, so that none needs to be kept.
pub(super) fn check_all(conn: &Connection) -> Result<()> {
    let mut statement = conn.prepare(SELECT)?;
    let mut rows = statement.query([])?;
    while let Some(found) = rows.next()? {
        record(found)?;
    }
    Ok(())
}

/// Records, those that opened or closed last first.
pub(super) fn list(conn: &Connection, filter: &FindingFilter) -> Result<Vec<FindingRecord>> {
    let sql = format!(
        "{SELECT}
         WHERE (?1 IS NULL OR f.account = ?1)
           AND (NOT ?2 OR (f.closed_at IS NULL AND f.exception IS NULL))
           AND (?3 IS NULL OR f.first_seen >= ?3 OR f.closed_at >= ?3)
         ORDER BY ifnull(f.closed_at, f.first_seen) DESC, f.account, f.id LIMIT ?4"
    );
    let mut statement = conn.prepare(&sql)?;
    let account = filter.account.as_ref().map(row::number);
    let since = filter.since.map(row::micros);
    let limit = filter.limit.map_or(-1, row::limit);
    let mut rows = statement.query((account, filter.open, since, limit))?;
    let mut records = vec![];
    while let Some(found) = rows.next()? {
        records.push(record(found)?);
    }
    Ok(records)
}

/// Forgets what closed before this time; tells how many.
pub(super) fn prune(conn: &Connection, before: Timestamp) -> Result<usize> {
    Ok(conn.execute("DELETE FROM findings WHERE closed_at < ?1", [row::micros(before)])?)
}

fn record(found: &Row<'_>) -> Result<FindingRecord> {
    const TABLE: &str = "findings";
    let columns = Columns {
        account: found.get(0)?,
        id: found.get(1)?,
        first_seen: found.get(2)?,
        last_seen: found.get(3)?,
        closed_at: found.get(4)?,
        exception: found.get(5)?,
        body: found.get(6)?,
    };
    row::intact(TABLE, columns.sum() == found.get::<_, i64>(7)?)?;
    let Columns { account, id, first_seen, last_seen, closed_at, exception, body } = columns;
    let Body { check, severity, summary, resolution } = row::json(TABLE, &body)?;
    let first_seen = row::time(TABLE, first_seen)?;
    let (last_seen, closed_at) = match (last_seen, closed_at, resolution) {
        (Some(last_seen), Some(closed_at), Some(_)) => {
            (row::time(TABLE, last_seen)?, Some(row::time(TABLE, closed_at)?))
        }
        // It is there, so the last judgement of its account had it.
        (None, None, None) => {
            let judged: (Option<i64>, Option<i64>) = (found.get(8)?, found.get(9)?);
            let (Some(at), Some(sum)) = judged else { return Err(row::damaged("judged")) };
            (entries::judged(account, at, sum)?.max(first_seen), None)
        }
        _ => return Err(row::damaged(TABLE)),
    };
    let (account, summary) = (row::account(TABLE, account)?, summary.into_owned());
    Ok(FindingRecord {
        account,
        id,
        check,
        severity,
        summary,
        first_seen,
        last_seen,
        closed_at,
        resolution,
        exception,
    })
}
