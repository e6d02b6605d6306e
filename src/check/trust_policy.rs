//! `trust-policy`: who may assume the role.

use serde_json::json;

use super::hardening::{self, Hardening};
use super::{Case, Outcome, Problem, fix, shown, words};
use crate::model::{Scope, Severity, Side, Verdict, Witness};
use crate::policy::{Comparison, Kind, Policy, compare};

/// Witnesses a finding shows, worst first.
const SHOWN: usize = 5;

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let (text, baseline) = (case.role.trust_policy.as_str(), case.baseline);
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
        Verdict::Equivalent => return Outcome::passed(),
        Verdict::Undecided => return Outcome::of(verdict).detail("note", note.unwrap_or_default()),
        Verdict::Missing | Verdict::Excess | Verdict::MissingAndExcess => {
            (severity, differences(case, &witnesses))
        }
        Verdict::Conditional => conditional(case, &policy, &witnesses),
        Verdict::Invalid | Verdict::Absent => {
            (Severity::High, not_strict(&note.unwrap_or_default()))
        }
    };
    witnesses.truncate(SHOWN);
    failed(case, verdict, severity, summary, witnesses)
}

fn failed(
    case: &Case<'_>,
    verdict: Verdict,
    severity: Severity,
    summary: String,
    witnesses: Vec<Witness>,
) -> Outcome {
    let document = &case.baseline.trust_document;
    let policy_document = document.to_string();
    Outcome::of(verdict).problem(Problem {
        cause: verdict.as_str().to_owned(),
        verdict,
        severity,
        summary,
        witnesses,
        expected: document.clone(),
        actual: shown(&case.role.trust_policy),
        fix: vec![fix::command(
            "update-assume-role-policy",
            &case.role.arn.name,
            &[("policy-document", &policy_document)],
        )],
    })
}

fn not_strict(note: &str) -> String {
    format!("the trust policy is not one well-formed policy document: {note}")
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
    // The text of the policy tells whether an account is named or everyone is meant.
    let named = |account: &str| case.role.trust_policy.contains(account);
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

fn conditional(case: &Case<'_>, policy: &Policy, witnesses: &[Witness]) -> (Severity, String) {
    let hardening = hardening::judge(
        policy,
        &case.baseline.trust,
        &case.rules.checks.accept_conditions,
        case.account,
        case.rules.organization.as_deref(),
    );
    let who =
        witnesses.first().map_or_else(String::new, |w| words::principal(w, case.account, |_| true));
    match hardening {
        Hardening::Accepted => (
            Severity::Info,
            format!(
                "{who} may assume the role under an accepted condition that names this account"
            ),
        ),
        Hardening::OtherAccount(value) => (
            Severity::High,
            format!(
                "{who} may assume the role only for {value}, which is not this account: the connector cannot work"
            ),
        ),
        Hardening::Other => {
            (Severity::Medium, format!("{who} may assume the role only under a condition"))
        }
    }
}

impl Case<'_> {
    /// What the role's documents depend on.
    pub(super) fn context(&self) -> crate::policy::Context {
        crate::policy::Context {
            account: self.account.clone(),
            partition: self.rules.partition.clone(),
        }
    }

    /// Documents by name, as values to show.
    pub(super) fn inline_shown(&self) -> serde_json::Value {
        match self.role.inline.iter().collect::<Vec<_>>().as_slice() {
            [] => serde_json::Value::Null,
            [(_, document)] => shown(document),
            several => {
                let members =
                    several.iter().map(|(name, document)| ((*name).clone(), shown(document)));
                json!(members.collect::<serde_json::Map<_, _>>())
            }
        }
    }
}
