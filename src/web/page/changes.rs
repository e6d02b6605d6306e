//! `/changes`: what rolewarden changed in AWS, and how remediation stands.

use axum::extract::{RawQuery, State};
use axum::response::Html;
use jiff::Timestamp;
use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;

use super::bits::{counted, line, moment};
use super::findings::diff;
use super::layout::{Frame, frame};
use super::links::{self, VALUE};
use crate::config::RemediationMode;
use crate::ledger::{Standing, View, Waiting};
use crate::model::{Breaker, Change, StepOutcome};
use crate::plan::Plan;
use crate::web::api::{changes_filter, changes_part};
use crate::web::control::Site;
use crate::web::problem::Problem;
use crate::web::query::{Empty, Params};

/// Changes of one page.
const MOST: usize = 50;
/// Accounts of a plan that are shown.
const MOST_PLANNED: usize = 50;

pub(in crate::web) async fn changes(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let mut params = Params::parse(query.as_deref(), Empty::Absent)?;
    let filter = changes_filter(&mut params)?;
    params.finish()?;
    let (view, now) = (site.view.borrow().clone(), (site.clock)());
    let (changes, next) = changes_part(&site, filter, MOST).await?;
    let next = next.map(|next| older(query.as_deref(), &next));
    let content = html! {
        h1 { "Changes" }
        (standing(&view, now))
        @if let Some(plan) = &view.remediation.plan { (planned(plan, now)) }
        (waiting(&view.remediation.waiting))
        section.findings aria-labelledby="changes" {
            h2 id="changes" { "What was changed" }
            @if changes.is_empty() { p.quiet { "No such change is in the journal." } }
            @for change in &changes { (one(change, now)) }
            @if let Some(next) = next { p { a href=(next) rel="next" { "Older changes" } } }
        }
    };
    Ok(frame(&Frame { title: "Changes", live: false }, content))
}

/// The same query, from further back.
fn older(query: Option<&str>, next: &str) -> String {
    let kept = query.unwrap_or_default().split('&');
    let kept = kept.filter(|pair| !pair.is_empty() && !pair.starts_with("before="));
    let before = format!("before={}", utf8_percent_encode(next, VALUE));
    let pairs: Vec<_> = kept.chain([before.as_str()]).collect();
    format!("/changes?{}", pairs.join("&"))
}

/// How remediation stands, in a sentence; and what to do.
pub(super) fn standing(view: &View, now: Timestamp) -> Markup {
    let remediation = &view.remediation;
    let standing = remediation.standing(view.config.remediation.mode);
    let class = match standing {
        Standing::Off | Standing::Plan | Standing::Armed => "remediation",
        Standing::NotArmed | Standing::Held => "remediation late-text",
        Standing::Stopped | Standing::BreakerOpen => "alert",
    };
    html! {
        p class=(class) {
            strong { "Remediation: " }
            @match standing {
                Standing::Off => "off. Nothing is ever written.",
                Standing::Plan => "plan only. Nothing is ever written.",
                Standing::NotArmed => {
                    "not armed, so nothing is written. Read the plan, then restart with " code { "--arm" } " and its code."
                },
                Standing::Armed => "armed.",
                Standing::Held => {
                    "armed, and blocked: "
                    @if let Some(why) = &remediation.held { (line(&why.to_string())) }
                },
                Standing::Stopped => {
                    @if let Some(stopped) = &remediation.guard.stopped {
                        "stopped by " (line(&stopped.by)) " " (moment(stopped.at, now))
                        ". " code { "POST /api/v1/remediation/resume" } " lets it go on."
                    }
                },
                Standing::BreakerOpen => {
                    @if let Breaker::Open { since, why } = &remediation.guard.breaker {
                        "the breaker is open since " (moment(*since, now)) ": " (line(why))
                        ". Find out why; " code { "POST /api/v1/remediation/reset" } " tries one account."
                    }
                },
            }
            @if standing != Standing::Off { " " (figures(view)) }
        }
    }
}

/// What waits. Before it was looked at, nothing is known.
fn figures(view: &View) -> Markup {
    let remediation = &view.remediation;
    html! {
        @match remediation.looked_at {
            None => span.unknown-text { "No plan yet: the first sweep has not ended." },
            Some(_) => {
                a href="/changes" { (counted(remediation.pending, "account")) " to remediate" }
                @if remediation.flapping().next().is_some() {
                    " · " strong { (counted(remediation.flapping().count(), "account")) " flapping" }
                    ": "
                    @for (n, waiting) in remediation.flapping().take(20).enumerate() {
                        @if n > 0 { ", " }
                        a href=(links::account(&waiting.account)) { (waiting.account) }
                    }
                }
            },
        }
    }
}

/// Remediation on the overview; where it is off, nothing is said.
pub(super) fn summary(view: &View, now: Timestamp) -> Markup {
    html! {
        @if view.config.remediation.mode != RemediationMode::Off { (standing(view, now)) }
    }
}

/// What the next run would do.
fn planned(plan: &Plan, now: Timestamp) -> Markup {
    let hidden = plan.accounts.len().saturating_sub(MOST_PLANNED);
    html! {
        section.panel aria-labelledby="plan" {
            h2 id="plan" { "Plan" }
            p.quiet {
                "Made " (moment(plan.created_at, now)) " · one run changes at most "
                (counted(plan.accounts_per_run, "account")) ", the worst first · "
                (counted(plan.left_alone.len(), "account")) " left to people"
            }
            @if plan.accounts.is_empty() { p { "Nothing to change now." } }
            @else { p.quiet { "In differences, − is what the role has now and + is what the step writes." } }
            @for account in plan.accounts.iter().take(MOST_PLANNED) {
                details {
                    summary {
                        a href=(links::account(&account.account)) { bdi { (line(&account.name)) } " " code { (account.account) } }
                        " " (counted(account.steps.len(), "step"))
                    }
                    @for step in &account.steps {
                        p { span.check { (step.write.action().as_str()) } " " (line(&step.summary)) }
                        (diff(&step.diff.lines().collect::<Vec<_>>()))
                    }
                }
            }
            @if hidden > 0 { p.quiet { (counted(hidden, "more account")) } }
        }
    }
}

/// Drifted accounts that may not be changed now, and why.
fn waiting(accounts: &[Waiting]) -> Markup {
    let hidden = accounts.len().saturating_sub(MOST_PLANNED);
    html! {
        @if !accounts.is_empty() {
            section.panel aria-labelledby="waiting" {
                h2 id="waiting" { "Waiting" }
                ul {
                    @for waiting in accounts.iter().take(MOST_PLANNED) {
                        li {
                            a href=(links::account(&waiting.account)) { bdi { (line(&waiting.name)) } " " code { (waiting.account) } }
                            ": " (line(&waiting.why.to_string()))
                        }
                    }
                }
                @if hidden > 0 { p.quiet { (counted(hidden, "more account")) } }
            }
        }
    }
}

/// The changes of one account.
pub(super) fn of_account(changes: Option<&[Change]>, now: Timestamp) -> Markup {
    html! {
        @if changes.is_none() {
            p.unknown-text { "What rolewarden changed here cannot be read just now." }
        }
        @if let Some(changes) = changes.filter(|changes| !changes.is_empty()) {
            section.findings aria-labelledby="changes" {
                h2 id="changes" { "Changes by rolewarden" }
                @for change in changes { (one(change, now)) }
            }
        }
    }
}

fn one(change: &Change, now: Timestamp) -> Markup {
    let title = format!("change-{}", change.id);
    let lines: Vec<_> = change.diff.lines().collect();
    html! {
        article.panel.finding aria-labelledby=(title) {
            header {
                (became(change)) " " span.check { (change.write.action().as_str()) }
                h3 id=(title) { (line(&change.summary)) }
                p {
                    a href=(links::account(&change.account)) { bdi { (line(&change.account_name)) } " " code { (change.account) } }
                    " · " (moment(change.at, now)) " · asked for by " strong { (change.origin.as_str()) }
                    " as " code { (line(&change.caller)) }
                }
                p.quiet {
                    "Id " code { (line(&change.id)) } " · run "
                    a href={ "/changes?run=" (utf8_percent_encode(&change.run, VALUE)) } { code { (line(&change.run)) } }
                    @if let Some(at) = change.ended_at { " · ended " (moment(at, now)) }
                    @if let Some(id) = &change.rolls_back { " · undoes " code { (line(id)) } }
                }
                @if let Some(note) = &change.note { p { (line(note)) } }
            }
            @if !lines.is_empty() {
                details {
                    summary { "Difference " span.quiet { "− before, + after" } }
                    (diff(&lines))
                }
            }
        }
    }
}

/// What became of it: a colour, a sign and a word. What is not known is purple.
fn became(change: &Change) -> Markup {
    let (class, sign) = match change.outcome {
        Some(StepOutcome::Applied) => ("compliant", "✓"),
        Some(StepOutcome::RolledBack) => ("exempt", "◆"),
        Some(StepOutcome::Failed) => ("drifted", "▲"),
        Some(StepOutcome::VerifyFailed) | None => ("unknown", "?"),
        Some(
            StepOutcome::SkippedDryRun
            | StepOutcome::SkippedLimit
            | StepOutcome::ChangedUnderneath
            | StepOutcome::Superseded,
        ) => ("skipped", "–"),
    };
    html! {
        span class={ "pill " (class) } {
            span aria-hidden="true" { (sign) } " " (change.standing().replace('_', " "))
        }
    }
}
