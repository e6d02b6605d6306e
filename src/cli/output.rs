//! Where results go: stdout, or a file that is there whole or not at all.

use std::fs::Permissions;
#[cfg(feature = "simulator")]
use std::io::Read as _;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context;

/// Writes to stdout. A reader that has gone away (`| head`) is no error.
pub(super) fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("failed to write to stdout")
        }
        _ => Ok(()),
    }
}

/// Ends stdout for whoever reads it, while the process goes on: `eval "$(rolewarden simulate &)"` waits for that end.
#[cfg(feature = "simulator")]
pub(super) fn end_stdout() -> anyhow::Result<()> {
    let nothing = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(nothing).context("failed to close stdout")
}

/// A file that is written for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// The report: readable by its owner only.
    Owner,
    /// The plan: for its owner, who applies it.
    Apply,
    /// Metrics, which another user's node_exporter reads.
    Everyone,
}

impl For {
    fn mode(self) -> u32 {
        match self {
            Self::Owner | Self::Apply => 0o600,
            Self::Everyone => 0o644,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Owner => "the report",
            Self::Apply => "the plan",
            Self::Everyone => "the metrics",
        }
    }
}

/// Writes a file atomically: beside it first, then renamed over it.
pub(super) fn write(path: &Path, bytes: &[u8], whose: For) -> anyhow::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let save = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".rolewarden-").tempfile_in(folder)?;
        file.as_file().set_permissions(Permissions::from_mode(whose.mode()))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    save().with_context(|| format!("failed to write {} to `{}`", whose.what(), path.display()))
}

/// Reads a file, if it is not larger than so many bytes.
#[cfg(feature = "simulator")]
pub(super) fn read(path: &Path, largest: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(largest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(std::io::Error::new(
            ErrorKind::InvalidData,
            format!("it is larger than {largest} bytes"),
        ));
    }
    Ok(bytes)
}

/// Whether it could be written there; asked before any work is done for it.
pub(super) fn check_writable(path: &Path, whose: For) -> anyhow::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot = format!("cannot write {} to `{}`", whose.what(), path.display());
    anyhow::ensure!(!path.is_dir(), "{cannot}: it is a folder");
    tempfile::tempfile_in(folder)
        .map(drop)
        .with_context(|| format!("{cannot}: its folder does not take files"))
}
