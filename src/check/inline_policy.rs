//! `inline-policy`: what the role's inline policies allow, taken together.

use serde_json::Value;

use super::excess::Excess;
use super::inline_remedy::Parts;
use super::works::Works;
use super::{Case, Outcome, Problem, decided, fix, shown, words};
use crate::model::{Severity, Side, Verdict, Witness, printable_line};
use crate::policy::{Comparison, Kind, Policy, compare, covers};

/// Bytes of a policy's name that a sentence tells.
const LONGEST_NAME: usize = 96;

/// What the inline policies say together.
pub(super) struct Judged {
    pub(super) comparison: Comparison,
    /// `None` where there is none, or one is not well-formed, or all was known before.
    policy: Option<Policy>,
}

impl Judged {
    fn of(verdict: Verdict, note: Option<String>) -> Self {
        Self { comparison: Comparison { verdict, witnesses: Vec::new(), note }, policy: None }
    }
}

/// `effective`: the verdict on inline and attached policies together, and where the connector works with them.
pub(super) fn check(case: &Case<'_>, judged: Judged, effective: Verdict, works: &Works) -> Outcome {
    let names: Vec<&str> = case.role.inline.keys().map(String::as_str).collect();
    let outcome = |verdict| Outcome::of(verdict).detail("policies", names.clone());
    let verdict = judged.comparison.verdict;
    let lacking = matches!(verdict, Verdict::Absent | Verdict::Missing | Verdict::Conditional);
    let elsewhere = lacking && effective == Verdict::Equivalent;
    let accept_managed = case.rules.checks.accept_managed;
    match verdict {
        Verdict::Equivalent => outcome(verdict),
        Verdict::Undecided => {
            outcome(verdict).detail("note", judged.comparison.note.unwrap_or_default())
        }
        _ if elsewhere && accept_managed => outcome(verdict),
        // Whether the rest comes from elsewhere, where it may come from, is not known.
        _ if lacking && accept_managed && effective == Verdict::Undecided => {
            outcome(Verdict::Undecided)
                .detail("note", "whether a managed policy allows the rest is not decided")
        }
        _ => outcome(verdict).problem(problem(case, &judged, elsewhere, works)),
    }
}

/// Compares the inline policies, taken together, with the expected one.
pub(super) fn judge(case: &Case<'_>) -> Judged {
    let known = &case.baseline.same_inline;
    let mut documents = case.role.inline.values();
    let only = documents.next().filter(|_| documents.next().is_none());
    if only.is_some_and(|text| known.has(text)) {
        return Judged::of(Verdict::Equivalent, None);
    }
    let mut policies = Vec::new();
    for (name, document) in &case.role.inline {
        match Policy::parse(Kind::Identity, document, &case.context()) {
            Ok(policy) => policies.push(policy),
            Err(error) => return Judged::of(Verdict::Invalid, Some(format!("{name}: {error}"))),
        }
    }
    let Some(policy) = Policy::union(policies) else {
        return Judged::of(Verdict::Absent, None);
    };
    let comparison = compare(&policy, &case.baseline.inline);
    if let (Verdict::Equivalent, Some(text)) = (comparison.verdict, only) {
        known.add(text);
    }
    Judged { comparison, policy: Some(policy) }
}

fn problem(case: &Case<'_>, judged: &Judged, elsewhere: bool, works: &Works) -> Problem {
    let parts = Parts::of(case);
    let comparison = &judged.comparison;
    let (fix, after) = parts.advice(comparison);
    let is_more = matches!(comparison.verdict, Verdict::Excess | Verdict::MissingAndExcess);
    let policy = judged.policy.as_ref().filter(|_| is_more);
    let excess = policy.map(|policy| Excess::of(case, policy, &comparison.witnesses));
    let lacks = lacking(case, comparison);
    let finding = Finding { case, parts: &parts, judged, lacks: &lacks, excess: excess.as_ref() };
    let severity = finding.severity(elsewhere, works);
    let mut summary = finding.summary(works);
    if elsewhere {
        let attached: Vec<String> =
            case.role.attached.values().map(|policy| policy.name.clone()).collect();
        let allow = if attached.len() > 1 { "allow" } else { "allows" };
        summary = format!("{summary}; the attached {} {allow} it instead", words::list(&attached));
    }
    if after != Verdict::Equivalent {
        summary.extend(parts.left_to_people().map(|why| format!("; {why}")));
    }
    let (expected, actual) = documents(case, &parts);
    Problem {
        verdict: comparison.verdict,
        severity,
        summary,
        witnesses: lacks
            .iter()
            .cloned()
            .chain(excess.map_or(Vec::new(), |e| e.witnesses))
            .collect(),
        expected,
        actual,
        fix: fix::commands(&case.role.arn.name, &fix),
        ..Problem::about(case.inline_subject(comparison.verdict, elsewhere))
    }
}

/// Requests of the baseline that the policies never allow, or only under a condition.
fn lacking(case: &Case<'_>, comparison: &Comparison) -> Vec<Witness> {
    if comparison.verdict == Verdict::Absent {
        let nothing = Policy::nothing(Kind::Identity, &case.context());
        return covers(&nothing, &case.baseline.inline).witnesses;
    }
    comparison.witnesses.iter().filter(|witness| witness.side != Side::Excess).cloned().collect()
}

/// What should be there and what is: by name where there are several policies.
fn documents(case: &Case<'_>, parts: &Parts<'_>) -> (Value, Value) {
    let by_name = |documents: &mut dyn Iterator<Item = (&String, &String)>| {
        Value::Object(documents.map(|(name, text)| (name.clone(), shown(text))).collect())
    };
    match parts.list.as_slice() {
        [] => (case.baseline.inline_document.clone(), Value::Null),
        [only] => (case.baseline.inline_document.clone(), shown(only.text)),
        _ => (by_name(&mut parts.ideal().iter()), by_name(&mut case.role.inline.iter())),
    }
}

/// What a finding is made of.
struct Finding<'a> {
    case: &'a Case<'a>,
    parts: &'a Parts<'a>,
    judged: &'a Judged,
    lacks: &'a [Witness],
    excess: Option<&'a Excess>,
}

impl Finding<'_> {
    fn severity(&self, elsewhere: bool, works: &Works) -> Severity {
        let lacks = match (self.judged.comparison.verdict, works) {
            (Verdict::Invalid, _) => Severity::High,
            _ if elsewhere => Severity::Low,
            (Verdict::Conditional, _) => Severity::Medium,
            (Verdict::Absent | Verdict::Missing | Verdict::MissingAndExcess, works) => {
                match works {
                    Works::Fully => Severity::Low,
                    Works::Conditionally | Works::Only(_) => Severity::Medium,
                    Works::Nowhere | Works::Unknown => Severity::High,
                }
            }
            (Verdict::Equivalent | Verdict::Excess | Verdict::Undecided, _) => Severity::Low,
        };
        let excess = self.excess.map_or(Severity::Low, |excess| excess.severity);
        lacks.max(excess)
    }

    fn summary(&self, works: &Works) -> String {
        let requests = words::requests(&self.lacks.iter().collect::<Vec<_>>());
        let (subject, many) = self.subject();
        let [allow, do_not] = if many { ["allow", "do not"] } else { ["allows", "does not"] };
        let lacks = match self.judged.comparison.verdict {
            Verdict::Absent => Some(format!(
                "the role has no inline policy, which is expected to allow {requests}"
            )),
            Verdict::Missing | Verdict::MissingAndExcess => Some(match self.denies() {
                Some((denies, true)) => denies,
                Some((denies, false)) => format!("{subject} {do_not} allow {requests}; {denies}"),
                None => format!("{subject} {do_not} allow {requests}"),
            }),
            Verdict::Conditional => Some(match self.denies() {
                Some((denies, true)) => denies,
                denies => {
                    let needs = self.lacks.first().and_then(|witness| witness.needs.in_words());
                    let under = needs.map_or_else(String::new, |needs| format!(" ({needs})"));
                    let denies = denies.map_or_else(String::new, |(text, _)| format!("; {text}"));
                    format!("{subject} {allow} {requests} only under a condition{under}{denies}")
                }
            }),
            Verdict::Excess => None,
            Verdict::Invalid | Verdict::Undecided | Verdict::Equivalent => {
                let note = self.judged.comparison.note.clone().unwrap_or_default();
                Some(format!("an inline policy is not one well-formed policy document: {note}"))
            }
        };
        let lacks = lacks.map(|text| format!("{text}{}", self.consequence(works)));
        let more = self.excess.map(|excess| {
            let (subject, many) = self.offender().unwrap_or((subject, many));
            let allow = if many { "allow" } else { "allows" };
            format!("{subject} {allow} {}, beyond the baseline", excess.in_words())
        });
        lacks.into_iter().chain(more).collect::<Vec<_>>().join("; ")
    }

    /// What the lack means for the connector.
    fn consequence(&self, works: &Works) -> String {
        let lacks = matches!(
            self.judged.comparison.verdict,
            Verdict::Absent | Verdict::Missing | Verdict::MissingAndExcess
        );
        match works {
            Works::Nowhere if lacks => ": the connector cannot work".to_owned(),
            Works::Only(place) if lacks => format!("; the connector works only for {place}"),
            Works::Nowhere
            | Works::Only(_)
            | Works::Fully
            | Works::Conditionally
            | Works::Unknown => String::new(),
        }
    }

    fn subject(&self) -> (String, bool) {
        match self.parts.list.len() {
            0 | 1 => ("the inline policy".to_owned(), false),
            count => (format!("the {count} inline policies together"), true),
        }
    }

    /// The one policy of several that allows too much.
    fn offender(&self) -> Option<(String, bool)> {
        let mut offenders = self.parts.list.iter().filter(|part| part.excess);
        let offender = offenders.next().filter(|_| self.parts.list.len() > 1)?;
        let name = printable_line(offender.name, LONGEST_NAME);
        offenders.next().is_none().then(|| (format!("the inline policy {name}"), false))
    }

    /// What the Denies do, and whether they alone keep the baseline's requests away.
    fn denies(&self) -> Option<(String, bool)> {
        let baseline = &self.case.baseline.inline;
        let said = self.parts.list.iter().filter(|part| part.decisions.deny).filter_map(|part| {
            let denies = decided::denies(part.text)?;
            Some(match self.parts.list.len() {
                1 => format!("the inline policy {denies}"),
                _ => format!(
                    "the inline policy {} {denies}",
                    printable_line(part.name, LONGEST_NAME)
                ),
            })
        });
        let said: Vec<String> = said.collect();
        let alone = self.judged.policy.as_ref().is_some_and(|policy| {
            covers(&policy.allows(), baseline).verdict == Verdict::Equivalent
        });
        (!said.is_empty()).then(|| (words::first(&said, 2), alone))
    }
}

impl Parts<'_> {
    /// Which of the policies no command touches, and why.
    fn left_to_people(&self) -> Option<String> {
        let several = self.list.len() > 1;
        self.list.iter().find_map(|part| {
            let why = decided::left_to_people(part.decisions)?;
            let name = printable_line(part.name, LONGEST_NAME);
            Some(if several {
                why.replacen(" it ", &format!(" {name} "), 1)
            } else {
                why.to_owned()
            })
        })
    }
}
