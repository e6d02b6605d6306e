//! `role-exists`: the role is there, under its exact name and path.

use serde_json::{Value, json};

use super::baseline::Baseline;
use super::{Case, Outcome, Problem, Rules, fix};
use crate::config::Presence;
use crate::model::{Severity, Verdict};

/// There is no such role.
pub(super) fn absent(rules: &Rules, baseline: &Baseline) -> Outcome {
    let config = &rules.baseline;
    match config.presence {
        Presence::Forbidden => Outcome::passed(),
        Presence::Optional => Outcome::of(Verdict::Absent),
        Presence::Required => {
            let role = &config.role_name;
            let boundary = rules.boundary(&baseline.context.account);
            Outcome::of(Verdict::Absent).problem(Problem {
                cause: "absent".to_owned(),
                verdict: Verdict::Absent,
                severity: Severity::High,
                summary: format!("there is no role {role} in this account"),
                witnesses: Vec::new(),
                expected: json!({"role": role, "path": config.path}),
                actual: Value::Null,
                fix: fix::create_role(
                    role,
                    &config.path,
                    &baseline.trust_document,
                    boundary.as_deref(),
                    &config.inline_policy_name,
                    &baseline.inline_document,
                ),
            })
        }
    }
}

/// It is there; is it under the exact name and path?
pub(super) fn present(case: &Case<'_>) -> Outcome {
    let (config, arn) = (&case.rules.baseline, &case.role.arn);
    if arn.name == config.role_name && arn.path == config.path {
        return Outcome::passed();
    }
    let summary = if arn.name == config.role_name {
        format!(
            "the role is at path {}, not {}; a path cannot be changed, the role must be made anew",
            arn.path, config.path
        )
    } else {
        format!(
            "the role is named {}, not {}; a name cannot be changed, the role must be made anew",
            arn.name, config.role_name
        )
    };
    Outcome::of(Verdict::Absent).detail("found", arn.to_string()).problem(Problem {
        cause: "elsewhere".to_owned(),
        verdict: Verdict::Absent,
        severity: Severity::Medium,
        summary,
        witnesses: Vec::new(),
        expected: json!({"role": config.role_name, "path": config.path}),
        actual: json!({"role": arn.name, "path": arn.path}),
        fix: Vec::new(),
    })
}

/// It is there and must not be.
pub(super) fn forbidden(case: &Case<'_>) -> Outcome {
    Outcome::of(Verdict::Excess).problem(Problem {
        cause: "forbidden".to_owned(),
        verdict: Verdict::Excess,
        severity: Severity::High,
        summary: format!(
            "the role {} is here, and the configuration forbids it",
            case.role.arn.name
        ),
        witnesses: Vec::new(),
        expected: Value::Null,
        actual: json!({"role": case.role.arn.name, "path": case.role.arn.path}),
        fix: removal(case),
    })
}

/// IAM deletes a role only once nothing is in it.
fn removal(case: &Case<'_>) -> Vec<String> {
    let role = &case.role.arn.name;
    let inline = case
        .role
        .inline
        .keys()
        .map(|name| fix::command("delete-role-policy", role, &[("policy-name", name)]));
    let attached = case
        .role
        .attached
        .keys()
        .map(|arn| fix::command("detach-role-policy", role, &[("policy-arn", arn)]));
    inline.chain(attached).chain([fix::command("delete-role", role, &[])]).collect()
}
