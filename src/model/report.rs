//! The result of a sweep, in the shape of `CONTRACT.md` section 4.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{AccountId, CheckName, Finding, ScanError, Severity, Shard, SkipReason, Verdict};

/// A whole sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `rolewarden.report/v1`.
    pub schema: &'static str,
    /// When, with what, how complete.
    pub sweep: SweepInfo,
    /// Counts.
    pub summary: Summary,
    /// Every discovered account, in account id order (and input order for equal ids).
    pub accounts: Vec<AccountReport>,
    /// Files that `check` refused, so that nothing is claimed of their accounts; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

/// A file that was not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// As it was named on the command line; `-` is stdin.
    pub file: String,
    /// Why it was refused.
    pub reason: String,
}

/// When a sweep ran and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepInfo {
    /// A ULID.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `scan` or `check`.
    pub mode: Cow<'static, str>,
    /// rolewarden's version.
    pub version: Cow<'static, str>,
    /// The baseline's name.
    pub baseline: String,
    /// SHA-256 of the baseline's canonical form, as `sha256:…`.
    pub baseline_digest: String,
    /// SHA-256 of the configuration in force, as `sha256:…`; secrets are not part of it.
    pub config_digest: String,
    /// Which part of the organization it covered; left out where that is all of it.
    #[serde(default, skip_serializing_if = "Shard::is_whole")]
    pub shard: Shard,
    /// True only if every selected account was judged and the account list is whole.
    pub complete: bool,
}

/// Counts over all accounts of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Summary {
    /// Accounts the organization (or list) has, or the shard has of them.
    pub discovered: usize,
    /// Accounts to be judged.
    pub selected: usize,
    /// Accounts left out on purpose.
    pub skipped: usize,
    /// Selected accounts by state.
    pub states: StateCounts,
    /// Findings that no exception covers, by severity.
    pub findings: FindingCounts,
    /// Findings that an exception covers, by severity.
    #[serde(default)]
    pub findings_exempt: FindingCounts,
}

/// Selected accounts by state; every state is always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StateCounts {
    pub compliant: usize,
    pub drifted: usize,
    pub exempt: usize,
    pub not_applicable: usize,
    pub unknown: usize,
}

/// Findings by severity; every severity is always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct FindingCounts {
    pub critical: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    pub info: usize,
}

/// The state of a selected account: exactly one, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Every check was read in full from one consistent snapshot and passed.
    Compliant,
    /// At least one finding at or above the configured severity that no exception covers.
    Drifted,
    /// Findings, all covered by exceptions that have not expired.
    Exempt,
    /// The role is not needed here and not there.
    NotApplicable,
    /// Not judged.
    Unknown,
}

impl AccountState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Compliant, Self::Drifted, Self::Exempt, Self::NotApplicable, Self::Unknown];

    /// The state's name in JSON, metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Drifted => "drifted",
            Self::Exempt => "exempt",
            Self::NotApplicable => "not_applicable",
            Self::Unknown => "unknown",
        }
    }
}

/// What a sweep learned about one account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountReport {
    /// The account number.
    pub id: AccountId,
    /// Its name; hostile text.
    pub name: String,
    /// Its place in the organization.
    pub path: String,
    /// What was learned.
    pub result: AccountResult,
}

/// What was learned about an account. Reports show it in the shape of [`AccountReport`]; the store keeps it as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountResult {
    /// Left out on purpose; in no state.
    Skipped(SkipReason),
    /// Not judged: neither compliant nor drifted.
    Unknown(Box<ScanError>),
    /// Judged from one consistent snapshot.
    Judged {
        /// Never `Unknown`.
        state: AccountState,
        /// The role's ARN; where it would be, when absent.
        role_arn: String,
        /// When it was read.
        checked_at: Timestamp,
        /// Verdict and details by check; one value for all accounts that have the same.
        checks: Arc<CheckResults>,
        /// Worst first.
        findings: Vec<Finding>,
    },
}

/// What the checks of one account say.
pub type CheckResults = BTreeMap<CheckName, CheckResult>;

/// One check's verdict and what else it has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The verdict.
    pub verdict: Verdict,
    /// Check-specific fields: `policies`, `extra`, `missing`, …
    #[serde(flatten)]
    pub details: BTreeMap<Cow<'static, str>, serde_json::Value>,
}

impl AccountReport {
    /// The account's state; `None` for a skipped one, which is in no state.
    pub fn state(&self) -> Option<AccountState> {
        match &self.result {
            AccountResult::Skipped(_) => None,
            AccountResult::Unknown(_) => Some(AccountState::Unknown),
            AccountResult::Judged { state, .. } => Some(*state),
        }
    }

    /// The account's findings; empty unless it was judged.
    pub fn findings(&self) -> &[Finding] {
        match &self.result {
            AccountResult::Judged { findings, .. } => findings,
            AccountResult::Skipped(_) | AccountResult::Unknown(_) => &[],
        }
    }
}

impl Serialize for AccountReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut m = serializer.serialize_map(None)?;
        m.serialize_entry("id", &self.id)?;
        m.serialize_entry("name", &self.name)?;
        m.serialize_entry("path", &self.path)?;
        match &self.result {
            AccountResult::Skipped(reason) => {
                m.serialize_entry("state", "skipped")?;
                m.serialize_entry("skip_reason", reason)?;
            }
            AccountResult::Unknown(error) => {
                m.serialize_entry("state", &AccountState::Unknown)?;
                m.serialize_entry("error", error)?;
            }
            AccountResult::Judged { state, role_arn, checked_at, checks, findings } => {
                m.serialize_entry("state", state)?;
                m.serialize_entry("role_arn", role_arn)?;
                m.serialize_entry("checked_at", checked_at)?;
                m.serialize_entry("checks", checks.as_ref())?;
                m.serialize_entry("findings", findings)?;
            }
        }
        m.end()
    }
}

impl Report {
    /// The version of the report's shape.
    pub const SCHEMA: &'static str = "rolewarden.report/v1";

    /// A report whose summary is counted from its accounts; accounts are put in id order.
    pub fn new(sweep: SweepInfo, mut accounts: Vec<AccountReport>) -> Self {
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        let summary = Summary::of(&accounts);
        Self { schema: Self::SCHEMA, sweep, summary, accounts, unread: Vec::new() }
    }

    /// With the files that were refused: a report that lacks their accounts is not complete.
    #[must_use]
    pub fn lacking(mut self, unread: Vec<Unread>) -> Self {
        self.sweep.complete = self.sweep.complete && unread.is_empty();
        self.unread = unread;
        self
    }
}

impl Summary {
    /// Counts these accounts.
    pub fn of(accounts: &[AccountReport]) -> Self {
        let mut s = Self { discovered: accounts.len(), ..Self::default() };
        for account in accounts {
            let Some(state) = account.state() else {
                s.skipped += 1;
                continue;
            };
            s.selected += 1;
            s.states.add(state);
            for finding in account.findings() {
                let counts = match &finding.exception {
                    None => &mut s.findings,
                    Some(_) => &mut s.findings_exempt,
                };
                counts.add(finding.severity);
            }
        }
        s
    }
}

impl StateCounts {
    /// Accounts in any state: every selected one.
    pub fn total(&self) -> usize {
        let Self { compliant, drifted, exempt, not_applicable, unknown } = self;
        compliant + drifted + exempt + not_applicable + unknown
    }

    /// One more account in this state.
    pub fn add(&mut self, state: AccountState) {
        *match state {
            AccountState::Compliant => &mut self.compliant,
            AccountState::Drifted => &mut self.drifted,
            AccountState::Exempt => &mut self.exempt,
            AccountState::NotApplicable => &mut self.not_applicable,
            AccountState::Unknown => &mut self.unknown,
        } += 1;
    }
}

impl FindingCounts {
    /// One more finding of this severity.
    pub fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        } += 1;
    }
}
