//! From the baseline and a snapshot to the steps that put a role right: data that can be printed, saved and refused. Pure.

mod account;
mod arming;
mod blocked;
mod decision;
mod file;
pub mod gate;
mod policies;
mod reasons;
mod rest;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::model::{AccountId, CheckName, Report, Severity, SweepInfo, Write, action};

pub use account::{Planned, account_plan};
pub use arming::{Arming, arming_code, bound_code, standing_part};
pub use blocked::Blocked;
pub use file::{InvalidPlan, MAX_BYTES, from_json, to_json};
pub use gate::{ApprovedPlan, Candidate, Gate, Moment};
pub use rest::MEMORY;

/// What remediation would do in a whole organization: `rolewarden.plan/v1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`Plan::SCHEMA`].
    pub schema: String,
    /// A ULID.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The sweep it was made from, with the digests of configuration and baseline.
    pub sweep: SweepInfo,
    /// What arms rolewarden for this plan and no other: see [`bound_code`]. Its first part arms the daemon.
    pub arming_code: String,
    /// The accounts that were asked for.
    pub scope: Scope,
    /// Findings below this are no drift, and are not planned for.
    pub drift_severity: Severity,
    /// Accounts in scope when it was made. Limits are computed from what is in scope when it is applied.
    pub selected: usize,
    /// Of those, how many were unknown.
    pub unknown: usize,
    /// How many accounts one run would have changed at most.
    pub accounts_per_run: usize,
    /// Accounts with steps, in the order they are changed in.
    pub accounts: Vec<AccountPlan>,
    /// Drifted accounts without steps, and why.
    pub left_alone: Vec<LeftAlone>,
}

impl Plan {
    /// The schema's name.
    pub const SCHEMA: &'static str = "rolewarden.plan/v1";

    /// The plan after a sweep: accounts in the order they are changed in, the others by number.
    pub fn new(
        made: Made<'_>,
        report: &Report,
        mut accounts: Vec<AccountPlan>,
        mut left_alone: Vec<LeftAlone>,
    ) -> Self {
        let Made { id, at, config, organization, scope } = made;
        accounts.sort_by(|a, b| gate::order(a).cmp(&gate::order(b)));
        left_alone.sort_by(|a, b| a.account.cmp(&b.account));
        let selected = report.summary.selected;
        let mut plan = Self {
            schema: Self::SCHEMA.to_owned(),
            id,
            created_at: at,
            sweep: report.sweep.clone(),
            arming_code: arming_code(config, organization),
            scope,
            drift_severity: config.checks.drift_severity,
            selected,
            unknown: report.summary.states.unknown,
            accounts_per_run: gate::budget(&config.remediation, selected, report.sweep.shard)
                .unwrap_or(0),
            accounts,
            left_alone,
        };
        plan.arming_code = plan.code(config, organization);
        plan
    }

    /// The code that arms this plan in this organization, for this configuration. Whatever stands in the plan, its own code
    /// apart, is bound by it.
    pub fn code(&self, config: &Config, organization: Option<&str>) -> String {
        let base = arming_code(config, organization);
        bound_code(&base, &Self { arming_code: base.clone(), ..self.clone() })
    }
}

/// What a plan is made with.
#[derive(Debug)]
pub struct Made<'a> {
    /// A ULID.
    pub id: String,
    /// The time.
    pub at: Timestamp,
    /// The configuration in force.
    pub config: &'a Config,
    /// The organization's id, where it is known.
    pub organization: Option<&'a str>,
    /// The accounts that were asked for.
    pub scope: Scope,
}

/// The accounts a command was asked for, beside those the configuration selects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only these; empty means all.
    pub accounts: BTreeSet<AccountId>,
    /// Not these.
    pub exclude_accounts: BTreeSet<AccountId>,
}

/// What would be done in one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountPlan {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// The role's ARN; where it will be, when it is not there.
    pub role_arn: String,
    /// The role's unique id; `None`: there is no role.
    pub role_id: Option<String>,
    /// Digest of the snapshot the steps were made from.
    pub snapshot_digest: String,
    /// The worst of the findings that made it drifted.
    pub severity: Severity,
    /// Since when all of its findings have been open, where that is known.
    pub open_since: Option<Timestamp>,
    /// In this order; never empty.
    pub steps: Vec<Step>,
    /// Findings that stay, each with why it is not acted on.
    pub remaining: Vec<Remaining>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is sent. JSON has its action beside it.
    #[serde(
        flatten,
        serialize_with = "action::with_action",
        deserialize_with = "action::of_its_action"
    )]
    pub write: Write,
    /// What puts things back as they were; `None`: nothing can.
    pub undo: Option<Write>,
    /// One sentence for people.
    pub summary: String,
    /// Line diff: `-` is what the role has now, `+` is what the step writes.
    pub diff: String,
}

/// A finding that stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remaining {
    /// The finding's check.
    pub check: CheckName,
    /// The finding's sentence.
    pub finding: String,
    /// Why nothing is done about it.
    pub why: String,
    /// AWS CLI commands that remediate it; of a step that was withheld because it would undo a decision, that step's.
    pub fix: Vec<String>,
}

/// A drifted account in which nothing is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftAlone {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Why, in a sentence.
    pub why: String,
    /// AWS CLI commands of the steps that were withheld because they would undo a decision: for a person to run.
    #[serde(default)]
    pub fix: Vec<String>,
}
