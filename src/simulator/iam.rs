//! IAM's reads, in the account of the caller.

use super::answer::Call;
use super::calls::Operation;
use super::documents;
use super::wire::{Refusal, encode_document};
use super::world::{Change, ManagedPolicy, Role};
use super::xml;

/// Every simulated thing was made on the same day.
const CREATED: &str = "2024-03-14T09:26:53Z";

/// The result's XML.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Refusal> {
    match call.operation {
        Operation::GetPolicy => get_policy(call),
        Operation::GetPolicyVersion => get_policy_version(call),
        _ => role_answer(call),
    }
}

fn role_answer(call: &Call<'_>) -> Result<String, Refusal> {
    let (name, role) = authorized_role(call)?;
    match call.operation {
        Operation::GetRole => Ok(get_role(call, name, role)),
        Operation::ListRolePolicies => {
            page(call, "PolicyNames", role.inline.keys(), |out, name| {
                xml::text(out, "member", name);
            })
        }
        Operation::ListAttachedRolePolicies => {
            page(call, "AttachedPolicies", role.attached.iter(), |out, arn| {
                xml::element(out, "member", |out| {
                    xml::text(out, "PolicyName", policy_name(arn));
                    xml::text(out, "PolicyArn", arn);
                });
            })
        }
        _ => get_role_policy(call, name, role),
    }
}

/// The role that the call names, if the caller may do this to it and it is there.
pub(super) fn authorized_role<'a>(call: &'a Call<'_>) -> Result<(&'a str, &'a Role), Refusal> {
    let asked = call.require("RoleName")?;
    let found = role(call, asked);
    let path = found.map_or("/", |(_, role)| role.path.as_str());
    call.authorize(&role_arn(call, path, found.map_or(asked, |(name, _)| name)))?;
    found.ok_or_else(|| no_such(format!("The role with name {asked} cannot be found.")))
}

/// The ARN of a role in the caller's account.
pub(super) fn role_arn(call: &Call<'_>, path: &str, name: &str) -> String {
    format!("arn:{}:iam::{}:role{path}{name}", call.world.partition, call.identity.account)
}

/// The role as this call sees it. Names are unique in an account whatever their case, so case does not matter here.
pub(super) fn role<'a>(call: &'a Call<'_>, asked: &str) -> Option<(&'a str, &'a Role)> {
    let member = call.world.accounts.get(&call.identity.account)?;
    if let Change::Once { after, role: changed, to } = &member.change
        && call.reads >= *after
        && changed.eq_ignore_ascii_case(asked)
    {
        return to.as_deref().map(|role| (changed.as_str(), role));
    }
    let roles = call.seen.as_deref().unwrap_or(&member.roles);
    let (name, role) = roles.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked))?;
    Some((name, role))
}

pub(super) fn get_role(call: &Call<'_>, name: &str, role: &Role) -> String {
    let mut out = String::new();
    xml::element(&mut out, "Role", |out| {
        xml::text(out, "Path", &role.path);
        xml::text(out, "RoleName", name);
        xml::text(out, "RoleId", &role.id);
        xml::text(out, "Arn", role.arn(&call.world.partition, &call.shown, name));
        xml::text(out, "CreateDate", CREATED);
        xml::plain(out, "AssumeRolePolicyDocument", encode_document(&role.trust));
        if !role.description.is_empty() {
            xml::text(out, "Description", &role.description);
        }
        xml::text(out, "MaxSessionDuration", role.max_session);
        if let Some(arn) = &role.boundary {
            xml::element(out, "PermissionsBoundary", |out| {
                xml::text(out, "PermissionsBoundaryType", "PermissionsBoundaryPolicy");
                xml::text(out, "PermissionsBoundaryArn", arn);
            });
        }
        if !role.tags.is_empty() {
            xml::element(out, "Tags", |out| {
                for (key, value) in &role.tags {
                    xml::element(out, "member", |out| {
                        xml::text(out, "Key", key);
                        xml::text(out, "Value", value);
                    });
                }
            });
        }
        xml::element(out, "RoleLastUsed", |_| {});
    });
    out
}

fn get_role_policy(call: &Call<'_>, role_name: &str, role: &Role) -> Result<String, Refusal> {
    let asked = call.require("PolicyName")?;
    let found = role.inline.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked));
    let (name, document) = found
        .ok_or_else(|| no_such(format!("The role policy with name {asked} cannot be found.")))?;
    let member = call.world.accounts.get(&call.identity.account);
    let unstable = member.is_some_and(|member| member.change == Change::EveryRead);
    let mut out = String::new();
    xml::text(&mut out, "RoleName", role_name);
    xml::text(&mut out, "PolicyName", name);
    if unstable {
        xml::plain(&mut out, "PolicyDocument", encode_document(&documents::unstable(call.reads)));
    } else {
        xml::plain(&mut out, "PolicyDocument", encode_document(document));
    }
    Ok(out)
}

fn get_policy(call: &Call<'_>) -> Result<String, Refusal> {
    let (arn, policy) = policy(call)?;
    let mut out = String::new();
    xml::element(&mut out, "Policy", |out| {
        xml::text(out, "PolicyName", policy_name(arn));
        xml::text(out, "PolicyId", "ANPASIMULATEDPOLICY01");
        xml::text(out, "Arn", arn);
        xml::text(out, "Path", "/");
        xml::text(out, "DefaultVersionId", format_args!("v{}", policy.version));
        xml::text(out, "AttachmentCount", 1);
        xml::text(out, "PermissionsBoundaryUsageCount", 0);
        xml::text(out, "IsAttachable", true);
        xml::text(out, "CreateDate", CREATED);
        xml::text(out, "UpdateDate", CREATED);
    });
    Ok(out)
}

fn get_policy_version(call: &Call<'_>) -> Result<String, Refusal> {
    let (arn, policy) = policy(call)?;
    let (asked, kept) = (call.require("VersionId")?, format!("v{}", policy.version));
    if asked != kept {
        return Err(no_such(format!(
            "Policy {arn} version {asked} does not exist or is not attachable."
        )));
    }
    let mut out = String::new();
    xml::element(&mut out, "PolicyVersion", |out| {
        xml::plain(out, "Document", encode_document(&policy.document));
        xml::text(out, "VersionId", kept);
        xml::text(out, "IsDefaultVersion", true);
        xml::text(out, "CreateDate", CREATED);
    });
    Ok(out)
}

fn policy<'a>(call: &'a Call<'_>) -> Result<(&'a str, &'a ManagedPolicy), Refusal> {
    let arn = call.require("PolicyArn")?;
    call.authorize(arn)?;
    let policy = call.world.policy(&call.identity.account, arn);
    policy
        .map(|policy| (arn, policy))
        .ok_or_else(|| no_such(format!("Policy {arn} was not found.")))
}

/// A page of a list; the marker is the number of items before the next page.
fn page<'a, T: 'a>(
    call: &Call<'_>,
    list: &str,
    items: impl ExactSizeIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) -> Result<String, Refusal> {
    let size = call.number("MaxItems", 100, 1, 1000)?.min(call.world.iam_page.max(1));
    let start = call.get("Marker").map_or(Ok(0), str::parse);
    let start: usize = start.map_err(|_| Refusal::validation("Invalid Marker"))?;
    let end = start.saturating_add(size);
    let more = items.len() > end;
    let mut out = String::new();
    xml::element(&mut out, list, |out| {
        items.skip(start).take(size).for_each(|item| write(out, item))
    });
    xml::text(&mut out, "IsTruncated", more);
    if more {
        xml::text(&mut out, "Marker", end);
    }
    Ok(out)
}

/// The last part of a policy's ARN.
fn policy_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

pub(super) fn no_such(message: String) -> Refusal {
    Refusal::new(404, "NoSuchEntity", message)
}
