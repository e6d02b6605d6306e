//! `effective-permissions`: can the connector work? Inline and attached policies together, cut by the boundary.

use serde_json::Value;

use super::attached_policies::takes_away;
use super::inline_remedy::Parts;
use super::works::{Works, works};
use super::{Case, Outcome, Problem, Subject, decided, fix, shown, words};
use crate::model::{CheckName, Severity, Verdict, Write, printable_line};
use crate::policy::{Coverage, Kind, Policy, covers};

/// `inline`: the verdict on the inline policies alone. Beside the outcome, where the connector works as far as policies that
/// allow something decide it: what an attached Deny or the boundary takes away is not the inline policies' doing.
pub(super) fn check(case: &Case<'_>, inline: Verdict) -> (Outcome, Works) {
    let cuts = [(Cut::Policies, granted(case, inline)), (Cut::Boundary, bounded(case))];
    let has =
        |wanted| cuts.iter().any(|(_, c)| c.as_ref().is_ok_and(|c| c.coverage.verdict == wanted));
    let note = cuts.iter().find_map(|(_, limit)| limit.as_ref().err());
    // What one of the two keeps away is away, whatever the other one would turn out to say.
    let (outcome, works) = match note {
        None if has(Verdict::Missing) => {
            (Outcome::of(Verdict::Missing), where_it_works(case, &cuts))
        }
        Some(_) if has(Verdict::Missing) => {
            // The other one can only take more away: nowhere stays nowhere.
            let works = match where_it_works(case, &cuts) {
                Works::Nowhere => Works::Nowhere,
                Works::Fully | Works::Conditionally | Works::Only(_) | Works::Unknown => {
                    Works::Unknown
                }
            };
            (Outcome::of(Verdict::Missing), works)
        }
        Some(note) => {
            let outcome = Outcome::of(Verdict::Undecided).detail("note", note.as_str());
            return (outcome, Works::Unknown);
        }
        None if has(Verdict::Conditional) => {
            (Outcome::of(Verdict::Conditional), Works::Conditionally)
        }
        None => return (Outcome::passed(), Works::Fully),
    };
    let lacks = cuts.iter().filter_map(|(cut, limit)| match limit {
        Ok(limit) if limit.coverage.verdict != Verdict::Equivalent => Some((*cut, limit)),
        Ok(_) | Err(_) => None,
    });
    let outcome = lacks.fold(outcome, |outcome, (cut, limit)| {
        let problem = problem(case, cut, limit, &works);
        let said = cut == Cut::Policies
            && is_said_by_inline(inline, limit.coverage.verdict)
            && !attached_takes_away(case);
        match said {
            true => outcome.said_by(CheckName::InlinePolicy, problem),
            false => outcome.problem(problem),
        }
    });
    (outcome, without_what_takes_away(case).unwrap_or(works))
}

/// Where the connector works with the same role, less attached Denies and the boundary; `None` where it has neither.
fn without_what_takes_away(case: &Case<'_>) -> Option<Works> {
    if case.role.boundary.is_none() && !attached_takes_away(case) {
        return None;
    }
    let attached = case.role.attached.iter();
    let allowed = attached
        .map(|(arn, p)| parse(case, arn, p.document.as_ref()).map(|policy| policy.allows()));
    let inline = case.role.inline.iter().map(|(name, text)| parse(case, name, Some(text)));
    let none = Policy::nothing(Kind::Identity, &case.context());
    let policies: Result<Vec<Policy>, String> = inline.chain(allowed).chain([Ok(none)]).collect();
    let limit = policies.and_then(|policies| match Policy::union(policies) {
        Some(policy) => decided_by(case, policy),
        None => Ok(Limit::none()),
    });
    Some(match limit {
        Err(_) => Works::Unknown,
        Ok(limit) => match limit.coverage.verdict {
            Verdict::Equivalent => Works::Fully,
            Verdict::Conditional => Works::Conditionally,
            _ => where_it_works(case, &[(Cut::Policies, Ok(limit))]),
        },
    })
}

/// Where the connector works as far as Allows alone decide it, whatever Denies and the boundary take away. Documents that
/// cannot be read allow nothing here.
pub(super) fn allowed_where(case: &Case<'_>) -> Works {
    let inline = case.role.inline.iter().map(|(name, text)| parse(case, name, Some(text)));
    let attached = case.role.attached.iter().map(|(arn, p)| parse(case, arn, p.document.as_ref()));
    let none = Policy::nothing(Kind::Identity, &case.context());
    let readable = inline.chain(attached).filter_map(Result::ok).chain([none]);
    let allows = Policy::union(readable).map(|policy| policy.allows());
    match allows.map(|policy| decided_by(case, policy)) {
        None | Some(Err(_)) => Works::Unknown,
        Some(Ok(limit)) => match limit.coverage.verdict {
            Verdict::Equivalent => Works::Fully,
            Verdict::Conditional => Works::Conditionally,
            _ => where_it_works(case, &[(Cut::Policies, Ok(limit))]),
        },
    }
}

/// The inline policies alone lack it, and their finding says what follows for the connector.
fn is_said_by_inline(inline: Verdict, effective: Verdict) -> bool {
    match inline {
        Verdict::Absent | Verdict::Missing | Verdict::MissingAndExcess => true,
        Verdict::Conditional => effective == Verdict::Conditional,
        Verdict::Equivalent | Verdict::Excess | Verdict::Invalid | Verdict::Undecided => false,
    }
}

/// What policies allow, or what a boundary lets through.
struct Limit {
    coverage: Coverage,
    /// `None` where there is no need to look at it.
    policy: Option<Policy>,
}

impl Limit {
    fn none() -> Self {
        let coverage = Coverage { verdict: Verdict::Equivalent, witnesses: Vec::new() };
        Self { coverage, policy: None }
    }
}

fn where_it_works(case: &Case<'_>, cuts: &[(Cut, Result<Limit, String>)]) -> Works {
    let limits = cuts.iter().filter_map(|(_, limit)| limit.as_ref().ok());
    let policies: Vec<&Policy> = limits.filter_map(|limit| limit.policy.as_ref()).collect();
    let managed = case.role.attached.values().chain(case.role.boundary.iter().map(|(_, p)| p));
    let managed = managed.filter_map(|policy| policy.document.as_deref());
    works(case, &policies, case.role.inline.values().map(String::as_str).chain(managed))
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
fn granted(case: &Case<'_>, inline: Verdict) -> Result<Limit, String> {
    if inline == Verdict::Equivalent && case.role.attached.is_empty() {
        return Ok(Limit::none());
    }
    decided_by(case, carried(case)?)
}

/// Inline and attached policies as one.
fn carried(case: &Case<'_>) -> Result<Policy, String> {
    let mut policies = Vec::new();
    for (name, document) in &case.role.inline {
        policies.push(parse(case, name, Some(document))?);
    }
    for (arn, policy) in &case.role.attached {
        policies.push(parse(case, arn, policy.document.as_ref())?);
    }
    // No policy at all allows nothing, like one that allows something unrelated.
    let none = Policy::nothing(Kind::Identity, &case.context());
    Ok(Policy::union(policies).unwrap_or(none))
}

/// What the boundary lets through; everything when there is none.
fn bounded(case: &Case<'_>) -> Result<Limit, String> {
    match &case.role.boundary {
        None => Ok(Limit::none()),
        Some((arn, policy)) => decided_by(case, parse(case, arn, policy.document.as_ref())?),
    }
}

fn parse(case: &Case<'_>, name: &str, document: Option<&String>) -> Result<Policy, String> {
    let document = document.ok_or_else(|| format!("the document of {name} is not known"))?;
    Policy::parse(Kind::Identity, document, &case.context()).map_err(|e| format!("{name}: {e}"))
}

fn decided_by(case: &Case<'_>, policy: Policy) -> Result<Limit, String> {
    let coverage = covers(&policy, &case.baseline.inline);
    match coverage.verdict {
        Verdict::Undecided => Err("the comparison spent its work budget; no claim is made".into()),
        _ => Ok(Limit { coverage, policy: Some(policy) }),
    }
}

fn problem(case: &Case<'_>, cut: Cut, limit: &Limit, works: &Works) -> Problem {
    let coverage = &limit.coverage;
    let (subject, denies, actual, fix) = match (cut, &case.role.boundary) {
        (Cut::Boundary, Some((arn, policy))) => {
            let document = policy.document.as_deref();
            let denies = document.and_then(decided::denies);
            (
                format!("the permissions boundary {arn} does"),
                denies.map(|does| {
                    (format!("the permissions boundary {arn} {does}"), format!("it {does}"))
                }),
                document.map_or(Value::Null, shown),
                fix::commands(&case.role.arn.name, &other_boundary(case)),
            )
        }
        _ => {
            let denies = denies(case).map(|said| (said.clone(), said));
            (subject(case), denies, Value::Null, grants(case))
        }
    };
    let verdict = coverage.verdict;
    // Where the Allows would do, the Deny is all there is to say.
    let allows = limit.policy.as_ref().map(Policy::allows);
    let enough =
        |allows: Policy| covers(&allows, &case.baseline.inline).verdict == Verdict::Equivalent;
    let said = match denies {
        Some((alone, _)) if allows.is_some_and(enough) => alone,
        Some((_, also)) => format!("{}; {also}", sentence(verdict, &subject, coverage)),
        None => sentence(verdict, &subject, coverage),
    };
    let (severity, summary) = match (verdict, works) {
        (Verdict::Conditional, _) => (Severity::Medium, said),
        (_, Works::Nowhere) => (Severity::High, format!("the connector cannot work: {said}")),
        (_, Works::Only(place)) => {
            (Severity::Medium, format!("the connector works only for {place}: {said}"))
        }
        (_, Works::Fully | Works::Conditionally | Works::Unknown) => (Severity::High, said),
    };
    let left = match cut {
        _ if !fix.is_empty() => None,
        Cut::Boundary => Some("left to people: a boundary is a limit set on purpose".to_owned()),
        Cut::Policies => decided::policies_are_left(case),
    };
    Problem {
        verdict,
        severity,
        summary: left.map_or(summary.clone(), |why| format!("{summary}; {why}")),
        witnesses: coverage.witnesses.clone(),
        // A boundary is a limit, and what is attached is no inline policy: neither is compared with the inline baseline.
        expected: Value::Null,
        actual,
        fix,
        ..Problem::about(cut.subject(case, coverage.verdict))
    }
}

/// `subject`: with its `do` or `does`.
fn sentence(verdict: Verdict, subject: &str, coverage: &Coverage) -> String {
    let requests = words::requests(&coverage.witnesses.iter().collect::<Vec<_>>());
    if verdict != Verdict::Conditional {
        return format!("{subject} not allow {requests}");
    }
    let needs = coverage.witnesses.first().and_then(|witness| witness.needs.in_words());
    let under = needs.map_or_else(String::new, |needs| format!(" ({needs})"));
    let subject = match subject.strip_suffix(" does") {
        Some(one) => format!("{one} allows"),
        None => format!("{} allow", subject.strip_suffix(" do").unwrap_or(subject)),
    };
    format!("{subject} {requests} only under a condition{under}")
}

/// The policies that the role carries, with `do` or `does`.
fn subject(case: &Case<'_>) -> String {
    match (case.role.inline.len(), case.role.attached.len()) {
        (0, 0) => "the role, which carries no policy, does",
        (1, 0) => "the inline policy does",
        (_, 0) => "the inline policies do",
        (0, 1) => "the attached policy does",
        (0, _) => "the attached policies do",
        (_, _) => "the inline and attached policies together do",
    }
    .to_owned()
}

/// The inline and attached policies that take away from the baseline, and what each of them does.
fn denies(case: &Case<'_>) -> Option<String> {
    let inline = case.role.inline.iter().map(|(name, text)| ("inline", name, text));
    let said = inline.chain(attached(case)).filter_map(|(kind, name, text)| {
        let parsed = Policy::parse(Kind::Identity, text, &case.context()).ok()?;
        let does = decided::denies(text).filter(|_| takes_away(case, &parsed))?;
        Some(format!("the {kind} policy {} {does}", printable_line(name, 128)))
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| words::first(&said, 2))
}

fn attached<'a>(
    case: &'a Case<'_>,
) -> impl Iterator<Item = (&'static str, &'a String, &'a String)> {
    let attached = case.role.attached.values();
    attached.filter_map(|policy| Some(("attached", &policy.name, policy.document.as_ref()?)))
}

/// Whether a Deny of an attached policy keeps any of the baseline away.
fn attached_takes_away(case: &Case<'_>) -> bool {
    attached(case).any(|(_, _, text)| {
        Policy::parse(Kind::Identity, text, &case.context())
            .is_ok_and(|policy| takes_away(case, &policy))
    })
}

/// The expected inline policy, where that makes up for what is lacking.
fn grants(case: &Case<'_>) -> Vec<String> {
    let Some(put) = Parts::of(case).put() else { return Vec::new() };
    let Write::PutInlinePolicy { name, .. } = &put else { return Vec::new() };
    let kept = case.role.inline.iter().filter(|(known, _)| *known != name);
    let kept = kept.map(|(name, text)| parse(case, name, Some(text)));
    let attached = case.role.attached.iter().map(|(arn, p)| parse(case, arn, p.document.as_ref()));
    let policies: Result<Vec<Policy>, String> =
        kept.chain(attached).chain([Ok(case.baseline.inline.clone())]).collect();
    let enough = policies.ok().and_then(Policy::union).is_some_and(|policy| {
        covers(&policy, &case.baseline.inline).verdict == Verdict::Equivalent
    });
    if enough { fix::commands(&case.role.arn.name, [&put]) } else { Vec::new() }
}

/// The boundary the role should have, if that is another one than a boundary that holds no decision but its limit. Taking a
/// boundary away is not for us to advise.
pub(super) fn other_boundary(case: &Case<'_>) -> Option<Write> {
    let arn = case.rules.boundary(case.account)?;
    let free = case.role.boundary.as_ref().is_none_or(|(actual, policy)| {
        let document = policy.document.as_ref();
        let holds = |text: &String| !decided::decisions(case, Kind::Identity, text).none();
        *actual != arn && !document.is_none_or(holds)
    });
    free.then_some(Write::PutPermissionsBoundary { arn })
}
