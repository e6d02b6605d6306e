//! Documents of managed policies, which only the check of effective permissions needs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::document;
use super::error::{is_no_such_entity, malformed, unstable, wrong_account};
use super::role::Target;
use crate::model::{AccountId, ScanError, printable_line};

pub(super) const GET_POLICY: &str = "iam:GetPolicy";
pub(super) const GET_POLICY_VERSION: &str = "iam:GetPolicyVersion";

/// Documents of policies that AWS owns. They are the same in every account, and a version never changes: so each version is
/// read once. Which one is the default is AWS's to change at any time: so that is asked once a sweep.
#[derive(Debug, Default)]
pub(super) struct AwsManaged(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// The number of the sweep.
    sweep: u64,
    /// The newest known version by ARN.
    kept: HashMap<String, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    version: String,
    text: String,
    /// The sweep in which it was said to be the default.
    asked_in: u64,
}

impl AwsManaged {
    /// From now on the default versions are asked for again.
    pub(super) fn begin_sweep(&self) {
        let mut memory = self.memory();
        memory.sweep = memory.sweep.wrapping_add(1);
    }

    /// The document of the policy's default version. Accounts that need it while none has it yet ask each for itself: one
    /// that is throttled must not keep the others waiting.
    pub(super) async fn document(
        &self,
        target: &Target<'_>,
        arn: &str,
    ) -> Result<String, ScanError> {
        if owner(arn) != Some("aws") {
            let version = default_version(target, arn).await?;
            return document_of(target, arn, &version).await;
        }
        let (sweep, known) = {
            let memory = self.memory();
            (memory.sweep, memory.kept.get(arn).cloned())
        };
        if let Some(Kept { text, asked_in, .. }) = &known
            && *asked_in == sweep
        {
            return Ok(text.clone());
        }
        let version = default_version(target, arn).await?;
        let text = match known {
            Some(known) if known.version == version => known.text,
            _ => document_of(target, arn, &version).await?,
        };
        let kept = Kept { version, text: text.clone(), asked_in: sweep };
        self.memory().kept.insert(arn.to_owned(), kept);
        Ok(text)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A policy that is attached, and is not there, went between two calls.
fn gone(error: ScanError, arn: &str) -> ScanError {
    match is_no_such_entity(&error) {
        true => unstable(
            GET_POLICY,
            format!("policy `{}` is attached, but does not exist", printable_line(arn, 256)),
        ),
        false => error,
    }
}

/// The id of the version in force.
async fn default_version(target: &Target<'_>, arn: &str) -> Result<String, ScanError> {
    let Target { iam, lane, .. } = target;
    let send = || iam.get_policy().policy_arn(arn).send();
    let answer = lane.call(GET_POLICY, send).await.map_err(|error| gone(error, arn))?;
    let policy =
        answer.policy().ok_or_else(|| malformed(GET_POLICY, "the answer has no policy"))?;
    if policy.arn() != Some(arn) {
        return Err(malformed(GET_POLICY, "the answer is about another policy"));
    }
    let version = policy
        .default_version_id()
        .filter(|version| !version.is_empty())
        .ok_or_else(|| malformed(GET_POLICY, "the policy has no default version"))?;
    Ok(version.to_owned())
}

async fn document_of(target: &Target<'_>, arn: &str, version: &str) -> Result<String, ScanError> {
    let Target { iam, lane, .. } = target;
    let send = || iam.get_policy_version().policy_arn(arn).version_id(version).send();
    let answer = lane.call(GET_POLICY_VERSION, send).await.map_err(|error| gone(error, arn))?;
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
