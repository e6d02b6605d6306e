//! AWS in our words: read the organization, read the role. The SDK stays behind this module.

use std::future::Future;

use crate::model::{Account, Partition, ScanError, Snapshot};

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

    /// One complete snapshot of the role in this account, or an error: never a partial one.
    fn read_role(
        &self,
        account: &Account,
    ) -> impl Future<Output = Result<Snapshot, ScanError>> + Send;
}
