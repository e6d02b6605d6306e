//! What a preflight asks, and what it was told.

use jiff::Timestamp;
use serde::Serialize;

use super::source::Variables;
use crate::config::{AccountSource, Config, RemediationMode};
use crate::model::{Account, AccountId, ScanError};

/// What AWS said to one call: it may be made, or why not. That what it asks for does not exist is a yes.
pub type Answer = Result<(), ScanError>;

/// What of the configuration the report speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Name, with path, of the role that reads.
    pub scan_role: String,
    /// Name, with path, of the role that writes.
    pub remediate_role: String,
    /// Whether it is asked for.
    pub asks_remediation: bool,
    /// Roles assumed on the way.
    pub via: Vec<String>,
    /// The role assumed for Organizations calls.
    pub organization_role: Option<String>,
    /// The accounts come from the configuration.
    pub listed: bool,
    /// `access.region`.
    pub region: Option<String>,
    /// Some account's roles ask for an external id.
    pub external_id: bool,
}

impl Setup {
    /// As the configuration says; `remediation` asks for that role whatever its mode is.
    pub fn of(config: &Config, remediation: bool) -> Self {
        let access = &config.access;
        Self {
            scan_role: access.scan_role.clone(),
            remediate_role: access.remediate_role.clone(),
            asks_remediation: remediation || config.remediation.mode != RemediationMode::Off,
            via: access.via.iter().map(ToString::to_string).collect(),
            organization_role: config
                .accounts
                .organization_role_arn
                .as_ref()
                .map(ToString::to_string),
            listed: matches!(config.accounts.source, AccountSource::List(_)),
            region: access.region.clone(),
            external_id: access.external_id.is_some()
                || access.overrides.values().any(|over| over.external_id.is_some()),
        }
    }
}

/// Everything one preflight was told; what was not reached is `None`.
#[derive(Debug)]
pub struct Facts {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The configuration file.
    pub config_path: String,
    /// What is in it, or its mistakes.
    pub setup: Result<Setup, String>,
    /// The base credentials.
    pub base: Option<BaseFacts>,
    /// The way to the accounts, and their list.
    pub organization: Option<OrganizationFacts>,
    /// The accounts.
    pub accounts: Vec<(Account, Asked)>,
    /// It was stopped before all were asked.
    pub stopped: bool,
}

/// What was learned before any account.
#[derive(Debug, Clone)]
pub struct BaseFacts {
    /// The region that calls go to.
    pub region: String,
    /// Endpoints that are not AWS's own: the variable or setting, and the address.
    pub endpoints: Vec<(String, String)>,
    /// Variables of the environment that decide on credentials and region.
    pub variables: Variables,
    /// The credentials that were found.
    pub credentials: Result<CredentialFacts, ScanError>,
    /// Whose they are; `None` without any.
    pub identity: Option<Result<IdentityFacts, ScanError>>,
    /// Seconds that AWS's clock is ahead of this machine's; `None` when no answer told.
    pub clock_ahead_seconds: Option<i64>,
}

/// What gave the base credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Variables of the environment.
    Environment,
    /// A profile of the shared files.
    Profile,
    /// A profile that signs in by SSO.
    ProfileSso,
    /// A profile that runs a program.
    ProfileProcess,
    /// A profile that assumes a role.
    ProfileRole,
    /// A web identity token, as IRSA has it.
    WebIdentity,
    /// EKS Pod Identity.
    PodIdentity,
    /// The endpoint of an ECS task or another container.
    Container,
    /// The metadata service of an EC2 instance.
    Instance,
    /// None of these.
    Other,
}

/// The base credentials, without anything secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialFacts {
    /// What gave them.
    pub provider: Provider,
    /// When they end; `None` where nothing tells.
    pub ends: Option<Timestamp>,
    /// They carry a session token.
    pub temporary: bool,
}

/// Whose the base credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFacts {
    /// Their ARN, printable.
    pub arn: String,
    /// The account they live in.
    pub account: AccountId,
    /// The partition.
    pub partition: String,
}

/// The way to the accounts.
#[derive(Debug, Clone)]
pub struct OrganizationFacts {
    /// `accounts.organization_role_arn`, if there is one.
    pub role: Option<Answer>,
    /// `access.via`, if there are any.
    pub via: Option<Answer>,
    /// Each Organizations call that the configuration needs.
    pub calls: Vec<CallFact>,
    /// How many accounts there are and how many are selected; or why they are not known.
    pub listing: Result<(usize, usize), ScanError>,
}

/// One call by itself.
#[derive(Debug, Clone)]
pub struct CallFact {
    /// As `organizations:ListRoots`.
    pub operation: &'static str,
    /// What was said.
    pub answer: Answer,
}

/// What became of one account.
#[derive(Debug, Clone)]
pub enum Asked {
    /// It is left out, for the reason that the account carries.
    LeftOut,
    /// It was not asked: something before it failed, or the preflight was stopped.
    Not,
    /// It was asked.
    Told(Box<AccountFacts>),
}

/// What one account said.
#[derive(Debug, Clone, Default)]
pub struct AccountFacts {
    /// The scan role; `None` where the base credentials read.
    pub scan_role: Option<Assumed>,
    /// Each read by itself; none where the scan role could not be assumed.
    pub reads: Vec<ReadFact>,
    /// The remediation role; `None` where it is not asked for.
    pub remediate_role: Option<Assumed>,
}

/// A role that was to be assumed.
#[derive(Debug, Clone)]
pub struct Assumed {
    /// Whether it was.
    pub answer: Answer,
    /// The same without the configured external id, which must be refused; `None` where there is none, or where the role
    /// could not be assumed at all.
    pub without_external_id: Option<Answer>,
}

/// One read, and what was said to it.
#[derive(Debug, Clone)]
pub struct ReadFact {
    /// Which.
    pub read: Read,
    /// What was said.
    pub answer: Answer,
}

/// A call that a scan makes in an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// As `iam:GetRole`.
    pub operation: &'static str,
    /// What it reads.
    pub subject: Subject,
}

/// What a read is about: policies may allow one and not the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The role that is judged.
    Role,
    /// The service-linked role of the connector.
    LinkedRole,
    /// A role that a connected cluster names.
    ClusterRole,
    /// A managed policy of AWS.
    AwsPolicy,
    /// A managed policy of the account.
    AccountPolicy,
    /// The clusters of a region.
    Clusters {
        /// The region.
        region: String,
    },
}

impl Subject {
    /// The subject in words.
    pub fn words(&self) -> String {
        match self {
            Self::Role => "the role".to_owned(),
            Self::LinkedRole => "the service-linked role".to_owned(),
            Self::ClusterRole => "roles that clusters name".to_owned(),
            Self::AwsPolicy => "policies of AWS".to_owned(),
            Self::AccountPolicy => "policies of the account".to_owned(),
            Self::Clusters { region } => format!("clusters in {region}"),
        }
    }
}
