//! From what an account said to causes: a closed set, each with the accounts it is in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::facts::{AccountFacts, Answer, Assumed};
use crate::model::{AccountId, ScanError, UnknownReason};
use crate::render::causes::general;

const ASSUME: &str = "sts:AssumeRole";

/// Whose permissions are lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The base credentials, which read their own account.
    BaseCredentials,
    /// The scan role.
    ScanRole,
    /// The remediation role.
    RemediateRole,
}

/// Why something cannot be done. A closed set; its text form is public interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The role could not be assumed: not there, other trust, other external id, or the caller may not.
    AssumeDenied,
    /// `sts:TagSession` is refused, which sessions with transitive tags need.
    TagSessionDenied,
    /// The role's longest session is shorter than `access.session_duration`.
    SessionTooLong,
    /// STS is switched off in this region for the account.
    RegionDisabled,
    /// No policy allows the call.
    NotAllowed,
    /// A policy of the account denies the call.
    ExplicitDeny,
    /// A permissions boundary does not let the call through.
    BoundaryDenied,
    /// The session policy does not let the call through.
    SessionPolicyDenied,
    /// The policy of a VPC endpoint does not let the call through.
    VpcEndpointDenied,
    /// A service control policy refuses the call.
    ScpDenied,
    /// A resource control policy refuses the call.
    RcpDenied,
    /// No answer to go by, for one of the reasons that make an account unknown.
    Failed(UnknownReason),
    /// The role is given without the configured external id, too.
    ExternalIdNotAsked,
    /// Nobody answered whether it is: neither refused nor given.
    ExternalIdUnknown,
}

impl Kind {
    /// Every kind but [`Kind::Failed`].
    pub const PERMISSIONS: [Self; 13] = [
        Self::AssumeDenied,
        Self::TagSessionDenied,
        Self::SessionTooLong,
        Self::RegionDisabled,
        Self::NotAllowed,
        Self::ExplicitDeny,
        Self::BoundaryDenied,
        Self::SessionPolicyDenied,
        Self::VpcEndpointDenied,
        Self::ScpDenied,
        Self::RcpDenied,
        Self::ExternalIdNotAsked,
        Self::ExternalIdUnknown,
    ];

    /// Its name in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeDenied => "assume_denied",
            Self::TagSessionDenied => "tag_session_denied",
            Self::SessionTooLong => "session_too_long",
            Self::RegionDisabled => "region_disabled",
            Self::NotAllowed => "not_allowed",
            Self::ExplicitDeny => "explicit_deny",
            Self::BoundaryDenied => "boundary_denied",
            Self::SessionPolicyDenied => "session_policy_denied",
            Self::VpcEndpointDenied => "vpc_endpoint_denied",
            Self::ScpDenied => "scp_denied",
            Self::RcpDenied => "rcp_denied",
            Self::Failed(reason) => reason.as_str(),
            Self::ExternalIdNotAsked => "external_id_not_asked",
            Self::ExternalIdUnknown => "external_id_unknown",
        }
    }

    /// The cause of an error, by AWS's words where they tell more than the code.
    ///
    /// Source: IAM User Guide, "Troubleshoot access denied error messages".
    pub fn of(error: &ScanError) -> Self {
        use UnknownReason as R;
        let says = error.message.to_ascii_lowercase();
        let by = [
            ("resource control policy", Self::RcpDenied),
            ("service control policy", Self::ScpDenied),
            ("permissions boundary", Self::BoundaryDenied),
            ("session policy", Self::SessionPolicyDenied),
            ("vpc endpoint policy", Self::VpcEndpointDenied),
            ("explicit deny", Self::ExplicitDeny),
        ];
        let by = by.into_iter().find(|(words, _)| says.contains(words)).map(|(_, kind)| kind);
        match error.reason {
            R::ScpDenied => by.unwrap_or(Self::ScpDenied),
            R::AssumeDenied if says.contains("sts:tagsession") => Self::TagSessionDenied,
            R::AssumeDenied => by.unwrap_or(Self::AssumeDenied),
            R::AccessDenied => by.unwrap_or(Self::NotAllowed),
            R::AwsError if error.code.as_deref() == Some("RegionDisabledException") => {
                Self::RegionDisabled
            }
            R::AwsError
                if error.operation.as_deref() == Some(ASSUME)
                    && error.message.contains("DurationSeconds") =>
            {
                Self::SessionTooLong
            }
            reason => Self::Failed(reason),
        }
    }

    /// Whether the account is all right in spite of it.
    pub fn is_warning(self) -> bool {
        matches!(self, Self::ExternalIdNotAsked | Self::ExternalIdUnknown)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A call, and what it is about where its name does not tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Call {
    /// As `iam:GetRole`.
    pub operation: &'static str,
    /// As `the role`.
    pub on: Option<String>,
}

/// One thing that one account does not allow.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Whose permissions are lacking.
    pub(super) part: Part,
    /// Why.
    pub(super) kind: Kind,
    /// To which call.
    pub(super) call: Call,
    /// What AWS said; nothing where it said yes and should not have.
    pub(super) error: Option<ScanError>,
}

/// Everything that an account does not allow, in the order of the calls.
pub(super) fn troubles(facts: &AccountFacts) -> Vec<Trouble> {
    let reader = if facts.scan_role.is_some() { Part::ScanRole } else { Part::BaseCredentials };
    let reads = facts.reads.iter().filter_map(|fact| {
        let on = Some(fact.read.subject.words());
        refused(reader, Call { operation: fact.read.operation, on }, &fact.answer)
    });
    let scan = facts.scan_role.iter().flat_map(|role| of_role(Part::ScanRole, role));
    let remediate = facts.remediate_role.iter().flat_map(|role| of_role(Part::RemediateRole, role));
    scan.chain(reads).chain(remediate).collect()
}

fn refused(part: Part, call: Call, answer: &Answer) -> Option<Trouble> {
    let error = answer.as_ref().err()?;
    Some(Trouble { part, kind: Kind::of(error), call, error: Some(error.clone()) })
}

fn of_role(part: Part, role: &Assumed) -> Option<Trouble> {
    let call = Call { operation: ASSUME, on: None };
    match (&role.answer, &role.without_external_id) {
        (Ok(()), Some(Ok(()))) => {
            Some(Trouble { part, kind: Kind::ExternalIdNotAsked, call, error: None })
        }
        (Ok(()), Some(Err(error))) if matches!(Kind::of(error), Kind::Failed(_)) => {
            let kind = Kind::ExternalIdUnknown;
            Some(Trouble { part, kind, call, error: Some(error.clone()) })
        }
        (answer, _) => refused(part, call, answer),
    }
}

/// What several accounts share: whose permissions, why, and to which calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// The reason.
    #[serde(rename = "cause")]
    pub kind: Kind,
    /// Whose permissions are lacking.
    pub part: Part,
    /// The calls; none where the reason is not about permissions, because then it does not matter which it met.
    pub calls: BTreeSet<Call>,
}

/// A cause with the accounts it is in.
#[derive(Debug)]
pub(super) struct Group {
    /// What they share.
    pub(super) cause: Cause,
    /// The first error in AWS's words, without what is particular to one account.
    pub(super) says: Option<String>,
    /// The accounts, in id order.
    pub(super) accounts: Vec<AccountId>,
}

/// The causes: the worst first, then the most frequent.
pub(super) fn groups<'t>(
    accounts: impl IntoIterator<Item = (&'t AccountId, &'t [Trouble])>,
) -> Vec<Group> {
    let mut groups: BTreeMap<Cause, Group> = BTreeMap::new();
    for (id, troubles) in accounts {
        let mut here: BTreeMap<(Kind, Part), Vec<&Trouble>> = BTreeMap::new();
        for trouble in troubles {
            here.entry((trouble.kind, trouble.part)).or_default().push(trouble);
        }
        for ((kind, part), troubles) in here {
            let calls = match kind {
                Kind::Failed(_) => BTreeSet::new(),
                _ => troubles.iter().map(|trouble| trouble.call.clone()).collect(),
            };
            let error = troubles.iter().find_map(|trouble| trouble.error.as_ref());
            let says = error.map(|error| general(&error.message, id, error));
            let cause = Cause { kind, part, calls };
            let group = groups.entry(cause.clone());
            group
                .or_insert_with(|| Group { cause, says, accounts: vec![] })
                .accounts
                .push(id.clone());
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| (rank(&group.cause), Reverse(group.accounts.len())));
    groups
}

/// An account that is not read at all is worse than one that is read in part.
fn rank(cause: &Cause) -> u8 {
    let entering = cause.calls.iter().any(|call| call.operation == ASSUME);
    match (cause.kind.is_warning(), cause.part) {
        (true, _) => 3,
        (false, Part::RemediateRole) => 2,
        (false, Part::ScanRole) if entering => 0,
        (false, Part::ScanRole | Part::BaseCredentials) => 1,
    }
}
