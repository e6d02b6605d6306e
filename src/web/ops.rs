//! What operators' machines ask: metrics, health, reload.

use axum::extract::{RawQuery, State};
use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, VARY, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::control::{Encoding, Site};
use super::problem::Problem;
use super::query::{Empty, Params};

/// The path has no parameters.
pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
    Params::parse(query, Empty::Value)?.finish()
}

pub(super) async fn metrics(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    none(query.as_deref())?;
    let encoding = encoding(&headers);
    let body = site.control.metrics(encoding).await;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Gzip where the client takes it.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let accepted = |item: &str| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let refused = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse().ok());
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && refused != Some(0_f32)
    };
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let gzip = all.flat_map(|value| value.split(',')).any(accepted);
    if gzip { Encoding::Gzip } else { Encoding::Plain }
}

pub(super) async fn healthy(RawQuery(query): RawQuery) -> Result<&'static str, Problem> {
    none(query.as_deref()).map(|()| "healthy\n")
}

pub(super) async fn ready(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<&'static str, Problem> {
    none(query.as_deref())?;
    match site.control.ready() {
        Ok(()) => Ok("ready\n"),
        Err(why) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)),
    }
}

pub(super) async fn reload(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<&'static str, Problem> {
    authorize(&site, &headers)?;
    none(query.as_deref())?;
    match site.control.reload().await {
        Ok(()) => Ok("reloaded\n"),
        Err(problems) => {
            let message = format!("not reloaded, the configuration before stays:\n{problems}");
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

/// Whether the request carries the token that POST needs.
pub(super) fn authorize(site: &Site, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = site.control.token() else {
        let message = "POST is off: no `web.token` is configured";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    };
    let given = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    // Digests are compared: how long that takes says nothing about the token.
    if given.is_some_and(|given| Sha256::digest(given) == Sha256::digest(token.expose())) {
        return Ok(());
    }
    let message = "expected `Authorization: Bearer` with the token of `web.token`";
    Err(Problem::new(StatusCode::UNAUTHORIZED, message)
        .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let cases = [
            ("gzip", Encoding::Gzip),
            ("deflate, gzip;q=0.5", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("gzip;q=0", Encoding::Plain),
            ("gzip; q=0.0", Encoding::Plain),
            ("identity", Encoding::Plain),
            ("", Encoding::Plain),
        ];
        for (accept, want) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accept.parse().unwrap())]);
            assert_eq!(encoding(&headers), want, "case `{accept}`");
        }
        assert_eq!(encoding(&HeaderMap::new()), Encoding::Plain);
    }
}
