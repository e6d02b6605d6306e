//! What is remembered over restarts.

use rolewarden::store::{FindingFilter, SweepFilter};

use crate::support::{Memory, account, at, failed, id, judged, left_out, sweep};

#[test]
fn every_kind_of_entry_comes_back_as_it_was() {
    let mut memory = Memory::new();
    memory.list((1..=6).map(account).chain([left_out(7)]).collect(), 0);
    memory.learn(1, judged(1, &[]));
    memory.learn(2, judged(1, &["a", "b!"]));
    memory.learn(3, judged(1, &["a!"]));
    memory.learn(4, judged(1, &["a"]));
    memory.learn(4, failed("r-1"));
    memory.learn(5, failed("r-2"));
    memory.save(10);
    // Account 6 is missed once.
    memory.list((1..=5).map(account).chain([left_out(7)]).collect(), 11);
    memory.save(12);
    let before = memory.ledger.clone();
    memory.restart();
    assert_eq!(memory.ledger, before);
    let stored = memory.store().load(10).unwrap();
    assert_eq!(stored.sweeps, [sweep(12, 12), sweep(10, 10)]);
    assert_eq!((stored.listed_at, stored.last_complete), (Some(at(11)), Some(at(12))));
}

#[test]
fn a_store_that_was_never_saved_to_holds_nothing() {
    let mut memory = Memory::new();
    memory.restart();
    let stored = memory.store().load(10).unwrap();
    assert!(stored.ledger.is_empty() && stored.sweeps.is_empty());
    assert_eq!((stored.listed_at, stored.last_complete), (None, None));
}

#[test]
fn what_many_accounts_share_is_one_value_after_a_restart_too() {
    let mut memory = Memory::new();
    memory.list(vec![account(1), account(2)], 0);
    memory.learn(1, judged(1, &[]));
    memory.learn(2, judged(2, &["a"]));
    memory.save(3);
    memory.restart();
    let [a, b] = [1, 2].map(|n| memory.ledger.get(&id(n)).unwrap().judged().unwrap().checks);
    assert!(std::ptr::eq(a, b));
}

/// Each step is a sweep a second later; `/` is a restart.
#[test]
fn the_history_of_a_finding_follows_its_judgements() {
    type Step = Option<Option<&'static [&'static str]>>;
    const RESTART: Step = None;
    const FAILED: Step = Some(None);
    const fn found(findings: &'static [&'static str]) -> Step {
        Some(Some(findings))
    }
    let cases: [(&str, &[Step], &[&str]); 9] = [
        ("opens", &[found(&["a"])], &["1 a 1-1"]),
        (
            "a restart keeps the age",
            &[found(&["a"]), RESTART, found(&["a"]), RESTART, found(&["a"])],
            &["1 a 1-5"],
        ),
        ("is put right", &[found(&["a"]), found(&["a"]), found(&[])], &["1 a 1-2 external at 3"]),
        (
            "is put right while the daemon is down",
            &[found(&["a"]), RESTART, found(&[])],
            &["1 a 1-1 external at 3"],
        ),
        ("a read that fails closes nothing", &[found(&["a"]), FAILED, FAILED], &["1 a 1-1"]),
        (
            "is put right after a read that failed and a restart",
            &[found(&["a"]), FAILED, RESTART, found(&[])],
            &["1 a 1-1 external at 4"],
        ),
        (
            "comes back as another record",
            &[found(&["a"]), found(&[]), found(&["a"])],
            &["1 a 1-1 external at 2", "1 a 3-3"],
        ),
        (
            "an exception comes, and ends: one record, one age",
            &[found(&["a"]), found(&["a!"]), RESTART, found(&["a"])],
            &["1 a 1-4"],
        ),
        (
            "is put right under an exception",
            &[found(&["a!"]), found(&[])],
            &["1 a! 1-1 external at 2"],
        ),
    ];
    for (case, steps, want) in cases {
        let mut memory = Memory::new();
        memory.list(vec![account(1)], 0);
        for (second, step) in (1..).zip(steps) {
            match step {
                None => memory.restart(),
                Some(None) => memory.learn(1, failed("r")),
                Some(Some(findings)) => memory.learn(1, judged(second, findings)),
            }
            memory.save(second);
        }
        assert_eq!(memory.words(), want, "case `{case}`");
        memory.restart();
        assert_eq!(memory.words(), want, "case `{case}`, after a restart");
    }
}

#[test]
fn a_partial_sweep_closes_nothing_that_it_did_not_see() {
    let mut memory = Memory::new();
    memory.list(vec![account(1), account(2)], 0);
    memory.learn(1, judged(1, &["a"]));
    memory.learn(2, judged(1, &["b"]));
    memory.save(1);
    memory.restart();
    // The sweep was stopped after the first account.
    memory.learn(1, judged(2, &[]));
    memory.save(2);
    assert_eq!(memory.words(), ["1 a 1-1 external at 2", "2 b 1-1"]);
    memory.restart();
    assert_eq!(memory.ledger.get(&id(2)).unwrap().found().len(), 1);
}

#[test]
fn an_account_that_leaves_takes_its_findings_along() {
    let mut memory = Memory::new();
    memory.list(vec![account(1), account(2), account(3)], 0);
    for n in 1..=3 {
        memory.learn(n, judged(1, &["a"]));
    }
    memory.save(1);
    // 2 is suspended; 3 is gone, and forgotten with the second list.
    memory.list(vec![account(1), left_out(2)], 2);
    memory.save(2);
    assert_eq!(memory.words(), ["1 a 1-1", "2 a 1-1 account_left at 2", "3 a 1-1"]);
    memory.restart();
    memory.list(vec![account(1), left_out(2)], 3);
    memory.save(3);
    memory.restart();
    let gone = "3 a 1-1 account_left at 3";
    assert_eq!(memory.words(), ["1 a 1-1", "2 a 1-1 account_left at 2", gone]);
    assert_eq!(memory.ledger.len(), 2);
}

#[test]
fn findings_and_sweeps_are_asked_for_in_pages_and_by_kind() {
    let mut memory = Memory::new();
    memory.list(vec![account(1), account(2)], 0);
    memory.learn(1, judged(1, &["a", "b!"]));
    memory.learn(2, judged(2, &["c", "d"]));
    memory.save(2);
    memory.learn(2, judged(3, &["d"]));
    memory.save(3);
    let all = FindingFilter::default();
    let cases = [
        ("newest first", all.clone(), "c d a b"),
        ("an account", FindingFilter { account: Some(id(2)), ..all.clone() }, "c d"),
        ("open ones", FindingFilter { open: true, ..all.clone() }, "d a"),
        ("since", FindingFilter { since: Some(at(2)), ..all.clone() }, "c d"),
        ("a few", FindingFilter { limit: Some(3), ..all.clone() }, "c d a"),
        ("none", FindingFilter { account: Some(id(9)), ..all }, ""),
    ];
    for (case, filter, want) in cases {
        let records = memory.store().findings(&filter).unwrap();
        let ids: Vec<_> = records.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids.join(" "), want, "case `{case}`");
    }
    let all = SweepFilter::default();
    let cases = [
        ("newest first", all.clone(), vec![3, 2]),
        ("since", SweepFilter { since: Some(at(3)), ..all.clone() }, vec![3]),
        (
            "the page after",
            SweepFilter { before: Some(sweep(3, 3).info.id), ..all.clone() },
            vec![2],
        ),
        ("a few", SweepFilter { limit: Some(1), ..all }, vec![3]),
    ];
    for (case, filter, want) in cases {
        let want: Vec<_> = want.into_iter().map(|n| sweep(n, n.cast_signed())).collect();
        assert_eq!(memory.store().sweeps(&filter).unwrap(), want, "case `{case}`");
    }
}

#[test]
fn what_closes_and_comes_back_within_a_second_is_open() {
    let mut memory = Memory::new();
    memory.list(vec![account(1)], 0);
    memory.learn(1, judged(1, &["a"]));
    memory.save(1);
    memory.learn(1, judged(1, &[]));
    memory.learn(1, judged(1, &["a"]));
    memory.save(2);
    assert_eq!(memory.words(), ["1 a 1-1"]);
}
