//! `role-exists`: the role is there, under its exact name and path.

use serde_json::{Value, json};

use super::baseline::Baseline;
use super::{Case, Outcome, Problem, Rules, fix};
use crate::config::Presence;
use crate::model::{AccountId, Severity, Verdict};

/// There is no such role.
pub(super) fn absent(rules: &Rules, account: &AccountId, baseline: &Baseline) -> Outcome {
    let config = &rules.baseline;
    match config.presence {
        Presence::Forbidden => Outcome::passed(),
        Presence::Optional => Outcome::of(Verdict::Absent),
        Presence::Required | Presence::WhenConnected => {
            let role = &config.role_name;
            Outcome::of(Verdict::Absent).problem(Problem {
                cause: "absent".to_owned(),
                verdict: Verdict::Absent,
                severity: Severity::High,
                summary: format!("there is no role {role} in this account"),
                witnesses: Vec::new(),
                expected: json!({"role": role, "path": config.path}),
                actual: Value::Null,
                fix: creation(rules, account, baseline),
            })
        }
    }
}

/// Makes the role as it should be, with everything that must be on it.
fn creation(rules: &Rules, account: &AccountId, baseline: &Baseline) -> Vec<String> {
    let config = &rules.baseline;
    let role = &config.role_name;
    let trust = baseline.trust_document.to_string();
    let (boundary, tags) = (rules.boundary(account), fix::tags(&config.required_tags));
    let mut flags = vec![("assume-role-policy-document", trust.as_str())];
    if config.path != "/" {
        flags.push(("path", &config.path));
    }
    if let Some(boundary) = &boundary {
        flags.push(("permissions-boundary", boundary));
    }
    if !config.required_tags.is_empty() {
        flags.push(("tags", &tags));
    }
    let create = fix::command("create-role", role, &flags);
    let put = fix::put_policy(role, &config.inline_policy_name, &baseline.inline_document);
    let attach = rules.checks.required_attachments.iter().map(|arn| {
        let arn = rules.localized(arn, account);
        fix::command("attach-role-policy", role, &[("policy-arn", &arn)])
    });
    [create, put].into_iter().chain(attach).collect()
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
