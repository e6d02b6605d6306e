//! Random pairs: the engine against the reference, in both directions.

use std::time::Instant;

use fastrand::Rng;
use rolewarden::model::Verdict;
use rolewarden::policy::Kind;

use crate::generate::{Features, context, one_in, one_of, universe};
use crate::judge::{Pair, judge};

/// How many pairs of a kind the default run compares; `ROLEWARDEN_PAIRS` overrides it.
const PAIRS: u64 = 100_000;

/// `ROLEWARDEN_SEED` repeats one run.
fn seed() -> u64 {
    std::env::var("ROLEWARDEN_SEED").map_or(0x00c0_ffee, |seed| seed.parse().unwrap())
}

fn pairs() -> u64 {
    std::env::var("ROLEWARDEN_PAIRS").map_or(PAIRS, |pairs| pairs.parse().unwrap())
}

fn random_pair(rng: &mut Rng, kind: Kind) -> Pair {
    let features = Features {
        kind,
        conditions: one_in(rng, 2),
        variables: one_in(rng, 3),
        tokens: if one_in(rng, 8) { 4 } else { 3 },
        statements: if one_in(rng, 8) { 6 } else { 3 },
    };
    let baseline =
        Features { conditions: features.conditions && one_in(rng, 3), ..features }.document(rng);
    let documents = if one_in(rng, 3) {
        (0..rng.usize(1..=2)).map(|_| features.document(rng)).collect()
    } else {
        features.relative(rng, &baseline)
    };
    let documents = documents.iter().map(|d| d.text(rng)).collect();
    Pair { kind, context: context(), service: None, documents, baseline: baseline.text(rng) }
}

fn run(kind: Kind) {
    let (seed, pairs, begun) = (seed(), pairs(), Instant::now());
    let mut rng = Rng::with_seed(seed);
    let mut universe = universe(kind, 4);
    let mut verdicts = [0_u64; Verdict::ALL.len()];
    for nth in 0..pairs {
        let pair = random_pair(&mut rng, kind);
        let verdict = judge(&pair, &mut universe).map(|comparison| comparison.verdict);
        let problem = match &verdict {
            Err(problem) => Some(problem.clone()),
            Ok(Verdict::Undecided) => Some("undecided".to_owned()),
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            let documents = pair.documents.join("\n  ");
            panic!(
                "seed {seed}, pair {nth}: {problem}\nbaseline\n  {}\ndocuments\n  {documents}",
                pair.baseline
            );
        }
        verdicts
            .iter_mut()
            .zip(Verdict::ALL)
            .filter(|(_, v)| verdict == Ok(*v))
            .for_each(|(count, _)| *count += 1);
    }
    let differences = pairs - verdicts[0];
    let counts: Vec<_> = Verdict::ALL
        .iter()
        .zip(verdicts)
        .map(|(verdict, count)| format!("{} {count}", verdict.as_str()))
        .collect();
    println!("{kind:?}: {} in {:.1?}", counts.join(", "), begun.elapsed());
    println!("{kind:?}: seed {seed}, {pairs} pairs, {differences} differences");
    for must_occur in [
        Verdict::Equivalent,
        Verdict::Missing,
        Verdict::Excess,
        Verdict::MissingAndExcess,
        Verdict::Conditional,
    ] {
        let at = Verdict::ALL.iter().position(|v| *v == must_occur).unwrap();
        assert!(
            pairs < 10_000 || verdicts[at] * 100 > pairs,
            "{must_occur:?} hardly occurs: the generator is lopsided"
        );
    }
}

#[test]
fn random_identity_policies_are_judged_as_the_reference_judges_them() {
    run(Kind::Identity);
}

#[test]
fn random_trust_policies_are_judged_as_the_reference_judges_them() {
    run(Kind::Trust);
}

#[test]
fn the_reference_reads_every_spelling_of_a_document_alike() {
    let mut rng = Rng::with_seed(seed());
    for _ in 0..1_000 {
        let kind = one_of(&mut rng, &[Kind::Trust, Kind::Identity]);
        let features =
            Features { kind, conditions: true, variables: true, tokens: 3, statements: 3 };
        let document = features.document(&mut rng);
        let mut read = || {
            let policy = crate::reference::Policy::read(kind, &document.text(&mut rng), &context());
            policy.statements.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>()
        };
        assert_eq!(read(), read());
    }
}
