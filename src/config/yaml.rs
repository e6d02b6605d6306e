//! YAML text into a small tree whose every node knows its place. Knows no configuration key.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy, Spanned};

use crate::model::printable_line;

/// Where a node begins: line and column, both from 1. Aliases are where they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// One value with its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// Where in the text its scalar is written, in bytes: where an alias is used, that is its anchor.
    pub(super) written: Range<usize>,
}

/// What YAML knows. Mappings keep order and repeated keys, so that the reader can name every one.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As the file spells it: to YAML `010`, `0x8`, `8.0` and `8` may be one number, and to people they are not.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What was found, for a message; a scalar is shown, so never call it where a secret may be.
    pub(super) fn found(&self) -> String {
        match self {
            Self::Bool(value) => format!("the switch `{value}`"),
            Self::Number(number) => format!("the number `{number}`"),
            Self::Text(text) => format!("`{}`", printable_line(text, 80)),
            Self::Null | Self::List(_) | Self::Map(_) => self.sort().to_owned(),
        }
    }

    /// What sort of value was found, without showing it.
    pub(super) fn sort(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a switch",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Parses one document. Aliases are bounded, merge keys are ordinary keys, tags of one's own are refused.
pub(super) fn parse(text: &str) -> Result<Node, (Place, String)> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_events: 200_000,
            max_recorded_anchor_events: 20_000,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 20_000, max_replay_stack_depth: 8 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let parsed = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error
            .location()
            .map(|l| Place { line: l.line(), column: l.column() })
            .unwrap_or_default();
        (place, message(&error))
    });
    let mut root: Node = parsed?;
    root.spell(text);
    Ok(root)
}

impl Node {
    /// Gives the numbers in it back their spelling. One whose place is not known keeps what YAML made of it.
    fn spell(&mut self, text: &str) {
        match &mut self.value {
            Value::Number(number) => {
                if let Some(written) = text.get(self.written.clone()).map(str::trim)
                    && !written.is_empty()
                {
                    written.clone_into(number);
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| item.spell(text)),
            Value::Map(entries) => {
                for (key, value) in entries {
                    key.spell(text);
                    value.spell(text);
                }
            }
            Value::Null | Value::Bool(_) | Value::Text(_) => {}
        }
    }
}

/// The parser's message without its place, which the caller prints in front.
fn message(mut error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    while let Error::AliasError { error: behind, .. } = error {
        error = behind;
    }
    match error {
        Error::MultipleDocuments { .. } => {
            return "expected one YAML document, found a second".to_owned();
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            return "an anchor may not contain itself".to_owned();
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            return "too large, too deep or too many aliases for a configuration".to_owned();
        }
        _ => {}
    }
    let text = error.to_string();
    let end = text.find(" at line ").unwrap_or(text.len());
    printable_line(text.get(..end).unwrap_or(&text), 200)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, defined } = Spanned::<Value>::deserialize(deserializer)?;
        let place = Place { line: referenced.line(), column: referenced.column() };
        let span = defined.span();
        let byte = |at: Option<u64>| at.and_then(|at| usize::try_from(at).ok()).unwrap_or_default();
        let begin = byte(span.byte_offset());
        let end = begin.saturating_add(byte(span.byte_len()));
        Ok(Self { place, value, written: begin..end })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}

/// A default, as the declaration of its key writes it; without a place, for it is in no file.
impl From<&serde_json::Value> for Node {
    fn from(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.to_string()),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Self::from).collect()),
            Json::Object(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| (Self::from(&Json::String(key.clone())), Self::from(value)))
                    .collect(),
            ),
        };
        Self { place: Place::default(), value, written: 0..0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree on one line, with the place of every scalar.
    fn shown(node: &Node) -> String {
        let at = format!("@{}:{}", node.place.line, node.place.column);
        match &node.value {
            Value::Null => format!("null{at}"),
            Value::Bool(value) => format!("{value}{at}"),
            Value::Number(number) => format!("#{number}{at}"),
            Value::Text(text) => format!("{text:?}{at}"),
            Value::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" "))
            }
            Value::Map(entries) => {
                let entry =
                    |(key, value): &(Node, Node)| format!("{}: {}", shown(key), shown(value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn the_tree_keeps_places_order_and_repeated_keys() {
        let cases = [
            (
                "scalars",
                "a: off\nb: true\nc: 007\nd: \"1\"\ne:\n",
                "{\"a\"@1:1: \"off\"@1:4 \"b\"@2:1: true@2:4 \"c\"@3:1: #007@3:4 \"d\"@4:1: \"1\"@4:4 \"e\"@5:1: null@5:2}",
            ),
            ("nested", "a:\n  - {b: c}\n", "{\"a\"@1:1: [{\"b\"@2:6: \"c\"@2:9}]}"),
            ("repeated", "a: x\na: y\n", "{\"a\"@1:1: \"x\"@1:4 \"a\"@2:1: \"y\"@2:4}"),
            ("number as key", "111122223333: x\n", "{#111122223333@1:1: \"x\"@1:15}"),
            ("alias", "a: &x y\nb: *x\n", "{\"a\"@1:1: \"y\"@1:7 \"b\"@2:1: \"y\"@2:4}"),
            ("merge key", "<<: {a: b}\n", "{\"<<\"@1:1: {\"a\"@1:6: \"b\"@1:9}}"),
            (
                "numbers as they are spelled",
                "a: [0x10, 1e1 , 1.0, -3] # 7\nb: &x 010\nc: *x\nü: {ö: 0o17}\n",
                "{\"a\"@1:1: [#0x10@1:5 #1e1@1:11 #1.0@1:17 #-3@1:22] \"b\"@2:1: #010@2:7 \"c\"@3:1: #010@3:4 \"ü\"@4:1: {\"ö\"@4:5: #0o17@4:8}}",
            ),
            ("date", "2027-01-31", "\"2027-01-31\"@1:1"),
        ];
        for (case, text, want) in cases {
            assert_eq!(parse(text).map(|node| shown(&node)), Ok(want.to_owned()), "case `{case}`");
        }
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        let bomb = format!(
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n{}",
            ('b'..='h')
                .zip('a'..)
                .map(|(new, old)| format!(
                    "{new}: &{new} [{}]\n",
                    vec![format!("*{old}"); 10].join(",")
                ))
                .collect::<String>()
        );
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let large = "too large, too deep or too many aliases for a configuration";
        let cases = [
            ("open bracket", "a: [\n", "1:4: unclosed bracket '['".to_owned()),
            (
                "tab",
                "a:\n\tb: c\n",
                "2:2: tabs disallowed within this context (block indentation)".to_owned(),
            ),
            ("unknown alias", "a: *x\n", "1:4: alias references unknown anchor".to_owned()),
            (
                "anchor in itself",
                "a: &x [*x]\n",
                "1:8: an anchor may not contain itself".to_owned(),
            ),
            ("own tag", "a: !secret x\n", "1:12: unsupported tag `!secret`".to_owned()),
            (
                "second document",
                "a: b\n---\nc: d\n",
                "3:1: expected one YAML document, found a second".to_owned(),
            ),
            ("alias bomb", &bomb, format!("5:8: {large}")),
            ("too deep", &deep, format!("1:33: {large}")),
        ];
        let shown = |text| match parse(text) {
            Ok(node) => shown(&node),
            Err((at, what)) => format!("{}:{}: {what}", at.line, at.column),
        };
        for (case, text, want) in cases {
            assert_eq!(shown(text), want, "case `{case}`");
        }
    }
}
