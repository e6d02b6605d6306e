//! A rollback before it is done: what would be written, account by account, as a plan shows it.

use super::TextOptions;
use super::layout::{Page, Span};
use super::plan::{DETAIL, diff_line, step_head};
use super::{accounts, style};
use crate::model::shell_word;
use crate::remediate::{Undo, UndoAccount};

/// Columns that what belongs to an account is indented.
const HANG: usize = 2;

/// How it would be done.
#[derive(Debug, Clone)]
pub struct UndoOptions {
    /// The configuration file.
    pub config: String,
    /// The store, where it was named.
    pub store: Option<String>,
    /// Roles that have moved on are overwritten.
    pub force: bool,
    /// The code that it needs, where it needs one.
    pub code: Option<String>,
    /// What would hold it back now.
    pub blocked: Option<String>,
}

/// The rollback for people.
pub fn undo(undo: &Undo, how: &UndoOptions, options: TextOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    for account in &undo.accounts {
        block(&mut page, account);
        page.blank();
    }
    let said = |page: &mut Page, words: &str| page.paragraph(0, &[], 0, &Span::plain(words));
    let done = undo.accounts.iter().filter(|account| account.refused.is_none()).count();
    let left = undo.accounts.len().saturating_sub(done);
    let words = format!("Rollback: {}; {left} left alone.", accounts(done));
    page.line(0, &[Span::new(style::BOLD, words)]);
    if done == 0 {
        said(&mut page, "Nothing was written, and nothing can be.");
        return page.finish();
    }
    said(
        &mut page,
        "Each diff goes from the role as it is now to the role after it: - now, + after.",
    );
    if undo.remediates {
        said(
            &mut page,
            "This undoes a rollback, so it remediates again: it needs the code below, and keeps to the limits of remediation.",
        );
    }
    if let Some(blocked) = &how.blocked {
        said(&mut page, &format!("Blocked for now: {blocked}."));
    }
    said(&mut page, "Nothing was written. To carry it out:");
    page.line(HANG, &[Span::whole(&command(undo, how))]);
    page.finish()
}

fn block(page: &mut Page, account: &UndoAccount) {
    let mut title = vec![Span::new(style::BOLD, account.account.as_str())];
    title.extend((!account.name.is_empty()).then(|| Span::plain(&account.name)));
    page.table(0, vec![title]);
    if let Some(why) = &account.refused {
        return page.paragraph(
            HANG,
            &[Span::new(style::DIM, "left alone: ")],
            HANG,
            &Span::plain(why),
        );
    }
    for change in &account.stays {
        let lead = [Span::new(style::DIM, "stays, because only AWS can take it back: ")];
        page.paragraph(HANG, &lead, HANG, &Span::plain(&change.summary));
    }
    for step in &account.steps {
        step_head(page, &step.step);
        // What is overwritten is reviewed whole: nothing is cut, and there is no other format to look into.
        step.step.diff.lines().for_each(|line| page.line(DETAIL, &[diff_line(line)]));
    }
}

fn command(undo: &Undo, how: &UndoOptions) -> String {
    let mut words = vec!["rolewarden rollback --config".to_owned(), shell_word(&how.config)];
    if let Some(store) = &how.store {
        words.extend(["--store".to_owned(), shell_word(store)]);
    }
    words.push(shell_word(&undo.id));
    words.extend(how.force.then(|| "--force".to_owned()));
    words.push("--yes".to_owned());
    words.extend(how.code.as_ref().map(|code| format!("--arm {code}")));
    words.join(" ")
}
