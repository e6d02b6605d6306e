//! Decisions in a document: a Deny or a condition that the baseline does not have was put there on purpose.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Policy;
use super::statement::Statement;

/// What of a document is a decision that no fix removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decisions {
    /// It holds an explicit Deny.
    pub deny: bool,
    /// It holds a condition.
    pub condition: bool,
}

impl Decisions {
    /// The decisions that text seems to hold which is no policy we can read.
    pub fn in_text(text: &str) -> Self {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            // Not even JSON: nothing tells what it was meant to do.
            return Self { deny: text.contains("Deny"), condition: text.contains("Condition") };
        };
        let mut found = Self::default();
        found.look(&value);
        found
    }

    fn look(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let name = name.to_ascii_lowercase();
                    let is_deny = value.as_str().is_some_and(|v| v.eq_ignore_ascii_case("deny"));
                    self.deny |= name == "effect" && is_deny;
                    self.condition |=
                        name == "condition" && value != &Value::Object(Default::default());
                    self.look(value);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.look(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { deny: self.deny || other.deny, condition: self.condition || other.condition }
    }

    /// What it is, in words; `None` where there is none.
    pub fn named(self) -> Option<&'static str> {
        match (self.deny, self.condition) {
            (false, false) => None,
            (true, false) => Some("an explicit Deny"),
            (false, true) => Some("a condition"),
            (true, true) => Some("an explicit Deny and a condition"),
        }
    }
}

impl Policy {
    /// The decisions of this policy that the baseline does not have.
    pub fn decisions(&self, baseline: &Self) -> Decisions {
        let known: BTreeSet<&Statement> = baseline.statements.iter().collect();
        let conditions: BTreeSet<_> = baseline.conditions().collect();
        let new = self.statements.iter().filter(|statement| !known.contains(statement));
        new.fold(Decisions::default(), |found, statement| Decisions {
            deny: found.deny || !statement.allow,
            condition: found.condition
                || statement.condition.as_ref().is_some_and(|c| !conditions.contains(c)),
        })
    }
}
