//! Accounts as the control endpoint shows and changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::model::AccountId;
use crate::simulator::documents::ROLE;
use crate::simulator::generate::Kind;
use crate::simulator::mint::guide_role;
use crate::simulator::world::{Cluster, ManagedPolicy, Member, Role, State, World};

/// Every account, one a line.
pub(super) fn list(world: &World) -> String {
    let accounts: Vec<Value> =
        world.accounts.iter().map(|(id, member)| line(world, id, member)).collect();
    super::lines(&accounts)
}

/// One account with everything it has.
pub(super) fn show(world: &World, id: &AccountId) -> Option<Value> {
    let member = world.accounts.get(id)?;
    let mut value = line(world, id, member);
    let roles: Map<String, Value> =
        member.roles.iter().map(|(name, role)| (name.clone(), role_json(role))).collect();
    let policies: Map<String, Value> = member
        .policies
        .iter()
        .map(|(arn, policy)| (arn.clone(), document(&policy.document)))
        .collect();
    let rest = json!({
        "tags": member.tags,
        "roles": roles,
        "policies": policies,
        "clusters": member.clusters,
        "faults": member.faults,
    });
    if let (Some(value), Value::Object(rest)) = (value.as_object_mut(), rest) {
        value.extend(rest);
    }
    Some(value)
}

fn line(world: &World, id: &AccountId, member: &Member) -> Value {
    json!({
        "id": id.as_str(),
        "name": member.name,
        "kind": member.kind,
        "state": member.state,
        "path": format!("{}{id}/", world.path_of(&member.parent)),
    })
}

fn role_json(role: &Role) -> Value {
    let inline: Map<String, Value> =
        role.inline.iter().map(|(name, text)| (name.clone(), document(text))).collect();
    json!({
        "path": role.path,
        "id": role.id,
        "trust": document(&role.trust),
        "inline": inline,
        "attached": role.attached,
        "boundary": role.boundary,
        "max_session": role.max_session,
        "description": role.description,
        "tags": role.tags,
    })
}

/// A document as JSON; as text where it is none.
fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// What to change of an account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    kind: Option<Kind>,
    name: Option<String>,
    state: Option<State>,
    #[serde(default, deserialize_with = "given")]
    role: Option<Option<RolePatch>>,
    #[serde(default)]
    policies: BTreeMap<String, Option<Document>>,
    clusters: Option<Vec<Cluster>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RolePatch {
    path: Option<String>,
    trust: Option<Document>,
    #[serde(default)]
    inline: BTreeMap<String, Option<Document>>,
    attached: Option<BTreeSet<String>>,
    #[serde(default, deserialize_with = "given")]
    boundary: Option<Option<String>>,
    max_session: Option<u32>,
    description: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, Option<String>>,
}

/// A policy document: JSON, or a text that is stored as it is.
#[derive(Debug)]
struct Document(Arc<str>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text.into(),
            json => json.to_string().into(),
        }))
    }
}

/// Tells a key that is null from one that is not there.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Patch {
    /// The account as it is then; `None` when there is no such account.
    pub(super) fn apply(self, world: &mut World, id: &AccountId) -> Option<Value> {
        if let Some(kind) = self.kind {
            world.remake(id, kind);
        }
        let member = world.accounts.get_mut(id)?;
        member.name = self.name.unwrap_or_else(|| std::mem::take(&mut member.name));
        member.state = self.state.unwrap_or(member.state);
        for (arn, document) in self.policies {
            let version =
                member.policies.get(&arn).map_or(1, |policy| policy.version.saturating_add(1));
            let policy = document.map(|Document(document)| ManagedPolicy { document, version });
            put(&mut member.policies, arn, policy);
        }
        if let Some(clusters) = self.clusters {
            member.clusters = clusters;
        }
        match self.role {
            Some(Some(patch)) => {
                let role = member.roles.entry(ROLE.to_owned());
                patch.apply(role.or_insert_with(|| guide_role(id)));
            }
            Some(None) => drop(member.roles.remove(ROLE)),
            None => {}
        }
        show(world, id)
    }
}

impl RolePatch {
    fn apply(self, role: &mut Role) {
        if let Some(path) = self.path {
            role.path = path;
        }
        if let Some(Document(trust)) = self.trust {
            role.trust = trust;
        }
        for (name, document) in self.inline {
            put(&mut role.inline, name, document.map(|Document(text)| text));
        }
        if let Some(attached) = self.attached {
            role.attached = attached;
        }
        if let Some(boundary) = self.boundary {
            role.boundary = boundary;
        }
        role.max_session = self.max_session.unwrap_or(role.max_session);
        if let Some(description) = self.description {
            role.description = description;
        }
        for (key, value) in self.tags {
            put(&mut role.tags, key, value);
        }
    }
}

/// Sets a key, or takes it away.
fn put<T>(map: &mut BTreeMap<String, T>, key: String, value: Option<T>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
