//! Organizations: the accounts and the tree they are in.

use std::ops::Bound;

use serde_json::{Value, json};

use super::answer::Call;
use super::calls::Operation;
use super::paging::page;
use super::wire::Refusal;
use super::world::{Member, State, StateField, World};
use crate::model::AccountId;

/// Every simulated account joined at the same second.
const JOINED: f64 = 1_710_408_413.0;

/// The JSON of the answer.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Refusal> {
    let (world, caller) = (call.world, &call.identity.account);
    call.authorize("*")?;
    let entitled = *caller == world.management || world.delegated.contains(caller);
    if !entitled && call.operation != Operation::DescribeOrganization {
        return Err(Refusal::new(
            400,
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
        ));
    }
    let value = match call.operation {
        Operation::DescribeOrganization => describe(world),
        Operation::ListRoots => json!({"Roots": [{
            "Id": world.root_id, "Arn": arn(world, "root", &world.root_id), "Name": "Root", "PolicyTypes": [],
        }]}),
        Operation::ListAccounts => {
            let from = |start, after: Option<&str>| accounts_from(world, start, after);
            page(call, "Accounts", world.accounts.len(), from, |(id, member)| {
                account(world, id, member)
            })?
        }
        Operation::ListAccountsForParent => {
            let parent = parent(call)?;
            let children = world.accounts.iter().filter(|(_, member)| member.parent == parent);
            let children: Vec<_> = children.collect();
            page(
                call,
                "Accounts",
                children.len(),
                |start, _| children.into_iter().skip(start),
                |(id, member)| account(world, id, member),
            )?
        }
        Operation::ListOrganizationalUnitsForParent => {
            let parent = parent(call)?;
            let children = world.units.iter().filter(|(_, unit)| unit.parent == parent);
            let children: Vec<_> = children.collect();
            page(
                call,
                "OrganizationalUnits",
                children.len(),
                |start, _| children.into_iter().skip(start),
                |(id, unit)| json!({"Id": id, "Arn": arn(world, "ou", id), "Name": unit.name, "Path": world.path_of(id)}),
            )?
        }
        _ => tags(call)?,
    };
    Ok(value.to_string())
}

/// The accounts from a number on, or from the one after an account.
fn accounts_from<'a>(
    world: &'a World,
    start: usize,
    after: Option<&str>,
) -> Box<dyn Iterator<Item = (&'a AccountId, &'a Member)> + 'a> {
    match after.and_then(|id| id.parse::<AccountId>().ok()) {
        Some(id) => Box::new(world.accounts.range((Bound::Excluded(id), Bound::Unbounded))),
        None => Box::new(world.accounts.iter().skip(start)),
    }
}

/// `arn:aws:organizations::{management}:{kind}/o-…/{id}`
fn arn(world: &World, kind: &str, id: &str) -> String {
    let World { partition, management, organization_id, .. } = world;
    format!("arn:{partition}:organizations::{management}:{kind}/{organization_id}/{id}")
}

fn describe(world: &World) -> Value {
    let World { partition, management, organization_id, .. } = world;
    json!({"Organization": {
        "Id": organization_id,
        "Arn": format!("arn:{partition}:organizations::{management}:organization/{organization_id}"),
        "FeatureSet": "ALL",
        "MasterAccountArn": arn(world, "account", management.as_str()),
        "MasterAccountId": management.as_str(),
        "MasterAccountEmail": "management@example.com",
    }})
}

fn account(world: &World, id: &AccountId, member: &Member) -> Value {
    let mut value = json!({
        "Id": id.as_str(),
        "Arn": arn(world, "account", id.as_str()),
        "Email": format!("aws+{id}@example.com"),
        "Name": member.name,
        "JoinedMethod": if *id == world.management { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": JOINED,
        "Paths": [format!("{}{id}/", world.path_of(&member.parent))],
    });
    let fields = world.listing.state_field;
    if let Some(members) = value.as_object_mut() {
        if fields != StateField::Status {
            members.insert("State".to_owned(), member.state.as_str().into());
        }
        if fields != StateField::State {
            members.insert("Status".to_owned(), status(member.state).into());
        }
    }
    value
}

/// The retired field has three values; a closed account ends as suspended.
fn status(state: State) -> &'static str {
    match state {
        State::Active | State::PendingActivation => "ACTIVE",
        State::PendingClosure => "PENDING_CLOSURE",
        State::Suspended | State::Closed => "SUSPENDED",
    }
}

fn parent<'a>(call: &'a Call<'_>) -> Result<&'a str, Refusal> {
    let id = call.require("ParentId").map_err(invalid_input)?;
    let known = id == call.world.root_id || call.world.units.contains_key(id);
    let missing = "You specified parent that doesn't exist.";
    known.then_some(id).ok_or_else(|| Refusal::new(400, "ParentNotFoundException", missing))
}

fn tags(call: &Call<'_>) -> Result<Value, Refusal> {
    let id = call.require("ResourceId").map_err(invalid_input)?;
    let of_account = || call.world.accounts.get(&id.parse().ok()?).map(|member| &member.tags);
    let tags = call.world.units.get(id).map(|unit| &unit.tags).or_else(of_account);
    if tags.is_none() && id != call.world.root_id {
        return Err(Refusal::new(
            400,
            "TargetNotFoundException",
            "You specified a target that doesn't exist.",
        ));
    }
    let tags: Vec<_> = tags.into_iter().flatten().collect();
    page(
        call,
        "Tags",
        tags.len(),
        |start, _| tags.into_iter().skip(start),
        |(key, value)| json!({"Key": key, "Value": value}),
    )
}

/// Organizations has its own code for what does not fit.
pub(super) fn invalid_input(refusal: Refusal) -> Refusal {
    Refusal { code: "InvalidInputException", ..refusal }
}
