//! One policy document, strictly: `SEMANTICS.md` section 6, grammar and limits as IAM publishes them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::condition::{Condition, Test, canonical_operator};
use super::glob::Glob;
use super::json::Json;
use super::principal;
use super::statement::{Pattern, PatternRules, Set, Statement};
use super::{Context, InvalidPolicy, Kind};

/// A parsed document.
pub(super) struct Document {
    pub(super) statements: Vec<Statement>,
    /// Constructs that AWS itself does not define well: such a document is never called equivalent.
    pub(super) doubts: Vec<String>,
    /// Each condition block beside its author's spelling.
    pub(super) blocks: Vec<(Condition, Value)>,
}

/// Reads one document of one kind.
pub(super) struct Reader<'a> {
    kind: Kind,
    context: &'a Context,
    variables: bool,
    doubts: Vec<String>,
    blocks: Vec<(Condition, Value)>,
}

type Members = [(String, Json)];

fn invalid<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, InvalidPolicy> {
    Err(InvalidPolicy { path: path.into(), problem: problem.into() })
}

fn shown(text: &str) -> String {
    crate::model::printable_line(text, 128)
}

impl<'a> Reader<'a> {
    pub(super) fn new(kind: Kind, context: &'a Context) -> Self {
        Self { kind, context, variables: false, doubts: Vec::new(), blocks: Vec::new() }
    }

    pub(super) fn read(mut self, json: &Json) -> Result<Document, InvalidPolicy> {
        let Json::Object(members) = json else {
            return invalid(
                "the document",
                format!("expected an object, found {}", json.type_name()),
            );
        };
        let mut statement = None;
        for (name, value) in members {
            match name.as_str() {
                "Version" => self.variables = version(value)?,
                "Id" => drop(string("Id", value)?),
                "Statement" => statement = Some(value),
                _ => return unknown_element(name, "", "Version, Id or Statement"),
            }
        }
        let one;
        let list: &[Json] = match statement {
            None => {
                return invalid(
                    "Statement",
                    "is missing: expected an object or an array of objects",
                );
            }
            Some(Json::Array(list)) if list.is_empty() => {
                return invalid("Statement", "is empty: expected a statement");
            }
            Some(Json::Array(list)) => list,
            Some(other) => {
                one = other.clone();
                std::slice::from_ref(&one)
            }
        };
        let single = !matches!(statement, Some(Json::Array(_)));
        let mut sids = BTreeSet::new();
        let mut statements = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let path = if single { "Statement".to_owned() } else { format!("Statement[{index}]") };
            statements.push(self.statement(&path, value, &mut sids)?);
        }
        Ok(Document { statements, doubts: self.doubts, blocks: self.blocks })
    }

    fn statement(
        &mut self,
        path: &str,
        json: &Json,
        sids: &mut BTreeSet<String>,
    ) -> Result<Statement, InvalidPolicy> {
        let Json::Object(members) = json else {
            return invalid(path, format!("expected an object, found {}", json.type_name()));
        };
        let trust = self.kind == Kind::Trust;
        for (name, value) in members {
            let at = format!("{path}.{}", shown(name));
            match (name.as_str(), trust) {
                ("Sid", _) => {
                    let sid = string(&at, value)?;
                    if !sid.is_empty() && !sids.insert(sid.to_owned()) {
                        return invalid(
                            at,
                            format!("`{}` names two statements: a Sid must be unique", shown(sid)),
                        );
                    }
                }
                ("Effect" | "Action" | "NotAction" | "Condition", _) => {}
                ("Principal", true) | ("Resource" | "NotResource", false) => {}
                ("Principal" | "NotPrincipal", false) => {
                    return invalid(
                        at,
                        "has no place in an identity policy: the role is the principal",
                    );
                }
                ("Resource" | "NotResource", true) => {
                    return invalid(at, "has no place in a trust policy: the role is the resource");
                }
                ("NotPrincipal", true) => return invalid(at, "has no place in a trust policy"),
                _ => {
                    let expected = if trust {
                        "Sid, Effect, Principal, Action, NotAction or Condition"
                    } else {
                        "Sid, Effect, Action, NotAction, Resource, NotResource or Condition"
                    };
                    return unknown_element(name, path, expected);
                }
            }
        }
        let allow = effect(path, members)?;
        let rules = PatternRules { fold: true, variables: self.variables };
        let actions = self.either(path, members, ["Action", "NotAction"], rules)?;
        let scope = if trust {
            self.principals(&format!("{path}.Principal"), member(members, "Principal"))?
        } else {
            let rules = PatternRules { fold: false, variables: self.variables };
            self.either(path, members, ["Resource", "NotResource"], rules)?
        };
        let condition = match member(members, "Condition") {
            Some(value) => self.condition(&format!("{path}.Condition"), value)?,
            None => None,
        };
        Ok(Statement { allow, actions, scope, condition })
    }

    /// Exactly one of an element and its `Not…`: a text or a list of texts.
    fn either(
        &mut self,
        path: &str,
        members: &Members,
        [plain, not]: [&str; 2],
        rules: PatternRules,
    ) -> Result<Set, InvalidPolicy> {
        let (name, value, negated) = match (member(members, plain), member(members, not)) {
            (Some(value), None) => (plain, value, false),
            (None, Some(value)) => (not, value, true),
            (None, None) => return invalid(path, format!("needs {plain} or {not}")),
            (Some(_), Some(_)) => {
                return invalid(path, format!("has both {plain} and {not}: expected one of them"));
            }
        };
        let at = format!("{path}.{name}");
        let texts = strings(&at, value)?;
        if !rules.fold {
            texts.iter().for_each(|(at, text)| self.doubt_short_arn(at, text));
        }
        let patterns = texts.iter().map(|(_, text)| Pattern::parse(text, rules)).collect();
        Ok(Set::canonical(patterns, negated))
    }

    fn doubt_short_arn(&mut self, at: &str, text: &str) {
        if text.starts_with("arn:") && text.matches(':').count() < 5 {
            self.doubts
                .push(format!("{at}: `{}` is an ARN with fewer than six fields", shown(text)));
        }
    }

    fn principals(&mut self, path: &str, json: Option<&Json>) -> Result<Set, InvalidPolicy> {
        let mut globs: Vec<Glob> = Vec::new();
        match json {
            None => {
                return invalid(path, "is missing: a trust policy says who may assume the role");
            }
            Some(Json::String(all)) if all == "*" => {
                self.doubts
                    .push(format!("{path}: `\"*\"` alone is not defined for trust policies"));
                globs.push(principal::everyone());
            }
            Some(Json::Object(members)) if !members.is_empty() => {
                for (kind, value) in members {
                    let at = format!("{path}.{}", shown(kind));
                    if !principal::KINDS.contains(&kind.as_str()) {
                        let expected = principal::KINDS.join(", ");
                        return invalid(
                            at,
                            format!("is not a type of principal: expected one of {expected}"),
                        );
                    }
                    for (at, text) in strings(&at, value)? {
                        if text.is_empty() {
                            return invalid(at, "is empty: expected a principal");
                        }
                        if kind == "AWS" {
                            self.doubt_short_arn(&at, text);
                        }
                        globs.extend(principal::globs(kind, text, self.context));
                    }
                }
            }
            Some(other) => {
                let found = if matches!(other, Json::Object(_)) {
                    "an empty one"
                } else {
                    other.type_name()
                };
                return invalid(
                    path,
                    format!("expected an object such as {{\"Service\": \"…\"}}, found {found}"),
                );
            }
        }
        Ok(Set::canonical(globs.into_iter().map(Pattern::exact).collect(), false))
    }

    fn condition(&mut self, path: &str, json: &Json) -> Result<Option<Condition>, InvalidPolicy> {
        let Json::Object(operators) = json else {
            return invalid(path, format!("expected an object, found {}", json.type_name()));
        };
        let mut tests = BTreeSet::new();
        for (operator, keys) in operators {
            let at = format!("{path}.{}", shown(operator));
            let Some(operator) = canonical_operator(operator) else {
                return invalid(
                    at,
                    "is not a condition operator of IAM (names are exact, also in case)",
                );
            };
            let Json::Object(keys) = keys else {
                return invalid(
                    at,
                    format!("expected an object of condition keys, found {}", keys.type_name()),
                );
            };
            if keys.is_empty() {
                return invalid(at, "is empty: expected a condition key");
            }
            let mut seen = BTreeSet::new();
            for (key, values) in keys {
                let at = format!("{at}.{}", shown(key));
                let key = key.to_ascii_lowercase();
                if !seen.insert(key.clone()) {
                    return invalid(at, "appears twice: condition keys do not differ by case");
                }
                let values = condition_values(&at, values)?;
                tests.insert(Test { operator: operator.clone(), key, values });
            }
        }
        if tests.is_empty() {
            return Ok(None);
        }
        let variables =
            self.variables && tests.iter().any(|t| t.values.iter().any(|v| v.contains("${")));
        let condition = Condition { tests, variables };
        self.blocks.push((condition.clone(), json.to_value()));
        Ok(Some(condition))
    }
}

/// The member of that name; the parser has seen to it that there is only one.
fn member<'j>(members: &'j Members, name: &str) -> Option<&'j Json> {
    members.iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

fn unknown_element<T>(name: &str, path: &str, expected: &str) -> Result<T, InvalidPolicy> {
    let dot = if path.is_empty() { "" } else { "." };
    invalid(
        format!("{path}{dot}{}", shown(name)),
        format!("is not an element of a policy: expected {expected}"),
    )
}

fn version(json: &Json) -> Result<bool, InvalidPolicy> {
    match string("Version", json)? {
        "2012-10-17" => Ok(true),
        "2008-10-17" => Ok(false),
        other => invalid(
            "Version",
            format!("expected 2012-10-17 or 2008-10-17, found `{}`", shown(other)),
        ),
    }
}

fn effect(path: &str, members: &Members) -> Result<bool, InvalidPolicy> {
    let at = format!("{path}.Effect");
    let Some(value) = member(members, "Effect") else {
        return invalid(at, "is missing: expected Allow or Deny");
    };
    match string(&at, value)? {
        "Allow" => Ok(true),
        "Deny" => Ok(false),
        other => invalid(at, format!("expected Allow or Deny, found `{}`", shown(other))),
    }
}

fn string<'j>(path: &str, json: &'j Json) -> Result<&'j str, InvalidPolicy> {
    match json {
        Json::String(text) => Ok(text),
        other => invalid(path, format!("expected a string, found {}", other.type_name())),
    }
}

/// A text or a list of texts, each with its path; never empty.
fn strings<'j>(path: &str, json: &'j Json) -> Result<Vec<(String, &'j str)>, InvalidPolicy> {
    match json {
        Json::Array(list) if list.is_empty() => {
            invalid(path, "is empty: expected at least one string")
        }
        Json::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| {
                let at = format!("{path}[{index}]");
                string(&at, value).map(|text| (at.clone(), text))
            })
            .collect(),
        Json::String(text) => Ok(vec![(path.to_owned(), text)]),
        other => invalid(
            path,
            format!("expected a string or an array of strings, found {}", other.type_name()),
        ),
    }
}

/// Values of one condition key: numbers and booleans are their own text.
fn condition_values(path: &str, json: &Json) -> Result<BTreeSet<String>, InvalidPolicy> {
    let one = |path: &str, value: &Json| match value {
        Json::String(text) | Json::Number(text) => Ok(text.clone()),
        Json::Bool(flag) => Ok(flag.to_string()),
        other => invalid(
            path,
            format!("expected a string, a number or a boolean, found {}", other.type_name()),
        ),
    };
    match json {
        Json::Array(list) if list.is_empty() => {
            invalid(path, "is empty: expected at least one value")
        }
        Json::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| one(&format!("{path}[{index}]"), value))
            .collect(),
        value => Ok(BTreeSet::from([one(path, value)?])),
    }
}
