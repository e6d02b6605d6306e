//! Which accounts a list shows, and in which order. Pure.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::problem::Problem;
use super::query::Params;
use crate::ledger::{Entry, Standpoint, View};
use crate::model::{AccountState, CheckName, Finding, Severity, UnknownReason};

/// Longest text to search for.
pub(super) const LONGEST: usize = 200;

/// A state, or that the account is in none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// In this state.
    In(AccountState),
    /// Left out on purpose.
    Skipped,
}

impl Shown {
    pub(super) const ALL: [Self; 6] = [
        Self::In(AccountState::Drifted),
        Self::In(AccountState::Unknown),
        Self::In(AccountState::Exempt),
        Self::In(AccountState::Compliant),
        Self::In(AccountState::NotApplicable),
        Self::Skipped,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::In(state) => state.as_str(),
            Self::Skipped => "skipped",
        }
    }
}

/// Which accounts; `None` everywhere is every one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) state: Option<Shown>,
    pub(super) skipped: Option<bool>,
    pub(super) reason: Option<UnknownReason>,
    pub(super) check: Option<CheckName>,
    pub(super) severity: Option<Severity>,
    pub(super) ou: Option<String>,
    pub(super) q: Option<String>,
}

impl Filter {
    /// Takes the parameters that all lists of accounts have.
    pub(super) fn read(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            state: params.one_of("state", &Shown::ALL.map(|shown| (shown.as_str(), shown)))?,
            skipped: params.one_of("skipped", &[("true", true), ("false", false)])?,
            reason: params
                .one_of("reason", &UnknownReason::ALL.map(|reason| (reason.as_str(), reason)))?,
            check: check(params)?,
            severity: severity(params)?,
            ou: params.words("ou", 512)?,
            q: params.words("q", LONGEST)?,
        })
    }

    fn admits(&self, row: &Row<'_>) -> bool {
        let fits = |finding: &&Finding| {
            self.check.is_none_or(|check| finding.check == check)
                && self.severity.is_none_or(|severity| finding.severity == severity)
        };
        let about_findings = self.check.is_some() || self.severity.is_some();
        self.state.is_none_or(|shown| row.shown() == shown)
            && self.skipped.is_none_or(|skipped| row.state.is_none() == skipped)
            && self.reason.is_none_or(|reason| row.reason == Some(reason))
            && (!about_findings || row.open().any(|finding| fits(&finding)))
            && self.ou.as_deref().is_none_or(|ou| is_below(row.unit(), ou))
            && self.q.as_deref().is_none_or(|q| row.says(&q.to_lowercase()))
    }
}

/// `check`, as every list has it.
pub(super) fn check(params: &mut Params) -> Result<Option<CheckName>, Problem> {
    params.one_of("check", &CheckName::ALL.map(|check| (check.as_str(), check)))
}

/// `severity`, as every list has it.
pub(super) fn severity(params: &mut Params) -> Result<Option<Severity>, Problem> {
    params.one_of("severity", &Severity::ALL.map(|severity| (severity.as_str(), severity)))
}

/// An account, and what a list needs to know of it.
#[derive(Debug, Clone)]
pub(super) struct Row<'v> {
    pub(super) entry: &'v Arc<Entry>,
    /// `None`: left out.
    pub(super) state: Option<AccountState>,
    pub(super) reason: Option<UnknownReason>,
    /// Severity of the worst open finding.
    pub(super) worst: Option<Severity>,
    /// Since when the oldest open finding has been open.
    pub(super) since: Option<Timestamp>,
    /// What the last judgement found.
    pub(super) findings: Cow<'v, [Finding]>,
}

impl<'v> Row<'v> {
    pub(super) fn new(entry: &'v Arc<Entry>, at: &Standpoint<'_>) -> Self {
        let (state, reason) = entry.state(at).unzip();
        let (reason, findings) = (reason.flatten(), entry.findings(at));
        let row = Self { entry, state, reason, worst: None, since: None, findings };
        let worst = row.open().map(|finding| finding.severity).max();
        let since = row.open().filter_map(|finding| finding.first_seen).min();
        Self { worst, since, ..row }
    }

    /// Findings that are open: the account's last judgement found them, and no exception covers them.
    pub(super) fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.exception.is_none())
    }

    /// Checks with open findings.
    pub(super) fn failed(&self) -> BTreeSet<CheckName> {
        self.open().map(|finding| finding.check).collect()
    }

    pub(super) fn shown(&self) -> Shown {
        self.state.map_or(Shown::Skipped, Shown::In)
    }

    /// The organizational unit the account is in, as `/prod`; `/` at the root.
    pub(super) fn unit(&self) -> &'v str {
        unit(&self.entry.account.path, &self.entry.account.name)
    }

    fn says(&self, lower: &str) -> bool {
        let account = &self.entry.account;
        account.id.as_str().contains(lower)
            || account.name.to_lowercase().contains(lower)
            || account.path.to_lowercase().contains(lower)
    }

    /// Worst first: what is open in a drifted account, or was when it could last be read; then what is not known.
    fn badness(&self) -> (u8, Reverse<Option<Severity>>, u8) {
        let rank = match self.state {
            Some(AccountState::Drifted) => 0,
            Some(AccountState::Unknown) => 1,
            Some(AccountState::Exempt) => 2,
            Some(AccountState::Compliant) => 3,
            Some(AccountState::NotApplicable) => 4,
            None => 5,
        };
        let group = if rank == 1 && self.worst.is_some() { 0 } else { rank };
        (group, Reverse(self.worst), rank)
    }
}

/// The path of an account without the account's own name, which may hold a `/` itself.
fn unit<'p>(path: &'p str, name: &str) -> &'p str {
    let unit = path.strip_suffix(name).and_then(|path| path.strip_suffix('/'));
    match unit.or_else(|| path.rsplit_once('/').map(|(unit, _)| unit)) {
        None | Some("") => "/",
        Some(unit) => unit,
    }
}

/// Whether a unit is this one, or at any depth below it.
fn is_below(unit: &str, ou: &str) -> bool {
    let ou = ou.strip_suffix('/').unwrap_or(ou);
    unit.strip_prefix(ou).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// The most severe first, of those the oldest.
    #[default]
    Worst,
    /// What has been open for longest first.
    Oldest,
}

impl Order {
    pub(super) const ALL: [(&'static str, Self); 2] =
        [("worst", Self::Worst), ("oldest", Self::Oldest)];
}

/// Every account that the filter admits, in account id order.
pub(super) fn rows<'v>(
    view: &'v View,
    now: Timestamp,
    filter: &'v Filter,
) -> impl Iterator<Item = Row<'v>> {
    let at = view.at(now);
    let all = view.ledger.entries().map(move |entry| Row::new(entry, &at));
    all.filter(|row| filter.admits(row))
}

/// Puts a list in order; equals stay in account id order.
pub(super) fn sort(rows: &mut [Row<'_>], order: Order) {
    let since = |row: &Row<'_>| row.since.unwrap_or(Timestamp::MAX);
    match order {
        Order::Worst => rows.sort_by_key(|row| (row.badness(), since(row))),
        Order::Oldest => rows.sort_by_key(|row| (since(row), row.badness())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_holds_what_is_below_it() {
        let cases = [
            ("/prod/payments", "/prod", true),
            ("/prod/eu/payments", "/prod", true),
            ("/prod/eu/payments", "/prod/", true),
            ("/production/payments", "/prod", false),
            ("/payments", "/prod", false),
            ("/payments", "/", true),
            ("/", "/", true),
            ("", "/", true),
            ("/prod/payments", "prod", false),
            ("/prod/pay/ments", "/prod", true),
            ("/prod/pay/ments", "/prod/pay", false),
        ];
        for (path, ou, want) in cases {
            assert_eq!(is_below(unit(path, "pay/ments"), ou), want, "case `{path}` in `{ou}`");
        }
    }
}
