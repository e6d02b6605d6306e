//! Roles and documents for the table.

use std::collections::BTreeMap;

use crate::model::{ManagedPolicy, Partition, Role, RoleArn, Snapshot};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
pub(crate) const CUSTOM: &str = "arn:aws:iam::111122223333:policy/connector";
pub(crate) const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/boundary";

/// Statements.
pub(crate) const CONTROL: &str = r#"{"Effect":"Allow","Action":"ssmmessages:CreateControlChannel","Resource":"arn:aws:eks:*:*:cluster/*"}"#;
pub(crate) const CHANNELS: &str = r#"{"Effect":"Allow","Action":["ssmmessages:CreateDataChannel","ssmmessages:OpenDataChannel","ssmmessages:OpenControlChannel"],"Resource":"*"}"#;
pub(crate) const DENY_CONTROL: &str = r#"{"Effect":"Deny","Action":"ssmmessages:CreateControlChannel","Resource":"arn:aws:eks:eu-west-1:*:*"}"#;
pub(crate) const DENY_SOMETIMES: &str = r#"{"Effect":"Deny","Action":"ssmmessages:Open*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
pub(crate) const LOGS: &str = r#"{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}"#;
pub(crate) const WILDCARD: &str = r#"{"Effect":"Allow","Action":"ssmmessages:*","Resource":"*"}"#;
/// Whole documents.
pub(crate) const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
pub(crate) const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
pub(crate) const INLINE: &str =
    include_str!("../../../config/baseline/eks-connector-agent-policy.json");
pub(crate) const TRUST: &str =
    include_str!("../../../config/baseline/eks-connector-agent-trust-policy.json");

pub(crate) fn document(statements: &[&str]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

/// The role as the baseline has it, with a change.
pub(crate) fn role(change: impl FnOnce(&mut Role)) -> Snapshot {
    let name = "AmazonEKSConnectorAgentRole";
    let mut role = Role {
        arn: RoleArn::new(Partition::default(), ACCOUNT.parse().unwrap(), name),
        id: "AROAEXAMPLE".to_owned(),
        trust_policy: TRUST.to_owned(),
        inline: [("AmazonEKSConnectorAgentPolicy".to_owned(), INLINE.to_owned())].into(),
        attached: BTreeMap::new(),
        boundary: None,
        max_session_seconds: Some(3_600),
        tags: BTreeMap::new(),
        made_by: None,
    };
    change(&mut role);
    Snapshot::Present(Box::new(role))
}

/// The same in another partition, its documents rewritten as they would be stored there.
pub(crate) fn role_in(partition: &str, change: impl FnOnce(&mut Role)) -> Snapshot {
    role(|role| {
        role.arn.partition = partition.parse().unwrap();
        let there = INLINE.replace("arn:aws:", &format!("arn:{partition}:"));
        role.inline.values_mut().for_each(|text| there.clone_into(text));
        change(role);
    })
}

/// One inline policy of these statements.
pub(crate) fn inline(role: &mut Role, statements: &[&str]) {
    role.inline.values_mut().for_each(|text| *text = document(statements));
}

pub(crate) fn policy(document: Option<&str>) -> ManagedPolicy {
    ManagedPolicy { name: "managed".to_owned(), document: document.map(str::to_owned) }
}

/// One attached policy.
pub(crate) fn managed(arn: &str, document: Option<&str>) -> BTreeMap<String, ManagedPolicy> {
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    [(arn.to_owned(), ManagedPolicy { name, ..policy(document) })].into()
}

fn assume(principal: &str, more: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"{more}}}"#)
}

const SSM: &str = r#"{"Service":"ssm.amazonaws.com"}"#;

/// A trust policy for these principals alone.
pub(crate) fn trust(principal: &str) -> String {
    document(&[&assume(principal, "")])
}

/// The baseline's trust policy and somebody else.
pub(crate) fn trust_also(principal: &str) -> String {
    document(&[&assume(SSM, ""), &assume(principal, "")])
}

/// The baseline's trust policy under a condition.
pub(crate) fn trust_if(condition: &str) -> String {
    document(&[&assume(SSM, &format!(r#","Condition":{condition}"#))])
}

/// The baseline's trust policy and further statements.
pub(crate) fn trust_and(statement: &str) -> String {
    document(&[&assume(SSM, ""), statement])
}
