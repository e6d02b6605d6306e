//! `attached-policies`: managed policies against the configured lists.

use serde_json::{Value, json};

use super::excess::Excess;
use super::inline_remedy::Parts;
use super::{About, Case, Outcome, Problem, Subject, decided, fix, works};
use crate::model::{ManagedPolicy, Severity, Verdict, Witness, Write};
use crate::policy::{Kind, Policy, compare, covers};

/// `effective`: the verdict on inline and attached policies together; `inline`: on the inline ones alone.
pub(super) fn check(case: &Case<'_>, effective: Verdict, inline: Verdict) -> Outcome {
    let (checks, attached) = (&case.rules.checks, &case.role.attached);
    let local = |arn: &String| case.rules.localized(arn, case.account);
    let required: Vec<String> = checks.required_attachments.iter().map(local).collect();
    let allowed: Vec<String> = checks.allowed_attachments.iter().map(local).collect();
    let missing: Vec<&String> =
        required.iter().filter(|arn| !attached.contains_key(*arn)).collect();
    let surplus: Vec<Surplus<'_>> = attached
        .iter()
        .filter(|(arn, _)| !required.contains(arn) && !allowed.contains(arn))
        .map(|(arn, policy)| Surplus { arn, policy, worth: worth(case, policy, effective) })
        .collect();
    let is_problem = |s: &&Surplus<'_>| !checks.accept_managed || s.worth == Worth::None;
    let extra: Vec<&Surplus<'_>> = surplus.iter().filter(is_problem).collect();
    let doubtful = checks.accept_managed && surplus.iter().any(|s| s.worth == Worth::Unknown);
    let verdict = match (missing.is_empty(), extra.is_empty()) {
        (true, true) if doubtful => Verdict::Undecided,
        (true, true) => Verdict::Equivalent,
        (false, true) => Verdict::Missing,
        (true, false) => Verdict::Excess,
        (false, false) => Verdict::MissingAndExcess,
    };
    let arns: Vec<&String> = extra.iter().map(|s| s.arn).collect();
    let mut outcome =
        Outcome::of(verdict).detail("extra", json!(arns)).detail("missing", json!(missing));
    if verdict == Verdict::Undecided {
        outcome = outcome
            .detail("note", "whether an attached policy stays within the baseline is not decided");
    }
    let lacking = !matches!(inline, Verdict::Equivalent | Verdict::Excess | Verdict::Undecided);
    for surplus in extra {
        outcome = outcome.problem(surplus.problem(case, lacking));
    }
    for arn in missing {
        outcome = outcome.problem(not_attached(case, arn));
    }
    outcome
}

/// A policy that is on neither list.
struct Surplus<'r> {
    arn: &'r String,
    policy: &'r ManagedPolicy,
    worth: Worth,
}

/// What a policy on neither list is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// The role allows all of the baseline, and this policy nothing else.
    Delivers,
    /// It allows more, or the role does not work anyway.
    None,
    /// Its document is not known, or the comparison was not decided.
    Unknown,
}

fn worth(case: &Case<'_>, policy: &ManagedPolicy, effective: Verdict) -> Worth {
    let policy = match &policy.document {
        None => return Worth::Unknown,
        Some(document) => Policy::parse(Kind::Identity, document, &case.context()),
    };
    let Ok(policy) = policy else { return Worth::None };
    match (compare(&policy, &case.baseline.inline).verdict, effective) {
        (Verdict::Undecided, _) => Worth::Unknown,
        (Verdict::Equivalent | Verdict::Missing | Verdict::Conditional, Verdict::Equivalent) => {
            Worth::Delivers
        }
        (Verdict::Equivalent | Verdict::Missing | Verdict::Conditional, Verdict::Undecided) => {
            Worth::Unknown
        }
        _ => Worth::None,
    }
}

impl Surplus<'_> {
    /// `lacking`: the inline policies do not allow all of the baseline.
    fn problem(&self, case: &Case<'_>, lacking: bool) -> Problem {
        let Said { severity, reason, witnesses } = said(case, self.arn, self.policy);
        let (fix, left) = self.fix(case, lacking);
        let left = left.map_or_else(String::new, |why| format!("; {why}"));
        Problem {
            verdict: Verdict::Excess,
            severity,
            summary: format!(
                "the managed policy {} ({}) is attached and not expected: {reason}{left}",
                self.policy.name, self.arn
            ),
            witnesses,
            expected: Value::Null,
            actual: json!(self.arn),
            fix,
            ..Problem::about(case.attached_subject(self.arn))
        }
    }

    /// Detaches it and nothing else, or says why it is left to people. Detaching what delivers the permissions would cut the
    /// connector off: the inline policy comes first.
    fn fix(&self, case: &Case<'_>, lacking: bool) -> (Vec<String>, Option<&'static str>) {
        if let Some(why) = decided::managed_is_left(case, self.arn, self.policy) {
            return (Vec::new(), Some(why));
        }
        let delivers = |text: &String| {
            let policy = Policy::parse(Kind::Identity, text, &case.context());
            policy.is_ok_and(|policy| works::meets(&policy, &case.baseline.inline).unwrap_or(true))
        };
        let detach = Write::DetachManagedPolicy { arn: self.arn.clone() };
        let parts = Parts::of(case);
        let needed =
            lacking && !parts.allow_all() && self.policy.document.as_ref().is_none_or(delivers);
        let put = if needed { parts.put() } else { None };
        if needed && put.is_none() {
            return (Vec::new(), Some("left to people: detaching it may cut the connector off"));
        }
        let writes: Vec<Write> = put.into_iter().chain([detach]).collect();
        (fix::commands(&case.role.arn.name, &writes), None)
    }
}

/// What a policy that is not expected does.
struct Said {
    severity: Severity,
    reason: String,
    witnesses: Vec<Witness>,
}

fn said(case: &Case<'_>, arn: &str, policy: &ManagedPolicy) -> Said {
    let plain = |severity, reason: &str| Said {
        severity,
        reason: reason.to_owned(),
        witnesses: Vec::new(),
    };
    let Some(text) = &policy.document else {
        return if decided::is_administrator(arn) {
            let reason = "it allows every action on every resource (known by its ARN; its document was not read)";
            plain(Severity::Critical, reason)
        } else {
            plain(Severity::High, "its document was not read, and what it allows is not known")
        };
    };
    let parsed = match Policy::parse(Kind::Identity, text, &case.context()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let reason = format!("its document is not one well-formed policy document: {error}");
            return plain(Severity::High, &reason);
        }
    };
    let comparison = compare(&parsed, &case.baseline.inline);
    let mut said = match comparison.verdict {
        Verdict::Undecided => plain(
            Severity::High,
            "what it allows was not decided: the comparison spent its work budget",
        ),
        Verdict::Excess | Verdict::MissingAndExcess => {
            let excess = Excess::of(case, &parsed, &comparison.witnesses);
            Said {
                severity: excess.severity,
                reason: format!("it allows {}, beyond the baseline", excess.in_words()),
                witnesses: excess.witnesses,
            }
        }
        _ => plain(Severity::Low, "it allows nothing beyond the baseline"),
    };
    if let Some(denies) = decided::denies(text) {
        // The effect on the connector is what `effective-permissions` says; here is who causes it.
        if takes_away(case, &parsed) {
            said.severity = said.severity.max(Severity::Medium);
        }
        said.reason = match said.witnesses.is_empty() {
            true => format!("it {denies}"),
            false => format!("{}; it {denies}", said.reason),
        };
    }
    said
}

/// Whether its Denies keep any request of the baseline away, perhaps under a condition.
pub(super) fn takes_away(case: &Case<'_>, policy: &Policy) -> bool {
    let both = Policy::union([policy.denies(), case.baseline.inline.clone()]);
    both.is_some_and(|both| covers(&both, &case.baseline.inline).verdict != Verdict::Equivalent)
}

fn not_attached(case: &Case<'_>, arn: &str) -> Problem {
    let attach = Write::AttachManagedPolicy { arn: arn.to_owned() };
    Problem {
        verdict: Verdict::Missing,
        severity: Severity::High,
        summary: format!("the required managed policy {arn} is not attached"),
        witnesses: Vec::new(),
        expected: json!(arn),
        actual: Value::Null,
        fix: fix::commands(&case.role.arn.name, [&attach]),
        ..Problem::about(Subject::new(About::Required(arn.to_owned()), ""))
    }
}
