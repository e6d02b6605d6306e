//! Accounts that could not be judged, by cause: each cause and what to do about it is said once.

use super::layout::{Page, Span};
use super::{accounts, first_rows, heading, id_and_name, most_named, style};
use crate::model::{AccountReport, AccountResult, AccountState, Report, ScanError, UnknownReason};
use crate::render::causes::{Cause, causes};

pub(super) type Member<'r> = (&'r AccountReport, &'r ScanError);

/// Why accounts are unknown, the most frequent cause first.
pub(super) fn causes_in(report: &Report) -> Vec<Cause<Member<'_>>> {
    causes(report.accounts.iter().filter_map(|account| match &account.result {
        AccountResult::Unknown(error) => Some(((account, &**error), &account.id, &**error)),
        AccountResult::Skipped(_) | AccountResult::Judged { .. } => None,
    }))
}

/// One cause in every selected account is a mistake in one place: that place comes before everything else.
pub(super) fn one_for_all(page: &mut Page, report: &Report, causes: &[Cause<Member<'_>>]) {
    let selected = report.summary.selected;
    let [Cause { reason, members, .. }] = causes else { return };
    if members.len() == selected && selected > 1 {
        let look = first_look(*reason).unwrap_or(reason.as_str());
        let words = format!("one cause for all {selected} selected accounts: {look}");
        page.line(0, &[Span::new(style::BOLD, words)]);
    }
}

/// Where to look when every account fails for this reason, if that is one place.
fn first_look(reason: UnknownReason) -> Option<&'static str> {
    use UnknownReason as R;
    match reason {
        R::AssumeDenied => Some("look at `access.scan_role` first"),
        R::AccessDenied => Some(
            "look at the policy of the scan role first: `rolewarden iam scan` prints the one it needs",
        ),
        R::ScpDenied => {
            Some("look at the organization's service and resource control policies first")
        }
        R::Network | R::Timeout => {
            Some("look at the network from here to AWS first: proxy, DNS, endpoint")
        }
        R::Throttled => Some("look at `sweep.concurrency` first"),
        R::Clock => Some("look at this machine's clock first"),
        R::AwsError
        | R::MalformedResponse
        | R::WrongAccount
        | R::Unstable
        | R::Undecided
        | R::AccountGone
        | R::Internal
        | R::Pending
        | R::Stale => None,
    }
}

pub(super) fn section(
    page: &mut Page,
    report: &Report,
    causes: &[Cause<Member<'_>>],
    verbose: bool,
) {
    if causes.is_empty() {
        return;
    }
    heading(
        page,
        AccountState::Unknown,
        report.summary.states.unknown,
        "neither compliant nor drifted, by cause",
    );
    for cause in causes {
        one_cause(page, cause, most_named(verbose));
    }
}

fn one_cause(page: &mut Page, cause: &Cause<Member<'_>>, most: usize) {
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
    let rest = |more| format!("… and {more} more: --format json");
    first_rows(page, members.iter().map(row).collect(), most, rest);
}
