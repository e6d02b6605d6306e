//! Reads a tree by declarations: one line of code names a key, describes it, says what it accepts and its default.
//! Running that code over a file gives values and every problem; running it over nothing gives the JSON Schema.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json, json};

use super::yaml::{Node, Place, Value};
use crate::model::printable_line;
use crate::policy::Kind as PolicyKind;

/// What surrounds a configuration file.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// Environment variables, for secrets.
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    /// Files, for secrets, documents and exceptions.
    pub(super) read: &'a dyn Fn(&Path) -> io::Result<String>,
    /// The folder paths in the file are relative to.
    pub(super) base_dir: &'a Path,
    /// Tells whether a path is a folder that is there.
    pub(super) is_folder: &'a dyn Fn(&Path) -> io::Result<bool>,
    /// Says what keeps a text from being a baseline document.
    pub(super) judge: &'a dyn Fn(PolicyKind, &str) -> Result<(), String>,
    /// Whether the file must say where accounts come from: the offline check does not need it.
    pub(super) accounts_needed: bool,
}

/// One reading: where it is and what it found wrong.
pub(super) struct Reading<'a> {
    pub(super) around: Surroundings<'a>,
    files: Vec<String>,
    file: usize,
    /// The folder of the file that is being read, relative to the first one's.
    folder: PathBuf,
    path: String,
    problems: Vec<(usize, Place, String)>,
    warnings: Vec<(usize, Place, String)>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(file_name: &str, around: Surroundings<'a>) -> Self {
        let files = vec![printable_line(file_name, 256)];
        let folder = PathBuf::new();
        let (path, problems, warnings) = (String::new(), vec![], vec![]);
        Self { around, files, file: 0, folder, path, problems, warnings }
    }

    /// Notes a problem of the key that is being read.
    pub(super) fn problem(&mut self, place: Place, what: impl std::fmt::Display) {
        let line = self.line(place, what);
        self.problems.push((self.file, place, line));
    }

    /// Notes that the key that is being read, valid as it is, lets something dangerous pass.
    pub(super) fn warning(&mut self, place: Place, what: impl std::fmt::Display) {
        let line = self.line(place, what);
        self.warnings.push((self.file, place, line));
    }

    fn line(&self, place: Place, what: impl std::fmt::Display) -> String {
        let file = self.files.get(self.file).map_or("", String::as_str);
        let at = if place == Place::default() {
            String::new()
        } else {
            format!("{}:{}:", place.line, place.column)
        };
        let key = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        format!("{file}:{at} {key}{what}")
    }

    /// Runs `read` one step further down the tree.
    pub(super) fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if !self.path.is_empty() && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(&printable_line(step, 128));
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// Runs `read` in another file, whose name its problems carry.
    pub(super) fn in_file<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.file;
        self.files.push(printable_line(name, 256));
        self.file = self.files.len().saturating_sub(1);
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        let folder = std::mem::replace(&mut self.folder, folder.to_owned());
        let value = read(self);
        self.folder = folder;
        self.file = outer;
        value
    }

    /// A path of the file that is being read, as this process finds it.
    pub(super) fn locate(&self, path: &str) -> PathBuf {
        self.around.base_dir.join(&self.folder).join(path)
    }

    /// A place of the file that is being read, as `file:line:column`.
    fn position(&self, place: Place) -> String {
        let file = self.files.get(self.file).map_or("", String::as_str);
        format!("{file}:{}:{}", place.line, place.column)
    }

    /// Every problem and every warning, in the order of the file.
    pub(super) fn finish(self) -> (Vec<String>, Vec<String>) {
        let in_order = |mut lines: Vec<(usize, Place, String)>| {
            lines.sort_by_key(|(file, place, _)| (*file, *place));
            lines.into_iter().map(|(.., line)| line).collect()
        };
        (in_order(self.problems), in_order(self.warnings))
    }
}

/// What a key accepts.
pub(super) trait Kind {
    /// What reading it gives.
    type Value;

    /// What it accepts, as JSON Schema.
    fn schema(&self) -> Json;

    /// Reads a node; `None` when a problem was noted.
    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Self::Value>;
}

/// A mapping with declared keys: the function declares and reads them.
pub(super) struct Section<F>(pub(super) F);

impl<T, F: Fn(&mut Keys<'_, '_>) -> Option<T>> Kind for Section<F> {
    type Value = T;

    fn schema(&self) -> Json {
        let around = Surroundings {
            env: &|_| None,
            read: &|_| Err(io::ErrorKind::NotFound.into()),
            is_folder: &|_| Ok(true),
            base_dir: Path::new(""),
            judge: &|_, _| Ok(()),
            accounts_needed: true,
        };
        let mut reading = Reading::new("", around);
        let described = Some(Described::default());
        let mut keys = Keys {
            reading: &mut reading,
            place: Place::default(),
            entries: &[],
            known: vec![],
            gone: vec![],
            described,
        };
        let _ = (self.0)(&mut keys);
        let Described { properties, required } = keys.described.unwrap_or_default();
        let mut schema = json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties});
        if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
            schema.insert("required".to_owned(), required.into());
        }
        schema
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<T> {
        let entries: &[(Node, Node)] = match &node.value {
            Value::Map(entries) => entries,
            // A section whose keys are all commented out.
            Value::Null => &[],
            other => {
                reading.problem(
                    node.place,
                    format_args!("expected a mapping of keys, found {}", other.sort()),
                );
                return None;
            }
        };
        let (known, gone) = (vec![], vec![]);
        let mut keys = Keys { reading, place: node.place, entries, known, gone, described: None };
        let value = (self.0)(&mut keys);
        if keys.report_strangers() { value } else { None }
    }
}

/// The keys of one section, while they are read.
pub(super) struct Keys<'k, 'r> {
    reading: &'k mut Reading<'r>,
    place: Place,
    entries: &'k [(Node, Node)],
    known: Vec<&'static str>,
    /// Keys that are no keys any more, for which something better was said than that.
    gone: Vec<&'static str>,
    described: Option<Described>,
}

/// What the schema says of a section.
#[derive(Default)]
struct Described {
    properties: Map<String, Json>,
    required: Vec<&'static str>,
}

impl<'k, 'r> Keys<'k, 'r> {
    /// A key with a default, which is written as in the file.
    pub(super) fn key<K: Kind>(
        &mut self,
        name: &'static str,
        doc: &str,
        kind: K,
        default: Json,
    ) -> Option<K::Value> {
        self.declare(name, doc, &kind, Some(&default));
        let fallback = Node { place: self.place, ..Node::from(&default) };
        let node = self.node(name).unwrap_or(&fallback);
        self.reading.within(name, |reading| kind.read(node, reading))
    }

    /// A key that must be there.
    pub(super) fn required<K: Kind>(
        &mut self,
        name: &'static str,
        doc: &str,
        kind: K,
    ) -> Option<K::Value> {
        self.declare(name, doc, &kind, None);
        match self.node(name) {
            Some(node) => self.reading.within(name, |reading| kind.read(node, reading)),
            None => {
                self.problem(name, "missing; it has no default");
                None
            }
        }
    }

    /// Whether the file gives the key a value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.node(name).is_some_and(|node| !matches!(node.value, Value::Null))
    }

    /// A key that older files have: `instead` says what to write in its place.
    pub(super) fn gone(&mut self, name: &'static str, instead: impl FnOnce(&Node) -> String) {
        self.gone.push(name);
        if let Some(node) = self.node(name) {
            self.problem(name, instead(node));
        }
    }

    /// Notes a problem of one key, at its value or, when it is absent, at the section.
    pub(super) fn problem(&mut self, name: &str, what: impl std::fmt::Display) {
        let place = self.place_of(name);
        self.problem_at(name, place, what);
    }

    /// Notes a problem of one key, at a place within its value.
    pub(super) fn problem_at(&mut self, name: &str, place: Place, what: impl std::fmt::Display) {
        self.reading.within(name, |reading| reading.problem(place, what));
    }

    /// Notes that one key, valid as it is, lets something dangerous pass.
    pub(super) fn warn(&mut self, name: &str, what: impl std::fmt::Display) {
        let place = self.place_of(name);
        self.reading.within(name, |reading| reading.warning(place, what));
    }

    /// As [`Keys::warn`], of a key some levels down.
    pub(super) fn warn_below(&mut self, path: &[&str], place: Place, what: impl std::fmt::Display) {
        self.reading.within(&path.join("."), |reading| reading.warning(place, what));
    }

    /// Where the value of a key is; where the section is, when it is absent.
    pub(super) fn place_of(&self, name: &str) -> Place {
        self.node(name).map_or(self.place, |node| node.place)
    }

    /// As [`Keys::place_of`], as `file:line:column`.
    pub(super) fn position_of(&self, name: &str) -> String {
        self.reading.position(self.place_of(name))
    }

    /// What surrounds the file.
    pub(super) fn around(&self) -> Surroundings<'r> {
        self.reading.around
    }

    fn node(&self, name: &str) -> Option<&'k Node> {
        let named = |key: &Node| matches!(&key.value, Value::Text(text) if text == name);
        self.entries.iter().find(|(key, _)| named(key)).map(|(_, node)| node)
    }

    fn declare<K: Kind>(
        &mut self,
        name: &'static str,
        doc: &str,
        kind: &K,
        default: Option<&Json>,
    ) {
        self.known.push(name);
        let Some(described) = &mut self.described else { return };
        let mut schema = kind.schema();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), doc.into());
            match default {
                // A section's default is its keys' defaults.
                Some(Json::Object(default)) if default.is_empty() => {}
                Some(default) => drop(schema.insert("default".to_owned(), default.clone())),
                None => described.required.push(name),
            }
        }
        described.properties.insert(name.to_owned(), schema);
    }

    /// Reports keys nobody declared and keys given twice; true when there are none.
    fn report_strangers(&mut self) -> bool {
        let before = self.reading.problems.len();
        let (known, gone) = (&self.known, &self.gone);
        let mut lines = BTreeMap::new();
        for (key, _) in self.entries {
            let Value::Text(name) = &key.value else {
                self.reading.problem(
                    key.place,
                    format_args!("expected a key, found {}", key.value.found()),
                );
                continue;
            };
            self.reading.within(name, |reading| {
                if let Some(first) = lines.insert(name, key.place.line) {
                    reading.problem(key.place, format_args!("given twice; first in line {first}"));
                } else if !known.contains(&name.as_str()) && !gone.contains(&name.as_str()) {
                    reading.problem(key.place, unknown_key(name, known));
                }
            });
        }
        self.reading.problems.len() == before
    }
}

fn unknown_key(name: &str, known: &[&'static str]) -> String {
    match near_miss(name, known) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None => format!("unknown key; expected {}", one_of(known)),
    }
}

/// The one of the words that a typing mistake away gives the text.
pub(super) fn near_miss(text: &str, words: &[&'static str]) -> Option<&'static str> {
    let text = text.to_ascii_lowercase().replace(['_', '-'], "");
    let likeness = |word: &str| {
        let word = word.to_ascii_lowercase().replace(['_', '-'], "");
        strsim::normalized_damerau_levenshtein(&text, &word)
    };
    let scored = words.iter().map(|word| (likeness(word), *word));
    scored
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}
