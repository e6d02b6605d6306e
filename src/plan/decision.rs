//! Decisions of people that no step undoes: explicit Denies and conditions that the baseline lacks, unless
//! `remediation.act_on` names them. Every write to a document passes here.

use std::collections::BTreeSet;

use crate::check::Decided;
use crate::config::Doubt;
use crate::policy::Decisions;

/// The decisions that `remediation.act_on` lets a plan undo.
pub(super) fn allowed(act_on: &BTreeSet<Doubt>) -> Decisions {
    Decisions {
        deny: act_on.contains(&Doubt::Deny),
        condition: act_on.contains(&Doubt::Conditional),
    }
}

/// Refuses to undo decisions, unless the configuration names them.
///
/// # Errors
/// The reason: what was found in which document, and the words of `act_on` that would change that.
pub(super) fn may_undo<'d>(
    decided: impl IntoIterator<Item = &'d Decided>,
    act_on: &BTreeSet<Doubt>,
) -> Result<(), String> {
    let allowed = allowed(act_on);
    let left = |decided: &&Decided| !decided.decisions.beyond(allowed).none();
    let left: Vec<&Decided> = decided.into_iter().filter(left).collect();
    if left.is_empty() {
        return Ok(());
    }
    // One document may be at stake in several writes.
    let mut found: Vec<&str> = Vec::new();
    for Decided { found: words, .. } in &left {
        if !found.contains(&words.as_str()) {
            found.push(words);
        }
    }
    let all = left.iter().fold(Decisions::default(), |all, decided| all.and(decided.decisions));
    Err(format!(
        "left to people: {}; rolewarden changes that only with {} in remediation.act_on",
        found.join(", and "),
        words(all.beyond(allowed)),
    ))
}

fn words(lacking: Decisions) -> &'static str {
    match (lacking.deny, lacking.condition) {
        (true, true) => "`deny` and `conditional`",
        (true, false) => "`deny`",
        (false, _) => "`conditional`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(deny: bool, condition: bool) -> Decided {
        let found = format!("the policy {deny} {condition}");
        Decided { decisions: Decisions { deny, condition }, found }
    }

    #[test]
    fn a_decision_is_undone_only_where_act_on_has_every_word_it_needs() {
        use Doubt::{Conditional, Deny, Invalid, Undecided};
        let (deny, condition, both) =
            (decided(true, false), decided(false, true), decided(true, true));
        type Row<'a> = (&'a [&'a Decided], &'a [Doubt], Option<&'a str>);
        let cases: [Row<'_>; 12] = [
            (&[], &[], None),
            (&[&deny], &[], Some("with `deny` in")),
            (&[&condition], &[], Some("with `conditional` in")),
            (&[&both], &[], Some("with `deny` and `conditional` in")),
            (&[&deny, &condition], &[], Some("with `deny` and `conditional` in")),
            (&[&deny], &[Deny], None),
            (&[&deny], &[Conditional, Invalid, Undecided], Some("with `deny` in")),
            (&[&condition], &[Conditional], None),
            (&[&condition], &[Deny, Invalid, Undecided], Some("with `conditional` in")),
            (&[&both], &[Deny], Some("with `conditional` in")),
            (&[&both], &[Conditional], Some("with `deny` in")),
            (&[&both, &deny, &condition], &[Deny, Conditional], None),
        ];
        for (decided, act_on, want) in cases {
            let got = may_undo(decided.iter().copied(), &act_on.iter().copied().collect());
            match (&got, want) {
                (Ok(()), None) => {}
                (Err(why), Some(want)) => {
                    assert!(why.contains(want), "{decided:?} {act_on:?}: {why}");
                    assert!(why.starts_with("left to people: the policy "), "{why}");
                }
                _ => panic!("{decided:?} {act_on:?}: {got:?}, expected {want:?}"),
            }
        }
    }

    #[test]
    fn the_reason_names_only_documents_whose_decisions_stand() {
        let (deny, condition) = (decided(true, false), decided(false, true));
        let why = may_undo([&deny, &condition], &[Doubt::Deny].into()).unwrap_err();
        assert_eq!(
            why,
            "left to people: the policy false true; rolewarden changes that only with `conditional` in remediation.act_on"
        );
    }
}
