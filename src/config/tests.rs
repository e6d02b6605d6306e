//! The configuration from outside: what is accepted, and the exact line each mistake gives.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::load::read_config;
use super::reader::Surroundings;
use super::yaml::{self, Node, Value};
use super::*;

/// What a text gives in a made-up folder and environment. Policy documents are judged by whether they say `bad`.
fn read(text: &str) -> Result<Config, Vec<String>> {
    let env = |name: &str| match name {
        "EXTERNAL_ID" => Some("from-env".to_owned()),
        "HOSTILE" => Some("no spaces allowed".to_owned()),
        _ => None,
    };
    let files = |path: &Path| match path.to_str() {
        Some("/etc/rolewarden/trust.json") => Ok("{}".to_owned()),
        Some("/etc/rolewarden/bad.json") => Ok("bad".to_owned()),
        Some("/run/secret") => Ok("from-file\n".to_owned()),
        Some("/etc/rolewarden/exceptions.yaml") => Ok(EXCEPTIONS.to_owned()),
        Some("/etc/rolewarden/wrong.yaml") => Ok("- id: EX-1\n  accounts: []\n- {}\n".to_owned()),
        Some("/etc/rolewarden/folder") => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let judge =
        |_, text: &str| if text == "bad" { Err("Statement: missing".to_owned()) } else { Ok(()) };
    let around = Surroundings {
        env: &env,
        read: &files,
        base_dir: Path::new("/etc/rolewarden"),
        judge: &judge,
        accounts_needed: true,
    };
    read_config(text, "c.yaml", around).map_err(|error| error.problems)
}

const EXCEPTIONS: &str = "- {id: EX-1, accounts: [\"111122223333\"], checks: [trust-policy], reason: r, owner: o, expires: 2027-01-31}\n";

/// A file whose first line says where accounts come from, so that a case shows only its own mistake.
fn organization(rest: &str) -> String {
    format!("accounts: {{source: organization}}\n{rest}")
}

fn problems(text: &str) -> Vec<String> {
    read(text).map(drop).expect_err("a mistake")
}
