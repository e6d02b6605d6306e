//! The IAM policy language: strict parsing, canonical form, exact comparison with witnesses. Pure.

use crate::model::{AccountId, Partition, Verdict, Witness};

/// Which kind of policy a document must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A role's trust policy: principals and actions.
    Trust,
    /// An inline, managed or boundary policy: actions and resources.
    Identity,
}

/// What a document's text depends on beside itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// The account the role lives in: a bare account id as principal means `arn:{partition}:iam::{id}:root`.
    pub account: AccountId,
    /// The account's partition.
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

/// A set of statements, parsed and canonical.
#[derive(Debug, Clone)]
pub struct Policy {}

impl Policy {
    /// Parses one document, strictly.
    ///
    /// # Errors
    /// The first thing that keeps the text from being one strict policy document of that kind.
    pub fn parse(_kind: Kind, _text: &str, _context: &Context) -> Result<Self, InvalidPolicy> {
        Err(InvalidPolicy { path: String::new(), problem: String::new() })
    }

    /// Parses a baseline document: `${rolewarden:account_id}` is replaced, `arn:aws:` becomes the account's partition.
    ///
    /// # Errors
    /// As [`Policy::parse`].
    pub fn parse_baseline(
        kind: Kind,
        text: &str,
        context: &Context,
    ) -> Result<Self, InvalidPolicy> {
        Self::parse(kind, text, context)
    }

    /// Several documents of one kind, judged together as one set of statements.
    #[must_use]
    pub fn union(policies: Vec<Self>) -> Self {
        let _ = policies;
        Self {}
    }
}

/// What comparing a policy with a baseline gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// `Equivalent`, `Missing`, `Excess`, `MissingAndExcess`, `Conditional`, `Invalid` (doubtful under AWS) or `Undecided`.
    pub verdict: Verdict,
    /// At least one for each side the verdict names.
    pub witnesses: Vec<Witness>,
    /// Why the verdict is `Invalid` or `Undecided`.
    pub note: Option<String>,
}

/// Compares what two policies of one kind allow: exact, bounded, with witnesses.
pub fn compare(actual: &Policy, baseline: &Policy) -> Comparison {
    let _ = (actual, baseline);
    Comparison { verdict: Verdict::Undecided, witnesses: vec![], note: None }
}
