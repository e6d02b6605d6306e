//! Why findings stay, in words for people.

use std::collections::BTreeMap;

use super::Remaining;
use super::steps::Draft;
use crate::model::{Action, CheckName, Finding, ScanError, UnknownReason};

/// Why a finding stays.
pub(super) fn why(draft: &Draft, finding: &Finding) -> Result<String, ScanError> {
    if let Some(reason) = draft.reason(finding) {
        return Ok(reason.why.clone());
    }
    Ok(match finding.check {
        CheckName::TrustPolicy if draft.does(Action::UpdateTrustPolicy) => {
            return Err(defect(finding.check));
        }
        CheckName::InlinePolicy if draft.does(Action::PutInlinePolicy) => {
            return Err(defect(finding.check));
        }
        CheckName::ServiceLinkedRole => return Err(defect(finding.check)),
        CheckName::RoleExists => {
            "rolewarden never deletes a role, not even to create it again at another path"
        }
        CheckName::TrustPolicy | CheckName::InlinePolicy => "no step of this plan is about it",
        CheckName::AttachedPolicies => "rolewarden never attaches a policy",
        CheckName::EffectivePermissions => {
            "the policy or boundary that takes permissions away stays"
        }
        CheckName::RoleAttributes => "rolewarden does not change session durations and tags",
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

/// The steps would not remediate what they are for.
pub(super) fn defect(check: CheckName) -> ScanError {
    ScanError::new(
        UnknownReason::Internal,
        format!("the planned steps would not remediate {}: a defect of rolewarden", check.as_str()),
    )
    .hint("report it, with the role's documents; until then, remediate the role by hand")
}
