//! AWS in our words: read the organization, read the role. The SDK stays behind this module.

mod budget;
mod client;
mod clusters;
mod dates;
mod denied;
pub mod details;
mod document;
mod error;
mod filter;
mod guess;
mod identity;
mod lane;
mod managed;
pub(crate) mod narrow;
mod organization;
mod pace;
mod paging;
mod probe;
mod reading;
mod role;
mod session;
mod traffic;
mod tree;
mod wanted;
mod wellformed;
mod whole;
mod write;

use std::future::Future;
use std::sync::Arc;

use aws_credential_types::Credentials;

use crate::config::{Config, OwnAccount, Presence};
use crate::model::{Account, AccountId, Cluster, Partition, ScanError, UnknownReason, Write};

use client::Clients;
pub use client::Connect;
use clusters::Clusters;
use dates::Dates;
use guess::Guesses;
use identity::{Identity, Proven};
use managed::AwsManaged;
pub use probe::{Preflight, Prober, Way};
pub use reading::{ONE_MOMENT, Proof, READINGS, Reading, Taken, proved, read_proved};
use session::Sessions;
pub use traffic::{CallOutcome, Counters, DURATION_BOUNDS_MS, Operation, Sent, Traffic};

/// The accounts an organization (or a configured list) has, filters applied.
#[derive(Debug, Clone)]
pub struct Organization {
    /// The organization's id (`o-…`), where it is known.
    pub id: Option<String>,
    /// Every account, in id order, without doubles; the ones left out carry the reason.
    pub accounts: Vec<Account>,
}

/// Lists the accounts.
pub trait OrganizationReader {
    /// Every account or an error: a partial list is not the organization.
    fn read_organization(&self) -> impl Future<Output = Result<Organization, ScanError>> + Send;
}

/// Reads the role in one account.
pub trait RoleReader {
    /// The partition all accounts live in.
    fn partition(&self) -> &Partition;

    /// A sweep begins: what is the same for every account is asked for again.
    fn begin_sweep(&self) {}

    /// One complete reading of the role in this account, or an error: never a partial one.
    fn read_role(
        &self,
        account: &Account,
    ) -> impl Future<Output = Result<Reading, ScanError>> + Send;

    /// The connected clusters of this account, in all configured regions; `None` where `baseline.presence` asks for none.
    /// They may have been read before, `baseline.cluster_refresh` ago at most.
    fn read_clusters(
        &self,
        account: &Account,
    ) -> impl Future<Output = Result<Option<Vec<Cluster>>, ScanError>> + Send;

    /// As [`RoleReader::read_role`], for a role of another name.
    fn read_other_role(
        &self,
        account: &Account,
        name: &str,
    ) -> impl Future<Output = Result<Reading, ScanError>> + Send;

    /// What was sent so far.
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

/// Changes the role in one account, in two steps: between them the role is read once more, and assuming a role takes its
/// time.
pub trait RoleWriter {
    /// What one write is sent with.
    type Ready: Send + Sync;

    /// Assumes the remediation role, for this write alone. The session has the run's id as its name.
    fn prepare_write(
        &self,
        account: &Account,
        run: &str,
        write: &Write,
    ) -> impl Future<Output = Result<Self::Ready, WriteError>> + Send;

    /// Sends the write of a change, whose id a role that it makes carries. It is sent again only where AWS said that it did
    /// nothing; right before each attempt `fresh` tells whether it may still be sent.
    fn send_write(
        &self,
        ready: &Self::Ready,
        account: &Account,
        change: &str,
        write: &Write,
        fresh: &(dyn Fn() -> bool + Sync),
    ) -> impl Future<Output = Result<(), WriteError>> + Send;
}

/// Why a write did not succeed, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// AWS said no, or was never reached: nothing was written.
    #[error("{0}")]
    Refused(ScanError),
    /// The role was being changed by somebody else, or is not as it was: nothing was written, and reading again may help.
    #[error("{0}")]
    Conflict(ScanError),
    /// No answer, or one that tells nothing: it may have been written. Only reading tells.
    #[error("{0}")]
    Unknown(ScanError),
    /// Not sent: what was read before it had become too old.
    #[error("not sent: the role was read too long before")]
    Stale,
}

/// AWS itself, reached with the base credentials.
pub struct Aws {
    config: Config,
    clients: Clients,
    identity: Identity,
    sessions: Sessions,
    aws_managed: AwsManaged,
    guesses: Guesses,
    clusters: Clusters,
    proven: Proven,
    /// The policy of every account's session, but for the account's number.
    scan_policy: String,
}

impl Aws {
    /// Finds the base credentials and asks STS whose they are.
    ///
    /// # Errors
    /// No credentials, no connection, refused credentials: why nothing can be scanned, and what to do about it.
    pub async fn connect(config: &Config) -> Result<Self, ScanError> {
        Self::connect_with(config, Connect::default()).await
    }

    /// As [`Aws::connect`], with something else than the environment's endpoint and credentials.
    ///
    /// # Errors
    /// As [`Aws::connect`].
    pub async fn connect_with(config: &Config, connect: Connect) -> Result<Self, ScanError> {
        let sessions = Sessions::new(Arc::clone(&connect.counters));
        let clients = Clients::new(config, connect).await?;
        identity::base_credentials(&clients).await?;
        let identity = Identity::resolve(&clients, &Dates::default()).await?;
        Ok(Self::of(config, clients, sessions, identity))
    }

    fn of(config: &Config, clients: Clients, sessions: Sessions, identity: Identity) -> Self {
        Self {
            scan_policy: narrow::for_scan(config, &identity.partition),
            config: config.clone(),
            clients,
            identity,
            sessions,
            aws_managed: AwsManaged::default(),
            guesses: Guesses::default(),
            clusters: Clusters::default(),
            proven: Proven::default(),
        }
    }

    /// The account the base credentials live in.
    pub fn own_account(&self) -> &AccountId {
        &self.identity.account
    }

    /// The ARN of the base credentials, printable.
    pub fn caller_arn(&self) -> &str {
        &self.identity.arn
    }

    /// Reads, and once more with a new session where the kept one had ended. Where the own account refuses, it is the base
    /// credentials that need the permission.
    async fn renewed<T, F>(&self, account: &Account, read: impl Fn() -> F) -> Result<T, ScanError>
    where
        F: Future<Output = Result<T, ScanError>>,
    {
        let done = match read().await {
            Err(error) if error::is_expired(&error) => {
                self.forget_session(account);
                read().await
            }
            done => done,
        };
        done.map_err(|error| match (error.reason, error.operation.clone()) {
            (UnknownReason::AccessDenied, Some(operation)) if self.is_direct(&account.id) => error.hint(format!(
                "allow `{operation}` to the base credentials `{}` (`rolewarden iam hub` prints their policy), or set `access.own_account: assume`",
                self.identity.arn
            )),
            _ => error,
        })
    }

    /// What this account is read with.
    async fn credentials(&self, account: &Account) -> Result<Credentials, ScanError> {
        match self.is_direct(&account.id) {
            true => identity::base_credentials(&self.clients).await,
            false => self.scan_session(account).await,
        }
    }

    /// Whether this account is read with the base credentials.
    fn is_direct(&self, account: &AccountId) -> bool {
        self.config.access.own_account == OwnAccount::Direct && *account == self.identity.account
    }
}

impl OrganizationReader for Aws {
    async fn read_organization(&self) -> Result<Organization, ScanError> {
        organization::read(self).await
    }
}

impl RoleReader for Aws {
    fn partition(&self) -> &Partition {
        &self.identity.partition
    }

    fn begin_sweep(&self) {
        self.aws_managed.begin_sweep();
    }

    async fn read_role(&self, account: &Account) -> Result<Reading, ScanError> {
        let name = &self.config.baseline.role_name;
        self.renewed(account, || self.read_snapshot(account, name)).await
    }

    async fn read_clusters(&self, account: &Account) -> Result<Option<Vec<Cluster>>, ScanError> {
        match self.config.baseline.presence {
            Presence::Required | Presence::Optional | Presence::Forbidden => Ok(None),
            Presence::WhenConnected => self.connected_clusters(account).await.map(Some),
        }
    }

    async fn read_other_role(&self, account: &Account, name: &str) -> Result<Reading, ScanError> {
        self.renewed(account, || self.read_snapshot(account, name)).await
    }

    fn traffic(&self) -> Traffic {
        self.clients.lanes().traffic()
    }
}
