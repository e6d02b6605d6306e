//! Why the store could not be opened, read or written.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::model::printable_line;

/// Longest part of another program's words that is passed on, in bytes.
const LONGEST: usize = 300;

/// Why the store could not be opened, read or written: one line, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing is there, and nothing is to be made.
    #[error("there is no store at `{}`: `rolewarden serve` makes it", .0.display())]
    Missing(PathBuf),
    /// The folder it is to be in is not there.
    #[error("the folder of the store `{}` does not exist: make it, or set store.path", .0.display())]
    NoFolder(PathBuf),
    /// No permission, a read-only file system, another owner.
    #[error("the store `{}` cannot be opened or written ({what})", path.display())]
    Denied {
        /// The database file.
        path: PathBuf,
        /// What the system says.
        what: String,
    },
    /// Another process has it.
    #[error("the store `{}` is in use by another rolewarden: one store, one process", .0.display())]
    Locked(PathBuf),
    /// What it holds is not what was written.
    #[error(
        "the store `{}` is damaged ({what}): `rolewarden serve --rebuild-store` moves it aside and begins anew",
        path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A later version of rolewarden wrote it.
    #[error(
        "the store `{}` was made by a newer rolewarden (its schema is {found}, this version knows {known}): upgrade rolewarden, \
         or set store.path to another file",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema's number.
        found: i64,
        /// The newest this version knows.
        known: i64,
    },
    /// An earlier version of rolewarden wrote it, and it is only read now.
    #[error("the store `{}` was made by an older rolewarden: `rolewarden serve` brings it up to date", .0.display())]
    Older(PathBuf),
    /// It belongs to something else.
    #[error(
        "`{}` is not a store of rolewarden ({what}): set store.path to another file, or move this one away",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// No space is left.
    #[error("no space is left for the store `{}`", .0.display())]
    Full(PathBuf),
    /// What the system or SQLite says, where no other case does.
    #[error("the store `{}` failed ({what})", path.display())]
    Failed {
        /// The database file.
        path: PathBuf,
        /// What was said.
        what: String,
    },
}

impl StoreError {
    pub(super) fn corrupt(path: &Path, what: impl AsRef<str>) -> Self {
        Self::Corrupt { path: path.to_owned(), what: printable_line(what.as_ref(), LONGEST) }
    }

    /// From a call of the file system on the store's files.
    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoFolder(path),
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotADirectory => Self::Denied { path, what: error.to_string() },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path),
            _ => Self::Failed { path, what: error.to_string() },
        }
    }

    /// From a call of SQLite. A value that is not of its column's type is damage too: SQLite checked it when it was written.
    pub(super) fn sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let what = printable_line(&error.to_string(), LONGEST);
        let path = path.to_owned();
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseCorrupt => Self::Corrupt { path, what },
                ErrorCode::NotADatabase => {
                    Self::Foreign { path, what: "its header is not SQLite's" }
                }
                ErrorCode::DiskFull => Self::Full(path),
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
                    Self::Denied { path, what }
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked(path),
                _ => Self::Failed { path, what },
            },
            _ => Self::Corrupt { path, what },
        }
    }
}

#[cfg(test)]
impl StoreError {
    /// One of each.
    pub(crate) fn examples() -> Vec<Self> {
        let (path, what) = (PathBuf::from("/var/lib/rolewarden.db"), || "the reason".to_owned());
        let all = [
            Self::Missing(path.clone()),
            Self::NoFolder(path.clone()),
            Self::Denied { path: path.clone(), what: what() },
            Self::Locked(path.clone()),
            Self::Corrupt { path: path.clone(), what: what() },
            Self::Newer { path: path.clone(), found: 9, known: 3 },
            Self::Older(path.clone()),
            Self::Foreign { path: path.clone(), what: "the reason" },
            Self::Full(path.clone()),
            Self::Failed { path, what: what() },
        ];
        // A new variant stops the build here, and belongs above.
        let number = |error: &Self| match error {
            Self::Missing(_) => 0,
            Self::NoFolder(_) => 1,
            Self::Denied { .. } => 2,
            Self::Locked(_) => 3,
            Self::Corrupt { .. } => 4,
            Self::Newer { .. } => 5,
            Self::Older(_) => 6,
            Self::Foreign { .. } => 7,
            Self::Full(_) => 8,
            Self::Failed { .. } => 9,
        };
        assert!(all.iter().enumerate().all(|(index, error)| number(error) == index));
        all.into()
    }
}
