//! Accounts that could not be judged, by cause: each cause and what to do about it is said once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::layout::{Page, Span};
use super::{accounts, heading, id_and_name, style};
use crate::model::{AccountReport, AccountResult, AccountState, Report, ScanError, UnknownReason};

/// Errors that differ only in the account and the request have one cause.
type Cause = (UnknownReason, Option<String>, Option<String>, String, Option<String>);

pub(super) fn section(page: &mut Page, report: &Report) {
    let mut causes: BTreeMap<Cause, Vec<(&AccountReport, &ScanError)>> = BTreeMap::new();
    for account in &report.accounts {
        if let AccountResult::Unknown(error) = &account.result {
            causes.entry(cause(account, error)).or_default().push((account, error));
        }
    }
    if causes.is_empty() {
        return;
    }
    heading(
        page,
        AccountState::Unknown,
        report.summary.states.unknown,
        "neither compliant nor drifted, by cause",
    );
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(_, accounts)| Reverse(accounts.len()));
    for (cause, members) in &causes {
        one_cause(page, cause, members);
    }
}

fn cause(account: &AccountReport, error: &ScanError) -> Cause {
    let general = |text: &str| {
        let text = text.replace(account.id.as_str(), "<account>");
        match error.request_id.as_deref() {
            Some(id) if !id.is_empty() => text.replace(id, "<request>"),
            _ => text,
        }
    };
    let hint = error.hint.as_deref().map(general);
    (error.reason, error.operation.clone(), error.code.clone(), general(&error.message), hint)
}

fn one_cause(page: &mut Page, cause: &Cause, members: &[(&AccountReport, &ScanError)]) {
    let (reason, operation, code, message, hint) = cause;
    // With one account there is nothing to generalize: say it as it was said.
    let (message, hint) = match members {
        [(_, only)] => (&only.message, &only.hint),
        _ => (message, hint),
    };
    page.blank();
    let look = style::state(AccountState::Unknown);
    let mut title = vec![
        Span::new(look, reason.as_str()),
        Span::plain(format!("  {}", accounts(members.len()))),
    ];
    for text in [operation, code].into_iter().flatten() {
        title.push(Span::plain("  "));
        title.push(Span::plain(text));
    }
    page.line(0, &title);
    page.paragraph(2, &[Span::plain("says: ")], 6, &Span::plain(message));
    if let Some(hint) = hint {
        page.paragraph(2, &[Span::new(style::BOLD, "hint: ")], 6, &Span::plain(hint));
    }
    let row = |(account, error): &(&AccountReport, &ScanError)| {
        let [id, name] = id_and_name(account);
        let request =
            error.request_id.as_deref().map(|id| format!("request {id}")).unwrap_or_default();
        vec![id, name, Span::plain(request), Span::new(style::DIM, &account.path)]
    };
    page.table(2, members.iter().map(row).collect());
}
