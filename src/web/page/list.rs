//! The accounts, worst first, and why some are not known.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, html};

use super::bits::{self, age, counted, line};
use super::links;
use super::overview::Asked;
use crate::ledger::View;
use crate::model::{AccountId, AccountResult, AccountState, CheckName, ScanError, Severity};
use crate::render::causes::{Cause, causes};
use crate::web::listing::{self, Filter, Order, Row, Shown};

/// Accounts on one page.
const PER_PAGE: usize = 100;
/// Organizational units that the form suggests.
const MAX_UNITS: usize = 500;
/// Causes that are shown at once: the most frequent.
const FULL_CAUSES: usize = 3;
/// Causes that are shown on demand.
const MAX_CAUSES: usize = 20;

/// Why an account is unknown now.
pub(super) fn error<'v>(row: &Row<'v>, view: &View, now: Timestamp) -> Option<Cow<'v, ScanError>> {
    if row.state != Some(AccountState::Unknown) {
        return None;
    }
    match &row.entry.result {
        AccountResult::Unknown(error) => Some(Cow::Borrowed(error)),
        AccountResult::Judged { .. } | AccountResult::Skipped(_) => {
            match row.entry.report(&view.at(now)).result {
                AccountResult::Unknown(error) => Some(Cow::Owned(*error)),
                AccountResult::Judged { .. } | AccountResult::Skipped(_) => None,
            }
        }
    }
}

/// What could not be judged, by cause: said once, with what to do.
pub(super) fn reasons(everyone: &[Row<'_>], view: &View, now: Timestamp) -> Markup {
    let errors: Vec<_> = everyone
        .iter()
        .filter_map(|row| error(row, view, now).map(|error| (&row.entry.account, error)))
        .collect();
    let causes =
        causes(errors.iter().map(|(account, error)| (&account.id, &account.id, error.as_ref())));
    let first = causes.get(..FULL_CAUSES).unwrap_or(&causes);
    let others = causes.get(FULL_CAUSES..).unwrap_or_default();
    let hidden = others.len().saturating_sub(MAX_CAUSES);
    html! {
        @if !errors.is_empty() {
            section.panel.reasons aria-labelledby="reasons" {
                h2 id="reasons" { "Why " (counted(errors.len(), "account")) " could not be verified" }
                ul { @for cause in first { (one_cause(cause)) } }
                @if !others.is_empty() {
                    details {
                        summary { (counted(others.len(), "more cause")) }
                        ul { @for cause in others.iter().take(MAX_CAUSES) { (one_cause(cause)) } }
                        @if hidden > 0 {
                            p.quiet { (counted(hidden, "rarer cause")) ": see " a href=(links::state(AccountState::Unknown)) { "the accounts" } }
                        }
                    }
                }
            }
        }
    }
}

fn one_cause(cause: &Cause<&AccountId>) -> Markup {
    let all = Filter { reason: Some(cause.reason), ..Filter::default() };
    let address = match cause.members.as_slice() {
        [one] => links::account(one),
        _ => links::list(&all, Order::Worst, 1),
    };
    html! {
        li {
            p {
                a.count href=(address) { (counted(cause.members.len(), "account")) }
                " " code.reason { (cause.reason.as_str()) }
                @for text in [&cause.operation, &cause.code].into_iter().flatten() {
                    " " span.quiet { (line(text)) }
                }
            }
            p { (line(&cause.message)) }
            @if let Some(hint) = &cause.hint { p.hint { strong { "What to do: " } (line(hint)) } }
        }
    }
}

pub(super) fn section(view: &View, everyone: &[Row<'_>], asked: &Asked, now: Timestamp) -> Markup {
    let mut rows: Vec<Row<'_>> = listing::rows(view, now, &asked.filter).collect();
    if asked.filter.state.is_none() && asked.filter.skipped.is_none() {
        rows.retain(|row| row.state.is_some());
    }
    listing::sort(&mut rows, asked.order);
    let pages = rows.len().div_ceil(PER_PAGE).max(1);
    let page = asked.page.min(pages);
    let begins = (page - 1) * PER_PAGE;
    let shown: Vec<_> = rows.iter().skip(begins).take(PER_PAGE).collect();
    html! {
        section.panel id="accounts" aria-labelledby="accounts-title" {
            h2 id="accounts-title" { "Accounts" }
            (form(everyone, asked))
            div id="results" {
                p.hits role="status" {
                    strong { (counted(rows.len(), "account")) }
                    @if asked.filter == Filter::default() { " in all" } @else { " found" }
                    @if rows.len() > PER_PAGE {
                        ", " (crate::render::words::number(begins + 1)) " to " (crate::render::words::number(begins + shown.len())) " shown"
                    }
                    @if asked.order == Order::Oldest { ", oldest drift first" } @else { ", worst first" }
                }
                @if shown.is_empty() {
                    p.empty { (nothing(asked, everyone)) }
                } @else {
                    (table(&shown, now))
                    (pager(asked, page, pages))
                }
            }
        }
    }
}

fn nothing(asked: &Asked, everyone: &[Row<'_>]) -> Markup {
    html! {
        @if everyone.is_empty() { "No account is known yet." }
        @else if asked.filter == Filter::default() { "Every known account is left out." }
        @else { "No account fits. " a href="/#accounts" { "Show all" } }
    }
}

fn table(rows: &[&Row<'_>], now: Timestamp) -> Markup {
    html! {
        table.accounts role="table" {
            caption.hidden { "Accounts with their state, findings and age" }
            thead role="rowgroup" {
                tr role="row" {
                    @for title in ["State", "Account", "Unit", "Worst", "Checks failed", "Open for", "Verified"] {
                        th role="columnheader" scope="col" { (title) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for row in rows { (one(row, now)) }
            }
        }
    }
}

fn one(row: &Row<'_>, now: Timestamp) -> Markup {
    let account = &row.entry.account;
    let failed: Vec<_> = row.failed().into_iter().map(CheckName::as_str).collect();
    let doubtful = row.state == Some(AccountState::Unknown) && !failed.is_empty();
    html! {
        tr role="row" {
            td role="cell" { (bits::state(row.shown())) }
            th.account role="rowheader" scope="row" {
                a href=(links::account(&account.id)) { bdi { (bits::name(account)) } }
                span.id { (account.id) }
            }
            td.unit role="cell" data-label="Unit" { bdi { (line(row.unit())) } }
            td role="cell" data-label="Worst" {
                @match row.worst { Some(worst) => (bits::severity(worst)), None => span.quiet { "–" } }
            }
            td.checks role="cell" data-label="Checks failed" {
                @match (failed.is_empty(), row.reason) {
                    (true, Some(reason)) => code.reason { (reason.as_str()) },
                    (true, None) => span.quiet { "–" },
                    (false, _) => { (failed.join(", ")) @if doubtful { " " span.unknown-text { "when last read" } } },
                }
            }
            td.number role="cell" data-label="Open for" {
                @match row.since { Some(at) => (age(at, now)), None => span.quiet { "–" } }
            }
            td.number role="cell" data-label="Verified" {
                @match (row.state, row.entry.judged_at()) {
                    (None, _) => span.quiet { "–" },
                    (_, Some(at)) => { (age(at, now)) " ago" },
                    (_, None) => span.unknown-text { "never" },
                }
            }
        }
    }
}

fn pager(asked: &Asked, page: usize, pages: usize) -> Markup {
    let link = |to: usize, rel: &str, words: &str| {
        html! {
            @if to == page || to == 0 || to > pages { span.quiet { (words) } }
            @else { a href=(links::list(&asked.filter, asked.order, to)) rel=[(!rel.is_empty()).then_some(rel)] { (words) } }
        }
    };
    html! {
        @if pages > 1 {
            nav.pager aria-label="Pages of accounts" {
                (link(1, "", "First"))
                (link(page.saturating_sub(1), "prev", "Previous"))
                span { "Page " strong { (page) } " of " (pages) }
                (link(page + 1, "next", "Next"))
                (link(pages, "", "Last"))
            }
        }
    }
}

fn form(everyone: &[Row<'_>], asked: &Asked) -> Markup {
    let filter = &asked.filter;
    let units: BTreeSet<_> = everyone.iter().map(Row::unit).take(20_000).collect();
    html! {
        form.filter id="filter" method="get" action="/#accounts" role="search" aria-label="Accounts" {
            div.field.search {
                label for="q" { "Name, id or path" }
                input id="q" name="q" type="search" maxlength=(listing::LONGEST) value=(line(filter.q.as_deref().unwrap_or_default())) autocomplete="off" spellcheck="false";
            }
            (select("state", "State", &Shown::ALL.map(|s| (s.as_str(), bits::state_word(s))), filter.state.map(Shown::as_str)))
            (select("severity", "Severity", &Severity::ALL.map(|s| (s.as_str(), s.as_str())), filter.severity.map(Severity::as_str)))
            (select("check", "Check failed", &CheckName::ALL.map(|c| (c.as_str(), c.as_str())), filter.check.map(CheckName::as_str)))
            div.field {
                label for="ou" { "Unit" }
                input id="ou" name="ou" type="text" list="units" maxlength="512" placeholder="/" value=(line(filter.ou.as_deref().unwrap_or_default())) autocomplete="off" spellcheck="false";
                datalist id="units" { @for unit in units.iter().take(MAX_UNITS) { option value=(line(unit)) {} } }
            }
            (select("order", "Order", &[("oldest", "oldest first")], (asked.order == Order::Oldest).then_some("oldest")))
            @if let Some(reason) = filter.reason {
                (select("reason", "Reason", &[(reason.as_str(), reason.as_str())], Some(reason.as_str())))
            }
            div.buttons {
                button type="submit" { "Filter" }
                @if *filter != Filter::default() || asked.order != Order::default() { a href="/#accounts" { "Clear" } }
            }
        }
    }
}

/// A choice out of a closed set; the first entry is no choice.
fn select(name: &str, label: &str, options: &[(&str, &str)], chosen: Option<&str>) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { (if name == "order" { "worst first" } else { "any" }) }
                @for (value, words) in options {
                    option value=(value) selected[chosen == Some(value)] { (words) }
                }
            }
        }
    }
}
