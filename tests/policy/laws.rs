//! Rewrites that carry no meaning must not change a verdict.

use fastrand::Rng;
use rolewarden::model::Verdict;
use rolewarden::policy::Kind;

use crate::generate::{Document, Features, context, one_in, one_of};
use crate::judge::{Pair, Read, compare_and_confirm};
use crate::rewrites::{REWRITES, Rewrite};

const RUNS: usize = 3_000;

fn texts(rng: &mut Rng, documents: &[Document]) -> Vec<String> {
    documents.iter().map(|d| d.text(rng)).collect()
}

struct Subject {
    features: Features,
    original: Vec<Document>,
    rewritten: Vec<Document>,
    baseline: Document,
}

impl Subject {
    fn random(rng: &mut Rng, rewrite: &Rewrite) -> Self {
        let features = Features {
            kind: one_of(rng, &[Kind::Identity, Kind::Trust]),
            conditions: one_in(rng, 3),
            variables: one_in(rng, 4),
            tokens: 3,
            statements: 4,
        };
        let baseline = features.document(rng);
        let original = features.relative(rng, &baseline);
        let mut rewritten = original.clone();
        rewrite.1(rng, &mut rewritten);
        Self { features, original, rewritten, baseline }
    }

    fn read(&self, rng: &mut Rng, documents: &[Document]) -> Read {
        let (kind, context) = (self.features.kind, context());
        let pair = Pair {
            kind,
            context,
            service: None,
            documents: texts(rng, documents),
            baseline: String::new(),
        };
        pair.actual().unwrap()
    }

    fn check(&self, rng: &mut Rng) -> Result<(), String> {
        let [original, rewritten] =
            [&self.original, &self.rewritten].map(|documents| self.read(rng, documents));
        let baseline = self.read(rng, std::slice::from_ref(&self.baseline));
        let before = compare_and_confirm(&original, &baseline)?.verdict;
        let after = compare_and_confirm(&rewritten, &baseline)?.verdict;
        if before != after {
            return Err(format!("{before:?} became {after:?}"));
        }
        if !self.features.conditions && !self.features.variables {
            for (left, right) in [(&original, &rewritten), (&rewritten, &original)] {
                let verdict = compare_and_confirm(left, right)?.verdict;
                if verdict != Verdict::Equivalent {
                    return Err(format!("rewritten and original are {verdict:?}"));
                }
            }
        }
        Ok(())
    }
}

/// Runs one law many times; each law has its own seed.
fn hold(name: &str) {
    let nth = REWRITES.iter().position(|(n, _)| *n == name).unwrap();
    let mut rng = Rng::with_seed(nth as u64);
    for run in 0..RUNS {
        let subject = Subject::random(&mut rng, &REWRITES[nth]);
        if let Err(problem) = subject.check(&mut rng) {
            let Subject { original, rewritten, baseline, .. } = subject;
            let [original, rewritten, baseline] =
                [original, rewritten, vec![baseline]].map(|d| texts(&mut rng, &d).join("\n  "));
            panic!(
                "law `{name}`, run {run}: {problem}\noriginal\n  {original}\nrewritten\n  {rewritten}\nbaseline\n  {baseline}"
            );
        }
    }
}

#[test]
fn no_rewrite_that_carries_no_meaning_changes_a_verdict() {
    for (name, _) in REWRITES {
        hold(name);
    }
    println!("{} laws of {RUNS} runs", REWRITES.len());
}

#[test]
fn every_rewrite_does_rewrite() {
    for rewrite in REWRITES {
        let mut rng = Rng::with_seed(1);
        let changed = (0..300).filter(|_| {
            let subject = Subject::random(&mut rng, &rewrite);
            format!("{:?}", subject.original) != format!("{:?}", subject.rewritten)
        });
        assert!(changed.count() > 2, "`{}` never changes anything", rewrite.0);
    }
}

#[test]
fn the_spelling_of_json_carries_no_meaning() {
    let nothing: Rewrite = ("respell", |_, _| {});
    let mut rng = Rng::with_seed(99);
    for run in 0..RUNS {
        // Reading a document twice writes it twice: other order, white space, escapes, scalars and Sids.
        let subject = Subject::random(&mut rng, &nothing);
        assert_eq!(subject.check(&mut rng), Ok(()), "run {run}: {:?}", subject.original);
    }
}
