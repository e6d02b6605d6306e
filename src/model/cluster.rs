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

/// The role through which EKS itself works with the connector: only its service changes it.
pub const LINKED_ROLE: &str = "AWSServiceRoleForAmazonEKSConnector";

/// The service that [`LINKED_ROLE`] is linked to.
pub const LINKED_SERVICE: &str = "eks-connector.amazonaws.com";

/// The path of the roles that are linked to a service.
pub fn linked_path(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

/// What is known of one account beside its role: how it uses the connector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Every connected cluster in the configured regions; `None`: nobody asked.
    pub clusters: Option<Vec<Cluster>>,
    /// The roles of this account that were read beside the expected one, by name: those that clusters name, and
    /// [`LINKED_ROLE`] where the checks want it.
    pub roles: BTreeMap<String, Snapshot>,
}
