//! From the baseline and a snapshot to the steps that put a role right: data that can be printed, saved and refused. Pure.

mod account;
mod approval;
mod arming;
mod decision;
mod file;
mod policies;
mod reasons;
mod steps;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::model::{AccountId, Action, CheckName, Report, Severity, SweepInfo, Write};

pub use account::{Planned, account_plan};
pub use approval::{
    AccountFacts, Approved, ApprovedPlan, Facts, Left, LeftReason, Limits, Refusal, approve,
};
pub use arming::arming_code;
pub use file::{InvalidPlan, MAX_BYTES, from_json, to_json};

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
    /// What arms rolewarden for this plan: see [`arming_code`].
    pub arming_code: String,
    /// Findings below this are no drift, and are not planned for.
    pub drift_severity: Severity,
    /// Accounts selected by the sweep, of which limits in percent are computed.
    pub selected: usize,
    /// Of those, how many were unknown.
    pub unknown: usize,
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
        id: String,
        created_at: Timestamp,
        config: &Config,
        report: &Report,
        mut accounts: Vec<AccountPlan>,
        mut left_alone: Vec<LeftAlone>,
    ) -> Self {
        accounts.sort_by(|a, b| approval::order(a).cmp(&approval::order(b)));
        left_alone.sort_by(|a, b| a.account.cmp(&b.account));
        Self {
            schema: Self::SCHEMA.to_owned(),
            id,
            created_at,
            sweep: report.sweep.clone(),
            arming_code: arming_code(config),
            drift_severity: config.checks.drift_severity,
            selected: report.summary.selected,
            unknown: report.summary.states.unknown,
            accounts,
            left_alone,
        }
    }
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
    /// In this order; never empty.
    pub steps: Vec<Step>,
    /// Findings that stay, each with why it is not acted on.
    pub remaining: Vec<Remaining>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// What is sent.
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
