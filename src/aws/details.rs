//! What `aws iam get-account-authorization-details` prints, as a snapshot: for judging offline.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document;
use crate::model::{AccountId, ManagedPolicy, Partition, Role, RoleArn, Snapshot, printable_line};

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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    role_detail_list: Vec<RoleDetail>,
    #[serde(default)]
    user_detail_list: Vec<Principal>,
    #[serde(default)]
    group_detail_list: Vec<Principal>,
    #[serde(default)]
    policies: Vec<PolicyDetail>,
    #[serde(default)]
    is_truncated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Principal {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDetail {
    arn: String,
    role_name: String,
    #[serde(default)]
    role_id: String,
    assume_role_policy_document: Box<RawValue>,
    role_policy_list: Vec<InlinePolicy>,
    attached_managed_policies: Vec<Attached>,
    permissions_boundary: Option<Boundary>,
    #[serde(default)]
    tags: Vec<Tag>,
    max_session_duration: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InlinePolicy {
    policy_name: String,
    policy_document: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attached {
    #[serde(default)]
    policy_name: String,
    policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    permissions_boundary_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDetail {
    arn: String,
    #[serde(default)]
    policy_version_list: Vec<PolicyVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyVersion {
    document: Box<RawValue>,
    is_default_version: bool,
}

/// Reads one file's text and looks for the role, and for others.
///
/// # Errors
/// What keeps the text from being the whole of what the command prints for one account.
pub fn read(text: &str, role_name: &str, others: &[&str]) -> Result<Details, String> {
    let file: File = serde_json::from_str(text)
        .map_err(|e| format!("not what `aws iam get-account-authorization-details` prints: {e}"))?;
    if file.is_truncated {
        return Err("holds only the first page (IsTruncated is true): a role that is not in it may still exist; \
                    let the AWS CLI page (no --max-items, no --no-paginate)"
            .to_owned());
    }
    let (account, partition) = owner(&file)?;
    let others = others.iter().map(|name| Ok(((*name).to_owned(), file.find(name)?)));
    let others = others.collect::<Result<_, String>>()?;
    Ok(Details { account, partition, snapshot: file.find(role_name)?, others })
}

impl File {
    /// The role of this name. IAM tells names apart without their case.
    fn find(&self, name: &str) -> Result<Snapshot, String> {
        let roles = &self.role_detail_list;
        let detail = roles.iter().find(|role| role.role_name == name);
        let folded = || roles.iter().find(|role| role.role_name.eq_ignore_ascii_case(name));
        match detail.or_else(folded) {
            Some(detail) => Ok(Snapshot::Present(Box::new(role(detail, &self.policies)?))),
            None => Ok(Snapshot::Absent),
        }
    }
}

/// Whose file it is: every ARN with an account in it must name the same one.
fn owner(file: &File) -> Result<(AccountId, Partition), String> {
    let roles = file.role_detail_list.iter().map(|role| &role.arn);
    let others =
        file.user_detail_list.iter().chain(&file.group_detail_list).map(|principal| &principal.arn);
    let mut found: Option<(AccountId, Partition)> = None;
    for arn in roles.chain(others).chain(file.policies.iter().map(|policy| &policy.arn)) {
        let account = arn.split(':').nth(4).and_then(|field| field.parse::<AccountId>().ok());
        let (Some(account), Some(partition)) = (account, Partition::of_arn(arn)) else { continue };
        match &found {
            None => found = Some((account, partition)),
            Some((first, _)) if *first != account => {
                return Err(format!(
                    "holds ARNs of two accounts, {first} and {account}: expected one account a file"
                ));
            }
            Some(_) => {}
        }
    }
    found.ok_or_else(|| {
        "does not tell its account: no role, user, group or policy in it has an ARN".to_owned()
    })
}

fn role(detail: &RoleDetail, policies: &[PolicyDetail]) -> Result<Role, String> {
    let arn: RoleArn = detail.arn.parse().map_err(|e: crate::model::InvalidArn| e.to_string())?;
    let mut inline = BTreeMap::new();
    for policy in &detail.role_policy_list {
        let name = printable_line(&policy.policy_name, 128);
        let text =
            text_of(&policy.policy_document).map_err(|e| format!("inline policy {name}: {e}"))?;
        if inline.insert(policy.policy_name.clone(), text).is_some() {
            return Err(format!("names the inline policy {name} twice"));
        }
    }
    let managed = |arn: &str, name: &str| -> Result<ManagedPolicy, String> {
        let version = policies
            .iter()
            .filter(|policy| policy.arn == arn)
            .flat_map(|policy| &policy.policy_version_list)
            .find(|version| version.is_default_version);
        let document = version.map(|version| text_of(&version.document)).transpose();
        let document =
            document.map_err(|e| format!("managed policy {}: {e}", printable_line(arn, 256)))?;
        let name = if name.is_empty() { arn.rsplit('/').next().unwrap_or(arn) } else { name };
        Ok(ManagedPolicy { name: name.to_owned(), document })
    };
    let mut attached = BTreeMap::new();
    for policy in &detail.attached_managed_policies {
        attached
            .insert(policy.policy_arn.clone(), managed(&policy.policy_arn, &policy.policy_name)?);
    }
    let boundary = match &detail.permissions_boundary {
        Some(boundary) => {
            let arn = boundary.permissions_boundary_arn.clone();
            Some((arn.clone(), managed(&arn, "")?))
        }
        None => None,
    };
    let trust =
        text_of(&detail.assume_role_policy_document).map_err(|e| format!("trust policy: {e}"))?;
    Ok(Role {
        arn,
        id: detail.role_id.clone(),
        trust_policy: trust,
        inline,
        attached,
        boundary,
        max_session_seconds: detail.max_session_duration,
        tags: detail.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
    })
}

/// A document as the AWS CLI prints it (an object), as JSON text, or as IAM sends it (percent-encoded text).
///
/// The object's own text is kept, not a parsed value: the strict parser must see duplicate members.
fn text_of(raw: &RawValue) -> Result<String, String> {
    if !raw.get().starts_with('"') {
        return Ok(raw.get().to_owned());
    }
    let text: String = serde_json::from_str(raw.get()).map_err(|e| e.to_string())?;
    if text.trim_start().starts_with('%') { document::decode(&text) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(document: &str) -> String {
        format!(
            r#"{{"RoleDetailList":[{{"Arn":"arn:aws:iam::111122223333:role/r","RoleName":"r","RoleId":"AROA",
            "AssumeRolePolicyDocument":{document},"RolePolicyList":[],"AttachedManagedPolicies":[]}}],"Policies":[]}}"#
        )
    }

    fn trust(text: &str) -> String {
        match read(text, "r", &[]).unwrap().snapshot {
            Snapshot::Present(role) => role.trust_policy,
            Snapshot::Absent => "absent".to_owned(),
        }
    }

    #[test]
    fn a_document_may_be_an_object_a_text_or_percent_encoded() {
        for (document, want) in [
            (r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "a": 2}"#),
            (r#""{\"a\": 1}""#, r#"{"a": 1}"#),
            (r#""%7B%22a%22%3A%201%7D""#, r#"{"a": 1}"#),
        ] {
            assert_eq!(trust(&file(document)), want, "case {document}");
        }
    }

    #[test]
    fn what_is_not_one_whole_account_is_refused() {
        let two = file("{}").replace(
            "\"Policies\":[]",
            r#""Policies":[{"Arn":"arn:aws:iam::999988887777:policy/p"}]"#,
        );
        let cases = [
            ("{}", "missing field `RoleDetailList`"),
            (r#"{"RoleDetailList":[]}"#, "does not tell its account"),
            (r#"{"RoleDetailList":[],"IsTruncated":true}"#, "holds only the first page"),
            (two.as_str(), "holds ARNs of two accounts"),
            ("nonsense", "not what `aws iam get-account-authorization-details` prints"),
        ];
        for (text, want) in cases {
            let error = read(text, "r", &[]).unwrap_err();
            assert!(error.contains(want), "case `{text}`: {error}");
        }
    }

    #[test]
    fn a_role_that_is_not_in_the_file_is_absent() {
        let details = read(&file("{}"), "another", &["r", "other"]).unwrap();
        assert_eq!(
            (details.snapshot, details.account.as_str()),
            (Snapshot::Absent, "111122223333")
        );
        assert!(matches!(details.others["r"], Snapshot::Present(_)));
        assert_eq!(details.others["other"], Snapshot::Absent);
    }
}
