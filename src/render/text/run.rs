//! A run of remediation for people: each account, each step, and the counts.

use super::layout::{Page, Span};
use super::{TextOptions, accounts, plural, style};
use crate::model::{Origin, StepOutcome, printable_line};
use crate::remediate::{AccountRun, Outcome, RunReport};

/// The gate's word for an account that the run's limit left out.
const LIMIT: &str = "limit";
/// Columns that an account's steps are indented.
const HANG: usize = 4;

/// The run, account by account.
pub fn run(report: &RunReport, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    for account in &report.accounts {
        show(&mut page, account);
    }
    if !report.accounts.is_empty() {
        page.blank();
    }
    if let Some(why) = &report.ended_early {
        page.line(
            0,
            &[
                Span::new(style::BOLD, "ended early: "),
                Span::plain(printable_line(&why.to_string(), 600)),
            ],
        );
    }
    let summary = report.summary;
    let done = match report.origin {
        Origin::Serve | Origin::Apply => "applied",
        Origin::Rollback => "rolled back",
    };
    let counts = format!(
        "{done} in {}, done already in {}, left alone {}, failed {}",
        plural(summary.applied, "account"),
        summary.done_already,
        summary.left,
        summary.failed
    );
    page.line(0, &[Span::new(style::BOLD, counts)]);
    let waiting = report.accounts.iter().filter(|account| account.reason == Some(LIMIT)).count();
    if waiting > 0 {
        let words = format!("{} left for the next run: apply the plan again", accounts(waiting));
        page.line(0, &[Span::plain(words)]);
    }
    let wrote =
        report.accounts.iter().flat_map(|account| &account.steps).any(|step| {
            matches!(step.outcome, Some(StepOutcome::Applied | StepOutcome::VerifyFailed))
        });
    let told = match report.origin {
        Origin::Serve | Origin::Apply if wrote => {
            format!("run {}: `rolewarden rollback {}` undoes it", report.run, report.run)
        }
        _ => format!("run {}", report.run),
    };
    page.line(0, &[Span::new(style::DIM, told)]);
    page.finish()
}

fn show(page: &mut Page, account: &AccountRun) {
    let word = match account.outcome {
        Outcome::Applied => "applied",
        Outcome::DoneAlready => "done already",
        Outcome::Left => "left alone",
        Outcome::Failed => "failed",
    };
    let mut line = vec![
        Span::plain(account.account.as_str()),
        Span::new(style::BOLD, format!(" {}", printable_line(&account.name, 128))),
        Span::plain(format!("  {word}")),
    ];
    let told = matches!(account.outcome, Outcome::Left | Outcome::DoneAlready);
    if let Some(note) = account.note.as_ref().filter(|_| told) {
        line.push(Span::plain(format!(": {}", printable_line(note, 600))));
    }
    page.line(0, &line);
    // What was as planned before was not done by these steps.
    let tried = account.outcome != Outcome::DoneAlready;
    for step in account.steps.iter().filter(|_| tried) {
        let outcome = step.outcome.map_or("not done", StepOutcome::as_str);
        let mut text = format!("{outcome}: {}", printable_line(&step.summary, 300));
        if let Some(note) = &step.note {
            text.push_str(&format!(" ({})", printable_line(note, 600)));
        }
        page.line(HANG, &[Span::plain(text)]);
    }
}
