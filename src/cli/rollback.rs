//! `rolewarden rollback`: undoes a change, or a whole run.

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;

use super::remediation::{Hands, RunFormat, StoreFlags, exit_of, print, text_options};
use super::scan::Stop;
use super::{Common, output};
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::{arming_code, gate};
use crate::render::{self, UndoOptions};

pub(super) const HELP: &str = "\
Without --yes, rollback writes nothing: it prints what it would write in each account, with a diff from the role as it is
now to the role after the rollback, and names each account it leaves alone with the reason. Everything it overwrites is in
the journal before it is overwritten, so a rollback can be undone too.

rollback leaves a role alone that has changed since, unless --force is given. It deletes a role only if rolewarden made it
(the role's description names the change), and only while the role is as rolewarden left it; --force does not change that.
It cannot undo the creation of a service-linked role: only AWS can delete one.

Undoing a rollback writes again what remediation wrote, so it is remediation: it needs the --arm code that the preview
prints, and it obeys the limits, the actions, a stop and the breaker. Where the baseline has changed since, use
`rolewarden plan` instead.

remediation.mode must be apply. The kill switch blocks every rollback; a stop or an open breaker blocks only the undoing
of a rollback.

Exit status:
  0      every change was undone and confirmed by a later read; without --yes: every change can be undone
  1      could not run, there is nothing to undo, or the code is missing or wrong: nothing was written
  2      usage error
  3      an account was left alone, and nothing failed
  4      a step failed, or was not confirmed
  5      both
  128+n  ended by signal n, after finishing the write in progress";

/// Flags of `rollback`.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The id of a change or of a run, as `rolewarden history --changes` prints it
    #[arg(value_name = "ID")]
    id: String,
    /// Carry it out; without it, only print what it would do
    #[arg(long)]
    yes: bool,
    /// Also overwrite roles that have changed since
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    store: StoreFlags,
    /// The code that the preview printed: only needed to undo a rollback
    #[arg(long, value_name = "CODE")]
    arm: Option<String>,
    /// The format of the result: text or json (with --yes)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: RunFormat,
}

pub(super) fn main(common: &Common, flags: &Rollback) -> anyhow::Result<Exit> {
    let config = Config::load(&common.config_path())?;
    common.start_logging(&config.log)?;
    if flags.yes {
        gate::mode(&config.remediation)?;
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(rollback(common, flags, &config))
}

async fn rollback(common: &Common, flags: &Rollback, config: &Config) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    let hands = Hands::new(config, &flags.store, &stop).await?;
    // What did not end is closed first; a rollback goes on with nothing.
    hands.recover(false).await?;
    let undo = hands.engine.undo(&flags.id, flags.force).await?;
    let base = arming_code(config, hands.organization.id.as_deref());
    let held = hands.engine.held_from(&undo);
    if !flags.yes {
        let how = UndoOptions {
            config: common.config_path().display().to_string(),
            store: flags.store.named(),
            force: flags.force,
            code: undo.code(&base),
            blocked: held.err().map(|held| held.to_string()),
        };
        output::print(render::undo(&undo, &how, text_options(common)).as_bytes())?;
        let refused = undo.accounts.iter().any(|account| account.refused.is_some());
        return Ok(if refused { Exit::Drifted } else { Exit::Clean });
    }
    undo.check_arming(&base, flags.arm.as_deref()).context("nothing was written")?;
    held.context("nothing was written")?;
    let report = hands.engine.rollback(&undo).await;
    print(common, flags.format, &report)?;
    Ok(exit_of(&report, &stop))
}
