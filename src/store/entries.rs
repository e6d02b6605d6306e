//! Accounts in the store.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::row::{self, Result};
use super::sum::Sum;
use crate::ledger::{Digest, Entry, Ledger, pending};
use crate::model::{
    Account, AccountId, AccountResult, AccountState, CheckName, CheckResults, Finding, ScanError,
    SkipReason,
};

/// An entry without the time of its judgement and its checks' results: what changes with every sweep, and what many
/// accounts share, have columns of their own.
#[derive(PartialEq, Serialize, Deserialize)]
struct Body<'a> {
    account: Cow<'a, Account>,
    missed: u32,
    /// The newest result, where it is no judgement.
    failed: Option<Failed<'a>>,
    judged: Option<Judgement<'a>>,
    /// Absent in stores of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ages: BTreeMap<CheckName, Timestamp>,
}

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Failed<'a> {
    Skipped(SkipReason),
    Unknown(Cow<'a, ScanError>),
}

#[derive(PartialEq, Serialize, Deserialize)]
struct Judgement<'a> {
    state: AccountState,
    role_arn: Cow<'a, str>,
    findings: Cow<'a, [Finding]>,
    /// Digest of the rules it was made by; stores of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<Cow<'a, str>>,
}

/// An entry as it is stored: all but when it was judged.
fn parts(entry: &Entry) -> (Body<'_>, Option<&CheckResults>) {
    let failed = match &entry.result {
        AccountResult::Skipped(reason) => Some(Failed::Skipped(*reason)),
        AccountResult::Unknown(error) => Some(Failed::Unknown(Cow::Borrowed(error.as_ref()))),
        AccountResult::Judged { .. } => None,
    };
    let judged = entry.judged();
    let checks = judged.map(|judged| judged.checks);
    let judged = judged.map(|judged| Judgement {
        state: judged.state,
        role_arn: Cow::Borrowed(judged.role_arn),
        findings: Cow::Borrowed(judged.findings),
        rules: entry.judged_by.as_deref().map(Cow::Borrowed),
    });
    let account = Cow::Borrowed(&entry.account);
    let ages = entry.ages.clone();
    (Body { account, missed: entry.missed, failed, judged, ages }, checks)
}

/// Whether all that differs is when the account was last judged.
pub(super) fn same_but_judged_again(a: &Entry, b: &Entry) -> bool {
    let ((a, a_checks), (b, b_checks)) = (parts(a), parts(b));
    let same_checks = match (a_checks, b_checks) {
        (Some(a), Some(b)) => std::ptr::eq(a, b) || a == b,
        (a, b) => a.is_none() && b.is_none(),
    };
    same_checks && a == b
}

/// Writes all but the time of the judgement.
pub(super) fn put(conn: &Connection, entry: &Entry) -> Result<()> {
    let (body, checks) = parts(entry);
    let id = row::number(&entry.account.id);
    let (body, checks) = (row::text_of(&body)?, checks.map(row::text_of).transpose()?);
    let sum = sum(id, &body, checks.as_deref());
    let mut statement = conn.prepare_cached(
        "INSERT INTO accounts (id, body, checks, sum) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET body = ?2, checks = ?3, sum = ?4",
    )?;
    statement.execute((id, body, checks, sum))?;
    Ok(())
}

/// Writes when the account was last judged.
pub(super) fn put_judged_at(conn: &Connection, entry: &Entry) -> Result<()> {
    let account = row::number(&entry.account.id);
    let Some(at) = entry.judged_at().map(row::micros) else {
        conn.prepare_cached("DELETE FROM judged WHERE account = ?1")?.execute([account])?;
        return Ok(());
    };
    let mut statement = conn.prepare_cached(
        "INSERT INTO judged (account, at, sum) VALUES (?1, ?2, ?3)
         ON CONFLICT (account) DO UPDATE SET at = ?2, sum = ?3",
    )?;
    statement.execute((account, at, judged_sum(account, at)))?;
    Ok(())
}

/// Forgets an account.
pub(super) fn delete(conn: &Connection, id: &AccountId) -> Result<()> {
    let id = row::number(id);
    conn.prepare_cached("DELETE FROM accounts WHERE id = ?1")?.execute([id])?;
    conn.prepare_cached("DELETE FROM judged WHERE account = ?1")?.execute([id])?;
    Ok(())
}

/// When an account was last judged, as far as it was stored.
pub(super) fn judged_at(conn: &Connection, account: i64) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached("SELECT at, sum FROM judged WHERE account = ?1")?;
    let mut rows = statement.query([account])?;
    rows.next()?.map(|found| judged(account, found.get(0)?, found.get(1)?)).transpose()
}

/// The time in a row of `judged`.
pub(super) fn judged(account: i64, at: i64, sum: i64) -> Result<Timestamp> {
    row::intact("judged", sum == judged_sum(account, at))?;
    row::time("judged", at)
}

/// Every account; results of checks that are the same are one value.
pub(super) fn load(conn: &Connection) -> Result<Ledger> {
    let mut statement = conn.prepare(
        "SELECT id, body, checks, accounts.sum, at, judged.sum
         FROM accounts LEFT JOIN judged ON account = id ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    let mut known: HashMap<String, Arc<CheckResults>> = HashMap::new();
    let (mut digests, mut entries) = (Digests::default(), vec![]);
    while let Some(found) = rows.next()? {
        let id: i64 = found.get(0)?;
        let (body, checks): (String, Option<String>) = (found.get(1)?, found.get(2)?);
        row::intact("accounts", found.get::<_, i64>(3)? == sum(id, &body, checks.as_deref()))?;
        let body = without_unknown_state(body);
        let body: Body<'static> = row::json("accounts", &body)?;
        row::intact("accounts", row::account("accounts", id)? == body.account.id)?;
        let at: Option<i64> = found.get(4)?;
        let at = at.map(|at| judged(id, at, found.get(5)?)).transpose()?;
        let checks = checks.map(|text| shared(&mut known, text)).transpose()?;
        entries.push(entry(body, checks, at, &mut digests)?);
    }
    Ok(Ledger::from_entries(entries))
}

fn shared(
    known: &mut HashMap<String, Arc<CheckResults>>,
    text: String,
) -> Result<Arc<CheckResults>> {
    if let Some(checks) = known.get(&text) {
        return Ok(Arc::clone(checks));
    }
    let checks: Arc<CheckResults> = Arc::new(row::json("accounts", &text)?);
    known.insert(text, Arc::clone(&checks));
    Ok(checks)
}

/// Stores of before left accounts out whose state Organizations told in a new word. They are scanned now, and until then
/// nothing is known of them. Quotes within texts are escaped, so these are never parts of a text.
fn without_unknown_state(body: String) -> String {
    if !body.contains(r#""unknown_state""#) {
        return body;
    }
    let pending = Failed::Unknown(Cow::Owned(pending()));
    let pending = serde_json::to_string(&pending).unwrap_or_default();
    body.replace(r#""skip":"unknown_state""#, r#""skip":null"#)
        .replace(r#"{"skipped":"unknown_state"}"#, &pending)
}

/// Digests of rules, each once: all accounts have the same, mostly.
#[derive(Default)]
struct Digests(BTreeSet<Digest>);

impl Digests {
    fn shared(&mut self, text: &str) -> Digest {
        if let Some(known) = self.0.get(text) {
            return Digest::clone(known);
        }
        let digest = Digest::from(text);
        self.0.insert(Digest::clone(&digest));
        digest
    }
}

fn entry(
    body: Body<'static>,
    checks: Option<Arc<CheckResults>>,
    at: Option<Timestamp>,
    digests: &mut Digests,
) -> Result<Entry> {
    let Body { account, missed, failed, judged, ages } = body;
    let mut judged_by = None;
    let judged = match (judged, checks, at) {
        (Some(Judgement { state, role_arn, findings, rules }), Some(checks), Some(checked_at)) => {
            judged_by = rules.map(|rules| digests.shared(&rules));
            row::intact("accounts", state != AccountState::Unknown)?;
            let (role_arn, findings) = (role_arn.into_owned(), findings.into_owned());
            Some(AccountResult::Judged { state, role_arn, checked_at, checks, findings })
        }
        (None, None, None) => None,
        _ => return Err(row::damaged("accounts")),
    };
    let failed = failed.map(|failed| match failed {
        Failed::Skipped(reason) => AccountResult::Skipped(reason),
        Failed::Unknown(error) => AccountResult::Unknown(Box::new(error.into_owned())),
    });
    let (result, earlier) = match (failed, judged) {
        (Some(failed), earlier) => (failed, earlier),
        (None, Some(judged)) => (judged, None),
        (None, None) => return Err(row::damaged("accounts")),
    };
    Ok(Entry { account: account.into_owned(), result, earlier, judged_by, missed, ages })
}

fn sum(id: i64, body: &str, checks: Option<&str>) -> i64 {
    Sum::of("accounts").number(Some(id)).text(Some(body)).text(checks).end()
}

fn judged_sum(account: i64, at: i64) -> i64 {
    Sum::of("judged").number(Some(account)).number(Some(at)).end()
}
