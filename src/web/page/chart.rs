//! The last sweeps as a small chart, and as a table for those who cannot see it.

use jiff::Timestamp;
use maud::{Markup, html};

use super::bits::{age, line, seconds, utc};
use crate::ledger::{Outcome, SweepRecord, View};
use crate::model::{AccountState, StateCounts};
use crate::render::words::{duration, number};
use crate::web::control::Progress;

/// Sweeps that are shown.
const SWEEPS: usize = 60;
/// Width of a bar with its gap, and height of the whole, in the drawing's own units.
const STEP: usize = 12;
const HEIGHT: usize = 120;
/// What is there is seen, however small its share.
const LEAST: usize = 3;

/// From the top: what needs a person first.
fn parts(states: &StateCounts) -> [(AccountState, usize); 5] {
    [
        (AccountState::Drifted, states.drifted),
        (AccountState::Unknown, states.unknown),
        (AccountState::Exempt, states.exempt),
        (AccountState::NotApplicable, states.not_applicable),
        (AccountState::Compliant, states.compliant),
    ]
}

pub(super) fn section(view: &View, progress: Option<&Progress>, now: Timestamp) -> Markup {
    let sweeps: Vec<&SweepRecord> = view.sweeps.iter().take(SWEEPS).collect();
    html! {
        section.panel id="sweeps" aria-labelledby="sweeps-title" {
            h2 id="sweeps-title" { "Last sweeps" }
            @if sweeps.is_empty() {
                p.empty {
                    "No sweep has ended yet" @if progress.is_some() { "; one runs" } "."
                }
            } @else {
                (drawing(&sweeps))
                p.axis {
                    @if let Some(oldest) = sweeps.last() { span { (age(oldest.info.started_at, now)) " ago" } }
                    span { "newest" }
                }
                (table(&sweeps))
            }
        }
    }
}

/// The oldest on the left; the newest always at the right edge.
fn drawing(sweeps: &[&SweepRecord]) -> Markup {
    let most = sweeps.iter().map(|sweep| sweep.states.total()).max().unwrap_or(0).max(1);
    let places = sweeps.len().max(20);
    let width = places * STEP;
    html! {
        svg.chart viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" role="img"
            aria-label="Accounts by state in the last sweeps; the table below has the numbers" {
            @for (n, sweep) in sweeps.iter().enumerate() {
                @let x = width - (n + 1) * STEP + 1;
                g {
                    title { (utc(sweep.info.started_at)) ": " (words(sweep)) }
                    @match sweep.outcome {
                        Outcome::Failed => rect.failed x=(x) y="1" width=(STEP - 2) height=(HEIGHT - 2) {},
                        Outcome::Complete | Outcome::Partial | Outcome::Cancelled => (bar(sweep, most, x)),
                    }
                }
            }
        }
    }
}

fn bar(sweep: &SweepRecord, most: usize, x: usize) -> Markup {
    let whole = (sweep.states.total() * HEIGHT / most).max(1);
    let mut y = HEIGHT - whole.min(HEIGHT);
    let mut boxes = vec![];
    for (state, count) in parts(&sweep.states) {
        let height = match (count, count * HEIGHT / most) {
            (0, _) => 0,
            // The last takes what is left.
            _ if state == AccountState::Compliant => HEIGHT - y.min(HEIGHT),
            (_, share) => share.max(LEAST).min(HEIGHT - y.min(HEIGHT)),
        };
        if height > 0 {
            boxes.push((state, y, height));
        }
        y += height;
    }
    html! {
        @for (state, y, height) in boxes {
            rect class={ "fill-" (state.as_str()) } x=(x) y=(y) width=(STEP - 2) height=(height) {}
        }
    }
}

fn words(sweep: &SweepRecord) -> String {
    let counts = parts(&sweep.states).into_iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(state, count)| format!("{} {}", number(count), state.as_str().replace('_', " ")))
        .collect();
    match sweep.outcome {
        Outcome::Complete => counts.join(", "),
        Outcome::Failed => "failed".to_owned(),
        Outcome::Partial | Outcome::Cancelled => {
            format!("{}; {}", sweep.outcome.as_str(), counts.join(", "))
        }
    }
}

fn table(sweeps: &[&SweepRecord]) -> Markup {
    html! {
        details {
            summary { "The same as a table" }
            div.scroll tabindex="0" role="region" aria-label="Table of the last sweeps" {
                table.plain {
                    caption.hidden { "The last sweeps, the newest first" }
                    thead { tr {
                        @for title in ["Started", "Took", "Why", "Outcome", "Drifted", "Unknown", "Exempt", "Compliant", "Opened", "Resolved"] {
                            th scope="col" { (title) }
                        }
                    } }
                    tbody {
                        @for sweep in sweeps {
                            tr {
                                th scope="row" { time datetime=(sweep.info.started_at) { (utc(sweep.info.started_at)) } }
                                td.number { (duration(seconds(sweep.info.started_at, sweep.info.finished_at))) }
                                td { (sweep.trigger.as_str()) }
                                td { (line(sweep.outcome.as_str())) }
                                @for count in [sweep.states.drifted, sweep.states.unknown, sweep.states.exempt, sweep.states.compliant, sweep.opened, sweep.resolved] {
                                    td.number { (number(count)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
