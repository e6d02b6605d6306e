//! Organizations as people make them, from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;

use super::calls::Operation;
use super::documents as doc;
use super::fault::{Fault, On, Rule};
use super::world::{
    Access, Assumable, Change, Listing, ManagedPolicy, Member, Paging, Role, State, StateField,
    Unit, World,
};
use crate::model::AccountId;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What the generator can make of an account.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

kinds! {
    /// Made by the guide's command-line steps.
    GuideCli,
    /// Made by the guide's CloudFormation template, under the fixed name.
    GuideCloudFormation,
    /// The texts of eksctl, under the fixed name.
    Eksctl,
    /// The inline policy as a Terraform module writes it.
    TerraformInline,
    /// The permissions in an attached customer managed policy, nothing inline.
    TerraformManaged,
    /// A foreign account may assume the role too.
    ForeignAccount,
    /// No role.
    Absent,
    /// AssumeRole is refused: the scan role was never deployed.
    AssumeDenied,
    /// AdministratorAccess is attached.
    AdministratorAttached,
    /// Anyone may assume the role.
    Everyone,
    /// Another service may assume the role too.
    ExtraService,
    /// One read is refused.
    ReadDenied,
    /// `s3:*` beside the right permissions, in the same document.
    ExtraStatement,
    /// `ssmmessages:*` on everything.
    WildcardAction,
    /// OpenControlChannel was forgotten.
    MissingAction,
    /// Suspended.
    Suspended,
    /// AssumeRole is refused by a service control policy.
    AssumeScpDenied,
    /// Data channels on one region only.
    NarrowedResource,
    /// A Deny on what is allowed.
    DenyStatement,
    /// A second inline policy.
    ExtraInline,
    /// The account throttles every read.
    Throttled,
    /// A permissions boundary that cuts everything the connector needs.
    Boundary,
    /// Trust under the condition that the call comes from this very account.
    OwnSourceAccount,
    /// Trust under the condition that the call comes from another account.
    OtherSourceAccount,
    /// A document IAM stores and nobody should trust.
    Doubtful,
    /// Closed.
    Closed,
}

impl Kind {
    /// Right, whatever the text: about two thirds of the accounts.
    pub const RIGHT: &[Self] =
        &[Self::GuideCli, Self::GuideCloudFormation, Self::Eksctl, Self::TerraformInline];

    /// All others, in the order in which a small organization gets them.
    fn others() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|kind| !Self::RIGHT.contains(kind)).collect()
    }
}

const OTHERS_PERCENT: usize = 37;
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
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
/// About two thirds of the accounts are right, in all the ways the role is made; with 60 accounts or more every
/// [`Kind`] is there.
pub fn generate(seed: u64, accounts: usize) -> World {
    let mut rng = Rng::with_seed(seed);
    let mut members = BTreeMap::new();
    let management =
        new_account(&mut rng, &mut members, Kind::GuideCli, ("acme-management".to_owned(), ROOT));
    let security = ("security-tooling".to_owned(), "ou-sim1-security");
    let hub = new_account(&mut rng, &mut members, Kind::GuideCloudFormation, security);
    for (i, kind) in kinds(&mut rng, accounts.saturating_sub(2)).into_iter().enumerate() {
        new_account(&mut rng, &mut members, kind, name_and_unit(i));
    }
    let administrator = ManagedPolicy { document: doc::ADMINISTRATOR.into(), version: 1 };
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
        accounts: members,
        aws_policies: BTreeMap::from([(ADMINISTRATOR_ACCESS.to_owned(), administrator)]),
        access: Access {
            everywhere: BTreeMap::from([("rolewarden-scan".to_owned(), scan_role())]),
            only: BTreeMap::new(),
        },
        listing: Listing { page: 20, paging: Paging::Honest, state_field: StateField::State },
        iam_page: 100,
        latency: Duration::ZERO,
        faults: vec![],
    }
}

/// As many kinds as accounts, in random order.
fn kinds(rng: &mut Rng, accounts: usize) -> Vec<Kind> {
    // Rounded up, so that 60 accounts hold every kind.
    let others = (accounts * OTHERS_PERCENT).div_ceil(100);
    let mut kinds: Vec<Kind> = Kind::others().into_iter().cycle().take(others).collect();
    kinds.extend(Kind::RIGHT.iter().cycle().take(accounts - others));
    rng.shuffle(&mut kinds);
    kinds
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

/// The least-privilege scan role.
fn scan_role() -> Assumable {
    let reads = [
        "GetRole",
        "GetRolePolicy",
        "ListRolePolicies",
        "ListAttachedRolePolicies",
        "GetPolicy",
        "GetPolicyVersion",
    ];
    Assumable {
        trusts: BTreeSet::new(),
        external_id: None,
        max_session: 3600,
        allows: reads.iter().map(|read| format!("iam:{read}")).collect(),
    }
}

fn new_account(
    rng: &mut Rng,
    members: &mut BTreeMap<AccountId, Member>,
    kind: Kind,
    (name, parent): (String, &str),
) -> AccountId {
    let id = loop {
        // Eleven digits behind a first one that is not zero always are an account id.
        let Ok(id) =
            format!("{:012}", rng.u64(100_000_000_000..1_000_000_000_000)).parse::<AccountId>()
        else {
            continue;
        };
        if !members.contains_key(&id) {
            break id;
        }
    };
    let environment = name.rsplit('-').next().unwrap_or_default().to_owned();
    let mut member = Member {
        tags: BTreeMap::from([("environment".to_owned(), environment)]),
        name,
        parent: parent.to_owned(),
        state: State::Active,
        roles: BTreeMap::new(),
        policies: BTreeMap::new(),
        change: Change::Never,
        faults: vec![],
        kind,
    };
    let mut role = right_role(rng);
    shape(&mut member, &mut role, kind, &id, rng);
    if kind != Kind::Absent {
        member.roles.insert(doc::ROLE.to_owned(), role);
    }
    members.insert(id.clone(), member);
    id
}

/// The role as the guide's command-line steps make it.
fn right_role(rng: &mut Rng) -> Role {
    let id: String =
        std::iter::repeat_with(|| rng.alphanumeric().to_ascii_uppercase()).take(17).collect();
    Role {
        path: "/".to_owned(),
        id: format!("AROA{id}"),
        trust: doc::TRUST.into(),
        inline: BTreeMap::from([(doc::INLINE.to_owned(), doc::PERMISSIONS.into())]),
        attached: BTreeSet::new(),
        boundary: None,
        max_session: 3600,
        description: String::new(),
        tags: BTreeMap::new(),
    }
}

/// Makes of a right role, in an ordinary account, what the kind says.
fn shape(member: &mut Member, role: &mut Role, kind: Kind, id: &AccountId, rng: &mut Rng) {
    let mut inline = |name: &str, document: &str| role.inline = one_policy(name, document);
    match kind {
        Kind::GuideCli | Kind::Absent => {}
        Kind::GuideCloudFormation => {
            inline(doc::INLINE_CLOUDFORMATION, doc::PERMISSIONS_CLOUDFORMATION);
            role.trust = doc::TRUST_CLOUDFORMATION.into();
        }
        Kind::Eksctl => {
            inline(doc::INLINE_EKSCTL, doc::PERMISSIONS_EKSCTL);
            role.trust = doc::TRUST_EKSCTL.into();
        }
        Kind::TerraformInline => {
            inline(doc::INLINE, doc::PERMISSIONS_TERRAFORM);
            role.tags.insert("managed-by".to_owned(), "terraform".to_owned());
        }
        Kind::TerraformManaged => {
            role.inline.clear();
            role.attached.insert(add_policy(member, id, doc::INLINE, doc::PERMISSIONS_TERRAFORM));
        }
        Kind::ForeignAccount => {
            let foreign = rng.u64(100_000_000_000..1_000_000_000_000);
            let principal =
                format!(r#"{{"Service":"ssm.amazonaws.com","AWS":"arn:aws:iam::{foreign}:root"}}"#);
            role.trust = doc::trust_of(&principal).into();
        }
        Kind::Everyone => {
            role.trust = doc::trust_of(r#"{"Service":"ssm.amazonaws.com","AWS":"*"}"#).into()
        }
        Kind::ExtraService => {
            role.trust =
                doc::trust_of(r#"{"Service":["ssm.amazonaws.com","ec2.amazonaws.com"]}"#).into();
        }
        Kind::OwnSourceAccount => role.trust = doc::trust_for_source(id.as_str()).into(),
        Kind::OtherSourceAccount => role.trust = doc::trust_for_source("111122223333").into(),
        Kind::ExtraStatement => {
            let statement = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
            inline(doc::INLINE, &doc::permissions_and(statement));
        }
        Kind::DenyStatement => {
            let statement =
                r#"{"Effect":"Deny","Action":"ssmmessages:OpenDataChannel","Resource":"*"}"#;
            inline(doc::INLINE, &doc::permissions_and(statement));
        }
        Kind::NarrowedResource => {
            inline(doc::INLINE, &doc::permissions_on("arn:aws:ssm:eu-west-1:*:*"))
        }
        Kind::WildcardAction => inline(doc::INLINE, doc::PERMISSIONS_WILDCARD),
        Kind::MissingAction => inline(doc::INLINE, doc::PERMISSIONS_SHORT),
        Kind::Doubtful => inline(doc::INLINE, doc::PERMISSIONS_DOUBTFUL),
        Kind::ExtraInline => {
            role.inline.insert("debug-access".to_owned(), doc::S3.into());
        }
        Kind::AdministratorAttached => {
            role.attached.insert(ADMINISTRATOR_ACCESS.to_owned());
        }
        Kind::Boundary => {
            role.boundary = Some(add_policy(member, id, "workload-boundary", doc::BOUNDARY))
        }
        Kind::AssumeDenied => {
            member.faults = vec![Rule::always(On::Only(Operation::AssumeRole), Fault::Denied)]
        }
        Kind::AssumeScpDenied => {
            member.faults = vec![Rule::always(On::Only(Operation::AssumeRole), Fault::ScpDenied)]
        }
        Kind::ReadDenied => {
            member.faults =
                vec![Rule::always(On::Only(Operation::ListAttachedRolePolicies), Fault::Denied)];
        }
        Kind::Throttled => member.faults = vec![Rule::always(On::Iam, Fault::Throttled)],
        Kind::Suspended => member.state = State::Suspended,
        Kind::Closed => member.state = State::Closed,
    }
}

fn one_policy(name: &str, document: &str) -> BTreeMap<String, Arc<str>> {
    BTreeMap::from([(name.to_owned(), document.into())])
}

/// Puts a customer managed policy into the account; gives its ARN.
fn add_policy(member: &mut Member, id: &AccountId, name: &str, document: &str) -> String {
    let arn = format!("arn:aws:iam::{id}:policy/{name}");
    member.policies.insert(arn.clone(), ManagedPolicy { document: document.into(), version: 1 });
    arn
}
