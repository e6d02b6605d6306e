//! `role-attributes`: permissions boundary, longest session, required tags.

use std::collections::BTreeMap;

use serde_json::json;

use super::{About, Case, Outcome, Problem, Rules, Subject, effective_permissions, fix};
use crate::config::Attribute;
use crate::model::{AccountId, Severity, Verdict};
use crate::policy::ACCOUNT_TEMPLATE;

impl Rules {
    /// The permissions boundary the role must have in an account.
    pub(super) fn boundary(&self, account: &AccountId) -> Option<String> {
        self.baseline.permissions_boundary.as_deref().map(|arn| self.localized(arn, account))
    }

    /// A configured ARN as it reads in an account.
    pub(super) fn localized(&self, arn: &str, account: &AccountId) -> String {
        let arn = arn.replace(ACCOUNT_TEMPLATE, account.as_str());
        match arn.strip_prefix("arn:aws:") {
            Some(rest) => format!("arn:{}:{rest}", self.partition),
            None => arn,
        }
    }
}

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let problems: Vec<Problem> =
        [boundary(case), session(case), tags(case)].into_iter().flatten().collect();
    let has = |verdict| problems.iter().any(|p| p.verdict == verdict);
    // Something missing is the worse of the two; both are listed as findings.
    let verdict = match (has(Verdict::Missing), has(Verdict::Excess)) {
        (true, _) => Verdict::Missing,
        (false, true) => Verdict::Excess,
        (false, false) => Verdict::Equivalent,
    };
    problems.into_iter().fold(Outcome::of(verdict), Outcome::problem)
}

fn boundary(case: &Case<'_>) -> Option<Problem> {
    let expected = case.rules.boundary(case.account);
    let actual = case.role.boundary.as_ref().map(|(arn, _)| arn.clone());
    if expected == actual {
        return None;
    }
    let role = &case.role.arn.name;
    let (verdict, severity, summary, fix) = match (&expected, &actual) {
        (Some(want), have) => {
            let instead = have.as_ref().map_or("none".to_owned(), Clone::clone);
            let put = effective_permissions::other_boundary(case);
            let left = match put {
                Some(_) => "",
                None => {
                    "; left to people: the boundary holds a Deny or a condition, or its document was not read"
                }
            };
            let summary = format!("the permissions boundary is {instead}, expected {want}{left}");
            (Verdict::Missing, Severity::High, summary, fix::commands(role, &put))
        }
        // A boundary can only take away; whether it takes too much is for effective-permissions to say.
        (None, have) => {
            let have = have.clone().unwrap_or_default();
            let summary = format!(
                "the role has the permissions boundary {have}, which the baseline does not ask for"
            );
            (Verdict::Excess, Severity::Info, summary, Vec::new())
        }
    };
    Some(Problem {
        verdict,
        severity,
        summary,
        witnesses: Vec::new(),
        expected: json!(expected),
        actual: json!(actual),
        fix,
        ..Problem::about(case.boundary_subject())
    })
}

fn session(case: &Case<'_>) -> Option<Problem> {
    let most = case.rules.baseline.max_session_duration.as_secs();
    let actual = case.role.max_session_seconds.filter(|seconds| u64::from(*seconds) > most)?;
    Some(Problem {
        verdict: Verdict::Excess,
        severity: Severity::Low,
        summary: format!(
            "sessions of the role may last {actual} seconds, at most {most} are expected"
        ),
        witnesses: Vec::new(),
        expected: json!({"MaxSessionDuration": most}),
        actual: json!({"MaxSessionDuration": actual}),
        fix: vec![fix::command(
            "update-role",
            &case.role.arn.name,
            &[("max-session-duration", &most.to_string())],
        )],
        ..Problem::about(Subject::new(
            About::Attribute(Attribute::MaxSessionDuration),
            format!("{actual} {most}"),
        ))
    })
}

fn tags(case: &Case<'_>) -> Option<Problem> {
    let wanted = &case.rules.baseline.required_tags;
    let missing: BTreeMap<&String, &String> =
        wanted.iter().filter(|(key, value)| case.role.tags.get(*key) != Some(value)).collect();
    let first = missing.keys().next()?;
    let more =
        if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    let found: BTreeMap<&String, Option<&String>> =
        missing.keys().map(|key| (*key, case.role.tags.get(*key))).collect();
    let content = format!("{found:?} {missing:?}");
    Some(Problem {
        verdict: Verdict::Missing,
        severity: Severity::Low,
        summary: format!("the required tag {first}{more} is missing or has another value"),
        witnesses: Vec::new(),
        expected: json!(missing),
        actual: json!(found),
        fix: vec![fix::command("tag-role", &case.role.arn.name, &[("tags", &fix::tags(missing))])],
        ..Problem::about(Subject::new(About::Attribute(Attribute::Tags), content))
    })
}
