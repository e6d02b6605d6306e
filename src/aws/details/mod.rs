//! What `aws iam get-account-authorization-details` prints, as a snapshot: for judging offline.

mod document;
mod export;
mod node;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use crate::model::{AccountId, ManagedPolicy, Partition, Role, Snapshot, printable_line};
use document::Document;
use export::{Attached, Export, PolicyDetail, RoleDetail};
use node::At;

/// One account, as its file tells it.
#[derive(Debug, Clone)]
pub struct Details {
    /// From the ARNs in the file.
    pub account: AccountId,
    /// From the ARNs in the file.
    pub partition: Partition,
    /// The role, or its absence.
    pub snapshot: Snapshot,
    /// The other roles asked for, or their absence, by name.
    pub others: BTreeMap<String, Snapshot>,
    /// Roles in the file, whatever their names.
    pub roles: usize,
}

/// Reads one file and looks for the role, and for others. The file is whole or refused: nothing is claimed from a part.
///
/// # Errors
/// What keeps the file from being the whole of what the command prints for one account.
pub fn read(bytes: &[u8], role_name: &str, others: &[&str]) -> Result<Details, String> {
    let text = text::decode(bytes)?;
    if let Some(other) = text::other_than_json(&text) {
        return Err(other);
    }
    let file = node::parse(&text)?;
    let export = Export::read(At::root(&file))?;
    let (account, partition) = owner(&export)?;
    let others = others.iter().map(|name| Ok(((*name).to_owned(), export.find(name)?)));
    let others = others.collect::<Result<_, String>>()?;
    let (snapshot, roles) = (export.find(role_name)?, export.roles.len());
    Ok(Details { account, partition, snapshot, others, roles })
}

impl Export {
    /// The role of this name. IAM tells names apart without their case, and the file has each once.
    fn find(&self, name: &str) -> Result<Snapshot, String> {
        match self.roles.iter().find(|role| role.arn.name.eq_ignore_ascii_case(name)) {
            Some(detail) => {
                let role = self.role(detail);
                let role = role.map_err(|what| format!("role {}: {what}", detail.arn.name))?;
                Ok(Snapshot::Present(Box::new(role)))
            }
            None => Ok(Snapshot::Absent),
        }
    }

    fn role(&self, detail: &RoleDetail) -> Result<Role, String> {
        if let Some(path) = detail.path.as_ref().filter(|path| **path != detail.arn.path) {
            let path = printable_line(path, 512);
            return Err(format!("contradicts itself: `Path` is {path}, `Arn` is {}", detail.arn));
        }
        let inline = |(name, document): &(String, Document)| match document.text() {
            Ok(text) => Ok((name.clone(), text)),
            Err(what) => Err(format!("inline policy {}: {what}", printable_line(name, 128))),
        };
        let attached = |policy: &Attached| {
            Ok((policy.arn.clone(), self.managed(&policy.arn, policy.name.as_deref())?))
        };
        let boundary = detail
            .boundary
            .as_ref()
            .map(|arn| Ok::<_, String>((arn.clone(), self.managed(arn, None)?)));
        Ok(Role {
            arn: detail.arn.clone(),
            id: detail.id.clone(),
            trust_policy: detail.trust.text().map_err(|what| format!("trust policy: {what}"))?,
            inline: detail.inline.iter().map(inline).collect::<Result<_, String>>()?,
            attached: detail.attached.iter().map(attached).collect::<Result<_, String>>()?,
            boundary: boundary.transpose()?,
            max_session_seconds: detail.max_session_seconds,
            tags: detail.tags.iter().cloned().collect(),
            // An export has no descriptions.
            made_by: None,
        })
    }

    /// A policy that a role needs. One that the file does not have has no document; one that it has in part is refused.
    fn managed(&self, arn: &str, name: Option<&str>) -> Result<ManagedPolicy, String> {
        let shown = || printable_line(arn, 256);
        let document = match self.policies.iter().find(|policy| policy.arn == arn) {
            None => None,
            Some(PolicyDetail { document: None, .. }) => {
                return Err(format!(
                    "the managed policy {} has no default version in the file: expected one with `IsDefaultVersion` true",
                    shown()
                ));
            }
            Some(PolicyDetail { document: Some(document), .. }) => {
                let text = document.text();
                Some(text.map_err(|what| format!("managed policy {}: {what}", shown()))?)
            }
        };
        let name = name.unwrap_or_else(|| arn.rsplit('/').next().unwrap_or(arn));
        Ok(ManagedPolicy { name: name.to_owned(), document })
    }
}

/// Whose file it is: every ARN with an account in it must name the same one.
fn owner(export: &Export) -> Result<(AccountId, Partition), String> {
    let roles =
        export.roles.iter().map(|role| (role.arn.account.clone(), role.arn.partition.clone()));
    let policies = export.policies.iter().map(|policy| &policy.arn);
    let others = export.principals.iter().chain(policies).filter_map(|arn| {
        let account = arn.split(':').nth(4).and_then(|field| field.parse::<AccountId>().ok());
        account.zip(Partition::of_arn(arn))
    });
    let mut found: Option<(AccountId, Partition)> = None;
    for (account, partition) in roles.chain(others) {
        match &found {
            None => found = Some((account, partition)),
            Some((first, _)) if *first != account => {
                return Err(format!(
                    "holds ARNs of two accounts, {first} and {account}: expected one account a file"
                ));
            }
            Some((_, first)) if *first != partition => {
                return Err(format!(
                    "holds ARNs of two partitions, {first} and {partition}: expected one account a file"
                ));
            }
            Some(_) => {}
        }
    }
    found.ok_or_else(|| {
        "does not tell its account: no role, user, group or policy in it has an ARN".to_owned()
    })
}
