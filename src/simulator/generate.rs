//! Organizations as people make them, from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::documents as doc;
use super::mint::Mint;
use super::named::named;
use super::paging::Paging;
use super::world::{Access, Assumable, Listing, ManagedPolicy, StateField, Unit, World};

named! {
    /// What the generator can make of an account. In settings each has a text form, as `guide-cli`.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum Kind, "kind of account" {
        /// Made by the guide's command-line steps.
        GuideCli => "guide-cli",
        /// Made by the guide's CloudFormation template, under the fixed name.
        GuideCloudFormation => "guide-cloudformation",
        /// The texts of eksctl, under the fixed name.
        Eksctl => "eksctl",
        /// The inline policy as a Terraform module writes it.
        TerraformInline => "terraform-inline",
        /// The permissions in an attached customer managed policy, nothing inline.
        TerraformManaged => "terraform-managed",
        /// A foreign account may assume the role too.
        ForeignAccount => "foreign-account",
        /// No role.
        Absent => "absent",
        /// AssumeRole is refused: the scan role was never deployed.
        AssumeDenied => "assume-denied",
        /// AdministratorAccess is attached.
        AdministratorAttached => "administrator-attached",
        /// Anyone may assume the role.
        Everyone => "everyone",
        /// Another service may assume the role too.
        ExtraService => "extra-service",
        /// One read is refused.
        ReadDenied => "read-denied",
        /// `s3:*` beside the right permissions, in the same document.
        ExtraStatement => "extra-statement",
        /// `ssmmessages:*` on everything.
        WildcardAction => "wildcard-action",
        /// OpenControlChannel was forgotten.
        MissingAction => "missing-action",
        /// Suspended.
        Suspended => "suspended",
        /// AssumeRole is refused by a service control policy.
        AssumeScpDenied => "assume-scp-denied",
        /// Data channels on one region only.
        NarrowedResource => "narrowed-resource",
        /// A Deny on what is allowed.
        DenyStatement => "deny-statement",
        /// A second inline policy.
        ExtraInline => "extra-inline",
        /// The account throttles every read.
        Throttled => "throttled",
        /// A permissions boundary that cuts everything the connector needs.
        Boundary => "boundary",
        /// Trust under the condition that the call comes from this very account.
        OwnSourceAccount => "own-source-account",
        /// Trust under the condition that the call comes from another account.
        OtherSourceAccount => "other-source-account",
        /// A document IAM stores and nobody should trust.
        Doubtful => "doubtful",
        /// Closed.
        Closed => "closed",
        /// The right role, made again under another path.
        OtherPath => "other-path",
        /// Sessions of the role may last twelve hours.
        LongSession => "long-session",
        /// The role's name is in lower case.
        OtherCase => "other-case",
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = Self::EACH;

    /// Right, whatever the text: about two thirds of the accounts.
    pub const RIGHT: &[Self] =
        &[Self::GuideCli, Self::GuideCloudFormation, Self::Eksctl, Self::TerraformInline];

    /// All others, in the order in which a small organization gets them.
    fn others() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|kind| !Self::RIGHT.contains(kind)).collect()
    }
}

/// What an organization is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// How many of 100 accounts are right; 100 and more is all of them.
    pub right_percent: u8,
}

impl Default for Mix {
    fn default() -> Self {
        Self { right_percent: 63 }
    }
}

/// The role that a scan assumes.
const SCAN_ROLE: &str = "rolewarden-scan";
/// The role that a repair by rolewarden assumes.
const REMEDIATE_ROLE: &str = "rolewarden-remediate";
/// The role that people assume who administer an account.
pub const ADMINISTRATOR_ROLE: &str = "AdministratorRole";

const ROOT: &str = "r-sim1";
/// Units: id, name, unit above.
const UNITS: &[(&str, &str, &str)] = &[
    ("ou-sim1-platform", "platform", ROOT),
    ("ou-sim1-security", "security", "ou-sim1-platform"),
    ("ou-sim1-prod0000", "prod", ROOT),
    ("ou-sim1-retail00", "retail", "ou-sim1-prod0000"),
    ("ou-sim1-finance0", "finance", "ou-sim1-prod0000"),
    ("ou-sim1-staging0", "staging", ROOT),
    ("ou-sim1-dev00000", "dev", ROOT),
    ("ou-sim1-sandbox0", "sandbox", ROOT),
];
/// Workloads and the production unit they are in.
const TEAMS: &[(&str, &str)] = &[
    ("payments", "ou-sim1-finance0"),
    ("checkout", "ou-sim1-retail00"),
    ("data-lake", "ou-sim1-prod0000"),
    ("search", "ou-sim1-retail00"),
    ("billing", "ou-sim1-finance0"),
    ("catalog", "ou-sim1-retail00"),
    ("fraud", "ou-sim1-finance0"),
    ("shipping", "ou-sim1-retail00"),
    ("identity", "ou-sim1-platform"),
    ("observability", "ou-sim1-platform"),
    ("mobile-api", "ou-sim1-prod0000"),
    ("warehouse", "ou-sim1-prod0000"),
    ("recommendations", "ou-sim1-prod0000"),
    ("ledger", "ou-sim1-finance0"),
    ("loyalty", "ou-sim1-retail00"),
    ("ml-training", "ou-sim1-prod0000"),
];

/// An organization of so many accounts (two at least: the management account and the security account, which is
/// the hub and a delegated administrator). The same seed and number give the same world.
///
/// About two thirds of the accounts are right, in all the ways the role is made; with 70 accounts or more every
/// [`Kind`] is there.
pub fn generate(seed: u64, accounts: usize) -> World {
    generate_with(seed, accounts, Mix::default())
}

/// An organization with so many accounts, mixed as asked for.
pub fn generate_with(seed: u64, accounts: usize, mix: Mix) -> World {
    let mut mint = Mint::new(seed);
    let management = mint.account(Kind::GuideCli, "acme-management".to_owned(), ROOT);
    let hub =
        mint.account(Kind::GuideCloudFormation, "security-tooling".to_owned(), "ou-sim1-security");
    let mut kinds = kinds(accounts.saturating_sub(2), mix);
    mint.rng.shuffle(&mut kinds);
    for (i, kind) in kinds.into_iter().enumerate() {
        let (name, unit) = name_and_unit(i);
        mint.account(kind, name, unit);
    }
    let administrator = ManagedPolicy { document: mint.text(doc::ADMINISTRATOR), version: 1 };
    World {
        organization_id: "o-simulated1".to_owned(),
        partition: "aws".to_owned(),
        management,
        delegated: BTreeSet::from([hub.clone()]),
        hub,
        root_id: ROOT.to_owned(),
        units: UNITS
            .iter()
            .map(|(id, name, parent)| ((*id).to_owned(), unit(name, parent)))
            .collect(),
        accounts: mint.members,
        aws_policies: BTreeMap::from([(doc::ADMINISTRATOR_ACCESS.to_owned(), administrator)]),
        access: Access { everywhere: roles(), only: BTreeMap::new() },
        listing: Listing { page: 20, paging: Paging::Honest, state_field: StateField::State },
        iam_page: 100,
        latency: Duration::ZERO,
        seed,
        jitter: Duration::ZERO,
        check_signatures: false,
        clock_ahead: 0,
        lag: Duration::ZERO,
        faults: vec![],
        quotas: vec![],
    }
}

/// As many kinds as accounts.
fn kinds(accounts: usize, mix: Mix) -> Vec<Kind> {
    let others = 100_usize.saturating_sub(mix.right_percent.into());
    // Rounded up, so that 70 accounts hold every kind.
    let others = (accounts * others).div_ceil(100);
    let others = Kind::others().into_iter().cycle().take(others);
    let right = Kind::RIGHT.iter().copied().cycle();
    others.chain(right).take(accounts).collect()
}

fn name_and_unit(i: usize) -> (String, &'static str) {
    let environments = ["prod", "staging", "dev", "sandbox"];
    let (team, environment) = (i / environments.len(), i % environments.len());
    let (name, prod_unit) =
        TEAMS.iter().cycle().nth(team % TEAMS.len()).copied().unwrap_or(("team", ROOT));
    let round = team / TEAMS.len();
    let number = if round == 0 { String::new() } else { format!("-{}", round + 1) };
    let environment = environments.into_iter().nth(environment).unwrap_or("prod");
    let unit = match environment {
        "staging" => "ou-sim1-staging0",
        "dev" => "ou-sim1-dev00000",
        "sandbox" => "ou-sim1-sandbox0",
        _ => prod_unit,
    };
    (format!("{name}{number}-{environment}"), unit)
}

fn unit(name: &str, parent: &str) -> Unit {
    Unit { name: name.to_owned(), parent: parent.to_owned(), tags: BTreeMap::new() }
}

/// Reads that a scan needs.
const READS: &[&str] = &[
    "GetRole",
    "GetRolePolicy",
    "ListRolePolicies",
    "ListAttachedRolePolicies",
    "GetPolicy",
    "GetPolicyVersion",
];
/// Writes that a repair needs.
const WRITES: &[&str] = &[
    "CreateRole",
    "UpdateRole",
    "UpdateAssumeRolePolicy",
    "PutRolePolicy",
    "DeleteRole",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "TagRole",
    "UntagRole",
];

/// The roles of rolewarden in every account, each allowed no more than it needs, and one for people, who may do
/// everything.
fn roles() -> BTreeMap<String, Assumable> {
    let iam = |names: &[&str]| names.iter().map(|name| format!("iam:{name}")).collect::<Vec<_>>();
    let eks = || vec!["eks:ListClusters".to_owned(), "eks:DescribeCluster".to_owned()];
    let may = |allows, on: &[String]| Assumable {
        trusts: BTreeSet::new(),
        external_id: None,
        max_session: 3600,
        allows,
        on: on.to_vec(),
    };
    let the_role = ["role", "role/*"].map(|at| format!("arn:*:iam::*:{at}/{}", doc::ROLE));
    let and_policies = [the_role.as_slice(), &["arn:*:iam::*:policy/*".to_owned()]].concat();
    BTreeMap::from([
        (SCAN_ROLE.to_owned(), may([iam(READS), eks()].concat(), &[])),
        (REMEDIATE_ROLE.to_owned(), may(iam(&[READS, WRITES].concat()), &and_policies)),
        (ADMINISTRATOR_ROLE.to_owned(), may(vec!["*".to_owned()], &[])),
    ])
}
