//! TLS and basic auth, from a file of the shape of Prometheus' exporter-toolkit (`--web.config.file` there).
//!
//! Source: prometheus/exporter-toolkit, docs/web-configuration.md. What rolewarden does not do (HTTP/2, choosing ciphers,
//! extra headers) is refused by name instead of being ignored.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Body;
use base64::Engine as _;
use hyper::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

use super::super::limits::Limit;
use super::super::origin::Origin;
use super::super::problem::Problem;
use super::passwords::{Passwords, Unproven, Users, cost};
use super::tls::{Tls, TlsSection};
use crate::model::printable_line;

/// Longest password; bcrypt reads 72 bytes.
const LONGEST_CREDENTIALS: usize = 1024;

/// Who may connect and ask.
#[derive(Default)]
pub struct Access {
    file: Option<PathBuf>,
    rules: RwLock<Arc<Rules>>,
    passwords: Passwords,
}

#[derive(Default)]
struct Rules {
    tls: Option<Tls>,
    users: Users,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct WebFileError {
    file: String,
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tls_server_config: Option<TlsSection>,
    #[serde(default)]
    http_server_config: Option<HttpSection>,
    #[serde(default)]
    basic_auth_users: Users,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpSection {
    #[serde(default)]
    http2: bool,
}

impl Access {
    /// Reads the file, and the certificates it names relative to its own folder. Without a file everyone may ask in plain
    /// text.
    ///
    /// # Errors
    /// What is wrong with the file, or with a file it names.
    pub fn load(file: Option<&Path>) -> Result<Self, WebFileError> {
        let rules = file.map(read).transpose()?.unwrap_or_default();
        let (file, rules) = (file.map(Path::to_path_buf), RwLock::new(Arc::new(rules)));
        Ok(Self { file, rules, ..Self::default() })
    }

    /// Reads the file again; if it cannot be used, what was read before stays.
    ///
    /// # Errors
    /// As [`Access::load`].
    pub fn reload(&self) -> Result<(), WebFileError> {
        let Some(file) = &self.file else { return Ok(()) };
        let rules = read(file)?;
        self.passwords.retain(&rules.users);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(())
    }

    /// Whether what is sent is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.rules().tls.is_some()
    }

    pub(super) fn tls(&self) -> Option<TlsAcceptor> {
        self.rules().tls.as_ref().map(Tls::acceptor)
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a request pass, or says why not. A bearer token is the router's to judge, and stands only where it is needed.
    pub(super) async fn admit<B>(&self, request: &Request<B>) -> Result<(), Box<Response<Body>>> {
        let rules = self.rules();
        if rules.users.is_empty()
            || (request.method() == Method::POST && has_bearer(request.headers()))
        {
            return Ok(());
        }
        let Some((user, password)) = credentials(request.headers()) else {
            return Err(refusal(Unproven::Wrong, request));
        };
        // Without a connection there is no address: a test's request.
        let origin = request.extensions().get::<Origin>().copied();
        let origin = origin.unwrap_or_else(|| IpAddr::V4(Ipv4Addr::UNSPECIFIED).into());
        let proven = self.passwords.prove(&rules.users, (&user, password), origin).await;
        proven.map_err(|why| refusal(why, request))
    }
}

fn refusal<B>(why: Unproven, request: &Request<B>) -> Box<Response<Body>> {
    let problem = match why {
        Unproven::Wrong => {
            let realm = HeaderValue::from_static("Basic realm=\"rolewarden\"");
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "expected the name and password of a user, by basic auth",
            )
            .with(WWW_AUTHENTICATE, realm)
        }
        Unproven::TooMany => {
            let message = "too many passwords of this client are being verified: try one at a time";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, message).refused(Limit::Passwords)
        }
        Unproven::Busy => {
            let message = "too many passwords wait to be verified: try again in a few seconds";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, message).refused(Limit::Passwords)
        }
    };
    Box::new(problem.for_path(request.uri().path()))
}

fn has_bearer(headers: &HeaderMap) -> bool {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().get(..7))
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST_CREDENTIALS {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn read(path: &Path) -> Result<Rules, WebFileError> {
    let file = printable_line(&path.to_string_lossy(), 256);
    let fail = |what: String| WebFileError { file: file.clone(), what };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let parsed: File = if text.trim().is_empty() {
        File { tls_server_config: None, http_server_config: None, basic_auth_users: Users::new() }
    } else {
        serde_saphyr::from_str(&text)
            .map_err(|error| fail(printable_line(&error.to_string(), 512)))?
    };
    if parsed.http_server_config.is_some_and(|http| http.http2) {
        return Err(fail(
            "http_server_config.http2: HTTP/2 is not spoken; set it to false".to_owned(),
        ));
    }
    for (user, hash) in &parsed.basic_auth_users {
        let user = printable_line(user, 64);
        // bcrypt itself knows costs from 4 to 31; any other would be compared with nothing, in no time.
        if !cost(hash).is_some_and(|cost| (4..=31).contains(&cost)) {
            return Err(fail(format!(
                "basic_auth_users.{user}: expected a bcrypt hash such as `htpasswd -nBC 10 \"\"` prints (its value is not shown)"
            )));
        }
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let tls = parsed.tls_server_config.map(|section| Tls::load(section, folder)).transpose();
    let tls = tls.map_err(|what| fail(format!("tls_server_config.{what}")))?;
    Ok(Rules { tls, users: parsed.basic_auth_users })
}

#[cfg(test)]
mod tests;
