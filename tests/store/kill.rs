//! A process that saves without end, killed at random instants, or out of space; and what is there afterwards.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rolewarden::ledger::{AccountList, Ledger};
use rolewarden::model::{Account, AccountReport};
use rolewarden::store::{FindingFilter, Saving, Store, SweepFilter};

use crate::support::{account, at, judged, sweep};

/// Names the store to the process that is killed.
const STORE: &str = "ROLEWARDEN_TEST_STORE";
/// Accounts that every sweep judges, all at the second that is the sweep's number.
const ACCOUNTS: u64 = 20;

/// Saves sweep after sweep and says so on stdout, each after it was saved.
#[test]
#[ignore = "the other tests of this file start it as a process of its own"]
fn a_process_that_saves() {
    let Ok(path) = std::env::var(STORE) else { return };
    let store = Store::open(path.as_ref()).unwrap();
    let stored = store.load(1).unwrap();
    let mut ledger = stored.ledger;
    let first = stored.sweeps.first().map_or(1, |newest| second(newest.info.finished_at) + 1);
    println!();
    for n in first.. {
        let events = learn(&mut ledger, n);
        let list = AccountList { refreshed_at: Some(at(n)), ..AccountList::default() };
        let saving = Saving {
            at: at(n),
            ledger: &ledger,
            sweep: Some(&sweep(n.cast_unsigned(), n)),
            events: &events,
            list: &list,
            last_complete: Some(at(n)),
        };
        if let Err(error) = store.save(saving) {
            println!("failed {error}");
            return;
        }
        println!("saved {n}");
        std::io::stdout().flush().unwrap();
        if n % 7 == 0 {
            store.prune(at(n), Duration::from_hours(24)).unwrap();
        }
    }
}

/// Every account is judged; a third of them has another finding each time.
fn learn(ledger: &mut Ledger, n: i64) -> Vec<rolewarden::ledger::Event> {
    let mut events = ledger.list((1..=ACCOUNTS).map(account).collect(), at(n));
    let word = format!("finding-{n}");
    let findings = [word.as_str()];
    for account_number in 1..=ACCOUNTS {
        let drifted = (account_number.cast_signed() + n) % 3 == 0;
        let Account { id, name, path, .. } = account(account_number);
        let result = judged(n, if drifted { &findings } else { &[] });
        events.extend(ledger.absorb(vec![AccountReport { id, name, path, result }]));
    }
    events
}

fn second(time: jiff::Timestamp) -> i64 {
    time.as_second() - at(0).as_second()
}

/// The process above. `limit` is the longest any file may grow, in blocks of 512 bytes.
fn start(path: &Path, limit: Option<u32>) -> Child {
    let this = std::env::current_exe().unwrap();
    let limit =
        limit.map_or_else(String::new, |blocks| format!("trap '' XFSZ; ulimit -f {blocks};"));
    Command::new("sh")
        .args(["-c", &format!("{limit} exec \"$0\" \"$@\"")])
        .arg(this)
        .args(["--exact", "kill::a_process_that_saves", "--ignored", "--nocapture"])
        .env(STORE, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The last sweep that the process said was saved, and why it stopped, if it said so.
fn said(child: &mut Child) -> (Option<i64>, Option<String>) {
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    // A line without its end was not said.
    let saved = lines.iter().filter_map(|line| line.strip_prefix("saved ")?.parse().ok()).max();
    let failed = lines.iter().find_map(|line| line.strip_prefix("failed ").map(str::to_owned));
    (saved, failed)
}

/// The newest sweep, after everything in the store was found to be of that one sweep, and every sweep before it there.
fn newest(path: &Path) -> Option<i64> {
    let store = Store::open(path).unwrap();
    let stored = store.load(usize::MAX).unwrap();
    let numbers: Vec<i64> =
        stored.sweeps.iter().map(|sweep| second(sweep.info.finished_at)).collect();
    let newest = *numbers.first()?;
    assert_eq!(numbers, (1..=newest).rev().collect::<Vec<_>>());
    assert_eq!((stored.listed_at, stored.last_complete), (Some(at(newest)), Some(at(newest))));
    let mut ledger = Ledger::default();
    for n in 1..=newest {
        learn(&mut ledger, n);
    }
    assert_eq!(stored.ledger, ledger);
    let open = store.findings(&FindingFilter { open: true, ..FindingFilter::default() }).unwrap();
    let found: usize = stored.ledger.entries().map(|entry| entry.found().len()).sum();
    assert_eq!(open.len(), found);
    assert!(open.iter().all(|record| record.last_seen == at(newest)));
    assert_eq!(store.sweeps(&SweepFilter::default()).unwrap().len(), numbers.len());
    Some(newest)
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_instant() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(9);
    let (mut stores, mut path, mut early, mut last) = (0, folder.path().join("0.db"), 0, 0);
    for kill in 0..60 {
        // A new store now and then: it may be killed while it is made.
        if kill % 6 == 0 {
            stores += 1;
            (path, last) = (folder.path().join(format!("{stores}.db")), 0);
        }
        let mut child = start(&path, None);
        std::thread::sleep(Duration::from_millis(random.u64(0..250)));
        child.kill().unwrap();
        let acknowledged = said(&mut child).0;
        child.wait().unwrap();
        early += u32::from(acknowledged.is_none());
        let stored = newest(&path).unwrap_or(0);
        let acknowledged = acknowledged.unwrap_or(last);
        assert!(stored >= acknowledged, "kill {kill}: {stored} of {acknowledged}");
        // What was being saved is there whole or not at all.
        assert!(stored <= acknowledged.max(last) + 1, "kill {kill}: {stored} of {acknowledged}");
        last = stored;
    }
    println!(
        "60 kills, {early} of them before anything was saved; the last store had {last} sweeps"
    );
    assert!(early < 50, "{early}");
}

#[test]
fn a_disk_that_is_full_anywhere_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (mut made, mut failed) = (0, 0);
    // From too little for an empty store to enough for some sweeps; the log is full first, then the database.
    for blocks in (8..1_400).step_by(14) {
        let path = folder.path().join(format!("{blocks}.db"));
        let mut child = start(&path, Some(blocks));
        let (acknowledged, why) = said(&mut child);
        child.wait().unwrap();
        failed += u32::from(why.is_some());
        made += u32::from(path.exists());
        let stored = newest(&path).unwrap_or(0);
        assert_eq!(stored, acknowledged.unwrap_or(0), "{blocks} blocks: {why:?}");
    }
    println!("100 limits: {made} stores were made, {failed} were full later");
    assert!(failed > 50 && made > failed / 2, "{made} {failed}");
}
