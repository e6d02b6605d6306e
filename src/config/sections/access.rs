//! `access`: which roles are assumed, and how.

use std::time::Duration;

use serde_json::json;

use super::{ACCOUNT_ID, ROLE_ARN, is_name, is_path};
use crate::config::combine::{List, MapOf, Nullable};
use crate::config::kinds::{OneOf, Span, Word};
use crate::config::reader::{Keys, Section};
use crate::config::secret::EXTERNAL_ID;
use crate::config::{Access, AccessOverride, OwnAccount, SessionPolicy};

/// A role's name, which may carry a path.
const ROLE: Word<String> = Word {
    expects: "a role name such as rolewarden-scan or team/rolewarden-scan",
    pattern: "^/?([!-~]+/)?[A-Za-z0-9_+=,.@-]{1,64}$",
    parse: |text| {
        let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
        let path = path.strip_prefix('/').unwrap_or(path);
        let fits = is_name(name, 64)
            && (path.is_empty() || is_path(&format!("/{path}/")))
            && !text.starts_with("arn:");
        fits.then(|| text.to_owned())
    },
};

const SESSION_NAME: Word<String> = Word {
    expects: "2 to 64 letters, digits and `_+=,.@-`",
    pattern: "^[A-Za-z0-9_+=,.@-]{2,64}$",
    parse: |text| (text.len() >= 2 && is_name(text, 64)).then(|| text.to_owned()),
};

const SESSION_POLICY: OneOf<SessionPolicy> = OneOf {
    words: &[("narrow", SessionPolicy::Narrow), ("none", SessionPolicy::None)],
    later: &[],
};

const OWN_ACCOUNT: OneOf<OwnAccount> =
    OneOf { words: &[("direct", OwnAccount::Direct), ("assume", OwnAccount::Assume)], later: &[] };

pub(super) const REGION: Word<String> = Word {
    expects: "a region such as us-east-1",
    pattern: "^[a-z]+(-[a-z]+)+-[0-9]+$",
    parse: |text| {
        let letters =
            |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let (area, number) = text.rsplit_once('-')?;
        let fits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        (fits && area.contains('-') && area.split('-').all(|part| letters(&part)))
            .then(|| text.to_owned())
    },
};

/// STS gives a role assumed by a role one hour at most.
const LONGEST_CHAINED: Duration = Duration::from_secs(3600);

pub(super) fn access(keys: &mut Keys<'_, '_>) -> Option<Access> {
    let scan_role = keys.key(
        "scan_role",
        "Name (with path) of the role assumed in every member account to read.",
        ROLE,
        json!("rolewarden-scan"),
    );
    let remediate_role = keys.key(
        "remediate_role",
        "Name (with path) of the role remediation assumes; a scan never does.",
        ROLE,
        json!("rolewarden-remediate"),
    );
    let via = keys.key("via", "Role ARNs assumed on the way, in order.", List(ROLE_ARN), json!([]));
    let external_id = keys.key(
        "external_id",
        "Sent with every AssumeRole into a member account: a text, ${env:NAME} or ${file:/path}.",
        Nullable(EXTERNAL_ID),
        json!(null),
    );
    let session_name = keys.key(
        "session_name",
        "Session name, as CloudTrail shows it.",
        SESSION_NAME,
        json!("rolewarden"),
    );
    let session_duration = keys.key(
        "session_duration",
        "Session length: 15m to 12h.",
        Span("15m", "12h"),
        json!("1h"),
    );
    let session_policy = keys.key(
        "session_policy",
        "narrow: every session is cut to the calls of its step; none: it has all the role allows.",
        SESSION_POLICY,
        json!("narrow"),
    );
    let own_account = keys.key(
        "own_account",
        "The account the base credentials live in: read with them directly, or through the scan role.",
        OWN_ACCOUNT,
        json!("direct"),
    );
    let overrides = keys.key(
        "overrides",
        "What differs for one account, by account number.",
        MapOf(ACCOUNT_ID, Section(one_account)),
        json!({}),
    );
    let region = keys.key(
        "region",
        "Region of STS; null follows AWS_REGION and the profile, then us-east-1.",
        Nullable(REGION),
        json!(null),
    );
    let roles = overrides.iter().flatten().flat_map(|(id, o)| {
        [&o.scan_role_arn, &o.remediate_role_arn].into_iter().flatten().map(move |role| (id, role))
    });
    for (id, role) in roles {
        if role.account != *id {
            keys.problem(
                "overrides",
                format_args!("the role of account {id} lives in account {}", role.account),
            );
        }
    }
    let (via, session_duration) = (via?, session_duration?);
    if !via.is_empty() && session_duration > LONGEST_CHAINED {
        keys.problem(
            "session_duration",
            "must be 1h or less when `via` names roles: STS refuses more in a chain",
        );
    }
    Some(Access {
        scan_role: scan_role?,
        remediate_role: remediate_role?,
        via,
        external_id: external_id?,
        session_name: session_name?,
        session_duration,
        session_policy: session_policy?,
        own_account: own_account?,
        overrides: overrides?,
        region: region?,
    })
}

fn one_account(keys: &mut Keys<'_, '_>) -> Option<AccessOverride> {
    let scan_role_arn = keys.key(
        "scan_role_arn",
        "The whole ARN of the role to assume.",
        Nullable(ROLE_ARN),
        json!(null),
    );
    let remediate_role_arn = keys.key(
        "remediate_role_arn",
        "The whole ARN of the role remediation assumes.",
        Nullable(ROLE_ARN),
        json!(null),
    );
    let external_id =
        keys.key("external_id", "Its external id.", Nullable(EXTERNAL_ID), json!(null));
    Some(AccessOverride {
        scan_role_arn: scan_role_arn?,
        remediate_role_arn: remediate_role_arn?,
        external_id: external_id?,
    })
}
