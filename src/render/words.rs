//! Words that every rendering for people shares.

use crate::model::{Scope, Side, Verdict, Witness};

/// The request as a sentence about the role, with the condition it needs.
pub fn witness(witness: &Witness) -> String {
    let action = &witness.action;
    let needs = witness.needs.in_words();
    let mut words = match (&witness.scope, witness.side) {
        (Scope::Resource(resource), Side::Excess | Side::Conditional) => {
            format!("allows {action} on {resource}")
        }
        (Scope::Resource(resource), Side::Missing) => format!("lacks {action} on {resource}"),
        (Scope::Principal { kind, value }, Side::Excess | Side::Conditional) => {
            format!("lets {} call {action}", principal(kind, value))
        }
        (Scope::Principal { kind, value }, Side::Missing) => {
            format!("does not let {} call {action}", principal(kind, value))
        }
    };
    match (witness.side, &needs) {
        (Side::Conditional, _) => words.push_str(" only under a condition"),
        (Side::Excess, Some(_)) => words.push_str(" under a condition"),
        (Side::Excess, None) | (Side::Missing, _) => {}
    }
    if let (Side::Excess | Side::Conditional, Some(needs)) = (witness.side, needs) {
        words.push_str(&format!(" ({needs})"));
    }
    if witness.outside_baseline_condition {
        words.push_str(" where the baseline's condition does not hold");
    }
    words
}

fn principal(kind: &str, value: &str) -> String {
    match (kind, value) {
        ("AWS", "*") => "anyone (*)".to_owned(),
        ("AWS", arn) => arn.to_owned(),
        (kind, value) => format!("{kind} {value}"),
    }
}

/// What a verdict says.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equivalent => "as expected",
        Verdict::Missing => "lacks something",
        Verdict::Excess => "allows too much",
        Verdict::MissingAndExcess => "lacks something and allows too much",
        Verdict::Conditional => "right only under a condition",
        Verdict::Absent => "not there",
        Verdict::Invalid => "not a valid policy",
        Verdict::Undecided => "could not be decided",
    }
}

/// `1 account`, `2 accounts`.
pub fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `12,345`.
pub fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How long something took, to two units.
pub fn duration(seconds: i64) -> String {
    match seconds {
        ..1 => "less than 1s".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600.. => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How long ago something was, to one unit.
pub fn age(seconds: i64) -> String {
    match seconds {
        ..60 => "< 1 min".to_owned(),
        60..5_400 => format!("{} min", seconds / 60),
        5_400..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (1_234_567, "1,234,567"),
        ];
        for (value, want) in cases {
            assert_eq!(number(value), want);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let cases = [
            (-5, "< 1 min"),
            (59, "< 1 min"),
            (60, "1 min"),
            (5_399, "89 min"),
            (5_400, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
            (40 * 86_400, "40 d"),
        ];
        for (seconds, want) in cases {
            assert_eq!(age(seconds), want, "case {seconds}");
        }
    }
}
