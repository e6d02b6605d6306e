//! `rolewarden simulate`: a fake AWS Organization on loopback, for rehearsals and benchmarks.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::output;
use super::scan::{Stop, runtime};
use crate::exit::Exit;
use crate::simulator::{Server, generate};

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// How many accounts the organization has
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    accounts: u32,
    /// Another seed is another organization
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Where to listen; loopback only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long every answer takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
}

pub(super) fn main(simulate: &Simulate) -> anyhow::Result<Exit> {
    runtime()?.block_on(serve(simulate))
}

async fn serve(simulate: &Simulate) -> anyhow::Result<Exit> {
    let stop = Stop::on_signals()?;
    let mut world = generate(simulate.seed, usize::try_from(simulate.accounts)?);
    world.latency = Duration::from_millis(simulate.latency);
    let running = Server::start_at(world, simulate.listen)
        .await
        .with_context(|| format!("cannot listen on {}", simulate.listen))?;
    let credentials = running.credentials();
    output::print(
        format!(
            "export AWS_ENDPOINT_URL={}\nexport AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}\nexport AWS_REGION=us-east-1\n",
            running.endpoint(),
            credentials.access_key_id(),
            credentials.secret_access_key(),
        )
        .as_bytes(),
    )?;
    stop.token.cancelled().await;
    running.stop().await;
    Ok(Exit::Clean)
}
