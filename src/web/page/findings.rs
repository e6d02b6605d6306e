//! Findings in full: what is wrong, the proof, the difference, the commands that remediate it.

use jiff::Timestamp;
use maud::{Markup, html};

use super::bits::{self, line, marked, moment};
use crate::ledger::{Judged, View};
use crate::model::{Finding, is_dangerous, printable, printable_line};
use crate::render::words;

/// Requests of one finding that are shown; a few show the pattern.
const MAX_WITNESSES: usize = 20;
/// Lines of one diff that are shown.
const MAX_LINES: usize = 400;
/// A longer diff is folded.
const LONG_DIFF: usize = 60;
/// Bytes of one of its lines.
const LONGEST_LINE: usize = 2_048;

pub(super) fn section(view: &View, judged: &Judged<'_>, now: Timestamp) -> Markup {
    html! {
        @if !judged.findings.is_empty() {
            section.findings aria-labelledby="findings" {
                h2 id="findings" { (bits::counted(judged.findings.len(), "finding")) }
                @for finding in judged.findings { (one(view, finding, now)) }
            }
        }
    }
}

fn one(view: &View, finding: &Finding, now: Timestamp) -> Markup {
    let title = format!("finding-{}", finding.id);
    html! {
        article.panel.finding aria-labelledby=(title) {
            header {
                (bits::severity(finding.severity)) " " span.check { (finding.check.as_str()) }
                h3 id=(title) { (marked(&finding.summary)) }
                p.quiet {
                    @if let Some(at) = finding.first_seen { "First seen " (moment(at, now)) " · " }
                    (words::verdict(finding.verdict)) " · id " code { (line(&finding.id)) }
                }
                @if let Some(id) = &finding.exception { (excuse(view, id)) }
            }
            (proof(finding))
            (difference(finding))
            (fix(finding))
        }
    }
}

fn excuse(view: &View, id: &str) -> Markup {
    let exception = view.config.exceptions.iter().find(|exception| exception.id == id);
    html! {
        p.excuse {
            span.pill.exempt { span aria-hidden="true" { "◆" } " exempt" } " by exception " strong { (line(id)) }
            @if let Some(exception) = exception {
                ": " (line(&exception.reason)) " · owner " (line(&exception.owner))
                " · until " time datetime=(exception.expires) { (exception.expires) }
            }
        }
    }
}

fn proof(finding: &Finding) -> Markup {
    let hidden = finding.witnesses.len().saturating_sub(MAX_WITNESSES);
    html! {
        @if !finding.witnesses.is_empty() {
            h4 { "Proof: the role" }
            ul.witnesses {
                @for witness in finding.witnesses.iter().take(MAX_WITNESSES) { li { (line(&words::witness(witness))) } }
                @if hidden > 0 { li.quiet { (bits::counted(hidden, "more request")) ": see JSON" } }
            }
        }
    }
}

fn difference(finding: &Finding) -> Markup {
    let lines: Vec<_> = finding.diff.lines().collect();
    html! {
        @if !lines.is_empty() {
            details open[lines.len() <= LONG_DIFF] {
                summary { "Difference " span.quiet { "− the role now, + the baseline" } }
                (diff(&lines))
            }
        } @else if !finding.expected.is_null() {
            details {
                summary { "Expected" }
                pre tabindex="0" { code { (shown(&finding.expected)) } }
            }
        }
        @if lines.is_empty() && !finding.actual.is_null() {
            details {
                summary { "Found in the account" }
                pre tabindex="0" { code { (shown(&finding.actual)) } }
            }
        }
    }
}

pub(super) fn diff(lines: &[&str]) -> Markup {
    let hidden = lines.len().saturating_sub(MAX_LINES);
    let class = |line: &str| match line.as_bytes().first() {
        Some(b'-') => "removed",
        Some(b'+') => "added",
        _ => "same",
    };
    html! {
        pre.diff tabindex="0" {
            @for line in lines.iter().take(MAX_LINES) {
                span class=(class(line)) { (printable_line(line, LONGEST_LINE)) "\n" }
            }
            @if hidden > 0 { span.quiet { "… " (bits::counted(hidden, "more line")) ": see JSON\n" } }
        }
    }
}

/// A document, indented; what could steer the text around it is made visible.
fn shown(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => printable(text),
        value => printable(&serde_json::to_string_pretty(value).unwrap_or_default()),
    };
    let lines = text.lines().take(MAX_LINES).map(|line| printable_line(line, LONGEST_LINE));
    lines.collect::<Vec<_>>().join("\n")
}

/// The commands, whole: they are there to be copied.
fn fix(finding: &Finding) -> Markup {
    html! {
        @if !finding.fix.is_empty() {
            h4 { "Fix " span.quiet { "with credentials of this account" } }
            ol.fix {
                @for command in &finding.fix {
                    li {
                        @if command.contains(is_dangerous) {
                            p.quiet { "This command holds characters that are not shown as they are: copy it from the JSON." }
                            pre tabindex="0" { code { (printable(command)) } }
                        } @else {
                            pre tabindex="0" data-copy { code { (command) } }
                        }
                    }
                }
            }
        }
    }
}
