//! The whole report, as it stands now.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::super::control::Site;
use super::super::ops::none;
use super::super::problem::Problem;
use super::super::renderings::{Lasts, Question, Renderings, failed};
use crate::ledger::View;
use crate::render;

pub(in crate::web) async fn report(
    State(site): State<Site>,
    State(renderings): State<Arc<Renderings>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    none(query.as_deref())?;
    let question = Question { path: "/api/v1/report", query: None };
    let form = ("application/json", Lasts::UntilAState);
    let shared = renderings.answer(&site, &headers, question, form, render).await?;
    let tag = shared.tag();
    let mut response = if has(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        shared.into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = tag.parse() {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

fn render(view: &View, now: Timestamp) -> Result<Vec<u8>, Problem> {
    let report = view.report(now).ok_or_else(Problem::no_report)?;
    render::json(&report).map(String::into_bytes).map_err(|_| failed())
}

/// Whether the client says that it has this very report.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let all = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}
