//! What is printed, against what sessions are cut to: the two cannot drift apart.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::config::{AccountSource, RemediationMode};
use crate::model::{AccountId, LINKED_SERVICE, Partition, Write};
use crate::policy::{Context, Kind, Policy, covers};

fn config(text: &str) -> Config {
    let text = format!("accounts: {{source: organization}}\n{text}");
    let missing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    Config::from_text(&text, "test", Path::new(""), &|_| None, &missing).unwrap()
}

const EVERYTHING: &str = "
baseline:
  role_name: Watched
  path: /team/
  permissions_boundary: arn:aws:iam::${rolewarden:account_id}:policy/Limit
  required_tags: {team: platform}
checks:
  service-linked-role: {enabled: true}
  attached-policies: {allowed: [arn:aws:iam::aws:policy/ReadOnlyAccess]}
remediation:
  mode: apply
  actions: [create_role, update_trust_policy, put_inline_policy, delete_inline_policy, detach_managed_policy,
            put_permissions_boundary, create_service_linked_role]
";

const CONFIGS: [(&str, &str); 5] = [
    ("the defaults", ""),
    ("everything", EVERYTHING),
    ("when connected", "baseline: {presence: when-connected, regions: [eu-west-1]}"),
    ("no documents of managed policies", "checks: {effective-permissions: {enabled: false}}"),
    ("only deletions", "remediation: {mode: plan, actions: [delete_inline_policy]}"),
];

/// Every write that an action can lead to, those that undo it included.
fn writes(config: &Config, action: Action) -> Vec<Write> {
    let baseline = &config.baseline;
    let document = || "{}".to_owned();
    let inline = || Write::PutInlinePolicy { name: "p".into(), document: document() };
    let delete_inline = || Write::DeleteInlinePolicy { name: "p".into() };
    let arn = || "arn:aws:iam::111122223333:policy/p".to_owned();
    let boundary = || Write::PutPermissionsBoundary { arn: arn() };
    match action {
        Action::CreateRole => vec![
            Write::CreateRole {
                path: baseline.path.clone(),
                trust_policy: document(),
                max_session_seconds: None,
                boundary: None,
                tags: baseline.required_tags.clone(),
            },
            Write::DeleteRole,
        ],
        Action::UpdateTrustPolicy => vec![Write::UpdateTrustPolicy { document: document() }],
        Action::PutInlinePolicy => vec![inline(), delete_inline()],
        Action::DeleteInlinePolicy => vec![delete_inline(), inline()],
        Action::DetachManagedPolicy => vec![
            Write::DetachManagedPolicy { arn: arn() },
            Write::AttachManagedPolicy { arn: arn() },
        ],
        Action::PutPermissionsBoundary => {
            vec![boundary(), Write::DeletePermissionsBoundary]
        }
        Action::CreateServiceLinkedRole => {
            vec![Write::CreateServiceLinkedRole { service: LINKED_SERVICE.into() }]
        }
        // Each stands above, beside what it undoes.
        Action::DeleteRole | Action::AttachManagedPolicy | Action::DeletePermissionsBoundary => {
            vec![]
        }
    }
}

/// Policies whose conditions are left out: which requests they are about at all.
fn policy(document: &Value, context: &Context) -> Policy {
    let mut document = document.clone();
    for statement in document["Statement"].as_array_mut().unwrap() {
        statement.as_object_mut().unwrap().remove("Condition");
    }
    Policy::parse(Kind::Identity, &document.to_string(), context).unwrap()
}

fn within(session: &str, printed: &Document) -> bool {
    let account: AccountId = "111122223333".parse().unwrap();
    let context = Context { account, partition: Partition::default() };
    let session: Value = serde_json::from_str(session).unwrap();
    let coverage = covers(&policy(&printed.named(), &context), &policy(&session, &context));
    coverage.verdict == crate::model::Verdict::Equivalent
}

#[test]
fn no_session_is_given_what_the_printed_policies_do_not_have() {
    use crate::aws::narrow;
    let partition = Partition::default();
    let account = "111122223333".parse().unwrap();
    for (case, text) in CONFIGS {
        let config = config(text);
        let session = narrow::in_account(&narrow::for_scan(&config, &partition), &account);
        assert!(within(&session, &scan(&config, &partition, EVERY_ACCOUNT)), "scan of {case}");
        assert!(within(&session, &hub(&config, &partition, false)), "the own account of {case}");
        let listing = narrow::for_organization(&config);
        assert!(within(&listing, &hub(&config, &partition, false)), "listing of {case}");
        let printed = remediate(&config, &partition, true);
        let has_boundary = config.baseline.permissions_boundary.is_some();
        for action in Action::ALL {
            for write in writes(&config, action) {
                let name = &config.baseline.role_name;
                let session = narrow::for_write(name, &partition, &account, &write);
                let expected = config.remediation.actions.contains(&action)
                    && (action != Action::PutPermissionsBoundary || has_boundary);
                let also_undoes = [Action::PutInlinePolicy, Action::DeleteInlinePolicy];
                if expected {
                    assert!(within(&session, &printed), "{write:?} of {case}");
                } else if !also_undoes.contains(&action) {
                    assert!(!within(&session, &printed), "{write:?} of {case} is not configured");
                }
            }
        }
    }
}

#[test]
fn a_session_policy_is_within_what_sts_accepts() {
    let partition: Partition = "aws-us-gov".parse().unwrap();
    let name = "a".repeat(64);
    let config = config(&format!(
        "baseline: {{role_name: {name}}}\nchecks: {{service-linked-role: {{enabled: true}}}}"
    ));
    let text = scan(&config, &partition, "111122223333").short();
    assert!(text.len() <= 2048, "{}", text.len());
}

/// Every action of a document, with the names of its statements.
fn actions(document: &Document) -> BTreeSet<(&'static str, &'static str)> {
    document.0.iter().flat_map(|s| s.actions.iter().map(|action| (s.sid, *action))).collect()
}

#[test]
fn without_rollback_only_its_statements_are_missing() {
    let partition = Partition::default();
    for (case, text) in CONFIGS {
        let config = config(text);
        let (with, without) =
            (remediate(&config, &partition, true), remediate(&config, &partition, false));
        let lost: BTreeSet<_> = actions(&with).difference(&actions(&without)).copied().collect();
        assert!(lost.iter().all(|(sid, _)| sid.starts_with("OnlyTo")), "case `{case}`");
    }
    let config = config("remediation: {mode: plan, actions: [delete_inline_policy]}");
    let undo = remediate(&config, &partition, true).0.pop().unwrap();
    assert_eq!((undo.sid, undo.actions), ("OnlyToRollBack", vec!["iam:PutRolePolicy"]));
}

#[test]
fn the_boundary_and_the_kept_policies_become_conditions() {
    let partition: Partition = "aws-cn".parse().unwrap();
    let document = remediate(&config(EVERYTHING), &partition, true).named();
    let statements = document["Statement"].as_array().unwrap();
    let condition = |sid: &str| {
        let found = statements.iter().find(|s| s["Sid"] == sid).unwrap();
        found.get("Condition").cloned().unwrap_or_default()
    };
    let boundary =
        json!({"ArnEquals": {"iam:PermissionsBoundary": "arn:aws-cn:iam::*:policy/Limit"}});
    assert_eq!(condition("CreateTheRole"), boundary);
    assert_eq!(condition("PutTheBoundary"), boundary);
    let kept =
        json!({"ArnNotEquals": {"iam:PolicyARN": "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"}});
    assert_eq!(condition("DetachPolicies"), kept);
    assert_eq!(condition("OnlyToTakeTheBoundaryOff"), boundary);
    let refused = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "ReadOnlyAccess"];
    let refused = refused.map(|name| format!("arn:aws-cn:iam::aws:policy/{name}"));
    let attach = json!({"ArnNotEquals": {"iam:PolicyARN": refused}});
    assert_eq!(condition("OnlyToAttachAgain"), attach);
    for sid in ["TagTheNewRole", "ChangeTheRole", "OnlyToRollBack", "CreateServiceLinkedRole"] {
        assert_eq!(condition(sid), Value::Null, "case `{sid}`");
    }
    let created = statements.iter().find(|s| s["Sid"] == "CreateTheRole").unwrap();
    assert_eq!(created["Resource"], "arn:aws-cn:iam::*:role/team/Watched");
}

#[test]
fn only_the_calls_that_listing_makes_are_listed() {
    const UNITS: [&str; 3] = [
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent",
    ];
    const TAGS: &str = "organizations:ListTagsForResource";
    let excused = "exceptions: [{id: e, accounts: {tags: {team: [x]}}, accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2999-01-01}]";
    let cases = [
        ("", false, false),
        ("remediation: {exclude: {ous: [ou-ab12-11111111]}}", true, false),
        (excused, false, true),
    ];
    for (text, units, tags) in cases {
        let calls = listing(&config(text));
        assert_eq!(UNITS.iter().all(|call| calls.contains(call)), units, "case `{text}`");
        assert_eq!(calls.contains(&TAGS), tags, "case `{text}`");
    }
    let text = "accounts: {source: list, list: [{id: \"111122223333\"}]}";
    let missing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let listed = Config::from_text(text, "test", Path::new(""), &|_| None, &missing).unwrap();
    assert_eq!(listing(&listed), Vec::<&str>::new());
    assert!(
        actions(&hub(&listed, &Partition::default(), false))
            .iter()
            .all(|(sid, _)| *sid != "ListAccounts")
    );
}

#[test]
fn the_hub_enters_what_is_next_and_the_others_the_rest() {
    let via = "
access:
  via: [arn:aws:iam::222222222222:role/first, arn:aws:iam::333333333333:role/second]
  overrides: {\"444444444444\": {scan_role_arn: arn:aws:iam::444444444444:role/special}}
  own_account: assume
";
    let mut config = config(via);
    config.accounts.organization_role_arn =
        Some("arn:aws:iam::222222222222:role/first".parse().unwrap());
    let partition = Partition::default();
    let resources = |document: &Document, sid: &str| {
        let found = document.0.iter().find(|s| s.sid == sid);
        found.map(|s| s.resources.clone()).unwrap_or_default()
    };
    let printed = hub(&config, &partition, false);
    assert_eq!(printed.0.len(), 1, "{printed:?}");
    assert_eq!(resources(&printed, "EnterNamedRoles"), ["arn:aws:iam::222222222222:role/first"]);
    let others = others(&config, &partition, false);
    let first = &others["arn:aws:iam::222222222222:role/first"];
    assert_eq!(resources(first, "ListAccounts"), ["*"]);
    assert_eq!(resources(first, "EnterNamedRoles"), ["arn:aws:iam::333333333333:role/second"]);
    let second = &others["arn:aws:iam::333333333333:role/second"];
    assert_eq!(resources(second, "EnterAccounts"), ["arn:aws:iam::*:role/rolewarden-scan"]);
    assert_eq!(resources(second, "EnterNamedRoles"), ["arn:aws:iam::444444444444:role/special"]);
    config.access.via.clear();
    config.remediation.mode = RemediationMode::Plan;
    let printed = hub(&config, &partition, true);
    let entered =
        ["arn:aws:iam::*:role/rolewarden-scan", "arn:aws:iam::*:role/rolewarden-remediate"];
    assert_eq!(resources(&printed, "EnterAccounts"), entered);
    assert!(
        printed
            .0
            .iter()
            .filter(|s| s.sid.starts_with("Enter"))
            .all(|s| s.actions.contains(&"sts:TagSession"))
    );
}

#[test]
fn accounts_are_entered_in_the_organization_alone() {
    let partition = Partition::default();
    let entering = |config: &Config, document: &Document| {
        let sids: Vec<_> = document.0.iter().map(|s| s.sid).collect();
        let found = document.0.iter().find(|s| s.sid == "EnterAccounts");
        let found = found.unwrap_or_else(|| panic!("{sids:?} of {:?}", config.accounts.source));
        found.condition.clone()
    };
    let ours =
        Some(("StringEquals", "aws:ResourceOrgID", vec!["${aws:PrincipalOrgID}".to_owned()]));
    let direct = config("");
    assert_eq!(entering(&direct, &hub(&direct, &partition, true)), ours);
    let mut chained = config("access: {via: [\"arn:aws:iam::222222222222:role/first\"]}");
    let last = others(&chained, &partition, false);
    assert_eq!(entering(&chained, &last["arn:aws:iam::222222222222:role/first"]), ours);
    // Accounts that a person listed need be of no organization.
    chained.accounts.source = AccountSource::List(vec![]);
    let last = others(&chained, &partition, false);
    assert_eq!(entering(&chained, &last["arn:aws:iam::222222222222:role/first"]), None);
}

#[test]
fn a_wildcard_in_a_path_is_a_character() {
    assert_eq!(literal("a*b?c$d"), "a${*}b${?}c${$}d");
    let odd = config(
        "access: {scan_role: 'a*/reader', via: ['arn:aws:iam::222222222222:role/b?/next'], own_account: assume}\nbaseline: {path: '/c*/'}\nremediation: {mode: plan, actions: [create_role]}",
    );
    let partition = Partition::default();
    let entered: Vec<_> =
        hub(&odd, &partition, false).0.into_iter().flat_map(|s| s.resources).collect();
    assert!(
        entered.contains(&"arn:aws:iam::222222222222:role/b${?}/next".to_owned()),
        "{entered:?}"
    );
    let members = others(&odd, &partition, false).into_values().flat_map(|document| document.0);
    let members: Vec<_> = members.flat_map(|s| s.resources).collect();
    assert!(members.contains(&"arn:aws:iam::*:role/a${*}/reader".to_owned()), "{members:?}");
    let created = remediate(&odd, &partition, false).0.remove(0).resources;
    assert_eq!(created, ["arn:aws:iam::*:role/c${*}/AmazonEKSConnectorAgentRole"]);
}

#[test]
fn a_service_gives_the_hubs_role_to_its_own_account_alone() {
    let partition: Partition = "aws-us-gov".parse().unwrap();
    let hub = "arn:aws-us-gov:iam::111122223333:role/hub".parse().unwrap();
    let trust =
        |runs_on: RunsOn, hub| runs_on.trust(&partition, hub, Some("oidc.example.com"), "a:b");
    let condition = |runs_on| trust(runs_on, Some(&hub))["Statement"][0]["Condition"].clone();
    let account = json!({"aws:SourceAccount": "111122223333"});
    assert_eq!(
        condition(RunsOn::Ecs),
        json!({"StringEquals": account, "ArnLike": {"aws:SourceArn": "arn:aws-us-gov:ecs:*:111122223333:*"}})
    );
    assert_eq!(condition(RunsOn::PodIdentity), json!({"StringEquals": account}));
    assert_eq!(condition(RunsOn::Ec2), Value::Null, "EC2 sends no such key");
    for runs_on in [RunsOn::Ecs, RunsOn::PodIdentity, RunsOn::Irsa] {
        assert!(trust(runs_on, None).to_string().contains("<HUB_ACCOUNT_ID>"), "{runs_on:?}");
    }
}

#[test]
fn a_trust_policy_names_the_hub_in_a_condition_and_leaves_gaps_that_cannot_be_overlooked() {
    let partition = Partition::default();
    let hub = "arn:aws-cn:iam::111122223333:role/team/hub".parse().unwrap();
    let whole = MemberTrust {
        partition: &partition,
        hub: Some(&hub),
        organization: Some("o-exampleorgid"),
        in_organization: true,
        external_id: true,
        tagged: true,
    };
    let document = whole.document();
    let [enter, tag] = document["Statement"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!(enter["Principal"], json!({"AWS": "arn:aws-cn:iam::111122223333:root"}));
    assert_eq!(enter["Condition"]["ArnEquals"]["aws:PrincipalArn"], hub.to_string());
    let equals = json!({"aws:PrincipalOrgID": "o-exampleorgid", "sts:ExternalId": "<EXTERNAL_ID>"});
    assert_eq!(enter["Condition"]["StringEquals"], equals);
    assert_eq!(tag["Action"], "sts:TagSession");
    assert_eq!(tag["Condition"]["StringEquals"], json!({"aws:PrincipalOrgID": "o-exampleorgid"}));

    let unknown = MemberTrust { hub: None, organization: None, tagged: false, ..whole };
    let text = unknown.document().to_string();
    for placeholder in ["<HUB_ACCOUNT_ID>", "<ORGANIZATION_ID>", "<EXTERNAL_ID>"] {
        assert!(text.contains(placeholder), "{text}");
    }
    let listed = MemberTrust { in_organization: false, external_id: false, ..unknown };
    let text = listed.document().to_string();
    assert!(!text.contains("PrincipalOrgID") && !text.contains("StringEquals"), "{text}");
}
