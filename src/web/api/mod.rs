//! `/api/v1`: what is known, for programs. Shapes are those of the JSON report; `openapi.json` describes them.

mod accounts;
mod changes;
mod findings;
mod remediation;
mod report;
mod sweeps;

use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::rejection::PathRejection;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

pub(super) use accounts::{account, accounts, confirm_list, history, missing, scan};
pub(super) use changes::{changes, filter as changes_filter, part as changes_part};
pub(super) use findings::findings;
pub(super) use remediation::{remediation, reset, resume, stop};
pub(super) use report::report;
pub(super) use sweeps::{start_sweep, sweeps};

use super::control::Refused;
use super::ops::none;
use super::problem::Problem;
use super::query::Params;
use crate::model::AccountId;
use axum::http::StatusCode;

/// The description of all this, kept by hand; a test holds it and the routes together.
const OPENAPI: &str = include_str!("../assets/openapi.json");

/// Items of one answer, unless `limit` says otherwise.
const USUAL: usize = 100;
/// Items of one answer at most.
const MOST: usize = 1_000;

pub(super) async fn openapi(RawQuery(query): RawQuery) -> Result<Response, Problem> {
    none(query.as_deref())?;
    Ok(([(CONTENT_TYPE, "application/json")], OPENAPI).into_response())
}

/// What orders itself by time.
fn ulid(text: &str) -> Option<String> {
    let letters = |b: u8| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b));
    (text.len() == 26 && text.bytes().all(letters)).then(|| text.to_owned())
}

fn limit(params: &mut Params) -> Result<usize, Problem> {
    Ok(params.number("limit", 1..=MOST)?.unwrap_or(USUAL))
}

const ID: &str = "an account id: exactly 12 digits";

fn account_id(path: Result<Path<String>, PathRejection>) -> Result<AccountId, Problem> {
    let id = path.ok().and_then(|Path(id)| id.parse().ok());
    id.ok_or_else(|| Problem::bad(format!("parameter `id`: expected {ID}")))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (status, message) = match refused {
            Refused::Running => (StatusCode::CONFLICT, "it runs already: wait for it to end"),
            Refused::NoSuchAccount => {
                (StatusCode::NOT_FOUND, "there is no such account, or it is left out")
            }
            Refused::NoSuchList => (
                StatusCode::CONFLICT,
                "every list of accounts was believed: there is none to confirm",
            ),
            Refused::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "rolewarden is about to end"),
        };
        Self::new(status, message)
    }
}
