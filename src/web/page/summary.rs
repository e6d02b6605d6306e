//! One answer, its two excuses, and six numbers that lead to their lists.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use super::bits::{age, counted, line, percent, seconds};
use super::links;
use crate::ledger::View;
use crate::model::{AccountState, Severity, StateCounts};
use crate::render::words::number;
use crate::web::control::Progress;
use crate::web::listing::{Filter, Order, Row, Shown};

/// What the numbers are made from.
pub(super) struct Facts {
    states: StateCounts,
    skipped: usize,
    /// Open critical findings, and in how many accounts.
    critical: (usize, usize),
    /// Since when the oldest open finding of an account that drifted has been open.
    oldest: Option<Timestamp>,
    /// A sweep has ended, here or before the restart.
    has_report: bool,
}

impl Facts {
    pub(super) fn of(view: &View, everyone: &[Row<'_>]) -> Self {
        let mut states = StateCounts::default();
        let (mut skipped, mut critical, mut oldest) = (0, (0, 0), None::<Timestamp>);
        for row in everyone {
            let Some(state) = row.state else {
                skipped += 1;
                continue;
            };
            states.add(state);
            let count = row.open().filter(|finding| finding.severity == Severity::Critical).count();
            critical = (critical.0 + count, critical.1 + usize::from(count > 0));
            if matches!(state, AccountState::Drifted | AccountState::Unknown) {
                oldest = [oldest, row.since].into_iter().flatten().min();
            }
        }
        Self { states, skipped, critical, oldest, has_report: view.newest().is_some() }
    }

    /// Accounts that the role matters in: what is not known counts.
    fn in_scope(&self) -> usize {
        let StateCounts { compliant, drifted, exempt, not_applicable: _, unknown } = self.states;
        compliant + drifted + exempt + unknown
    }

    fn good(&self) -> usize {
        self.states.compliant + self.states.exempt
    }

    /// Whether a zero may be believed: there are accounts, and every one was judged.
    fn all_known(&self) -> bool {
        self.has_report && self.in_scope() > 0 && self.states.unknown == 0
    }

    pub(super) fn title(&self) -> String {
        match (self.has_report, self.states.drifted, self.states.unknown) {
            (false, _, _) => "Nothing known yet".to_owned(),
            (true, 0, 0) => "No drift".to_owned(),
            (true, 0, unknown) => format!("{} not verified", number(unknown)),
            (true, drifted, _) => format!("{} drifted", number(drifted)),
        }
    }
}

pub(super) fn section(
    view: &View,
    facts: &Facts,
    progress: Option<&Progress>,
    now: Timestamp,
) -> Markup {
    html! {
        (alerts(view, now))
        section.answer aria-labelledby="answer" {
            h1 id="answer" { (answer(view, facts)) }
            (meter(facts))
            p.excuses {
                (part(view))
                (not_verified(facts))
                (last_sweep(view, now))
                (list_age(view, now))
                @if facts.skipped > 0 {
                    a href=(links::list(&Filter { state: Some(Shown::Skipped), ..Filter::default() }, Order::Worst, 1)) {
                        (counted(facts.skipped, "account")) " left out on purpose"
                    }
                }
            }
            @if let Some(progress) = progress { (running(progress, now)) }
        }
        (super::changes::summary(view, now))
        (tiles(view, facts, now))
    }
}

fn answer(view: &View, facts: &Facts) -> Markup {
    let in_scope = facts.in_scope();
    html! {
        @if !facts.has_report {
            span.unknown-text { "Nothing is known yet: no sweep has ended" }
        } @else if view.ledger.is_empty() && !view.config.shard.is_whole() {
            "This shard has no account: use fewer shards"
        } @else if in_scope == 0 {
            "No account needs the role"
        } @else {
            strong { (number(facts.good())) } " of " strong { (number(in_scope)) }
            " accounts compliant or exempt"
            " " span.percent { (percent(facts.good(), in_scope)) }
        }
    }
}

/// The states as one bar.
fn meter(facts: &Facts) -> Markup {
    let StateCounts { compliant, drifted, exempt, not_applicable, unknown } = facts.states;
    let parts = [
        (AccountState::Drifted, drifted),
        (AccountState::Unknown, unknown),
        (AccountState::Exempt, exempt),
        (AccountState::Compliant, compliant),
        (AccountState::NotApplicable, not_applicable),
    ];
    let total: usize = parts.iter().map(|(_, count)| count).sum();
    // Wide enough to be seen, however few.
    let width = |count: usize| match (count * 1_000).checked_div(total) {
        None => 0,
        Some(share) if count > 0 => share.max(4),
        Some(_) => 0,
    };
    let whole: usize = parts.iter().map(|(_, count)| width(*count)).sum();
    let mut left = 0;
    let bars = parts.iter().filter(|(_, count)| *count > 0).map(|(state, count)| {
        let x = left;
        left += width(*count);
        (*state, *count, x, width(*count))
    });
    let bars: Vec<_> = bars.collect();
    html! {
        @if total > 0 {
            svg.meter viewBox={ "0 0 " (whole) " 10" } preserveAspectRatio="none" role="img" aria-label="Accounts by state" {
                @for (state, _, x, width) in &bars {
                    rect class={ "fill-" (state.as_str()) } x=(x) y="0" width=(width) height="10" {}
                }
            }
            ul.legend {
                @for (state, count, _, _) in &bars {
                    li {
                        a href=(links::state(*state)) {
                            span class={ "dot " (state.as_str()) } aria-hidden="true" {}
                            strong { (number(*count)) } " " (super::bits::state_word(Shown::In(*state)))
                        }
                    }
                }
            }
        }
    }
}

/// Whose figures these are, where other processes have the rest of the organization.
fn part(view: &View) -> Markup {
    let shard = view.config.shard;
    html! {
        @if !shard.is_whole() {
            span {
                strong { (shard.to_string()) }
                @if view.list.selected > 0 {
                    ": the organization has " (counted(view.list.selected, "account"))
                }
            }
        }
    }
}

fn not_verified(facts: &Facts) -> Markup {
    let unknown = facts.states.unknown;
    html! {
        @if unknown > 0 {
            a.unknown-text href=(links::state(AccountState::Unknown)) {
                strong { (number(unknown)) } " not verified"
            }
        } @else if facts.all_known() {
            span { "every account was verified" }
        }
    }
}

fn last_sweep(view: &View, now: Timestamp) -> Markup {
    html! {
        @match view.newest() {
            Some(sweep) => span { "last sweep ended " (age(sweep.info.finished_at, now)) " ago" },
            None => span.unknown-text { "no sweep has ended" },
        }
    }
}

fn list_age(view: &View, now: Timestamp) -> Markup {
    html! {
        @match view.list.refreshed_at {
            Some(at) => span { "list of accounts is " (age(at, now)) " old" },
            None => span.unknown-text { "the list of accounts was never read" },
        }
    }
}

/// What makes everything below less true than it looks.
fn alerts(view: &View, now: Timestamp) -> Markup {
    let late = |at: Timestamp| {
        let limit = view.interval.saturating_mul(5) / 2;
        Duration::from_secs(seconds(at, now).unsigned_abs()) > limit
    };
    html! {
        @if let Some(trouble) = &view.trouble {
            p.alert role="alert" { strong { "rolewarden cannot sweep: " } (line(trouble)) }
        }
        @if let Some(stale) = &view.list.stale {
            p.alert role="alert" {
                strong { "The list of accounts is old: " } (line(stale))
                ". New accounts are not seen; the list before stays in force."
            }
        }
        @if let Some(at) = view.last_complete.filter(|at| late(*at)) {
            p.alert role="alert" {
                strong { "No sweep was complete for " (age(at, now)) "." }
                " Judgements older than " (crate::render::words::age(view.stale_after.as_secs().try_into().unwrap_or(i64::MAX)))
                " count as not verified."
            }
        }
    }
}

fn running(progress: &Progress, now: Timestamp) -> Markup {
    let Progress { started_at, trigger: _, done, total, id: _ } = progress;
    html! {
        p.running {
            @if *total == 0 {
                "A sweep runs: accounts are being listed"
            } @else {
                label for="progress" {
                    "A sweep runs: " (number(*done)) " of " (counted(*total, "account"))
                    ", begun " (age(*started_at, now)) " ago"
                }
                progress id="progress" max=(total) value=(done) { (percent(*done, *total)) }
            }
        }
    }
}

/// How a number is to be taken.
#[derive(Clone, Copy)]
enum Tone {
    Bad,
    Good,
    Excused,
    NotKnown,
    Late,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Bad => "tile bad",
            Self::Good => "tile good",
            Self::Excused => "tile excused",
            Self::NotKnown => "tile not-known",
            Self::Late => "tile late",
            Self::Plain => "tile",
        }
    }
}

fn tile(tone: Tone, address: &str, label: &str, value: &Markup, note: &Markup) -> Markup {
    html! {
        li {
            a class=(tone.class()) href=(address) {
                span.label { (label) }
                span.value { (value) }
                span.note { (note) }
            }
        }
    }
}

/// Findings under an exception, by severity: what is accepted is as bad as it is.
fn accepted(view: &View, now: Timestamp) -> String {
    let at = view.at(now);
    let mut counts = Severity::ALL.map(|severity| (severity, 0_usize));
    for entry in view.ledger.entries() {
        for finding in entry.findings(&at).iter().filter(|f| f.exception.is_some()) {
            let own = counts.iter_mut().filter(|(severity, _)| *severity == finding.severity);
            own.for_each(|(_, count)| *count += 1);
        }
    }
    let there = counts.iter().filter(|(_, count)| *count > 0);
    let words: Vec<String> =
        there.map(|(severity, count)| format!("{count} {}", severity.as_str())).collect();
    if words.is_empty() {
        "under an exception".to_owned()
    } else {
        format!("accepted: {}", words.join(", "))
    }
}

fn tiles(view: &View, facts: &Facts, now: Timestamp) -> Markup {
    // A zero is only good news when everything was looked at.
    let zero = match (facts.has_report, facts.all_known()) {
        (false, _) => Tone::NotKnown,
        (true, true) => Tone::Good,
        (true, false) => Tone::Plain,
    };
    let count = |count: usize, some: Tone| {
        let tone = if count > 0 { some } else { zero };
        let value = if facts.has_report || count > 0 { number(count) } else { "–".to_owned() };
        (tone, html! { (value) })
    };
    let of_verified = if facts.all_known() { "of all accounts" } else { "of those verified" };
    let states = &facts.states;
    let (drifted, unknown) =
        (count(states.drifted, Tone::Bad), count(states.unknown, Tone::NotKnown));
    let (exempt, critical) =
        (count(states.exempt, Tone::Excused), count(facts.critical.0, Tone::Bad));
    let exempt =
        if states.exempt == 0 && facts.has_report { (Tone::Plain, exempt.1) } else { exempt };
    let worst = Filter { severity: Some(Severity::Critical), ..Filter::default() };
    let all = Filter::default();
    html! {
        ul.tiles aria-label="Key figures" {
            (tile(drifted.0, &links::state(AccountState::Drifted), "Drifted", &drifted.1, &html! { (of_verified) }))
            (tile(unknown.0, &links::state(AccountState::Unknown), "Not verified", &unknown.1, &html! { "neither good nor bad" }))
            (tile(exempt.0, &links::state(AccountState::Exempt), "Exempt", &exempt.1, &html! { (accepted(view, now)) }))
            (tile(critical.0, &links::list(&worst, Order::Worst, 1), "Critical findings", &critical.1,
                &html! { "in " (counted(facts.critical.1, "account")) }))
            @match facts.oldest {
                Some(at) => (tile(Tone::Bad, &links::list(&all, Order::Oldest, 1), "Oldest open drift", &age(at, now),
                    &html! { "since " (at.strftime("%Y-%m-%d").to_string()) })),
                None => (tile(zero, &links::list(&all, Order::Oldest, 1), "Oldest open drift",
                    &html! { (if facts.has_report { "none" } else { "–" }) }, &html! { (of_verified) })),
            }
            @match view.last_complete {
                Some(at) => (tile(
                    if seconds(at, now).unsigned_abs() > view.interval.as_secs() * 5 / 2 { Tone::Late } else { Tone::Plain },
                    "#sweeps", "Last complete sweep", &html! { (age(at, now)) span.unit-of { " ago" } },
                    &html! { "every " (crate::render::words::age(view.interval.as_secs().try_into().unwrap_or(i64::MAX))) },
                )),
                None => (tile(Tone::NotKnown, "#sweeps", "Last complete sweep", &html! { "never" }, &html! { "no sweep was complete" })),
            }
        }
    }
}
