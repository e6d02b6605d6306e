//! Style, script and icon: part of the binary, named with a digest of their content, so that browsers keep them for ever.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// One file.
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

pub(super) const STYLE: Asset = Asset {
    name: "style.css",
    kind: "text/css; charset=utf-8",
    content: include_str!("assets/style.css"),
};
pub(super) const SCRIPT: Asset = Asset {
    name: "script.js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("assets/script.js"),
};
pub(super) const ICON: Asset =
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_str!("assets/icon.svg") };

/// What tells this version of the files from every other.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all = [STYLE, SCRIPT, ICON].map(|asset| asset.content).concat();
    Sha256::digest(all).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

impl Asset {
    /// Where it is, with its version.
    pub(super) fn address(&self) -> String {
        format!("/assets/{}?v={}", self.name, *VERSION)
    }
}

pub(super) async fn asset(
    path: Option<Path<String>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asset = [STYLE, SCRIPT, ICON]
        .into_iter()
        .find(|asset| path.as_ref().is_some_and(|Path(name)| name == asset.name))
        .ok_or_else(|| Problem::not_found("there is no such file"))?;
    let current = query.as_deref().and_then(|query| query.strip_prefix("v=")) == Some(&VERSION);
    let caching = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = asset.content.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
}
