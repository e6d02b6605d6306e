//! Where a store is, under whatever name it was given, and who else can reach it there.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;

/// The files of a store, as endings of its path: the database, SQLite's log, the log's index, a journal of another mode, and
/// our lock. SQLite replays what it finds in the middle three into the database, so each is as good as the database itself.
const PARTS: [&str; 5] = ["", "-wal", "-shm", "-journal", ".lock"];

/// Permission of the group and of everyone else to write.
const GROUP_WRITES: u32 = 0o020;
const WORLD_WRITES: u32 = 0o002;
/// In a folder with this bit only the owner of a file may rename or delete it.
const STICKY: u32 = 0o1000;

/// The one path of a store. Symlinks are followed, so that every name of a file leads to the same lock beside it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    // In full: SQLite takes a path that begins with `file:` for a URI.
    let path = std::path::absolute(path).map_err(|error| StoreError::io(path, &error))?;
    match fs::symlink_metadata(&path) {
        Ok(found) => fs::canonicalize(&path).map_err(|error| match error.kind() {
            // Not a place for a new store: a volume that is not mounted looks like this, and the memory is on it.
            ErrorKind::NotFound if found.is_symlink() => StoreError::Dangling(path),
            _ => StoreError::io(&path, &error),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match (path.parent(), path.file_name()) {
                (Some(folder), Some(name)) => fs::canonicalize(folder)
                    .map(|folder| folder.join(name))
                    .map_err(|error| StoreError::io(&path, &error)),
                _ => Err(StoreError::Foreign { path, what: "it is no file" }),
            }
        }
        Err(error) => Err(StoreError::io(&path, &error)),
    }
}

/// Refuses a store that another user may write or swap: the store says which stop holds, and what `rollback` writes.
pub(super) fn refuse_shared(path: &Path) -> Result<(), StoreError> {
    let user = rustix::process::geteuid().as_raw();
    if let Some(folder) = path.parent() {
        let found = fs::metadata(folder).map_err(|error| StoreError::io(path, &error))?;
        if lets_others_in(&found, user) {
            return Err(StoreError::OpenFolder { path: folder.to_owned(), mode: found.mode() });
        }
    }
    for part in PARTS {
        let part = beside(path, part);
        match fs::symlink_metadata(&part) {
            Ok(found) => refuse_shared_part(part, &found, user)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io(path, &error)),
        }
    }
    Ok(())
}

fn refuse_shared_part(path: PathBuf, found: &Metadata, user: u32) -> Result<(), StoreError> {
    if !found.is_file() {
        return Err(StoreError::Foreign { path, what: "it is no file" });
    }
    if found.uid() != user {
        return Err(StoreError::Owner { path, owner: found.uid(), user });
    }
    if found.mode() & (GROUP_WRITES | WORLD_WRITES) != 0 {
        return Err(StoreError::Writable { path, mode: found.mode() });
    }
    // Another name of the file has another lock and another log beside it, and it cannot be found from here.
    if found.nlink() > 1 {
        return Err(StoreError::HardLinks { path, links: found.nlink() });
    }
    Ok(())
}

/// Whether other users may replace files in a folder. A group that has the user's own number is the user's alone by
/// convention, and Kubernetes makes volumes writable for such a group (`fsGroup`); root's group is not like that.
fn lets_others_in(folder: &Metadata, user: u32) -> bool {
    let own_group = user != 0 && folder.gid() == user;
    let writes = if own_group { WORLD_WRITES } else { GROUP_WRITES | WORLD_WRITES };
    folder.mode() & writes != 0 && folder.mode() & STICKY == 0
}

/// A path with something at its end.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
