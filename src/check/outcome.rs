//! What checks take and give: the role with what it is compared with, and what is wrong with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::Rules;
use super::baseline::Baseline;
use super::subject::Subject;
use crate::model::{AccountId, CheckName, Role, Severity, Verdict, Witness};
use crate::policy::Context;

/// What one check found.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) details: BTreeMap<Cow<'static, str>, Value>,
    pub(super) problems: Vec<Problem>,
    /// A problem that a finding of another check says already, and that check: told only where that finding is not there, or is
    /// told as less severe.
    pub(super) said_by: Option<(CheckName, Problem)>,
}

/// A finding in the making: what is particular to it.
pub(super) struct Problem {
    /// What it is about: the finding's id is made of it.
    pub(super) subject: Subject,
    pub(super) verdict: Verdict,
    pub(super) severity: Severity,
    pub(super) summary: String,
    pub(super) witnesses: Vec<Witness>,
    pub(super) expected: Value,
    pub(super) actual: Value,
    pub(super) fix: Vec<String>,
    /// Trust that lets in more than principals of this account: no key lowers its severity.
    pub(super) reaches_beyond: bool,
    /// The exception that covers it, by id.
    pub(super) exception: Option<String>,
}

impl Problem {
    /// A problem to be filled in: where every other field is given, `..Problem::about(subject)` gives the rest.
    pub(super) fn about(subject: Subject) -> Self {
        Self {
            subject,
            verdict: Verdict::Undecided,
            severity: Severity::High,
            summary: String::new(),
            witnesses: Vec::new(),
            expected: Value::Null,
            actual: Value::Null,
            fix: Vec::new(),
            reaches_beyond: false,
            exception: None,
        }
    }
}

impl Outcome {
    pub(super) fn passed() -> Self {
        Self::of(Verdict::Equivalent)
    }

    pub(super) fn of(verdict: Verdict) -> Self {
        Self { verdict, details: BTreeMap::new(), problems: Vec::new(), said_by: None }
    }

    pub(super) fn detail(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(name.into(), value.into());
        self
    }

    pub(super) fn said_by(mut self, check: CheckName, problem: Problem) -> Self {
        self.said_by = Some((check, problem));
        self
    }

    /// The same where a check may be switched off: nothing else says the problem then.
    pub(super) fn where_judged(mut self, judges: impl Fn(CheckName) -> bool) -> Self {
        if let Some((by, problem)) = self.said_by.take() {
            match judges(by) {
                true => self.said_by = Some((by, problem)),
                false => self.problems.push(problem),
            }
        }
        self
    }

    pub(super) fn problem(mut self, problem: Problem) -> Self {
        self.problems.push(problem);
        self
    }
}

/// The role and all it is compared with, for the checks.
pub(super) struct Case<'a> {
    pub(super) rules: &'a Rules,
    pub(super) account: &'a AccountId,
    pub(super) baseline: &'a Baseline,
    pub(super) role: &'a Role,
}

impl Case<'_> {
    /// What the role's documents depend on.
    pub(super) fn context(&self) -> Context {
        Context { account: self.account.clone(), partition: self.rules.partition.clone() }
    }
}

/// Policy text as a value to show: JSON where it is JSON, else the text.
pub(crate) fn shown(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(crate::model::printable(text)))
}
