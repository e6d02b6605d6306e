//! The whole report, as it stands now.

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::super::control::Site;
use super::super::ops::none;
use super::super::problem::Problem;
use crate::render;

pub(in crate::web) async fn report(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    none(query.as_deref())?;
    let view = site.view.borrow().clone();
    let now = (site.clock)();
    // Megabytes for a large organization: not on a thread that answers others.
    let rendered = tokio::task::spawn_blocking(move || {
        let report = view.report(now).ok_or_else(Problem::no_report)?;
        let text = render::json(&report).map_err(|_| failed())?;
        let tag: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((text, format!("\"{tag}\"")))
    });
    let (text, tag) = rendered.await.unwrap_or_else(|_| Err(failed()))?;
    let mut response = if has(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, "application/json")], text).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = tag.parse() {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

fn failed() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the report could not be made")
}

/// Whether the client says that it has this very report.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let all = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}
