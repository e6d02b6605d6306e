//! `rolewarden except`: the exception for findings, as the configuration takes it. No AWS calls.

use clap::Args;
use jiff::civil::Date;

use super::{Common, id_of, output};
use crate::clock;
use crate::config::{Config, Exception};
use crate::exit::Exit;
use crate::model::{AccountId, is_dangerous, is_finding_id, printable_line};

pub(super) const HELP: &str = "\
Example:
  rolewarden except 111122223333 --finding 0123456789abcdef \\
    --owner team-payments --reason 'the old monitoring agent' --expires 2027-01-31

Prints an item for the list `exceptions` of the configuration (or of its exceptions_file). The id of a finding changes with
what the finding is about, so that the exception covers this one and nothing that comes after it.";

#[derive(Debug, Args)]
pub(super) struct Except {
    /// The account of the finding
    #[arg(value_name = "ACCOUNT", value_parser = id_of)]
    account: AccountId,
    /// The finding, by its id, as reports print it (repeatable)
    #[arg(long = "finding", value_name = "ID", required = true, value_parser = finding_of)]
    findings: Vec<String>,
    /// Who answers for it
    #[arg(long, value_parser = words_of)]
    owner: String,
    /// Why it is accepted
    #[arg(long, value_parser = words_of)]
    reason: String,
    /// The last day it holds, in UTC, such as 2027-01-31
    #[arg(long, value_name = "DATE", value_parser = day_of)]
    expires: Date,
}

pub(super) fn main(common: &Common, flags: &Except) -> anyhow::Result<Exit> {
    let today = clock::today();
    anyhow::ensure!(
        flags.expires >= today,
        "--expires {}: the day is past (today is {today}, in UTC); name a later one",
        flags.expires
    );
    let there = match common.config_if_any() {
        Some(path) => Config::load_for_check(&path)?.exceptions,
        None => Vec::new(),
    };
    let covers = |exception: &&Exception| {
        exception.expires >= today
            && exception.accounts.ids.contains(&flags.account)
            && flags.findings.iter().any(|id| exception.names(id))
    };
    if let Some(exception) = there.iter().find(covers) {
        let id = printable_line(&exception.id, 64);
        anyhow::bail!(
            "exception `{id}` covers this finding already, until {}; change its last day instead",
            exception.expires
        );
    }
    output::print(flags.item(&free_id(&there)).as_bytes())?;
    Ok(Exit::Clean)
}

/// `EX-` and the number after the highest that is used.
fn free_id(there: &[Exception]) -> String {
    let numbers = there.iter().filter_map(|e| e.id.strip_prefix("EX-")?.parse::<u32>().ok());
    format!("EX-{}", u64::from(numbers.max().unwrap_or(0)) + 1)
}

impl Except {
    fn item(&self, id: &str) -> String {
        // JSON's strings are YAML's, and its lists are, too.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let findings: Vec<String> = self.findings.iter().map(|id| quoted(id)).collect();
        format!(
            "- id: {id}\n  accounts: [{}]\n  findings: [{}]\n  reason: {}\n  owner: {}\n  expires: {}\n",
            quoted(self.account.as_str()),
            findings.join(", "),
            quoted(&self.reason),
            quoted(&self.owner),
            self.expires
        )
    }
}

fn finding_of(text: &str) -> Result<String, String> {
    match is_finding_id(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("expected a finding's id: 16 hexadecimal digits, as reports print it".to_owned())
        }
    }
}

/// One line that shows all there is to it: it is read again months later, in a file and on a page.
fn words_of(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("expected some words".to_owned());
    }
    // YAML has no place for the last two of these.
    let strange = |c: char| is_dangerous(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    match text.contains(strange) {
        true => Err("expected one line of text without control or invisible characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn day_of(text: &str) -> Result<Date, String> {
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    day.ok_or_else(|| "expected a date such as 2027-01-31".to_owned())
}
