//! Why findings stay, in words for people.

use std::collections::BTreeMap;

use super::Remaining;
use super::steps::{Draft, Reason};
use crate::model::{Action, CheckName, Finding, ScanError, UnknownReason};

/// Why a finding stays.
pub(super) fn why(draft: &Draft, finding: &Finding) -> Result<String, ScanError> {
    if let Some(Reason(why)) = draft.reason(finding) {
        return Ok(why.clone());
    }
    Ok(match finding.check {
        CheckName::TrustPolicy if draft.does(Action::UpdateTrustPolicy) => {
            return Err(defect(finding.check));
        }
        CheckName::InlinePolicy if draft.does(Action::PutInlinePolicy) => {
            return Err(defect(finding.check));
        }
        CheckName::ServiceLinkedRole => return Err(defect(finding.check)),
        CheckName::RoleExists => "a role is never deleted, not even to be made anew",
        CheckName::TrustPolicy | CheckName::InlinePolicy => "it is not what this plan is for",
        CheckName::AttachedPolicies => "nothing is ever attached",
        CheckName::EffectivePermissions => {
            "what keeps permissions away stays, or is not what this plan is for"
        }
        CheckName::RoleAttributes => "session duration and tags are left to people",
        CheckName::ConnectorUsage => "clusters, and the roles they name, are left to people",
    }
    .into())
}

/// Each reason once, with the checks it is about.
pub(super) fn said(remaining: &[Remaining]) -> String {
    let mut checks_by_why: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Remaining { check, why, .. } in remaining {
        let checks = checks_by_why.entry(why).or_default();
        if !checks.contains(&check.as_str()) {
            checks.push(check.as_str());
        }
    }
    let said: Vec<String> =
        checks_by_why.iter().map(|(why, checks)| format!("{}: {why}", checks.join(", "))).collect();
    said.join("; ")
}

/// The steps would not do what they are for.
pub(super) fn defect(check: CheckName) -> ScanError {
    ScanError::new(
        UnknownReason::Internal,
        format!("the steps would not put {} right: a defect of rolewarden", check.as_str()),
    )
    .hint("please report it, with the role's documents; put it right by hand meanwhile")
}
