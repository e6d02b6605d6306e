//! `/`: one answer with its excuses, then the list behind it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Html;
use jiff::Timestamp;
use maud::{Markup, html};

use super::bits::{line, moment};
use super::layout::{Frame, frame};
use super::{chart, list, summary};
use crate::ledger::View;
use crate::web::control::{Progress, Site};
use crate::web::listing::{Filter, Order, Row, rows};
use crate::web::problem::Problem;
use crate::web::query::{Empty, Params};
use crate::web::renderings::{Lasts, Question, Renderings, Shared};

/// What is asked for.
pub(super) struct Asked {
    pub(super) filter: Filter,
    pub(super) order: Order,
    pub(super) page: usize,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut params = Params::parse(query, Empty::Absent)?;
        let asked = Self {
            filter: Filter::read(&mut params)?,
            order: params.one_of("order", &Order::ALL)?.unwrap_or_default(),
            page: params.number("page", 1..=1_000_000)?.unwrap_or(1),
        };
        params.finish()?;
        Ok(asked)
    }
}

pub(in crate::web) async fn overview(
    State(site): State<Site>,
    State(renderings): State<Arc<Renderings>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Shared, Problem> {
    let asked = Asked::read(query.as_deref())?;
    let question = Question { path: "/", query };
    let form = ("text/html; charset=utf-8", Lasts::ASecond);
    let control = Arc::clone(&site.control);
    let make = move |view: &View, now| {
        let Html(page) = render(view, now, control.progress().as_ref(), &asked);
        Ok(page.into_bytes())
    };
    renderings.answer(&site, &headers, question, form, make).await
}

/// The page. Pure.
fn render(view: &View, now: Timestamp, progress: Option<&Progress>, asked: &Asked) -> Html<String> {
    let all = Filter::default();
    let everyone: Vec<Row<'_>> = rows(view, now, &all).collect();
    let facts = summary::Facts::of(view, &everyone);
    let content = html! {
        div id="summary" data-fresh {
            (summary::section(view, &facts, progress, now))
        }
        (list::reasons(&everyone, view, now))
        (list::section(view, &everyone, asked, now))
        (chart::section(view, progress, now))
        (footer(view, now))
    };
    frame(&Frame { title: &facts.title(), live: true }, content)
}

/// With what the accounts were judged.
fn footer(view: &View, now: Timestamp) -> Markup {
    html! {
        footer.quiet {
            @if let Some(sweep) = view.newest() {
                p {
                    "Sweep " code { (line(&sweep.info.id)) } " ended " (moment(sweep.info.finished_at, now))
                    " · baseline " strong { (line(&sweep.info.baseline)) } " "
                    code { (short(&sweep.info.baseline_digest)) }
                    " · configuration " code { (short(&sweep.info.config_digest)) }
                }
            }
            p { "rolewarden " (env!("CARGO_PKG_VERSION")) " · all times are UTC" }
        }
    }
}

/// The head of a digest: enough to tell two apart.
pub(super) fn short(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}
