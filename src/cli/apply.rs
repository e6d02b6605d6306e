//! `rolewarden apply`: carries out a plan that a person has read.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;

use super::Common;
use super::remediation::{Hands, RunFormat, StoreFlags, check_mode, exit_of, print};
use super::scan::Stop;
use crate::check::baseline_digest;
use crate::clock;
use crate::config::Config;
use crate::exit::Exit;
use crate::ledger::Breaker;
use crate::model::{Origin, StepOutcome, printable_line};
use crate::plan::{
    self, AccountFacts, AccountPlan, Approved, Facts, Left, Limits, Plan, approve, arming_code,
};
use crate::remediate::{AccountRun, Outcome, RunReport, RunSummary};
use crate::store::ChangeFilter;

pub(super) const HELP: &str = "\
The plan comes from `rolewarden plan -o FILE`. It is refused when the baseline, the actions or the configuration are
others now, when it is older than a day, and when nobody armed it: the code to arm with is printed by `rolewarden plan`.
Every role is read again right before it is written to, and left alone unless it is what the plan saw. Accounts that are
as planned already are done. What an earlier run left unfinished is closed first.

remediation.mode must be apply. Nothing is written while the kill switch exists, or the breaker is open. The store is
locked: a `rolewarden serve` that has it must be stopped first.

Exit status:
  0      every account of the plan is as planned, and was seen to be
  1      could not run, or refused: nothing was written
  2      usage error
  3      an account was left as it was (a limit, or it is not as planned), and nothing failed
  4      a step failed, or was not seen to take effect
  5      both
  128+n  ended by signal n; the write in progress was finished first";

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The plan
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// The code that `rolewarden plan` printed: what would be written was read, and is wanted
    #[arg(long, value_name = "CODE", env = "ROLEWARDEN_ARM")]
    arm: Option<String>,
    /// Go on after remediation was stopped or its breaker opened: somebody found out why. One account is tried first
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    store: StoreFlags,
    /// The format of the result: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: RunFormat,
}

pub(super) fn main(common: &Common, flags: &Apply) -> anyhow::Result<Exit> {
    let mut config = Config::load(&common.config_path())?;
    common.start_logging(&config.log)?;
    check_mode(&config)?;
    let plan = read(&flags.plan)
        .with_context(|| format!("the plan `{}` cannot be used", flags.plan.display()))?;
    // What counts as drift was decided when the plan was made.
    config.checks.drift_severity = plan.drift_severity;
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(apply(common, flags, &config, plan))
}

fn read(path: &Path) -> anyhow::Result<Plan> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(plan::MAX_BYTES.saturating_add(1)).read_to_string(&mut text)?;
    let fits = u64::try_from(text.len()).is_ok_and(|length| length <= plan::MAX_BYTES);
    anyhow::ensure!(fits, "it is larger than {} bytes", plan::MAX_BYTES);
    Ok(plan::from_json(&text)?)
}

async fn apply(
    common: &Common,
    flags: &Apply,
    config: &Config,
    plan: Plan,
) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    // Without an account, what a plan as a whole is refused for is known before anything is asked.
    let refused = facts(flags, config, &[]);
    approve(plan.clone(), &Limits { remediation: &config.remediation, facts: &refused })
        .context("nothing was written")?;
    let hands = Hands::new(config, &flags.store, &stop).await?;
    if flags.resume {
        resume(&hands)?;
    }
    hands.engine.held().context("nothing was written")?;
    hands.recover(true).await?;
    let mut facts = facts(flags, config, &hands.listed);
    remember(&hands, &mut facts)?;
    let planned = plan.accounts.clone();
    let (id, limits) =
        (plan.id.clone(), Limits { remediation: &config.remediation, facts: &facts });
    let Approved { plan, left } = approve(plan, &limits).context("nothing was written")?;
    let mut report = match plan {
        Some(plan) => hands.engine.run(&plan, Origin::Apply).await,
        None => nothing(id),
    };
    report.accounts.extend(left.iter().map(|left| left_alone(left, &planned)));
    report.summary = RunSummary::of(&report.accounts);
    print(common, flags.format, &report)?;
    // Nothing to do at all is well; nothing done because something holds everything back is not.
    Ok(exit_of(&report, &stop))
}

fn resume(hands: &Hands) -> anyhow::Result<()> {
    let resumed = hands.engine.journal.update_guard(&mut |guard| {
        guard.stopped = None;
        guard.failures_in_a_row = 0;
        if matches!(guard.breaker, Breaker::Open { .. }) {
            guard.breaker = Breaker::HalfOpen;
        }
    });
    resumed.context("nothing was written")
}

/// What the plan is held against. What holds everything back is the engine's to say.
fn facts(flags: &Apply, config: &Config, listed: &[crate::model::Account]) -> Facts {
    let known =
        |account: &crate::model::Account| (account.id.clone(), AccountFacts::new(account.clone()));
    Facts {
        now: clock::now(),
        origin: Origin::Apply,
        armed: flags.arm.clone().filter(|code| !code.is_empty()),
        code: arming_code(config),
        config_digest: config.digest.clone(),
        baseline_digest: baseline_digest(&config.baseline),
        list_is_stale: false,
        clock_is_off: false,
        stopped: None,
        breaker: None,
        journal: None,
        accounts: listed.iter().map(known).collect::<BTreeMap<_, _>>(),
    }
}

/// What earlier runs did: the same plan again goes on where the limits ended it.
fn remember(hands: &Hands, facts: &mut Facts) -> anyhow::Result<()> {
    let changes = hands.engine.journal.changes(&ChangeFilter::default());
    for change in changes.context("nothing was written")? {
        let in_effect =
            change.outcome == Some(StepOutcome::Applied) && change.origin != Origin::Rollback;
        if let Some(known) = facts.accounts.get_mut(&change.account).filter(|_| in_effect) {
            known.applied_to.insert(change.before_digest);
        }
    }
    Ok(())
}

fn nothing(plan: String) -> RunReport {
    let now = clock::now();
    RunReport {
        schema: RunReport::SCHEMA,
        run: clock::sweep_id(),
        plan: Some(plan),
        origin: Origin::Apply,
        started_at: now,
        finished_at: now,
        ended_early: None,
        summary: RunSummary::default(),
        accounts: vec![],
    }
}

fn left_alone(left: &Left, planned: &[AccountPlan]) -> AccountRun {
    let Left { account, name, reason } = left;
    let steps = planned.iter().find(|plan| plan.account == *account);
    AccountRun {
        account: account.clone(),
        name: name.clone(),
        outcome: Outcome::Left,
        note: Some(printable_line(&reason.to_string(), 600)),
        steps: steps.map(crate::remediate::not_done).unwrap_or_default(),
    }
}
