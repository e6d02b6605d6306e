//! One role, as read at one moment.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::RoleArn;

/// What a complete, consistent read of one account gave. A read that failed is a `ScanError`, never a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// `NoSuchEntity`, the only proof of absence.
    Absent,
    /// The role, read in full.
    Present(Box<Role>),
}

impl Snapshot {
    /// SHA-256 over everything that was read, to the byte, as `sha256:…`: equal exactly for equal snapshots.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        // Lengths stand before texts, so that no two snapshots run together into one text.
        let mut text = |text: &str| {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        };
        match self {
            Self::Absent => text("absent"),
            Self::Present(role) => role.texts(&mut text),
        }
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }

    /// ARNs of the managed policies, attached or as boundary, whose document the source lacks. A scan reads each one, or fails.
    pub fn documents_not_known(&self) -> Vec<&str> {
        let Self::Present(role) = self else { return Vec::new() };
        let boundary = role.boundary.iter().map(|(arn, policy)| (arn, policy));
        let policies = role.attached.iter().chain(boundary);
        let lacking = policies.filter(|(_, policy)| policy.document.is_none());
        lacking.map(|(arn, _)| arn.as_str()).collect()
    }
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
    /// The change that made the role, as its description says; `None` for every role that rolewarden did not make. It is
    /// no part of [`Snapshot::digest`]: it says whose the role is, and nothing about what the role allows.
    pub made_by: Option<String>,
}

/// How the description of a role that rolewarden made begins.
const MADE_BY: &str = "rolewarden/change/";

impl Role {
    /// The description that a change gives to the role it makes. A description needs no permission beyond `iam:CreateRole`,
    /// and GetRole returns it, so it proves later on who made the role.
    pub fn description_by(change: &str) -> String {
        format!("{MADE_BY}{change}")
    }

    /// The change in a role's description, if it has one.
    pub fn maker_in(description: &str) -> Option<String> {
        description.strip_prefix(MADE_BY).filter(|id| !id.is_empty()).map(str::to_owned)
    }

    /// An inline policy as the role has it: its name and its text. IAM knows policies by their names whatever the case.
    pub fn inline_policy(&self, name: &str) -> Option<(&String, &String)> {
        self.inline.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Every part as a text, each kind behind how many there are of it.
    fn texts(&self, text: &mut impl FnMut(&str)) {
        let Self {
            arn,
            id,
            trust_policy,
            inline,
            attached,
            boundary,
            max_session_seconds,
            tags,
            made_by: _,
        } = self;
        for part in [&arn.to_string(), id, trust_policy] {
            text(part);
        }
        for map in [inline, tags] {
            text(&map.len().to_string());
            for part in map.iter().flat_map(|(key, value)| [key, value]) {
                text(part);
            }
        }
        text(&attached.len().to_string());
        let boundary = boundary.iter().map(|(arn, policy)| (arn, policy));
        for (arn, policy) in attached.iter().chain(boundary) {
            text(arn);
            text(&policy.name);
            text(policy.document.as_ref().map_or("-", |_| "+"));
            text(policy.document.as_deref().unwrap_or_default());
        }
        text(&max_session_seconds.map_or_else(String::new, |seconds| seconds.to_string()));
    }
}

/// A managed policy, with its document where it was needed and read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManagedPolicy {
    /// The policy's name, for people.
    pub name: String,
    /// The default version's JSON text, percent-decoded; `None` when nothing asked for it or the source lacks it.
    pub document: Option<String>,
}
