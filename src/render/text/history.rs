//! The history for people: counts, then findings, sweeps or changes, the newest first.

use anstyle::Style;
use jiff::Timestamp;

use super::layout::{Page, Span};
use super::{NAME_COLUMNS, TextOptions, duration, plural, style};
use crate::ledger::{FindingRecord, Outcome, SweepRecord};
use crate::model::{AccountState, Change, StepOutcome};
use crate::render::History;

/// Columns that what a finding says is indented.
const HANG: usize = 4;

/// The history as tables.
pub(in crate::render) fn history(history: &History, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    if let Some(records) = &history.findings {
        findings(&mut page, records, history);
    }
    if let Some(records) = &history.sweeps {
        if history.findings.is_some() {
            page.blank();
        }
        sweeps(&mut page, records);
    }
    if let Some(records) = &history.changes {
        if history.findings.is_some() || history.sweeps.is_some() {
            page.blank();
        }
        changes(&mut page, records);
    }
    if history.more {
        page.line(0, &[Span::new(style::DIM, "older ones are left out: see --limit")]);
    }
    page.finish()
}

fn findings(page: &mut Page, records: &[FindingRecord], history: &History) {
    let excused = |record: &&FindingRecord| record.exception.is_some();
    let there = || records.iter().filter(|record| record.closed_at.is_none());
    let exempt = there().filter(excused).count();
    let open = there().count() - exempt;
    let closed = records.len() - open - exempt;
    page.groups(&[
        vec![Span::new(style::BOLD, plural(records.len(), "finding"))],
        vec![Span::plain(format!("{open} open, {exempt} exempt, {closed} closed"))],
        vec![Span::new(style::DIM, "times in UTC")],
    ]);
    if records.is_empty() {
        return;
    }
    let row = |record: &FindingRecord| {
        let (now, look) = standing(record);
        let name = history.names.get(&record.account).map_or("", String::as_str);
        let row = vec![
            Span::plain(time(record.first_seen)),
            Span::plain(record.closed_at.map(time).unwrap_or_default()),
            Span::new(look, now).cut(NAME_COLUMNS),
            Span::new(style::severity(record.severity), record.severity.as_str()),
            Span::plain(record.account.as_str()),
            Span::plain(name),
        ];
        (row, Span::plain(format!("{}: {}", record.check.as_str(), record.summary)))
    };
    let head = heads(&["opened", "closed", "now", "severity", "account", "name"]);
    page.table_with_words(head, records.iter().map(row).collect(), HANG);
}

/// What became of a finding, in a word.
fn standing(record: &FindingRecord) -> (String, Style) {
    match (record.resolution, &record.exception) {
        (Some(resolution), _) => {
            (resolution.as_str().replace('_', " "), style::state(AccountState::Compliant))
        }
        (None, Some(exception)) => {
            (format!("exempt ({exception})"), style::state(AccountState::Exempt))
        }
        (None, None) => ("open".to_owned(), style::state(AccountState::Drifted)),
    }
}

fn sweeps(page: &mut Page, records: &[SweepRecord]) {
    page.groups(&[
        vec![Span::new(style::BOLD, plural(records.len(), "sweep"))],
        vec![Span::new(style::DIM, "times in UTC")],
    ]);
    if records.is_empty() {
        return;
    }
    let mut rows = vec![heads(&[
        "began",
        "took",
        "ended",
        "why",
        "compliant",
        "drifted",
        "exempt",
        "n/a",
        "unknown",
        "opened",
        "resolved",
        "id",
    ])];
    rows.extend(records.iter().map(sweep));
    page.table(0, rows);
}

fn sweep(record: &SweepRecord) -> Vec<Span> {
    let (info, states) = (&record.info, &record.states);
    let took = info.finished_at.as_second().saturating_sub(info.started_at.as_second());
    let look = match record.outcome {
        Outcome::Complete => style::PLAIN,
        Outcome::Partial | Outcome::Failed | Outcome::Cancelled => {
            style::state(AccountState::Unknown)
        }
    };
    let mut row = vec![
        Span::plain(time(info.started_at)),
        Span::plain(duration(took)),
        Span::new(look, record.outcome.as_str()),
        Span::plain(record.trigger.as_str()),
    ];
    let counts = [
        states.compliant,
        states.drifted,
        states.exempt,
        states.not_applicable,
        states.unknown,
        record.opened,
        record.resolved,
    ];
    row.extend(counts.map(|count| Span::plain(count.to_string())));
    row.push(Span::plain(&info.id));
    row
}

fn changes(page: &mut Page, records: &[Change]) {
    page.groups(&[
        vec![Span::new(style::BOLD, plural(records.len(), "change"))],
        vec![Span::new(style::DIM, "times in UTC")],
    ]);
    if records.is_empty() {
        return;
    }
    let row = |change: &Change| {
        let (became, look) = became(change);
        let row = vec![
            Span::plain(time(change.at)),
            Span::new(look, became),
            Span::plain(change.write.action().as_str().replace('_', " ")),
            Span::plain(change.origin.as_str()),
            Span::plain(change.account.as_str()),
            Span::plain(&change.account_name).cut(NAME_COLUMNS),
            Span::plain(&change.id),
        ];
        (row, Span::plain(words(change)))
    };
    let head = heads(&["asked", "became", "action", "by", "account", "name", "id"]);
    page.table_with_words(head, records.iter().map(row).collect(), HANG);
}

/// What became of a change, in a word.
fn became(change: &Change) -> (String, Style) {
    let look = match change.outcome {
        Some(StepOutcome::Applied | StepOutcome::RolledBack) => {
            style::state(AccountState::Compliant)
        }
        Some(StepOutcome::Failed) => style::state(AccountState::Drifted),
        Some(StepOutcome::VerifyFailed) | None => style::state(AccountState::Unknown),
        Some(
            StepOutcome::SkippedDryRun
            | StepOutcome::SkippedLimit
            | StepOutcome::ChangedUnderneath
            | StepOutcome::Superseded,
        ) => style::PLAIN,
    };
    (change.standing().replace('_', " "), look)
}

/// What was done, by whom, and why it ended as it did.
fn words(change: &Change) -> String {
    let mut words = format!("{} · as {} · run {}", change.summary, change.caller, change.run);
    for (what, value) in [("undoes", &change.rolls_back), ("note:", &change.note)] {
        if let Some(value) = value {
            words.push_str(&format!(" · {what} {value}"));
        }
    }
    words
}

fn heads(names: &[&str]) -> Vec<Span> {
    names.iter().map(|name| Span::new(style::DIM, name.to_uppercase())).collect()
}

fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}
