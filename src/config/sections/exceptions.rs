//! `exceptions` and `exceptions_file`: what is excused until when.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::accounts::selector;
use super::{ACCOUNT_ID, WORDS};
use crate::config::combine::{List, Nullable, Placed};
use crate::config::kinds::Word;
use crate::config::reader::{Keys, Kind, Reading, Section, near_miss, one_of};
use crate::config::secret::read_file;
use crate::config::yaml::{self, Node, Place, Value};
use crate::config::{AccountSource, Accounts, Exception, Selector};
use crate::model::{CheckName, printable_line};

const DATE: Word<Date> = Word {
    expects: "a date such as 2027-01-31",
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    // jiff reads more spellings than the one that is promised.
    parse: |text| {
        (text.len() == 10)
            .then(|| text.parse().ok())
            .flatten()
            .filter(|date: &Date| date.to_string() == text)
    },
};

/// The two keys together: one list, wherever it is.
pub(super) fn exceptions(keys: &mut Keys<'_, '_>) -> Option<Vec<Exception>> {
    let doc = "Findings that are excused until a date.";
    let here = keys.key("exceptions", doc, List(Placed(Section(exception))), json!([]));
    let doc =
        "Path of a YAML file, relative to this one, that holds the list of exceptions instead.";
    let there = keys.key("exceptions_file", doc, Nullable(File), json!(null));
    if keys.is_set("exceptions_file") && here.as_ref().is_some_and(|here| !here.is_empty()) {
        keys.problem("exceptions_file", "give `exceptions` or `exceptions_file`, not both");
    }
    let here = here?;
    if let Some(there) = there? {
        return Some(there);
    }
    for (place, what) in repeated(&here) {
        keys.problem_at("exceptions", place, what);
    }
    Some(without_places(here))
}

fn exception(keys: &mut Keys<'_, '_>) -> Option<Exception> {
    let id = keys.required("id", "Its name, unique.", WORDS);
    let accounts = keys.required("accounts", "Accounts it covers.", Covered);
    let checks = keys.required("checks", "Checks it covers.", AtLeastOne(List(Check)));
    let reason = keys.required("reason", "Why.", WORDS);
    let owner = keys.required("owner", "Who answers for it.", WORDS);
    let expires = keys.required("expires", "The last day it holds, in UTC.", DATE);
    Some(Exception {
        id: id?,
        accounts: accounts?,
        checks: checks?.into_iter().collect(),
        reason: reason?,
        owner: owner?,
        expires: expires?,
    })
}

/// Ids that stand twice, with what to say of them.
fn repeated(exceptions: &[(Place, Exception)]) -> Vec<(Place, String)> {
    let mut seen = BTreeMap::new();
    let again = |(place, exception): &(Place, Exception)| {
        let first = seen.insert(exception.id.clone(), place.line)?;
        let id = printable_line(&exception.id, 64);
        Some((*place, format!("exception `{id}` is given twice; first in line {first}")))
    };
    exceptions.iter().filter_map(again).collect()
}

fn without_places(exceptions: Vec<(Place, Exception)>) -> Vec<Exception> {
    exceptions.into_iter().map(|(_, exception)| exception).collect()
}

/// A list of accounts has no units and no tags, so that an exception by them would cover nothing.
pub(super) fn refuse_what_a_list_has_not(
    keys: &mut Keys<'_, '_>,
    accounts: &Accounts,
    exceptions: &[Exception],
) {
    if accounts.source == AccountSource::Organization {
        return;
    }
    let key = if keys.is_set("exceptions_file") { "exceptions_file" } else { "exceptions" };
    for exception in exceptions.iter().filter(|e| e.accounts.by_organization()) {
        let id = printable_line(&exception.id, 64);
        let what = "`ous` and `tags` need `source: organization`; use `ids`";
        keys.problem(key, format_args!("exception `{id}`: {what}"));
    }
}

/// A list of account ids, or a mapping of `ids`, `ous` and `tags`.
struct Covered;

impl Kind for Covered {
    type Value = Selector;

    fn schema(&self) -> Json {
        let ids = AtLeastOne(List(ACCOUNT_ID)).schema();
        json!({"anyOf": [ids, Section(selector).schema()]})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Selector> {
        if let Value::List(_) = node.value {
            let ids = AtLeastOne(List(ACCOUNT_ID)).read(node, reading)?;
            return Some(Selector { ids: ids.into_iter().collect(), ..Selector::default() });
        }
        if !matches!(node.value, Value::Map(_)) {
            let found = node.value.sort();
            let expected = "a list of account ids, or a mapping of `ids`, `ous` and `tags`";
            reading.problem(node.place, format_args!("expected {expected}, found {found}"));
            return None;
        }
        let selector = Section(selector).read(node, reading)?;
        if selector.is_empty() {
            reading.problem(node.place, "names no account; give `ids`, `ous` or `tags`");
            return None;
        }
        Some(selector)
    }
}

/// The name of a check.
struct Check;

impl Kind for Check {
    type Value = CheckName;

    fn schema(&self) -> Json {
        json!({"enum": CheckName::ALL.map(CheckName::as_str)})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<CheckName> {
        let text = if let Value::Text(text) = &node.value { text.as_str() } else { "" };
        let check = CheckName::ALL.into_iter().find(|check| check.as_str() == text);
        if check.is_none() {
            let names = CheckName::ALL.map(CheckName::as_str);
            let hint = match near_miss(text, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected {}", one_of(&names)),
            };
            reading
                .problem(node.place, format_args!("unknown check {}; {hint}", node.value.found()));
        }
        check
    }
}

/// A list that may not be empty: an exception for no account would be read as one for every account.
struct AtLeastOne<K>(K);

impl<T, K: Kind<Value = Vec<T>>> Kind for AtLeastOne<K> {
    type Value = Vec<T>;

    fn schema(&self) -> Json {
        let mut schema = self.0.schema();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("minItems".to_owned(), json!(1));
        }
        schema
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Vec<T>> {
        let list = self.0.read(node, reading)?;
        if list.is_empty() {
            reading.problem(node.place, "is empty; expected at least one");
        }
        Some(list)
    }
}

/// The path of a file that holds the list.
struct File;

impl Kind for File {
    type Value = Vec<Exception>;

    fn schema(&self) -> Json {
        json!({"type": "string", "title": "the path of a file", "minLength": 1})
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<Vec<Exception>> {
        let Value::Text(path) = &node.value else {
            reading.problem(
                node.place,
                format_args!("expected the path of a file, found {}", node.value.found()),
            );
            return None;
        };
        let text =
            read_file(path, reading).map_err(|what| reading.problem(node.place, what)).ok()?;
        reading.in_file(path, |reading| {
            let root =
                yaml::parse(&text).map_err(|(place, what)| reading.problem(place, what)).ok()?;
            let list = List(Placed(Section(exception))).read(&root, reading)?;
            for (place, what) in repeated(&list) {
                reading.problem(place, what);
            }
            Some(without_places(list))
        })
    }
}
