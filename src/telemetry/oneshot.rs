//! The metrics of a program that runs once, for node_exporter's textfile collector.
//!
//! Counters are left out: a program that runs once has nothing to go on counting. So is the age of findings, which is not
//! known without a store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::proto::MetricFamily;

use super::catalogue::{self as c, GROUPS};
use super::family::Family;
use super::{collector, scrape};
use crate::aws::Traffic;
use crate::config::Config;
use crate::ledger::{
    AccountList, Ledger, Outcome, RemediationView, Shrunken, SweepRecord, Trigger, View,
};
use crate::model::{Account, Report};

/// The accounts of one scan.
#[derive(Debug)]
pub struct Listed {
    /// This shard's.
    pub accounts: Vec<Account>,
    /// How many are selected in the whole organization.
    pub selected: usize,
}

/// One scan, as it ended.
#[derive(Debug)]
pub struct OneShot {
    /// How it ended.
    pub outcome: Outcome,
    /// What it sent.
    pub traffic: Traffic,
    /// End of the last complete one before it.
    pub last_complete: Option<Timestamp>,
}

impl OneShot {
    /// What it learned of these accounts.
    pub fn state(&self, config: &Config, listed: Listed, report: &Report) -> Vec<u8> {
        let view = self.view(config, listed, report);
        let mut families = collector::families(&view, report.sweep.finished_at);
        families.push(scrape::requests(&Traffic::default(), &self.traffic));
        let begun = collector::seconds(Some(report.sweep.started_at));
        families.push(Family::single(&c::LAST_START, begun));
        self.text(families)
    }

    /// That it learned nothing: there are no states, and what is not there is not zero.
    pub fn nothing(&self) -> Vec<u8> {
        let before = collector::seconds(self.last_complete);
        self.text(vec![Family::single(&c::LAST_COMPLETE, before)])
    }

    fn text(&self, mut families: Vec<MetricFamily>) -> Vec<u8> {
        families.extend([scrape::build(), scrape::outcomes(Some(self.outcome))]);
        families.retain(|family| is_written(family.name()));
        scrape::text(families)
    }

    fn view(&self, config: &Config, listed: Listed, report: &Report) -> View {
        let info = report.sweep.clone();
        let ended = info.finished_at;
        let Listed { accounts, selected } = listed;
        let refreshed_at = Some(info.started_at);
        let list = AccountList { refreshed_at, selected, ..AccountList::default() };
        let mut ledger = Ledger::default();
        ledger.list(accounts, info.started_at);
        ledger.absorb(report.accounts.clone());
        let sweep = SweepRecord {
            info,
            trigger: Trigger::Request,
            outcome: self.outcome,
            states: report.summary.states.clone(),
            findings: report.summary.findings.clone(),
            unknown: BTreeMap::new(),
            opened: 0,
            resolved: 0,
        };
        View {
            config: Arc::new(config.clone()),
            ledger,
            list,
            sweeps: Arc::new(vec![sweep]),
            last_complete: match self.outcome {
                Outcome::Complete => Some(ended),
                Outcome::Partial | Outcome::Failed | Outcome::Cancelled => self.last_complete,
            },
            interval: Duration::ZERO,
            // The file's age is told by its timestamps.
            stale_after: Duration::MAX,
            trouble: None,
            shrunken: Shrunken::No,
            remediation: RemediationView::default(),
        }
    }
}

/// Whether the catalogue says so.
fn is_written(name: &str) -> bool {
    GROUPS.iter().flat_map(|group| group.metrics).any(|metric| metric.scan && metric.name == name)
}

/// When the last complete sweep ended, as a file that was written before says.
pub fn last_complete(file: &str) -> Option<Timestamp> {
    let value = |line: &str| line.strip_prefix(c::LAST_COMPLETE.name)?.trim().parse::<i64>().ok();
    let second = file.lines().find_map(value).filter(|second| *second > 0)?;
    Timestamp::from_second(second).ok()
}
