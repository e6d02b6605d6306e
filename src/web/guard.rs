//! What holds for every request and every answer.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::control::Site;
use super::problem::Problem;

/// Nothing but what this server itself sends; forms only to it. Pages hold no inline script and no inline style.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const FIXED: [(HeaderName, HeaderValue); 3] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// The outermost layer: refuses what is not for this server, gives problems their body, sets the headers.
pub(super) async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = match admit(&site, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers().get(ALLOW).cloned();
        response = problem.for_path(&path);
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn admit(site: &Site, request: &Request) -> Result<(), Problem> {
    let host = host(request.headers(), request.uri())?;
    if !is_ours(host, &site.view.borrow().config.web.hosts) {
        let message = "this host name is not served here: add it to `web.hosts` if it should be";
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, message));
    }
    if !request.body().is_end_stream() {
        let message = "no request has a body here";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(())
}

/// Whom the request is for; an absolute request target overrules the header.
fn host<'r>(headers: &'r HeaderMap, uri: &'r Uri) -> Result<&'r str, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(authority.as_str());
    }
    let mut all = headers.get_all(HOST).iter();
    match (all.next().map(HeaderValue::to_str), all.next()) {
        (Some(Ok(host)), None) => Ok(host),
        _ => Err(Problem::bad("expected one header `Host`")),
    }
}

/// Addresses, `localhost` and the configured names. Any other name may be a page elsewhere that was pointed here by its
/// own DNS: a browser would let that page read everything.
fn is_ours(host: &str, names: &BTreeSet<String>) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, ""),
    };
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    name.parse::<Ipv4Addr>().is_ok() || name == "localhost" || names.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_localhost_and_configured_names_are_served() {
        let names = BTreeSet::from(["rolewarden.example.com".to_owned()]);
        let cases = [
            ("127.0.0.1:9797", true),
            ("127.0.0.1", true),
            ("10.1.2.3:80", true),
            ("[::1]:9797", true),
            ("[::1]", true),
            ("localhost:9797", true),
            ("LOCALHOST", true),
            ("rolewarden.example.com", true),
            ("Rolewarden.Example.com.:443", true),
            ("evil.example.com", false),
            ("rolewarden.example.com.evil.net", false),
            ("127.0.0.1.evil.net", false),
            ("localhost.evil.net:9797", false),
            ("::1", false),
            ("[evil]", false),
            ("127.0.0.1:evil", false),
            ("user@127.0.0.1", false),
            ("", false),
        ];
        for (host, want) in cases {
            assert_eq!(is_ours(host, &names), want, "case `{host}`");
        }
    }
}
