//! The journal of changes, and what holds remediation back.

use std::time::Duration;

use rolewarden::ledger::Ledger;
use rolewarden::model::{Breaker, Change, Guard, Phase, StepOutcome, Stopped};
use rolewarden::store::{ChangeFilter, Store, StoreError};
use rusqlite::Connection;

use crate::support::{HOSTILE, Memory, account, at, change, id, judged};

fn all(memory: &Memory) -> Vec<Change> {
    memory.store().changes(&ChangeFilter::default()).unwrap()
}

/// The numbers of changes, in order.
fn numbers(changes: &[Change]) -> Vec<u64> {
    changes.iter().map(|change| change.id.trim_start_matches("01JC").parse().unwrap()).collect()
}

#[test]
fn a_change_is_there_as_it_was_written_down_and_stays_over_restarts() {
    let mut memory = Memory::new();
    assert_eq!((all(&memory), memory.store().guard().unwrap()), (vec![], Guard::default()));
    memory.journal();
    let want = [
        change(4, Phase::Planned, None),
        change(3, Phase::Sent, None),
        change(2, Phase::Ended, Some(StepOutcome::Failed)),
        change(1, Phase::Ended, Some(StepOutcome::Applied)),
    ];
    assert_eq!(all(&memory), want);
    let guard = memory.store().guard().unwrap();
    assert_eq!(guard.breaker, Breaker::Open { since: at(4), why: HOSTILE.into() });
    // A save of the ledger does not touch it.
    memory.list(vec![account(1)], 0);
    memory.save(9);
    memory.restart();
    assert_eq!((all(&memory), memory.store().guard().unwrap()), (want.to_vec(), guard));
    let reader = Store::open_read_only(&memory.path()).unwrap();
    assert_eq!(reader.changes(&ChangeFilter::default()).unwrap(), want);
    assert!(matches!(reader.record(&want), Err(StoreError::Denied { .. })));
    assert!(matches!(reader.set_guard(&Guard::default()), Err(StoreError::Denied { .. })));
}

#[test]
fn a_change_that_is_written_down_again_keeps_its_place() {
    let memory = Memory::new();
    memory.journal();
    let ended = change(3, Phase::Ended, Some(StepOutcome::VerifyFailed));
    memory.store().record(&[change(5, Phase::Planned, None), ended.clone()]).unwrap();
    assert_eq!(numbers(&all(&memory)), [5, 4, 3, 2, 1]);
    assert_eq!(all(&memory)[2], ended);
}

#[test]
fn the_order_is_that_of_writing_and_not_of_clocks_or_ids() {
    let memory = Memory::new();
    for n in [7, 3, 5] {
        memory.store().record(&[change(n, Phase::Sent, None)]).unwrap();
    }
    assert_eq!(numbers(&all(&memory)), [5, 3, 7]);
    let before = ChangeFilter { before: Some(change(3, Phase::Sent, None).id), ..all_of() };
    assert_eq!(numbers(&memory.store().changes(&before).unwrap()), [7]);
}

fn all_of() -> ChangeFilter {
    ChangeFilter::default()
}

#[test]
fn changes_are_asked_for_in_pages_and_by_kind() {
    let memory = Memory::new();
    memory.journal();
    let name = |n| change(n, Phase::Sent, None).id;
    let run = |n: u64| Some(format!("01JR{n:022}"));
    let cases: [(&str, ChangeFilter, &[u64]); 11] = [
        ("newest first", all_of(), &[4, 3, 2, 1]),
        ("one", ChangeFilter { id: Some(name(2)), ..all_of() }, &[2]),
        ("no such one", ChangeFilter { id: Some(name(9)), ..all_of() }, &[]),
        ("a run", ChangeFilter { run: run(1), ..all_of() }, &[4, 3]),
        ("no such run", ChangeFilter { run: run(7), ..all_of() }, &[]),
        ("an account", ChangeFilter { account: Some(id(1)), ..all_of() }, &[4, 2]),
        ("since", ChangeFilter { since: Some(at(3)), ..all_of() }, &[4, 3]),
        ("unfinished", ChangeFilter { unfinished: true, ..all_of() }, &[4, 3]),
        ("a few", ChangeFilter { limit: Some(1), ..all_of() }, &[4]),
        ("before", ChangeFilter { before: Some(name(3)), ..all_of() }, &[2, 1]),
        ("before none", ChangeFilter { before: Some("'; --".into()), ..all_of() }, &[]),
    ];
    for (case, filter, want) in cases {
        assert_eq!(numbers(&memory.store().changes(&filter).unwrap()), want, "case `{case}`");
    }
}

#[test]
fn what_did_not_end_is_never_forgotten() {
    let memory = Memory::new();
    memory.journal();
    // 1 ended at second 2, 2 at 3; the others did not.
    for (second, want) in [(2, vec![4, 3, 2, 1]), (3, vec![4, 3, 2]), (9_999_999, vec![4, 3])] {
        memory.store().prune(at(second), Duration::ZERO).unwrap();
        assert_eq!(numbers(&all(&memory)), want, "at {second}");
    }
}

/// What schema 1 was, as it was released.
const STEP_1: &str = "
    PRAGMA auto_vacuum = INCREMENTAL;
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY, body TEXT NOT NULL, checks TEXT, sum INTEGER NOT NULL) STRICT;
    CREATE TABLE judged (
        account INTEGER PRIMARY KEY, at INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;
    CREATE TABLE findings (
        account INTEGER NOT NULL, id TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER, closed_at INTEGER,
        exception TEXT, body TEXT NOT NULL, sum INTEGER NOT NULL,
        PRIMARY KEY (account, id, first_seen)) STRICT, WITHOUT ROWID;
    CREATE TABLE sweeps (
        id TEXT NOT NULL PRIMARY KEY, finished_at INTEGER NOT NULL, body TEXT NOT NULL, sum INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    CREATE TABLE state (
        id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
    PRAGMA application_id = 0x726c7764;
    PRAGMA user_version = 1;
    PRAGMA journal_mode = WAL;";

#[test]
fn a_store_of_the_version_before_is_brought_up_to_date_with_all_it_holds() {
    let mut memory = Memory::new();
    memory.list(vec![account(1), account(2)], 0);
    memory.learn(1, judged(1, &["a", "b!"]));
    memory.save(1);
    let (ledger, findings) = (memory.ledger.clone(), memory.findings());
    drop(memory.store.take());
    // Its rows, in the tables of schema 1.
    let old = memory.path().with_extension("old");
    let conn = Connection::open(&old).unwrap();
    conn.execute_batch(STEP_1).unwrap();
    conn.execute("ATTACH ?1 AS new", [memory.path().to_str().unwrap()]).unwrap();
    for table in ["accounts", "judged", "findings", "sweeps", "state"] {
        conn.execute_batch(&format!("INSERT INTO {table} SELECT * FROM new.{table}")).unwrap();
    }
    drop(conn);
    std::fs::rename(&old, memory.path()).unwrap();
    let error = Store::open_read_only(&memory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Older(_)), "{error}");
    memory.store = Some(Store::open(&memory.path()).unwrap());
    assert_eq!(memory.store().load(9).unwrap().ledger, ledger);
    assert_eq!(memory.findings(), findings);
    assert_eq!((all(&memory), memory.store().guard().unwrap()), (vec![], Guard::default()));
    memory.journal();
    memory.restart();
    assert_eq!(all(&memory).len(), 4);
}

#[test]
fn with_a_store_begun_anew_remediation_is_stopped() {
    let mut memory = Memory::new();
    memory.journal();
    drop(memory.store.take());
    let bytes = std::fs::read(memory.path()).unwrap();
    std::fs::write(memory.path(), &bytes[..bytes.len() - 4096]).unwrap();
    let (store, aside) = Store::rebuild(&memory.path(), at(7)).unwrap();
    assert!(aside.is_some());
    memory.store = Some(store);
    memory.restart();
    let by = "the store was damaged and begun anew: the journal of changes is in the old one";
    let stopped = Some(Stopped { at: at(7), by: by.into() });
    assert_eq!(memory.store().guard().unwrap(), Guard { stopped, ..Guard::default() });
    assert_eq!((all(&memory), memory.ledger.clone()), (vec![], Ledger::default()));
}

/// Another process must not write the store, and one that does all the same is heard: an older rolewarden, or `sqlite3`.
#[test]
fn a_stop_is_heard_at_once_and_never_written_over() {
    let memory = Memory::new();
    let by_hand = Memory::new();
    let stopped = Some(Stopped { at: at(3), by: "another process".into() });
    let guard = Guard { stopped, ..Guard::default() };
    by_hand.store().set_guard(&guard).unwrap();
    let other = Connection::open(memory.path()).unwrap();
    other.execute("ATTACH ?1 AS by_hand", [by_hand.path().to_str().unwrap()]).unwrap();
    let copy = "INSERT OR REPLACE INTO main.guard SELECT * FROM by_hand.guard";
    assert_eq!(memory.store().guard().unwrap(), Guard::default());
    other.execute_batch(copy).unwrap();
    assert_eq!(memory.store().guard().unwrap(), guard);
    memory.store().update_guard(&mut |now| now.failures_in_a_row += 1).unwrap();
    let counted = Guard { failures_in_a_row: 1, ..guard };
    assert_eq!(memory.store().guard().unwrap(), counted);
    // One that cannot be read holds everything back, and stays for a person to look at.
    other.execute_batch("UPDATE main.guard SET body = '{}'").unwrap();
    assert!(matches!(memory.store().guard(), Err(StoreError::Corrupt { .. })));
    assert!(memory.store().health().trouble.unwrap().contains("damaged"));
    let error = memory.store().update_guard(&mut |now| now.stopped = None).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}
