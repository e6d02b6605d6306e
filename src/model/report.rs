//! The result of a sweep, in the shape of `CONTRACT.md` section 4.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{
    AccountId, CheckName, Finding, ScanError, Severity, SkipReason, UnknownReason, Verdict,
};

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
}

/// When a sweep ran and with what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepInfo {
    /// A ULID.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `scan` or `check`.
    pub mode: &'static str,
    /// rolewarden's version.
    pub version: &'static str,
    /// The baseline's name.
    pub baseline: String,
    /// SHA-256 of the baseline's canonical form, as `sha256:…`.
    pub baseline_digest: String,
    /// SHA-256 of the configuration in force, as `sha256:…`; secrets are not part of it.
    pub config_digest: String,
    /// True only if every selected account was judged and the account list is whole.
    pub complete: bool,
}

/// Counts over all accounts of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Summary {
    /// Accounts the organization (or list) has.
    pub discovered: usize,
    /// Accounts to be judged.
    pub selected: usize,
    /// Accounts left out on purpose.
    pub skipped: usize,
    /// Selected accounts by state.
    pub states: StateCounts,
    /// Findings that no exception covers, by severity.
    pub findings: FindingCounts,
}

/// Selected accounts by state; every state is always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct StateCounts {
    pub compliant: usize,
    pub drifted: usize,
    pub exempt: usize,
    pub not_applicable: usize,
    pub unknown: usize,
}

/// Findings by severity; every severity is always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct FindingCounts {
    pub critical: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    pub info: usize,
}

/// The state of a selected account: exactly one, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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

/// What was learned about an account.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckResult {
    /// The verdict.
    pub verdict: Verdict,
    /// Check-specific fields: `policies`, `extra`, `missing`, …
    #[serde(flatten)]
    pub details: BTreeMap<&'static str, serde_json::Value>,
}

/// The `error` object of an unknown account.
#[derive(Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ErrorReport<'a> {
    pub reason: UnknownReason,
    pub operation: Option<&'a str>,
    pub code: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub message: &'a str,
    pub hint: Option<&'a str>,
}

impl<'a> From<&'a ScanError> for ErrorReport<'a> {
    fn from(e: &'a ScanError) -> Self {
        Self {
            reason: e.reason,
            operation: e.operation.as_deref(),
            code: e.code.as_deref(),
            request_id: e.request_id.as_deref(),
            message: &e.message,
            hint: e.hint.as_deref(),
        }
    }
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
                m.serialize_entry("error", &ErrorReport::from(error.as_ref()))?;
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
        Self { schema: Self::SCHEMA, sweep, summary, accounts }
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
            *match state {
                AccountState::Compliant => &mut s.states.compliant,
                AccountState::Drifted => &mut s.states.drifted,
                AccountState::Exempt => &mut s.states.exempt,
                AccountState::NotApplicable => &mut s.states.not_applicable,
                AccountState::Unknown => &mut s.states.unknown,
            } += 1;
            for finding in account.findings().iter().filter(|f| f.exception.is_none()) {
                *match finding.severity {
                    Severity::Critical => &mut s.findings.critical,
                    Severity::High => &mut s.findings.high,
                    Severity::Medium => &mut s.findings.medium,
                    Severity::Low => &mut s.findings.low,
                    Severity::Info => &mut s.findings.info,
                } += 1;
            }
        }
        s
    }
}
