//! Accounts that could not be judged, by cause: each cause and what to do about it is said once.

use super::layout::{Page, Span};
use super::{accounts, heading, id_and_name, style};
use crate::model::{AccountReport, AccountResult, AccountState, Report, ScanError};
use crate::render::causes::{Cause, causes};

type Member<'r> = (&'r AccountReport, &'r ScanError);

pub(super) fn section(page: &mut Page, report: &Report) {
    let errors = report.accounts.iter().filter_map(|account| match &account.result {
        AccountResult::Unknown(error) => Some(((account, &**error), &account.id, &**error)),
        AccountResult::Skipped(_) | AccountResult::Judged { .. } => None,
    });
    let causes = causes(errors);
    if causes.is_empty() {
        return;
    }
    heading(
        page,
        AccountState::Unknown,
        report.summary.states.unknown,
        "neither compliant nor drifted, by cause",
    );
    for cause in &causes {
        one_cause(page, cause);
    }
}

fn one_cause(page: &mut Page, cause: &Cause<Member<'_>>) {
    let Cause { reason, operation, code, message, hint, members } = cause;
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
    let row = |(account, error): &Member<'_>| {
        let [id, name] = id_and_name(account);
        let request =
            error.request_id.as_deref().map(|id| format!("request {id}")).unwrap_or_default();
        vec![id, name, Span::plain(request), Span::new(style::DIM, &account.path)]
    };
    page.table(2, members.iter().map(row).collect());
}
