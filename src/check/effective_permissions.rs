//! `effective-permissions`: can the connector work? Inline and attached policies together, cut by the boundary.

use serde_json::Value;

use super::{Case, Outcome, Problem, fix, shown, words};
use crate::model::{Severity, Verdict, Witness};
use crate::policy::{Kind, Policy, covers};

pub(super) fn check(case: &Case<'_>) -> Outcome {
    match judge(case) {
        Err(note) => Outcome::of(Verdict::Undecided).detail("note", note),
        Ok((Verdict::Equivalent, ..)) => Outcome::passed(),
        Ok((verdict, witnesses, cut)) => {
            Outcome::of(verdict).problem(problem(case, verdict, witnesses, cut))
        }
    }
}

/// What keeps permissions away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Policies,
    Boundary,
}

/// The verdict, its proof and who is to blame; or why nothing can be said.
fn judge(case: &Case<'_>) -> Result<(Verdict, Vec<Witness>, Cut), String> {
    let parse = |name: &str, document: &str| {
        Policy::parse(Kind::Identity, document, &case.context()).map_err(|e| format!("{name}: {e}"))
    };
    let known = |arn: &str, document: &Option<String>| {
        document.clone().ok_or_else(|| format!("the document of {arn} is not known"))
    };
    let mut policies = Vec::new();
    for (name, document) in &case.role.inline {
        policies.push(parse(name, document)?);
    }
    for (arn, policy) in &case.role.attached {
        policies.push(parse(arn, &known(arn, &policy.document)?)?);
    }
    let mut worst = (Verdict::Equivalent, Vec::new(), Cut::Policies);
    let boundary = match &case.role.boundary {
        Some((arn, policy)) => Some(parse(arn, &known(arn, &policy.document)?)?),
        None => None,
    };
    // No policy at all allows nothing, like one that allows something unrelated.
    let none = Policy::nothing(Kind::Identity, &case.context());
    let granted = Policy::union(policies).unwrap_or(none);
    for (policy, cut) in [(Some(granted), Cut::Policies), (boundary, Cut::Boundary)] {
        let Some(policy) = policy else { continue };
        let coverage = covers(&policy, &case.baseline.inline);
        match coverage.verdict {
            Verdict::Equivalent => {}
            Verdict::Undecided => {
                return Err("the comparison spent its work budget; no claim is made".to_owned());
            }
            Verdict::Missing if worst.0 != Verdict::Missing => {
                worst = (Verdict::Missing, coverage.witnesses, cut)
            }
            verdict if worst.0 == Verdict::Equivalent => worst = (verdict, coverage.witnesses, cut),
            _ => {}
        }
    }
    Ok(worst)
}

fn problem(case: &Case<'_>, verdict: Verdict, witnesses: Vec<Witness>, cut: Cut) -> Problem {
    let requests = words::requests(&witnesses.iter().collect::<Vec<_>>());
    let boundary = case.role.boundary.as_ref();
    let by = match (cut, boundary) {
        (Cut::Boundary, Some((arn, _))) => format!("the permissions boundary {arn}"),
        _ => "what the role carries".to_owned(),
    };
    let (severity, summary) = match verdict {
        Verdict::Conditional => {
            (Severity::Medium, format!("{by} allows {requests} only under a condition"))
        }
        _ => (Severity::High, format!("the connector cannot work: {by} does not allow {requests}")),
    };
    let actual = match (cut, boundary) {
        (Cut::Boundary, Some((_, policy))) => policy.document.as_deref().map_or(Value::Null, shown),
        _ => case.inline_shown(),
    };
    let fix = match cut {
        Cut::Policies => super::inline_policy::commands(case),
        Cut::Boundary => case
            .rules
            .boundary(case.account)
            .map(|arn| {
                fix::command(
                    "put-role-permissions-boundary",
                    &case.role.arn.name,
                    &[("permissions-boundary", &arn)],
                )
            })
            .into_iter()
            .collect(),
    };
    Problem {
        cause: verdict.as_str().to_owned(),
        verdict,
        severity,
        summary,
        witnesses,
        expected: case.baseline.inline_document.clone(),
        actual,
        fix,
    }
}
