//! `exceptions` and `exceptions_file`: what is accepted beside the baseline, until when.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::accounts::selector;
use super::baseline::Document;
use super::{ACCOUNT_ID, POLICY_ARN, WORDS, is_administrators};
use crate::config::combine::{List, Nullable, Placed};
use crate::config::kinds::{OneOf, Switch, Word};
use crate::config::load::{allows_everything, refuse_acceptance};
use crate::config::reader::{Keys, Kind, Reading, Section};
use crate::config::secret::read_file;
use crate::config::yaml::{self, Node, Place, Value};
use crate::config::{
    Acceptance, AccountSource, Accounts, Attribute, Covers, Exception, Principal, Selector,
};
use crate::model::{CheckName, is_finding_id, printable_line};
use crate::policy::Kind as PolicyKind;

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

const FINDING_ID: Word<String> = Word {
    expects: "a finding's id: 16 hexadecimal digits in quotes",
    pattern: "^[0-9a-f]{16}$",
    parse: |text| is_finding_id(text).then(|| text.to_owned()),
};

const PRINCIPAL: Word<Principal> =
    Word { expects: Principal::FORMS, pattern: "^[^*?\\s]+$", parse: |text| text.parse().ok() };

const ATTRIBUTE: OneOf<Attribute> = OneOf {
    words: &[
        ("max_session_duration", Attribute::MaxSessionDuration),
        ("permissions_boundary", Attribute::PermissionsBoundary),
        ("path", Attribute::Path),
        ("tags", Attribute::Tags),
    ],
    later: &[],
};

/// The two keys together: one list, wherever it is.
pub(super) fn exceptions(keys: &mut Keys<'_, '_>) -> Option<Vec<Exception>> {
    let doc = "Deviations from the baseline that are accepted until a date.";
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
    let doc = "Accepted beyond or short of the baseline; anything further stays drift.";
    let accept = keys.key("accept", doc, Section(acceptance), json!({}));
    let doc = "Ids of the findings it covers, instead of `accept`.";
    let ids = Nullable(AtLeastOne(List(FINDING_ID)));
    let findings = keys.key("findings", doc, ids, json!(null));
    let reason = keys.required("reason", "Why.", WORDS);
    let owner = keys.required("owner", "Who answers for it.", WORDS);
    let expires = keys.required("expires", "The last day it holds, in UTC.", DATE);
    keys.gone("checks", instead_of_checks);
    let covers = match (accept?, findings?, keys.is_set("accept")) {
        (acceptance, None, true) if acceptance.is_empty() => {
            keys.problem("accept", format_args!("accepts nothing; {EXACT}"));
            None
        }
        (acceptance, None, true) => Some(Covers::Accept(Box::new(acceptance))),
        (_, Some(ids), false) => Some(Covers::Findings(ids.into_iter().collect())),
        (_, Some(_), true) => {
            keys.problem("findings", "give `accept` or `findings`, not both");
            None
        }
        (_, None, false) => {
            if !keys.is_set("checks") {
                keys.problem(
                    "accept",
                    format_args!("missing; give `accept` or `findings`: {EXACT}"),
                );
            }
            None
        }
    };
    Some(Exception {
        id: id?,
        accounts: accounts?,
        covers: covers?,
        reason: reason?,
        owner: owner?,
        expires: expires?,
    })
}

const EXACT: &str = "an exception names exactly what it covers";

/// What to write instead of `checks`, for the checks that stand there.
fn instead_of_checks(node: &Node) -> String {
    let named = |check: CheckName| {
        let is_it = |node: &Node| matches!(&node.value, Value::Text(t) if t == check.as_str());
        matches!(&node.value, Value::List(items) if items.iter().any(is_it))
    };
    let forms = [
        (CheckName::RoleExists, "absent: true"),
        (CheckName::TrustPolicy, "principals: [\"222233334444\"]"),
        (CheckName::InlinePolicy, "inline_policy: accepted.json"),
        (
            CheckName::AttachedPolicies,
            "attached_policies: [\"arn:aws:iam::${rolewarden:account_id}:policy/NAME\"]",
        ),
        (CheckName::RoleAttributes, "attributes: [max_session_duration]"),
    ];
    let forms: Vec<&str> =
        forms.into_iter().filter(|(check, _)| named(*check)).map(|(_, form)| form).collect();
    let line = match forms.as_slice() {
        [] => "`findings: [\"ID\"]`".to_owned(),
        forms => format!("`accept: {{{}}}`", forms.join(", ")),
    };
    format!(
        "a check as a whole would also cover tomorrow's drift; name what is accepted instead: {line}, or let \
         `rolewarden except ACCOUNT --finding ID --owner O --reason R --expires D` print the exception"
    )
}

fn acceptance(keys: &mut Keys<'_, '_>) -> Option<Acceptance> {
    let doc = "Policy ARNs that may be attached, whatever their documents say.";
    let attached = keys.key("attached_policies", doc, List(POLICY_ARN), json!([]));
    let doc = "Principals that may assume the role: account ids, ARNs, services. No wildcards.";
    let principals = keys.key("principals", doc, List(PRINCIPAL), json!([]));
    let doc = "Path of a document, relative to this file: what the trust policy may allow besides.";
    let trust = AcceptedDocument(PolicyKind::Trust);
    let trust_policy = keys.key("trust_policy", doc, Nullable(trust), json!(null));
    let doc =
        "Path of a document, relative to this file: what the inline policies may allow besides.";
    let inline = AcceptedDocument(PolicyKind::Identity);
    let inline_policy = keys.key("inline_policy", doc, Nullable(inline), json!(null));
    let absent = keys.key("absent", "Whether the role may be missing.", Switch, json!(false));
    let doc = "Attributes that may have any value.";
    let attributes = keys.key("attributes", doc, List(ATTRIBUTE), json!([]));
    for arn in attached.iter().flatten().filter(|arn| is_administrators(arn)) {
        keys.warn(
            "attached_policies",
            format_args!(
                "`{arn}` makes the connector's role an administrator, and passes; remove it"
            ),
        );
    }
    for principal in principals.iter().flatten().filter(|principal| principal.is_public()) {
        keys.warn(
            "principals",
            format_args!(
                "everyone with an account at `{}` may assume the role, and passes; name it in a `trust_policy` with a condition on its audience and subject",
                principal.value
            ),
        );
    }
    if inline_policy.iter().flatten().any(|text| allows_everything(text)) {
        keys.warn(
            "inline_policy",
            "the document allows everything, and a role with it passes; name the actions that are needed",
        );
    }
    Some(Acceptance {
        attached_policies: attached?.into_iter().collect(),
        principals: principals?.into_iter().collect(),
        trust_policy: trust_policy?,
        inline_policy: inline_policy?,
        absent: absent?,
        attributes: attributes?.into_iter().collect(),
    })
}

/// The path of a document that an exception accepts.
struct AcceptedDocument(PolicyKind);

impl Kind for AcceptedDocument {
    type Value = String;

    fn schema(&self) -> Json {
        Document(self.0).schema()
    }

    fn read(&self, node: &Node, reading: &mut Reading<'_>) -> Option<String> {
        let text = Document(self.0).read(node, reading)?;
        if let Err(why) = refuse_acceptance(self.0, &text) {
            let path = if let Value::Text(path) = &node.value { path.as_str() } else { "" };
            let path = printable_line(path, 256);
            reading.problem(node.place, format_args!("`{path}` cannot be accepted: {why}"));
            return None;
        }
        Some(text)
    }
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
