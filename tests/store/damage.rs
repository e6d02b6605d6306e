//! Damaged stores, and files that are none: a clear line, never a panic, never a value that was not written.

use std::fs;
use std::path::Path;

use rolewarden::ledger::{FindingRecord, Ledger, SweepRecord};
use rolewarden::model::{Change, Guard, Phase, StepOutcome};
use rolewarden::store::{ChangeFilter, FindingFilter, Store, StoreError, SweepFilter};
use rusqlite::Connection;

use crate::support::{Memory, account, at, change, failed, judged, left_out};

/// A store with a bit of everything, closed; and what is in it.
fn sample() -> (Memory, Truth) {
    let mut memory = Memory::new();
    memory.list((1..=40).map(account).chain([left_out(41)]).collect(), 0);
    for n in 1..=40 {
        memory.learn(n, judged(1, if n % 3 == 0 { &["a", "b!"] } else { &[] }));
    }
    memory.learn(2, failed("r-1"));
    for second in 1..=20 {
        memory.save(second);
    }
    memory.learn(3, judged(21, &["b!"]));
    memory.save(21);
    memory.journal();
    // As full as the other tables: a bit in an empty page tells nothing.
    let more: Vec<_> =
        (5..60).map(|n| change(n, Phase::Ended, Some(StepOutcome::Applied))).collect();
    memory.store().record(&more).unwrap();
    let truth = Truth::of(memory.store()).unwrap();
    drop(memory.store.take());
    assert!(!memory.path().with_extension("db-wal").exists(), "the log is in the database");
    (memory, truth)
}

/// Everything that can be read from a store.
#[derive(Debug, PartialEq)]
struct Truth {
    ledger: Ledger,
    sweeps: Vec<SweepRecord>,
    findings: Vec<FindingRecord>,
    changes: Vec<Change>,
    guard: Guard,
    times: String,
}

impl Truth {
    fn of(store: &Store) -> Result<Self, StoreError> {
        let stored = store.load(0)?;
        Ok(Self {
            ledger: stored.ledger,
            sweeps: store.sweeps(&SweepFilter::default())?,
            findings: store.findings(&FindingFilter::default())?,
            changes: store.changes(&ChangeFilter::default())?,
            guard: store.guard()?,
            times: format!("{:?} {:?}", stored.listed_at, stored.last_complete),
        })
    }
}

fn fails(path: &Path) -> String {
    let error = Store::open(path).unwrap_err().to_string();
    assert_eq!(Store::open_read_only(path).unwrap_err().to_string(), error);
    assert_eq!(error.lines().count(), 1, "{error}");
    error.replace(path.to_str().unwrap(), "PATH")
}

#[test]
fn what_is_no_store_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    type Make = fn(&Path);
    let other: Make = |path| {
        Connection::open(path).unwrap().execute_batch("CREATE TABLE users (id INTEGER)").unwrap();
    };
    let newer: Make = |path| {
        drop(Store::open(path).unwrap());
        Connection::open(path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    };
    let cases: [(&str, Make, &str); 5] = [
        (
            "a text",
            |path| fs::write(path, "accounts: {source: organization}\n".repeat(200)).unwrap(),
            "`PATH` is not a store of rolewarden (its header is not SQLite's)",
        ),
        ("another program's", other, "(it is another program's database)"),
        ("a folder", |path| fs::create_dir(path).unwrap(), "(it is no file)"),
        ("newer", newer, "made by a newer rolewarden (its schema is 7, this version knows 2)"),
        (
            "a few bytes",
            |path| fs::write(path, "SQLite").unwrap(),
            "`PATH` is not a store of rolewarden (its header is not SQLite's)",
        ),
    ];
    for (case, make, want) in cases {
        make(&path);
        let bytes = fs::read(&path).unwrap_or_default();
        let error = fails(&path);
        assert!(error.contains(want), "case `{case}`: {error}");
        assert!(Store::rebuild(&path, at(0)).is_err(), "case `{case}` is rebuilt");
        assert_eq!(fs::read(&path).unwrap_or_default(), bytes, "case `{case}`");
        if path.is_dir() { fs::remove_dir(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
    }
}

#[test]
fn a_store_that_was_cut_anywhere_is_refused_and_rebuilt() {
    let (memory, truth) = sample();
    let path = memory.path();
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages} pages");
    for length in (0..pages).flat_map(|page| [page * 4096, page * 4096 + 100]) {
        fs::write(&path, &whole[..length]).unwrap();
        let error = fails(&path);
        assert!(error.contains("damaged") || length == 100, "at {length}: {error}");
    }
    fs::write(&path, &whole[..whole.len() - 4096]).unwrap();
    let (store, aside) = Store::rebuild(&path, at(0)).unwrap();
    assert!(store.load(9).unwrap().ledger.is_empty());
    let aside = aside.unwrap();
    assert!(
        aside.to_str().unwrap().ends_with("rolewarden.db.corrupt-20260921T141320Z"),
        "{aside:?}"
    );
    assert_eq!(fs::read(aside).unwrap(), whole[..whole.len() - 4096]);
    drop(store);
    // A second time within the second: neither takes the other's place.
    fs::write(&path, &whole[..0]).unwrap();
    let (store, aside) = Store::rebuild(&path, at(0)).unwrap();
    assert!(aside.unwrap().to_str().unwrap().ends_with("Z-2"));
    drop(store);
    // What is whole is not rebuilt.
    fs::write(&path, &whole).unwrap();
    let (store, aside) = Store::rebuild(&path, at(0)).unwrap();
    assert_eq!((Truth::of(&store).unwrap(), aside), (truth, None));
}

#[test]
fn a_flipped_bit_is_never_believed() {
    let (memory, truth) = sample();
    let path = memory.path();
    let whole = fs::read(&path).unwrap();
    let mut random = fastrand::Rng::with_seed(4);
    let (mut refused, mut harmless) = (0, 0);
    for flip in 0..2_000 {
        // The first hundred bytes, the header, have their share.
        let byte = if flip % 10 == 0 { random.usize(..100) } else { random.usize(..whole.len()) };
        let bit = random.u8(..8);
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        match Store::open(&path).and_then(|store| Truth::of(&store)) {
            Err(_) => refused += 1,
            Ok(read) => {
                assert_eq!(read, truth, "bit {bit} of byte {byte}");
                harmless += 1;
            }
        }
        for part in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{part}", path.display()));
        }
    }
    println!("2,000 flips: {refused} refused, {harmless} in places nothing is read from");
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn a_value_that_was_changed_by_hand_is_refused() {
    let cases = [
        "UPDATE accounts SET body = replace(body, 'drifted', 'compliant')",
        "UPDATE accounts SET checks = replace(checks, 'equivalent', 'excess')",
        "UPDATE accounts SET id = id + 100",
        "UPDATE judged SET at = at + 1000000",
        "DELETE FROM judged WHERE account = 1",
        "UPDATE findings SET closed_at = 1",
        "UPDATE findings SET exception = 'EX-9'",
        "UPDATE findings SET first_seen = first_seen - 1",
        "UPDATE sweeps SET finished_at = finished_at - 1",
        "UPDATE sweeps SET body = '{}'",
        "UPDATE state SET body = replace(body, '2026', '2027')",
        "UPDATE changes SET body = replace(body, 'applied', 'failed')",
        "UPDATE changes SET seq = seq + 100",
        "UPDATE changes SET account = account + 1",
        "UPDATE changes SET run = 'other' WHERE seq = 1",
        "UPDATE changes SET ended_at = NULL",
        "UPDATE changes SET ended_at = 1 WHERE ended_at IS NULL",
        "UPDATE guard SET body = '{\"breaker\":\"closed\",\"failures_in_a_row\":0,\"stopped\":null}'",
        "DROP INDEX changes_by_run",
        "ALTER TABLE findings ADD COLUMN more TEXT",
        "CREATE TRIGGER t AFTER INSERT ON sweeps BEGIN DELETE FROM accounts; END",
        "DROP TABLE sweeps",
    ];
    let (memory, _) = sample();
    let path = memory.path();
    let whole = fs::read(&path).unwrap();
    for sql in cases {
        fs::write(&path, &whole).unwrap();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = fails(&path);
        assert!(error.contains("damaged") && error.contains("--rebuild-store"), "{sql}: {error}");
    }
}

/// The log holds what the database does not have yet. Cut or damaged, it ends earlier: at a save, and nowhere else.
#[test]
fn a_damaged_log_ends_at_an_earlier_save() {
    let mut memory = Memory::new();
    memory.list((1..=30).map(account).collect(), 0);
    memory.save(1);
    // All of it is in the database, and a log begins.
    memory.restart();
    let mut saves = vec![Truth::of(memory.store()).unwrap()];
    for second in 2..=9_i64 {
        for n in 1..=30_u64 {
            let odd = (n + second.cast_unsigned()) % 3 == 0;
            memory.learn(n, judged(second, if odd { &["a", "b!"] } else { &[] }));
        }
        memory.save(second);
        saves.push(Truth::of(memory.store()).unwrap());
    }
    let log = |path: &Path| format!("{}-wal", path.display());
    let (base, whole) = (fs::read(memory.path()).unwrap(), fs::read(log(&memory.path())).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    let mut random = fastrand::Rng::with_seed(11);
    let mut ends = vec![0; saves.len()];
    for case in 0..400 {
        let mut bytes = whole.clone();
        let byte = random.usize(..whole.len());
        match case % 2 {
            0 => bytes.truncate(byte),
            _ => bytes[byte] ^= 1 << random.u8(..8),
        }
        let _ = fs::remove_file(format!("{}-shm", path.display()));
        fs::write(&path, &base).unwrap();
        fs::write(log(&path), bytes).unwrap();
        let read = Store::open(&path).and_then(|store| Truth::of(&store)).unwrap();
        let end = saves.iter().position(|save| *save == read);
        ends[end.unwrap_or_else(|| panic!("case {case}, byte {byte}: {read:?}"))] += 1;
    }
    println!("the log of {} saves, damaged 400 times, ends after: {ends:?}", saves.len() - 1);
    assert!(ends.iter().filter(|count| **count > 0).count() > 4, "{ends:?}");
}
