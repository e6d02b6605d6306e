//! Documents as JSON: members in any order, scalars for lists of one, odd white space, needless escapes.

use fastrand::Rng;
use rolewarden::policy::Kind;
use serde_json::{Map, Value, json};

use crate::generate::{Document, List, Statement, one_in, one_of};

impl Document {
    /// The document as JSON: members in any order, scalars for lists of one, odd white space, needless escapes.
    pub(crate) fn text(&self, rng: &mut Rng) -> String {
        let mut statements: Vec<Value> = vec![];
        for (nth, statement) in self.statements.iter().enumerate() {
            statements.push(statement.value(rng, self.kind, nth));
        }
        let mut members = vec![];
        if let Some(version) = self.version {
            members.push(("Version", json!(version)));
        }
        let scalar = statements.len() == 1 && rng.bool();
        members.push(("Statement", if scalar { statements.remove(0) } else { json!(statements) }));
        if one_in(rng, 10) {
            members.push(("Id", json!("any")));
        }
        rng.shuffle(&mut members);
        let mut text = String::new();
        write_json(&object(members), rng, &mut text);
        text
    }
}

impl Statement {
    fn value(&self, rng: &mut Rng, kind: Kind, nth: usize) -> Value {
        let mut members = vec![("Effect", json!(if self.allow { "Allow" } else { "Deny" }))];
        let name = |list: &List, plain, negated| if list.negated { negated } else { plain };
        members.push((
            name(&self.actions, "Action", "NotAction"),
            scalar_or_array(rng, &self.actions.values),
        ));
        match kind {
            Kind::Identity => {
                let name = name(&self.resources, "Resource", "NotResource");
                members.push((name, scalar_or_array(rng, &self.resources.values)));
            }
            Kind::Trust => members.push(("Principal", self.principals(rng))),
        }
        match &self.condition {
            Some(condition) => members.push(("Condition", condition.clone())),
            None if one_in(rng, 20) => members.push(("Condition", json!({}))),
            None => {}
        }
        if one_in(rng, 3) {
            members.push((
                "Sid",
                json!(if rng.bool() { String::new() } else { format!("S{nth}x{}", rng.u16(..)) }),
            ));
        }
        rng.shuffle(&mut members);
        object(members)
    }

    fn principals(&self, rng: &mut Rng) -> Value {
        let mut kinds: Vec<&str> = vec![];
        for (kind, _) in &self.principals {
            if !kinds.contains(kind) {
                kinds.push(kind);
            }
        }
        let values = |kind| -> Vec<String> {
            self.principals
                .iter()
                .filter(|(k, _)| *k == kind)
                .map(|(_, value)| value.clone())
                .collect()
        };
        object(kinds.into_iter().map(|kind| (kind, scalar_or_array(rng, &values(kind)))).collect())
    }
}

fn object(members: Vec<(&str, Value)>) -> Value {
    Value::Object(
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
    )
}

fn scalar_or_array(rng: &mut Rng, values: &[String]) -> Value {
    match values {
        [one] if rng.bool() => json!(one),
        many => json!(many),
    }
}

/// JSON with white space and escapes sprinkled in.
fn write_json(value: &Value, rng: &mut Rng, out: &mut String) {
    if one_in(rng, 12) {
        out.push_str(one_of(rng, &[" ", "\n", "\t", "\r\n"]));
    }
    match value {
        Value::String(text) => write_string(text, rng, out),
        Value::Array(values) => {
            out.push('[');
            for (nth, value) in values.iter().enumerate() {
                out.push_str(if nth > 0 { "," } else { "" });
                write_json(value, rng, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (nth, (name, value)) in members.iter().enumerate() {
                out.push_str(if nth > 0 { "," } else { "" });
                write_string(name, rng, out);
                out.push(':');
                write_json(value, rng, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn write_string(text: &str, rng: &mut Rng, out: &mut String) {
    out.push('"');
    let escaping = one_in(rng, 20);
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '/' if escaping => out.push_str("\\/"),
            c if (c as u32) < 32 || (escaping && (c as u32) < 0x1_0000 && rng.bool()) => {
                let code = c as u32;
                out.push_str(&if rng.bool() {
                    format!("\\u{code:04x}")
                } else {
                    format!("\\u{code:04X}")
                });
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
