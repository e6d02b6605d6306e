//! Session policies: what a session may do is cut to the calls of its step. Pure.

use serde_json::{Value, json};

use crate::config::{Config, Presence};
use crate::model::{
    AccountId, Action, CheckName, LINKED_ROLE, LINKED_SERVICE, Partition, Write, linked_path,
};

/// Stands for the account's number in [`for_scan`]; no name of a role has such a text in it.
const ACCOUNT: &str = "{account}";

/// Every Organizations call that listing may need.
const LISTING: [&str; 6] = [
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListAccountsForParent",
    "organizations:ListTagsForResource",
];

/// Whether documents of managed policies are read.
pub(super) fn reads_managed(config: &Config) -> bool {
    !config.checks.disabled.contains(&CheckName::EffectivePermissions)
}

fn looks_at_clusters(config: &Config) -> bool {
    config.baseline.presence == Presence::WhenConnected
}

/// Whether the service-linked role is read: to judge it, or to see that it was made.
fn reads_linked(config: &Config) -> bool {
    !config.checks.disabled.contains(&CheckName::ServiceLinkedRole)
        || config.remediation.actions.contains(&Action::CreateServiceLinkedRole)
}

/// Reading the one role of one account, whose number [`in_account`] puts in; at most 2,048 characters, which is what STS
/// accepts.
pub(super) fn for_scan(config: &Config, partition: &Partition) -> String {
    let name = &config.baseline.role_name;
    let mut statements = vec![allow(
        json!([
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListRolePolicies",
            "iam:ListAttachedRolePolicies"
        ]),
        match looks_at_clusters(config) {
            false => {
                let at = |role: String| format!("arn:{partition}:iam::{ACCOUNT}:role{role}");
                let mut roles = vec![at(format!("/{name}")), at(format!("/*/{name}"))];
                if reads_linked(config) {
                    // IAM does not know the path of a role that is not there.
                    let path = linked_path(LINKED_SERVICE);
                    roles.extend([format!("/{LINKED_ROLE}"), path + LINKED_ROLE].map(at));
                }
                json!(roles)
            }
            // A cluster may name any role.
            true => json!(format!("arn:{partition}:iam::{ACCOUNT}:role/*")),
        },
    )];
    if looks_at_clusters(config) {
        statements.push(allow(json!("eks:ListClusters"), json!("*")));
        let clusters = format!("arn:{partition}:eks:*:{ACCOUNT}:cluster/*");
        statements.push(allow(json!("eks:DescribeCluster"), json!(clusters)));
    }
    if reads_managed(config) {
        statements.push(allow(
            json!(["iam:GetPolicy", "iam:GetPolicyVersion"]),
            json!([
                format!("arn:{partition}:iam::aws:policy/*"),
                format!("arn:{partition}:iam::{ACCOUNT}:policy/*")
            ]),
        ));
    }
    document(&statements)
}

/// The policy of one account's session.
pub(super) fn in_account(for_scan: &str, account: &AccountId) -> String {
    for_scan.replace(ACCOUNT, account.as_str())
}

/// One write to the one role of one account. The role is named with every path it may have, because only a new one's is
/// known.
pub(super) fn for_write(
    role_name: &str,
    partition: &Partition,
    account: &AccountId,
    write: &Write,
) -> String {
    let at = |path: &str, name: &str| format!("arn:{partition}:iam::{account}:role{path}{name}");
    let the_role = || json!([at("/", role_name), at("/*/", role_name)]);
    let only = |action: &str, key: &str, arn: &str| json!({"Effect": "Allow", "Action": action, "Resource": the_role(), "Condition": {"ArnEquals": {key: arn}}});
    let statement = match write {
        Write::CreateRole { path, tags, .. } => {
            let mut actions = vec!["iam:CreateRole"];
            actions.extend((!tags.is_empty()).then_some("iam:TagRole"));
            allow(json!(actions), json!(at(path, role_name)))
        }
        Write::DeleteRole => allow(json!("iam:DeleteRole"), the_role()),
        Write::UpdateTrustPolicy { .. } => allow(json!("iam:UpdateAssumeRolePolicy"), the_role()),
        Write::PutInlinePolicy { .. } => allow(json!("iam:PutRolePolicy"), the_role()),
        Write::DeleteInlinePolicy { .. } => allow(json!("iam:DeleteRolePolicy"), the_role()),
        Write::AttachManagedPolicy { arn } => only("iam:AttachRolePolicy", "iam:PolicyARN", arn),
        Write::DetachManagedPolicy { arn } => only("iam:DetachRolePolicy", "iam:PolicyARN", arn),
        Write::PutPermissionsBoundary { arn } => {
            only("iam:PutRolePermissionsBoundary", "iam:PermissionsBoundary", arn)
        }
        Write::DeletePermissionsBoundary => {
            allow(json!("iam:DeleteRolePermissionsBoundary"), the_role())
        }
        Write::CreateServiceLinkedRole { service } => {
            allow(json!("iam:CreateServiceLinkedRole"), json!(at(&linked_path(service), "*")))
        }
    };
    document(&[statement])
}

/// Nothing at all: for a session that is only asked for to see whether it is given.
pub(super) fn for_nothing() -> String {
    document(&[json!({"Effect": "Deny", "Action": "*", "Resource": "*"})])
}

/// Listing the organization.
pub(super) fn for_organization() -> String {
    document(&[allow(json!(LISTING), json!("*"))])
}

fn allow(action: Value, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}
