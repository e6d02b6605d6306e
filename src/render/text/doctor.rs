//! The preflight for people: counts, checks, then what is missing where, the worst and most frequent first.

use std::collections::BTreeMap;

use anstyle::Style;

use super::layout::{Page, Span};
use super::{NAME_COLUMNS, TextOptions, accounts, first_rows, most_named, style};
use crate::doctor::{
    AccountEntry, AccountStatus, CauseEntry, Check, Outcome, Part, Report, Status,
};
use crate::model::{AccountId, AccountState, Severity};
use crate::render::words::duration;

/// The report for people.
pub(in crate::render) fn doctor(report: &Report, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    summary(&mut page, report);
    page.blank();
    page.line(0, &[Span::new(style::BOLD, "CHECKS")]);
    let columns = report.checks.iter().map(|check| check.name.len()).max().unwrap_or_default();
    report.checks.iter().for_each(|check| one_check(&mut page, check, columns));
    let known: BTreeMap<&AccountId, &AccountEntry> =
        report.accounts.iter().map(|account| (&account.id, account)).collect();
    if !report.causes.is_empty() {
        page.blank();
        page.line(0, &[Span::new(style::BOLD, "WHAT IS MISSING WHERE")]);
    }
    for cause in &report.causes {
        one_cause(&mut page, cause, &known, most_named(options.verbose));
    }
    if options.verbose {
        listing(&mut page, report, AccountStatus::Ok, "FINE");
        listing(&mut page, report, AccountStatus::Skipped, "SKIPPED");
        listing(&mut page, report, AccountStatus::NotAsked, "NOT ASKED");
    }
    footer(&mut page, report);
    page.finish()
}

fn summary(page: &mut Page, report: &Report) {
    let s = &report.summary;
    let look = match report.outcome {
        Outcome::Ok => style::state(AccountState::Compliant),
        Outcome::Incomplete | Outcome::Failed => style::INCOMPLETE,
    };
    let head = match report.outcome {
        Outcome::Ok => "OK: every selected account can be read in full",
        Outcome::Incomplete if !report.complete => {
            "INCOMPLETE: not every selected account was asked"
        }
        Outcome::Incomplete => "INCOMPLETE: something is missing in at least one account",
        Outcome::Failed => "FAILED: a scan would not run, or not rightly; see the checks",
    };
    page.line(0, &[Span::new(look, head)]);
    let counts = [
        (s.ok, "fine", true),
        (s.warning, "with a warning", false),
        (s.incomplete, "lacking something", true),
        (s.not_asked, "not asked", false),
    ];
    let words: Vec<String> = counts
        .into_iter()
        .filter(|(count, _, always)| *always || *count > 0)
        .map(|(count, words, _)| format!("{count} {words}"))
        .collect();
    let mut groups =
        vec![vec![Span::plain(format!("{}: {}", accounts(s.selected), words.join(", ")))]];
    if s.skipped > 0 {
        groups.push(vec![Span::new(
            style::DIM,
            format!("{} skipped ({})", s.skipped, reasons(report)),
        )]);
    }
    page.groups(&groups);
}

fn reasons(report: &Report) -> String {
    let mut counts = BTreeMap::new();
    for reason in report.accounts.iter().filter_map(|account| account.skip_reason) {
        *counts.entry(reason).or_insert(0_usize) += 1;
    }
    let word = |(reason, count): (&crate::model::SkipReason, &usize)| {
        format!("{count} {}", reason.as_str().replace('_', " "))
    };
    counts.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn look(status: Status) -> Style {
    match status {
        Status::Ok => style::state(AccountState::Compliant),
        Status::Warning => style::severity(Severity::Medium),
        Status::Failed => style::state(AccountState::Drifted),
        Status::Skipped => style::DIM,
    }
}

fn one_check(page: &mut Page, check: &Check, columns: usize) {
    let hang = "warning".len() + 2 + columns + 2;
    let lead = [
        Span::new(look(check.status), format!("{:<7}  ", check.status.as_str())),
        Span::plain(format!("{:<columns$}  ", check.name)),
    ];
    page.paragraph(2, &lead, hang, &Span::plain(&check.fact));
    if let Some(remedy) = &check.remedy {
        let fix = [Span::new(style::BOLD, "fix: ")];
        page.paragraph(2 + hang, &fix, 5, &Span::plain(remedy));
    }
}

fn one_cause(
    page: &mut Page,
    entry: &CauseEntry,
    known: &BTreeMap<&AccountId, &AccountEntry>,
    most: usize,
) {
    page.blank();
    let look = if entry.warning { Status::Warning } else { Status::Failed };
    let part = match entry.cause.part {
        Part::BaseCredentials => "base credentials",
        Part::ScanRole => "scan role",
        Part::RemediateRole => "remediation role",
    };
    let mut title = vec![
        Span::new(self::look(look), entry.cause.kind.as_str()),
        Span::plain(format!("  {}  {part}", accounts(entry.count))),
    ];
    if entry.warning {
        title.push(Span::plain("  (a warning)"));
    }
    page.line(0, &title);
    let calls = calls(entry);
    if !calls.is_empty() {
        page.paragraph(2, &[Span::plain("calls: ")], 7, &Span::plain(calls));
    }
    if let Some(says) = &entry.says {
        page.paragraph(2, &[Span::plain("says: ")], 6, &Span::plain(says));
    }
    page.paragraph(2, &[Span::new(style::BOLD, "fix: ")], 5, &Span::plain(&entry.remedy));
    let members = entry.accounts.iter().filter_map(|id| known.get(id).copied());
    let rest = |more| format!("and {more} more (--verbose names them)");
    first_rows(page, members.map(row).collect(), most, rest);
}

/// `iam:GetPolicy (policies of AWS, policies of the account), …`
fn calls(entry: &CauseEntry) -> String {
    let mut about: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for call in &entry.cause.calls {
        about.entry(call.operation).or_default().extend(call.on.as_deref());
    }
    let word = |(operation, on): (&&str, &Vec<&str>)| match on.as_slice() {
        [] => (*operation).to_owned(),
        on => format!("{operation} ({})", on.join(", ")),
    };
    about.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn row(account: &AccountEntry) -> Vec<Span> {
    vec![
        Span::plain(account.id.as_str()),
        Span::plain(&account.name).cut(NAME_COLUMNS),
        Span::new(style::DIM, &account.path),
    ]
}

fn listing(page: &mut Page, report: &Report, status: AccountStatus, head: &str) {
    let here: Vec<_> = report.accounts.iter().filter(|account| account.status == status).collect();
    if here.is_empty() {
        return;
    }
    page.blank();
    page.line(
        0,
        &[Span::new(style::BOLD, head), Span::plain(format!("  {}", accounts(here.len())))],
    );
    page.table(2, here.into_iter().map(row).collect());
}

fn footer(page: &mut Page, report: &Report) {
    let seconds = report.finished_at.as_second().saturating_sub(report.started_at.as_second());
    let when = format!("asked at {}, took {}", report.started_at, duration(seconds));
    page.blank();
    page.groups(&[
        vec![Span::new(style::DIM, when)],
        vec![Span::new(style::DIM, "nothing was written to AWS")],
        vec![Span::new(style::BOLD, "details: --format json")],
    ]);
}
