//! A plan for people: what would be done, account by account, in the manner of terraform.

use std::collections::BTreeSet;

use super::layout::{Page, Span};
use super::{NAME_COLUMNS, accounts, plural, style};
use crate::config::RemediationMode;
use crate::model::{AccountId, Write, is_dangerous, shell_word};
use crate::plan::{AccountPlan, Plan, Remaining, Step, standing_part};

/// Columns under a step's sign: what belongs to the step starts right of it.
pub(super) const DETAIL: usize = 6;
/// How to read every diff of the plan.
const DIRECTION: &str = "In diffs, - is what the role has now and + is what the step writes.";
/// Lines of a diff that are shown.
const MAX_DIFF_LINES: usize = 60;
/// Accounts shown in full.
const MAX_ACCOUNTS: usize = 20;
/// Accounts that are left alone and listed.
const MAX_LEFT_ALONE: usize = 50;

/// How a plan looks.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// ANSI colours.
    pub color: bool,
    /// Columns of the terminal; 100 where there is none.
    pub width: usize,
    /// Shows every account and every line of every diff.
    pub verbose: bool,
    /// The words that apply it, where it was saved; the code follows.
    pub apply: Option<Vec<String>>,
    /// Whether configuration lets plans be carried out.
    pub mode: RemediationMode,
}

/// The plan for people.
pub fn plan(plan: &Plan, options: &PlanOptions) -> String {
    let mut page = Page::new(options.color, options.width);
    let shown = if options.verbose { plan.accounts.len() } else { MAX_ACCOUNTS };
    if !plan.accounts.is_empty() {
        page.line(0, &[Span::new(style::DIM, DIRECTION)]);
        page.blank();
    }
    for account in plan.accounts.iter().take(shown) {
        block(&mut page, account, options.verbose);
        page.blank();
    }
    let rest = plan.accounts.get(shown..).unwrap_or_default();
    if !rest.is_empty() {
        let words = format!("{} to change, in a line each (--verbose shows all)", more(rest.len()));
        page.line(0, &[Span::new(style::BOLD, words)]);
        page.table(2, rest.iter().map(row).collect());
        page.blank();
    }
    left_alone(&mut page, plan, options.verbose);
    summary(&mut page, plan);
    unknown(&mut page, plan);
    next(&mut page, plan, options);
    page.finish()
}

fn more(count: usize) -> String {
    plural(count, "more account")
}

fn block(page: &mut Page, account: &AccountPlan, verbose: bool) {
    let mut title = vec![Span::new(style::BOLD, account.account.as_str())];
    let names = [&account.name, &account.path].into_iter().filter(|text| !text.is_empty());
    title.extend(names.map(|text| Span::plain(text).cut(2 * NAME_COLUMNS)));
    page.table(0, vec![title]);
    page.cut_line(2, Span::new(style::DIM, &account.role_arn));
    for step in &account.steps {
        one_step(page, step, verbose);
    }
    for remaining in &account.remaining {
        one_remaining(page, remaining, account);
    }
}

fn one_step(page: &mut Page, step: &Step, verbose: bool) {
    step_head(page, step);
    let most = if verbose { usize::MAX } else { MAX_DIFF_LINES };
    for line in step.diff.lines().take(most) {
        page.cut_line(DETAIL, diff_line(line));
    }
    if let hidden @ 1.. = step.diff.lines().count().saturating_sub(most) {
        let words = format!("… {}: --verbose", plural(hidden, "more line"));
        page.line(DETAIL, &[Span::new(style::DIM, words)]);
    }
}

/// What a step does, in a sentence.
pub(super) fn step_head(page: &mut Page, step: &Step) {
    let kind = Kind::of(step);
    let lead = [
        Span::new(kind.look(), format!("{} ", kind.sign())),
        Span::new(style::BOLD, format!("{}: ", step.write.action().as_str())),
    ];
    page.paragraph(2, &lead, DETAIL - 2, &Span::plain(&step.summary));
}

/// A line of a diff, in the colour of its sign.
pub(super) fn diff_line(line: &str) -> Span {
    let look = match line.as_bytes().first() {
        Some(b'-') => style::REMOVED,
        Some(b'+') => style::ADDED,
        _ => style::DIM,
    };
    Span::new(look, line)
}

fn one_remaining(page: &mut Page, remaining: &Remaining, account: &AccountPlan) {
    let Remaining { check, finding, why, fix } = remaining;
    let lead = [
        Span::new(style::DIM, "= "),
        Span::new(style::BOLD, format!("{} remains: ", check.as_str())),
    ];
    page.paragraph(2, &lead, DETAIL - 2, &Span::plain(finding));
    page.paragraph(DETAIL, &[], 2, &Span::new(style::DIM, format!("because {why}")));
    by_hand(page, fix, &account.account);
}

/// The commands, never cut or wrapped: they are there to be copied.
fn by_hand(page: &mut Page, fix: &[String], account: &AccountId) {
    if fix.is_empty() {
        return;
    }
    page.line(DETAIL, &[Span::plain(format!("by hand, with credentials of {account}:"))]);
    for command in fix {
        if command.contains(is_dangerous) {
            let note = "(the next command holds characters not shown as they are: copy it from --format json)";
            page.line(DETAIL, &[Span::new(style::DIM, note)]);
        }
        page.line(DETAIL, &[Span::whole(command)]);
    }
}

fn row(account: &AccountPlan) -> Vec<Span> {
    let actions: BTreeSet<&str> =
        account.steps.iter().map(|step| step.write.action().as_str()).collect();
    let actions: Vec<&str> = actions.into_iter().collect();
    vec![
        Span::plain(account.account.as_str()),
        Span::plain(&account.name).cut(NAME_COLUMNS),
        Span::plain(actions.join(", ")),
    ]
}

fn left_alone(page: &mut Page, plan: &Plan, verbose: bool) {
    if plan.left_alone.is_empty() {
        return;
    }
    let words = format!("LEFT ALONE  {}", accounts(plan.left_alone.len()));
    page.line(0, &[Span::new(style::BOLD, words)]);
    let most = if verbose { usize::MAX } else { MAX_LEFT_ALONE };
    for left in plan.left_alone.iter().take(most) {
        let id = Span::plain(left.account.as_str());
        page.table(2, vec![vec![id, Span::plain(&left.name).cut(NAME_COLUMNS)]]);
        page.paragraph(DETAIL, &[], 2, &Span::new(style::DIM, &left.why));
        by_hand(page, &left.fix, &left.account);
    }
    if let hidden @ 1.. = plan.left_alone.len().saturating_sub(most) {
        page.line(2, &[Span::new(style::DIM, format!("… {}: --verbose", more(hidden)))]);
    }
    page.blank();
}

/// `Plan: 3 to create, 4 to update, 1 to delete in 5 accounts; 2 findings remain.`
fn summary(page: &mut Page, plan: &Plan) {
    if plan.accounts.is_empty() {
        let words = match plan.left_alone.len() {
            0 => "No changes: no account is drifted.".to_owned(),
            left => format!("No changes: nothing is done about {} that drifted.", accounts(left)),
        };
        return page.line(0, &[Span::new(style::BOLD, words)]);
    }
    let steps = || plan.accounts.iter().flat_map(|account| &account.steps);
    let count = |kind| steps().filter(|step| Kind::of(step) == kind).count();
    let remaining: usize = plan.accounts.iter().map(|account| account.remaining.len()).sum();
    let verb = if remaining == 1 { "remains" } else { "remain" };
    let words = format!(
        "Plan: {} to create, {} to update, {} to delete in {}; {} {verb}.",
        count(Kind::Create),
        count(Kind::Update),
        count(Kind::Delete),
        accounts(plan.accounts.len()),
        plural(remaining, "finding"),
    );
    page.line(0, &[Span::new(style::BOLD, words)]);
    if plan.accounts.len() > plan.accounts_per_run {
        let words = format!(
            "One run changes at most {} of them (remediation.max_accounts, remediation.max_percent of {}), the first ones above: apply the plan again for the next.",
            plan.accounts_per_run,
            accounts(plan.selected),
        );
        page.paragraph(0, &[], 0, &Span::plain(words));
    }
}

fn unknown(page: &mut Page, plan: &Plan) {
    if plan.unknown > 0 {
        let words = format!(
            "INCOMPLETE: {} of {} could not be judged; nothing is planned for {}",
            plan.unknown,
            accounts(plan.selected),
            if plan.unknown == 1 { "it" } else { "them" },
        );
        page.line(0, &[Span::new(style::INCOMPLETE, words)]);
    }
}

/// Nothing was done; what would make it happen.
fn next(page: &mut Page, plan: &Plan, options: &PlanOptions) {
    if plan.accounts.is_empty() {
        return;
    }
    page.blank();
    let said = |page: &mut Page, words: &str| page.paragraph(0, &[], 0, &Span::plain(words));
    said(page, "Nothing was changed, and nothing is armed: this is a plan.");
    if options.mode != RemediationMode::Apply {
        let mode = options.mode.as_str();
        said(page, &format!("remediation.mode is {mode}: plans are applied with mode apply only."));
    }
    said(page, "To let the daemon remediate such drift, now and later, arm it:");
    let command = format!("rolewarden serve --arm {}", standing_part(&plan.arming_code));
    page.line(2, &[Span::whole(&command)]);
    match &options.apply {
        None => said(page, "To apply it, save it first: rolewarden plan -o FILE"),
        Some(words) => {
            said(page, "To apply it:");
            let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
            let command = format!("{} --arm {}", words.join(" "), plan.arming_code);
            page.line(2, &[Span::whole(&command)]);
        }
    }
}

/// What a step does to what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Update,
    Delete,
}

impl Kind {
    fn of(step: &Step) -> Self {
        match step.write {
            Write::CreateRole { .. }
            | Write::CreateServiceLinkedRole { .. }
            | Write::AttachManagedPolicy { .. } => Self::Create,
            Write::UpdateTrustPolicy { .. } => Self::Update,
            // What was not there before is undone by taking it away.
            Write::PutInlinePolicy { .. } | Write::PutPermissionsBoundary { .. } => {
                match &step.undo {
                    Some(Write::DeleteInlinePolicy { .. } | Write::DeletePermissionsBoundary) => {
                        Self::Create
                    }
                    _ => Self::Update,
                }
            }
            Write::DeleteRole
            | Write::DeleteInlinePolicy { .. }
            | Write::DetachManagedPolicy { .. }
            | Write::DeletePermissionsBoundary => Self::Delete,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Delete => "-",
        }
    }

    fn look(self) -> anstyle::Style {
        match self {
            Self::Create => style::ADDED,
            Self::Update => style::severity(crate::model::Severity::Medium),
            Self::Delete => style::REMOVED,
        }
    }
}
