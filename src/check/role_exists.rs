//! `role-exists`: the role is there, under its exact name and path.

use serde_json::{Value, json};

use super::baseline::Baseline;
use super::{About, Case, Outcome, Problem, Rules, Subject, decided, fix};
use crate::config::{Attribute, Presence};
use crate::model::{AccountId, Role, Severity, Verdict, Write};

/// There is no such role.
pub(super) fn absent(rules: &Rules, account: &AccountId, baseline: &Baseline) -> Outcome {
    let config = &rules.baseline;
    match config.presence {
        Presence::Forbidden => Outcome::passed(),
        Presence::Optional => Outcome::of(Verdict::Absent),
        Presence::Required | Presence::WhenConnected => {
            let role = &config.role_name;
            let writes: Vec<Write> = creation(rules, account, baseline)
                .into_iter()
                .chain(attachments(rules, account))
                .collect();
            Outcome::of(Verdict::Absent).problem(Problem {
                verdict: Verdict::Absent,
                severity: Severity::High,
                summary: format!("there is no role {role} in this account"),
                witnesses: Vec::new(),
                expected: json!({"role": role, "path": config.path}),
                actual: Value::Null,
                fix: fix::commands(role, &writes),
                ..Problem::about(Subject::new(About::Absence, ""))
            })
        }
    }
}

/// Creates the role of the baseline, and puts its inline policy.
pub(super) fn creation(rules: &Rules, account: &AccountId, baseline: &Baseline) -> [Write; 2] {
    let config = &rules.baseline;
    let create = Write::CreateRole {
        path: config.path.clone(),
        trust_policy: baseline.trust_document.to_string(),
        // AWS's own hour is the shortest there is: never more than what is allowed.
        max_session_seconds: None,
        boundary: rules.boundary(account),
        tags: config.required_tags.clone(),
    };
    [create, baseline.put_inline(&config.inline_policy_name)]
}

/// What must be attached.
fn attachments(rules: &Rules, account: &AccountId) -> impl Iterator<Item = Write> {
    let required = rules.checks.required_attachments.iter();
    required.map(|arn| Write::AttachManagedPolicy { arn: rules.localized(arn, account) })
}

/// It is there; is it under the exact name and path?
pub(super) fn present(case: &Case<'_>) -> Outcome {
    let (config, arn) = (&case.rules.baseline, &case.role.arn);
    if arn.name == config.role_name && arn.path == config.path {
        return Outcome::passed();
    }
    let about =
        if arn.name == config.role_name { About::Attribute(Attribute::Path) } else { About::Place };
    let summary = if arn.name == config.role_name {
        format!(
            "the role has path {} instead of {}. IAM cannot change a path: delete the role and create it again",
            arn.path, config.path
        )
    } else {
        format!(
            "the role is named {} instead of {}. IAM cannot change a name: delete the role and create it again",
            arn.name, config.role_name
        )
    };
    Outcome::of(Verdict::Absent).detail("found", arn.to_string()).problem(Problem {
        verdict: Verdict::Absent,
        severity: Severity::Medium,
        summary,
        witnesses: Vec::new(),
        expected: json!({"role": config.role_name, "path": config.path}),
        actual: json!({"role": arn.name, "path": arn.path}),
        fix: Vec::new(),
        ..Problem::about(Subject::new(
            about,
            format!("{}{} {}{}", arn.path, arn.name, config.path, config.role_name),
        ))
    })
}

/// It is there and must not be.
pub(super) fn forbidden(case: &Case<'_>) -> Outcome {
    let left = decided::role_is_left(case);
    let fix = if left.is_none() { removal(case) } else { Vec::new() };
    let left = left.map_or_else(String::new, |why| format!("; {why}"));
    Outcome::of(Verdict::Excess).problem(Problem {
        verdict: Verdict::Excess,
        severity: Severity::High,
        summary: format!(
            "the role {} is here, and the configuration forbids it{left}",
            case.role.arn.name
        ),
        witnesses: Vec::new(),
        expected: Value::Null,
        actual: json!({"role": case.role.arn.name, "path": case.role.arn.path}),
        fix,
        ..Problem::about(case.presence_subject())
    })
}

/// IAM deletes a role only once nothing is in it.
fn removal(case: &Case<'_>) -> Vec<String> {
    let Role { inline, attached, arn, .. } = case.role;
    let delete = inline.keys().map(|name| Write::DeleteInlinePolicy { name: name.clone() });
    let detach = attached.keys().map(|arn| Write::DetachManagedPolicy { arn: arn.clone() });
    let writes: Vec<Write> = delete.chain(detach).chain([Write::DeleteRole]).collect();
    fix::commands(&arn.name, &writes)
}
