//! TLS and basic auth, from a file of the shape of Prometheus' exporter-toolkit (`--web.config.file` there).
//!
//! Source: prometheus/exporter-toolkit, docs/web-configuration.md. What rolewarden does not do (HTTP/2, choosing ciphers,
//! extra headers) is refused by name instead of being ignored.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::body::Body;
use base64::Engine as _;
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

use super::plain;
use super::tls::{Tls, TlsSection};
use crate::config::file as files;
use crate::model::printable_line;

/// Compared with when the user does not exist, so that this takes as long. Cost 10, of nothing anyone has.
const NOBODY: &str = "$2b$10$4dKYh0QkzvbKvMWGVVWcZeHSTDdtjXxtUwzwIrlGgZcbBHbL9b5pC";

/// Passwords that were right lately, by digest: bcrypt is slow on purpose, and a scrape comes every minute.
const REMEMBERED: usize = 100;

/// Longest password; bcrypt reads 72 bytes.
const LONGEST_CREDENTIALS: usize = 1024;

/// Who may connect and ask.
#[derive(Default)]
pub struct Access {
    file: Option<PathBuf>,
    rules: RwLock<Arc<Rules>>,
    remembered: Mutex<HashSet<[u8; 32]>>,
    /// One bcrypt at a time: guessing must not take the whole machine.
    bcrypt: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Rules {
    tls: Option<Tls>,
    users: BTreeMap<String, String>,
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
    basic_auth_users: BTreeMap<String, String>,
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
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
        let given = credentials(request.headers());
        let admitted = match given {
            Some((user, password)) => self.knows(&rules, &user, password).await,
            None => false,
        };
        if admitted { Ok(()) } else { Err(Box::new(unauthorized())) }
    }

    async fn knows(&self, rules: &Rules, user: &str, password: String) -> bool {
        let hash = rules.users.get(user).map_or(NOBODY, String::as_str).to_owned();
        let known = rules.users.contains_key(user);
        let digest: [u8; 32] =
            Sha256::digest(format!("{user}\0{hash}\0{password}").as_bytes()).into();
        if known && self.remembered.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
        {
            return true;
        }
        let _one = self.bcrypt.lock().await;
        let compare = move || bcrypt::verify(password, &hash).unwrap_or(false);
        let right = tokio::task::spawn_blocking(compare).await.unwrap_or(false) && known;
        if right {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if remembered.len() >= REMEMBERED {
                remembered.clear();
            }
            remembered.insert(digest);
        }
        right
    }
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

fn unauthorized() -> Response<Body> {
    let mut response = plain(StatusCode::UNAUTHORIZED);
    let realm = hyper::header::HeaderValue::from_static("Basic realm=\"rolewarden\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    response
}

fn read(path: &Path) -> Result<Rules, WebFileError> {
    let file = printable_line(&path.to_string_lossy(), 256);
    let fail = |what: String| WebFileError { file: file.clone(), what };
    let text =
        files::read_text(path, files::deadline()).map_err(|error| fail(error.to_string()))?;
    let parsed: File = if text.trim().is_empty() {
        File {
            tls_server_config: None,
            http_server_config: None,
            basic_auth_users: BTreeMap::new(),
        }
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
        if hash.parse::<bcrypt::HashParts>().is_err() {
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
