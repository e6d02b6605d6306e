//! `rolewarden demo`: a simulated organization on loopback, in which things happen, and the real scan of it.

mod hands;
mod story;
mod watch;

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::scan::{Stop, explained, runtime};
use super::{Common, Report as Flags, run};
use crate::aws::{Aws, Connect, OrganizationReader};
use crate::clock;
use crate::config::Config;
use crate::exit::Exit;
use crate::model::{Changes, Report, printable_line};
use crate::render::{self, TextOptions};
use crate::simulator::{Mix, Running, Server, World, generate_with};
use hands::Hands;
use story::{Deed, Event};

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many accounts the simulated organization has
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u16).range(1..=2000))]
    size: u16,
    /// Another seed is another organization, and another story
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Watch the organization with the daemon instead, until stopped: its page, metrics and API
    #[arg(long)]
    serve: bool,
    /// Where the daemon listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9797", requires = "serve")]
    listen: SocketAddr,
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
/// How long each answer takes: as long as near AWS.
const LATENCY: Duration = Duration::from_millis(30);
/// By how much it is longer or shorter than that.
const JITTER: Duration = Duration::from_millis(15);
/// Most accounts are right, as in an organization that somebody cares for.
const MIX: Mix = Mix { right_percent: 90 };
/// How long a change is looked at before the next one, on a terminal.
const PAUSE: Duration = Duration::from_millis(300);
/// Accounts in flight: few, so that a sweep of any size takes some seconds.
const ROUNDS: usize = 20;

pub(super) fn main(common: &Common, demo: &Demo) -> anyhow::Result<Exit> {
    if demo.serve {
        return watch::main(common, demo);
    }
    let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let mut config =
        Config::from_text(CONFIG, "demo", std::path::Path::new(""), &|_| None, &no_files)?;
    demo.report.apply(&mut config);
    config.sweep.concurrency = usize::from(demo.size).div_ceil(ROUNDS).max(4);
    common.start_logging(&config.log)?;
    runtime()?.block_on(run_demo(common, demo, &config))
}

async fn run_demo(common: &Common, demo: &Demo, config: &Config) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    let mut world = generate_with(demo.seed, usize::from(demo.size), MIX);
    (world.latency, world.jitter) = (LATENCY, JITTER);
    let running = Server::start(world).await?;
    let stage = Stage { common, demo, config, hands: Hands::new(&running), running };
    let Some(told) = stop.token.run_until_cancelled(stage.tell(&stop)).await else {
        note("Stopped. Nothing is left behind.");
        return Ok(stop.exit());
    };
    let report = told?;
    stage.running.stop().await;
    if std::io::stdout().is_terminal() {
        note("");
    }
    demo.report.write(common, &report)?;
    note(&afterword(&report));
    Ok(Exit::Clean)
}

/// Where the demo plays.
struct Stage<'a> {
    common: &'a Common,
    demo: &'a Demo,
    config: &'a Config,
    hands: Hands,
    running: Running,
}

impl Stage<'_> {
    /// Three sweeps, and what happens between them; gives the last one's report.
    async fn tell(&self, stop: &Stop) -> anyhow::Result<Report> {
        note(&format!(
            "A simulated AWS Organization of {} accounts (seed {})\n\
             answers at {}. The real scan reads it three times;\n\
             in between, people change things.",
            self.demo.size,
            self.demo.seed,
            self.running.endpoint(),
        ));
        let first = self.sweep("First sweep", stop).await?;
        note("\nThings happen:");
        let events = self.running.change(|world| story::drift(world, &first, self.demo.seed));
        // The worst of it is left for the report.
        let left = events.first().map(|event| event.account.clone());
        self.play(events).await?;
        let second = self.sweep("Second sweep", stop).await?;
        self.note_changes(&first, &second);
        note("\nSome of it is put right, by the commands that the findings name:");
        let events =
            self.running.change(|world| story::repairs(world, &first, &second, left.as_ref()));
        self.play(events).await?;
        let third = self.sweep("Third sweep", stop).await?;
        self.note_changes(&second, &third);
        Ok(third)
    }

    async fn sweep(&self, title: &str, stop: &Stop) -> anyhow::Result<Report> {
        let (began, calls) = (Instant::now(), self.running.calls().total());
        let connect = Connect {
            endpoint: Some(self.running.endpoint()),
            credentials: Some(self.running.credentials()),
            ..Connect::default()
        };
        let aws = Aws::connect_with(self.config, connect).await.map_err(explained)?;
        let mut organization = aws.read_organization().await.map_err(explained)?;
        self.demo.report.select(&mut organization.accounts)?;
        let quiet = self.common.no_progress;
        let rules = run::rules(self.config, &aws, &organization);
        let (aws, accounts) = (Arc::new(aws), organization.accounts);
        let (report, _) = run::sweep(self.config, &aws, &rules, accounts, quiet, &stop.token).await;
        let calls = self.running.calls().total().saturating_sub(calls);
        note(&format!("\n{title}: {calls} API calls in {:.1} s", began.elapsed().as_secs_f64()));
        let headline = render::headline(&report, self.options(2));
        note(headline.trim_end());
        Ok(report)
    }

    async fn play(&self, events: Vec<Event>) -> anyhow::Result<()> {
        let width = events.iter().map(|event| event.name.chars().count()).max().unwrap_or_default();
        for event in events {
            match event.deed {
                Deed::Commands(commands) => self.hands.run(&event.account, &commands).await?,
                Deed::ScanRole(kind) => {
                    self.running.change(|world: &mut World| world.remake(&event.account, kind));
                }
            }
            let name = printable_line(&event.name, 64);
            let time = clock::now().strftime("%H:%M:%S").to_string();
            note(&format!("  {time}  {name:width$}  {}", event.says));
            if std::io::stderr().is_terminal() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    fn note_changes(&self, before: &Report, after: &Report) {
        let changes = Changes::between(before, after);
        note(render::changes(&changes, self.options(0)).trim_end());
    }

    fn options(&self, indent: u16) -> TextOptions {
        let width = terminal_size::terminal_size_of(std::io::stderr())
            .map_or(100, |(width, _)| usize::from(width.0.saturating_sub(indent)));
        let color = self.common.colored(&std::io::stderr());
        TextOptions { color, width, ..TextOptions::default() }
    }
}

fn afterword(report: &Report) -> String {
    let status = Exit::of_report(report).status();
    format!(
        "\nThat was the third sweep. `rolewarden scan` would have ended with status {status}.\n\
         Where to look next:\n  \
         rolewarden demo --format json | jq .summary    the same as data\n  \
         rolewarden demo --serve                        the daemon: page, metrics, API\n  \
         rolewarden simulate --help                     break things yourself, and scan\n  \
         rolewarden config example > rolewarden.yaml    for your own organization\n  \
         README.md, docs/                               what each state means, setting up, operating"
    )
}

/// Words about the demo go to stderr: stdout is the report alone.
fn note(text: &str) {
    // Nobody may be left to read it.
    let _ = writeln!(anstream::stderr(), "{text}");
}
