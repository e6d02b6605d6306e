//! Readable line diffs, all in one direction: `-` is what the role has now, `+` is what it would have.

use std::collections::BTreeSet;
use std::ops::Range;

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

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;

/// Lines with `-` (what the role has), `+` (what the baseline says) or a blank in front; empty where there is nothing to
/// compare. Unchanged lines far from a change are left out. Policies by name are compared one by one, those that differ first.
pub(super) fn lines(actual: &Value, expected: &Value) -> String {
    if expected.is_null() || actual.is_null() || expected == actual {
        return String::new();
    }
    match (by_name(actual), by_name(expected)) {
        (Some(actual), Some(expected)) => of_policies(actual, expected),
        _ => near_changes(&text(actual), &text(expected)),
    }
}

/// Policy documents by their names: a document itself holds its statements, and not members that hold some.
fn by_name(value: &Value) -> Option<&Map<String, Value>> {
    let is_document = |value: &Value| value.get("Statement").is_some() || value.is_string();
    value.as_object().filter(|members| {
        !members.is_empty()
            && members.values().all(is_document)
            && !members.contains_key("Version")
            && members.values().any(Value::is_object)
    })
}

fn of_policies(actual: &Map<String, Value>, expected: &Map<String, Value>) -> String {
    let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let label =
        |name: &String| format!("  inline policy {}", crate::model::printable_line(name, 128));
    let text = |documents: &Map<String, Value>, name: &String| {
        documents.get(name).map_or_else(String::new, text)
    };
    let (same, changed): (Vec<&String>, Vec<&String>) =
        names.into_iter().partition(|name| text(expected, name) == text(actual, name));
    let mut out = String::new();
    for name in changed {
        let lines = near_changes(&text(actual, name), &text(expected, name));
        out.push_str(&format!("{}:\n{lines}", label(name)));
    }
    for name in same {
        out.push_str(&format!("{}: as expected\n", label(name)));
    }
    out
}

/// The changes, each with a few unchanged lines around it. A gap is shown where it hides more than the mark of it would save.
fn near_changes(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let unchanged: Vec<&str> = old.lines().collect();
    let gap = |out: &mut String, lines: Range<usize>| match unchanged.get(lines) {
        Some(few) if few.len() <= CONTEXT => {
            few.iter().for_each(|line| push(out, ChangeTag::Equal, line));
        }
        Some(_) => out.push_str("  …\n"),
        None => {}
    };
    let mut out = String::new();
    let mut shown = 0;
    for group in diff.grouped_ops(CONTEXT) {
        gap(&mut out, shown..group.first().map_or(shown, |op| op.old_range().start));
        shown = group.last().map_or(shown, |op| op.old_range().end);
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            push(&mut out, change.tag(), change.value());
        }
    }
    gap(&mut out, shown..unchanged.len());
    out
}

/// As [`lines`], from what is there to what a write leaves, whole; what is not there is empty.
pub(crate) fn change(before: &Value, after: &Value) -> String {
    let text = |value: &Value| if value.is_null() { String::new() } else { text(value) };
    let (old, new) = (text(before), text(after));
    let mut out = String::new();
    for change in TextDiff::from_lines(&old, &new).iter_all_changes() {
        push(&mut out, change.tag(), change.value());
    }
    out
}

fn push(out: &mut String, tag: ChangeTag, line: &str) {
    out.push_str(match tag {
        ChangeTag::Delete => "- ",
        ChangeTag::Insert => "+ ",
        ChangeTag::Equal => "  ",
    });
    out.push_str(crate::model::printable(line).trim_end_matches('\n'));
    out.push('\n');
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
        let diff = lines(&actual, &expected);
        let changed: Vec<&str> = diff.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(changed, [r#"-       "Action": "a:c""#, r#"+       "Action": "a:b""#]);
    }

    #[test]
    fn hostile_text_is_shown_not_obeyed() {
        assert!(!lines(&json!("a"), &json!("\u{1b}[31m\u{202e}")).contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn of_several_policies_the_one_that_differs_is_shown_and_the_right_one_named() {
        let right =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "a:b"}]});
        let extra =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "c:d"}]});
        let diff = lines(&json!({"right": right, "extra": extra}), &json!({"right": right}));
        assert!(diff.starts_with("  inline policy extra:\n- {"), "{diff}");
        assert!(diff.ends_with("\n  inline policy right: as expected\n"), "{diff}");
        assert!(!diff.contains("a:b") && diff.lines().all(|line| !line.starts_with('+')), "{diff}");
    }

    #[test]
    fn unchanged_lines_far_from_a_change_are_left_out() {
        let statement =
            |n: usize| json!({"Effect": "Allow", "Action": format!("a:b{n}"), "Resource": "*"});
        let list: Vec<Value> = (0..40).map(statement).collect();
        let expected = json!({"Version": "2012-10-17", "Statement": list});
        let mut actual = expected.clone();
        actual["Statement"][30]["Action"] = json!("x:y");
        let diff = lines(&actual, &expected);
        let shown: Vec<&str> = diff.lines().collect();
        assert_eq!(shown.len(), 2 + 2 * CONTEXT + 2, "{diff}");
        assert_eq!((shown.first(), shown.last()), (Some(&"  …"), Some(&"  …")));
        assert!(
            diff.contains("-       \"Action\": \"x:y\"")
                && diff.contains("+       \"Action\": \"a:b30\""),
            "{diff}"
        );
    }
}
