//! `attached-policies`: managed policies against the configured lists.

use serde_json::{Value, json};

use super::{Case, Outcome, Problem, fix};
use crate::model::{ManagedPolicy, Severity, Verdict};
use crate::policy::{Kind, Policy, compare};

/// `delivered`: inline and attached policies together allow all of the baseline.
pub(super) fn check(case: &Case<'_>, delivered: bool) -> Outcome {
    let (checks, attached) = (&case.rules.checks, &case.role.attached);
    let partition = &case.rules.partition;
    let local = |arn: &String| match arn.strip_prefix("arn:aws:") {
        Some(rest) => format!("arn:{partition}:{rest}")
            .replace(crate::policy::ACCOUNT_TEMPLATE, case.account.as_str()),
        None => arn.clone(),
    };
    let required: Vec<String> = checks.required_attachments.iter().map(local).collect();
    let allowed: Vec<String> = checks.allowed_attachments.iter().map(local).collect();
    let missing: Vec<&String> =
        required.iter().filter(|arn| !attached.contains_key(*arn)).collect();
    let extra: Vec<(&String, &ManagedPolicy, bool)> = attached
        .iter()
        .filter(|(arn, _)| !required.contains(arn) && !allowed.contains(arn))
        .map(|(arn, policy)| (arn, policy, delivered && within_baseline(case, policy)))
        .filter(|(_, _, delivering)| !(*delivering && checks.accept_managed))
        .collect();
    let verdict = match (missing.is_empty(), extra.is_empty()) {
        (true, true) => Verdict::Equivalent,
        (false, true) => Verdict::Missing,
        (true, false) => Verdict::Excess,
        (false, false) => Verdict::MissingAndExcess,
    };
    let extras: Vec<&String> = extra.iter().map(|(arn, _, _)| *arn).collect();
    let mut outcome =
        Outcome::of(verdict).detail("extra", json!(extras)).detail("missing", json!(missing));
    for (arn, policy, delivering) in &extra {
        outcome = outcome.problem(surplus(case, arn, policy, *delivering));
    }
    for arn in &missing {
        outcome = outcome.problem(Problem {
            cause: format!("missing {arn}"),
            verdict: Verdict::Missing,
            severity: Severity::High,
            summary: format!("the required managed policy {arn} is not attached"),
            witnesses: Vec::new(),
            expected: json!(arn),
            actual: Value::Null,
            fix: vec![fix::command(
                "attach-role-policy",
                &case.role.arn.name,
                &[("policy-arn", arn)],
            )],
        });
    }
    outcome
}

fn surplus(case: &Case<'_>, arn: &str, policy: &ManagedPolicy, delivering: bool) -> Problem {
    let (severity, note) = if delivering {
        (Severity::Low, "; it allows nothing beyond the baseline")
    } else {
        (Severity::High, "")
    };
    let detach = fix::command("detach-role-policy", &case.role.arn.name, &[("policy-arn", arn)]);
    // Detaching what delivers the permissions would break the connector: put the inline policy first.
    let put = if delivering { super::inline_policy::commands(case) } else { Vec::new() };
    Problem {
        cause: format!("extra {arn}"),
        verdict: Verdict::Excess,
        severity,
        summary: format!(
            "the managed policy {} ({arn}) is attached and not expected{note}",
            policy.name
        ),
        witnesses: Vec::new(),
        expected: Value::Null,
        actual: json!(arn),
        fix: put.into_iter().chain([detach]).collect(),
    }
}

/// Whether a managed policy allows nothing that the baseline does not.
fn within_baseline(case: &Case<'_>, policy: &ManagedPolicy) -> bool {
    let Some(document) = &policy.document else { return false };
    let Ok(policy) = Policy::parse(Kind::Identity, document, &case.context()) else { return false };
    let verdict = compare(&policy, &case.baseline.inline).verdict;
    matches!(verdict, Verdict::Equivalent | Verdict::Missing | Verdict::Conditional)
}
