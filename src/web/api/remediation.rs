//! How remediation stands, and what a person makes of it.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::super::control::{Site, Steer};
use super::super::json::Json;
use super::super::ops::{authorize, none};
use super::super::problem::Problem;
use crate::config::RemediationMode;
use crate::ledger::{RemediationView, Standing, View};
use crate::model::AccountId;
use crate::plan::Blocked;

/// Waiting accounts that are listed; `pending` counts all.
const MOST_WAITING: usize = 1_000;

/// Everything about it but its plan.
#[derive(Serialize)]
pub(in crate::web) struct Remediation {
    standing: Standing,
    mode: RemediationMode,
    /// The id of the plan that the last sweep led to.
    plan: Option<String>,
    /// Why nothing is written, in the gate's word.
    held_reason: Option<&'static str>,
    /// Accounts left to people, because their role is changed back again and again.
    flapping: Vec<AccountId>,
    #[serde(flatten)]
    view: RemediationView,
}

fn of(view: &View) -> Json<Remediation> {
    let mode = view.config.remediation.mode;
    let mut view = view.remediation.clone();
    let plan = view.plan.as_ref().map(|plan| plan.id.clone());
    let flapping = view.flapping().map(|waiting| waiting.account.clone()).collect();
    view.waiting.truncate(MOST_WAITING);
    Json(Remediation {
        standing: view.standing(mode),
        mode,
        plan,
        held_reason: view.held.as_ref().map(Blocked::as_str),
        flapping,
        view,
    })
}

pub(in crate::web) async fn remediation(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Json<Remediation>, Problem> {
    none(query.as_deref())?;
    Ok(of(&site.view.borrow()))
}

async fn steer(
    site: Site,
    query: Option<String>,
    headers: HeaderMap,
    how: Steer,
) -> Result<Json<Remediation>, Problem> {
    authorize(&site, &headers)?;
    none(query.as_deref())?;
    site.control.steer(how).await.map_err(|error| {
        tracing::error!(error, "remediation stands as it did");
        let message = "the store cannot be written: remediation stands as it did";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    })?;
    Ok(of(&site.view.borrow()))
}

pub(in crate::web) async fn stop(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Remediation>, Problem> {
    steer(site, query, headers, Steer::Stop).await
}

pub(in crate::web) async fn resume(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Remediation>, Problem> {
    steer(site, query, headers, Steer::Resume).await
}

pub(in crate::web) async fn reset(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Remediation>, Problem> {
    steer(site, query, headers, Steer::Reset).await
}
