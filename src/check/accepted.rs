//! What exceptions cover of what the checks say: `SEMANTICS.md` section 3d.
//!
//! A finding about one thing (an attached policy, an attribute, absence) is covered by the exception that names it. A
//! policy is judged once more, against the baseline with the accepted documents beside it: what fails against the bare
//! baseline and passes there is covered, and what fails there too is drift, told as the part beyond.

use std::cmp::Reverse;

use super::{About, Case, Outcome, Problem, Rules, words};
use crate::config::{Acceptance, Exception};
use crate::model::{Account, CheckName, ScanError, UnknownReason, Verdict, printable_line};

/// The checks that judge policy documents against the baseline's.
const OF_DOCUMENTS: [CheckName; 3] =
    [CheckName::TrustPolicy, CheckName::InlinePolicy, CheckName::EffectivePermissions];

/// An exception that holds, with what it accepts.
type Accepting<'e> = (&'e Exception, &'e Acceptance);

impl Rules {
    /// Marks what accepted documents and principals cover of the role's policies.
    pub(super) fn accept_documents(
        &self,
        account: &Account,
        case: &Case<'_>,
        outcomes: &mut [(CheckName, Outcome)],
    ) -> Result<(), ScanError> {
        let accepting: Vec<Accepting<'_>> = self
            .exceptions
            .holding(account)
            .filter_map(|exception| Some((exception, exception.acceptance()?)))
            .collect();
        for (check, outcome) in outcomes.iter_mut() {
            let of_check: Vec<Accepting<'_>> = accepting
                .iter()
                .filter(|(_, a)| OF_DOCUMENTS.contains(check) && a.checks().contains(check))
                .copied()
                .collect();
            if !of_check.is_empty() && !outcome.problems.is_empty() {
                self.accept_of_check(case, *check, outcome, &of_check)?;
            }
        }
        // The command that puts the bare inline policy would take away what is accepted beside it.
        let accepts_inline = accepting.iter().any(|(_, a)| a.inline_policy.is_some());
        if accepts_inline && !case.role.inline.is_empty() {
            let puts = |command: &String| command.contains(" put-role-policy ");
            for problem in outcomes.iter_mut().flat_map(|(_, outcome)| &mut outcome.problems) {
                if problem.fix.iter().any(puts) {
                    problem.fix.clear();
                }
            }
        }
        Ok(())
    }

    fn accept_of_check(
        &self,
        case: &Case<'_>,
        check: CheckName,
        outcome: &mut Outcome,
        accepting: &[Accepting<'_>],
    ) -> Result<(), ScanError> {
        let beyond = self.against(case, check, accepting)?;
        // Not proved to be within what is accepted, so it is not.
        if beyond.verdict == Verdict::Undecided {
            return Ok(());
        }
        let mut settled = Vec::new();
        for problem in std::mem::take(&mut outcome.problems) {
            let about = &problem.subject.about;
            let rest = beyond.problems.iter().find(|rest| rest.subject.about == *about);
            let (covered, rest) = settle(&problem, rest);
            if covered {
                let exception = Some(self.relied_on(case, check, &problem, accepting)?);
                settled.push(Problem { exception, ..problem });
            } else if rest.is_none() {
                settled.push(problem);
            }
            if let Some(rest) = rest {
                settled.push(told_as_rest(rest, accepting));
            }
        }
        outcome.problems = settled;
        Ok(())
    }

    /// What a check says against the baseline with this beside it.
    fn against(
        &self,
        case: &Case<'_>,
        check: CheckName,
        accepting: &[Accepting<'_>],
    ) -> Result<Outcome, ScanError> {
        let acceptances: Vec<&Acceptance> = accepting.iter().map(|(_, a)| *a).collect();
        let baseline =
            self.source.accepting(case.baseline, case.account, &acceptances).map_err(|e| {
                let what = format!("what an exception accepts cannot be read: {e}");
                ScanError::new(UnknownReason::Internal, what)
            })?;
        let Case { rules, account, role, .. } = *case;
        let case = Case { rules, account, baseline: &baseline, role };
        let said = self.policies(&case).into_iter().find(|(name, _)| *name == check);
        Ok(said.map_or(Outcome::of(Verdict::Undecided), |(_, outcome)| outcome))
    }

    /// The exception a covered problem relies on, by id; of several that it takes together, the one that ends first.
    fn relied_on(
        &self,
        case: &Case<'_>,
        check: CheckName,
        problem: &Problem,
        accepting: &[Accepting<'_>],
    ) -> Result<String, ScanError> {
        let mut needed = accepting.to_vec();
        // Those that end first are tried first: a finding that can do without them does.
        needed.sort_by_key(|(exception, _)| exception.expires);
        let mut index = 0;
        while needed.len() > 1 && index < needed.len() {
            let mut fewer = needed.clone();
            let without = fewer.remove(index);
            let said = self.against(case, check, &fewer)?;
            let same = |rest: &&Problem| rest.subject.about == problem.subject.about;
            let (covered, _) = settle(problem, said.problems.iter().find(same));
            if covered && said.verdict != Verdict::Undecided {
                needed.retain(|kept| !std::ptr::eq(kept.0, without.0));
            } else {
                index += 1;
            }
        }
        Ok(needed.first().map_or(String::new(), |(exception, _)| exception.id.clone()))
    }

    /// Marks what exceptions cover one by one: an attached policy, absence, an attribute, or a finding by its id.
    pub(super) fn accept_singly(&self, account: &Account, outcomes: &mut [(CheckName, Outcome)]) {
        for (check, outcome) in outcomes {
            let said_by = outcome.said_by.iter_mut().map(|(_, problem)| problem);
            for problem in outcome.problems.iter_mut().chain(said_by) {
                let id = problem.subject.id(&account.id, *check);
                let covers = |exception: &&Exception| {
                    exception.names(&id)
                        || exception.acceptance().is_some_and(|a| self.names(account, a, problem))
                };
                // Of several the one that lasts longest: the cover ends with it. The first of equals.
                let all: Vec<&Exception> =
                    self.exceptions.holding(account).filter(covers).collect();
                let longest = all.into_iter().rev().min_by_key(|e| Reverse(e.expires));
                if let (None, Some(exception)) = (&problem.exception, longest) {
                    problem.exception = Some(exception.id.clone());
                }
            }
        }
    }

    /// Whether an acceptance names the very thing a problem is about.
    fn names(&self, account: &Account, acceptance: &Acceptance, problem: &Problem) -> bool {
        if problem.subject.is_of_another_role() {
            return false;
        }
        match &problem.subject.about {
            About::Absence => acceptance.absent,
            About::Attribute(attribute) => acceptance.attributes.contains(attribute),
            About::Attached(arn) => {
                let listed = |accepted: &String| self.localized(accepted, &account.id) == *arn;
                acceptance.attached_policies.iter().any(listed)
            }
            About::Place
            | About::Presence
            | About::Trust
            | About::Inline
            | About::Required(_)
            | About::Granted
            | About::Bounded
            | About::Usage
            | About::ServiceLinkedRole => false,
        }
    }
}

/// Whether a problem is covered, and what is left of it. `rest`: the same against what is accepted.
fn settle<'r>(problem: &Problem, rest: Option<&'r Problem>) -> (bool, Option<&'r Problem>) {
    let Some(rest) = rest else { return (true, None) };
    let same = |verdict| problem.verdict == verdict && rest.verdict == verdict;
    let excess = |verdict| matches!(verdict, Verdict::Excess | Verdict::MissingAndExcess);
    // The acceptance changes nothing here: the finding stays as it is.
    if [Verdict::Conditional, Verdict::Invalid, Verdict::Absent].into_iter().any(same)
        || (excess(rest.verdict) && !excess(problem.verdict))
    {
        return (false, None);
    }
    // Nothing more is allowed than is accepted, but a condition is left that is not.
    (rest.verdict == Verdict::Conditional, Some(rest))
}

/// The part beyond, as a finding. No command: the one there is would take away what is accepted.
fn told_as_rest(rest: &Problem, accepting: &[Accepting<'_>]) -> Problem {
    let ids: Vec<String> = accepting.iter().map(|(e, _)| printable_line(&e.id, 64)).collect();
    let (noun, verb) = if ids.len() == 1 { ("exception", "does") } else { ("exceptions", "do") };
    let ids = words::list(&ids);
    let summary = format!("{}; {noun} {ids} {verb} not cover this", rest.summary);
    Problem {
        summary,
        verdict: rest.verdict,
        severity: rest.severity,
        witnesses: rest.witnesses.clone(),
        expected: rest.expected.clone(),
        actual: rest.actual.clone(),
        reaches_beyond: rest.reaches_beyond,
        ..Problem::about(rest.subject.clone())
    }
}
