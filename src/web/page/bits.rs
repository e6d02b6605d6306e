//! Small parts of pages: states, severities, times, numbers.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::model::{AccountState, Severity, printable_line};
use crate::render::words;
use crate::web::listing::Shown;

/// Bytes of a text from an account that are shown.
const LONGEST: usize = 2_048;

/// Text from an account on one line, with what could disturb the text around it made visible.
pub(super) fn line(text: &str) -> String {
    printable_line(text, LONGEST)
}

/// As [`line`], with what stands between backticks as code. A backtick without a second one stays as it is: names from accounts
/// may hold some.
pub(super) fn marked(text: &str) -> Markup {
    let text = line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let paired = parts.len() - 1 + parts.len() % 2;
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index % 2 == 1 && index < paired { code { (part) } }
            @else if index == paired { "`" (part) }
            @else { (part) }
        }
    }
}

/// An account's name; accounts without one have their number.
pub(super) fn name(account: &crate::model::Account) -> String {
    if account.name.is_empty() {
        account.id.to_string()
    } else {
        printable_line(&account.name, 600)
    }
}

/// `2,000 accounts`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{} {noun}{}", words::number(count), if count == 1 { "" } else { "s" })
}

/// A state in words.
pub(super) fn state_word(shown: Shown) -> &'static str {
    match shown {
        Shown::In(AccountState::NotApplicable) => "not applicable",
        Shown::Skipped => "left out",
        other => other.as_str(),
    }
}

/// A state: a colour, a sign and a word.
pub(super) fn state(shown: Shown) -> Markup {
    let sign = match shown {
        Shown::In(AccountState::Compliant) => "✓",
        Shown::In(AccountState::Drifted) => "▲",
        Shown::In(AccountState::Exempt) => "◆",
        Shown::In(AccountState::Unknown) => "?",
        Shown::In(AccountState::NotApplicable) | Shown::Skipped => "–",
    };
    html! {
        span class={ "pill " (shown.as_str()) } {
            span aria-hidden="true" { (sign) } " " (state_word(shown))
        }
    }
}

/// A severity: a word, and a colour that grows with it.
pub(super) fn severity(severity: Severity) -> Markup {
    html! { span class={ "severity " (severity.as_str()) } { (severity.as_str()) } }
}

/// Seconds from then to now; never negative.
pub(super) fn seconds(then: Timestamp, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(then.as_second()).max(0)
}

/// How long ago it was; the time itself is in the tooltip.
pub(super) fn age(then: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(then) title=(utc(then)) data-age { (words::age(seconds(then, now))) }
    }
}

/// A time as people read it, in UTC.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The time and how long ago it was.
pub(super) fn moment(then: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(then) { (utc(then)) } " " span.quiet { "(" (age(then, now)) " ago)" }
    }
}

/// How many of how many, in percent with one decimal, never rounded up: 100 is said of all only.
pub(super) fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1_000).checked_div(whole).unwrap_or(0);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_a_lone_one_stays() {
        let cases = [
            ("plain", "plain"),
            ("found `}` here", "found <code>}</code> here"),
            ("`a` and `b`", "<code>a</code> and <code>b</code>"),
            ("a lone ` here", "a lone ` here"),
            ("`a` and ` here", "<code>a</code> and ` here"),
            ("`<b>`", "<code>&lt;b&gt;</code>"),
        ];
        for (text, want) in cases {
            assert_eq!(marked(text).into_string(), want, "case {text}");
        }
    }

    #[test]
    fn all_is_only_said_of_all() {
        let cases = [
            (0, 0, "0.0%"),
            (1, 3, "33.3%"),
            (9_999, 10_000, "99.9%"),
            (1_999, 2_000, "99.9%"),
            (5, 5, "100.0%"),
        ];
        for (part, whole, want) in cases {
            assert_eq!(percent(part, whole), want);
        }
    }
}
