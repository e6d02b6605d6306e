//! The IAM policy language: strict parsing, canonical form, exact comparison with witnesses. Pure.
//!
//! [`Policy::parse`] reads one document strictly, [`Policy::union`] puts several together, [`compare`] decides what one
//! allows beyond or short of another, and proves it with concrete requests. What "correct" means stands in `SEMANTICS.md`;
//! a slow evaluator in the tests, written from that page alone, must agree with every verdict and every witness.
//!
//! How it decides: actions and resources (or principals, written as texts) are globs, so what a statement allows is a
//! rectangle of two regular sets. [`compare`] asks whether rectangles of one side reach beyond those of the other:
//! first by containment of single globs, then by requests a reviewer would think of, and only then by walking a
//! bit-parallel automaton best-first. The work is bounded; a spent budget is `undecided`, never a guess.

mod accept;
mod automaton;
mod budget;
mod compare;
mod condition;
mod decisions;
mod document;
mod facts;
mod glob;
mod holds;
mod json;
mod pins;
mod principal;
mod providers;
mod requests;
mod resources;
mod search;
mod statement;
mod ways;
mod witness;

use serde_json::Value;

use crate::model::{AccountId, Partition, Verdict, Witness};
pub use budget::Purse;
pub use condition::{Base, Condition, Operator, Over, Test};
pub use decisions::Decisions;
use document::Reader;
pub use facts::{ArnForm, Fact, Facts, Form, Problem, spelled};
pub use holds::{Holds, Never};
use json::Json;
pub use providers::{audience_is_free, is_provider_host, public_provider};
pub use resources::regions;
use statement::Statement;
pub use ways::Way;

/// Distinct condition blocks a baseline may have: each doubles the cases to compare.
pub const MAX_BASELINE_CONDITIONS: usize = 6;

/// Witnesses of requests on resources that a comparison looks for on each side. Where there are this many there may be more.
pub const MOST_REQUESTS: usize = 12;

/// What a baseline document writes for the number of the account it is compared in.
pub const ACCOUNT_TEMPLATE: &str = "${rolewarden:account_id}";

/// Which kind of policy a document must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A role's trust policy: principals and actions.
    Trust,
    /// An inline, managed or boundary policy: actions and resources.
    Identity,
}

/// What a document's text depends on beside itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Context {
    /// The account the role lives in.
    pub account: AccountId,
    /// The account's partition: a bare account id as principal means `arn:{partition}:iam::{id}:root`.
    pub partition: Partition,
}

/// Not one strict policy document of that kind: where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct InvalidPolicy {
    /// As `Statement[1].Action`; `line 3, column 7` where the JSON itself is broken.
    pub path: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// A set of statements of one kind, parsed and canonical.
#[derive(Debug, Clone)]
pub struct Policy {
    kind: Kind,
    context: Context,
    statements: Vec<Statement>,
    doubts: Vec<String>,
    /// Actions without wildcards as their author spelled them, for witnesses.
    spelled: Vec<String>,
    /// Each condition block beside its author's spelling, for witnesses.
    blocks: Vec<(Condition, Value)>,
    /// Of a baseline: how far short of its statements a role may stay. `None`: all of them count.
    accepted: Option<Box<accept::Accepted>>,
}

impl Policy {
    /// Parses one document, strictly.
    ///
    /// # Errors
    /// The first thing that keeps the text from being one strict policy document of that kind.
    pub fn parse(kind: Kind, text: &str, context: &Context) -> Result<Self, InvalidPolicy> {
        Self::read(kind, &json::parse(text)?, context)
    }

    /// Parses a baseline document: `${rolewarden:account_id}` is replaced by the account's number, `arn:aws:` becomes the
    /// account's partition, and `service` (if given) takes the place of the service principal `ssm.amazonaws.com`.
    ///
    /// # Errors
    /// As [`Policy::parse`], and when it has more than [`MAX_BASELINE_CONDITIONS`] distinct condition blocks.
    pub fn parse_baseline(
        kind: Kind,
        text: &str,
        context: &Context,
        service: Option<&str>,
    ) -> Result<Self, InvalidPolicy> {
        let mut json = json::parse(text)?;
        localize(&mut json, context, service);
        let policy = Self::read(kind, &json, context)?;
        let conditions: std::collections::BTreeSet<_> = policy.conditions().collect();
        if conditions.len() > MAX_BASELINE_CONDITIONS {
            let problem = format!(
                "has {} distinct Condition blocks; at most {MAX_BASELINE_CONDITIONS} can be compared",
                conditions.len()
            );
            return Err(InvalidPolicy { path: "the document".to_owned(), problem });
        }
        Ok(policy)
    }

    fn read(kind: Kind, json: &Json, context: &Context) -> Result<Self, InvalidPolicy> {
        let document = Reader::new(kind, context).read(json)?;
        let mut spelled = Vec::new();
        spellings(json, &mut spelled);
        let policy = Self {
            kind,
            context: context.clone(),
            statements: document.statements,
            doubts: document.doubts,
            spelled,
            blocks: document.blocks,
            accepted: None,
        };
        Ok(policy.canonical())
    }

    /// A policy that allows nothing.
    pub fn nothing(kind: Kind, context: &Context) -> Self {
        Self {
            kind,
            context: context.clone(),
            statements: Vec::new(),
            doubts: Vec::new(),
            spelled: Vec::new(),
            blocks: Vec::new(),
            accepted: None,
        }
    }

    /// Several documents of one kind, judged together as one set of statements. `None` when there are none.
    pub fn union(policies: impl IntoIterator<Item = Self>) -> Option<Self> {
        let all = policies.into_iter().reduce(|mut all, one| {
            all.statements.extend(one.statements);
            all.doubts.extend(one.doubts);
            all.spelled.extend(one.spelled);
            all.blocks.extend(one.blocks);
            all
        });
        all.map(Self::canonical)
    }

    fn canonical(mut self) -> Self {
        self.statements.sort();
        self.statements.dedup();
        self
    }

    /// The condition blocks of its statements.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditional().map(|(_, condition)| condition)
    }

    /// Its conditional statements: whether it is an Allow, and under which condition.
    pub fn conditional(&self) -> impl Iterator<Item = (bool, &Condition)> {
        self.statements
            .iter()
            .filter_map(|s| s.condition.as_ref().map(|condition| (s.allow, condition)))
    }

    /// A policy variable that an action or a resource holds. What it matches is not known, so no comparison with it is exact.
    pub fn variable(&self) -> Option<&str> {
        let sets = self.statements.iter().flat_map(|s| [&s.actions, &s.scope]);
        let mut variables = sets.flat_map(|set| &set.patterns).flat_map(|p| &p.variables);
        variables.next().map(String::as_str)
    }

    /// Whether an Allow without a condition names everyone, or every principal of one type.
    pub fn allows_everyone(&self) -> bool {
        let mut everyone = principal::universe();
        everyone.push(principal::everyone());
        self.statements.iter().any(|s| {
            let named = s.scope.patterns.iter().any(|pattern| everyone.contains(&pattern.glob));
            self.kind == Kind::Trust && s.allow && s.condition.is_none() && named
        })
    }

    /// The canonical form as text: equal for documents that differ only in what carries no meaning.
    pub fn canonical_text(&self) -> String {
        format!("{:?} {:?}", self.kind, self.statements)
    }
}

/// A baseline document as it reads in an account: see [`Policy::parse_baseline`]. Text that is no JSON comes back as text.
pub fn localized(text: &str, context: &Context, service: Option<&str>) -> serde_json::Value {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(text) else { return text.into() };
    localize_value(&mut value, context, service);
    value
}

fn localize_value(value: &mut serde_json::Value, context: &Context, service: Option<&str>) {
    use serde_json::Value;
    match value {
        Value::String(text) => localize_text(text, context, service),
        Value::Array(list) => {
            list.iter_mut().for_each(|value| localize_value(value, context, service))
        }
        Value::Object(members) => {
            members.values_mut().for_each(|value| localize_value(value, context, service))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn localize_text(text: &mut String, context: &Context, service: Option<&str>) {
    if text.contains(ACCOUNT_TEMPLATE) {
        *text = text.replace(ACCOUNT_TEMPLATE, context.account.as_str());
    }
    if let Some(rest) = text.strip_prefix("arn:aws:") {
        *text = format!("arn:{}:{rest}", context.partition);
    }
    if let Some(service) = service.filter(|_| text == "ssm.amazonaws.com") {
        *text = service.to_owned();
    }
}

/// Puts the account and the partition into a baseline.
fn localize(json: &mut Json, context: &Context, service: Option<&str>) {
    match json {
        Json::String(text) => localize_text(text, context, service),
        Json::Array(list) => list.iter_mut().for_each(|value| localize(value, context, service)),
        Json::Object(members) => {
            members.iter_mut().for_each(|(_, value)| localize(value, context, service))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Texts that look like action names, as the document spells them.
fn spellings(json: &Json, out: &mut Vec<String>) {
    match json {
        Json::String(text)
            if text.len() < 128 && text.contains(':') && !text.contains(['*', '?']) =>
        {
            out.push(text.clone())
        }
        Json::Array(list) => list.iter().for_each(|value| spellings(value, out)),
        Json::Object(members) => {
            for (name, value) in members {
                if matches!(name.as_str(), "Statement" | "Action" | "NotAction") {
                    spellings(value, out);
                }
            }
        }
        _ => {}
    }
}

/// What comparing a policy with a baseline gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// `Equivalent`, `Missing`, `Excess`, `MissingAndExcess`, `Conditional`, `Invalid` (doubtful under AWS) or `Undecided`.
    pub verdict: Verdict,
    /// At least one for each side the verdict names, a few at most.
    pub witnesses: Vec<Witness>,
    /// Why the verdict is `Invalid` or `Undecided`.
    pub note: Option<String>,
}

/// Whether a policy allows all of a baseline, whatever else it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// `Equivalent`, `Missing`, `Conditional` or `Undecided`.
    pub verdict: Verdict,
    /// At least one unless `Equivalent` or `Undecided`.
    pub witnesses: Vec<Witness>,
}

/// Compares what two policies of one kind allow: exact, bounded, with witnesses.
pub fn compare(actual: &Policy, baseline: &Policy) -> Comparison {
    compare::compare(actual, baseline)
}

/// Asks only whether the policy allows all that the baseline does.
pub fn covers(actual: &Policy, baseline: &Policy) -> Coverage {
    compare::covers(actual, baseline, &mut Purse::default())
}

/// As [`covers`], where many questions are asked of the same policies: they share what they may cost.
pub fn covers_within(actual: &Policy, baseline: &Policy, purse: &mut Purse) -> Coverage {
    compare::covers(actual, baseline, purse)
}
