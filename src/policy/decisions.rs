//! Decisions in a policy, Denies and conditions, and what the policy allows when every condition goes one way.

use super::Policy;
use super::condition::Condition;
use super::statement::Statement;

/// The decisions in a policy: what takes away, or limits what is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decisions {
    /// An explicit Deny, conditional or not.
    pub deny: bool,
    /// A condition of an Allow.
    pub condition: bool,
}

impl Decisions {
    /// There is none.
    pub fn none(self) -> bool {
        !self.deny && !self.condition
    }

    /// Those that are not among `others`.
    pub fn beyond(self, others: Self) -> Self {
        Self { deny: self.deny && !others.deny, condition: self.condition && !others.condition }
    }

    /// These and `others`.
    pub fn and(self, others: Self) -> Self {
        Self { deny: self.deny || others.deny, condition: self.condition || others.condition }
    }
}

impl Policy {
    /// The decisions in it that the baseline does not have.
    pub fn decisions(&self, baseline: &Self) -> Decisions {
        let own = self.statements.iter().filter(|s| !baseline.statements.contains(s));
        own.fold(Decisions::default(), |found, statement| Decisions {
            deny: found.deny || !statement.allow,
            condition: found.condition
                || (statement.allow && is_foreign(statement.condition.as_ref(), baseline)),
        })
    }

    /// The policy as if no condition of an Allow held and every condition of a Deny did: what it allows under no condition but
    /// the baseline's.
    pub fn surely(&self, baseline: &Self) -> Self {
        self.with_conditions(baseline, false)
    }

    /// The policy as if every condition of an Allow held and no condition of a Deny did.
    pub fn at_most(&self, baseline: &Self) -> Self {
        self.with_conditions(baseline, true)
    }

    /// The policy without its statements under a condition, but the baseline's: what it grants unconditionally.
    pub fn granted(&self, baseline: &Self) -> Self {
        let own = |s: &&Statement| !is_foreign(s.condition.as_ref(), baseline);
        let statements = self.statements.iter().filter(own).cloned().collect();
        Self { statements, ..self.clone() }
    }

    /// Its Allows under a condition that the baseline lacks, and nothing else.
    pub fn limited(&self, baseline: &Self) -> Self {
        let own = |s: &&Statement| s.allow && is_foreign(s.condition.as_ref(), baseline);
        let statements = self.statements.iter().filter(own).cloned().collect();
        Self { statements, ..self.clone() }
    }

    fn with_conditions(&self, baseline: &Self, favourable: bool) -> Self {
        let statements = self.statements.iter().filter_map(|statement| {
            if !is_foreign(statement.condition.as_ref(), baseline) {
                return Some(statement.clone());
            }
            (statement.allow == favourable)
                .then(|| Statement { condition: None, ..statement.clone() })
        });
        Self { statements: statements.collect(), ..self.clone() }.canonical()
    }

    /// Its Allows alone.
    pub fn allows(&self) -> Self {
        self.only(true)
    }

    /// Its Denies alone.
    pub fn denies(&self) -> Self {
        self.only(false)
    }

    fn only(&self, allow: bool) -> Self {
        let statements = self.statements.iter().filter(|s| s.allow == allow).cloned();
        Self { statements: statements.collect(), ..self.clone() }
    }

    /// Its statements without a condition.
    pub fn unconditional(&self) -> Self {
        let statements = self.statements.iter().filter(|s| s.condition.is_none()).cloned();
        Self { statements: statements.collect(), ..self.clone() }
    }

    /// A policy that denies what this one may allow: together with another one, what is left is what only the other allows.
    pub fn taken_away(&self) -> Self {
        let denies = self.statements.iter().filter(|s| s.allow);
        let statements =
            denies.map(|s| Statement { allow: false, condition: None, ..s.clone() }).collect();
        Self { statements, ..self.clone() }.canonical()
    }

    /// It says something that AWS leaves undefined.
    pub fn is_doubtful(&self) -> bool {
        !self.doubts.is_empty()
    }
}

fn is_foreign(condition: Option<&Condition>, baseline: &Policy) -> bool {
    condition.is_some_and(|condition| baseline.conditions().all(|known| known != condition))
}
