//! The simulated organization as plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::generate::Kind;
use super::paging::Paging;
use super::quota::Quota;
use super::script::Rule;
use crate::model::AccountId;

/// An organization with everything the server answers from. Two worlds of one seed are equal.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The organization's id, `o-…`.
    pub organization_id: String,
    /// The partition in every ARN.
    pub partition: String,
    /// The management account.
    pub management: AccountId,
    /// The account the base credentials live in.
    pub hub: AccountId,
    /// Accounts beside the management account that may ask Organizations.
    pub delegated: BTreeSet<AccountId>,
    /// The root's id, `r-…`.
    pub root_id: String,
    /// Organizational units by id, `ou-…`.
    pub units: BTreeMap<String, Unit>,
    /// The accounts.
    pub accounts: BTreeMap<AccountId, Member>,
    /// AWS's own managed policies, by ARN.
    pub aws_policies: BTreeMap<String, ManagedPolicy>,
    /// Roles that can be assumed.
    pub access: Access,
    /// How Organizations lists.
    pub listing: Listing,
    /// Most items on one page of IAM and EKS, whatever the caller asks for.
    pub iam_page: usize,
    /// What chance draws from: two worlds that differ in it alone have other jitter and lag.
    pub seed: u64,
    /// How long every answer takes.
    pub latency: Duration,
    /// How much sooner or later an answer may come than that.
    pub jitter: Duration,
    /// Whether requests must carry the signature that their secret makes.
    pub check_signatures: bool,
    /// Seconds that the services' clock is ahead of the true time: `Date` says so, and checked signatures are held
    /// against it.
    pub clock_ahead: i64,
    /// How long reads of an account may still see what was there before a write.
    pub lag: Duration,
    /// Faults of every account; where an account has its own rule for a call, that one comes first.
    pub faults: Vec<Rule>,
    /// Beyond these, calls are throttled.
    pub quotas: Vec<Quota>,
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// The id of the unit, or root, above it.
    pub parent: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// The id of the unit, or root, it is in.
    pub parent: String,
    /// Its place in the account lifecycle.
    pub state: State,
    /// The organization's tags on it.
    pub tags: BTreeMap<String, String>,
    /// IAM roles, by exact name.
    pub roles: BTreeMap<String, Role>,
    /// Customer managed policies, by ARN.
    pub policies: BTreeMap<String, ManagedPolicy>,
    /// Its clusters, of all regions.
    pub clusters: Vec<Cluster>,
    /// Whether its role changes under the reader's eyes.
    pub change: Change,
    /// Faults of calls into this account.
    pub faults: Vec<Rule>,
    /// What the generator made of it; the server does not look at this.
    pub kind: Kind,
}

/// Account states of Organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are AWS's")]
pub enum State {
    PendingActivation,
    Active,
    Suspended,
    PendingClosure,
    Closed,
}

impl State {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::PendingClosure => "PENDING_CLOSURE",
            Self::Closed => "CLOSED",
        }
    }
}

/// An IAM role. Documents are text as a person wrote it; the server encodes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its path, `/` mostly.
    pub path: String,
    /// Its unique id, `AROA…`.
    pub id: String,
    /// The trust policy.
    pub trust: Arc<str>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Arc<str>>,
    /// ARNs of attached managed policies.
    pub attached: BTreeSet<String>,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Longest session, in seconds.
    pub max_session: u32,
    /// Its description; empty means none.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A cluster, EKS's own or a connected one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The region it is in.
    pub region: String,
    /// Its name.
    pub name: String,
    /// As `ACTIVE`.
    pub status: String,
    /// The ARN of the role that a connected cluster works with; EKS's own clusters have none.
    pub connected_role: Option<String>,
}

impl Cluster {
    /// A connected cluster that works with this role.
    pub fn connected(region: &str, name: &str, role_arn: &str) -> Self {
        Self {
            region: region.to_owned(),
            name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            connected_role: Some(role_arn.to_owned()),
        }
    }
}

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// The default version's document.
    pub document: Arc<str>,
    /// The default version's number: 3 is `v3`. It is the only version kept.
    pub version: u32,
}

/// Whether a role changes between two reads. A write to the role ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It does not.
    Never,
    /// Every `GetRolePolicy` gives another document.
    EveryRead,
    /// It is `to` (`None`: deleted) for every IAM call into the account after the first `after` ones.
    Once {
        /// IAM calls that still see the role as it was.
        after: u64,
        /// The role's name.
        role: String,
        /// What it becomes.
        to: Option<Box<Role>>,
    },
}

/// Roles that can be assumed, by name with path (`team/rolewarden-scan`), in every account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// In every account but where `only` says otherwise.
    pub everywhere: BTreeMap<String, Assumable>,
    /// In one account; such a role comes before one of the same name that is everywhere.
    pub only: BTreeMap<AccountId, BTreeMap<String, Assumable>>,
}

/// Who may assume a role, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumable {
    /// Accounts whose identities may; empty means the hub.
    pub trusts: BTreeSet<AccountId>,
    /// The external id that must come along.
    pub external_id: Option<String>,
    /// Longest session, in seconds.
    pub max_session: u32,
    /// Actions its own policy allows, as `iam:Get*`.
    pub allows: Vec<String>,
    /// What it allows them on, as `arn:aws:iam::*:role/x`; empty means everything.
    pub on: Vec<String>,
}

/// How Organizations lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Most items on one page; AWS has 20.
    pub page: usize,
    /// What goes wrong with the pages.
    pub paging: Paging,
    /// Which field tells an account's state.
    pub state_field: StateField,
}

/// Which field tells an account's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateField {
    /// `State`, as AWS does since September 2026.
    State,
    /// `Status` only, as old emulators do.
    Status,
    /// Both.
    Both,
}

impl World {
    /// The account number of every account that is listed.
    pub fn ids(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.keys()
    }

    /// Accounts the generator made this kind of.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter().filter(move |(_, member)| member.kind == kind).map(|(id, _)| id)
    }

    /// Chance for the nth of something in an account, always the same: it does not matter what else happens.
    pub(super) fn dice(&self, account: &AccountId, what: u64, nth: u64) -> fastrand::Rng {
        let number = account.as_str().parse().unwrap_or_default();
        let mix = |hash: u64, part: u64| {
            (hash ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
        };
        fastrand::Rng::with_seed([number, what, nth].into_iter().fold(self.seed, mix))
    }

    /// The assumable role of this name in this account, if the account is there and open.
    pub(super) fn assumable(&self, account: &AccountId, name: &str) -> Option<&Assumable> {
        let open = self.accounts.get(account)?.state == State::Active;
        let own = self.access.only.get(account).and_then(|roles| roles.get(name));
        own.or_else(|| self.access.everywhere.get(name)).filter(|_| open)
    }

    /// A managed policy as this account sees it.
    pub(super) fn policy(&self, account: &AccountId, arn: &str) -> Option<&ManagedPolicy> {
        self.aws_policies.get(arn).or_else(|| self.accounts.get(account)?.policies.get(arn))
    }

    /// `o-…/r-…/ou-…/`: where a unit or root is.
    pub(super) fn path_of(&self, parent: &str) -> String {
        let mut ids = vec![];
        let mut at = parent;
        // A hand-made world may hold a cycle; AWS nests five deep.
        while let (Some(unit), true) = (self.units.get(at), ids.len() < 8) {
            ids.push(at);
            at = &unit.parent;
        }
        ids.push(at);
        ids.reverse();
        format!("{}/{}/", self.organization_id, ids.join("/"))
    }
}

impl Role {
    /// Its ARN in an account.
    pub fn arn(&self, partition: &str, account: &AccountId, name: &str) -> String {
        format!("arn:{partition}:iam::{account}:role{}{name}", self.path)
    }
}
