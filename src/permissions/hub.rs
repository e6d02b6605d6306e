//! The identity rolewarden runs as: it lists accounts and enters them.

use std::collections::BTreeMap;

use super::{Document, EVERY_ACCOUNT, Statement, literal, scan};
use crate::config::{AccountSource, Config, OwnAccount, RemediationMode};
use crate::model::{Partition, RoleArn};

/// Entering a role; with session tags it takes a second permission.
const ASSUME: &str = "sts:AssumeRole";
const TAG: &str = "sts:TagSession";

/// The Organizations calls that listing makes with this configuration; none where the accounts are in the file.
pub(crate) fn listing(config: &Config) -> Vec<&'static str> {
    if config.accounts.source != AccountSource::Organization {
        return vec![];
    }
    let mut calls = vec!["organizations:DescribeOrganization", "organizations:ListAccounts"];
    if config.selectors().any(|selector| !selector.ous.is_empty()) {
        calls.extend([
            "organizations:ListRoots",
            "organizations:ListOrganizationalUnitsForParent",
            "organizations:ListAccountsForParent",
        ]);
    }
    if config.selectors().any(|selector| !selector.tags.is_empty()) {
        calls.push("organizations:ListTagsForResource");
    }
    calls
}

/// The members are in the organization of the role that enters them, whatever an account number elsewhere says.
const OUR_ORGANIZATION: (&str, &str, &str) =
    ("StringEquals", "aws:ResourceOrgID", "${aws:PrincipalOrgID}");

/// Entering the roles that have one name in every account. Without the condition an account of strangers whose number gets
/// into the list would be entered as well, and told who we are.
fn enter_accounts(config: &Config, roles: Vec<String>, tagged: bool) -> Statement {
    let statement = enter("EnterAccounts", roles, tagged);
    match config.accounts.source {
        AccountSource::Organization => {
            let (operator, key, value) = OUR_ORGANIZATION;
            statement.only_if(operator, key, [value.to_owned()])
        }
        AccountSource::List(_) => statement,
    }
}

/// What the hub's own identity must be allowed. `tagged`: its sessions carry tags, as those of EKS Pod Identity do.
pub fn hub(config: &Config, partition: &Partition, tagged: bool) -> Document {
    let Config { accounts, access, .. } = config;
    let mut statements = vec![];
    let mut named: Vec<String> = vec![];
    match &accounts.organization_role_arn {
        Some(role) if accounts.source == AccountSource::Organization => {
            named.push(literal(&role.to_string()));
        }
        _ => statements.extend(list_accounts(config)),
    }
    match access.via.first() {
        Some(first) => named.push(literal(&first.to_string())),
        None => {
            let (everywhere, overridden) = members(config, partition);
            statements.push(enter_accounts(config, everywhere, tagged));
            named.extend(overridden);
        }
    }
    named.dedup();
    if !named.is_empty() {
        statements.push(enter("EnterNamedRoles", named, tagged));
    }
    if access.own_account == OwnAccount::Direct {
        // Its own account is read with its own credentials.
        statements.extend(scan(config, partition, EVERY_ACCOUNT).0);
    }
    Document(statements)
}

/// What the roles on the way must be allowed: those of `access.via`, and `accounts.organization_role_arn`.
pub fn others(config: &Config, partition: &Partition, tagged: bool) -> BTreeMap<String, Document> {
    let Config { accounts, access, .. } = config;
    let mut others: BTreeMap<String, Document> = BTreeMap::new();
    let mut add = |role: &RoleArn, statements: Vec<Statement>| {
        others.entry(role.to_string()).or_default().0.extend(statements);
    };
    if let Some(role) = &accounts.organization_role_arn {
        add(role, list_accounts(config).into_iter().collect());
    }
    let next = access.via.iter().skip(1);
    for (role, next) in access.via.iter().zip(next) {
        add(role, vec![enter("EnterNamedRoles", vec![literal(&next.to_string())], tagged)]);
    }
    if let Some(last) = access.via.last() {
        let (everywhere, overridden) = members(config, partition);
        let mut statements = vec![enter_accounts(config, everywhere, tagged)];
        if !overridden.is_empty() {
            statements.push(enter("EnterNamedRoles", overridden, tagged));
        }
        add(last, statements);
    }
    others.retain(|_, document| !document.0.is_empty());
    others
}

fn list_accounts(config: &Config) -> Option<Statement> {
    let calls = listing(config);
    (!calls.is_empty()).then(|| Statement::allow("ListAccounts", calls, ["*".to_owned()]))
}

/// The roles of member accounts: those that have one name everywhere, and those that `access.overrides` names.
fn members(config: &Config, partition: &Partition) -> (Vec<String>, Vec<String>) {
    let access = &config.access;
    let writes = config.remediation.mode != RemediationMode::Off;
    let at = |role: &String| in_every_account(partition, role);
    let everywhere =
        [Some(&access.scan_role), writes.then_some(&access.remediate_role)].into_iter().flatten();
    let overridden = access.overrides.values().flat_map(|over| {
        let write = over.remediate_role_arn.as_ref().filter(|_| writes);
        let roles = [over.scan_role_arn.as_ref(), write].into_iter().flatten();
        roles.map(|role| literal(&role.to_string()))
    });
    (everywhere.map(at).collect(), overridden.collect())
}

/// The role of this name, perhaps with a path, in whichever account.
pub(crate) fn in_every_account(partition: &Partition, role: &str) -> String {
    let role = literal(role.trim_start_matches('/'));
    format!("arn:{partition}:iam::{EVERY_ACCOUNT}:role/{role}")
}

pub(crate) fn enter(sid: &'static str, roles: Vec<String>, tagged: bool) -> Statement {
    let actions = if tagged { vec![ASSUME, TAG] } else { vec![ASSUME] };
    Statement::allow(sid, actions, roles)
}
