//! Accounts of each kind, from a stream of random numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;

use super::calls::Operation;
use super::documents as doc;
use super::fault::Fault;
use super::generate::Kind;
use super::script::{On, Rule};
use super::world::{Change, ManagedPolicy, Member, Role, State, World};
use crate::model::AccountId;

impl World {
    /// Makes an account's role, customer managed policies, state and faults what this kind has. Its name, place and tags
    /// stay. False when there is no such account.
    pub fn remake(&mut self, account: &AccountId, kind: Kind) -> bool {
        let Some(member) = self.accounts.get_mut(account) else { return false };
        member.kind = kind;
        Mint::of_account(account).shape(member, account);
        true
    }
}

impl Kind {
    /// The faults that make an account what it is.
    pub(super) fn rules(self) -> Vec<Rule> {
        let rule = match self {
            Self::AssumeDenied => Rule::always(On::Only(Operation::AssumeRole), Fault::Denied),
            Self::AssumeScpDenied => {
                Rule::always(On::Only(Operation::AssumeRole), Fault::ScpDenied)
            }
            Self::ReadDenied => {
                Rule::always(On::Only(Operation::ListAttachedRolePolicies), Fault::Denied)
            }
            Self::Throttled => Rule::always(On::Iam, Fault::Throttled),
            _ => return vec![],
        };
        vec![rule]
    }
}

/// The role as the guide's command-line steps make it.
pub(super) fn guide_role(account: &AccountId) -> Role {
    Mint::of_account(account).right_role()
}

/// Makes accounts.
pub(super) struct Mint {
    pub(super) rng: Rng,
    pub(super) members: BTreeMap<AccountId, Member>,
    /// Each document once: thousands of accounts share a few texts.
    texts: BTreeSet<Arc<str>>,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), members: BTreeMap::new(), texts: BTreeSet::new() }
    }

    /// Makes the same of the same account.
    fn of_account(account: &AccountId) -> Self {
        Self::new(account.as_str().parse().unwrap_or_default())
    }

    /// Makes one account and gives its number.
    pub(super) fn account(&mut self, kind: Kind, name: String, parent: &str) -> AccountId {
        let id = self.new_id();
        let environment = name.rsplit('-').next().unwrap_or_default().to_owned();
        let mut member = Member {
            tags: BTreeMap::from([("environment".to_owned(), environment)]),
            name,
            parent: parent.to_owned(),
            state: State::Active,
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            clusters: vec![],
            change: Change::Never,
            faults: vec![],
            kind,
        };
        self.shape(&mut member, &id);
        self.members.insert(id.clone(), member);
        id
    }

    /// Makes everything but the account's name, place and tags what its kind has.
    fn shape(&mut self, member: &mut Member, id: &AccountId) {
        member.state = State::Active;
        member.change = Change::Never;
        member.policies.clear();
        member.roles.retain(|name, _| !name.eq_ignore_ascii_case(doc::ROLE));
        let mut role = self.right_role();
        self.shape_role(&mut role, member.kind, id);
        self.shape_account(member, &mut role, id);
        let name = match member.kind {
            Kind::Absent => return,
            Kind::OtherCase => doc::ROLE.to_ascii_lowercase(),
            _ => doc::ROLE.to_owned(),
        };
        member.roles.insert(name, role);
    }

    pub(super) fn text(&mut self, document: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(document) {
            return Arc::clone(known);
        }
        let text: Arc<str> = document.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn number(&mut self) -> u64 {
        self.rng.u64(100_000_000_000..1_000_000_000_000)
    }

    fn new_id(&mut self) -> AccountId {
        loop {
            if let Ok(id) = self.number().to_string().parse::<AccountId>()
                && !self.members.contains_key(&id)
            {
                return id;
            }
        }
    }

    /// The role as the guide's command-line steps make it.
    fn right_role(&mut self) -> Role {
        let id: String = std::iter::repeat_with(|| self.rng.alphanumeric().to_ascii_uppercase())
            .take(17)
            .collect();
        Role {
            path: "/".to_owned(),
            id: format!("AROA{id}"),
            trust: self.text(doc::TRUST),
            inline: BTreeMap::from([(doc::INLINE.to_owned(), self.text(doc::PERMISSIONS))]),
            attached: BTreeSet::new(),
            boundary: None,
            max_session: 3600,
            description: String::new(),
            tags: BTreeMap::new(),
        }
    }

    /// What the kind makes of the role's own documents.
    fn shape_role(&mut self, role: &mut Role, kind: Kind, id: &AccountId) {
        let trust = match kind {
            Kind::GuideCloudFormation => doc::TRUST_CLOUDFORMATION.to_owned(),
            Kind::Eksctl => doc::TRUST_EKSCTL.to_owned(),
            Kind::ForeignAccount => {
                let foreign = self.number();
                doc::trust_of(&format!(
                    r#"{{"Service":"ssm.amazonaws.com","AWS":"arn:aws:iam::{foreign}:root"}}"#
                ))
            }
            Kind::Everyone => doc::trust_of(r#"{"Service":"ssm.amazonaws.com","AWS":"*"}"#),
            Kind::ExtraService => {
                doc::trust_of(r#"{"Service":["ssm.amazonaws.com","ec2.amazonaws.com"]}"#)
            }
            Kind::OwnSourceAccount => doc::trust_for_source(id.as_str()),
            Kind::OtherSourceAccount => doc::trust_for_source("111122223333"),
            _ => doc::TRUST.to_owned(),
        };
        role.trust = self.text(&trust);
        let (name, document) = match kind {
            Kind::GuideCloudFormation => {
                (doc::INLINE_CLOUDFORMATION, doc::PERMISSIONS_CLOUDFORMATION.to_owned())
            }
            Kind::Eksctl => (doc::INLINE_EKSCTL, doc::PERMISSIONS_EKSCTL.to_owned()),
            Kind::TerraformInline => (doc::INLINE, doc::PERMISSIONS_TERRAFORM.to_owned()),
            Kind::ExtraStatement => (doc::INLINE, doc::permissions_and(doc::ALLOW_S3)),
            Kind::DenyStatement => (doc::INLINE, doc::permissions_and(doc::DENY_DATA)),
            Kind::NarrowedResource => {
                (doc::INLINE, doc::permissions_on("arn:aws:ssm:eu-west-1:*:*"))
            }
            Kind::WildcardAction => (doc::INLINE, doc::PERMISSIONS_WILDCARD.to_owned()),
            Kind::MissingAction => (doc::INLINE, doc::PERMISSIONS_SHORT.to_owned()),
            Kind::Doubtful => (doc::INLINE, doc::PERMISSIONS_DOUBTFUL.to_owned()),
            _ => (doc::INLINE, doc::PERMISSIONS.to_owned()),
        };
        role.inline = BTreeMap::from([(name.to_owned(), self.text(&document))]);
    }

    /// What the kind makes of everything around these documents.
    fn shape_account(&mut self, member: &mut Member, role: &mut Role, id: &AccountId) {
        member.faults = member.kind.rules();
        match member.kind {
            Kind::TerraformInline => {
                role.tags.insert("managed-by".to_owned(), "terraform".to_owned());
            }
            Kind::TerraformManaged => {
                role.inline.clear();
                role.attached.insert(self.policy(
                    member,
                    id,
                    doc::INLINE,
                    doc::PERMISSIONS_TERRAFORM,
                ));
            }
            Kind::AdministratorAttached => {
                role.attached.insert(doc::ADMINISTRATOR_ACCESS.to_owned());
            }
            Kind::ExtraInline => {
                role.inline.insert("debug-access".to_owned(), self.text(doc::S3));
            }
            Kind::Boundary => {
                role.boundary = Some(self.policy(member, id, "workload-boundary", doc::BOUNDARY))
            }
            Kind::OtherPath => "/team/".clone_into(&mut role.path),
            Kind::LongSession => role.max_session = 43_200,
            Kind::Suspended => member.state = State::Suspended,
            Kind::Closed => member.state = State::Closed,
            _ => {}
        }
    }

    /// Puts a customer managed policy into the account; gives its ARN.
    fn policy(
        &mut self,
        member: &mut Member,
        id: &AccountId,
        name: &str,
        document: &str,
    ) -> String {
        let arn = format!("arn:aws:iam::{id}:policy/{name}");
        member
            .policies
            .insert(arn.clone(), ManagedPolicy { document: self.text(document), version: 1 });
        arn
    }
}
