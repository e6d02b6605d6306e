//! IAM writes: from a call, and the role as it is, to the role as it will be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answer::Call;
use super::calls::Operation;
use super::iam::{self, no_such};
use super::syntax;
use super::wire::Refusal;
use super::world::{Change, Role, World};
use crate::model::AccountId;

/// Characters of the names of roles and policies beside letters and digits.
const NAME_EXTRA: &str = "_+=,.@-";
/// Roles below this path are AWS's own.
const PROTECTED: &str = "/aws-service-role/";
/// The one service-linked role that the simulator can make: its service, its name.
const LINKED: (&str, &str) = ("eks-connector.amazonaws.com", "AWSServiceRoleForAmazonEKSConnector");
/// Managed policies a role may have.
const MOST_ATTACHED: usize = 20;
/// Tags a role may have.
const MOST_TAGS: usize = 50;

/// One role, changed.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) account: AccountId,
    name: String,
    /// What it becomes; `None`: deleted.
    role: Option<Role>,
}

impl Edit {
    /// Puts the role into the world. A change that the account's readers were to meet is over with it.
    pub(super) fn apply(self, world: &mut World) {
        let Some(member) = world.accounts.get_mut(&self.account) else { return };
        if matches!(&member.change, Change::Once { role, .. } if *role == self.name) {
            member.change = Change::Never;
        }
        match self.role {
            Some(role) => drop(member.roles.insert(self.name, role)),
            None => drop(member.roles.remove(&self.name)),
        }
    }
}

/// The result's XML, and what the call leaves.
pub(super) fn answer(call: &Call<'_>) -> Result<(String, Edit), Refusal> {
    let (answer, name, role) = match call.operation {
        Operation::CreateRole => create(call)?,
        Operation::CreateServiceLinkedRole => create_linked(call)?,
        _ => change(call)?,
    };
    Ok((answer, Edit { account: call.identity.account.clone(), name, role }))
}

type Written = (String, String, Option<Role>);

fn create(call: &Call<'_>) -> Result<Written, Refusal> {
    let (name, path) = (role_name(call)?, call.get("Path").unwrap_or("/"));
    let arn = iam::role_arn(call, path, name);
    call.authorize(&arn)?;
    let tags = with_tags(call, BTreeMap::new())?;
    if !tags.is_empty() {
        // IAM wants this too of who creates a role with tags.
        call.authorize_for("iam:TagRole", &arn)?;
    }
    syntax::path(path)?;
    let trust = call.require("AssumeRolePolicyDocument")?;
    syntax::trust(trust)?;
    if iam::role(call, name).is_some() {
        let exists = format!("Role with name {name} already exists.");
        return Err(Refusal::new(409, "EntityAlreadyExists", exists));
    }
    let role = Role {
        path: path.to_owned(),
        id: format!("AROACREATED{:010}", call.serial),
        trust: trust.into(),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: call.get("PermissionsBoundary").map(|arn| policy(call, arn)).transpose()?,
        max_session: max_session(call)?,
        description: description(call)?.unwrap_or_default(),
        tags,
    };
    Ok((iam::get_role(call, name, &role), name.to_owned(), Some(role)))
}

fn create_linked(call: &Call<'_>) -> Result<Written, Refusal> {
    let (service, name) = (call.require("AWSServiceName")?, LINKED.1);
    let path = format!("{PROTECTED}{service}/");
    call.authorize(&iam::role_arn(call, &path, name))?;
    let refuse = |message: String| Err(Refusal::new(400, "InvalidInput", message));
    if service != LINKED.0 {
        return refuse(format!("The simulator makes no service-linked role for {service}."));
    }
    if iam::role(call, name).is_some() {
        return refuse(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        ));
    }
    let role = Role {
        path,
        id: format!("AROACREATED{:010}", call.serial),
        trust: super::documents::trust_of(&format!(r#"{{"Service":"{service}"}}"#)).into(),
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: None,
        max_session: 3600,
        description: description(call)?.unwrap_or_default(),
        tags: BTreeMap::new(),
    };
    Ok((iam::get_role(call, name, &role), name.to_owned(), Some(role)))
}

/// Every write to a role that is there.
fn change(call: &Call<'_>) -> Result<Written, Refusal> {
    let (name, was) = iam::authorized_role(call)?;
    if was.path.starts_with(PROTECTED) {
        return Err(Refusal::new(
            400,
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            ),
        ));
    }
    let mut role = was.clone();
    match call.operation {
        Operation::UpdateAssumeRolePolicy => role.trust = trust(call)?,
        Operation::PutRolePolicy => put_policy(call, name, &mut role)?,
        Operation::DeleteRolePolicy => delete_policy(call, &mut role)?,
        Operation::AttachRolePolicy => attach(call, &mut role)?,
        Operation::DetachRolePolicy => detach(call, &mut role)?,
        Operation::PutRolePermissionsBoundary => {
            role.boundary = Some(policy(call, call.require("PermissionsBoundary")?)?);
        }
        Operation::DeleteRolePermissionsBoundary => role.boundary = None,
        Operation::UpdateRole => {
            // As the reference says: a duration that is not given is one hour. A description is left as it is.
            role.max_session = max_session(call)?;
            role.description = description(call)?.unwrap_or(role.description);
        }
        Operation::TagRole => role.tags = with_tags(call, role.tags)?,
        Operation::UntagRole => {
            for key in listed(call, |n| format!("TagKeys.member.{n}")) {
                role.tags.remove(key);
            }
        }
        _ => return delete(name, &role),
    }
    Ok((String::new(), name.to_owned(), Some(role)))
}

fn delete(name: &str, role: &Role) -> Result<Written, Refusal> {
    let first = if !role.attached.is_empty() {
        "must detach all policies first"
    } else if !role.inline.is_empty() {
        "must delete policies first"
    } else {
        return Ok((String::new(), name.to_owned(), None));
    };
    Err(Refusal::new(409, "DeleteConflict", format!("Cannot delete entity, {first}.")))
}

fn trust(call: &Call<'_>) -> Result<Arc<str>, Refusal> {
    let document = call.require("PolicyDocument")?;
    syntax::trust(document)?;
    Ok(document.into())
}

fn put_policy(call: &Call<'_>, role_name: &str, role: &mut Role) -> Result<(), Refusal> {
    let (name, document) = (policy_name(call)?, call.require("PolicyDocument")?);
    let known = role.inline.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
    let name = known.unwrap_or_else(|| name.to_owned());
    syntax::permissions(document)?;
    role.inline.insert(name, document.into());
    syntax::inline_size(role_name, role.inline.values())
}

fn delete_policy(call: &Call<'_>, role: &mut Role) -> Result<(), Refusal> {
    let asked = policy_name(call)?;
    let known = role.inline.keys().find(|known| known.eq_ignore_ascii_case(asked)).cloned();
    let known = known
        .ok_or_else(|| no_such(format!("The role policy with name {asked} cannot be found.")))?;
    role.inline.remove(&known);
    Ok(())
}

fn attach(call: &Call<'_>, role: &mut Role) -> Result<(), Refusal> {
    role.attached.insert(policy(call, call.require("PolicyArn")?)?);
    at_most(role.attached.len(), MOST_ATTACHED, "PoliciesPerRole")
}

fn detach(call: &Call<'_>, role: &mut Role) -> Result<(), Refusal> {
    let arn = call.require("PolicyArn")?;
    let was_attached = role.attached.remove(arn);
    was_attached.then_some(()).ok_or_else(|| no_such(format!("Policy {arn} was not found.")))
}

/// The ARN of a managed policy that this account can use.
fn policy(call: &Call<'_>, arn: &str) -> Result<String, Refusal> {
    let known = call.world.policy(&call.identity.account, arn);
    let missing = || no_such(format!("Policy {arn} does not exist or is not attachable."));
    known.map(|_| arn.to_owned()).ok_or_else(missing)
}

fn role_name<'a>(call: &'a Call<'_>) -> Result<&'a str, Refusal> {
    let name = call.require("RoleName")?;
    syntax::fits("roleName", name, 1..=64, NAME_EXTRA)?;
    Ok(name)
}

fn policy_name<'a>(call: &'a Call<'_>) -> Result<&'a str, Refusal> {
    let name = call.require("PolicyName")?;
    syntax::fits("policyName", name, 1..=128, NAME_EXTRA)?;
    Ok(name)
}

fn max_session(call: &Call<'_>) -> Result<u32, Refusal> {
    let seconds = call.number("MaxSessionDuration", 3600, 3600, 43_200)?;
    Ok(u32::try_from(seconds).unwrap_or(43_200))
}

fn description(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let Some(text) = call.given("Description") else { return Ok(None) };
    if text.chars().count() > 1000 {
        return Err(syntax::constraint(
            "description",
            "Member must have length less than or equal to 1000",
        ));
    }
    Ok(Some(text.to_owned()))
}

/// These tags and those of the call.
fn with_tags(
    call: &Call<'_>,
    mut tags: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    for (n, key) in (1..).zip(listed(call, |n| format!("Tags.member.{n}.Key"))) {
        let value = call.get(&format!("Tags.member.{n}.Value")).unwrap_or_default();
        if key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(syntax::constraint(
                "tags",
                "Member must have length less than or equal to 128, and 256",
            ));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    at_most(tags.len(), MOST_TAGS, "TagsPerRole")?;
    Ok(tags)
}

/// The members of a list, which a query numbers from 1.
fn listed<'a>(call: &'a Call<'_>, name: impl Fn(usize) -> String) -> impl Iterator<Item = &'a str> {
    (1..).map_while(move |n| call.get(&name(n)))
}

fn at_most(count: usize, most: usize, quota: &str) -> Result<(), Refusal> {
    if count <= most {
        return Ok(());
    }
    Err(Refusal::new(409, "LimitExceeded", format!("Cannot exceed quota for {quota}: {most}")))
}
