//! `checks`: which run, how severe they are, what they accept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{POLICY_ARN, SEVERITY};
use crate::config::Checks;
use crate::config::combine::{List, Nullable};
use crate::config::kinds::{Switch, Word};
use crate::config::reader::{Keys, Section};
use crate::model::{CheckName, Severity};

/// Condition keys that harden a trust policy without widening it.
const CONDITION_KEY: Word<String> = Word {
    expects: "aws:SourceAccount, aws:SourceArn or aws:SourceOrgID",
    pattern: "^[aA][wW][sS]:[sS][oO][uU][rR][cC][eE]([aA][cC][cC][oO][uU][nN][tT]|[aA][rR][nN]|[oO][rR][gG][iI][dD])$",
    parse: |text| {
        let folded = text.to_ascii_lowercase();
        ["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid"]
            .contains(&folded.as_str())
            .then_some(folded)
    },
};

/// What every check has.
struct Common {
    enabled: bool,
    severity: Option<Severity>,
}

fn common(keys: &mut Keys<'_, '_>) -> Option<Common> {
    common_with(keys, true)
}

fn common_with(keys: &mut Keys<'_, '_>, runs: bool) -> Option<Common> {
    let enabled = keys.key("enabled", "Whether the check runs.", Switch, json!(runs));
    let severity = keys.key(
        "severity",
        "Severity of its findings instead of the computed one; never lowers trust that reaches beyond the account.",
        Nullable(SEVERITY),
        json!(null),
    );
    Some(Common { enabled: enabled?, severity: severity? })
}

fn inline_policy(keys: &mut Keys<'_, '_>) -> Option<(Common, bool)> {
    let common = common(keys);
    let doc = "Whether the permissions may come from an attached managed policy.";
    let accept_managed = keys.key("accept_managed", doc, Switch, json!(false));
    Some((common?, accept_managed?))
}

fn attached_policies(keys: &mut Keys<'_, '_>) -> Option<(Common, Vec<String>, Vec<String>)> {
    let common = common(keys);
    let required =
        keys.key("required", "Policy ARNs that must be attached; ${rolewarden:account_id} is replaced.", List(POLICY_ARN), json!([]));
    let allowed =
        keys.key("allowed", "Policy ARNs that may be attached; ${rolewarden:account_id} is replaced.", List(POLICY_ARN), json!([]));
    Some((common?, required?, allowed?))
}

fn trust_policy(keys: &mut Keys<'_, '_>) -> Option<(Common, Vec<String>)> {
    let common = common(keys);
    let doc =
        "Condition keys accepted as hardening: aws:SourceAccount, aws:SourceArn, aws:SourceOrgID.";
    let conditions = keys.key("accept_conditions", doc, List(CONDITION_KEY), json!([]));
    Some((common?, conditions?))
}

fn service_linked_role(keys: &mut Keys<'_, '_>) -> Option<Common> {
    common_with(keys, false)
}

pub(super) fn checks(keys: &mut Keys<'_, '_>) -> Option<Checks> {
    let doc = "The role is there, under its exact name and path.";
    let role_exists = keys.key(CheckName::RoleExists.as_str(), doc, Section(common), json!({}));
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
    Some(Checks {
        disabled,
        severity: all
            .iter()
            .filter_map(|(name, check)| Some((*name, check.severity?)))
            .collect::<BTreeMap<_, _>>(),
        drift_severity: Severity::Low,
        accept_managed,
        required_attachments: required.into_iter().collect(),
        allowed_attachments: allowed.into_iter().collect(),
        accept_conditions: accept_conditions.into_iter().collect(),
    })
}
