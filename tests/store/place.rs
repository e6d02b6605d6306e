//! Where the store is: folders that are not there, other processes, permissions.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rolewarden::store::{Store, StoreError};
use tempfile::TempDir;

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

/// A folder with an empty store in it, closed; and the names in the folder.
fn closed() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    drop(Store::open(&path).unwrap());
    (folder, path)
}

fn names(folder: &TempDir) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| name(entry).unwrap()).collect();
    names.sort();
    names
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Why each way to open a store refuses it, which is one and the same.
#[track_caller]
fn refused(path: &Path) -> String {
    let error = Store::open(path).unwrap_err().to_string();
    let others = [
        Store::open_existing(path),
        Store::open_read_only(path),
        Store::rebuild(path, crate::support::at(0)).map(|(store, _)| store),
    ];
    for other in others {
        assert_eq!(other.unwrap_err().to_string(), error);
    }
    error
}

/// What `serve` says of a store, in a process of its own.
fn served(folder: &Path, store: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rolewarden"))
        .args(["serve", "--listen", "127.0.0.1:0", "--store", store])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_name_of_a_store_in_use_is_the_store_in_use() {
    let (folder, path) = closed();
    let place = folder.path();
    fs::create_dir(place.join("sub")).unwrap();
    symlink(&path, place.join("link.db")).unwrap();
    symlink("link.db", place.join("link-of-link.db")).unwrap();
    symlink(place, place.join("folder")).unwrap();
    let held = Store::open(&path).unwrap();
    for name in [
        "link.db",
        "link-of-link.db",
        "./rolewarden.db",
        "sub/../rolewarden.db",
        "folder/rolewarden.db",
    ] {
        for open in [Store::open, Store::open_existing] {
            let error = open(&place.join(name)).unwrap_err();
            assert!(matches!(error, StoreError::Locked(_)), "case `{name}`: {error}");
        }
        Store::open_read_only(&place.join(name)).unwrap();
    }
    // A name that has nothing beside it yet, and the lock of one name is not that of the other: the file itself is locked.
    fs::write(place.join("rolewarden.yaml"), "accounts: {source: organization}\n").unwrap();
    for end in ["", "-wal", "-shm"] {
        let to = place.join(format!("moved.db{end}"));
        fs::rename(place.join(format!("rolewarden.db{end}")), to).unwrap();
    }
    let (status, said) = served(place, "moved.db");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("moved.db` is in use by another rolewarden"), "{said}");
    drop(held);
}

#[test]
fn a_store_with_two_names_is_refused_under_both() {
    let (folder, path) = closed();
    let other = folder.path().join("other.db");
    fs::hard_link(&path, &other).unwrap();
    for name in [&path, &other] {
        let error = refused(name);
        assert!(error.contains("has 2 hard links"), "{error}");
        assert!(error.contains(&format!("find / -samefile {}", name.display())), "{error}");
    }
    fs::remove_file(other).unwrap();
    Store::open(&path).unwrap();
}

#[test]
fn a_link_to_a_store_that_is_not_there_is_no_place_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    symlink(folder.path().join("volume/real.db"), &path).unwrap();
    let error = refused(&path);
    assert!(error.contains("is a symlink to a file that does not exist"), "{error}");
    assert_eq!(names(&folder), ["rolewarden.db"]);
    // A loop leads nowhere either.
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
    assert!(!refused(&path).is_empty());
    assert_eq!(names(&folder), ["rolewarden.db"]);
}

#[test]
fn only_open_makes_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rolewarden.db");
    for open in [Store::open_existing, Store::open_read_only] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error}");
    }
    assert_eq!(names(&folder), [""; 0], "not even a lock is left");
    drop(Store::open(&path).unwrap());
    Store::open_existing(&path).unwrap();
}

#[test]
fn a_store_that_others_may_write_is_refused_with_the_command_that_mends_it() {
    let (_folder, path) = closed();
    for part in ["", "-wal", "-shm", "-journal", ".lock"] {
        let file = PathBuf::from(format!("{}{part}", path.display()));
        let new = !file.exists();
        if new {
            fs::write(&file, "").unwrap();
        }
        for mode in [0o666, 0o620, 0o602, 0o660] {
            chmod(&file, mode);
            let (error, shown) = (refused(&path), file.display());
            let want = format!("other users may write `{shown}` (mode {mode:04o})");
            assert!(error.starts_with(&want), "{error}");
            assert!(error.ends_with(&format!("run `chmod 600 {shown}`")), "{error}");
        }
        chmod(&file, 0o600);
        if new {
            fs::remove_file(file).unwrap();
        }
    }
    // Those who may only read it change nothing; the mode stays as it was.
    chmod(&path, 0o644);
    drop(Store::open(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn a_folder_in_which_others_may_replace_the_store_is_refused() {
    let (folder, path) = closed();
    // A group that has its user's number is the user's alone, but for root's.
    let found = fs::metadata(folder.path()).unwrap();
    let private = found.uid() != 0 && found.gid() == found.uid();
    for (mode, fits) in [
        (0o777, false),
        (0o772, false),
        (0o770, private),
        (0o775, private),
        (0o755, true),
        (0o700, true),
        (0o1777, true),
        (0o1770, true),
    ] {
        chmod(folder.path(), mode);
        if fits {
            drop(Store::open(&path).unwrap());
            continue;
        }
        let (error, shown) = (refused(&path), folder.path().display());
        assert!(error.contains(&format!("folder `{shown}` (mode {mode:04o})")), "{error}");
        assert!(error.contains(&format!("run `chmod go-w {shown}`")), "{error}");
    }
    // Where there is none yet, none is made.
    let fresh = tempfile::tempdir().unwrap();
    chmod(fresh.path(), 0o777);
    assert!(refused(&fresh.path().join("rolewarden.db")).contains("chmod go-w"));
    assert_eq!(names(&fresh), [""; 0]);
}

/// Only root can give files away: without it there is nobody whose store this could be.
#[test]
fn a_store_of_another_user_is_refused_with_the_command_that_mends_it() {
    let (folder, path) = closed();
    let probe = folder.path().join("probe");
    fs::write(&probe, "").unwrap();
    if chown(&probe, Some(12_345), None).is_err() {
        return;
    }
    for part in ["", ".lock"] {
        let file = PathBuf::from(format!("{}{part}", path.display()));
        chown(&file, Some(12_345), None).unwrap();
        let (error, shown) = (refused(&path), file.display());
        let want = format!("`{shown}` belongs to user 12345, and rolewarden runs as user 0");
        assert!(error.starts_with(&want), "{error}");
        assert!(error.ends_with(&format!("run `chown 0 {shown}`")), "{error}");
        chown(&file, Some(0), None).unwrap();
    }
    Store::open(&path).unwrap();
}

#[test]
fn a_part_of_a_store_that_is_no_file_is_refused() {
    let (folder, path) = closed();
    let target = folder.path().join("target");
    fs::write(&target, "").unwrap();
    for part in ["-wal", "-shm", "-journal", ".lock"] {
        let file = PathBuf::from(format!("{}{part}", path.display()));
        let _ = fs::remove_file(&file);
        symlink(&target, &file).unwrap();
        let error = refused(&path);
        assert!(error.contains(&format!("`{}` is not a store", file.display())), "{error}");
        fs::remove_file(&file).unwrap();
    }
    assert_eq!(fs::read(target).unwrap(), b"");
}
