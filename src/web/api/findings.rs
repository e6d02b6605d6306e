//! Findings of all accounts.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;

use super::super::control::Site;
use super::super::listing::{self, Filter};
use super::super::problem::Problem;
use super::super::query::{Empty, Params};
use super::super::renderings::{Question, Renderings, Shared};
use super::{accounts, limit};
use crate::ledger::View;
use crate::model::{AccountId, AccountState, CheckName, Finding, Severity};

/// A part of a list, in the order of account and finding ids.
#[derive(Serialize)]
struct Findings {
    /// Findings that the filter admits, on all pages.
    total: usize,
    findings: Vec<Item>,
    /// What `after` has to be for the next part; none after the last.
    next: Option<String>,
}

/// A finding and whose it is.
#[derive(Serialize)]
struct Item {
    account: Whose,
    #[serde(flatten)]
    finding: Finding,
}

#[derive(Serialize)]
struct Whose {
    id: AccountId,
    name: String,
    path: String,
    /// `unknown`: the finding is what the last judgement found.
    state: Option<AccountState>,
    checked_at: Option<Timestamp>,
}

/// A query: filters, and which part of the list.
struct Asked {
    check: Option<CheckName>,
    severity: Option<Severity>,
    account: Option<AccountId>,
    exempt: Option<bool>,
    limit: usize,
    after: Option<(AccountId, String)>,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut params = Params::parse(query, Empty::Value)?;
        let asked = Self {
            check: listing::check(&mut params)?,
            severity: listing::severity(&mut params)?,
            account: accounts::filter(&mut params)?,
            exempt: params.one_of("exempt", &[("true", true), ("false", false)])?,
            limit: limit(&mut params)?,
            after: params.read("after", "what `next` was in the answer before", cursor)?,
        };
        params.finish()?;
        Ok(asked)
    }

    fn admits(&self, finding: &Finding) -> bool {
        self.check.is_none_or(|check| finding.check == check)
            && self.severity.is_none_or(|severity| finding.severity == severity)
            && self.exempt.is_none_or(|exempt| finding.exception.is_some() == exempt)
    }

    /// True of findings that an earlier part had.
    fn has_seen(&self, id: &AccountId, finding: &Finding) -> bool {
        self.after
            .as_ref()
            .is_some_and(|(account, known)| (id, finding.id.as_str()) <= (account, known.as_str()))
    }
}

pub(in crate::web) async fn findings(
    State(site): State<Site>,
    State(renderings): State<Arc<Renderings>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Shared, Problem> {
    let asked = Asked::read(query.as_deref())?;
    let question = Question { path: "/api/v1/findings", query };
    let make = move |view: &View, now| part(view, now, &asked);
    renderings.json(&site, &headers, question, make).await
}

/// The findings after a cursor. Pure.
fn part(view: &View, now: Timestamp, asked: &Asked) -> Findings {
    let everyone = Filter::default();
    let (mut total, mut page, mut more) = (0, vec![], false);
    for row in listing::rows(view, now, &everyone) {
        let id = &row.entry.account.id;
        if asked.account.as_ref().is_some_and(|account| account != id) {
            continue;
        }
        let mut findings: Vec<_> =
            row.findings.iter().filter(|finding| asked.admits(finding)).collect();
        findings.sort_by(|a, b| a.id.cmp(&b.id));
        total += findings.len();
        for finding in findings {
            match (asked.has_seen(id, finding), page.len() < asked.limit) {
                (true, _) => {}
                (false, true) => page.push(item(&row, finding.clone())),
                (false, false) => more = true,
            }
        }
    }
    let next = page.last().filter(|_| more);
    let next = next.map(|item| format!("{}.{}", item.account.id, item.finding.id));
    Findings { total, findings: page, next }
}

fn item(row: &listing::Row<'_>, finding: Finding) -> Item {
    let account = &row.entry.account;
    let whose = Whose {
        id: account.id.clone(),
        name: account.name.clone(),
        path: account.path.clone(),
        state: row.state,
        checked_at: row.entry.judged_at(),
    };
    Item { account: whose, finding }
}

/// The last finding of the part before.
fn cursor(text: &str) -> Option<(AccountId, String)> {
    let (account, finding) = text.split_once('.')?;
    let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let whole = finding.len() == 16 && finding.bytes().all(hexadecimal);
    account.parse().ok().filter(|_| whole).map(|account| (account, finding.to_owned()))
}
