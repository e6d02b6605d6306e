//! `/accounts/{id}`: everything that is known of one account, and what to do.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Html;
use jiff::Timestamp;
use maud::{Markup, html};

use super::bits::{self, line, moment};
use super::layout::{Frame, frame};
use super::overview::short;
use super::{changes, findings, links, list};
use crate::ledger::{FindingRecord, Judged, View};
use crate::model::{
    AccountId, AccountResult, AccountState, Change, CheckName, CheckResult, ScanError, SkipReason,
};
use crate::render::words;
use crate::store::ChangeFilter;
use crate::web::api::{changes_part, history, missing};
use crate::web::control::Site;
use crate::web::listing::Row;
use crate::web::ops::none;
use crate::web::problem::Problem;

/// Changes of the account that are shown.
const CHANGES: usize = 20;

pub(in crate::web) async fn account(
    State(site): State<Site>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    none(query.as_deref())?;
    let unknown = "no account with this id is known";
    let id = path.ok().and_then(|Path(id)| id.parse::<AccountId>().ok());
    let id = id.ok_or_else(|| Problem::not_found(unknown))?;
    let (view, now) = (site.view.borrow().clone(), (site.clock)());
    let entry = view.ledger.get(&id).ok_or_else(|| missing(&view, &id, unknown))?;
    let row = Row::new(entry, &view.at(now));
    let filter = ChangeFilter { account: Some(id.clone()), ..ChangeFilter::default() };
    let changes = changes_part(&site, filter, CHANGES).await.ok().map(|(changes, _)| changes);
    let history = history(&site, id).await;
    Ok(render(&view, &row, history.as_deref(), changes.as_deref(), now))
}

/// The page. Pure.
fn render(
    view: &View,
    row: &Row<'_>,
    history: Option<&[FindingRecord]>,
    changes: Option<&[Change]>,
    now: Timestamp,
) -> Html<String> {
    let judged = row.entry.judged().map(|judged| Judged { findings: &row.findings, ..judged });
    let old = row.state == Some(AccountState::Unknown);
    let name = bits::name(&row.entry.account);
    let content = html! {
        nav.crumbs aria-label="Breadcrumb" { a href="/" { "Accounts" } " / " span aria-current="page" { bdi { (name) } } }
        div id="summary" data-fresh { (head(row, &judged, &name)) (standing(view, row, &judged, now)) }
        @if let Some(judged) = &judged {
            @if old {
                p.alert.old { strong { "What follows is old: " } "it was found " (moment(judged.checked_at, now)) " and says nothing about now." }
            }
            (findings::section(view, judged, now))
            (checks(judged))
        }
        (changes::of_account(changes, now))
        (past(history, now))
        (metadata(view, &judged, now))
    };
    frame(&Frame { title: &name, live: true }, content)
}

fn head(row: &Row<'_>, judged: &Option<Judged<'_>>, name: &str) -> Markup {
    let account = &row.entry.account;
    html! {
        header.profile {
            h1 { bdi { (name) } " " (bits::state(row.shown())) }
            p.where {
                code data-copy { (account.id) }
                " " span.quiet { "in" } " " bdi { (line(row.unit())) }
            }
            p.links {
                @if let Some(address) = judged.as_ref().and_then(|judged| links::console(judged.role_arn)) {
                    a href=(address) rel="noopener noreferrer external" { "Role in the IAM console" }
                }
                a href={ "/api/v1/accounts/" (account.id) } { "JSON" }
            }
        }
    }
}

/// How the account stands, why, and what to do.
fn standing(view: &View, row: &Row<'_>, judged: &Option<Judged<'_>>, now: Timestamp) -> Markup {
    html! {
        section class={ "panel standing " (row.shown().as_str()) } aria-label="State" {
            @match (row.state, &row.entry.result) {
                (Some(AccountState::Unknown), _) => {
                    @if let Some(error) = list::error(row, view, now) { (unknown(&error)) }
                },
                (None, AccountResult::Skipped(reason)) => p { (skipped(*reason)) },
                (None, _) => p { "Left out on purpose." },
                (Some(AccountState::Drifted), _) => p {
                    strong { (bits::counted(row.open().count(), "open finding")) }
                    @if let Some(at) = row.since { ", the oldest since " (moment(at, now)) }
                    "."
                },
                (Some(AccountState::Exempt), _) => p { "Every finding is covered by an exception." },
                (Some(AccountState::NotApplicable), _) => p { "The role is not needed here, and it is not there." },
                (Some(AccountState::Compliant), _) => p {
                    @if row.worst.is_some() { "Every finding is below the severity that fails." }
                    @else { "Every check was read in full and passed." }
                },
            }
            @if row.state.is_some() {
                p.quiet {
                    @match judged {
                        Some(judged) => { "Last verified " (moment(judged.checked_at, now)) },
                        None => "Never verified",
                    }
                }
            }
        }
    }
}

fn unknown(error: &ScanError) -> Markup {
    html! {
        p { strong { "It could not be verified: " } code.reason { (error.reason.as_str()) } }
        p { (line(&error.message)) }
        @if let Some(hint) = &error.hint { p.hint { strong { "What to do: " } (line(hint)) } }
        dl.facts {
            @for (term, value) in [("Call", &error.operation), ("Code", &error.code), ("Request", &error.request_id)] {
                @if let Some(value) = value { div { dt { (term) } dd { code { (line(value)) } } } }
            }
        }
    }
}

fn skipped(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Suspended => "Left out: Organizations says that it is suspended.",
        SkipReason::PendingClosure => "Left out: Organizations says that it is being closed.",
        SkipReason::PendingActivation => "Left out: Organizations says that it is not active yet.",
        SkipReason::Closed => "Left out: Organizations says that it is closed.",
        SkipReason::Excluded => "Left out by the configuration.",
        SkipReason::Management => {
            "Left out: it is the management account, which the configuration skips."
        }
    }
}

fn checks(judged: &Judged<'_>) -> Markup {
    let done =
        CheckName::ALL.into_iter().filter_map(|name| Some((name, judged.checks.get(&name)?)));
    html! {
        section.panel aria-labelledby="checks" {
            h2 id="checks" { "Checks" }
            div.scroll tabindex="0" role="region" aria-label="Table of checks" {
                table.plain {
                    caption.hidden { "Verdict of every check" }
                    thead { tr { th scope="col" { "Check" } th scope="col" { "Verdict" } th scope="col" { "Details" } } }
                    tbody {
                        @for (name, check) in done {
                            tr {
                                th scope="row" { (name.as_str()) }
                                td { span class={ "verdict " (check.verdict.as_str()) } { (words::verdict(check.verdict)) } }
                                td { (details(check)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn details(check: &CheckResult) -> Markup {
    let said = check.details.iter().filter(|(_, value)| {
        !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
    });
    let text = |value: &serde_json::Value| match value.as_str() {
        Some(text) => line(text),
        None => match value.as_array() {
            Some(list) if list.iter().all(serde_json::Value::is_string) => {
                let texts: Vec<_> = list.iter().filter_map(serde_json::Value::as_str).collect();
                line(&texts.join(", "))
            }
            _ => line(&value.to_string()),
        },
    };
    html! {
        dl.facts { @for (name, value) in said { div { dt { (line(name).replace('_', " ")) } dd { (text(value)) } } } }
    }
}

/// What became of its findings.
fn past(history: Option<&[FindingRecord]>, now: Timestamp) -> Markup {
    html! {
        section.panel aria-labelledby="history" {
            h2 id="history" { "History of findings" }
            @match history {
                None => p.unknown-text { "The history cannot be read just now." },
                Some([]) => p.empty { "No finding is on record." },
                Some(records) => div.scroll tabindex="0" role="region" aria-label="Table of past findings" {
                    table.plain {
                        caption.hidden { "Findings, the newest first" }
                        thead { tr {
                            @for title in ["Severity", "Check", "Finding", "First seen", "Last seen", "Now"] { th scope="col" { (title) } }
                        } }
                        tbody { @for record in records { (one_past(record, now)) } }
                    }
                },
            }
        }
    }
}

fn one_past(record: &FindingRecord, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (bits::severity(record.severity)) }
            td { (record.check.as_str()) }
            th scope="row" { (bits::marked(&record.summary)) }
            td { (moment(record.first_seen, now)) }
            td { (moment(record.last_seen, now)) }
            td {
                @match (record.closed_at, record.resolution) {
                    (Some(at), resolution) => {
                        (resolution.map_or("closed", |resolution| resolution.as_str()).replace('_', " ")) " " (moment(at, now))
                    },
                    (None, _) if record.exception.is_some() => "under an exception",
                    (None, _) => strong { "open" },
                }
            }
        }
    }
}

fn metadata(view: &View, judged: &Option<Judged<'_>>, now: Timestamp) -> Markup {
    html! {
        footer.quiet {
            dl.facts {
                @if let Some(judged) = judged {
                    div { dt { "Role" } dd { code { (line(judged.role_arn)) } } }
                }
                @if let Some(sweep) = view.newest() {
                    div { dt { "Newest sweep" } dd { code { (line(&sweep.info.id)) } " ended " (moment(sweep.info.finished_at, now)) } }
                    div { dt { "Baseline" } dd { (line(&sweep.info.baseline)) " " code { (short(&sweep.info.baseline_digest)) } } }
                    div { dt { "Configuration" } dd { code { (short(&sweep.info.config_digest)) } } }
                }
            }
        }
    }
}
