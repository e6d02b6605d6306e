//! From a path to a database that is ours, whole, of this version's schema and, to be written, nobody else's.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::{StoreError, schema};

/// How long another process's lock on the database is waited for: that of a reader which opens or closes it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Only for its owner: it tells where roles are open to takeover.
const MODE: u32 = 0o600;

/// The store's path in full: SQLite takes one that begins with `file:` for a URI.
pub(super) fn full(path: &Path) -> Result<PathBuf, StoreError> {
    std::path::absolute(path).map_err(|error| StoreError::io(path, &error))
}

/// Takes the lock of the one process that writes. It stands beside the database, so that others may read meanwhile, and
/// ends with the process however that ends.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(MODE);
    let file = options.open(beside(path, ".lock")).map_err(|error| StoreError::io(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::io(path, &error)),
    }
}

/// Opens the database to write, and makes it where there is none. The caller holds the lock.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| StoreError::sqlite(path, &error);
    if !is_there(path)? {
        make(path)?;
    }
    let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    if conn.is_readonly("main").map_err(failed)? {
        let what = "permission denied".to_owned();
        return Err(StoreError::Denied { path: path.to_owned(), what });
    }
    let version = version(&conn, path)?;
    settings(&conn).map_err(failed)?;
    schema::migrate(&mut conn, version).map_err(failed)?;
    schema::verify(&conn, path)?;
    Ok(conn)
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

/// A path with something at its end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Whether a file is there that may be a database. An empty one is none: stores are made whole or not at all (see
/// [`make`]), so what is empty was cut.
fn is_there(path: &Path) -> Result<bool, StoreError> {
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
