//! `rolewarden demo`: the real scan against a simulated organization on loopback.

use std::io::Write as _;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::scan::{explained, runtime};
use super::{Common, Report as Flags, run};
use crate::aws::{Aws, Connect, OrganizationReader};
use crate::config::Config;
use crate::exit::Exit;
use crate::simulator::{Server, generate};

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many accounts the simulated organization has
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=2000))]
    size: u16,
    /// Another seed is another organization
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    report: Flags,
}

/// What the demo scans with: everything else is the default.
const CONFIG: &str = "
accounts: {source: organization}
access: {external_id: rolewarden-demo, region: us-east-1}
sweep: {account_timeout: 10s, attempt_timeout: 2s, max_attempts: 2}
log: {level: error}
";

pub(super) fn main(common: &Common, demo: &Demo) -> anyhow::Result<Exit> {
    let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let mut config =
        Config::from_text(CONFIG, "demo", std::path::Path::new(""), &|_| None, &no_files)?;
    demo.report.apply(&mut config);
    common.start_logging(&config.log)?;
    runtime()?.block_on(run_demo(common, demo, &config))?;
    Ok(Exit::Clean)
}

async fn run_demo(common: &Common, demo: &Demo, config: &Config) -> anyhow::Result<()> {
    let running = Server::start(generate(demo.seed, usize::from(demo.size))).await?;
    let endpoint = running.endpoint();
    note(&format!(
        "A simulated AWS Organization of {} accounts (seed {}) answers at {endpoint}; the real scan reads it:\n",
        demo.size, demo.seed
    ));
    let connect = Connect {
        endpoint: Some(endpoint),
        credentials: Some(running.credentials()),
        ..Connect::default()
    };
    let aws = Aws::connect_with(config, connect).await.map_err(explained)?;
    let mut organization = aws.read_organization().await.map_err(explained)?;
    demo.report.select(&mut organization.accounts)?;
    let (report, _) =
        run::sweep(config, aws, organization, common.no_progress, &CancellationToken::new()).await;
    let calls = running.calls().total();
    running.stop().await;
    demo.report.write(common, &report)?;
    let status = Exit::of(&report.summary).status();
    note(&format!(
        "\n{calls} API calls for {} accounts; `rolewarden scan` would have ended with status {status}.\n\
         Where to look next:\n  \
         rolewarden demo --format json | jq .summary    the same as data\n  \
         rolewarden config example > rolewarden.yaml    for your own organization\n  \
         README.md                                      permissions, cron, what each state means",
        report.summary.selected
    ));
    Ok(())
}

/// Words about the demo go to stderr: stdout is the report alone.
fn note(text: &str) {
    // Nobody may be left to read it.
    let _ = writeln!(anstream::stderr(), "{text}");
}
