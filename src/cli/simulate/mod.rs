//! `rolewarden simulate`: a fake AWS Organization on loopback, for rehearsals and benchmarks.

mod help;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::scan::{Stop, runtime};
use super::{Common, output};
use crate::config;
use crate::exit::Exit;
use crate::simulator::{Mix, Running, Server, World, generate_with, parse_script};

pub(super) use help::text as help;

/// Largest fault script that is read.
const LARGEST: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// How many accounts the organization has
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    accounts: u32,
    /// Another seed is another organization
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many of 100 accounts are right; the others are every other kind
    #[arg(long, value_name = "PERCENT", default_value_t = Mix::default().right_percent, value_parser = clap::value_parser!(u8).range(0..=100))]
    right: u8,
    /// Where to listen: an address of the loopback interface; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9798")]
    listen: SocketAddr,
    /// How long every answer takes, as 20ms; a plain number is milliseconds
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = span)]
    latency: Duration,
    /// By how much at most an answer is earlier or later than that
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = span)]
    jitter: Duration,
    /// How long reads may still see what was there before a write, as 10s
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = span)]
    lag: Duration,
    /// Which calls go wrong, and how: a fault script, YAML or JSON
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Refuse requests whose signature is wrong or out of date
    #[arg(long)]
    check_signatures: bool,
    /// The external id that every role demands of those who assume it
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

/// A duration as in the configuration; a plain number is milliseconds.
fn span(text: &str) -> Result<Duration, String> {
    let milliseconds = || text.parse().ok().map(Duration::from_millis);
    milliseconds()
        .or_else(|| config::duration(text))
        .ok_or_else(|| "expected a duration such as 20ms or 1m30s".to_owned())
}

pub(super) fn main(common: &Common, simulate: &Simulate) -> anyhow::Result<Exit> {
    common.start_logging(&config::Config::default_for_check()?.log)?;
    let world = simulate.world()?;
    runtime()?.block_on(serve(world, simulate.listen))
}

impl Simulate {
    /// The organization that the flags describe.
    fn world(&self) -> anyhow::Result<World> {
        let mix = Mix { right_percent: self.right };
        let mut world = generate_with(self.seed, usize::try_from(self.accounts)?, mix);
        world.latency = self.latency;
        world.jitter = self.jitter;
        world.check_signatures = self.check_signatures;
        world.lag = self.lag;
        for role in world.access.everywhere.values_mut() {
            role.external_id.clone_from(&self.external_id);
        }
        if let Some(file) = &self.faults {
            add_faults(&mut world, file)?;
        }
        Ok(world)
    }
}

fn add_faults(world: &mut World, file: &Path) -> anyhow::Result<()> {
    let name = file.display();
    let bytes = output::read(file, LARGEST)
        .with_context(|| format!("failed to read the fault script `{name}`"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{name}: the fault script is not text in UTF-8"))?;
    let rules = parse_script(&text).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    world.script(rules).map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

async fn serve(world: World, listen: SocketAddr) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    let accounts = world.accounts.len();
    let running = Server::start_at(world, listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    // First the words, then the exports: who waits for these can be sure that the server listens.
    let _ = writeln!(anstream::stderr(), "{}", greeting(&running, accounts));
    output::print(exports(&running).as_bytes())?;
    output::end_stdout()?;
    stop.token.cancelled().await;
    running.stop().await;
    Ok(Exit::Clean)
}

/// What a shell needs, to send the AWS CLI and rolewarden here, and to end it.
fn exports(running: &Running) -> String {
    let credentials = running.credentials();
    format!(
        "export AWS_ENDPOINT_URL={}\n\
         export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY={}\n\
         export AWS_REGION=us-east-1\n\
         export AWS_DEFAULT_REGION=us-east-1\n\
         export SIMULATOR_PID={}\n",
        running.endpoint(),
        credentials.access_key_id(),
        credentials.secret_access_key(),
        std::process::id(),
    )
}

fn greeting(running: &Running, accounts: usize) -> String {
    let endpoint = running.endpoint();
    format!(
        "A simulated AWS Organization of {accounts} accounts answers at {endpoint}, until Ctrl-C.\n\
         The lines on stdout send rolewarden and the AWS CLI of a shell here.\n\
         curl {endpoint}/_simulator/ says how to change it while it runs;\n\
         rolewarden simulate --help has a rehearsal, step by step."
    )
}
