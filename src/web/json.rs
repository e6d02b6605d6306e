//! Answers in JSON.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;
use crate::model::json_line;

/// A body in JSON. axum's own type would send bidirectional overrides and control characters as they are.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match json_line(&self.0) {
            Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
            Err(_) => {
                let message = "the answer could not be made";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, message).into_response()
            }
        }
    }
}
