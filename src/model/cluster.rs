//! Clusters connected through the EKS Connector, and the roles that they name.

use std::collections::BTreeMap;

use super::Snapshot;

/// A connected cluster. All of it is text from the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cluster {
    /// The region it is registered in.
    pub region: String,
    /// Its name, unique in the region.
    pub name: String,
    /// The role its agent works with (`connectorConfig.roleArn`), as EKS tells it; empty where it tells none.
    pub role_arn: String,
    /// As `ACTIVE`, or `PENDING` where the agent has not come yet.
    pub status: String,
}

/// How one account uses the connector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Every connected cluster in the configured regions.
    pub clusters: Vec<Cluster>,
    /// The roles of this account that clusters name beside the expected one, by name.
    pub roles: BTreeMap<String, Snapshot>,
}
