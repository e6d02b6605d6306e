//! `rolewarden rollback`: puts back what a change, or a whole run, changed.

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;

use super::remediation::{Hands, RunFormat, check_mode, exit_of, print};
use super::scan::Stop;
use super::{Common, output};
use crate::config::Config;
use crate::exit::Exit;
use crate::model::printable_line;
use crate::remediate::Undo;

pub(super) const HELP: &str = "\
Without --yes nothing is written: what would be put back is printed. A role that has moved on since the change is left
alone unless --force is given. A role that rolewarden made is deleted only while it is what rolewarden left, forced or not.
A service-linked role that was made stays: nothing of rolewarden's can undo that. A rollback is a run of its own in the
journal. remediation.mode must be apply. The kill switch's file holds it back; that remediation was stopped, or its
breaker opened, does not.

Exit status:
  0      all was put back, and seen to be; without --yes: it would be
  1      could not run, or there is nothing to undo
  2      usage error
  3      an account was left as it was, and nothing failed
  4      a step failed, or was not seen to take effect
  5      both
  128+n  ended by signal n; the write in progress was finished first";

/// Flags of `rollback`.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The id of a change or of a run, as `rolewarden history --changes` prints it
    #[arg(value_name = "ID")]
    id: String,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Put it back even where the role has moved on since
    #[arg(long)]
    force: bool,
    /// The format: text or json (with --yes)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: RunFormat,
}

pub(super) fn main(common: &Common, flags: &Rollback) -> anyhow::Result<Exit> {
    let config = Config::load(&common.config_path())?;
    common.start_logging(&config.log)?;
    if flags.yes {
        check_mode(&config)?;
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(rollback(common, flags, &config))
}

async fn rollback(common: &Common, flags: &Rollback, config: &Config) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    let hands = Hands::new(config, &stop).await?;
    // What did not end is closed first; a rollback goes on with nothing.
    hands.recover(false).await?;
    let undo = hands.engine.undo(&flags.id, flags.force).await?;
    if !flags.yes {
        output::print(shown(&undo).as_bytes())?;
        let refused = undo.accounts.iter().any(|account| account.refused.is_some());
        return Ok(if refused { Exit::Drifted } else { Exit::Clean });
    }
    hands.engine.held_from_putting_back()?;
    let report = hands.engine.rollback(&undo).await;
    print(common, flags.format, &report)?;
    Ok(exit_of(&report, &stop))
}

/// What would be put back.
fn shown(undo: &Undo) -> String {
    let mut text = String::new();
    for account in &undo.accounts {
        let name = printable_line(&account.name, 128);
        text.push_str(&format!("{} {name}\n", account.account));
        if let Some(why) = &account.refused {
            text.push_str(&format!("    left alone: {}\n", printable_line(why, 600)));
            continue;
        }
        for change in &account.stays {
            let summary = printable_line(&change.summary, 300);
            text.push_str(&format!("    stays, because only AWS can take it back: {summary}\n"));
        }
        for change in &account.changes {
            text.push_str(&format!("    undo: {}\n", printable_line(&change.summary, 300)));
            for line in change.diff.lines() {
                text.push_str(&format!("        {}\n", printable_line(&turned(line), 2000)));
            }
        }
    }
    if text.contains("    undo: ") {
        text.push_str("In diffs, - is what the role has now and + is what would be put back.\n");
    }
    text.push_str("Nothing was written: --yes does it.\n");
    text
}

/// A line of a diff, from after to before.
fn turned(line: &str) -> String {
    match line.split_at_checked(1) {
        Some(("+", rest)) => format!("-{rest}"),
        Some(("-", rest)) => format!("+{rest}"),
        _ => line.to_owned(),
    }
}
