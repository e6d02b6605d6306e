//! `rolewarden history`: what the store remembers, also while `serve` writes it.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::{Common, format_of, id_of, output};
use crate::clock;
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::model::AccountId;
use crate::render::{Format, History as Shown, TextOptions};
use crate::store::{ChangeFilter, FindingFilter, Store, SweepFilter};

#[derive(Debug, Args)]
pub(super) struct History {
    /// The store, relative to the working directory [default: store.path of the configuration]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Findings: when they opened, when they closed and why [default, without --sweeps and --changes]
    #[arg(long)]
    findings: bool,
    /// Sweeps: when, how they ended, what they counted
    #[arg(long)]
    sweeps: bool,
    /// Changes in AWS: who asked for what, when, in which account, and what became of it
    #[arg(long)]
    changes: bool,
    /// Only findings and changes of this account
    #[arg(long, value_name = "ID", value_parser = id_of)]
    account: Option<AccountId>,
    /// Only findings that are there and under no exception
    #[arg(long)]
    open: bool,
    /// Only what opened, closed, ended or was asked for in so long until now, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = duration_of)]
    since: Option<Duration>,
    /// At most so many findings, so many sweeps, and so many changes
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// The format: text, json or ndjson
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = format_of)]
    format: Format,
}

fn duration_of(text: &str) -> Result<Duration, String> {
    config::duration(text).ok_or_else(|| "expected a duration such as 7d or 12h".to_owned())
}

pub(super) fn main(common: &Common, flags: &History) -> anyhow::Result<Exit> {
    let path = match &flags.store {
        Some(path) => path.clone(),
        None => Config::load(&common.config_path())?.store.path,
    };
    let store = Store::open_read_only(&path)?;
    // What goes to another program is neither cut nor wrapped.
    let terminal = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    let width = terminal.map_or(usize::MAX, |(width, _)| usize::from(width.0));
    let color = common.colored(&std::io::stdout());
    let options = TextOptions { color, width, ..TextOptions::default() };
    let text = flags.read(&store)?.render(flags.format, options);
    output::print(text.context("failed to write the history")?.as_bytes())?;
    Ok(Exit::Clean)
}

impl History {
    fn read(&self, store: &Store) -> anyhow::Result<Shown> {
        // Further back than time is from the beginning.
        let since = self.since.map(|since| clock::now().checked_sub(since).unwrap_or_default());
        // One more, to know whether there are more.
        let limit = Some(self.limit.saturating_add(1));
        let (account, open) = (self.account.clone(), self.open);
        let mut changes = None;
        if self.changes {
            let account = account.clone();
            let filter = ChangeFilter { account, since, limit, ..ChangeFilter::default() };
            changes = Some(store.changes(&filter)?);
        }
        let mut findings = None;
        let others = self.sweeps || self.changes;
        if self.findings || open || (account.is_some() && !self.changes) || !others {
            findings = Some(store.findings(&FindingFilter { account, open, since, limit })?);
        }
        let mut sweeps = None;
        if self.sweeps {
            sweeps = Some(store.sweeps(&SweepFilter { since, before: None, limit })?);
        }
        let more = cut(&mut findings, self.limit)
            | cut(&mut sweeps, self.limit)
            | cut(&mut changes, self.limit);
        let ledger = store.load(0)?.ledger;
        let name =
            |entry: &crate::ledger::Entry| (entry.account.id.clone(), entry.account.name.clone());
        let names = ledger.entries().map(|entry| name(entry)).collect();
        Ok(Shown { schema: Shown::SCHEMA, findings, sweeps, changes, more, names })
    }
}

/// Leaves out what is too much; tells whether anything was.
fn cut<T>(list: &mut Option<Vec<T>>, limit: usize) -> bool {
    let Some(list) = list else { return false };
    let more = list.len() > limit;
    list.truncate(limit);
    more
}
