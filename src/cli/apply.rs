//! `rolewarden apply`: carries out a plan that a person has reviewed.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;

use super::remediation::{Hands, RunFormat, StoreFlags, exit_of, print};
use super::scan::Stop;
use super::shard::Shards;
use super::{Common, Report as Flags, run};
use crate::check::baseline_digest;
use crate::clock;
use crate::config::Config;
use crate::exit::Exit;
use crate::model::{Breaker, Origin};
use crate::plan::{self, Arming, Blocked, Gate, Moment, Plan, gate};
use crate::remediate::{AccountRun, RunReport, RunSummary};

pub(super) const HELP: &str = "\
The plan comes from `rolewarden plan -o FILE`, which ends with the code that arms it: another plan, organization, baseline or
action has another code. A plan is refused when it is older than a day, or was made with another configuration.

The organization is listed and its accounts in the plan's scope are scanned first, because limits are percentages of what is
there now. Then, the worst account first, every role is read again right before it is written to, and skipped unless it is
what the plan saw. At most remediation.max_accounts (and max_percent) accounts are changed; apply the plan again for the next.
An account that is as planned already takes no place. What an earlier run left unfinished is closed first.

remediation.mode must be apply. Nothing is written while the kill switch is on, after a stop, or while the breaker is open. The
store is locked: stop a `rolewarden serve` that has it first.

Exit status:
  0      every account of the plan is as planned, and was seen to be
  1      could not run, or refused: nothing was written
  2      usage error
  3      an account was skipped (a limit, or its role is not as planned), and nothing failed
  4      a step failed, or was not seen to take effect
  5      both
  128+n  ended by signal n; the write in progress was finished first";

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The plan
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// The code that `rolewarden plan` printed with this plan, once you have reviewed it
    #[arg(long, value_name = "CODE", env = "ROLEWARDEN_ARM", hide_env_values = true)]
    arm: Option<String>,
    /// Resume after a stop or an open breaker, once the cause is understood. The run tries one account
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    store: StoreFlags,
    /// The format of the result: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: RunFormat,
    #[command(flatten)]
    shards: Shards,
}

pub(super) fn main(common: &Common, flags: &Apply) -> anyhow::Result<Exit> {
    let shard = flags.shards.found()?;
    let mut config = Config::load(&common.config_path())?;
    config.shard = shard.shard;
    common.start_logging(&config.log)?;
    shard.log();
    gate::mode(&config.remediation)?;
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
    refuse_early(flags, config, &plan).context("nothing was written")?;
    let hands = Hands::new(config, &flags.store, &stop).await?;
    let fits = plan.code(config, hands.organization.id.as_deref());
    let arming = Arming::of(flags.arm.as_deref(), &fits);
    arming.check().context("nothing was written")?;
    if flags.resume {
        resume(&hands)?;
    }
    hands.engine.held().context("nothing was written")?;
    hands.recover(true).await?;
    let Some(moment) = moment(common, config, &hands, &plan, arming).await? else {
        tracing::warn!("stopped before anything was written");
        return Ok(stop.exit());
    };
    let gate = Gate { remediation: &config.remediation, moment: &moment };
    let approved = gate.approve(plan).context("nothing was written")?;
    let report = match approved.plan().accounts.is_empty() {
        false => hands.engine.run(&approved, Origin::Apply).await,
        true => nothing(approved.plan().id.clone()),
    };
    print(common, flags.format, &report)?;
    // An empty plan succeeds; a blocked one does not.
    Ok(exit_of(&report, &stop))
}

/// What is wrong with the plan, or with how it is applied, as far as that is known before anything is read.
fn refuse_early(flags: &Apply, config: &Config, plan: &Plan) -> Result<(), Blocked> {
    if flags.arm.as_deref().is_none_or(str::is_empty) {
        return Err(Blocked::NotArmed);
    }
    gate::fits(
        plan,
        &gate::InForce {
            config: &config.digest,
            baseline: &baseline_digest(&config.baseline),
            shard: config.shard,
            now: clock::now(),
        },
    )
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

/// What is true now: accounts in the plan's scope are counted by scanning them, not by what the plan says. `None`: stopped.
async fn moment(
    common: &Common,
    config: &Config,
    hands: &Hands,
    plan: &Plan,
    arming: Arming,
) -> anyhow::Result<Option<Moment>> {
    let mut accounts = hands.organization.accounts.clone();
    let scope = Flags::of(&plan.scope);
    scope.select(&mut accounts).context("nothing was written")?;
    scope.share(config.shard, &mut accounts).context("nothing was written")?;
    let engine = &hands.engine;
    let (aws, rules, quiet) = (&engine.aws, &engine.rules, common.no_progress);
    let swept = run::sweep(config, aws, rules, accounts, quiet, &engine.cancel);
    let (report, cancelled) = swept.await;
    let guard = engine.journal.guard().context("nothing was written")?;
    Ok((!cancelled).then(|| Moment {
        now: clock::now(),
        guard,
        // The engine looks at it before each write.
        kill_switch: None,
        journal: None,
        clock: None,
        stale_list: None,
        arming,
        selected: report.summary.selected,
        unknown: report.summary.states.unknown,
        shard: config.shard,
    }))
}

fn nothing(plan: String) -> RunReport {
    let now = clock::now();
    let accounts: Vec<AccountRun> = vec![];
    RunReport {
        schema: RunReport::SCHEMA,
        run: clock::sweep_id(),
        plan: Some(plan),
        origin: Origin::Apply,
        started_at: now,
        finished_at: now,
        ended_early: None,
        summary: RunSummary::of(&accounts),
        accounts,
    }
}
