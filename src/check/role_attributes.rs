//! `role-attributes`: permissions boundary, longest session, required tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Case, Outcome, Problem, Rules, fix};
use crate::model::{AccountId, Severity, Verdict};

impl Rules {
    /// The permissions boundary the role must have in an account.
    pub(super) fn boundary(&self, account: &AccountId) -> Option<String> {
        let arn = self.baseline.permissions_boundary.as_deref()?;
        let arn = arn.replace(crate::policy::ACCOUNT_TEMPLATE, account.as_str());
        Some(match arn.strip_prefix("arn:aws:") {
            Some(rest) => format!("arn:{}:{rest}", self.partition),
            None => arn,
        })
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
            let fix = fix::command(
                "put-role-permissions-boundary",
                role,
                &[("permissions-boundary", want)],
            );
            let summary = format!("the permissions boundary is {instead}, expected {want}");
            (Verdict::Missing, Severity::High, summary, vec![fix])
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
        cause: "boundary".to_owned(),
        verdict,
        severity,
        summary,
        witnesses: Vec::new(),
        expected: json!(expected),
        actual: json!(actual),
        fix,
    })
}

fn session(case: &Case<'_>) -> Option<Problem> {
    let most = case.rules.baseline.max_session_duration.as_secs();
    let actual = case.role.max_session_seconds.filter(|seconds| u64::from(*seconds) > most)?;
    // IAM takes 1 to 12 hours (CreateRole, MaxSessionDuration).
    let target = most.clamp(3_600, 43_200).to_string();
    Some(Problem {
        cause: "session".to_owned(),
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
            &[("max-session-duration", &target)],
        )],
    })
}

fn tags(case: &Case<'_>) -> Option<Problem> {
    let wanted = &case.rules.baseline.required_tags;
    let missing: BTreeMap<&str, &str> = wanted
        .iter()
        .filter(|(key, value)| case.role.tags.get(*key) != Some(value))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let first = missing.keys().next()?;
    let more =
        if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    let found: BTreeMap<&str, Value> =
        missing.keys().map(|key| (*key, json!(case.role.tags.get(*key)))).collect();
    Some(Problem {
        cause: "tags".to_owned(),
        verdict: Verdict::Missing,
        severity: Severity::Low,
        summary: format!("the required tag {first}{more} is missing or has another value"),
        witnesses: Vec::new(),
        expected: json!(missing),
        actual: json!(found),
        fix: vec![fix::tag(&case.role.arn.name, &missing)],
    })
}
