//! What changed since the sweep before, a line each.

use super::layout::{Page, Span};
use super::{NAME_COLUMNS, TextOptions, plural, style};
use crate::model::{AccountReport, AccountResult, AccountState, Changes, Finding};

/// Counts, then a line for every change; what is not known any more comes last.
pub fn changes(changes: &Changes<'_>, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    let Changes { opened, resolved, lost, found, still_unknown } = changes;
    let mut counts = vec![
        format!("{} opened", plural(opened.len(), "finding")),
        format!("{} resolved", resolved.len()),
    ];
    for (count, what) in [
        (lost.len(), "not known any more"),
        (found.len(), "known again"),
        (*still_unknown, "still unknown"),
    ] {
        if count > 0 {
            counts.push(format!("{} {what}", plural(count, "account")));
        }
    }
    let counts = Span::plain(counts.join(", "));
    page.paragraph(2, &[Span::plain("since the sweep before: ")], 2, &counts);
    let finding = |sign, look, (account, finding): &(&AccountReport, &Finding)| {
        let severity = finding.severity;
        let says = format!("{}: {}", finding.check.as_str(), finding.summary);
        let severity = Span::new(style::severity(severity), severity.as_str());
        row(Span::new(look, sign), severity, account, says)
    };
    let state = |sign, account: &&AccountReport| {
        let (state, says) = match &account.result {
            AccountResult::Unknown(error) => {
                (AccountState::Unknown, format!("{}: {error}", error.reason.as_str()))
            }
            AccountResult::Judged { state, .. } => (*state, "can be judged again".to_owned()),
            AccountResult::Skipped(reason) => {
                (AccountState::NotApplicable, format!("skipped: {}", reason.as_str()))
            }
        };
        let word = Span::new(style::state(state), state.as_str());
        row(Span::new(style::state(state), sign), word, account, says)
    };
    let removed = style::state(AccountState::Compliant);
    let opened = opened.iter().map(|opened| finding("+", style::REMOVED, opened));
    let resolved = resolved.iter().map(|resolved| finding("-", removed, resolved));
    let states = lost.iter().map(|lost| state("?", lost));
    let states = states.chain(found.iter().map(|found| state("=", found)));
    page.table(4, opened.chain(resolved).chain(states).collect());
    page.finish()
}

fn row(sign: Span, word: Span, account: &AccountReport, says: String) -> Vec<Span> {
    vec![sign, word, Span::plain(&account.name).cut(NAME_COLUMNS), Span::plain(says)]
}

/// The first line of the report: how many accounts are in which state.
pub fn headline(report: &crate::model::Report, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    super::summary(&mut page, report);
    page.finish()
}
