//! `effective-permissions`: can the connector work? Inline and attached policies together, cut by the boundary.

use serde_json::Value;

use super::{Case, Outcome, Problem, Subject, fix, inline_policy, shown, words};
use crate::model::{Severity, Verdict, Write};
use crate::policy::{Coverage, Kind, Policy, covers};

/// `inline`: the verdict on the inline policies alone.
pub(super) fn check(case: &Case<'_>, inline: Verdict) -> Outcome {
    let cuts = [(Cut::Policies, granted(case, inline)), (Cut::Boundary, bounded(case))];
    let has = |wanted| cuts.iter().any(|(_, c)| c.as_ref().is_ok_and(|c| c.verdict == wanted));
    let note = cuts.iter().find_map(|(_, coverage)| coverage.as_ref().err());
    // What one of the two keeps away is away, whatever the other one would turn out to say.
    let outcome = match note {
        _ if has(Verdict::Missing) => Outcome::of(Verdict::Missing),
        Some(note) => return Outcome::of(Verdict::Undecided).detail("note", note.as_str()),
        None if has(Verdict::Conditional) => Outcome::of(Verdict::Conditional),
        None => return Outcome::passed(),
    };
    let lacks = cuts.iter().filter_map(|(cut, coverage)| match coverage {
        Ok(coverage) if coverage.verdict != Verdict::Equivalent => Some((*cut, coverage)),
        Ok(_) | Err(_) => None,
    });
    lacks.fold(outcome, |outcome, (cut, coverage)| outcome.problem(problem(case, cut, coverage)))
}

/// What keeps permissions away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Policies,
    Boundary,
}

impl Cut {
    /// What the finding is about.
    pub(super) fn subject(self, case: &Case<'_>, verdict: Verdict) -> Subject {
        match self {
            Self::Policies => case.granted_subject(verdict),
            Self::Boundary => case.bounded_subject(verdict),
        }
    }
}

/// What inline and attached policies allow together, or why nothing can be said.
fn granted(case: &Case<'_>, inline: Verdict) -> Result<Coverage, String> {
    if inline == Verdict::Equivalent && case.role.attached.is_empty() {
        return Ok(everything());
    }
    let mut policies = Vec::new();
    for (name, document) in &case.role.inline {
        policies.push(parse(case, name, Some(document))?);
    }
    for (arn, policy) in &case.role.attached {
        policies.push(parse(case, arn, policy.document.as_ref())?);
    }
    // No policy at all allows nothing, like one that allows something unrelated.
    let none = Policy::nothing(Kind::Identity, &case.context());
    decided(case, &Policy::union(policies).unwrap_or(none))
}

/// What the boundary lets through; everything when there is none.
fn bounded(case: &Case<'_>) -> Result<Coverage, String> {
    match &case.role.boundary {
        None => Ok(everything()),
        Some((arn, policy)) => decided(case, &parse(case, arn, policy.document.as_ref())?),
    }
}

fn everything() -> Coverage {
    Coverage { verdict: Verdict::Equivalent, witnesses: Vec::new() }
}

fn parse(case: &Case<'_>, name: &str, document: Option<&String>) -> Result<Policy, String> {
    let document = document.ok_or_else(|| format!("the document of {name} is not known"))?;
    Policy::parse(Kind::Identity, document, &case.context()).map_err(|e| format!("{name}: {e}"))
}

fn decided(case: &Case<'_>, policy: &Policy) -> Result<Coverage, String> {
    let coverage = covers(policy, &case.baseline.inline);
    match coverage.verdict {
        Verdict::Undecided => Err("the comparison spent its work budget; no claim is made".into()),
        _ => Ok(coverage),
    }
}

fn problem(case: &Case<'_>, cut: Cut, coverage: &Coverage) -> Problem {
    let requests = words::requests(&coverage.witnesses.iter().collect::<Vec<_>>());
    let (by, actual, fix) = match (cut, &case.role.boundary) {
        (Cut::Boundary, Some((arn, policy))) => (
            format!("the permissions boundary {arn}"),
            policy.document.as_deref().map_or(Value::Null, shown),
            other_boundary(case, arn),
        ),
        _ => ("what the role carries".to_owned(), carried(case), grants(case)),
    };
    let (severity, summary) = match coverage.verdict {
        Verdict::Conditional => {
            (Severity::Medium, format!("{by} allows {requests} only under a condition"))
        }
        _ => (Severity::High, format!("the connector cannot work: {by} does not allow {requests}")),
    };
    Problem {
        verdict: coverage.verdict,
        severity,
        summary,
        witnesses: coverage.witnesses.clone(),
        expected: if actual.is_null() {
            Value::Null
        } else {
            case.baseline.inline_document.clone()
        },
        actual,
        fix,
        ..Problem::about(cut.subject(case, coverage.verdict))
    }
}

/// What to compare with the expected document. With inline policies alone `inline-policy` shows it already.
fn carried(case: &Case<'_>) -> Value {
    if case.role.attached.is_empty() { Value::Null } else { case.inline_shown() }
}

/// The expected inline policy, and nothing attached that takes away from it.
fn grants(case: &Case<'_>) -> Vec<String> {
    let takes_away = |document: &String| {
        let policy = Policy::parse(Kind::Identity, document, &case.context()).ok()?;
        let both = Policy::union([policy, case.baseline.inline.clone()])?;
        Some(covers(&both, &case.baseline.inline).verdict != Verdict::Equivalent)
    };
    let harmful =
        case.role.attached.iter().filter(|(_, policy)| {
            policy.document.as_ref().and_then(takes_away).unwrap_or_default()
        });
    let detach = harmful.map(|(arn, _)| Write::DetachManagedPolicy { arn: arn.clone() });
    let writes: Vec<Write> = inline_policy::writes(case).into_iter().chain(detach).collect();
    fix::commands(&case.role.arn.name, &writes)
}

/// The boundary the role should have, if that is another one. Taking a boundary away is not for us to advise.
fn other_boundary(case: &Case<'_>, actual: &str) -> Vec<String> {
    let wanted = case.rules.boundary(case.account).filter(|wanted| wanted != actual);
    let put = wanted.map(|arn| Write::PutPermissionsBoundary { arn });
    fix::commands(&case.role.arn.name, &put)
}
