//! Clients that `benches/sweep.py` runs beside `rolewarden scan`, against the same simulator on the same cores.
//!
//! `bare` and `floor` make the calls of a scan in which every role is right, and do nothing with the answers. `soak` is
//! the scan itself, again and again in one process. Each prints what it did as JSON, a line at a time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that fails should stop at once, and its output is its result"
)]

mod bare;
mod calls;
mod floor;
mod soak;

use std::num::NonZeroUsize;

use clap::{Args, Parser, Subcommand};

/// Clients to compare `rolewarden scan` with. All need the variables that `rolewarden simulate` prints.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    client: Client,
}

#[derive(Subcommand)]
enum Client {
    /// hyper and aws-sigv4: signs and sends the requests, reads the bodies, nothing else
    Bare(Load),
    /// The AWS SDK in a plain bounded loop: one client a service, credentials by override; nothing judged, nothing stored
    Floor(Load),
    /// The library's sweep again and again: prints memory, descriptors and threads as it goes
    Soak {
        #[command(flatten)]
        load: Load,
        /// How many sweeps
        #[arg(long, default_value_t = 1000)]
        sweeps: u32,
        /// Sweeps from one line to the next
        #[arg(long, default_value_t = 50)]
        every: u32,
    },
}

/// How the calls are made.
#[derive(Args, Clone, Copy)]
struct Load {
    /// Accounts in flight
    #[arg(long, default_value = "64")]
    concurrency: NonZeroUsize,
    /// Worker threads of the runtime; 0 runs everything in the main thread
    #[arg(long, default_value_t = 0)]
    workers: usize,
}

/// A variable that `rolewarden simulate` prints.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: see `rolewarden simulate`"))
}

fn main() {
    let Cli { client } = Cli::parse();
    let load = match &client {
        Client::Bare(load) | Client::Floor(load) | Client::Soak { load, .. } => *load,
    };
    let mut runtime = match load.workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(load.workers.max(1)).enable_all().build().unwrap();
    runtime.block_on(async {
        match client {
            Client::Bare(load) => println!("{}", bare::run(load).await),
            Client::Floor(load) => println!("{}", floor::run(load).await),
            Client::Soak { load, sweeps, every } => soak::run(load, sweeps, every).await,
        }
    });
}
