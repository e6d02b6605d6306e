//! Changes in AWS: what can be changed, and what became of it.

use serde::{Deserialize, Serialize};

/// What remediation can do to a role: a closed set, as configuration allows it and metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the role.
    CreateRole,
    /// Replace its trust policy.
    UpdateTrustPolicy,
    /// Put an inline policy, new or in place of the one of that name.
    PutInlinePolicy,
    /// Delete an inline policy.
    DeleteInlinePolicy,
    /// Detach a managed policy.
    DetachManagedPolicy,
    /// Set the permissions boundary.
    PutPermissionsBoundary,
    /// Make the EKS Connector's service-linked role.
    CreateServiceLinkedRole,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::CreateRole,
        Self::UpdateTrustPolicy,
        Self::PutInlinePolicy,
        Self::DeleteInlinePolicy,
        Self::DetachManagedPolicy,
        Self::PutPermissionsBoundary,
        Self::CreateServiceLinkedRole,
    ];

    /// The name in configuration, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateRole => "create_role",
            Self::UpdateTrustPolicy => "update_trust_policy",
            Self::PutInlinePolicy => "put_inline_policy",
            Self::DeleteInlinePolicy => "delete_inline_policy",
            Self::DetachManagedPolicy => "detach_managed_policy",
            Self::PutPermissionsBoundary => "put_permissions_boundary",
            Self::CreateServiceLinkedRole => "create_service_linked_role",
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// Written, and seen by later reads.
    Applied,
    /// Refused: nothing was written.
    Failed,
    /// Written, or perhaps written, and not seen in time.
    VerifyFailed,
    /// Undone.
    RolledBack,
    /// Planned only: remediation is not armed.
    SkippedDryRun,
    /// Left for later: a limit was reached.
    SkippedLimit,
    /// Left alone: the role was not as the plan had seen it.
    ChangedUnderneath,
}

impl StepOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Applied,
        Self::Failed,
        Self::VerifyFailed,
        Self::RolledBack,
        Self::SkippedDryRun,
        Self::SkippedLimit,
        Self::ChangedUnderneath,
    ];

    /// The name in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::VerifyFailed => "verify_failed",
            Self::RolledBack => "rolled_back",
            Self::SkippedDryRun => "skipped_dry_run",
            Self::SkippedLimit => "skipped_limit",
            Self::ChangedUnderneath => "changed_underneath",
        }
    }
}
