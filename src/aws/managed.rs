//! Documents of managed policies, which only the check of effective permissions needs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::document;
use super::error::{is_no_such_entity, malformed, unstable, wrong_account};
use super::role::Target;
use crate::model::{AccountId, ScanError, printable_line};

pub(super) const GET_POLICY: &str = "iam:GetPolicy";
pub(super) const GET_POLICY_VERSION: &str = "iam:GetPolicyVersion";

/// Documents of policies that AWS owns: the same in every account, so read once.
#[derive(Debug, Default)]
pub(super) struct AwsManaged(Mutex<HashMap<String, String>>);

impl AwsManaged {
    /// The document of the policy's default version.
    pub(super) async fn document(
        &self,
        target: &Target<'_>,
        arn: &str,
    ) -> Result<String, ScanError> {
        let shared = owner(arn) == Some("aws");
        if shared && let Some(text) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(arn)
        {
            return Ok(text.clone());
        }
        let text = read(target, arn).await.map_err(|error| match is_no_such_entity(&error) {
            true => unstable(
                GET_POLICY,
                format!("policy `{}` is attached, but does not exist", printable_line(arn, 256)),
            ),
            false => error,
        })?;
        if shared {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(arn.to_owned(), text.clone());
        }
        Ok(text)
    }
}

async fn read(target: &Target<'_>, arn: &str) -> Result<String, ScanError> {
    let Target { iam, lane, .. } = target;
    let answer = lane.call(GET_POLICY, || iam.get_policy().policy_arn(arn).send()).await?;
    let policy =
        answer.policy().ok_or_else(|| malformed(GET_POLICY, "the answer has no policy"))?;
    if policy.arn() != Some(arn) {
        return Err(malformed(GET_POLICY, "the answer is about another policy"));
    }
    let version = policy
        .default_version_id()
        .filter(|version| !version.is_empty())
        .ok_or_else(|| malformed(GET_POLICY, "the policy has no default version"))?;
    let send = || iam.get_policy_version().policy_arn(arn).version_id(version).send();
    let answer = lane.call(GET_POLICY_VERSION, send).await?;
    let found = answer
        .policy_version()
        .ok_or_else(|| malformed(GET_POLICY_VERSION, "the answer has no version"))?;
    if found.version_id() != Some(version) {
        return Err(malformed(GET_POLICY_VERSION, "the answer is about another version"));
    }
    document::decode(found.document().unwrap_or_default())
        .map_err(|what| malformed(GET_POLICY_VERSION, what))
}

/// The account field of a policy ARN: an account id, or `aws`.
pub(super) fn owner(arn: &str) -> Option<&str> {
    let mut fields = arn.splitn(6, ':');
    let head = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    let owner = fields.next()?;
    let is_policy = fields
        .next()?
        .strip_prefix("policy/")
        .is_some_and(|name| !name.is_empty() && !name.ends_with('/'));
    (matches!(head, ["arn", _, "iam", ""]) && is_policy).then_some(owner)
}

/// A role can only carry policies of its own account and of AWS.
pub(super) fn check_owner(
    operation: &str,
    account: &AccountId,
    arn: &str,
) -> Result<(), ScanError> {
    match owner(arn) {
        Some(owner) if owner == "aws" || owner == account.as_str() => Ok(()),
        Some(_) => Err(wrong_account(operation, account.as_str(), arn)),
        None => Err(malformed(
            operation,
            format!("`{}` is not the ARN of a policy", printable_line(arn, 256)),
        )),
    }
}

/// The name of a policy, from its ARN.
pub(super) fn name_of(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_policy_is_in_its_arn() {
        let cases = [
            ("arn:aws:iam::aws:policy/service-role/X", Some("aws")),
            ("arn:aws-cn:iam::111122223333:policy/x", Some("111122223333")),
            ("arn:aws:iam::111122223333:role/x", None),
            ("arn:aws:iam::aws:policy/", None),
            ("policy/x", None),
            ("", None),
        ];
        for (arn, want) in cases {
            assert_eq!(owner(arn), want, "case `{arn}`");
        }
    }
}
