//! Drifted accounts: the worst in full, the others in a line each.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::layout::{Page, Span};
use super::{accounts, heading, id_and_name, in_state, open_findings, plural, style};
use crate::model::{
    AccountId, AccountReport, AccountState, CheckName, Finding, Report, Severity, Verdict,
    is_dangerous,
};
use crate::render::words;

/// Columns under a finding's severity: what belongs to the finding starts right of it.
const DETAIL: usize = 12;
/// How to read every diff of the report.
const DIRECTION: &str = "in diffs, - is what the role has now and + is what the baseline says";
/// Lines of a diff that are shown.
const MAX_DIFF_LINES: usize = 40;
/// Witnesses that are shown; one is proof enough, a few show the pattern.
const MAX_WITNESSES: usize = 5;

pub(super) fn section(page: &mut Page, report: &Report, max_accounts: usize) {
    let mut drifted: Vec<&AccountReport> = in_state(report, AccountState::Drifted).collect();
    if drifted.is_empty() {
        return;
    }
    // The sort is stable and the report is in id order.
    drifted.sort_by_cached_key(|account| {
        (
            Reverse(open_findings(account).map(|f| f.severity).max()),
            Reverse(open_findings(account).count()),
        )
    });
    let shown = if max_accounts == 0 { drifted.len() } else { max_accounts.min(drifted.len()) };
    let (full, rest) = drifted.split_at_checked(shown).unwrap_or((&drifted, &[]));
    heading(page, AccountState::Drifted, drifted.len(), "worst first");
    if full.iter().any(|account| account.findings().iter().any(|f| !f.diff.is_empty())) {
        page.line(2, &[Span::new(style::DIM, DIRECTION)]);
    }
    if !rest.is_empty() {
        kinds(page, &drifted);
    }
    for account in full {
        block(page, account);
    }
    if !rest.is_empty() {
        page.blank();
        page.line(
            0,
            &[Span::new(
                style::BOLD,
                format!("{} drifted, in a line each", plural(rest.len(), "more account")),
            )],
        );
        page.table(2, rest.iter().map(|account| row(account)).collect());
    }
}

/// What is wrong in how many accounts: in a large organization one cause often explains most of the list.
fn kinds(page: &mut Page, drifted: &[&AccountReport]) {
    let mut kinds: BTreeMap<(Reverse<Severity>, CheckName, Verdict), (usize, &AccountId)> =
        BTreeMap::new();
    for account in drifted {
        for finding in open_findings(account) {
            let kind = (Reverse(finding.severity), finding.check, finding.verdict);
            let (count, last) = kinds.entry(kind).or_insert((0, &account.id));
            if *count == 0 || *last != &account.id {
                (*count, *last) = (*count + 1, &account.id);
            }
        }
    }
    let rows = kinds.into_iter().map(|((severity, check, verdict), (count, _))| {
        vec![
            Span::new(style::severity(severity.0), severity.0.as_str()),
            Span::plain(check.as_str()),
            Span::plain(verdict.as_str()),
            Span::plain(accounts(count)),
        ]
    });
    page.table(2, rows.collect());
}

fn block(page: &mut Page, account: &AccountReport) {
    page.blank();
    let mut title = vec![Span::new(style::BOLD, account.id.as_str())];
    let names = [&account.name, &account.path].into_iter().filter(|text| !text.is_empty());
    title.extend(names.map(|text| Span::plain(text).cut(2 * super::NAME_COLUMNS)));
    page.table(0, vec![title]);
    for finding in account.findings() {
        one_finding(page, account, finding);
    }
}

fn one_finding(page: &mut Page, account: &AccountReport, finding: &Finding) {
    let look =
        if finding.exception.is_some() { style::DIM } else { style::severity(finding.severity) };
    let lead = [
        Span::new(look, format!("{:<width$}", finding.severity.as_str(), width = DETAIL - 2)),
        Span::new(style::BOLD, format!("{}: ", finding.check.as_str())),
    ];
    page.paragraph(2, &lead, DETAIL - 2, &Span::plain(&finding.summary));
    if let Some(exception) = &finding.exception {
        page.cut_line(DETAIL, Span::new(style::DIM, format!("exempt by exception {exception}")));
        return;
    }
    for witness in finding.witnesses.iter().take(MAX_WITNESSES) {
        page.paragraph(DETAIL, &[], 2, &Span::plain(words::witness(witness)));
    }
    if let hidden @ 1.. = finding.witnesses.len().saturating_sub(MAX_WITNESSES) {
        page.line(
            DETAIL,
            &[Span::new(
                style::DIM,
                format!("… {}: --format json", plural(hidden, "more request")),
            )],
        );
    }
    diff(page, &finding.diff);
    fix(page, account, finding);
}

fn diff(page: &mut Page, diff: &str) {
    for line in diff.lines().take(MAX_DIFF_LINES) {
        let look = match line.as_bytes().first() {
            Some(b'-') => style::REMOVED,
            Some(b'+') => style::ADDED,
            _ => style::DIM,
        };
        page.cut_line(DETAIL, Span::new(look, line));
    }
    if let hidden @ 1.. = diff.lines().count().saturating_sub(MAX_DIFF_LINES) {
        page.line(
            DETAIL,
            &[Span::new(style::DIM, format!("… {}: --format json", plural(hidden, "more line")))],
        );
    }
}

/// The commands, never cut or wrapped: they are there to be copied.
fn fix(page: &mut Page, account: &AccountReport, finding: &Finding) {
    if finding.fix.is_empty() {
        return;
    }
    page.line(DETAIL, &[Span::plain(format!("fix, with credentials of {}:", account.id))]);
    for command in &finding.fix {
        if command.contains(is_dangerous) {
            let note = "(the next command holds characters not shown as they are: copy it from --format json)";
            page.line(DETAIL, &[Span::new(style::DIM, note)]);
        }
        page.line(DETAIL, &[Span::whole(command)]);
    }
}

/// One line: the worst finding stands for the account.
fn row(account: &AccountReport) -> Vec<Span> {
    let [id, name] = id_and_name(account);
    let mut cells = vec![id, name];
    if let Some(worst) = open_findings(account).max_by_key(|finding| finding.severity) {
        cells.push(Span::new(style::severity(worst.severity), worst.severity.as_str()));
        cells.push(Span::plain(plural(open_findings(account).count(), "finding")));
        cells.push(Span::plain(format!("{}: {}", worst.check.as_str(), worst.summary)));
    }
    cells
}
