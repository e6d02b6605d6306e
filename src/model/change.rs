//! Changes in AWS: what can be changed, and what became of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, action};

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
    /// Not sent any more: the run ended before it, and a later sweep plans anew.
    Superseded,
}

impl StepOutcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Applied,
        Self::Failed,
        Self::VerifyFailed,
        Self::RolledBack,
        Self::SkippedDryRun,
        Self::SkippedLimit,
        Self::ChangedUnderneath,
        Self::Superseded,
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
            Self::Superseded => "superseded",
        }
    }
}

/// One write to IAM, whole: what is sent is in it, and nothing else. The role is that of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case", deny_unknown_fields)]
pub enum Write {
    /// `CreateRole`.
    CreateRole {
        /// Its path.
        path: String,
        /// Its trust policy, as JSON text.
        trust_policy: String,
        /// Its longest session; `None`: AWS's own.
        max_session_seconds: Option<u32>,
        /// ARN of its permissions boundary.
        boundary: Option<String>,
        /// Its tags.
        tags: BTreeMap<String, String>,
    },
    /// `DeleteRole`: only ever undoes a [`Write::CreateRole`] of this program.
    DeleteRole,
    /// `UpdateAssumeRolePolicy`.
    UpdateTrustPolicy {
        /// The whole document, as JSON text.
        document: String,
    },
    /// `PutRolePolicy`.
    PutInlinePolicy {
        /// The policy's name.
        name: String,
        /// The whole document, as JSON text.
        document: String,
    },
    /// `DeleteRolePolicy`.
    DeleteInlinePolicy {
        /// The policy's name.
        name: String,
    },
    /// `AttachRolePolicy`: only ever undoes a [`Write::DetachManagedPolicy`].
    AttachManagedPolicy {
        /// The policy's ARN.
        arn: String,
    },
    /// `DetachRolePolicy`.
    DetachManagedPolicy {
        /// The policy's ARN.
        arn: String,
    },
    /// `PutRolePermissionsBoundary`.
    PutPermissionsBoundary {
        /// The boundary's ARN.
        arn: String,
    },
    /// `DeleteRolePermissionsBoundary`: only ever undoes a [`Write::PutPermissionsBoundary`].
    DeletePermissionsBoundary,
    /// `CreateServiceLinkedRole`.
    CreateServiceLinkedRole {
        /// The service it is linked to, as `eks-connector.amazonaws.com`.
        service: String,
    },
}

/// Who asked for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The daemon, after a sweep.
    Serve,
    /// `rolewarden apply`.
    Apply,
    /// `rolewarden rollback`.
    Rollback,
}

impl Origin {
    /// The name in JSON and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Apply => "apply",
            Self::Rollback => "rollback",
        }
    }
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// To be sent after the steps before it.
    Planned,
    /// Sent, or about to be: AWS may have it.
    Sent,
    /// It is known what became of it.
    Ended,
}

/// One change of one role, as the journal has it: written down before it is sent, and again when it is known what became
/// of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// A ULID.
    pub id: String,
    /// The run it belongs to: a ULID.
    pub run: String,
    /// The account.
    pub account: AccountId,
    /// The account's name.
    pub account_name: String,
    /// The role's ARN; where it will be, when it is not there.
    pub role_arn: String,
    /// The role's unique id before; `None`: there was no role.
    pub role_id: Option<String>,
    /// Digest of the snapshot it was planned from: see [`Snapshot::digest`](super::Snapshot::digest).
    pub before_digest: String,
    /// What is sent. JSON has its action beside it.
    #[serde(
        flatten,
        serialize_with = "action::with_action",
        deserialize_with = "action::of_any_action"
    )]
    pub write: Write,
    /// What puts things back as they were; `None`: nothing can.
    pub undo: Option<Write>,
    /// One sentence for people.
    pub summary: String,
    /// Line diff: `-` is what the role had before the change, `+` is what the change wrote.
    pub diff: String,
    /// Who asked.
    pub origin: Origin,
    /// The ARN of the base credentials.
    pub caller: String,
    /// The change that this one undoes.
    pub rolls_back: Option<String>,
    /// When it was written down.
    pub at: Timestamp,
    /// How far it has come.
    pub phase: Phase,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What became of it, once it ended.
    pub outcome: Option<StepOutcome>,
    /// Why it did not succeed, printable; how it ended where that was found out later.
    pub note: Option<String>,
}

impl Change {
    /// What became of it or, while that is not known, how far it has come: a word.
    pub fn standing(&self) -> &'static str {
        match (self.outcome, self.phase) {
            (Some(outcome), _) => outcome.as_str(),
            (None, Phase::Planned) => "planned",
            (None, Phase::Sent) => "sent",
            (None, Phase::Ended) => "ended",
        }
    }
}
