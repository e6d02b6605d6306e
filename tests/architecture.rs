//! The shape of the code, held by a test: what is pure stays pure, and files stay small enough to read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic: that is how a test fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that decide: values in, values out.
const PURE: [&str; 8] =
    ["model", "policy", "check", "plan", "ledger", "permissions", "doctor", "render"];

/// What a module that decides may not know of.
const EFFECTS: [&str; 21] = [
    "tokio",
    "futures",
    "async ",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::io::std",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "tracing",
    "aws_config",
    "aws_sdk",
    "aws_smithy",
    "crate::aws",
    "crate::sweep",
    "crate::cli",
    "fastrand",
];

/// Production lines a file may have. The aim is 300; beyond this it has two subjects.
const LONGEST: usize = 500;

/// One source file, without comments and without its tests.
struct Source {
    path: PathBuf,
    lines: Vec<(usize, String)>,
}

impl Source {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(number, line)| (number + 1, line.to_owned()))
            .collect();
        Self { path, lines }
    }

    fn is_tests(&self) -> bool {
        self.path
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests.rs" | "tests")))
    }

    /// Every place where a word stands, as `file:line: word`.
    fn places(&self, words: &[&str]) -> Vec<String> {
        let hit = |(number, line): &(usize, String)| {
            let word = words.iter().find(|word| line.contains(*word))?;
            Some(format!("{}:{number}: {}", self.path.display(), word.trim()))
        };
        self.lines.iter().filter_map(hit).collect()
    }
}

/// Every production file below a folder of `src`.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(path));
            }
        }
    }
    found.retain(|source| !source.is_tests());
    assert!(!found.is_empty(), "no sources in `{folder}`");
    found
}

#[test]
fn deciding_is_pure() {
    let places: Vec<_> =
        PURE.iter().flat_map(|m| sources(m)).flat_map(|source| source.places(&EFFECTS)).collect();
    assert!(places.is_empty(), "effects in pure modules:\n{}", places.join("\n"));
}

#[test]
fn only_the_clock_reads_wall_time() {
    let wall = ["Timestamp::now", "Zoned::now", "SystemTime::now"];
    let places: Vec<_> = sources("")
        .iter()
        .filter(|source| !source.path.ends_with("src/clock.rs"))
        .flat_map(|source| source.places(&wall))
        .collect();
    assert!(places.is_empty(), "wall time is read outside clock.rs:\n{}", places.join("\n"));
}

#[test]
fn only_the_shell_writes_to_the_terminal() {
    let shell =
        ["cli", "main.rs"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name));
    let places: Vec<_> = sources("")
        .iter()
        .filter(|source| !shell.iter().any(|allowed| source.path.starts_with(allowed)))
        .flat_map(|source| {
            source.places(&["println!", "eprintln!", "print!", "io::stdout", "process::exit"])
        })
        .collect();
    assert!(places.is_empty(), "output outside cli:\n{}", places.join("\n"));
}

#[test]
fn nothing_is_unsafe() {
    let places: Vec<_> =
        sources("").iter().flat_map(|source| source.places(&["unsafe "])).collect();
    assert!(places.is_empty(), "{}", places.join("\n"));
}

#[test]
fn a_file_has_one_subject() {
    let long: Vec<_> = sources("")
        .iter()
        .filter_map(|source| {
            let lines = source.lines.last().map_or(0, |(number, _)| *number);
            (lines > LONGEST)
                .then(|| format!("{}: {lines} lines before its tests", source.path.display()))
        })
        .collect();
    assert!(long.is_empty(), "more than {LONGEST} lines:\n{}", long.join("\n"));
}

#[test]
fn a_silenced_lint_says_why() {
    let silent = |source: &Source| {
        let text: Vec<_> = source.lines.iter().map(|(_, line)| line.as_str()).collect();
        let text = text.join("\n");
        ["#[allow(", "#![allow(", "#[expect(", "#![expect("]
            .into_iter()
            .flat_map(|head| text.split(head).skip(1))
            .filter_map(|rest| rest.split(")]").next())
            .filter(|lints| lints.contains("clippy::") && !lints.contains("reason"))
            .map(|lints| format!("{}: {lints}", source.path.display()))
            .collect::<Vec<_>>()
    };
    let places: Vec<_> = sources("").iter().flat_map(silent).collect();
    assert!(places.is_empty(), "lints silenced without a reason:\n{}", places.join("\n"));
}

/// An error that shows its source's words and names it as its source too prints them twice: the edge joins the chain.
#[test]
fn no_error_says_its_sources_words_itself() {
    let mut places = vec![];
    for source in sources("") {
        // From `#[error(…)]` to the end of what it stands on: a variant, or a struct of one field.
        let mut shown: Option<String> = None;
        for (number, line) in &source.lines {
            let line = line.trim();
            match &mut shown {
                _ if line.starts_with("#[error(") => shown = Some(line.to_owned()),
                Some(message) if !message.ends_with(")]") => message.push_str(line),
                Some(_) | None => {}
            }
            let Some(message) = &shown else { continue };
            let marked = line.contains("#[source]") || line.contains("#[from]");
            let positional = marked && message.contains("{0}");
            let named = (line.starts_with("source:") || line.contains(" source:"))
                && message.contains("{source");
            if positional || named {
                places.push(format!("{}:{number}: {line}", source.path.display()));
            }
            if line.ends_with("),") && !line.starts_with('#') || line == "}," || line == "}" {
                shown = None;
            }
        }
    }
    assert!(
        places.is_empty(),
        "use `#[error(transparent)]`, or other words:\n{}",
        places.join("\n")
    );
}
