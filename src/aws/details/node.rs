//! JSON that is read as strictly as a claim about an account must be, each value with its place.
//!
//! Serde's derived readers are too kind for that: they take an array for a struct (its elements by position), pass over
//! what they do not know, and let the last of two equal members win. Here every value is one of a known shape, each name
//! stands once in its object, and whatever says that the answer goes on ends the reading.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::document::Document;
use crate::model::printable_line;

/// Members whose value is a policy document. Its own text is kept: the strict parser of policies judges what is in it.
const DOCUMENTS: [&str; 3] = ["AssumeRolePolicyDocument", "PolicyDocument", "Document"];

/// Members that say that there is more, as [`folded`]: these unless they are false, …
const MORE_FLAGS: [&str; 3] = ["istruncated", "truncated", "hasmore"];
/// … and these unless they are null.
const MORE_TOKENS: [&str; 4] = ["nexttoken", "marker", "nextmarker", "continuationtoken"];

/// A JSON value. Objects keep their order; their names are unique.
#[derive(Debug)]
pub(super) enum Node<'f> {
    Null,
    Bool(bool),
    /// `None` where it is no whole number from 0 up.
    Number(Option<u64>),
    Text(String),
    List(Vec<Node<'f>>),
    Object(Vec<(String, Node<'f>)>),
    Document(&'f RawValue),
}

/// The one JSON value that a text is.
///
/// # Errors
/// What is wrong, with the path or the line and column.
pub(super) fn parse(text: &str) -> Result<Node<'_>, String> {
    let mut json = serde_json::Deserializer::from_str(text);
    let node =
        Reading(Place::Root).deserialize(&mut json).map_err(|error| match error.classify() {
            Category::Eof => {
                format!(
                    "ends in the middle of the JSON (line {}): the file is cut off",
                    error.line()
                )
            }
            // Ours: serde puts its place behind the words, where it would belong to the last of them.
            Category::Data => {
                let (line, text) = (error.line(), error.to_string());
                let place = format!(" at line {line} column {}", error.column());
                format!("line {line}: {}", text.strip_suffix(&place).unwrap_or(&text))
            }
            Category::Syntax | Category::Io => format!("is not JSON: {error}"),
        })?;
    json.end().map_err(|error| {
        format!(
            "goes on after the export (line {}, column {}): expected one JSON object; it may hold two exports, or a message \
             of the program that made it",
            error.line(),
            error.column()
        )
    })?;
    Ok(node)
}

/// Where a value stands, linked to the value around it so that only an error pays for its text.
#[derive(Debug, Clone, Copy)]
enum Place<'p> {
    Root,
    Member(&'p Place<'p>, &'p str),
    Element(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Place::Root, name) => f.write_str(&printable_line(name, 64)),
            Self::Member(outer, name) => write!(f, "{outer}.{}", printable_line(name, 64)),
            Self::Element(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

/// A name without its case and its separators.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Why a member means that the answer is not whole.
fn says_more(name: &str, value: &Node<'_>) -> Option<String> {
    let folded = folded(name);
    let flag = MORE_FLAGS.contains(&folded.as_str()) && !matches!(value, Node::Bool(false));
    let token = MORE_TOKENS.contains(&folded.as_str()) && !matches!(value, Node::Null);
    let said = match value {
        Node::Bool(true) => "is true",
        _ => "is set",
    };
    (flag || token).then(|| {
        let name = printable_line(name, 64);
        format!(
            "holds only the first page ({name} {said}): a role that is not in it may still exist; let the AWS CLI page (no \
             --max-items, no --no-paginate)"
        )
    })
}

/// Reads one value at a place.
struct Reading<'p>(Place<'p>);

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Node<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(Some(value)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node<'de>, E> {
        Ok(Node::Number(None))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(node) =
            items.next_element_seed(Reading(Place::Element(&self.0, list.len())))?
        {
            list.push(node);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node<'de>, A::Error> {
        let mut object: Vec<(String, Node<'de>)> = Vec::new();
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            let place = Place::Member(&self.0, &name);
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!(
                    "names `{place}` twice: two claims about one thing"
                )));
            }
            let value = if DOCUMENTS.contains(&name.as_str()) {
                members.next_value_seed(Raw)?
            } else {
                members.next_value_seed(Reading(place))?
            };
            if let Some(more) = says_more(&name, &value) {
                return Err(A::Error::custom(more));
            }
            object.push((name, value));
        }
        Ok(Node::Object(object))
    }
}

/// Reads one value as its own text.
struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Node<'de>, D::Error> {
        <&RawValue>::deserialize(json).map(Node::Document)
    }
}

/// A value of a file, to be read as a shape. What it is not is refused with its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'n, 'f> {
    node: &'n Node<'f>,
    place: Place<'n>,
}

impl<'n, 'f> At<'n, 'f> {
    pub(super) fn root(node: &'n Node<'f>) -> Self {
        Self { node, place: Place::Root }
    }

    pub(super) fn node(&self) -> &'n Node<'f> {
        self.node
    }

    /// An error about this value.
    pub(super) fn wrong(&self, problem: impl fmt::Display) -> String {
        match self.place {
            Place::Root => format!("{problem}"),
            place => format!("`{place}` {problem}"),
        }
    }

    fn expected(&self, expected: &str) -> String {
        let found = match self.node {
            Node::Null => {
                return self.wrong(format!(
                    "is null: expected {expected}. The AWS CLI prints no null; PowerShell's ConvertTo-Json does, of the SDK's \
                     objects"
                ));
            }
            Node::Bool(_) => "a boolean",
            Node::Number(_) => "a number",
            Node::Text(_) => "a string",
            Node::List(_) => "a list",
            Node::Object(_) => "an object",
            Node::Document(_) => "a policy document",
        };
        self.wrong(format!("is {found}: expected {expected}"))
    }

    pub(super) fn text(&self) -> Result<String, String> {
        match self.node {
            Node::Text(text) if !text.is_empty() => Ok(text.clone()),
            Node::Text(_) => Err(self.wrong("is empty: expected text")),
            _ => Err(self.expected("a string")),
        }
    }

    /// As [`At::text`], where the empty text is one.
    pub(super) fn any_text(&self) -> Result<String, String> {
        match self.node {
            Node::Text(text) => Ok(text.clone()),
            _ => Err(self.expected("a string")),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        match self.node {
            Node::Bool(flag) => Ok(*flag),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(super) fn number(&self) -> Result<u32, String> {
        let number = match self.node {
            Node::Number(number) => number.and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        number.ok_or_else(|| self.expected("a whole number"))
    }

    pub(super) fn document(&self) -> Result<Document, String> {
        match self.node {
            Node::Document(raw) => Document::new(raw).map_err(|problem| self.wrong(problem)),
            _ => Err(self.expected("a policy document")),
        }
    }

    /// Every element of a list, read alike.
    pub(super) fn each<T>(
        &self,
        read: impl Fn(At<'_, 'f>) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let Node::List(items) = self.node else { return Err(self.expected("a list")) };
        let item = |(index, node): (usize, &Node<'f>)| {
            read(At { node, place: Place::Element(&self.place, index) })
        };
        items.iter().enumerate().map(item).collect()
    }

    /// A member that must be there.
    pub(super) fn required<'a>(&'a self, name: &'a str) -> Result<At<'a, 'f>, String> {
        self.optional(name)?.ok_or_else(|| self.wrong(format!("has no `{name}`")))
    }

    /// A member that may be left out. A name in other case is refused: it would be passed over, and with it what it says.
    pub(super) fn optional<'a>(&'a self, name: &'a str) -> Result<Option<At<'a, 'f>>, String> {
        let Node::Object(members) = self.node else { return Err(self.expected("an object")) };
        let mut found = None;
        for (member, node) in members {
            if member == name {
                found = Some(At { node, place: Place::Member(&self.place, name) });
            } else if member.eq_ignore_ascii_case(name) {
                let member = printable_line(member, 64);
                return Err(self.wrong(format!(
                    "has `{member}`: expected `{name}`, as the AWS CLI prints it"
                )));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_one_strict_value_is_refused_with_its_place() {
        let deep = "[".repeat(300);
        let cases = [
            ("{\"a\": 1", "ends in the middle of the JSON (line 1)"),
            ("{\"a\":\n\"b", "ends in the middle of the JSON (line 2)"),
            ("{}\n{}", "goes on after the export (line 2, column 1)"),
            ("{} done", "goes on after the export"),
            ("{\"a\": NaN}", "is not JSON: expected value at line 1 column 7"),
            ("{\"a\": Infinity}", "is not JSON"),
            ("{\"a\": 01}", "is not JSON"),
            ("{\"a\": 1,}", "is not JSON"),
            ("{\"a\": \"\t\"}", "is not JSON"),
            ("// x\n{}", "is not JSON"),
            (r#"{"a": {"b": [1, {"c": 1, "\u0063": 2}]}}"#, "line 1: names `a.b[1].c` twice"),
            (r#"{"Document": {"a": 1, "a": }}"#, "is not JSON"),
            (
                "{\n\"IsTruncated\": true}",
                "line 2: holds only the first page (IsTruncated is true)",
            ),
            (r#"{"IsTruncated": "false"}"#, "first page (IsTruncated is set)"),
            (r#"{"IsTruncated": null}"#, "first page (IsTruncated is set)"),
            (r#"{"NextToken": "eyJ"}"#, "first page (NextToken is set)"),
            (r#"{"next_token": ""}"#, "first page (next_token is set)"),
            (r#"{"a": [{"Marker": 1}]}"#, "first page (Marker is set)"),
            (deep.as_str(), "recursion limit"),
        ];
        for (text, want) in cases {
            let what = parse(text).expect_err(text);
            assert!(what.contains(want), "case `{text}`: {what}");
        }
        for text in [
            r#"{"Marker": null, "NextToken": null, "IsTruncated": false}"#,
            r#"{"Document": {"a": 1, "a": 2, "Marker": 1}}"#,
        ] {
            assert!(parse(text).is_ok(), "case `{text}`: {:?}", parse(text).err());
        }
    }

    #[test]
    fn another_shape_is_refused_with_its_path() {
        let text = r#"{"a": [{"b": "x", "c": 1.5, "C2": null, "d": ["e"], "e": ""}], "A2": 1}"#;
        let root = parse(text).unwrap();
        let root = At::root(&root);
        let item = |read: &dyn Fn(At<'_, '_>) -> Result<(), String>| {
            root.required("a").unwrap().each(read).unwrap_err()
        };
        let cases = [
            (root.required("a").unwrap().text().unwrap_err(), "`a` is a list: expected a string"),
            (root.each(|_| Ok(())).unwrap_err(), "is an object: expected a list"),
            (root.required("z").unwrap_err(), "has no `z`"),
            (root.optional("a2").unwrap_err(), "has `A2`: expected `a2`, as the AWS CLI prints it"),
            (
                item(&|i| i.required("b")?.flag().map(drop)),
                "`a[0].b` is a string: expected true or false",
            ),
            (
                item(&|i| i.required("c")?.number().map(drop)),
                "`a[0].c` is a number: expected a whole number",
            ),
            (
                item(&|i| i.required("b")?.required("x").map(drop)),
                "`a[0].b` is a string: expected an object",
            ),
            (
                item(&|i| i.required("d")?.required("x").map(drop)),
                "`a[0].d` is a list: expected an object",
            ),
            (
                item(&|i| i.required("d")?.each(|d| d.flag()).map(drop)),
                "`a[0].d[0]` is a string: expected true or false",
            ),
            (item(&|i| i.required("e")?.text().map(drop)), "`a[0].e` is empty: expected text"),
        ];
        for (what, want) in cases {
            assert_eq!(what, want);
        }
        let null = item(&|i| i.required("C2")?.each(|c| c.text()).map(drop));
        assert!(
            null.starts_with("`a[0].C2` is null: expected a list. ") && null.contains("PowerShell"),
            "{null}"
        );
    }
}
