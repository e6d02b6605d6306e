use std::time::Duration;

use super::*;
use crate::model::{AccountState, CheckName, CheckResults, Finding, Severity, SkipReason, Verdict};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn account(id: u64) -> Account {
    let name = format!("account-{id}");
    Account { name, ..Account::numbered(format!("{id:012}").parse().unwrap()) }
}

fn finding(id: &str, exception: Option<&str>) -> Finding {
    Finding {
        id: id.into(),
        check: CheckName::TrustPolicy,
        verdict: Verdict::Excess,
        severity: Severity::Critical,
        summary: "anyone may assume the role".into(),
        witnesses: vec![],
        expected: serde_json::Value::Null,
        actual: serde_json::Value::Null,
        diff: String::new(),
        fix: vec![],
        first_seen: None,
        exception: exception.map(str::to_owned),
    }
}

/// A judgement with these findings: `a` is open, `a!` is under an exception.
fn judged(second: i64, findings: &[&str]) -> AccountResult {
    let findings: Vec<_> = findings
        .iter()
        .map(|id| finding(id.trim_end_matches('!'), id.ends_with('!').then_some("EX-1")))
        .collect();
    let state = match (findings.is_empty(), findings.iter().all(|f| f.exception.is_some())) {
        (true, _) => AccountState::Compliant,
        (false, true) => AccountState::Exempt,
        (false, false) => AccountState::Drifted,
    };
    let checks = Arc::new(CheckResults::new());
    AccountResult::Judged {
        state,
        role_arn: "arn".into(),
        checked_at: at(second),
        checks,
        findings,
    }
}

/// With no exception that has ended, and the rules that a ledger has by itself.
fn standpoint(now: i64, stale_after: Duration) -> Standpoint<'static> {
    Standpoint {
        now: at(now),
        stale_after,
        rules: None,
        drift_severity: Severity::Low,
        ended: std::collections::BTreeSet::new(),
    }
}

fn unknown(reason: UnknownReason) -> AccountResult {
    AccountResult::Unknown(Box::new(ScanError::new(reason, "no")))
}

fn report(id: u64, result: AccountResult) -> AccountReport {
    let Account { id, name, path, .. } = account(id);
    AccountReport { id, name, path, result }
}

fn words(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            let what = match event.change {
                Change::Opened => "opened",
                Change::Excused => "excused",
                Change::Closed(_) => "closed",
            };
            let resolution = event.resolution().map_or("-", Resolution::as_str);
            let since = event.finding.first_seen.unwrap().as_second() - at(0).as_second();
            format!("{} {what} {resolution} since {since}", event.finding.id)
        })
        .collect()
}

#[test]
fn a_finding_stays_open_until_a_judgement_contradicts_it() {
    let failed = || unknown(UnknownReason::Throttled);
    let pending = || unknown(UnknownReason::Pending);
    /// What is learned, one result after another; the events; the findings that are left.
    type Case =
        (&'static str, Vec<AccountResult>, &'static [&'static str], &'static [&'static str]);
    let cases: [Case; 8] = [
        ("opens", vec![judged(1, &["a"])], &["a opened - since 1"], &["a"]),
        ("stays", vec![judged(1, &["a"]), judged(2, &["a"])], &["a opened - since 1"], &["a"]),
        (
            "a failed read closes nothing",
            vec![judged(1, &["a"]), failed(), failed(), judged(4, &["a"])],
            &["a opened - since 1"],
            &["a"],
        ),
        (
            "what was not reached stays",
            vec![judged(1, &["a"]), pending()],
            &["a opened - since 1"],
            &["a"],
        ),
        (
            "put right after a failed read",
            vec![judged(1, &["a"]), failed(), judged(3, &[])],
            &["a opened - since 1", "a closed external since 1"],
            &[],
        ),
        (
            "excused and open again, with its age",
            vec![judged(1, &["a"]), judged(2, &["a!"]), judged(3, &["a"])],
            &["a opened - since 1", "a excused exempt since 1", "a opened - since 1"],
            &["a"],
        ),
        (
            "excused from the start, then put right: never resolved",
            vec![judged(1, &["a!"]), judged(2, &[])],
            &["a excused - since 1", "a closed - since 1"],
            &[],
        ),
        (
            "another takes its place, as old as what it is part of",
            vec![judged(1, &["a"]), judged(2, &["b"])],
            &["a opened - since 1", "b opened - since 1", "a closed changed since 1"],
            &["b"],
        ),
    ];
    for (case, results, want, open) in cases {
        let mut ledger = Ledger::default();
        ledger.list(vec![account(1)], at(0));
        let mut events = vec![];
        for result in results {
            events.extend(ledger.absorb(vec![report(1, result)]));
        }
        assert_eq!(words(&events), want, "case `{case}`");
        let entry = ledger.get(&account(1).id).unwrap();
        let ids: Vec<_> = entry.found().iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, open, "case `{case}`");
    }
}

/// Drift that changes again and again does not get younger, whatever comes between but a judgement that finds it gone.
#[test]
fn no_change_of_drift_starts_its_age_over() {
    let gone = |second| match judged(second, &["role"]) {
        // The role is not there: its trust policy is not judged.
        AccountResult::Judged { state, role_arn, checked_at, mut findings, .. } => {
            findings[0].check = CheckName::RoleExists;
            let result =
                crate::model::CheckResult { verdict: Verdict::Absent, details: Default::default() };
            let checks = Arc::new(CheckResults::from([(CheckName::RoleExists, result)]));
            AccountResult::Judged { state, role_arn, checked_at, checks, findings }
        }
        other => other,
    };
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut ledger = Ledger::default();
        ledger.list(vec![account(1)], at(0));
        let mut since = None;
        for second in 1..60 {
            let names: Vec<String> =
                (0..random.usize(1..4)).map(|_| random.u8(..9).to_string()).collect();
            let mut ids: Vec<&str> = names.iter().map(String::as_str).collect();
            ids.sort_unstable();
            ids.dedup();
            let result = match random.u8(..8) {
                0 => unknown(UnknownReason::Throttled),
                1 => gone(second),
                2 if random.bool() => {
                    since = None;
                    judged(second, &[])
                }
                _ => {
                    since = since.or(Some(second));
                    judged(second, &ids)
                }
            };
            ledger.absorb(vec![report(1, result)]);
            // As a restart would leave it.
            let stored = ledger.get(&account(1).id).unwrap().as_ref().clone();
            ledger = Ledger::from_entries([stored]);
            let entry = ledger.get(&account(1).id).unwrap();
            let trust = entry.found().iter().filter(|f| f.check == CheckName::TrustPolicy);
            for finding in trust {
                assert_eq!(finding.first_seen, since.map(at), "seed {seed}, second {second}");
            }
        }
    }
}

#[test]
fn the_state_is_that_of_the_newest_result_while_it_is_young() {
    let stale_after = Duration::from_secs(100);
    let cases = [
        ("young", vec![judged(0, &[])], 100, Some((AccountState::Compliant, None))),
        (
            "old",
            vec![judged(0, &[])],
            101,
            Some((AccountState::Unknown, Some(UnknownReason::Stale))),
        ),
        (
            "the clock went back a little",
            vec![judged(300, &["a"])],
            0,
            Some((AccountState::Drifted, None)),
        ),
        (
            "from the future",
            vec![judged(301, &[])],
            0,
            Some((AccountState::Unknown, Some(UnknownReason::Stale))),
        ),
        (
            "failed",
            vec![judged(0, &[]), unknown(UnknownReason::AssumeDenied)],
            1,
            Some((AccountState::Unknown, Some(UnknownReason::AssumeDenied))),
        ),
        (
            "not reached keeps the judgement",
            vec![judged(0, &[]), unknown(UnknownReason::Pending)],
            1,
            Some((AccountState::Compliant, None)),
        ),
        ("never", vec![], 1, Some((AccountState::Unknown, Some(UnknownReason::Pending)))),
    ];
    for (case, results, now, want) in cases {
        let mut ledger = Ledger::default();
        ledger.list(vec![account(1)], at(0));
        for result in results {
            ledger.absorb(vec![report(1, result)]);
        }
        let entry = ledger.get(&account(1).id).unwrap();
        let at = standpoint(now, stale_after);
        assert_eq!(entry.state(&at), want, "case `{case}`");
        assert_eq!(entry.report(&at).state(), want.map(|(state, _)| state), "case `{case}`");
    }
}

#[test]
fn time_alone_changes_a_state_when_it_is_said_to_and_not_before() {
    let stale_after = Duration::from_secs(100);
    let young = vec![101];
    let cases = [
        ("young", judged(0, &["a"]), 0, young.clone()),
        ("about to be stale", judged(0, &[]), 100, young),
        ("stale", judged(0, &[]), 101, vec![]),
        ("ahead of the clock, believed", judged(250, &[]), 0, vec![351]),
        ("too far ahead of the clock", judged(500, &["a"]), 0, vec![200, 601]),
        ("failed", unknown(UnknownReason::AssumeDenied), 0, vec![]),
    ];
    for (case, result, mut now, changes) in cases {
        let mut ledger = Ledger::default();
        ledger.list(vec![account(1)], at(0));
        ledger.absorb(vec![report(1, result)]);
        let entry = ledger.get(&account(1).id).unwrap();
        for change in changes {
            let before = entry.report(&standpoint(now, stale_after));
            let said = entry.changes_at(&standpoint(now, stale_after));
            assert_eq!(said, Some(at(change)), "case `{case}` at {now}");
            for second in now..change {
                let report = entry.report(&standpoint(second, stale_after));
                assert_eq!(report, before, "case `{case}` at {second}");
            }
            let after = entry.report(&standpoint(change, stale_after));
            assert_ne!(after, before, "case `{case}` at {change}");
            now = change;
        }
        assert_eq!(
            entry.changes_at(&standpoint(now, stale_after)),
            None,
            "case `{case}`: the last"
        );
    }
}

#[test]
fn a_judgement_by_other_rules_is_pending_until_there_is_one_by_these() {
    let of = |second, rules: &str| (judged(second, &["a"]), Digest::from(rules));
    let failed = || (unknown(UnknownReason::Throttled), Digest::from("B"));
    /// What is learned, by which rules; the state and its reason; whether everything awaits these rules.
    type Case =
        (&'static str, Vec<(AccountResult, Digest)>, AccountState, Option<UnknownReason>, bool);
    let cases: [Case; 6] = [
        ("by these", vec![of(0, "B")], AccountState::Drifted, None, false),
        ("by others", vec![of(0, "A")], AccountState::Unknown, Some(UnknownReason::Pending), true),
        (
            "by others, then by these",
            vec![of(0, "A"), of(1, "B")],
            AccountState::Drifted,
            None,
            false,
        ),
        (
            "by a sweep that began before the change",
            vec![of(0, "B"), of(1, "A")],
            AccountState::Unknown,
            Some(UnknownReason::Pending),
            true,
        ),
        (
            "by others, then not read",
            vec![of(0, "A"), failed()],
            AccountState::Unknown,
            Some(UnknownReason::Throttled),
            true,
        ),
        ("never", vec![], AccountState::Unknown, Some(UnknownReason::Pending), false),
    ];
    for (case, results, state, reason, awaits) in cases {
        let mut ledger = Ledger::default();
        ledger.list(vec![account(1)], at(0));
        ledger.put_in_force("B");
        for (result, rules) in results {
            ledger.absorb_judged_by(Some(rules), vec![report(1, result)], &BTreeMap::new());
        }
        let rules = Digest::from("B");
        let at = Standpoint { rules: Some(&rules), ..standpoint(2, Duration::from_secs(9)) };
        let entry = ledger.get(&account(1).id).unwrap();
        assert_eq!(entry.state(&at), Some((state, reason)), "case `{case}`");
        assert_eq!(entry.report(&at).state(), Some(state), "case `{case}`");
        assert_eq!(ledger.awaits_judgement(), awaits, "case `{case}`");
    }
}

#[test]
fn an_exemption_ends_with_its_exception_and_not_with_the_next_sweep() {
    let low = |mut result: AccountResult| {
        if let AccountResult::Judged { findings, .. } = &mut result {
            findings[0].severity = Severity::Low;
        }
        result
    };
    // What is judged; whether EX-1 has ended; the state; how many findings are open.
    let cases = [
        ("it holds", judged(0, &["a!"]), false, AccountState::Exempt, 0),
        ("it has ended", judged(0, &["a!"]), true, AccountState::Drifted, 1),
        ("beside open ones", judged(0, &["a!", "b"]), true, AccountState::Drifted, 2),
        (
            "what does not count is no drift",
            low(judged(0, &["a!", "b!"])),
            false,
            AccountState::Exempt,
            0,
        ),
    ];
    for (case, result, ended, state, open) in cases {
        let mut ledger = Ledger::default();
        ledger.list(vec![account(1)], at(0));
        ledger.absorb(vec![report(1, result)]);
        let ended = ended.then_some("EX-1").into_iter().collect();
        let at = Standpoint { ended, ..standpoint(1, Duration::from_secs(9)) };
        let entry = ledger.get(&account(1).id).unwrap();
        assert_eq!(entry.state(&at), Some((state, None)), "case `{case}`");
        let report = entry.report(&at);
        assert_eq!(report.state(), Some(state), "case `{case}`");
        assert_eq!(report.findings(), &*entry.findings(&at), "case `{case}`");
        let uncovered = report.findings().iter().filter(|finding| finding.exception.is_none());
        assert_eq!(uncovered.count(), open, "case `{case}`");
    }
    // A finding that does not count stays no drift when it is uncovered.
    let mut ledger = Ledger::default();
    ledger.list(vec![account(1)], at(0));
    let mut result = low(judged(0, &["a!", "b!"]));
    if let AccountResult::Judged { findings, .. } = &mut result {
        findings[1].exception = Some("EX-2".to_owned());
    }
    ledger.absorb(vec![report(1, result)]);
    let at = Standpoint {
        ended: ["EX-1"].into(),
        drift_severity: Severity::Medium,
        ..standpoint(1, Duration::from_secs(9))
    };
    let state = ledger.get(&account(1).id).unwrap().state(&at);
    assert_eq!(state, Some((AccountState::Exempt, None)));
}

#[test]
fn an_account_leaves_after_two_whole_lists_without_it() {
    let mut ledger = Ledger::default();
    ledger.list(vec![account(1), account(2)], at(0));
    ledger.absorb(vec![report(1, judged(1, &["a"])), report(2, judged(1, &["b", "c!"]))]);
    assert_eq!(ledger.lacks(&[account(1)]), (1, 2));
    assert_eq!(ledger.list(vec![account(1)], at(2)), vec![]);
    assert_eq!(ledger.len(), 2, "one list is not enough");
    assert_eq!(ledger.lacks(&[account(1)]), (0, 1), "what is missed already counts no more");
    let events = ledger.list(vec![account(1)], at(3));
    assert_eq!(words(&events), ["b closed account_left since 1", "c closed - since 1"]);
    assert_eq!(ledger.len(), 1);
    // Back again: it is not known how it was.
    ledger.list(vec![account(1), account(2)], at(4));
    let back = ledger.get(&account(2).id).unwrap();
    assert!(back.found().is_empty() && back.judged_at().is_none());
}

#[test]
fn an_account_that_is_left_out_has_no_findings_and_comes_back_pending() {
    let mut ledger = Ledger::default();
    ledger.list(vec![account(1)], at(0));
    ledger.absorb(vec![report(1, judged(1, &["a"]))]);
    let excluded = Account { skip: Some(SkipReason::Excluded), ..account(1) };
    let events = ledger.list(vec![excluded], at(2));
    assert_eq!(words(&events), ["a closed account_left since 1"]);
    let state = |ledger: &Ledger| {
        ledger.get(&account(1).id).unwrap().state(&standpoint(3, Duration::from_secs(9)))
    };
    assert_eq!(state(&ledger), None);
    assert_eq!(
        ledger.absorb(vec![report(1, AccountResult::Skipped(SkipReason::Excluded))]),
        vec![]
    );
    ledger.list(vec![account(1)], at(4));
    assert_eq!(state(&ledger), Some((AccountState::Unknown, Some(UnknownReason::Pending))));
}

#[test]
fn results_survive_being_stored() {
    let mut judged = judged(1, &["a", "b!"]);
    if let AccountResult::Judged { findings, .. } = &mut judged {
        findings[0].witnesses = vec![crate::model::Witness {
            scope: crate::model::Scope::Principal { kind: "AWS".into(), value: "*".into() },
            action: "sts:AssumeRole".into(),
            side: crate::model::Side::Excess,
            outside_baseline_condition: true,
            needs: crate::model::Needs::default(),
        }];
    }
    let skipped = AccountResult::Skipped(SkipReason::Management);
    for result in [judged, unknown(UnknownReason::Stale), skipped] {
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!(serde_json::from_str::<AccountResult>(&text).unwrap(), result);
    }
}
