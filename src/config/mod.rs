//! Configuration: a strict YAML file, every mistake reported at once with its place, then a type that needs no second look.

mod calendar;
mod combine;
mod exception;
pub(crate) mod file;
mod kinds;
mod load;
mod path;
mod reader;
mod reference;
mod secret;
mod sections;
mod selector;
mod summary;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

pub(crate) use calendar::Calendar;
pub use exception::{Acceptance, Attribute, Covers, Exception, Principal};
pub(crate) use kinds::duration;
pub use load::{EXAMPLE, schema};
pub use reference::reference;
pub use selector::{Candidate, Match, Selector};
pub use summary::check_report;

use crate::model::{AccountId, Action, CheckName, RoleArn, Severity, Shard};

/// The configuration in force, validated.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// Which accounts.
    pub accounts: Accounts,
    /// How they are reached.
    pub access: Access,
    /// What the role should be.
    pub baseline: BaselineConfig,
    /// Which checks, how severe.
    pub checks: Checks,
    /// What is accepted beside the baseline, until when.
    pub exceptions: Vec<Exception>,
    /// How a sweep runs.
    pub sweep: SweepConfig,
    /// How rolewarden logs.
    pub log: LogConfig,
    /// Remediation of drift.
    #[serde(skip)]
    pub remediation: Remediation,
    /// Where `serve` keeps its memory.
    #[serde(skip)]
    pub store: StoreConfig,
    /// Page, metrics and API of `serve`.
    #[serde(skip)]
    pub web: WebConfig,
    /// Which part of the organization is this process's. No key: flags or the environment say it, and the file is the same
    /// for all shards.
    #[serde(skip)]
    pub shard: Shard,
    /// SHA-256 of the configuration with its defaults, as `sha256:…`; secrets, and what only `serve`
    /// reads, are not part of it.
    #[serde(skip)]
    pub digest: String,
    /// The same of what a judgement depends on alone: the organization's id, the baseline, the checks and the exceptions.
    #[serde(skip)]
    pub rules: String,
    /// Keys that let something dangerous pass, each as a line with its place.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl Config {
    /// Every set of accounts it names: what is scanned, what may be put right, what is excused.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let scanned = [&self.accounts.include, &self.accounts.exclude];
        let written = [&self.remediation.include, &self.remediation.exclude];
        let excused = self.exceptions.iter().map(|exception| &exception.accounts);
        scanned.into_iter().chain(written).chain(excused)
    }
}

/// Which accounts.
#[derive(Debug, Clone, Serialize)]
pub struct Accounts {
    /// Where the list comes from.
    pub source: AccountSource,
    /// The organization's id, where it is written down.
    pub organization_id: Option<String>,
    /// Assumed first for Organizations calls: a role in the management or a delegated administrator account.
    #[serde(serialize_with = "as_texts")]
    pub organization_role_arn: Option<RoleArn>,
    /// Only these; empty means everything.
    pub include: Selector,
    /// Never these.
    pub exclude: Selector,
    /// Whether the management account is scanned.
    pub management_account: ManagementAccount,
    /// Time from one listing of the organization to the next (serve).
    #[serde(skip)]
    pub refresh: Duration,
    /// A list of the organization with fewer accounts is not believed.
    pub at_least: Option<usize>,
}

/// Where the account list comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum AccountSource {
    /// `organizations:ListAccounts`.
    Organization,
    /// Named in the file: id and name. Never empty.
    List(Vec<(AccountId, String)>),
}

/// Whether the management account is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ManagementAccount {
    /// Scanned like any other.
    Include,
    /// Counted as skipped.
    Skip,
}

/// How accounts are reached.
#[derive(Debug, Clone, Serialize)]
pub struct Access {
    /// Role name (with path) in every member account.
    pub scan_role: String,
    /// The role remediation assumes; never assumed by a scan.
    pub remediate_role: String,
    /// Roles assumed on the way, in order.
    #[serde(serialize_with = "as_texts")]
    pub via: Vec<RoleArn>,
    /// Sent with every AssumeRole into a member account. Secret: not part of the digest, never printed.
    pub external_id: Option<Secret>,
    /// Session name, as the member's CloudTrail shows it.
    pub session_name: String,
    /// Session length asked for: 15 minutes to 12 hours (1 hour at most when chaining).
    pub session_duration: Duration,
    /// Whether each session is narrowed to the calls of its step.
    pub session_policy: SessionPolicy,
    /// How the account that the base credentials live in is read.
    pub own_account: OwnAccount,
    /// Per account.
    pub overrides: BTreeMap<AccountId, AccessOverride>,
    /// STS region; also the SDK's region.
    pub region: Option<String>,
}

/// Whether sessions are narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum SessionPolicy {
    /// To the calls of the step.
    Narrow,
    /// Not at all.
    None,
}

/// How the account of the base credentials is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OwnAccount {
    /// With the base credentials.
    Direct,
    /// Through the scan role like any other.
    Assume,
}

/// What differs for one account.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AccessOverride {
    /// The whole ARN of the role to assume.
    #[serde(serialize_with = "as_texts")]
    pub scan_role_arn: Option<RoleArn>,
    /// The whole ARN of the role remediation assumes.
    #[serde(serialize_with = "as_texts")]
    pub remediate_role_arn: Option<RoleArn>,
    /// Its external id.
    pub external_id: Option<Secret>,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// ARNs as texts, for the digest.
fn as_texts<'a, S: Serializer, I>(arns: &'a I, serializer: S) -> Result<S::Ok, S::Error>
where
    &'a I: IntoIterator<Item = &'a RoleArn>,
{
    serializer.collect_seq(arns.into_iter().map(ToString::to_string))
}

/// What the role should be.
#[derive(Debug, Clone, Serialize)]
pub struct BaselineConfig {
    /// The role's exact name.
    pub role_name: String,
    /// Its path, `/` by default.
    pub path: String,
    /// Text of the trust policy document.
    pub trust_policy: String,
    /// Text of the inline policy document.
    pub inline_policy: String,
    /// Name under which the inline policy is put, and guessed first when reading.
    pub inline_policy_name: String,
    /// Whether the role must be there.
    pub presence: Presence,
    /// Service principal that replaces `ssm.amazonaws.com` in the baseline, by partition.
    pub service_principals: BTreeMap<String, String>,
    /// Longest `MaxSessionDuration` the role may have.
    pub max_session_duration: Duration,
    /// ARN of the permissions boundary it must have; `${rolewarden:account_id}` is replaced. `None`: must have none required.
    pub permissions_boundary: Option<String>,
    /// Tags it must carry.
    pub required_tags: BTreeMap<String, String>,
    /// Where connected clusters are looked for; not empty exactly when `presence` asks for them.
    pub regions: BTreeSet<String>,
    /// How long what EKS said of an account is used again.
    pub cluster_refresh: Duration,
}

/// Whether the role must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Presence {
    /// Its absence is drift.
    Required,
    /// Its absence is `not_applicable`.
    Optional,
    /// Its absence is drift where a cluster is connected, and `not_applicable` elsewhere.
    WhenConnected,
    /// Its presence is drift.
    Forbidden,
}

/// Which checks run and how severe their findings are.
#[derive(Debug, Clone, Serialize)]
pub struct Checks {
    /// Checks that are switched off.
    pub disabled: BTreeSet<CheckName>,
    /// Severity that replaces the computed one.
    pub severity: BTreeMap<CheckName, Severity>,
    /// Findings below this do not make an account `drifted`.
    pub drift_severity: Severity,
    /// `inline-policy`: permissions delivered by an attached managed policy are fine.
    pub accept_managed: bool,
    /// `attached-policies`: must be attached (ARNs).
    pub required_attachments: BTreeSet<String>,
    /// `attached-policies`: may be attached (ARNs).
    pub allowed_attachments: BTreeSet<String>,
    /// `trust-policy`: condition keys (folded to lower case) accepted as hardening.
    pub accept_conditions: BTreeSet<String>,
}

/// Remediation of drift: which actions may be taken, where, and how many at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remediation {
    /// Whether anything is done.
    pub mode: RemediationMode,
    /// The actions that rolewarden may take.
    pub actions: BTreeSet<Action>,
    /// What is left to people unless it is named here.
    pub act_on: BTreeSet<Doubt>,
    /// Only in these accounts; empty means all selected ones.
    pub include: Selector,
    /// Never in these.
    pub exclude: Selector,
    /// Accounts changed in one run, at most; 0: none. It is the organization's: a shard has its part of it.
    pub max_accounts: u32,
    /// Percent of the selected accounts changed in one run, at most, rounded up; 0: none.
    pub max_percent: u32,
    /// Time from one write to the next, at least.
    pub write_interval: Duration,
    /// How long a finding must have been open before it is acted on (serve).
    pub grace: Duration,
    /// Nothing is done when more than this percentage of the selected accounts is unknown.
    pub max_unknown_percent: u32,
    /// An account that was put right this often within a day is left alone until a day has passed.
    pub flapping_after: u32,
    /// The breaker opens after this many failures in a row.
    pub breaker_failures: u32,
    /// The breaker opens when more than this percentage of a run's accounts failed, counted from ten accounts on.
    pub breaker_percent: u32,
    /// How long a change may take to be seen.
    pub verify_timeout: Duration,
    /// While this file exists, nothing is written. Found from the folder of the configuration file.
    pub kill_switch: Option<PathBuf>,
}

/// Whether drift is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemediationMode {
    /// No.
    Off,
    /// It is planned, and nothing is done.
    Plan,
    /// Yes, where a person has armed it.
    Apply,
}

impl RemediationMode {
    /// The name in configuration and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// What rolewarden leaves to people unless `remediation.act_on` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The document is not one strict policy document.
    Invalid,
    /// The comparison was not decided.
    Undecided,
    /// A document that holds an explicit Deny which the baseline lacks.
    Deny,
    /// A document that holds a condition which the baseline lacks, or policies narrowed to where the connector works.
    Conditional,
}

impl Default for Remediation {
    fn default() -> Self {
        Self {
            mode: RemediationMode::Off,
            actions: [Action::UpdateTrustPolicy, Action::PutInlinePolicy].into(),
            act_on: BTreeSet::new(),
            include: Selector::default(),
            exclude: Selector::default(),
            max_accounts: 10,
            max_percent: 1,
            write_interval: Duration::from_secs(1),
            grace: Duration::from_secs(15 * 60),
            max_unknown_percent: 5,
            flapping_after: 3,
            breaker_failures: 3,
            breaker_percent: 5,
            verify_timeout: Duration::from_secs(60),
            kill_switch: None,
        }
    }
}

/// How a sweep runs.
#[derive(Debug, Clone, Serialize)]
pub struct SweepConfig {
    /// Accounts in flight.
    pub concurrency: usize,
    /// Deadline of one account.
    pub account_timeout: Duration,
    /// Deadline of one attempt of one call.
    pub attempt_timeout: Duration,
    /// Attempts of one call, the first included.
    pub max_attempts: u32,
    /// When sweeps run (serve).
    #[serde(skip)]
    pub schedule: Schedule,
    /// Age at which a judgement holds no more; `None`: twice the time between sweeps.
    #[serde(skip)]
    pub stale_after: Option<Duration>,
}

/// When sweeps run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The times.
    pub when: When,
    /// Longest random delay of a start.
    pub jitter: Duration,
}

/// The times sweeps start at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// From the start of one to the start of the next.
    Every(Duration),
    /// By the calendar.
    Cron {
        /// Five fields.
        pattern: String,
        /// An IANA time zone.
        timezone: String,
    },
}

/// Where `serve` keeps its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database file, found from the folder of the configuration file; a flag's from the working directory.
    pub path: PathBuf,
    /// What named it.
    pub named_by: NamedBy,
    /// How long history is kept.
    pub retention: Duration,
}

impl StoreConfig {
    /// Takes the path that a flag names instead.
    pub fn take_flag(&mut self, path: &Path) {
        self.path = path.to_owned();
        self.named_by = NamedBy::Flag;
    }
}

/// What named a file, for errors about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedBy {
    /// Nothing: it is the default.
    Default,
    /// The key, at this `file:line:column`.
    Key(String),
    /// The flag.
    Flag,
}

impl std::fmt::Display for NamedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("the default of store.path"),
            Self::Key(place) => write!(f, "store.path at {place}"),
            Self::Flag => f.write_str("named by --store"),
        }
    }
}

/// Page, metrics and API of `serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// TLS and basic auth: a file of exporter-toolkit's shape.
    pub config_file: Option<PathBuf>,
    /// Needed for POST; without one there is none.
    pub token: Option<Secret>,
    /// Another address than loopback is fine without TLS.
    pub insecure_bind: bool,
    /// Host names that requests may be for, in lower case.
    pub hosts: BTreeSet<String>,
    /// Accounts with metrics of their own.
    pub max_account_series: usize,
    /// Findings with metrics of their own.
    pub max_finding_series: usize,
}

/// How rolewarden logs.
#[derive(Debug, Clone, Serialize)]
pub struct LogConfig {
    /// Text or JSON.
    pub format: LogFormat,
    /// An `EnvFilter` directive.
    pub level: String,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// The configuration could not be used; every mistake that was found.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct ConfigError {
    /// One line each: `file:line:column: key: what is wrong, what was expected`.
    pub problems: Vec<String>,
}
