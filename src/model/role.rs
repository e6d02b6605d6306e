//! One role, as read at one moment.

use std::collections::BTreeMap;

use super::RoleArn;

/// What a complete, consistent read of one account gave. A read that failed is a `ScanError`, never a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// `NoSuchEntity`, the only proof of absence.
    Absent,
    /// The role, read in full.
    Present(Box<Role>),
}

/// A role with everything the checks need. Two reads of an unchanged role are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Where it lives: partition, account, path, exact name.
    pub arn: RoleArn,
    /// The unique id (`AROA…`); another one means the role was deleted and made anew.
    pub id: String,
    /// The trust policy's JSON text, percent-decoded.
    pub trust_policy: String,
    /// Inline policies by name: JSON text, percent-decoded.
    pub inline: BTreeMap<String, String>,
    /// Attached managed policies by ARN.
    pub attached: BTreeMap<String, ManagedPolicy>,
    /// The permissions boundary, if any.
    pub boundary: Option<(String, ManagedPolicy)>,
    /// Longest session in seconds; `None` where the source does not tell (offline input).
    pub max_session_seconds: Option<u32>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
}

/// A managed policy, with its document where it was needed and read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManagedPolicy {
    /// The policy's name, for people.
    pub name: String,
    /// The default version's JSON text, percent-decoded; `None` when nothing asked for it or the source lacks it.
    pub document: Option<String>,
}
