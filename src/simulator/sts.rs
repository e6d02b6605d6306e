//! STS: who am I, and let me be someone else.

use std::time::Duration;

use super::answer::{BASE_KEY, BASE_SECRET, Call, Identity};
use super::calls::Operation;
use super::grants::Grants;
use super::syntax::fits;
use super::wire::{Params, Refusal};
use super::world::{Assumable, World};
use super::xml;
use crate::clock;
use crate::model::{AccountId, RoleArn};

/// Characters of a session name or an external id beside letters and digits.
const NAME_EXTRA: &str = "_+=,.@-";
const EXTERNAL_ID_EXTRA: &str = "_+=,.@:/-";

/// Who holds the base credentials: a user of the hub that may do everything there.
pub(super) fn base_identity(world: &World) -> Identity {
    Identity {
        account: world.hub.clone(),
        arn: format!("arn:{}:iam::{}:user/rolewarden", world.partition, world.hub),
        user_id: BASE_KEY.replace("AKIA", "AIDA"),
        secret: BASE_SECRET.to_owned(),
        session: None,
        allows: Grants::new(&["*".to_owned()], &[]),
        narrowed: None,
    }
}

/// The account AssumeRole is about; `None` for every other call.
pub(super) fn target(operation: Operation, params: &Params<'_>) -> Option<AccountId> {
    let arn = params.get("RoleArn").filter(|_| operation == Operation::AssumeRole)?;
    Some(arn.parse::<RoleArn>().ok()?.account)
}

pub(super) fn caller_identity(call: &Call<'_>) -> String {
    let identity = call.identity;
    let mut out = String::new();
    xml::text(
        &mut out,
        "Arn",
        identity.arn.replace(identity.account.as_str(), call.shown.as_str()),
    );
    xml::text(&mut out, "UserId", &identity.user_id);
    xml::text(&mut out, "Account", &call.shown);
    out
}

/// The new session: its access key id, itself, and the answer that tells the caller.
pub(super) fn assume_role(call: &Call<'_>) -> Result<(String, Identity, String), Refusal> {
    let text = call.require("RoleArn")?;
    let arn: RoleArn =
        text.parse().map_err(|_| Refusal::validation(format!("{text} is invalid")))?;
    let session_name = call.require("RoleSessionName")?;
    fits("roleSessionName", session_name, 2..=64, NAME_EXTRA)?;
    let role = trusted(call, &arn)?;
    let seconds = duration(call, role)?;
    let narrowed = call.get("Policy").map(session_policy).transpose()?;
    let assumed = format!(
        "arn:{}:sts::{}:assumed-role/{}/{session_name}",
        arn.partition, arn.account, arn.name
    );
    let role_id = format!("AROASIM{}{:02}", arn.account, arn.name.len() % 100);
    let token = format!("SimulatedSessionToken{:043}", call.serial);
    let key = format!("ASIASIM{:013}", call.serial);
    let secret = format!("SimulatedSecretKey{:022}", call.serial);
    let end = clock::now() + Duration::from_secs(seconds);
    let mut out = String::new();
    xml::element(&mut out, "AssumedRoleUser", |out| {
        xml::text(out, "AssumedRoleId", format_args!("{role_id}:{session_name}"));
        xml::text(out, "Arn", assumed.replace(arn.account.as_str(), call.shown.as_str()));
    });
    xml::element(&mut out, "Credentials", |out| {
        xml::text(out, "AccessKeyId", &key);
        xml::text(out, "SecretAccessKey", &secret);
        xml::text(out, "SessionToken", &token);
        xml::text(out, "Expiration", end);
    });
    if let Some(policy) = call.get("Policy") {
        xml::text(&mut out, "PackedPolicySize", (policy.len() * 100 / MAX_POLICY).clamp(1, 100));
    }
    let identity = Identity {
        account: arn.account,
        arn: assumed,
        user_id: format!("{role_id}:{session_name}"),
        secret,
        session: Some((token, end)),
        allows: Grants::new(&role.allows, &role.on),
        narrowed,
    };
    Ok((key, identity, out))
}

/// The role, if it is there, the caller may assume it, and the role lets them. AWS tells none of these apart.
fn trusted<'a>(call: &Call<'a>, arn: &RoleArn) -> Result<&'a Assumable, Refusal> {
    call.authorize(&arn.to_string())?;
    let external_id = call.get("ExternalId");
    if let Some(id) = external_id {
        fits("externalId", id, 2..=1224, EXTERNAL_ID_EXTRA)?;
    }
    let world = call.world;
    let caller = &call.identity.account;
    let name = format!("{}{}", arn.path.trim_start_matches('/'), arn.name);
    let trusts = |role: &&Assumable| {
        let caller_fits = if role.trusts.is_empty() {
            *caller == world.hub
        } else {
            role.trusts.contains(caller)
        };
        caller_fits && role.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted))
    };
    let role =
        world.assumable(&arn.account, &name).filter(|_| arn.partition.as_str() == world.partition);
    role.filter(trusts).ok_or_else(|| call.denied(&arn.to_string(), ""))
}

fn duration(call: &Call<'_>, role: &Assumable) -> Result<u64, Refusal> {
    let seconds = call.number("DurationSeconds", 3600, 900, 43_200)?;
    if call.identity.session.is_some() && seconds > 3600 {
        let limit = "the 1 hour session limit for roles assumed by role chaining.";
        return Err(Refusal::validation(format!("The requested DurationSeconds exceeds {limit}")));
    }
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    if seconds > role.max_session {
        let limit = "the MaxSessionDuration set for this role.";
        return Err(Refusal::validation(format!("The requested DurationSeconds exceeds {limit}")));
    }
    Ok(u64::from(seconds))
}

const MAX_POLICY: usize = 2048;

fn session_policy(document: &str) -> Result<Grants, Refusal> {
    if document.chars().count() > MAX_POLICY {
        return Err(Refusal::validation(format!(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to {MAX_POLICY}"
        )));
    }
    let malformed = || {
        Refusal::new(
            400,
            "MalformedPolicyDocument",
            "This policy contains invalid Json or an unknown statement",
        )
    };
    Grants::parse(document).ok_or_else(malformed)
}
