//! Condition blocks in a few words, for people. The blocks come from accounts: every text in them is made printable and cut.

use serde_json::Value;

use super::Needs;
use super::text::printable_line;

/// Tests of one block that are told.
const TESTS: usize = 3;
/// Values of one test that are told.
const VALUES: usize = 2;
/// Bytes of one key or value that are told.
const LONGEST: usize = 80;

impl Needs {
    /// As `if aws:SourceAccount is 111122223333, unless aws:MultiFactorAuthPresent is false`; `None` where nothing is needed.
    pub fn in_words(&self) -> Option<String> {
        let mut parts: Vec<String> = self
            .conditions
            .iter()
            .map(|block| format!("if {}", condition_in_words(block)))
            .collect();
        // Several Denies that ask the same are one for a reader.
        let mut unless: Vec<String> = self.unless.iter().map(condition_in_words).collect();
        unless.dedup();
        let more = unless.len().saturating_sub(TESTS);
        unless.truncate(TESTS);
        parts.extend(unless.into_iter().map(|block| format!("unless {block}")));
        if more > 0 {
            parts.push(format!("and {more} more"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// A `Condition` block as `kms:ViaService is ssm.eu-west-1.amazonaws.com and aws:RequestedRegion is not eu-west-1`.
pub fn condition_in_words(block: &Value) -> String {
    let Value::Object(operators) = block else { return "a condition holds".to_owned() };
    let mut tests: Vec<String> = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { continue };
        tests.extend(keys.iter().map(|(key, values)| test(operator, key, values)));
    }
    if tests.is_empty() {
        return "a condition holds".to_owned();
    }
    let more = tests.len().saturating_sub(TESTS);
    tests.truncate(TESTS);
    if more > 0 {
        tests.push(format!("{more} more conditions hold"));
    }
    tests.join(" and ")
}

fn test(operator: &str, key: &str, values: &Value) -> String {
    let (set, rest) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => ("every value of ", rest),
        Some(("ForAnyValue", rest)) => ("a value of ", rest),
        _ => ("", operator),
    };
    let (base, or_absent) = match rest.strip_suffix("IfExists") {
        Some(base) => (base, " or absent"),
        None => (rest, ""),
    };
    let key = printable_line(key, LONGEST);
    let values = list(values);
    match (base, values.as_str()) {
        ("Null", "true") => format!("{key} is absent"),
        ("Null", "false") => format!("{key} is present"),
        _ => match verb(base) {
            Some(verb) => format!("{set}{key} {verb} {values}{or_absent}"),
            None => format!("{} of {key} is {values}", printable_line(operator, LONGEST)),
        },
    }
}

fn verb(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "StringEquals" | "ArnEquals" | "NumericEquals" | "DateEquals" | "BinaryEquals" | "Bool" => {
            "is"
        }
        "StringEqualsIgnoreCase" => "is, in any case,",
        "StringNotEquals" | "ArnNotEquals" | "NumericNotEquals" | "DateNotEquals" => "is not",
        "StringNotEqualsIgnoreCase" => "is not, in any case,",
        "StringLike" | "ArnLike" => "is like",
        "StringNotLike" | "ArnNotLike" => "is not like",
        "DateLessThan" => "is before",
        "DateLessThanEquals" => "is not after",
        "DateGreaterThan" => "is after",
        "DateGreaterThanEquals" => "is not before",
        "NumericLessThan" => "is less than",
        "NumericLessThanEquals" => "is at most",
        "NumericGreaterThan" => "is greater than",
        "NumericGreaterThanEquals" => "is at least",
        "IpAddress" => "is in",
        "NotIpAddress" => "is not in",
        _ => return None,
    })
}

fn list(values: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => printable_line(text, LONGEST),
        other => printable_line(&other.to_string(), LONGEST),
    };
    let Value::Array(list) = values else { return text(values) };
    let mut shown: Vec<String> = list.iter().take(VALUES).map(text).collect();
    if let more @ 1.. = list.len().saturating_sub(VALUES) {
        shown.push(format!("{more} more"));
    }
    match shown.as_slice() {
        [] => "(no value)".to_owned(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_block_is_told_in_few_words() {
        let cases = [
            (
                json!({"StringEquals": {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}}),
                "kms:ViaService is ssm.eu-west-1.amazonaws.com",
            ),
            (json!({"Bool": {"aws:SecureTransport": ["false"]}}), "aws:SecureTransport is false"),
            (json!({"Bool": {"aws:SecureTransport": true}}), "aws:SecureTransport is true"),
            (
                json!({"DateLessThan": {"aws:TokenIssueTime": "2026-11-29T03:12:00Z"}}),
                "aws:TokenIssueTime is before 2026-11-29T03:12:00Z",
            ),
            (json!({"Null": {"sts:ExternalId": "true"}}), "sts:ExternalId is absent"),
            (
                json!({"StringNotLikeIfExists": {"aws:PrincipalArn": ["a", "b", "c", "d"]}}),
                "aws:PrincipalArn is not like a, b or 2 more or absent",
            ),
            (
                json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a/*"}}),
                "a value of aws:PrincipalOrgPaths is like o-a/*",
            ),
            (
                json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "StringEquals": {"a:b": "c"}}),
                "aws:SourceIp is in 10.0.0.0/8 and a:b is c",
            ),
            (json!({"Odd": {"a:b": "c"}}), "Odd of a:b is c"),
            (json!({}), "a condition holds"),
            (json!("x"), "a condition holds"),
        ];
        for (block, want) in cases {
            assert_eq!(condition_in_words(&block), want, "case {block}");
        }
    }

    #[test]
    fn hostile_blocks_stay_short_and_printable() {
        let long = "x".repeat(10_000);
        let keys: serde_json::Map<String, Value> = (0..100)
            .map(|n| (format!("{n}\n\u{1b}[31m{long}"), json!([long, "\u{202e}"])))
            .collect();
        let words = condition_in_words(&json!({"StringEquals": keys}));
        assert!(words.len() < 1_000, "{} bytes", words.len());
        assert!(!words.contains(['\n', '\u{1b}', '\u{202e}']), "{words}");
        assert!(words.ends_with("97 more conditions hold"), "{words}");
    }

    #[test]
    fn a_request_is_told_with_all_it_needs() {
        let needs = Needs {
            conditions: Some(json!({"StringEquals": {"a:b": "c"}})),
            unless: vec![json!({"Bool": {"d:e": "false"}})],
            ..Needs::default()
        };
        assert_eq!(needs.in_words().as_deref(), Some("if a:b is c, unless d:e is false"));
        assert_eq!(Needs::default().in_words(), None);
    }
}
