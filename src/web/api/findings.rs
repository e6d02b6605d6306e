//! Findings of all accounts.

use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use serde::Serialize;

use super::super::control::Site;
use super::super::json::Json;
use super::super::listing::{self, Filter};
use super::super::problem::Problem;
use super::super::query::{Empty, Params};
use super::{accounts, limit};
use crate::model::{AccountId, AccountState, Finding};

/// A part of a list, in the order of account and finding ids.
#[derive(Serialize)]
pub(in crate::web) struct Findings {
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

pub(in crate::web) async fn findings(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Json<Findings>, Problem> {
    let mut params = Params::parse(query.as_deref(), Empty::Value)?;
    let (check, severity) = (listing::check(&mut params)?, listing::severity(&mut params)?);
    let account = accounts::filter(&mut params)?;
    let exempt = params.one_of("exempt", &[("true", true), ("false", false)])?;
    let limit = limit(&mut params)?;
    let after = params.read("after", "what `next` was in the answer before", cursor)?;
    params.finish()?;
    let (view, now) = (site.view.borrow().clone(), (site.clock)());
    let admits = |finding: &&Finding| {
        check.is_none_or(|check| finding.check == check)
            && severity.is_none_or(|severity| finding.severity == severity)
            && exempt.is_none_or(|exempt| finding.exception.is_some() == exempt)
    };
    let everyone = Filter::default();
    let (mut total, mut page, mut more) = (0, vec![], false);
    for row in listing::rows(&view, now, &everyone) {
        let id = &row.entry.account.id;
        if account.as_ref().is_some_and(|account| account != id) {
            continue;
        }
        let mut findings: Vec<_> = row.findings.iter().filter(admits).cloned().collect();
        findings.sort_by(|a, b| a.id.cmp(&b.id));
        total += findings.len();
        for finding in findings {
            let seen = after.as_ref().is_some_and(|(account, known)| {
                (id, finding.id.as_str()) <= (account, known.as_str())
            });
            match (seen, page.len() < limit) {
                (true, _) => {}
                (false, true) => page.push((row.clone(), finding)),
                (false, false) => more = true,
            }
        }
    }
    let next = page.last().filter(|_| more);
    let next = next.map(|(row, finding)| format!("{}.{}", row.entry.account.id, finding.id));
    let findings = page.into_iter().map(|(row, finding)| item(&row, finding)).collect();
    Ok(Json(Findings { total, findings, next }))
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
