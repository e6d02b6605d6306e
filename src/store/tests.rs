//! A disk that is full, page after page: SQLite's own limit stands for it.

use std::sync::Arc;

use super::saving::MOST_SWEEPS;
use super::*;
use crate::ledger::{Outcome, Resolution, Trigger};
use crate::model::{
    Account, AccountId, AccountReport, AccountResult, AccountState, CheckName, Finding, Severity,
    SweepInfo, Verdict,
};
use crate::model::{Origin, Phase, Write};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn account(n: i64) -> Account {
    let id: AccountId = format!("{n:012}").parse().unwrap();
    Account::numbered(id)
}

/// A judgement with one finding, of this sweep and no other.
fn judged(n: i64) -> AccountResult {
    let finding = Finding {
        id: format!("finding-{n}"),
        check: CheckName::TrustPolicy,
        verdict: Verdict::Excess,
        severity: Severity::High,
        summary: "x".repeat(500),
        witnesses: vec![],
        expected: serde_json::Value::Null,
        actual: "y".repeat(1_000).into(),
        diff: String::new(),
        fix: vec![],
        first_seen: None,
        exception: None,
    };
    AccountResult::Judged {
        state: AccountState::Drifted,
        role_arn: "arn".into(),
        checked_at: at(n),
        checks: Arc::default(),
        findings: vec![finding],
    }
}

fn sweep(n: i64) -> SweepRecord {
    SweepRecord {
        info: SweepInfo {
            id: format!("01JD{n:022}"),
            started_at: at(n),
            finished_at: at(n),
            mode: "scan".into(),
            version: "0.1.0".into(),
            baseline: String::new(),
            baseline_digest: String::new(),
            config_digest: String::new(),
            shard: Default::default(),
            complete: true,
        },
        trigger: Trigger::Schedule,
        outcome: Outcome::Complete,
        states: Default::default(),
        findings: Default::default(),
        unknown: Default::default(),
        opened: 0,
        resolved: 0,
    }
}

/// The ledger after sweep `n` of an organization that grows by an account a sweep and always has its last three judged.
fn learn(ledger: &mut Ledger, n: i64) -> Vec<Event> {
    let mut events = ledger.list((1..=n).map(account).collect(), at(n));
    for account in (1.max(n - 2)..=n).map(account) {
        let Account { id, name, path, .. } = account;
        events.extend(ledger.absorb(vec![AccountReport { id, name, path, result: judged(n) }]));
    }
    events
}

/// Saves after sweep `n`.
fn save(store: &Store, ledger: &Ledger, events: &[Event], n: i64) -> Result<(), StoreError> {
    try_again(store, ledger, events, n, Some(&sweep(n)))
}

fn try_again(
    store: &Store,
    ledger: &Ledger,
    events: &[Event],
    n: i64,
    sweep: Option<&SweepRecord>,
) -> Result<(), StoreError> {
    let list = AccountList { refreshed_at: Some(at(n)), ..AccountList::default() };
    store.save(Saving { at: at(n), ledger, sweep, events, list: &list, last_complete: Some(at(n)) })
}

fn pages(store: &Store) -> i64 {
    store.inner().conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap()
}

fn allow(store: &Store, pages: i64) {
    let conn = &store.inner().conn;
    conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
}

#[test]
fn a_disk_that_is_full_loses_nothing_and_space_that_returns_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    let store = Store::open(&path).unwrap();
    let (mut ledger, mut saved) = (Ledger::default(), Ledger::default());
    let (mut saves, mut failures) = (0_u64, 0_u64);
    let mut allowed = pages(&store);
    let mut n = 0;
    // No page more than there are; then one more after every save that fails, until one succeeds. Sweeps go on meanwhile.
    for position in 0..500 {
        allow(&store, allowed);
        let saving = if saved == ledger || position % 4 == 0 {
            n += 1;
            let events = learn(&mut ledger, n);
            save(&store, &ledger, &events, n)
        } else {
            try_again(&store, &ledger, &[], n, None)
        };
        match saving {
            Ok(()) => {
                saved = ledger.clone();
                saves += 1;
                allowed = pages(&store);
            }
            Err(StoreError::Full(_)) => {
                failures += 1;
                allowed += 1;
            }
            Err(other) => panic!("{n}: {other}"),
        }
        let stored = store.load(1).unwrap();
        assert_eq!(stored.ledger, saved, "{n}");
        assert_eq!(entries::load(&store.inner().conn).unwrap(), saved, "{n}");
        let health = store.health();
        assert_eq!((health.saves, health.failures), (saves, failures), "{n}");
        assert_eq!(health.trouble.is_some(), saved != ledger, "{n}");
    }
    println!("500 positions: {saves} saves, {failures} that found it full");
    assert!(saves > 50 && failures > 200, "{saves} {failures}");
    allow(&store, i64::MAX);
    n += 1;
    let events = learn(&mut ledger, n);
    save(&store, &ledger, &events, n).unwrap();
    drop(store);
    // All of it is there: every sweep, every finding that opened and closed while nothing could be saved.
    let store = Store::open(&path).unwrap();
    let stored = store.load(1_000).unwrap();
    assert_eq!(stored.ledger, ledger);
    assert_eq!(stored.sweeps, (1..=n).rev().map(sweep).collect::<Vec<_>>());
    let findings = store.findings(&FindingFilter::default()).unwrap();
    let wanted: i64 = (1..=n).map(|n| 3.min(n)).sum();
    assert_eq!(findings.len(), usize::try_from(wanted).unwrap());
    let open = findings.iter().filter(|record| record.closed_at.is_none()).count();
    assert_eq!(open, ledger.len());
    for record in findings.iter().filter(|record| record.closed_at.is_some()) {
        assert_eq!(record.resolution, Some(Resolution::Changed));
        assert!(record.closed_at.unwrap() > record.first_seen);
    }
}

fn change(n: i64) -> Change {
    Change {
        id: format!("01JC{n:022}"),
        run: "01JR".into(),
        account: account(1).id,
        account_name: String::new(),
        role_arn: "arn".into(),
        role_id: None,
        before_digest: String::new(),
        write: Write::DeleteRole,
        undo: None,
        summary: "x".repeat(700),
        diff: String::new(),
        origin: Origin::Apply,
        caller: String::new(),
        rolls_back: None,
        at: at(n),
        phase: Phase::Sent,
        ended_at: None,
        outcome: None,
        note: None,
    }
}

/// Each change is recorded by two calls, as it is in use: before it is sent, and when it ended.
#[test]
fn a_journal_on_a_full_disk_says_so_and_has_every_change_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    let store = Store::open(&path).unwrap();
    let mut taken: Vec<Change> = vec![];
    let mut allowed = pages(&store);
    let (mut n, mut full) = (0, 0);
    for position in 0..500 {
        allow(&store, allowed);
        let unended = taken.last().filter(|change| change.phase == Phase::Sent);
        let next = match unended {
            Some(sent) => Change { phase: Phase::Ended, ended_at: Some(at(n)), ..sent.clone() },
            None => {
                n += 1;
                change(n)
            }
        };
        let guard = Guard { failures_in_a_row: full, ..Guard::default() };
        match store.record(&[next.clone(), change(1_000 + n)]) {
            Ok(()) => {
                taken.retain(|change| {
                    change.id != next.id && change.id < format!("01JC{:022}", 1_000)
                });
                taken.push(next);
                allowed = pages(&store);
                let second = store.changes(&ChangeFilter::default()).unwrap();
                assert!(second.contains(&change(1_000 + n)), "{position}");
            }
            Err(StoreError::Full(_)) => {
                full += 1;
                allowed += 1;
                if unended.is_none() {
                    n -= 1;
                }
                assert!(store.health().trouble.is_some(), "{position}");
            }
            Err(other) => panic!("{position}: {other}"),
        }
        // What holds remediation back is as it was where it could not be written.
        let before = store.guard().unwrap();
        if store.set_guard(&guard).is_err() {
            assert_eq!(store.guard().unwrap(), before);
        }
        let written = changes::guard(&store.inner().conn).unwrap();
        assert_eq!(written, store.guard().unwrap(), "{position}");
        let mut there = store.changes(&ChangeFilter::default()).unwrap();
        there.retain(|change| change.id < format!("01JC{:022}", 1_000));
        there.reverse();
        assert_eq!(there, taken, "{position}");
    }
    println!("500 positions: {} changes, {full} that found it full", taken.len());
    assert!(taken.len() > 50 && full > 50, "{} {full}", taken.len());
    assert_eq!(u64::from(full), store.health().failures);
}

#[test]
fn what_waits_for_space_is_bounded_and_the_rest_is_still_right() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("rolewarden.db")).unwrap();
    let mut ledger = Ledger::default();
    let mut events = learn(&mut ledger, 1);
    save(&store, &ledger, &events, 1).unwrap();
    let may_write = |yes: bool| {
        store.inner().conn.pragma_update(None, "query_only", !yes).unwrap();
    };
    may_write(false);
    let sweeps = i64::try_from(MOST_SWEEPS).unwrap() + 10;
    ledger.list(vec![account(1)], at(1));
    let Account { id, name, path, .. } = account(1);
    for n in 2..2 + sweeps {
        let result = judged(n);
        let report =
            AccountReport { id: id.clone(), name: name.clone(), path: path.clone(), result };
        events = ledger.absorb(vec![report]);
        // More events than any sweep has: closed ones are dropped too.
        let events: Vec<Event> = events.iter().flat_map(|e| vec![e.clone(); 20]).collect();
        save(&store, &ledger, &events, n).unwrap_err();
    }
    assert!(store.health().dropped > 10);
    may_write(true);
    save(&store, &ledger, &[], 2 + sweeps).unwrap();
    let findings = store.findings(&FindingFilter::default()).unwrap();
    let open: Vec<_> = findings.iter().filter(|record| record.closed_at.is_none()).collect();
    assert_eq!(open.len(), 1, "what was open first is closed although its event was dropped");
    assert_eq!(open[0].first_seen, at(1), "it took the place of what was there before");
    assert_eq!(store.load(9_999).unwrap().sweeps.len(), 1 + MOST_SWEEPS);
}

#[test]
fn accounts_of_another_shard_are_forgotten_and_nothing_of_theirs_was_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    let store = Store::open(&path).unwrap();
    let mut ledger = Ledger::default();
    for n in 1..=6 {
        let events = learn(&mut ledger, n);
        save(&store, &ledger, &events, n).unwrap();
    }
    let filter = FindingFilter::default();
    let before = store.findings(&filter).unwrap();
    assert!(before.iter().any(|record| record.closed_at.is_none()), "some are open");
    let ours = |id: &crate::model::AccountId| id.as_str().ends_with(['1', '3', '5']);
    assert_eq!(store.retain(|_| true).unwrap(), 0);
    assert_eq!(store.retain(ours).unwrap(), 3);
    ledger.retain(ours);
    assert_eq!(store.load(9).unwrap().ledger, ledger);
    // A save after it takes nothing for gone.
    try_again(&store, &ledger, &[], 7, None).unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.load(9).unwrap().ledger, ledger);
    let want: Vec<_> = before
        .into_iter()
        .filter(|record| record.closed_at.is_some() || ours(&record.account))
        .collect();
    assert_eq!(store.findings(&filter).unwrap(), want);
}
