//! `checks`: which run, how severe they are, what they accept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{POLICY_ARN, SEVERITY, is_administrators};
use crate::config::Checks;
use crate::config::combine::{List, Nullable};
use crate::config::kinds::{Switch, Word};
use crate::config::reader::{Keys, Section};
use crate::config::yaml::Place;
use crate::model::{CheckName, Severity};

/// Condition keys that harden a trust policy without widening it.
const CONDITION_KEY: Word<String> = Word {
    expects: "aws:SourceAccount, aws:SourceArn, aws:SourceOrgID or aws:SourceOrgPaths",
    pattern: "^[aA][wW][sS]:[sS][oO][uU][rR][cC][eE]([aA][cC][cC][oO][uU][nN][tT]|[aA][rR][nN]|[oO][rR][gG]([iI][dD]|[pP][aA][tT][hH][sS]))$",
    parse: |text| {
        let folded = text.to_ascii_lowercase();
        ["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"]
            .contains(&folded.as_str())
            .then_some(folded)
    },
};

/// What every check has.
struct Common {
    enabled: bool,
    severity: Option<Severity>,
    /// Where the severity stands.
    place: Place,
}

/// The checks, and where their severities stand.
pub(super) struct ReadChecks {
    pub(super) checks: Checks,
    pub(super) severities: BTreeMap<CheckName, Place>,
}

fn common(keys: &mut Keys<'_, '_>) -> Option<Common> {
    common_with(keys, true)
}

/// As [`common`], of a check without which something dangerous passes.
fn guarding(keys: &mut Keys<'_, '_>, passes: &str) -> Option<Common> {
    let common = common(keys)?;
    if !common.enabled {
        keys.warn(
            "enabled",
            format_args!("without this check {passes}; switch it on, and name what is accepted in `exceptions`"),
        );
    }
    Some(common)
}

fn role_exists(keys: &mut Keys<'_, '_>) -> Option<Common> {
    guarding(keys, "an account whose role is gone or renamed is not judged, and passes")
}

fn common_with(keys: &mut Keys<'_, '_>, runs: bool) -> Option<Common> {
    let enabled = keys.key("enabled", "Whether the check runs.", Switch, json!(runs));
    let severity = keys.key(
        "severity",
        "Severity of its findings instead of the computed one; never lowers trust that reaches beyond the account.",
        Nullable(SEVERITY),
        json!(null),
    );
    let place = keys.place_of("severity");
    Some(Common { enabled: enabled?, severity: severity?, place })
}

fn inline_policy(keys: &mut Keys<'_, '_>) -> Option<(Common, bool)> {
    let common = guarding(keys, "an inline policy that allows everything passes");
    let doc = "Whether the permissions may come from an attached managed policy.";
    let accept_managed = keys.key("accept_managed", doc, Switch, json!(false));
    Some((common?, accept_managed?))
}

fn attached_policies(keys: &mut Keys<'_, '_>) -> Option<(Common, Vec<String>, Vec<String>)> {
    let common = guarding(keys, "AdministratorAccess may be attached, and passes");
    let required = keys.key(
        "required",
        "Policy ARNs that must be attached; ${rolewarden:account_id} is replaced.",
        List(POLICY_ARN),
        json!([]),
    );
    let allowed = keys.key(
        "allowed",
        "Policy ARNs that may be attached; ${rolewarden:account_id} is replaced.",
        List(POLICY_ARN),
        json!([]),
    );
    for (name, list) in [("required", &required), ("allowed", &allowed)] {
        for arn in list.iter().flatten().filter(|arn| is_administrators(arn)) {
            keys.warn(
                name,
                format_args!("`{arn}` makes the connector's role an administrator in every account, and passes; remove it"),
            );
        }
    }
    Some((common?, required?, allowed?))
}

fn trust_policy(keys: &mut Keys<'_, '_>) -> Option<(Common, Vec<String>)> {
    let common = guarding(keys, "a role that anyone in the world may assume passes");
    let doc = "Condition keys accepted as hardening: aws:SourceAccount, aws:SourceArn, aws:SourceOrgID, aws:SourceOrgPaths.";
    let conditions = keys.key("accept_conditions", doc, List(CONDITION_KEY), json!([]));
    Some((common?, conditions?))
}

fn service_linked_role(keys: &mut Keys<'_, '_>) -> Option<Common> {
    common_with(keys, false)
}

/// Severities below `fail_on`, of checks that find what is critical: it would pass.
pub(super) fn warn_of_mild_severities(
    keys: &mut Keys<'_, '_>,
    checks: &Checks,
    places: &BTreeMap<CheckName, Place>,
) {
    let fail_on = checks.drift_severity;
    let passes = [
        (CheckName::TrustPolicy, "a role that everyone in the account may assume"),
        (CheckName::InlinePolicy, "an inline policy that allows everything"),
        (CheckName::AttachedPolicies, "an attached AdministratorAccess"),
    ];
    for (check, what) in passes {
        let (Some(severity), Some(place)) = (checks.severity.get(&check), places.get(&check))
        else {
            continue;
        };
        if *severity < fail_on && !checks.disabled.contains(&check) {
            let (severity, fail_on) = (severity.as_str(), fail_on.as_str());
            let text = format_args!(
                "`{severity}` is below fail_on (`{fail_on}`), so that {what} passes; raise it, or name what is accepted in `exceptions`"
            );
            keys.warn_below(&["checks", check.as_str(), "severity"], *place, text);
        }
    }
}

pub(super) fn checks(keys: &mut Keys<'_, '_>) -> Option<ReadChecks> {
    let doc = "The role is there, under its exact name and path.";
    let name = CheckName::RoleExists.as_str();
    let role_exists = keys.key(name, doc, Section(role_exists), json!({}));
    let trust = keys.key(
        CheckName::TrustPolicy.as_str(),
        "Who may assume it.",
        Section(trust_policy),
        json!({}),
    );
    let doc = "What its inline policies allow, taken together.";
    let inline = keys.key(CheckName::InlinePolicy.as_str(), doc, Section(inline_policy), json!({}));
    let doc = "Managed policies attached beyond or short of the two lists.";
    let attached =
        keys.key(CheckName::AttachedPolicies.as_str(), doc, Section(attached_policies), json!({}));
    let doc = "Whether the connector can work: inline and attached together, cut by the boundary.";
    let effective =
        keys.key(CheckName::EffectivePermissions.as_str(), doc, Section(common), json!({}));
    let doc = "Path, boundary, longest session, tags.";
    let attributes = keys.key(CheckName::RoleAttributes.as_str(), doc, Section(common), json!({}));
    let doc = "Whether connected clusters use the role; runs with `presence: when-connected` only.";
    let usage = keys.key(CheckName::ConnectorUsage.as_str(), doc, Section(common), json!({}));
    let doc = "EKS's own role for the connector, AWSServiceRoleForAmazonEKSConnector, is there.";
    let name = CheckName::ServiceLinkedRole.as_str();
    let linked = keys.key(name, doc, Section(service_linked_role), json!({}));

    let (trust, accept_conditions) = trust?;
    let (inline, accept_managed) = inline?;
    let (attached, required, allowed) = attached?;
    let all = [
        (CheckName::RoleExists, role_exists?),
        (CheckName::TrustPolicy, trust),
        (CheckName::InlinePolicy, inline),
        (CheckName::AttachedPolicies, attached),
        (CheckName::EffectivePermissions, effective?),
        (CheckName::RoleAttributes, attributes?),
        (CheckName::ConnectorUsage, usage?),
        (CheckName::ServiceLinkedRole, linked?),
    ];
    let disabled: BTreeSet<_> =
        all.iter().filter(|(_, check)| !check.enabled).map(|(name, _)| *name).collect();
    // Nothing judged would read as everything compliant. The check of usage does not always run.
    if all.iter().all(|(name, check)| !check.enabled || *name == CheckName::ConnectorUsage) {
        keys.problem("role-exists", "every check is switched off; leave at least one on");
    }
    let severity = all.iter().filter_map(|(name, check)| Some((*name, check.severity?))).collect();
    let severities = all.iter().map(|(name, check)| (*name, check.place)).collect();
    let checks = Checks {
        disabled,
        severity,
        drift_severity: Severity::Low,
        accept_managed,
        required_attachments: required.into_iter().collect(),
        allowed_attachments: allowed.into_iter().collect(),
        accept_conditions: accept_conditions.into_iter().collect(),
    };
    Some(ReadChecks { checks, severities })
}
