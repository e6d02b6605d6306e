//! Comparing two documents, a NUL between them, never panics; a document is never missing or in excess of itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rolewarden::model::{Side, Verdict};
use rolewarden::policy::{Context, Kind, Policy, compare};

fn check(actual: &Policy, baseline: &Policy) -> Verdict {
    let comparison = compare(actual, baseline);
    let shows = |side| comparison.witnesses.iter().any(|witness| witness.side == side);
    let both = comparison.verdict == Verdict::MissingAndExcess;
    assert!(shows(Side::Missing) || !(both || comparison.verdict == Verdict::Missing));
    assert!(shows(Side::Excess) || !(both || comparison.verdict == Verdict::Excess));
    comparison.verdict
}

fuzz_target!(|text: &str| {
    let Some((left, right)) = text.split_once('\0') else { return };
    let context = Context { account: "111122223333".parse().unwrap(), partition: "aws".parse().unwrap() };
    for kind in [Kind::Trust, Kind::Identity] {
        let [left, right] = [left, right].map(|text| Policy::parse(kind, text, &context));
        let (Ok(left), Ok(right)) = (left, right) else { continue };
        check(&left, &right);
        check(&right, &left);
        for policy in [&left, &right] {
            let verdict = check(policy, policy);
            let differs = matches!(verdict, Verdict::Missing | Verdict::Excess | Verdict::MissingAndExcess);
            assert!(!differs, "a policy and itself are {verdict:?}");
        }
    }
});
