//! Retention, the size of the file, and how long saving takes.

use std::fs;
use std::time::{Duration, Instant};

use rolewarden::store::{Pruned, Store};

use crate::support::{Memory, account, failed, id, judged};

const DAY: i64 = 86_400;

#[test]
fn what_is_older_than_the_retention_is_forgotten_but_the_open_and_the_newest() {
    let mut memory = Memory::new();
    memory.list(vec![account(1)], 0);
    memory.learn(1, judged(1, &["old", "open", "excused!"]));
    memory.save(1);
    memory.learn(1, judged(2, &["open", "excused!"]));
    memory.save(2);
    memory.learn(1, judged(5 * DAY, &["open", "excused!", "new"]));
    memory.learn(1, judged(5 * DAY + 1, &["open", "excused!"]));
    memory.save(5 * DAY + 1);
    let prune = |memory: &Memory, day| {
        memory.store().prune(crate::support::at(day * DAY), Duration::from_hours(96)).unwrap()
    };
    assert_eq!(prune(&memory, 3), Pruned { sweeps: 0, findings: 0, changes: 0 });
    assert_eq!(prune(&memory, 6), Pruned { sweeps: 2, findings: 1, changes: 0 });
    assert_eq!(
        prune(&memory, 100),
        Pruned { sweeps: 0, findings: 1, changes: 0 },
        "the newest sweep stays"
    );
    assert_eq!(memory.store().load(9).unwrap().sweeps.len(), 1);
    let ids: Vec<_> = memory.findings().into_iter().map(|record| record.id).collect();
    assert_eq!(ids, ["excused", "open"]);
    // A retention longer than time has lasted.
    let all = memory.store().prune(crate::support::at(0), Duration::MAX).unwrap();
    assert_eq!(all, Pruned { sweeps: 0, findings: 0, changes: 0 });
}

#[test]
fn the_size_of_the_file_is_bounded_by_the_retention() {
    let mut memory = Memory::new();
    memory.list((1..=50).map(account).collect(), 0);
    let mut random = fastrand::Rng::with_seed(1);
    let mut sizes = vec![];
    for day in 0..60 {
        for sweep in 0..24 {
            let second = day * DAY + sweep * 3_600 + 1;
            for n in 1..=50 {
                let result = match random.u8(..10) {
                    0 => judged(second, &["a", "b"]),
                    1 => judged(second, &["c!"]),
                    2 => failed(&format!("r-{second}")),
                    _ => judged(second, &[]),
                };
                memory.learn(n, result);
            }
            memory.save(second);
        }
        let now = crate::support::at((day + 1) * DAY);
        memory.store().prune(now, Duration::from_hours(10 * 24)).unwrap();
        sizes.push(fs::metadata(memory.path()).unwrap().len());
    }
    let log = fs::metadata(format!("{}-wal", memory.path().display())).unwrap().len();
    let (least, most) = (sizes[15..].iter().min().unwrap(), sizes[15..].iter().max().unwrap());
    println!("10 days kept: {least} to {most} bytes from day 15 to 60; log {log}");
    assert!(*most <= least + least / 10, "{sizes:?}");
    assert_eq!(log, 0);
}

#[test]
fn a_sweep_that_changed_nothing_writes_little() {
    let mut memory = Memory::new();
    memory.list((1..=10_000).map(account).collect(), 0);
    let findings = |n: u64| -> &[&str] { if n.is_multiple_of(4) { &["a"] } else { &[] } };
    for n in 1..=10_000 {
        memory.learn(n, judged(1, findings(n)));
    }
    let timed = |what: &str, memory: &mut Memory, second| {
        let begun = Instant::now();
        memory.save(second);
        println!("{what}: {:?}", begun.elapsed());
    };
    timed("10,000 accounts, the first save", &mut memory, 1);
    // Closing writes the log into the database.
    memory.restart();
    let size = fs::metadata(memory.path()).unwrap().len();
    for n in 1..=10_000 {
        memory.learn(n, judged(900, findings(n)));
    }
    timed("10,000 accounts judged again, nothing changed", &mut memory, 900);
    let written = fs::metadata(format!("{}-wal", memory.path().display())).unwrap().len();
    println!("{size} bytes; the second save wrote {written}");
    assert!(written < size / 10, "{written} of {size} bytes were written again");
    timed("nothing at all", &mut memory, 901);
    drop(memory.store.take());
    let begun = Instant::now();
    let store = Store::open(&memory.path()).unwrap();
    println!("open, checked and read: {:?}", begun.elapsed());
    let begun = Instant::now();
    let stored = store.load(100).unwrap();
    println!("load: {:?}", begun.elapsed());
    assert_eq!(stored.ledger, memory.ledger);
    assert!(stored.ledger.get(&id(10_000)).is_some());
}
