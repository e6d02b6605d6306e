//! Results to a report.

use jiff::Timestamp;

use crate::config::Config;
use crate::model::{AccountReport, Report, SweepInfo};
use crate::{check, clock};

/// The version in reports.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The report of these accounts, which ends now. `whole`: no account was left because the sweep was stopped.
pub fn report_of(
    config: &Config,
    mode: &'static str,
    id: String,
    started_at: Timestamp,
    accounts: Vec<AccountReport>,
    whole: bool,
) -> Report {
    let info = SweepInfo {
        id,
        started_at,
        finished_at: clock::now(),
        mode: mode.into(),
        version: VERSION.into(),
        baseline: check::BASELINE_NAME.to_owned(),
        baseline_digest: check::baseline_digest(&config.baseline),
        config_digest: config.digest.clone(),
        shard: config.shard,
        complete: whole,
    };
    let mut report = Report::new(info, accounts);
    report.sweep.complete = whole && report.summary.states.unknown == 0;
    report
}
