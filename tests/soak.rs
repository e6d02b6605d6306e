//! Sweep after sweep in one process: nothing is left behind. `benches/sweep.py` has the long run.

#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic: that is how a test fails")]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rolewarden::aws::{Aws, Connect, OrganizationReader, RoleReader};
use rolewarden::check::Rules;
use rolewarden::clock;
use rolewarden::config::Config;
use rolewarden::model::AccountReport;
use rolewarden::simulator::{Server, generate};
use rolewarden::sweep::{Limits, Progress, sweep};
use tokio_util::sync::CancellationToken;

const ACCOUNTS: usize = 100;
const SWEEPS: usize = 30;
/// By then every pool, cache and arena has its size.
const SETTLED: usize = 10;
/// What the allocator may keep more than it kept then.
const SLACK_KIB: u64 = 4 << 10;

struct Silent;

impl Progress for Silent {
    fn account_done(&mut self, _: &AccountReport, _: Duration) {}
}

/// What this process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    resident_kib: u64,
    threads: u64,
    descriptors: usize,
}

impl Held {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let field = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        Self {
            resident_kib: field("VmRSS:"),
            threads: field("Threads:"),
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
        }
    }
}

#[tokio::test]
async fn sweep_after_sweep_memory_descriptors_and_threads_stay_where_they_are() {
    let server = Server::start(generate(7, ACCOUNTS)).await.unwrap();
    let text = "
accounts: {source: organization}
access: {region: us-east-1}
sweep: {concurrency: 16, max_attempts: 1}
";
    let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let config = Config::from_text(text, "test", "".as_ref(), &|_| None, &no_files).unwrap();
    let connect = Connect {
        endpoint: Some(server.endpoint()),
        credentials: Some(server.credentials()),
        ..Connect::default()
    };
    let reader = Arc::new(Aws::connect_with(&config, connect).await.unwrap());
    let limits = Limits {
        concurrency: config.sweep.concurrency,
        account_timeout: config.sweep.account_timeout,
    };
    let never = CancellationToken::new();
    let start = Held::now();
    let (mut settled, mut last) = (start, start);
    for n in 1..=SWEEPS {
        let organization = reader.read_organization().await.unwrap();
        let partition = reader.partition().clone();
        let rules = Arc::new(Rules::new(&config, partition, organization.id, clock::today()));
        let accounts = organization.accounts;
        let swept = sweep(&reader, &rules, accounts, limits, clock::now, &never, &mut Silent).await;
        assert_eq!(swept.accounts.len(), ACCOUNTS);
        drop(swept);
        last = Held::now();
        if n == SETTLED {
            settled = last;
        }
    }
    println!("after {SETTLED} sweeps {settled:?}, after {SWEEPS} {last:?}");
    assert!(last.resident_kib <= settled.resident_kib + SLACK_KIB, "{settled:?} grew to {last:?}");
    assert!(last.threads <= settled.threads, "{settled:?} grew to {last:?}");
    // Both ends of every connection are in this process, and how many of them are open varies.
    let connections = 2 * 4 * config.sweep.concurrency;
    assert!(last.descriptors <= start.descriptors + connections, "{start:?} grew to {last:?}");
}
