//! The scan's library calls, again and again: what grows from sweep to sweep is seen here.

use std::fs;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use rolewarden::aws::{Aws, OrganizationReader, RoleReader};
use rolewarden::check::Rules;
use rolewarden::clock;
use rolewarden::config::Config;
use rolewarden::model::AccountReport;
use rolewarden::sweep::{Limits, Progress, sweep};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Load;

struct Silent;

impl Progress for Silent {
    fn account_done(&mut self, _: &AccountReport, _: Duration) {}
}

pub(super) async fn run(load: Load, sweeps: u32, every: u32) {
    let text = format!(
        "accounts: {{source: organization}}\nsweep: {{concurrency: {}}}\n",
        load.concurrency
    );
    let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let config = Config::from_text(&text, "soak", "".as_ref(), &|_| None, &no_files).unwrap();
    let reader = Arc::new(Aws::connect(&config).await.unwrap());
    let limits = Limits {
        concurrency: config.sweep.concurrency,
        account_timeout: config.sweep.account_timeout,
    };
    let started = Instant::now();
    for n in 1..=sweeps {
        let organization = reader.read_organization().await.unwrap();
        let partition = reader.partition().clone();
        let rules = Arc::new(Rules::new(&config, partition, organization.id, clock::today()));
        let never = CancellationToken::new();
        let accounts = organization.accounts;
        let swept = sweep(&reader, &rules, accounts, limits, clock::now, &never, &mut Silent).await;
        if n == 1 || n % every == 0 || n == sweeps {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let field = |name: &str| -> u64 {
                let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
            };
            let line = json!({
                "sweep": n,
                "accounts": swept.accounts.len(),
                "seconds": started.elapsed().as_secs(),
                "rss_kib": field("VmRSS"),
                "peak_kib": field("VmHWM"),
                "threads": field("Threads"),
                "fds": fs::read_dir("/proc/self/fd").unwrap().count() - 1,
            });
            println!("{line}");
        }
    }
}
