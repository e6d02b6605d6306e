//! `attached-policies`: managed policies against the configured lists.

use serde_json::{Value, json};

use super::{About, Case, Outcome, Problem, Subject, fix};
use crate::model::{ManagedPolicy, Severity, Verdict, Write};
use crate::policy::{Kind, Policy, compare};

/// `effective`: the verdict on inline and attached policies together; `inline`: on the inline ones alone.
pub(super) fn check(case: &Case<'_>, effective: Verdict, inline: Verdict) -> Outcome {
    let (checks, attached) = (&case.rules.checks, &case.role.attached);
    let local = |arn: &String| case.rules.localized(arn, case.account);
    let required: Vec<String> = checks.required_attachments.iter().map(local).collect();
    let allowed: Vec<String> = checks.allowed_attachments.iter().map(local).collect();
    let missing: Vec<&String> =
        required.iter().filter(|arn| !attached.contains_key(*arn)).collect();
    let surplus: Vec<Surplus<'_>> = attached
        .iter()
        .filter(|(arn, _)| !required.contains(arn) && !allowed.contains(arn))
        .map(|(arn, policy)| Surplus { arn, policy, worth: worth(case, policy, effective) })
        .collect();
    let is_problem = |s: &&Surplus<'_>| !checks.accept_managed || s.worth == Worth::None;
    let extra: Vec<&Surplus<'_>> = surplus.iter().filter(is_problem).collect();
    let doubtful = checks.accept_managed && surplus.iter().any(|s| s.worth == Worth::Unknown);
    let verdict = match (missing.is_empty(), extra.is_empty()) {
        (true, true) if doubtful => Verdict::Undecided,
        (true, true) => Verdict::Equivalent,
        (false, true) => Verdict::Missing,
        (true, false) => Verdict::Excess,
        (false, false) => Verdict::MissingAndExcess,
    };
    let arns: Vec<&String> = extra.iter().map(|s| s.arn).collect();
    let mut outcome =
        Outcome::of(verdict).detail("extra", json!(arns)).detail("missing", json!(missing));
    if verdict == Verdict::Undecided {
        outcome = outcome
            .detail("note", "whether an attached policy stays within the baseline is not decided");
    }
    // Detaching what delivers the permissions would break the connector: the inline policy comes first.
    let lacking = !matches!(inline, Verdict::Equivalent | Verdict::Excess | Verdict::Undecided);
    let put = if lacking { super::inline_policy::commands(case) } else { Vec::new() };
    for surplus in extra {
        outcome = outcome.problem(surplus.problem(case, put.clone()));
    }
    for arn in missing {
        outcome = outcome.problem(not_attached(case, arn));
    }
    outcome
}

/// A policy that is on neither list.
struct Surplus<'r> {
    arn: &'r String,
    policy: &'r ManagedPolicy,
    worth: Worth,
}

/// What a policy on neither list is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// The role allows all of the baseline, and this policy nothing else.
    Delivers,
    /// It allows more, or the role does not work anyway.
    None,
    /// Its document is not known, or the comparison was not decided.
    Unknown,
}

fn worth(case: &Case<'_>, policy: &ManagedPolicy, effective: Verdict) -> Worth {
    let policy = match &policy.document {
        None => return Worth::Unknown,
        Some(document) => Policy::parse(Kind::Identity, document, &case.context()),
    };
    let Ok(policy) = policy else { return Worth::None };
    match (compare(&policy, &case.baseline.inline).verdict, effective) {
        (Verdict::Undecided, _) => Worth::Unknown,
        (Verdict::Equivalent | Verdict::Missing | Verdict::Conditional, Verdict::Equivalent) => {
            Worth::Delivers
        }
        (Verdict::Equivalent | Verdict::Missing | Verdict::Conditional, Verdict::Undecided) => {
            Worth::Unknown
        }
        _ => Worth::None,
    }
}

impl Surplus<'_> {
    fn problem(&self, case: &Case<'_>, put: Vec<String>) -> Problem {
        let (severity, note) = match self.worth {
            Worth::Delivers => (Severity::Low, "; it allows nothing beyond the baseline"),
            Worth::None | Worth::Unknown => (Severity::High, ""),
        };
        let detach = Write::DetachManagedPolicy { arn: self.arn.clone() };
        let detach = fix::commands(&case.role.arn.name, [&detach]);
        Problem {
            verdict: Verdict::Excess,
            severity,
            summary: format!(
                "the managed policy {} ({}) is attached and not expected{note}",
                self.policy.name, self.arn
            ),
            witnesses: Vec::new(),
            expected: Value::Null,
            actual: json!(self.arn),
            fix: put.into_iter().chain(detach).collect(),
            ..Problem::about(case.attached_subject(self.arn))
        }
    }
}

fn not_attached(case: &Case<'_>, arn: &str) -> Problem {
    let attach = Write::AttachManagedPolicy { arn: arn.to_owned() };
    Problem {
        verdict: Verdict::Missing,
        severity: Severity::High,
        summary: format!("the required managed policy {arn} is not attached"),
        witnesses: Vec::new(),
        expected: json!(arn),
        actual: Value::Null,
        fix: fix::commands(&case.role.arn.name, [&attach]),
        ..Problem::about(Subject::new(About::Required(arn.to_owned()), ""))
    }
}
