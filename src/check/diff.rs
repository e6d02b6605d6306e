//! A readable line diff of what is expected and what is there.

use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

/// The order in which policy elements read best.
const ORDER: [&str; 12] = [
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "NotPrincipal",
];

/// Lines with `-` (expected), `+` (actual) or a blank in front; empty where there is nothing to compare.
pub(super) fn lines(expected: &Value, actual: &Value) -> String {
    if expected.is_null() || actual.is_null() || expected == actual {
        return String::new();
    }
    between(&text(expected), &text(actual))
}

/// As [`lines`], from what is there to what will be; what is not there is empty.
pub(crate) fn change(before: &Value, after: &Value) -> String {
    let text = |value: &Value| if value.is_null() { String::new() } else { text(value) };
    between(&text(before), &text(after))
}

fn between(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut out = String::new();
    for change in diff.iter_all_changes() {
        out.push_str(match change.tag() {
            ChangeTag::Delete => "- ",
            ChangeTag::Insert => "+ ",
            ChangeTag::Equal => "  ",
        });
        out.push_str(crate::model::printable(change.value()).trim_end_matches('\n'));
        out.push('\n');
    }
    out
}

/// Pretty JSON without what carries no meaning: elements in their usual order, no Sids, a list of one text as that text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        value => serde_json::to_string_pretty(&tidy(value)).unwrap_or_default() + "\n",
    }
}

fn tidy(value: &Value) -> Value {
    match value {
        Value::Array(list) => match list.as_slice() {
            [one @ Value::String(_)] => one.clone(),
            several => Value::Array(several.iter().map(tidy).collect()),
        },
        Value::Object(members) => {
            let rank =
                |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
            let mut sorted: Vec<(&String, &Value)> =
                members.iter().filter(|(name, _)| *name != "Sid").collect();
            sorted.sort_by_key(|(name, _)| rank(name));
            let tidied: Map<String, Value> =
                sorted.into_iter().map(|(name, v)| (name.clone(), tidy(v))).collect();
            Value::Object(tidied)
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_carries_no_meaning_is_no_difference() {
        let expected =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "a:b"}]});
        let actual = json!({"Statement": [{"Action": ["a:c"], "Effect": "Allow", "Sid": "x"}], "Version": "2012-10-17"});
        let diff = lines(&expected, &actual);
        let changed: Vec<&str> = diff.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(changed, [r#"-       "Action": "a:b""#, r#"+       "Action": "a:c""#]);
    }

    #[test]
    fn hostile_text_is_shown_not_obeyed() {
        assert!(!lines(&json!("a"), &json!("\u{1b}[31m\u{202e}")).contains(['\u{1b}', '\u{202e}']));
    }
}
