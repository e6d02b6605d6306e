//! Answers to requests that cannot be served: one shape for each kind of reader.

use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::json::Json;
use super::limits::Limit;
use super::page;

/// What is wrong with a request, or here. Becomes a body once the path, and so the reader, is known.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    /// For the reader: never a cause from inside.
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// The limit that refused the request, for the one place that counts.
    limit: Option<Limit>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None, limit: None }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Nothing is known yet.
    pub(super) fn no_report() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "no sweep has ended yet: there is no report")
            .with(RETRY_AFTER, HeaderValue::from_static("10"))
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// It is a limit's doing: the client may ask again soon.
    pub(super) fn refused(self, limit: Limit) -> Self {
        let header = Some((RETRY_AFTER, HeaderValue::from_static("5")));
        Self { header, limit: Some(limit), ..self }
    }

    /// The answer, in the shape that readers of this path expect.
    pub(super) fn for_path(self, path: &str) -> Response {
        let id = format!("{:016x}", fastrand::u64(..));
        let (status, message) = (self.status, self.message);
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(id, status = status.as_u16(), "request failed");
        }
        let mut response = if path.starts_with("/api/") {
            let error = json!({"status": status.as_u16(), "message": message, "id": id});
            (status, Json(json!({ "error": error }))).into_response()
        } else if path.starts_with("/-/") || path == "/metrics" {
            (status, format!("{message}\n")).into_response()
        } else {
            (status, page::problem(status, &message, &id)).into_response()
        };
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        if let Some(limit) = self.limit {
            response.extensions_mut().insert(limit);
        }
        response
    }
}

/// A mark that the outermost layer turns into the body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.headers_mut().remove(CONTENT_TYPE);
        response.extensions_mut().insert(self);
        response
    }
}
