//! `rolewarden plan`: a sweep, then what remediation would do about it. Writes nothing to AWS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::runtime::Builder;

use super::scan::{Stop, explained};
use super::shard::Shards;
use super::{Common, Report as Flags, format_of, id_of, output, run, severity_of};
use crate::aws::{Aws, Connect, Organization, OrganizationReader};
use crate::clock;
use crate::config::Config;
use crate::exit::Exit;
use crate::model::{AccountId, Report, Severity};
use crate::plan::{self, Made, Plan as Planned};
use crate::render::{self, Format, PlanOptions};
use crate::sweep::{self, Planning};

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Save the plan to a file (whole or not at all, mode 0600), for `rolewarden apply`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How the plan is printed: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = format_of)]
    format: Format,
    /// Findings below this severity (critical, high, medium, low, info) are not planned for [default: the configuration's, low]
    #[arg(long, value_name = "SEVERITY", value_parser = severity_of)]
    fail_on: Option<Severity>,
    /// Only this account (repeatable)
    #[arg(long = "account", value_name = "ID", value_parser = id_of)]
    accounts: Vec<AccountId>,
    /// Not this account (repeatable)
    #[arg(long = "exclude-account", value_name = "ID", value_parser = id_of)]
    exclude_accounts: Vec<AccountId>,
    #[command(flatten)]
    shards: Shards,
    /// Print every account in full, and every line of every diff
    #[arg(long)]
    verbose: bool,
}

pub(super) fn main(common: &Common, plan: &Plan) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        plan.format != Format::Ndjson,
        "a plan is one object: use --format json, or text"
    );
    let shard = plan.shards.found()?;
    let mut config = Config::load(&common.config_path())?;
    let flags = plan.selection();
    flags.apply(&mut config);
    config.shard = shard.shard;
    common.start_logging(&config.log)?;
    shard.log();
    if let Some(path) = &plan.output {
        output::check_writable(path, output::For::Apply)?;
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start the runtime")?.block_on(plan.run(common, &flags, &config))
}

impl Plan {
    /// The flags that `scan` has too.
    fn selection(&self) -> Flags {
        Flags {
            fail_on: self.fail_on,
            accounts: self.accounts.clone(),
            exclude_accounts: self.exclude_accounts.clone(),
            ..Flags::default()
        }
    }

    async fn run(&self, common: &Common, flags: &Flags, config: &Config) -> anyhow::Result<Exit> {
        let stop = Stop::on_signals()?;
        let planning = planned(common, flags, config, &stop);
        // A plan of half an organization would look like a plan of all of it.
        let Some((report, plan)) = planning.await? else {
            tracing::warn!("stopped before the plan was whole; there is none");
            return Ok(stop.exit());
        };
        if let Some(path) = &self.output {
            let text = plan::to_json(&plan).context("failed to write the plan")?;
            output::write(path, text.as_bytes(), output::For::Apply)?;
        }
        self.print(common, config, &plan)?;
        Ok(Exit::of_report(&report))
    }

    fn print(&self, common: &Common, config: &Config, plan: &Planned) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => plan::to_json(plan).context("failed to write the plan")?,
            Format::Text | Format::Ndjson => {
                let terminal = terminal_size::terminal_size();
                let options = PlanOptions {
                    color: common.colored(&std::io::stdout()),
                    width: terminal.map_or(100, |(width, _)| usize::from(width.0)),
                    verbose: self.verbose,
                    apply: self.output.as_ref().map(|path| apply_command(common, config, path)),
                    mode: config.remediation.mode,
                };
                render::plan(plan, &options)
            }
        };
        output::print(text.as_bytes())
    }
}

/// The words that apply the plan in this file, as it was planned: with the same configuration and the same shard. The code
/// follows.
fn apply_command(common: &Common, config: &Config, path: &Path) -> Vec<String> {
    let mut words: Vec<String> = ["rolewarden", "apply"].map(str::to_owned).into();
    words.push(path.display().to_string());
    words.extend(["--config".to_owned(), common.config_path().display().to_string()]);
    if !config.shard.is_whole() {
        let (shard, total) = (config.shard.ordinal(), config.shard.total());
        words.extend(["--shard".to_owned(), shard.to_string()]);
        words.extend(["--total-shards".to_owned(), total.to_string()]);
    }
    words
}

/// Sweeps, reads the drifted accounts again, and plans. `None`: it was stopped.
async fn planned(
    common: &Common,
    flags: &Flags,
    config: &Config,
    stop: &Stop,
) -> anyhow::Result<Option<(Report, Planned)>> {
    let prepare = async {
        let aws = Aws::connect_with(config, Connect::default()).await.map_err(explained)?;
        let mut organization = aws.read_organization().await.map_err(explained)?;
        flags.select(&mut organization.accounts)?;
        flags.share(config.shard, &mut organization.accounts)?;
        anyhow::Ok((aws, organization))
    };
    let Some(prepared) = stop.token.run_until_cancelled(prepare).await else { return Ok(None) };
    let (aws, organization) = prepared?;
    let rules = run::rules(config, &aws, &organization);
    let (aws, Organization { id, accounts }) = (Arc::new(aws), organization);
    let (report, cancelled) =
        run::sweep(config, &aws, &rules, accounts.clone(), common.no_progress, &stop.token).await;
    if cancelled {
        return Ok(None);
    }
    let (remediation, limits) = (&config.remediation, run::limits(config));
    let reports = &report.accounts;
    let planning =
        sweep::plan(&aws, &rules, remediation, &accounts, reports, limits, &stop.token).await;
    Ok(planning.map(|Planning { accounts, left_alone }| {
        let made = Made {
            id: clock::sweep_id(),
            at: clock::now(),
            config,
            organization: id.as_deref(),
            scope: flags.scope(),
        };
        let plan = Planned::new(made, &report, accounts, left_alone);
        (report, plan)
    }))
}
