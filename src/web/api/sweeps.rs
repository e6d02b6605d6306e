//! Sweeps: those that ended, the one that runs, and a new one.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::super::control::{Progress, Site, SweepStarted};
use super::super::json::Json;
use super::super::ops::{authorize, none};
use super::super::problem::Problem;
use super::super::query::{Empty, Params};
use super::{limit, ulid};
use crate::ledger::SweepRecord;

/// A part of a list, the newest first.
#[derive(Serialize)]
pub(in crate::web) struct Sweeps {
    /// The sweep that runs now.
    running: Option<Progress>,
    /// Sweeps that are remembered.
    total: usize,
    sweeps: Vec<SweepRecord>,
    /// What `after` has to be for the next part; none after the last.
    next: Option<String>,
}

pub(in crate::web) async fn sweeps(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Json<Sweeps>, Problem> {
    let mut params = Params::parse(query.as_deref(), Empty::Value)?;
    let limit = limit(&mut params)?;
    let after = params.read("after", "what `next` was in the answer before", ulid)?;
    params.finish()?;
    let all = site.view.borrow().sweeps.clone();
    // ULIDs sort by time: what is older than the cursor, even if the cursor's own sweep is forgotten.
    let older: Vec<_> = all
        .iter()
        .filter(|sweep| after.as_ref().is_none_or(|after| sweep.info.id < *after))
        .collect();
    let sweeps: Vec<_> = older.iter().take(limit).map(|sweep| SweepRecord::clone(sweep)).collect();
    let next = sweeps.last().filter(|_| sweeps.len() < older.len());
    let next = next.map(|sweep| sweep.info.id.clone());
    Ok(Json(Sweeps { running: site.control.progress(), total: all.len(), sweeps, next }))
}

pub(in crate::web) async fn start_sweep(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<SweepStarted>), Problem> {
    authorize(&site, &headers)?;
    none(query.as_deref())?;
    Ok((StatusCode::ACCEPTED, Json(site.control.sweep_now().await?)))
}
