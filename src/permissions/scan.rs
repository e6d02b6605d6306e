//! The role that reads: one role in its account, and what that role carries.

use super::{Document, Statement, looks_at_clusters, reads_linked, reads_managed};
use crate::config::Config;
use crate::model::{LINKED_ROLE, LINKED_SERVICE, Partition, linked_path};

/// What a scan calls in a member account. `account` is what stands for its number in ARNs: [`super::EVERY_ACCOUNT`] in the
/// policy of the role, the number itself in a session's.
pub fn scan(config: &Config, partition: &Partition, account: &str) -> Document {
    let name = &config.baseline.role_name;
    let at = |role: &str| format!("arn:{partition}:iam::{account}:role{role}");
    let roles = match looks_at_clusters(config) {
        // A cluster may name any role.
        true => vec![at("/*")],
        false => {
            let mut roles = vec![at(&format!("/{name}")), at(&format!("/*/{name}"))];
            if reads_linked(config) {
                // IAM does not know the path of a role that is not there.
                let path = linked_path(LINKED_SERVICE);
                roles.extend([at(&format!("/{LINKED_ROLE}")), at(&(path + LINKED_ROLE))]);
            }
            roles
        }
    };
    let mut statements = vec![Statement::allow(
        "ReadTheRole",
        [
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies",
        ],
        roles,
    )];
    if looks_at_clusters(config) {
        let clusters = format!("arn:{partition}:eks:*:{account}:cluster/*");
        statements.extend([
            Statement::allow("ListClusters", ["eks:ListClusters"], ["*".to_owned()]),
            Statement::allow("DescribeClusters", ["eks:DescribeCluster"], [clusters]),
        ]);
    }
    if reads_managed(config) {
        statements.push(Statement::allow(
            "ReadPoliciesAttachedToIt",
            ["iam:GetPolicy", "iam:GetPolicyVersion"],
            [
                format!("arn:{partition}:iam::aws:policy/*"),
                format!("arn:{partition}:iam::{account}:policy/*"),
            ],
        ));
    }
    Document(statements)
}
