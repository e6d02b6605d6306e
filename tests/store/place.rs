//! Where the store is: folders that are not there, other processes, permissions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rolewarden::store::Store;

use crate::support::{Memory, account, judged};

#[test]
fn a_place_that_does_not_take_a_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let cases = [
        ("missing/rolewarden.db", "the folder of the store `PATH` does not exist: make it, or set"),
        ("file/rolewarden.db", "the store `PATH` cannot be opened or written (Not a directory"),
    ];
    for (name, want) in cases {
        let path = folder.path().join(name);
        let error = Store::open(&path).unwrap_err().to_string();
        assert!(error.replace(path.to_str().unwrap(), "PATH").contains(want), "{error}");
    }
    // A read-only file system that every machine has.
    if let Err(error) = Store::open("/proc/rolewarden.db".as_ref()) {
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    } else {
        panic!("a store in /proc");
    }
    let error = Store::open_read_only(&folder.path().join("none.db")).unwrap_err().to_string();
    assert!(error.contains("there is no store at"), "{error}");
    assert!(!folder.path().join("none.db").exists());
}

#[test]
fn one_process_writes_and_others_may_read() {
    let mut memory = Memory::new();
    memory.list(vec![account(1)], 0);
    memory.learn(1, judged(1, &["a"]));
    memory.save(1);
    let begun = Instant::now();
    let error = Store::open(&memory.path()).unwrap_err().to_string();
    assert!(error.contains("is in use by another"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    let rebuilt = Store::rebuild(&memory.path(), crate::support::at(0)).unwrap_err().to_string();
    assert_eq!(rebuilt, error);
    // Readers see what was saved, and later saves when they open again; the writer does not wait for them.
    let reader = Store::open_read_only(&memory.path()).unwrap();
    assert_eq!(reader.load(9).unwrap().ledger, memory.ledger);
    memory.learn(1, judged(2, &[]));
    memory.save(2);
    let later = Store::open_read_only(&memory.path()).unwrap();
    assert_eq!(later.load(9).unwrap().ledger, memory.ledger);
    assert!(memory.try_save(3, None).is_ok());
    drop((reader, later));
    memory.restart();
    assert_eq!(memory.words(), ["1 a 1-1 external at 2"]);
    // A store nobody writes is read too.
    let path = memory.path();
    drop(memory.store.take());
    Store::open_read_only(&path).unwrap();
}

#[test]
fn only_the_owner_reads_the_files() {
    let mut memory = Memory::new();
    memory.save(1);
    let mut names = vec![];
    for file in fs::read_dir(memory.folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        names.push(file.file_name().into_string().unwrap());
        assert_eq!(mode, 0o600, "{names:?}");
    }
    names.sort();
    let files = ["", "-shm", "-wal", ".lock"].map(|end| format!("rolewarden.db{end}"));
    assert_eq!(names, files);
}

#[test]
fn a_store_that_was_half_made_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    for left in [".new", ".new-journal", "-wal", "-shm"] {
        fs::write(format!("{}{left}", path.display()), "left by a process that was killed")
            .unwrap();
    }
    let store = Store::open(&path).unwrap();
    assert!(store.load(9).unwrap().ledger.is_empty());
    assert!(!folder.path().join("rolewarden.db.new").exists());
}

#[test]
fn a_path_is_a_path_and_no_uri() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:x?mode=memory", "a b#c%20d.db", "ü.db"] {
        let path = folder.path().join(name);
        drop(Store::open(&path).unwrap());
        assert!(path.exists(), "{name}");
    }
}
