//! The kill switch: a file that stops every write while it is there.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::model::printable_line;

/// Why the kill switch counts as thrown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Thrown {
    /// Something has its name: a file, a folder, a pipe, a symlink to anything or to nothing.
    #[error("the kill switch `{}` exists: delete it to go on", .0.display())]
    Exists(PathBuf),
    /// There is no place for the file, so a person could not throw it.
    #[error(
        "the folder of the kill switch `{}` does not exist, so the switch counts as thrown: make the folder or mount it, or \
         set remediation.kill_switch to another file",
        .0.display()
    )]
    NoFolder(PathBuf),
    /// It may be there.
    #[error(
        "the kill switch `{}` cannot be seen ({what}), so it counts as thrown: let rolewarden look into its folder, or set \
         remediation.kill_switch to another file",
        path.display()
    )]
    Unseen {
        /// Where it would be.
        path: PathBuf,
        /// What the system says.
        what: String,
    },
}

/// Looks for the kill switch, where one is configured. Only one answer lets writes go on: its folder is there, and nothing
/// in it has its name.
///
/// # Errors
/// The switch counts as thrown.
pub fn look_for(switch: Option<&Path>) -> Result<(), Thrown> {
    let Some(path) = switch else { return Ok(()) };
    let unseen = |error: &Error| {
        let what = printable_line(&error.to_string(), 200);
        Thrown::Unseen { path: path.to_owned(), what }
    };
    // Not followed: a symlink was put there by a person too, wherever it leads.
    match fs::symlink_metadata(path) {
        Ok(_) => return Err(Thrown::Exists(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unseen(&error)),
    }
    // A file that is not there and a folder that is not there are the same error.
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Ok(()),
    };
    match fs::metadata(folder) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Thrown::NoFolder(path.to_owned())),
        Err(error) => Err(unseen(&error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// As root no folder can be closed to a test, so other errors of the way stand for "permission denied".
    #[test]
    fn only_a_folder_without_the_file_lets_writes_go_on() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        let exists = |path: &Path| Thrown::Exists(path.to_owned()).to_string();
        let gone = |path: &Path| Thrown::NoFolder(path.to_owned()).to_string();
        let unseen = |path: &Path| format!("the kill switch `{}` cannot be seen (", path.display());
        let long = "x".repeat(300);
        type Said<'a> = Option<&'a dyn Fn(&Path) -> String>;
        let cases: [(&str, Said<'_>); 10] = [
            ("stop", None),
            ("file", Some(&exists)),
            ("loop", Some(&exists)),
            ("dangling", Some(&exists)),
            ("gone/stop", Some(&gone)),
            ("dangling/stop", Some(&gone)),
            ("loop/stop", Some(&unseen)),
            ("file/stop", Some(&unseen)),
            ("stop\0", Some(&unseen)),
            (&long, Some(&unseen)),
        ];
        for (name, want) in cases {
            let path = at(name);
            let said = look_for(Some(&path)).err().map(|why| why.to_string()).unwrap_or_default();
            let want = want.map(|want| want(&path)).unwrap_or_default();
            assert!(said.starts_with(&want), "case `{name}`: {said}");
            assert_eq!(said.is_empty(), want.is_empty(), "case `{name}`: {said}");
        }
        assert_eq!(look_for(None), Ok(()));
    }
}
