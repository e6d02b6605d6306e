//! `inline-policy`: what the role's inline policies allow, taken together.

use super::{Case, Outcome, Problem, fix, words};
use crate::model::{Severity, Side, Verdict, Write};
use crate::policy::{Comparison, Kind, Policy, compare};

/// `comparison`: what [`judge`] says. `effective`: the verdict on inline and attached policies together.
pub(super) fn check(case: &Case<'_>, comparison: Comparison, effective: Verdict) -> Outcome {
    let names: Vec<&str> = case.role.inline.keys().map(String::as_str).collect();
    let outcome = |verdict| Outcome::of(verdict).detail("policies", names.clone());
    let verdict = comparison.verdict;
    let lacking = matches!(verdict, Verdict::Absent | Verdict::Missing | Verdict::Conditional);
    let elsewhere = lacking && effective == Verdict::Equivalent;
    let accept_managed = case.rules.checks.accept_managed;
    match verdict {
        Verdict::Equivalent => outcome(verdict),
        Verdict::Undecided => outcome(verdict).detail("note", comparison.note.unwrap_or_default()),
        _ if elsewhere && accept_managed => outcome(verdict),
        // Whether the rest comes from elsewhere, where it may come from, is not known.
        _ if lacking && accept_managed && effective == Verdict::Undecided => {
            outcome(Verdict::Undecided)
                .detail("note", "whether a managed policy allows the rest is not decided")
        }
        _ => outcome(verdict).problem(Problem {
            verdict,
            severity: if elsewhere { Severity::Low } else { severity(verdict) },
            summary: summary(case, &comparison, elsewhere),
            witnesses: comparison.witnesses,
            expected: case.baseline.inline_document.clone(),
            actual: case.inline_shown(),
            fix: commands(case),
            ..Problem::about(case.inline_subject(verdict, elsewhere))
        }),
    }
}

/// Compares the inline policies, taken together, with the expected one.
pub(super) fn judge(case: &Case<'_>) -> Comparison {
    let known = &case.baseline.same_inline;
    let mut documents = case.role.inline.values();
    let only = documents.next().filter(|_| documents.next().is_none());
    if only.is_some_and(|text| known.has(text)) {
        return Comparison { verdict: Verdict::Equivalent, witnesses: Vec::new(), note: None };
    }
    let mut policies = Vec::new();
    for (name, document) in &case.role.inline {
        match Policy::parse(Kind::Identity, document, &case.context()) {
            Ok(policy) => policies.push(policy),
            Err(error) => {
                let note = Some(format!("{name}: {error}"));
                return Comparison { verdict: Verdict::Invalid, witnesses: Vec::new(), note };
            }
        }
    }
    let Some(policy) = Policy::union(policies) else {
        return Comparison { verdict: Verdict::Absent, witnesses: Vec::new(), note: None };
    };
    let comparison = compare(&policy, &case.baseline.inline);
    if let (Verdict::Equivalent, Some(text)) = (comparison.verdict, only) {
        known.add(text);
    }
    comparison
}

fn severity(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Conditional => Severity::Medium,
        _ => Severity::High,
    }
}

fn summary(case: &Case<'_>, comparison: &Comparison, elsewhere: bool) -> String {
    let of = |side: Side| {
        words::requests(&comparison.witnesses.iter().filter(|w| w.side == side).collect::<Vec<_>>())
    };
    let (missing, excess) = (of(Side::Missing), of(Side::Excess));
    let count = case.role.inline.len();
    let subject = if count > 1 {
        format!("the {count} inline policies together")
    } else {
        "the inline policy".to_owned()
    };
    let verb = |one: &'static str, many: &'static str| if count > 1 { many } else { one };
    let said = match comparison.verdict {
        Verdict::Absent => "the role has no inline policy".to_owned(),
        Verdict::Missing => format!("{subject} {} not allow {missing}", verb("does", "do")),
        Verdict::Excess => {
            format!("{subject} {} {excess}, beyond the baseline", verb("allows", "allow"))
        }
        Verdict::MissingAndExcess => {
            format!(
                "{subject} {} not allow {missing}, and {} {excess}",
                verb("does", "do"),
                verb("allows", "allow")
            )
        }
        Verdict::Conditional => {
            let requests = of(Side::Conditional);
            format!("{subject} {} {requests} only under a condition", verb("allows", "allow"))
        }
        Verdict::Invalid | Verdict::Undecided | Verdict::Equivalent => {
            let note = comparison.note.clone().unwrap_or_default();
            format!("an inline policy is not one well-formed policy document: {note}")
        }
    };
    if elsewhere {
        let attached: Vec<String> =
            case.role.attached.values().map(|policy| policy.name.clone()).collect();
        let allow = if attached.len() > 1 { "allow" } else { "allows" };
        return format!("{said}; the attached {} {allow} it instead", words::list(&attached));
    }
    said
}

/// The commands for [`writes`].
pub(super) fn commands(case: &Case<'_>) -> Vec<String> {
    fix::commands(&case.role.arn.name, &writes(case))
}

/// Puts the expected document where the permissions are now, and removes what else is inline: the put comes first.
pub(super) fn writes(case: &Case<'_>) -> Vec<Write> {
    let names: Vec<&String> = case.role.inline.keys().collect();
    let target = match names.as_slice() {
        [only] => only,
        _ => &case.rules.baseline.inline_policy_name,
    };
    let others = names.iter().filter(|name| **name != target);
    let delete = others.map(|name| Write::DeleteInlinePolicy { name: (*name).clone() });
    std::iter::once(case.baseline.put_inline(target)).chain(delete).collect()
}
