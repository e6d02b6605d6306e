//! Files that a configuration names: regular ones, not too large, and read within a time limit.
//!
//! A named pipe waits for a writer and a network mount for its server, perhaps for ever. A process that reads one of them in place
//! of a document would never reload again, and could not say why. So each read has a thread of its own, which is left behind
//! when the time is over.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Largest file that is read: a configuration, a document, a list of exceptions, a secret, a certificate.
const LARGEST: u64 = 1 << 20;

/// For all files that are read together. A local disk takes milliseconds, and a slow network mount less than a second; a
/// person or a program that asked for a reload waits for the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Paths whose reads were left behind. No second thread waits for the same file, however often a reload is asked for.
static LEFT_BEHIND: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn left_behind() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LEFT_BEHIND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By when files that are read from now on must have been read.
pub(crate) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// A text file, whole.
///
/// # Errors
/// It is not there, not a regular file, too large, not UTF-8, or was not read in time.
pub(crate) fn read_text(path: &Path, deadline: Instant) -> io::Result<String> {
    String::from_utf8(read(path, deadline)?).map_err(|_| invalid("it is not UTF-8 text"))
}

/// A file, whole.
///
/// # Errors
/// As [`read_text`].
pub(crate) fn read(path: &Path, deadline: Instant) -> io::Result<Vec<u8>> {
    within(path, deadline, read_regular)
}

/// When a file was last modified.
///
/// # Errors
/// As [`read_text`].
pub(crate) fn modified(path: &Path, deadline: Instant) -> io::Result<SystemTime> {
    within(path, deadline, |path| std::fs::metadata(path)?.modified())
}

/// Whether a path leads to a folder.
///
/// # Errors
/// As [`read_text`].
pub(crate) fn is_folder(path: &Path, deadline: Instant) -> io::Result<bool> {
    within(path, deadline, |path| Ok(std::fs::metadata(path)?.is_dir()))
}

fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: opening a pipe waits, and opening a device may do anything.
    only_regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    only_regular(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(invalid("it is larger than 1 MiB")),
        false => Ok(bytes),
    }
}

fn only_regular(about: &Metadata) -> io::Result<()> {
    let kind = about.file_type();
    let is = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    };
    Err(invalid(&format!("it is {is}, expected a regular file")))
}

/// Runs `work` in a thread of its own, and waits for it until the deadline.
fn within<T: Send + 'static>(
    path: &Path,
    deadline: Instant,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if left_behind().contains(path) {
        return Err(timed_out("an earlier read of it has not ended"));
    }
    let (done, result) = sync_channel(1);
    let owned = path.to_owned();
    thread::Builder::new().name("file".to_owned()).spawn(move || {
        let worked = work(&owned);
        // Both under one lock, so that a result that comes just when its reader gives up is either taken or forgotten.
        let mut left = left_behind();
        let _ = done.send(worked);
        left.remove(&owned);
    })?;
    let wait = deadline.saturating_duration_since(Instant::now());
    match result.recv_timeout(wait) {
        Ok(worked) => worked,
        Err(RecvTimeoutError::Disconnected) => Err(timed_out("the thread that reads it ended")),
        Err(RecvTimeoutError::Timeout) => {
            let mut left = left_behind();
            result.try_recv().unwrap_or_else(|_| {
                left.insert(path.to_owned());
                let seconds = PATIENCE.as_secs();
                Err(timed_out(&format!(
                    "not read within {seconds} s; look at the file system that it is on"
                )))
            })
        }
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

fn timed_out(what: &str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let cases = [
            (pipe.as_path(), "it is a pipe, expected a regular file"),
            (link.as_path(), "it is a pipe, expected a regular file"),
            (socket.as_path(), "it is a socket, expected a regular file"),
            (Path::new("/dev/zero"), "it is a device, expected a regular file"),
            (folder.path(), "is a directory"),
        ];
        for (path, want) in cases {
            let error = read_text(path, deadline()).unwrap_err();
            assert!(error.to_string().contains(want), "case {}: {error}", path.display());
        }
    }

    #[test]
    fn a_read_that_hangs_is_left_behind_and_met_once() {
        let path = Path::new("/a-mount-that-hangs/document.json");
        let (go_on, hangs) = channel::<()>();
        let (ended, end) = channel::<()>();
        let hang = move |_: &Path| {
            let _ = hangs.recv();
            // Dropped when the thread has ended its work, or nearly so.
            drop(ended);
            Ok(())
        };
        let now = Instant::now();
        let error = within(path, now, hang).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains("not read within 5 s"), "{error}");
        // No second thread waits for it: this is not called.
        let never = |_: &Path| -> io::Result<()> { Err(ErrorKind::Other.into()) };
        let error = within(path, deadline(), never).unwrap_err();
        assert!(error.to_string().contains("has not ended"), "{error}");
        // Once the mount answers, the file is read again.
        drop(go_on);
        let _ = end.recv();
        while left_behind().contains(path) {
            thread::yield_now();
        }
        assert!(within(path, deadline(), |_| Ok(())).is_ok());
    }
}
