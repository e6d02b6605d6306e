//! From a path to a database that is ours, whole, of this version's schema and, to be written, nobody else's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::place::beside;
use super::{StoreError, schema};

/// How long another process's lock on the database is waited for: that of a reader which opens or closes it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Only for its owner: it tells where roles are open to takeover.
const MODE: u32 = 0o600;

/// Whether a store is made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Yes.
    Make,
    /// No: what it remembers would be missed.
    Refuse,
}

/// Held while a store is open to write: one process has it, whatever name it used.
///
/// Two locks. The one beside the database guards its name: also while there is no database yet, and while a damaged one is
/// moved aside. The one on the database guards the file, which a bind mount or a `mv` can give another name. Both are
/// `flock`s, which SQLite does not use, and end with the process however that ends; readers take neither.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _name: File,
    file: Option<File>,
}

impl Lock {
    /// Locks the name.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(MODE);
        let file =
            options.open(beside(path, ".lock")).map_err(|error| StoreError::io(path, &error))?;
        try_lock(path, &file)?;
        Ok(Self { path: path.to_owned(), _name: file, file: None })
    }

    /// Locks the database that is there, in place of the one that was.
    ///
    /// SQLite's own locks are POSIX locks: they are lost as soon as the process closes any descriptor of the file. So this
    /// one is opened under the lock of the name, where no other store of this process can be, and [`super::Store`] closes it
    /// after its connection.
    pub(super) fn hold(&mut self) -> Result<(), StoreError> {
        let failed = |error: io::Error| StoreError::io(&self.path, &error);
        let file = File::open(&self.path).map_err(failed)?;
        try_lock(&self.path, &file)?;
        let (locked, named) =
            (file.metadata().map_err(failed)?, fs::metadata(&self.path).map_err(failed)?);
        if (locked.dev(), locked.ino()) != (named.dev(), named.ino()) {
            return Err(StoreError::Replaced(self.path.clone()));
        }
        self.file = Some(file);
        Ok(())
    }
}

fn try_lock(path: &Path, file: &File) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::io(path, &error)),
    }
}

/// Opens the database to write; tells whether it was made.
pub(super) fn writer(lock: &mut Lock, absent: Absent) -> Result<(Connection, bool), StoreError> {
    let path = lock.path.clone();
    let path = path.as_path();
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let make = match (is_there(path)?, absent) {
        (true, _) => false,
        (false, Absent::Make) => true,
        (false, Absent::Refuse) => return Err(StoreError::Missing(path.to_owned())),
    };
    if make {
        self::make(path)?;
    }
    lock.hold()?;
    let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    if conn.is_readonly("main").map_err(failed)? {
        let what = "permission denied".to_owned();
        return Err(StoreError::Denied { path: path.to_owned(), what });
    }
    let version = version(&conn, path)?;
    settings(&conn).map_err(failed)?;
    schema::migrate(&mut conn, version).map_err(failed)?;
    schema::verify(&conn, path)?;
    Ok((conn, make))
}

/// Opens the database to read, while another process may write.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if !is_there(path)? {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| StoreError::sqlite(path, &error))?;
    if version(&conn, path)? < schema::newest() {
        return Err(StoreError::Older(path.to_owned()));
    }
    schema::verify(&conn, path)?;
    Ok(conn)
}

/// Moves a damaged database aside, under a name nothing has yet. What its log holds goes with it, and after it: the
/// database without its log would be an older one.
pub(super) fn move_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let aside = (1_u32..)
        .map(|n| if n == 1 { String::new() } else { format!("-{n}") })
        .map(|again| beside(path, &format!(".corrupt-{stamp}{again}")))
        .find(|aside| !aside.exists())
        .unwrap_or_default();
    for part in ["", "-wal", "-shm"] {
        match fs::rename(beside(path, part), beside(&aside, part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound || part.is_empty() => {
                return Err(StoreError::io(path, &error));
            }
            _ => {}
        }
    }
    Ok(aside)
}

/// Whether a file is there that may be a database. An empty one is none: stores are made whole or not at all (see
/// [`make`]), so what is empty was cut.
pub(super) fn is_there(path: &Path) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => {
            Err(StoreError::Foreign { path: path.to_owned(), what: "it is no file" })
        }
        Ok(file) if file.len() == 0 => Err(StoreError::corrupt(path, "it is empty")),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(path, &error)),
    }
}

/// Makes an empty store beside the path and renames it: a process that is killed meanwhile leaves no half of one.
fn make(path: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    let new = beside(path, ".new");
    // Left by a process that was killed; a log without its database would be taken for that of the new one.
    for left in [&new, &beside(&new, "-journal"), &beside(path, "-wal"), &beside(path, "-shm")] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io(path, &error));
            }
            _ => {}
        }
    }
    let made = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&new);
    made.map_err(|error| StoreError::io(path, &error))?;
    let mut conn = connect(&new, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL;")
        .and_then(|()| schema::migrate(&mut conn, 0))
        .and_then(|()| conn.execute_batch("PRAGMA journal_mode = WAL;"))
        .map_err(failed)?;
    conn.close().map_err(|(_, error)| failed(error))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::rename(&new, path)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|error| StoreError::io(path, &error))
}

fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
    // Against what a damaged file says of itself.
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    Ok(conn)
}

/// A committed transaction is on the disk. The log is cut to 4 MiB after a large one.
fn settings(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304;",
    )
}

/// The number of the schema, if the database is ours and this version knows it.
fn version(conn: &Connection, path: &Path) -> Result<i64, StoreError> {
    let (application, version) =
        schema::identity(conn).map_err(|error| StoreError::sqlite(path, &error))?;
    let path = path.to_owned();
    if application != schema::APPLICATION_ID {
        return Err(StoreError::Foreign { path, what: "it is another program's database" });
    }
    match (version, schema::newest()) {
        (found, known) if found > known => Err(StoreError::Newer { path, found, known }),
        (..1, _) => Err(StoreError::corrupt(&path, "its schema has no number")),
        (known, _) => Ok(known),
    }
}
