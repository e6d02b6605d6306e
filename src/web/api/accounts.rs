//! Accounts: lists, one, and the scan of one.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::control::Site;
use super::super::json::Json;
use super::super::listing::{self, Filter};
use super::super::ops::{authorize, none};
use super::super::problem::Problem;
use super::super::query::{Empty, Params};
use super::super::renderings::{Question, Renderings, Shared};
use super::{ID, account_id, limit};
use crate::ledger::{Entry, FindingRecord, View};
use crate::model::{AccountId, AccountReport, AccountResult, AccountState};

/// A part of a list, in account id order.
#[derive(Serialize)]
struct Accounts {
    /// Accounts that the filter admits, on all pages.
    total: usize,
    accounts: Vec<AccountReport>,
    /// What `after` has to be for the next part; none after the last.
    next: Option<AccountId>,
}

pub(in crate::web) async fn accounts(
    State(site): State<Site>,
    State(renderings): State<Arc<Renderings>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Shared, Problem> {
    let mut params = Params::parse(query.as_deref(), Empty::Value)?;
    let filter = Filter::read(&mut params)?;
    let limit = limit(&mut params)?;
    let after: Option<AccountId> = params.read("after", CURSOR, |text| text.parse().ok())?;
    params.finish()?;
    let question = Question { path: "/api/v1/accounts", query };
    let make = move |view: &View, now| part(view, now, &filter, limit, after.as_ref());
    renderings.json(&site, &headers, question, make).await
}

/// The accounts after a cursor. Pure.
fn part(
    view: &View,
    now: Timestamp,
    filter: &Filter,
    limit: usize,
    after: Option<&AccountId>,
) -> Accounts {
    let rows: Vec<_> = listing::rows(view, now, filter).collect();
    let begins =
        after.map_or(0, |after| rows.partition_point(|row| row.entry.account.id <= *after));
    let page: Vec<_> = rows.iter().skip(begins).take(limit).collect();
    let more = begins + page.len() < rows.len();
    let next = page.last().filter(|_| more).map(|row| row.entry.account.id.clone());
    let at = view.at(now);
    let accounts = page.iter().map(|row| row.entry.report(&at)).collect();
    Accounts { total: rows.len(), accounts, next }
}

/// What cursors are; that they can be read is nobody's business.
const CURSOR: &str = "what `next` was in the answer before";

/// Everything that is known of one account.
#[derive(Serialize)]
pub(in crate::web) struct Whole {
    #[serde(flatten)]
    account: AccountReport,
    /// The last judgement, where the account cannot be judged now: old, and no claim.
    last_judgement: Option<AccountReport>,
    /// Its findings, open and over, the newest first; `null` when the store cannot be read.
    history: Option<Vec<FindingRecord>>,
}

pub(in crate::web) async fn account(
    State(site): State<Site>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<Whole>, Problem> {
    let id = account_id(path)?;
    none(query.as_deref())?;
    let (view, now) = (site.view.borrow().clone(), (site.clock)());
    let entry =
        view.ledger.get(&id).ok_or_else(|| missing(&view, &id, "there is no such account"))?;
    let account = entry.report(&view.at(now));
    let last_judgement = (account.state() == Some(AccountState::Unknown)).then(|| old(entry));
    let history = history(&site, id).await;
    Ok(Json(Whole { account, last_judgement: last_judgement.flatten(), history }))
}

/// That an account is not here; if another shard has it, which.
pub(in crate::web) fn missing(view: &View, id: &AccountId, otherwise: &str) -> Problem {
    let shard = view.config.shard;
    if view.list.ids.contains(id) && !shard.holds(id) {
        let (other, total) = (shard.ordinal_of(id), shard.total());
        return Problem::not_found(format!("this account is in shard {other} of {total}"));
    }
    Problem::not_found(otherwise)
}

fn old(entry: &Entry) -> Option<AccountReport> {
    let judged = |result: &&AccountResult| matches!(result, AccountResult::Judged { .. });
    let result = [Some(&entry.result), entry.earlier.as_ref()].into_iter().flatten().find(judged);
    let account = &entry.account;
    result.map(|result| AccountReport {
        id: account.id.clone(),
        name: account.name.clone(),
        path: account.path.clone(),
        result: result.clone(),
    })
}

/// The history of an account's findings, where it can be had.
pub(in crate::web) async fn history(site: &Site, id: AccountId) -> Option<Vec<FindingRecord>> {
    match site.control.history(id).await {
        Ok(history) => Some(history),
        Err(error) => {
            tracing::warn!(error, "history not read");
            None
        }
    }
}

pub(in crate::web) async fn scan(
    State(site): State<Site>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Problem> {
    authorize(&site, &headers)?;
    let id = account_id(path)?;
    none(query.as_deref())?;
    site.control.rescan(id.clone()).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"account": id}))))
}

/// Confirms the list of accounts that was not believed.
pub(in crate::web) async fn confirm_list(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Problem> {
    authorize(&site, &headers)?;
    none(query.as_deref())?;
    let accounts = site.control.confirm_list()?;
    Ok((StatusCode::ACCEPTED, Json(json!({"accounts": accounts}))))
}

/// `account`, as filters have it.
pub(super) fn filter(params: &mut Params) -> Result<Option<AccountId>, Problem> {
    params.read("account", ID, |text| text.parse().ok())
}
