//! From a file to the configuration in force.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::file;
use super::reader::{Kind as _, Reading, Section, Surroundings};
use super::secret::io_problem;
use super::yaml::{self, Place};
use super::{Config, ConfigError, sections};
use crate::model::{InvalidAccountId, Partition, Verdict, printable_line};
use crate::policy::{self, Comparison, Context, Kind as PolicyKind, Policy};

/// The commented file that `rolewarden config example` prints: every key, with its default.
pub const EXAMPLE: &str = include_str!("../../config/rolewarden.example.yaml");

impl Config {
    /// Reads, validates and completes a configuration file; documents it names are read relative to its folder.
    ///
    /// # Errors
    /// Every mistake in the file; or why there is no file, and how to make one.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        load(path, true)
    }

    /// As [`Config::load`], for the offline check: the file need not say where accounts come from.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_for_check(path: &Path) -> Result<Self, ConfigError> {
        load(path, false)
    }

    /// The defaults, for the offline check without a file.
    ///
    /// # Errors
    /// None: every default is valid, which a test holds.
    pub fn default_for_check() -> Result<Self, ConfigError> {
        read_config(
            "{}",
            "defaults",
            Surroundings {
                accounts_needed: false,
                ..around(Path::new(""), &|_| None, &|_| Err(io::ErrorKind::NotFound.into()))
            },
        )
    }

    /// Validates a configuration's text. Environment and files are arguments: this reads nothing else, and takes every folder
    /// for one that is there.
    ///
    /// # Errors
    /// Every mistake in the text.
    pub fn from_text(
        text: &str,
        file_name: &str,
        base_dir: &Path,
        env: &dyn Fn(&str) -> Option<String>,
        read: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, ConfigError> {
        read_config(text, file_name, around(base_dir, env, read))
    }
}

/// The JSON Schema (draft 2020-12) of the file, for editors.
#[must_use]
pub fn schema() -> Json {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rolewarden configuration",
    });
    if let (Some(schema), Json::Object(root)) =
        (schema.as_object_mut(), Section(sections::config).schema())
    {
        schema.extend(root);
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("required".to_owned(), json!(["accounts"]));
    }
    schema
}

fn around<'a>(
    base_dir: &'a Path,
    env: &'a dyn Fn(&str) -> Option<String>,
    read: &'a dyn Fn(&Path) -> io::Result<String>,
) -> Surroundings<'a> {
    let is_folder = &|_: &Path| Ok(true);
    Surroundings { env, read, is_folder, base_dir, judge: &judge, accounts_needed: true }
}

/// Whether a text can be a baseline: strict, and equal to itself, for nothing ever equals a doubtful document.
/// Any account and partition do: the document is parsed again for each.
fn judge(kind: PolicyKind, text: &str) -> Result<(), String> {
    let account = "000000000000".parse().map_err(|error: InvalidAccountId| error.to_string())?;
    let context = Context { account, partition: Partition::default() };
    let policy =
        Policy::parse_baseline(kind, text, &context, None).map_err(|error| error.to_string())?;
    match policy::compare(&policy, &policy) {
        Comparison { verdict: Verdict::Equivalent, .. } => Ok(()),
        Comparison { note, .. } => {
            Err(note.unwrap_or_else(|| "it is not equal to itself".to_owned()))
        }
    }
}

/// What keeps a text that [`judge`] passed from being a document an exception accepts.
pub(super) fn refuse_acceptance(kind: PolicyKind, text: &str) -> Result<(), String> {
    let account = "000000000000".parse().map_err(|error: InvalidAccountId| error.to_string())?;
    let context = Context { account, partition: Partition::default() };
    let policy =
        Policy::parse_baseline(kind, text, &context, None).map_err(|error| error.to_string())?;
    if let Some(variable) = policy.variable() {
        return Err(format!(
            "it holds the policy variable `${{{}}}`, whose value is not known here; name the actions and resources instead",
            printable_line(variable, 64)
        ));
    }
    if policy.allows_everyone() {
        return Err("it lets everyone in without a condition, which an exception cannot accept; name the principals, or add a condition".to_owned());
    }
    Ok(())
}

/// Whether a document lets a role do everything, perhaps under a condition.
pub(super) fn allows_everything(text: &str) -> bool {
    const EVERYTHING: &str =
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    let Ok(account) = "000000000000".parse() else { return true };
    let context = Context { account, partition: Partition::default() };
    let parse = |text| Policy::parse_baseline(PolicyKind::Identity, text, &context, None);
    match (parse(text), parse(EVERYTHING)) {
        (Ok(policy), Ok(everything)) => {
            let verdict = policy::covers(&policy, &everything).verdict;
            matches!(verdict, Verdict::Equivalent | Verdict::Conditional)
        }
        _ => true,
    }
}

/// Text to configuration, or every problem.
pub(super) fn read_config(
    text: &str,
    file_name: &str,
    around: Surroundings<'_>,
) -> Result<Config, ConfigError> {
    let mut reading = Reading::new(file_name, around);
    let config = parse(text, &mut reading);
    let (mut problems, warnings) = reading.finish();
    match config {
        Some(mut config) if problems.is_empty() => {
            config.warnings = warnings;
            let problem = |error: serde_json::Error| one_problem(error.to_string());
            config.digest = digest(&config).map_err(problem)?;
            let Config { accounts, baseline, checks, exceptions, .. } = &config;
            let rules = (&accounts.organization_id, baseline, checks, exceptions);
            config.rules = digest(&rules).map_err(problem)?;
            Ok(config)
        }
        Some(_) | None => {
            if problems.is_empty() {
                problems.push(format!(
                    "{}: cannot be read; please report this",
                    printable_line(file_name, 256)
                ));
            }
            Err(ConfigError { problems })
        }
    }
}

fn parse(text: &str, reading: &mut Reading<'_>) -> Option<Config> {
    let top = Place::default();
    if text.starts_with('\u{feff}') {
        reading.problem(top, "begins with a byte order mark; save it as UTF-8 without one");
        return None;
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        reading.problem(top, "is empty; make one: rolewarden config example > rolewarden.yaml");
        return None;
    }
    let root = yaml::parse(text).map_err(|(place, what)| reading.problem(place, what)).ok()?;
    Section(sections::config).read(&root, reading)
}

/// SHA-256 of the canonical JSON of the configuration, or of a part of it: fixed order of fields, sorted sets, secrets masked.
fn digest(config: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let mut digest = String::from("sha256:");
    for byte in Sha256::digest(serde_json::to_vec(config)?) {
        let _ = write!(digest, "{byte:02x}");
    }
    Ok(digest)
}

fn load(path: &Path, accounts_needed: bool) -> Result<Config, ConfigError> {
    let name = path.to_string_lossy();
    // One for all files: a mount that hangs must not make a reload wait once for each file on it.
    let deadline = file::deadline();
    let text = file::read_text(path, deadline).map_err(|error| {
        let shown = printable_line(&name, 256);
        one_problem(match error.kind() {
            io::ErrorKind::NotFound => format!(
                "{shown}: no such file; name one with --config or ROLEWARDEN_CONFIG, or make one: \
                 rolewarden config example > rolewarden.yaml"
            ),
            _ => format!("{shown}: cannot read the configuration: {}", io_problem(&error)),
        })
    })?;
    // In full, so that what is found from this folder is the same file when another process, started elsewhere, says its name.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base_dir = whole.parent().unwrap_or(Path::new(""));
    let env = |name: &str| std::env::var(name).ok();
    let read = |path: &Path| file::read_text(path, deadline);
    let is_folder = |path: &Path| file::is_folder(path, deadline);
    let around = around(base_dir, &env, &read);
    read_config(&text, &name, Surroundings { is_folder: &is_folder, accounts_needed, ..around })
}

fn one_problem(problem: String) -> ConfigError {
    ConfigError { problems: vec![problem] }
}
