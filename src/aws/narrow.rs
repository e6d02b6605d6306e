//! Session policies: what a session may do is cut to the calls of its step. Pure.

use crate::config::Config;
use crate::model::{AccountId, Partition, RoleArn, Write, linked_path};
use crate::permissions::{
    Document, Statement, calls_of, enter, in_every_account, listing, literal, scan,
};

/// Stands for the account's number in [`for_scan`]; no name of a role has such a text in it.
const ACCOUNT: &str = "{account}";

/// Reading the one role of one account, whose number [`in_account`] puts in; at most 2,048 characters, which is what STS
/// accepts.
pub(crate) fn for_scan(config: &Config, partition: &Partition) -> String {
    scan(config, partition, ACCOUNT).short()
}

/// The policy of one account's session.
pub(crate) fn in_account(for_scan: &str, account: &AccountId) -> String {
    for_scan.replace(ACCOUNT, account.as_str())
}

/// One write to the one role of one account. The role is named with every path it may have, because only a new one's is
/// known.
pub(crate) fn for_write(
    role_name: &str,
    partition: &Partition,
    account: &AccountId,
    write: &Write,
) -> String {
    let at = |path: &str, name: &str| format!("arn:{partition}:iam::{account}:role{path}{name}");
    let resources = match write {
        Write::CreateRole { path, .. } => vec![at(&literal(path), role_name)],
        Write::CreateServiceLinkedRole { service } => vec![at(&linked_path(service), "*")],
        Write::DeleteRole
        | Write::UpdateTrustPolicy { .. }
        | Write::PutInlinePolicy { .. }
        | Write::DeleteInlinePolicy { .. }
        | Write::AttachManagedPolicy { .. }
        | Write::DetachManagedPolicy { .. }
        | Write::PutPermissionsBoundary { .. }
        | Write::DeletePermissionsBoundary => vec![at("/", role_name), at("/*/", role_name)],
    };
    let statement = Statement::allow("", calls_of(write), resources);
    let only = match write {
        Write::AttachManagedPolicy { arn } | Write::DetachManagedPolicy { arn } => {
            statement.only_if("ArnEquals", "iam:PolicyARN", [arn.clone()])
        }
        Write::PutPermissionsBoundary { arn } => {
            statement.only_if("ArnEquals", "iam:PermissionsBoundary", [arn.clone()])
        }
        Write::CreateRole { .. }
        | Write::DeleteRole
        | Write::UpdateTrustPolicy { .. }
        | Write::PutInlinePolicy { .. }
        | Write::DeleteInlinePolicy { .. }
        | Write::DeletePermissionsBoundary
        | Write::CreateServiceLinkedRole { .. } => statement,
    };
    Document(vec![only]).short()
}

/// Entering the next role on the way, and no other. Tags that the hub's session carries (EKS Pod Identity sets them) go with
/// every link, so a link may pass them on as well: without, STS would refuse the next one.
pub(super) fn for_link(next: &Next) -> String {
    let role = match next {
        Next::Role(role) => literal(&role.to_string()),
        Next::EveryAccount { partition, role } => in_every_account(partition, role),
    };
    Document(vec![enter("", vec![role], true)]).short()
}

/// What a session on the way enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// This role.
    Role(RoleArn),
    /// The role of this name, perhaps with a path, in whichever account: one session serves all of a sweep.
    EveryAccount {
        /// Of every account.
        partition: Partition,
        /// As `access` names it.
        role: String,
    },
}

/// Nothing at all: for a session that is only asked for to see whether it is given.
pub(super) fn for_nothing() -> String {
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#
        .to_owned()
}

/// Listing the organization.
pub(crate) fn for_organization(config: &Config) -> String {
    let listing = Statement::allow("", listing(config), ["*".to_owned()]);
    Document(vec![listing]).short()
}
