//! Policy documents in the making: what may be done to what, and under which condition.

use serde_json::{Map, Value, json};

/// One statement that allows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, for people: letters and digits.
    pub sid: &'static str,
    /// The calls, as `iam:GetRole`.
    pub actions: Vec<&'static str>,
    /// ARNs with wildcards, or `*`.
    pub resources: Vec<String>,
    /// Operator, key and values; `None`: always.
    pub condition: Option<(&'static str, &'static str, Vec<String>)>,
}

impl Statement {
    /// These calls on these resources.
    pub(crate) fn allow(
        sid: &'static str,
        actions: impl Into<Vec<&'static str>>,
        resources: impl Into<Vec<String>>,
    ) -> Self {
        Self { sid, actions: actions.into(), resources: resources.into(), condition: None }
    }

    /// Only where the key is one of the values; no values: always.
    pub(crate) fn only_if(
        self,
        operator: &'static str,
        key: &'static str,
        values: impl Into<Vec<String>>,
    ) -> Self {
        let values = values.into();
        Self { condition: (!values.is_empty()).then_some((operator, key, values)), ..self }
    }

    fn json(&self, named: bool) -> Value {
        let mut statement = Map::new();
        if named {
            statement.insert("Sid".into(), json!(self.sid));
        }
        statement.insert("Effect".into(), json!("Allow"));
        statement.insert("Action".into(), one_or_more(&self.actions));
        statement.insert("Resource".into(), one_or_more(&self.resources));
        if let Some((operator, key, values)) = &self.condition {
            let test = json!({*key: one_or_more(values)});
            statement.insert("Condition".into(), json!({*operator: test}));
        }
        Value::Object(statement)
    }
}

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document(pub Vec<Statement>);

impl Document {
    /// For people: every statement has its name.
    pub fn named(&self) -> Value {
        self.json(true)
    }

    /// For STS, which counts characters: without names.
    pub(crate) fn short(&self) -> String {
        self.json(false).to_string()
    }

    fn json(&self, named: bool) -> Value {
        let statements: Vec<Value> = self.0.iter().map(|s| s.json(named)).collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}

/// The text as a policy has to spell it to mean just this text. IAM allows `*`, `?` and `$` in paths, and policies read them
/// as wildcards and variables; these three variables stand for the characters.
/// Source: IAM User Guide, "IAM policy elements: Variables and tags", special characters.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => out.extend(['$', '{', c, '}']),
            _ => out.push(c),
        }
    }
    out
}

/// A list of one is written as that one, as people write it.
pub(super) fn one_or_more<T: AsRef<str>>(texts: &[T]) -> Value {
    match texts {
        [one] => json!(one.as_ref()),
        many => many.iter().map(|text| json!(text.as_ref())).collect(),
    }
}
