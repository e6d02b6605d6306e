//! Asks the engine, and has the reference confirm whatever the engine claims.

use rolewarden::model::{Side, Verdict, Witness};
use rolewarden::policy::{Comparison, Context, Kind, Policy, compare};

use crate::enumeration::{Differences, Universe};
use crate::reference;

/// A pair of policies as texts: the documents of a role, and a baseline.
pub(crate) struct Pair {
    pub(crate) kind: Kind,
    pub(crate) context: Context,
    /// What the service principal is called in this partition, where it is not called as in the baseline.
    pub(crate) service: Option<String>,
    pub(crate) documents: Vec<String>,
    pub(crate) baseline: String,
}

/// One side of a pair, as the engine and as the reference read it.
pub(crate) struct Read {
    pub(crate) engine: Policy,
    pub(crate) reference: reference::Policy,
}

impl Pair {
    /// The role's documents, all of them valid.
    pub(crate) fn actual(&self) -> Result<Read, String> {
        let mut parsed = vec![];
        for text in &self.documents {
            parsed.push(
                Policy::parse(self.kind, text, &self.context)
                    .map_err(|e| format!("refused `{text}`: {e}"))?,
            );
        }
        let read = self
            .documents
            .iter()
            .map(|text| reference::Policy::read(self.kind, text, &self.context));
        let engine = Policy::union(parsed).ok_or("no documents")?;
        Ok(Read { engine, reference: reference::Policy::union(read) })
    }

    pub(crate) fn baseline(&self) -> Result<Read, String> {
        let engine = Policy::parse_baseline(
            self.kind,
            &self.baseline,
            &self.context,
            self.service.as_deref(),
        )
        .map_err(|e| format!("refused the baseline `{}`: {e}", self.baseline))?;
        let reference = reference::Policy::read_baseline(
            self.kind,
            &self.baseline,
            &self.context,
            self.service.as_deref(),
        );
        Ok(Read { engine, reference })
    }
}

/// Whether a verdict names a side.
pub(crate) fn names(verdict: Verdict, side: Side) -> bool {
    match side {
        Side::Missing => matches!(verdict, Verdict::Missing | Verdict::MissingAndExcess),
        Side::Excess => matches!(verdict, Verdict::Excess | Verdict::MissingAndExcess),
        Side::Conditional => verdict == Verdict::Conditional,
    }
}

/// What the engine says, once it is confirmed.
pub(crate) fn compare_and_confirm(actual: &Read, baseline: &Read) -> Result<Comparison, String> {
    let comparison = compare(&actual.engine, &baseline.engine);
    confirm(&comparison, actual, baseline)?;
    Ok(comparison)
}

/// Every witness shows what it claims, every named side has one, and no other side has.
pub(crate) fn confirm(
    comparison: &Comparison,
    actual: &Read,
    baseline: &Read,
) -> Result<(), String> {
    for witness in &comparison.witnesses {
        if !reference::confirms(&actual.reference, &baseline.reference, witness) {
            return Err(format!(
                "the reference does not confirm {witness:?} of {:?}",
                comparison.verdict
            ));
        }
    }
    for side in [Side::Missing, Side::Excess, Side::Conditional] {
        if names(comparison.verdict, side) && !comparison.witnesses.iter().any(|w| w.side == side) {
            return Err(format!("{:?} has no witness of {side:?}", comparison.verdict));
        }
    }
    if let Some(stray) = comparison.witnesses.iter().find(|w| !names(comparison.verdict, w.side)) {
        return Err(format!("{:?} carries {stray:?}", comparison.verdict));
    }
    Ok(())
}

/// Whether the engine saw every difference that counting found.
pub(crate) fn saw_all(verdict: Verdict, found: &Differences) -> Result<(), String> {
    let overlooked =
        |witness: &Option<Witness>| witness.clone().filter(|w| !names(verdict, w.side));
    let beyond = |witness: &Witness| {
        witness.side == Side::Conditional
            && (names(verdict, Side::Missing) || names(verdict, Side::Excess))
    };
    [&found.missing, &found.excess, &found.conditional]
        .into_iter()
        .filter_map(overlooked)
        .find(|witness| !beyond(witness))
        .map_or(Ok(()), |witness| Err(format!("{verdict:?} overlooks {witness:?}")))
}

/// The whole judgement of one pair: the engine's verdict, checked in both directions.
pub(crate) fn judge(pair: &Pair, universe: &mut Universe) -> Result<Comparison, String> {
    let (actual, baseline) = (pair.actual()?, pair.baseline()?);
    let found = universe.differences(&actual.reference, &baseline.reference);
    for witness in [&found.missing, &found.excess, &found.conditional].into_iter().flatten() {
        if !reference::confirms(&actual.reference, &baseline.reference, witness) {
            return Err(format!(
                "the tables and the evaluator of the reference disagree on {witness:?}"
            ));
        }
    }
    let comparison = compare_and_confirm(&actual, &baseline)?;
    saw_all(comparison.verdict, &found)?;
    Ok(comparison)
}
