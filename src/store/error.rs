//! Why the store could not be opened, read or written.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::model::{printable_line, shell_word};

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
    /// A symlink, and what it leads to is not there.
    #[error(
        "the store `{}` is a symlink to a file that does not exist: mount or restore what it leads to, or remove the link",
        .0.display()
    )]
    Dangling(PathBuf),
    /// Another file took its name while it was opened.
    #[error("the store `{}` was replaced by another file while it was opened: try again", .0.display())]
    Replaced(PathBuf),
    /// The file has other names.
    #[error(
        "`{}` has {links} hard links, and one store has one name: find the others with `find / -samefile {}`, and \
         remove all but this one",
        path.display(),
        word(path)
    )]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// Other users may write one of its files.
    #[error(
        "other users may write `{}` (mode {}), and rolewarden trusts what it says: check what it holds, then run \
         `chmod 600 {}`",
        path.display(),
        octal(*mode),
        word(path)
    )]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Other users may replace its files.
    #[error(
        "other users may write the store's folder `{}` (mode {}), so they can swap the store: run `chmod go-w {}`, or use \
         another folder",
        path.display(),
        octal(*mode),
        word(path)
    )]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// One of its files is another user's.
    #[error(
        "`{}` belongs to user {owner}, and rolewarden runs as user {user}: run rolewarden as that user or, if you trust what \
         the file holds, run `chown {user} {}`",
        path.display(),
        word(path)
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is, by number.
        owner: u32,
        /// Who runs this process, by number.
        user: u32,
    },
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

/// A path as a word of a command.
fn word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// The permissions of a mode, as `chmod` takes them.
fn octal(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
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
            Self::Dangling(path.clone()),
            Self::Replaced(path.clone()),
            Self::HardLinks { path: path.clone(), links: 2 },
            Self::Writable { path: path.clone(), mode: 0o100_666 },
            Self::OpenFolder { path: path.clone(), mode: 0o040_777 },
            Self::Owner { path: path.clone(), owner: 1000, user: 0 },
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
            Self::Dangling(_) => 4,
            Self::Replaced(_) => 5,
            Self::HardLinks { .. } => 6,
            Self::Writable { .. } => 7,
            Self::OpenFolder { .. } => 8,
            Self::Owner { .. } => 9,
            Self::Corrupt { .. } => 10,
            Self::Newer { .. } => 11,
            Self::Older(_) => 12,
            Self::Foreign { .. } => 13,
            Self::Full(_) => 14,
            Self::Failed { .. } => 15,
        };
        assert!(all.iter().enumerate().all(|(index, error)| number(error) == index));
        all.into()
    }
}
