//! A baseline with what is accepted beside it: `SEMANTICS.md` section 3d.
//!
//! A role may allow what the baseline *or* an accepted document allows, and must allow what the baseline allows *less*
//! what an accepted document denies. A whole document, one that lets the baseline's requests through under conditions,
//! may stand for the baseline: a role that allows all that the document does is short of nothing.

use super::budget::Spent;
use super::compare::Judge;
use super::{Coverage, Policy, covers};
use crate::model::{Verdict, Witness};

/// How far short of the baseline a role may stay.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    /// The baseline alone.
    own: Policy,
    /// The baseline less what accepted documents deny: a role must cover it, or one of the whole documents.
    least: Policy,
    whole: Vec<Policy>,
}

impl Policy {
    /// This baseline with accepted documents of the same kind beside it, for [`compare`](super::compare) and
    /// [`covers`].
    pub fn accepting(self, documents: Vec<Self>) -> Self {
        if documents.is_empty() {
            return self;
        }
        let mut least = self.clone();
        let denies = documents.iter().flat_map(|d| &d.statements).filter(|s| !s.allow);
        least.statements.extend(denies.cloned());
        least.blocks.extend(documents.iter().flat_map(|d| d.blocks.clone()));
        let is_whole = |document: &&Self| covers(document, &self).verdict == Verdict::Conditional;
        let whole = documents.iter().filter(is_whole).cloned().collect();
        let accepted = Accepted { own: self.clone(), least: least.canonical(), whole };
        let together = Self::union(std::iter::once(self.clone()).chain(documents));
        Self { accepted: Some(Box::new(accepted)), ..together.unwrap_or(self) }
    }
}

impl Accepted {
    /// `together`: the baseline and the accepted documents as one set of statements.
    pub(super) fn both_ways(
        &self,
        actual: &Policy,
        together: &Policy,
    ) -> Result<(Verdict, Vec<Witness>), Spent> {
        let short = self.covered_by(actual);
        let excess = Judge::new(actual, together).beyond_accepted(&self.own)?;
        let verdict = match (short.verdict, excess.is_empty()) {
            (Verdict::Undecided, _) => return Err(Spent),
            (Verdict::Missing, false) => Verdict::MissingAndExcess,
            (_, false) => return Ok((Verdict::Excess, excess)),
            (verdict, true) => verdict,
        };
        Ok((verdict, short.witnesses.into_iter().chain(excess).collect()))
    }

    /// Whether a role allows all it must.
    pub(super) fn covered_by(&self, actual: &Policy) -> Coverage {
        let least = covers(actual, &self.least);
        let stands = |whole: &Policy| covers(actual, whole).verdict == Verdict::Equivalent;
        if least.verdict != Verdict::Equivalent && self.whole.iter().any(stands) {
            return Coverage { verdict: Verdict::Equivalent, witnesses: Vec::new() };
        }
        least
    }
}
