//! What rolewarden changed in AWS.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::super::control::Site;
use super::super::json::Json;
use super::super::problem::Problem;
use super::super::query::{Empty, Params};
use super::{accounts, limit, ulid};
use crate::model::{Change, StepOutcome};
use crate::store::ChangeFilter;

/// A part of the journal, what was written down last first.
#[derive(Serialize)]
pub(in crate::web) struct Changes {
    changes: Vec<Change>,
    /// What `before` has to be for the next part; none after the last.
    next: Option<String>,
}

/// Reads what changes a query asks for; the limit is the caller's.
pub(in crate::web) fn filter(params: &mut Params) -> Result<ChangeFilter, Problem> {
    let outcomes = StepOutcome::ALL.map(|outcome| (outcome.as_str(), outcome));
    let time = |text: &str| text.parse::<Timestamp>().ok();
    Ok(ChangeFilter {
        account: accounts::filter(params)?,
        run: params.read("run", "a run's ULID", ulid)?,
        outcome: params.one_of("outcome", &outcomes)?,
        since: params.read("since", "a time such as 2027-01-31T00:00:00Z", time)?,
        before: params.read("before", "what `next` was in the answer before", ulid)?,
        ..ChangeFilter::default()
    })
}

/// A part of the journal, and what the next one begins with.
pub(in crate::web) async fn part(
    site: &Site,
    filter: ChangeFilter,
    limit: usize,
) -> Result<(Vec<Change>, Option<String>), Problem> {
    // One more, to know whether there are more.
    let filter = ChangeFilter { limit: Some(limit.saturating_add(1)), ..filter };
    let mut changes = site.control.changes(filter).await.map_err(|error| {
        tracing::error!(error, "changes could not be read");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the changes cannot be read just now")
    })?;
    let more = changes.len() > limit;
    changes.truncate(limit);
    let next = changes.last().filter(|_| more).map(|change| change.id.clone());
    Ok((changes, next))
}

pub(in crate::web) async fn changes(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Json<Changes>, Problem> {
    let mut params = Params::parse(query.as_deref(), Empty::Value)?;
    let limit = limit(&mut params)?;
    let filter = filter(&mut params)?;
    params.finish()?;
    let (changes, next) = part(&site, filter, limit).await?;
    Ok(Json(Changes { changes, next }))
}
