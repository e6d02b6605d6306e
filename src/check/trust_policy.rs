//! `trust-policy`: who may assume the role.

use serde_json::Value;

use super::hardening::{self, Hardening};
use super::{Case, Outcome, Problem, fix, shown, words};
use crate::model::{Scope, Severity, Side, Verdict, Witness};
use crate::policy::{Comparison, Kind, Policy, compare};

/// Witnesses a finding shows, worst first.
const SHOWN: usize = 5;

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let (text, baseline) = (case.role.trust_policy.as_str(), case.baseline);
    if baseline.same_trust.has(text) {
        return Outcome::passed();
    }
    let policy = match Policy::parse(Kind::Trust, text, &case.context()) {
        Ok(policy) => policy,
        Err(error) => {
            let note = error.to_string();
            return failed(case, Verdict::Invalid, Severity::High, not_strict(&note), Vec::new())
                .detail("note", note);
        }
    };
    let Comparison { verdict, mut witnesses, note } = compare(&policy, &baseline.trust);
    witnesses.sort_by_key(|witness| std::cmp::Reverse(severity_of(case, witness)));
    // An account is two sets of principals (iam and sts): one of them says it.
    let mut said = std::collections::BTreeSet::new();
    witnesses.retain(|w| {
        said.insert((w.side, w.action.clone(), words::principal(w, case.account, |_| true)))
    });
    let severity = witnesses.first().map_or(Severity::High, |witness| severity_of(case, witness));
    let (severity, summary) = match verdict {
        Verdict::Equivalent => {
            baseline.same_trust.add(text);
            return Outcome::passed();
        }
        Verdict::Undecided => return Outcome::of(verdict).detail("note", note.unwrap_or_default()),
        Verdict::Missing | Verdict::Excess | Verdict::MissingAndExcess => {
            (severity, differences(case, &witnesses))
        }
        Verdict::Conditional => conditional(case, &policy, &witnesses),
        Verdict::Invalid | Verdict::Absent => {
            (Severity::High, not_strict(&note.unwrap_or_default()))
        }
    };
    let beyond = |w: &Witness| w.side == Side::Excess && reaches_beyond(case, w);
    let reaches_beyond = witnesses.iter().any(beyond);
    witnesses.truncate(SHOWN);
    let mut outcome = failed(case, verdict, severity, summary, witnesses);
    outcome.problems.iter_mut().for_each(|problem| problem.reaches_beyond = reaches_beyond);
    outcome
}

fn failed(
    case: &Case<'_>,
    verdict: Verdict,
    severity: Severity,
    summary: String,
    witnesses: Vec<Witness>,
) -> Outcome {
    Outcome::of(verdict).problem(Problem {
        verdict,
        severity,
        summary,
        witnesses,
        expected: case.baseline.trust_document.clone(),
        actual: shown(&case.role.trust_policy),
        fix: fix::commands(&case.role.arn.name, [&case.baseline.update_trust()]),
        ..Problem::about(case.trust_subject(verdict))
    })
}

fn not_strict(note: &str) -> String {
    format!("the trust policy is not one well-formed policy document: {note}")
}

/// Whether the principal is of no service of AWS's and not of this account.
fn reaches_beyond(case: &Case<'_>, witness: &Witness) -> bool {
    match &witness.scope {
        Scope::Resource(_) => false,
        Scope::Principal { kind, .. } => {
            kind != "Service" && words::account_of(witness) != Some(case.account.as_str())
        }
    }
}

/// Anyone in the world, or in another account, may take the role over; a service needs an accomplice.
fn severity_of(case: &Case<'_>, witness: &Witness) -> Severity {
    match (witness.side, &witness.scope) {
        (Side::Missing, _) => Severity::High,
        (Side::Conditional, _) | (_, Scope::Resource(_)) => Severity::Medium,
        (Side::Excess, Scope::Principal { kind, value }) => match kind.as_str() {
            "AWS" => match words::account_of(witness) {
                Some(account) if account == case.account.as_str() => Severity::High,
                // The id of a deleted principal: nobody can be it again.
                None if value.starts_with("AROA") || value.starts_with("AIDA") => Severity::Medium,
                _ => Severity::Critical,
            },
            "CanonicalUser" => Severity::Critical,
            _ => Severity::High,
        },
    }
}

fn differences(case: &Case<'_>, witnesses: &[Witness]) -> String {
    // The policy's principals tell whether an account is named or everyone is meant.
    let principals = principals(&shown(&case.role.trust_policy));
    let named = |account: &str| principals.contains(account);
    let mut phrases: Vec<String> = Vec::new();
    let excess = witnesses.iter().filter(|w| w.side == Side::Excess).map(|w| {
        let who = words::principal(w, case.account, named);
        let beyond = if w.outside_baseline_condition {
            " without the condition the baseline demands"
        } else {
            ""
        };
        format!("{who} may {}{beyond}", words::assumes(&w.action))
    });
    let missing = witnesses.iter().filter(|w| w.side == Side::Missing).map(|w| {
        format!(
            "{} may not {}",
            words::principal(w, case.account, |_| true),
            words::assumes(&w.action)
        )
    });
    for phrase in excess.chain(missing) {
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    let more = phrases.len().saturating_sub(SHOWN);
    phrases.truncate(SHOWN);
    if more > 0 {
        phrases.push(format!("{more} more differ"));
    }
    words::list(&phrases)
}

/// The `Principal` of every statement as one text. Nothing else in a policy names who may come: not a Sid, not a condition.
fn principals(document: &Value) -> String {
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let principals = statements.iter().filter_map(|statement| statement.get("Principal"));
    principals.map(Value::to_string).collect()
}

fn conditional(case: &Case<'_>, policy: &Policy, witnesses: &[Witness]) -> (Severity, String) {
    let hardening = hardening::judge(
        policy,
        &case.baseline.trust,
        &case.rules.checks.accept_conditions,
        case.account,
        case.rules.organization.as_deref(),
    );
    let what = witnesses.first().map_or_else(String::new, |w| {
        format!("{} may {}", words::principal(w, case.account, |_| true), words::assumes(&w.action))
    });
    match hardening {
        Hardening::Accepted => (
            Severity::Info,
            format!(
                "{what} under an accepted condition, which names this account or its organization"
            ),
        ),
        Hardening::OtherAccount(value) => (
            Severity::High,
            format!(
                "{what} only for {value}, which is not this account: the connector cannot work"
            ),
        ),
        Hardening::Other => (Severity::Medium, format!("{what} only under a condition")),
    }
}
