//! The report for people: counts first, then what is wrong, worst first, then what is not known.

mod changes;
mod doctor;
mod drifted;
mod history;
mod layout;
mod plan;
mod run;
mod style;
mod undo;
mod unknown;

use std::collections::BTreeMap;

use super::words::{duration, plural};
use crate::model::{
    AccountReport, AccountResult, AccountState, Finding, FindingCounts, Report, Severity, Unread,
};
pub use changes::{changes, headline};
pub(super) use doctor::doctor;
pub(super) use history::history;
use layout::{Page, Span};
pub use plan::{PlanOptions, plan};
pub use run::run;
pub use undo::{UndoOptions, undo};

/// Columns of an account's name in a table.
const NAME_COLUMNS: usize = 28;
/// Accounts that a cause names, unless all are asked for.
const NAMED: usize = 3;
/// Columns of what is said about an account in a table.
const NOTE_COLUMNS: usize = 40;

/// How the text report looks.
#[derive(Debug, Clone, Copy)]
pub struct TextOptions {
    /// ANSI colours.
    pub color: bool,
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
    /// Drifted accounts shown with every detail; the others get one line each. 0 shows all.
    pub max_accounts: usize,
    /// Lists compliant accounts, and those the role is not needed in, too.
    pub verbose: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { color: false, width: 100, max_accounts: 20, verbose: false }
    }
}

/// The report for people: summary first, worst first, aligned tables.
pub fn text(report: &Report, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    let causes = unknown::causes_in(report);
    summary(&mut page, report);
    outcome(&mut page, report);
    unknown::one_for_all(&mut page, report, &causes);
    drifted::section(&mut page, report, options.max_accounts);
    unknown::section(&mut page, report, &causes, options.verbose);
    exempt(&mut page, report);
    if options.verbose {
        listing(&mut page, report, AccountState::NotApplicable);
        listing(&mut page, report, AccountState::Compliant);
    }
    unread(&mut page, report);
    footer(&mut page, report);
    page.finish()
}

/// `120 accounts: 90 compliant, … · 2 skipped (…) · findings: …`
fn summary(page: &mut Page, report: &Report) {
    let s = &report.summary;
    // The three that matter are always there, so that a zero is said rather than left out.
    let states = [
        (s.states.compliant, AccountState::Compliant, true),
        (s.states.drifted, AccountState::Drifted, true),
        (s.states.unknown, AccountState::Unknown, true),
        (s.states.exempt, AccountState::Exempt, false),
        (s.states.not_applicable, AccountState::NotApplicable, false),
    ];
    let mut head = vec![Span::new(style::BOLD, format!("{}: ", accounts(s.selected)))];
    for (n, (count, state, _)) in
        states.into_iter().filter(|(count, _, always)| *always || *count > 0).enumerate()
    {
        if n > 0 {
            head.push(Span::plain(", "));
        }
        let look = if count > 0 { style::state(state) } else { style::PLAIN };
        head.push(Span::new(look, format!("{count} {}", state.as_str().replace('_', " "))));
    }
    let mut groups = vec![head];
    if !report.sweep.shard.is_whole() {
        groups.push(vec![Span::plain(report.sweep.shard.to_string())]);
    }
    if s.skipped > 0 {
        groups.push(vec![Span::new(
            style::DIM,
            format!("{} skipped ({})", s.skipped, skip_reasons(report)),
        )]);
    }
    groups.push(findings("findings", &s.findings));
    if s.findings_exempt != FindingCounts::default() {
        groups.push(findings("exempt findings", &s.findings_exempt));
    }
    page.groups(&groups);
}

fn skip_reasons(report: &Report) -> String {
    let mut counts = BTreeMap::new();
    for account in &report.accounts {
        if let AccountResult::Skipped(reason) = &account.result {
            *counts.entry(*reason).or_insert(0_usize) += 1;
        }
    }
    let words: Vec<_> = counts
        .iter()
        .map(|(reason, count)| format!("{count} {}", reason.as_str().replace('_', " ")))
        .collect();
    words.join(", ")
}

fn findings(what: &str, counts: &FindingCounts) -> Vec<Span> {
    let mut spans = vec![Span::plain(format!("{what}: "))];
    for severity in Severity::ALL {
        let count = match severity {
            Severity::Critical => counts.critical,
            Severity::High => counts.high,
            Severity::Medium => counts.medium,
            Severity::Low => counts.low,
            Severity::Info => counts.info,
        };
        if count > 0 {
            if spans.len() > 1 {
                spans.push(Span::plain(", "));
            }
            spans.push(Span::new(
                style::severity(severity),
                format!("{count} {}", severity.as_str()),
            ));
        }
    }
    if spans.len() == 1 {
        spans.push(Span::plain("none"));
    }
    spans
}

/// What the counts come to. Only a whole sweep that saw no drift is said to be well.
fn outcome(page: &mut Page, report: &Report) {
    let s = &report.summary;
    if s.states.unknown > 0 {
        let words = format!(
            "INCOMPLETE: {} of {} could not be judged; nothing is claimed about {}",
            s.states.unknown,
            accounts(s.selected),
            if s.states.unknown == 1 { "it" } else { "them" },
        );
        page.line(0, &[Span::new(style::INCOMPLETE, words)]);
    } else if report.unread.is_empty() && !report.sweep.complete {
        let words = "INCOMPLETE: the list of accounts is not whole; nothing is claimed about those it lacks";
        page.line(0, &[Span::new(style::INCOMPLETE, words)]);
    } else if report.unread.is_empty() && s.states.drifted == 0 && s.selected > 0 {
        let look = style::state(AccountState::Compliant);
        page.line(0, &[Span::new(look, "OK: every selected account was judged, and none drifted")]);
    }
    if !report.unread.is_empty() {
        let files = plural(report.unread.len(), "file");
        let verb = if report.unread.len() == 1 { "was" } else { "were" };
        let words = format!(
            "INCOMPLETE: {files} {verb} not judged; nothing is claimed about their accounts"
        );
        page.line(0, &[Span::new(style::INCOMPLETE, words)]);
    }
    let passed = in_state(report, AccountState::Compliant)
        .filter(|a| open_findings(a).next().is_some())
        .count();
    if passed > 0 {
        let verb = if passed == 1 { "has" } else { "have" };
        let words =
            format!("{} compliant {verb} findings below the severity that fails", accounts(passed));
        page.line(0, &[Span::new(style::DIM, words)]);
    }
}

/// Every finding of an exempt account, as bad as it is, with the exception that covers it.
fn exempt(page: &mut Page, report: &Report) {
    let accounts: Vec<&AccountReport> = in_state(report, AccountState::Exempt).collect();
    let rows: Vec<Vec<Span>> = accounts
        .iter()
        .flat_map(|account| account.findings().iter().map(move |finding| (account, finding)))
        .filter_map(|(account, finding)| {
            let exception = finding.exception.as_ref()?;
            let [id, name] = id_and_name(account);
            let said = format!("{}: {}", finding.check.as_str(), finding.summary);
            Some(vec![
                id,
                name,
                Span::new(style::severity(finding.severity), finding.severity.as_str()),
                Span::plain(exception).cut(NOTE_COLUMNS),
                Span::new(style::DIM, said),
            ])
        })
        .collect();
    if !rows.is_empty() {
        let meaning = "every finding is covered by an exception";
        heading(page, AccountState::Exempt, accounts.len(), meaning);
        page.table(2, rows);
    }
}

fn listing(page: &mut Page, report: &Report, state: AccountState) {
    let rows: Vec<Vec<Span>> = in_state(report, state)
        .map(|account| {
            let notes: Vec<_> = open_findings(account)
                .map(|finding| format!("{} {}", finding.severity.as_str(), finding.check.as_str()))
                .collect();
            let [id, name] = id_and_name(account);
            vec![
                id,
                name,
                Span::plain(notes.join(", ")).cut(NOTE_COLUMNS),
                Span::new(style::DIM, &account.path),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let meaning = match state {
            AccountState::NotApplicable => "the role is not needed there",
            AccountState::Compliant
            | AccountState::Drifted
            | AccountState::Exempt
            | AccountState::Unknown => "",
        };
        heading(page, state, rows.len(), meaning);
        page.table(2, rows);
    }
}

/// The files that were refused, each with its reason.
fn unread(page: &mut Page, report: &Report) {
    if report.unread.is_empty() {
        return;
    }
    page.blank();
    let files = plural(report.unread.len(), "file");
    let head = Span::new(style::INCOMPLETE, "NOT JUDGED");
    page.line(0, &[head, Span::plain(format!("  {files}: neither compliant nor drifted"))]);
    for Unread { file, reason } in &report.unread {
        page.paragraph(2, &[Span::plain(format!("{file}: "))], 2, &Span::plain(reason));
    }
}

/// Which sweep this was, and where to look next.
fn footer(page: &mut Page, report: &Report) {
    let (sweep, states) = (&report.sweep, &report.summary.states);
    let seconds = sweep.finished_at.as_second().saturating_sub(sweep.started_at.as_second());
    let when = format!("sweep {} at {}, took {}", sweep.id, sweep.started_at, duration(seconds));
    let digest: String = sweep.baseline_digest.chars().take("sha256:".len() + 12).collect();
    let baseline = format!("baseline {} {digest}", sweep.baseline);
    let mut groups = vec![vec![Span::new(style::DIM, when)], vec![Span::new(style::DIM, baseline)]];
    if states.compliant < report.summary.selected || !report.unread.is_empty() {
        page.blank();
        groups.push(vec![Span::new(style::BOLD, "details: --format json")]);
    }
    page.groups(&groups);
}

/// `DRIFTED  20 accounts: …`, after an empty line.
fn heading(page: &mut Page, state: AccountState, count: usize, meaning: &str) {
    let word = Span::new(style::state(state), state.as_str().replace('_', " ").to_uppercase());
    let colon = if meaning.is_empty() { "" } else { ": " };
    page.blank();
    page.line(0, &[word, Span::plain(format!("  {}{colon}{meaning}", accounts(count)))]);
}

/// The first so many rows, and how many more there are. One more takes the line that would say so.
fn first_rows(page: &mut Page, mut rows: Vec<Vec<Span>>, most: usize, rest: fn(usize) -> String) {
    let more = match rows.len().saturating_sub(most) {
        1 => 0,
        more => more,
    };
    rows.truncate(rows.len().saturating_sub(more));
    page.table(2, rows);
    if more > 0 {
        page.line(2, &[Span::new(style::DIM, rest(more))]);
    }
}

/// How many accounts a cause names.
fn most_named(verbose: bool) -> usize {
    if verbose { usize::MAX } else { NAMED }
}

fn accounts(count: usize) -> String {
    plural(count, "account")
}

fn in_state(report: &Report, state: AccountState) -> impl Iterator<Item = &AccountReport> {
    report.accounts.iter().filter(move |account| account.state() == Some(state))
}

/// The findings no exception covers.
fn open_findings(account: &AccountReport) -> impl Iterator<Item = &Finding> {
    account.findings().iter().filter(|finding| finding.exception.is_none())
}

fn id_and_name(account: &AccountReport) -> [Span; 2] {
    [Span::plain(account.id.as_str()), Span::plain(&account.name).cut(NAME_COLUMNS)]
}
