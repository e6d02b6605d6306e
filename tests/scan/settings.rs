//! What the configuration can ask for, end to end.

use std::collections::{BTreeMap, BTreeSet};

use rolewarden::model::AccountId;
use rolewarden::simulator::{Assumable, Kind, Operation, World};
use serde_json::Value;

use crate::support::{Lab, QUICK, Run, account, right_world, state, world_of};

/// Accounts that were judged.
fn judged(report: &Value) -> BTreeSet<&str> {
    let accounts = report["accounts"].as_array().unwrap().iter();
    accounts
        .filter(|entry| entry["state"] != "skipped")
        .map(|entry| entry["id"].as_str().unwrap())
        .collect()
}

fn scan_with(world: World, yaml: &str) -> (Lab, Run) {
    let lab = Lab::new(world).config(&format!("{yaml}\n{QUICK}"));
    let run = lab.scan(&[]);
    (lab, run)
}

#[test]
fn accounts_are_selected_by_id_unit_and_tag() {
    let (mut world, ids) = world_of(&[Kind::GuideCli, Kind::Eksctl, Kind::TerraformInline]);
    for (id, (unit, stage)) in ids.iter().zip([
        ("ou-sim1-retail00", "prod"),
        ("ou-sim1-finance0", "dev"),
        ("ou-sim1-sandbox0", "prod"),
    ]) {
        let member = world.accounts.get_mut(id).unwrap();
        unit.clone_into(&mut member.parent);
        member.tags = BTreeMap::from([("stage".to_owned(), stage.to_owned())]);
    }
    let [a, b, c] = [0, 1, 2].map(|i: usize| ids[i].as_str());
    let cases: &[(&str, String, &[&str])] = &[
        ("ids", format!("include: {{ids: [\"{a}\"]}}"), &[a]),
        ("a unit and those below it", "include: {ous: [ou-sim1-prod0000]}".to_owned(), &[a, b]),
        ("one unit", "include: {ous: [ou-sim1-finance0]}".to_owned(), &[b]),
        ("a tag", "include: {tags: {stage: prod}}".to_owned(), &[a, c]),
        ("a tag of many values", "include: {tags: {stage: [prod, dev]}}".to_owned(), &[a, b, c]),
        (
            "any of the three",
            format!("include: {{ids: [\"{c}\"], ous: [ou-sim1-finance0]}}"),
            &[b, c],
        ),
        (
            "exclude wins",
            "include: {ous: [ou-sim1-prod0000]}, exclude: {tags: {stage: dev}}".to_owned(),
            &[a],
        ),
    ];
    for (case, selection, want) in cases {
        let yaml = format!("accounts: {{source: organization, {selection}}}");
        let (_, run) = scan_with(world.clone(), &yaml);
        let report = run.ends(0).json();
        assert_eq!(judged(&report), want.iter().copied().collect(), "case `{case}`");
        let skipped = report["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["state"] == "skipped");
        assert!(skipped.clone().all(|entry| entry["skip_reason"] == "excluded"), "case `{case}`");
        assert_eq!(report["summary"]["skipped"], skipped.count(), "case `{case}`");
    }
}

#[test]
fn the_management_account_can_be_skipped() {
    let (world, _) = right_world();
    let (management, hub) = (world.management.clone(), world.hub.clone());
    let (lab, run) = scan_with(world, "accounts: {source: organization, management_account: skip}");
    let report = run.ends(0).json();
    let entry = account(&report, &management);
    assert_eq!((&entry["state"], &entry["skip_reason"]), (&"skipped".into(), &"management".into()));
    assert_eq!(lab.calls().iam_in(&management), 0);
    assert_eq!(
        lab.calls().of_in(Operation::AssumeRole, &hub),
        0,
        "one's own account is read directly"
    );
}

#[test]
fn a_list_needs_no_organization() {
    let (world, id) = right_world();
    let yaml = format!("accounts: {{source: list, list: [{{id: \"{id}\", name: payments}}]}}");
    let (lab, run) = scan_with(world, &yaml);
    let report = run.ends(0).json();
    assert_eq!(account(&report, &id)["name"], "payments");
    assert_eq!(judged(&report), BTreeSet::from([id.as_str()]));
    for operation in [Operation::DescribeOrganization, Operation::ListAccounts] {
        assert_eq!(lab.calls().of(operation), 0);
    }
}

fn assumable(trusts: &[&AccountId], allows: &[&str]) -> Assumable {
    Assumable {
        trusts: trusts.iter().map(|id| (*id).clone()).collect(),
        external_id: None,
        max_session: 3600,
        allows: allows.iter().map(|action| (*action).to_owned()).collect(),
        on: vec![],
    }
}

#[test]
fn roles_on_the_way_lead_to_the_accounts() {
    let (mut world, id) = right_world();
    let via = world.management.clone();
    let jump = BTreeMap::from([("jump".to_owned(), assumable(&[], &["sts:AssumeRole"]))]);
    world.access.only.insert(via.clone(), jump);
    for role in world.access.everywhere.values_mut() {
        role.trusts = BTreeSet::from([via.clone()]);
    }
    let yaml = "accounts: {source: organization}";
    let (_, run) = scan_with(world.clone(), yaml);
    assert_eq!(
        run.ends(4).json()["summary"]["states"]["unknown"],
        4,
        "the accounts trust the way only"
    );
    let (lab, run) =
        scan_with(world, &format!("{yaml}\naccess: {{via: [\"arn:aws:iam::{via}:role/jump\"]}}"));
    assert_eq!(state(&run.ends(0).json(), &id), "compliant");
    assert_eq!(
        lab.calls().of_in(Operation::AssumeRole, &via),
        2,
        "the way once, the account itself once"
    );
}

#[test]
fn one_account_can_be_reached_otherwise() {
    let (mut world, id) = right_world();
    let mut other = assumable(&[], &["iam:Get*", "iam:List*"]);
    other.external_id = Some("for-payments-only".to_owned());
    world.access.only.insert(id.clone(), BTreeMap::from([("audit/reader".to_owned(), other)]));
    world.access.everywhere.get_mut("rolewarden-scan").unwrap().external_id =
        Some("for-all-others".to_owned());
    let yaml = format!(
        "accounts: {{source: organization}}\naccess:\n  external_id: for-all-others\n  overrides:\n    \"{id}\": \
         {{scan_role_arn: \"arn:aws:iam::{id}:role/audit/reader\", external_id: for-payments-only}}"
    );
    let (_, run) = scan_with(world, &yaml);
    let run = run.ends(0);
    assert!(
        !run.stdout.contains("for-payments-only") && !run.stderr.contains("for-all-others"),
        "{run}"
    );
}

#[test]
fn the_organization_may_be_listed_by_another_role() {
    let (mut world, _) = right_world();
    world.delegated.clear();
    let yaml = "accounts: {source: organization}";
    scan_with(world.clone(), yaml).1.fails(1, &["ListAccounts", "organization_role_arn"]);
    let lister = BTreeMap::from([("lister".to_owned(), assumable(&[], &["organizations:*"]))]);
    let management = world.management.clone();
    world.access.only.insert(management.clone(), lister);
    let yaml = format!(
        "accounts: {{source: organization, organization_role_arn: \"arn:aws:iam::{management}:role/lister\"}}"
    );
    scan_with(world.clone(), &yaml).1.ends(0);
    let wrong = yaml.replace("lister", "listener");
    scan_with(world, &wrong).1.fails(1, &["sts:AssumeRole", "listener", "hint: "]);
}

#[test]
fn an_organization_of_another_id_is_not_scanned() {
    let (world, _) = right_world();
    let yaml = |id: &str| format!("accounts: {{source: organization, organization_id: {id}}}");
    scan_with(world.clone(), &yaml(&world.organization_id)).1.ends(0);
    let words =
        ["accounts.organization_id", "o-anotherorgid", world.organization_id.as_str(), "hint: "];
    scan_with(world.clone(), &yaml("o-anotherorgid")).1.fails(1, &words);
}

#[test]
fn a_narrow_session_suffices_and_none_is_possible() {
    let kinds = [Kind::AdministratorAttached, Kind::Boundary, Kind::TerraformManaged];
    let (world, _) = world_of(&kinds);
    for policy in ["narrow", "none"] {
        let yaml =
            format!("accounts: {{source: organization}}\naccess: {{session_policy: {policy}}}");
        let report = scan_with(world.clone(), &yaml).1.ends(3).json();
        assert_eq!(report["summary"]["states"]["drifted"], 3, "{policy}");
    }
}

#[test]
fn ones_own_account_can_be_assumed_as_well() {
    let (world, _) = right_world();
    let hub = world.hub.clone();
    let (lab, run) =
        scan_with(world, "accounts: {source: organization}\naccess: {own_account: assume}");
    run.ends(0);
    assert_eq!(lab.calls().of_in(Operation::AssumeRole, &hub), 1);
}

#[test]
fn checks_exceptions_and_presence_decide_the_state() {
    use Kind as K;
    let exception = |until: &str, account: &str| {
        format!(
            "exceptions: [{{id: EX-1, accounts: [\"{account}\"], accept: {{attached_policies: [\"arn:aws:iam::aws:policy/AdministratorAccess\"]}}, reason: old agent, \
             owner: team, expires: {until}}}]"
        )
    };
    let (_, managed) = world_of(&[K::AdministratorAttached]);
    let admin = managed[0].as_str();
    let cases: &[(&str, Kind, String, i32, &str)] = &[
        ("plain", K::TerraformManaged, String::new(), 3, "drifted"),
        (
            "managed accepted",
            K::TerraformManaged,
            "checks: {inline-policy: {accept_managed: true}}".to_owned(),
            0,
            "compliant",
        ),
        (
            "check disabled",
            K::AdministratorAttached,
            "checks: {attached-policies: {enabled: false}}".to_owned(),
            0,
            "compliant",
        ),
        (
            "allowed",
            K::AdministratorAttached,
            "checks: {attached-policies: {allowed: [\"arn:aws:iam::aws:policy/AdministratorAccess\"]}}".to_owned(),
            0,
            "compliant",
        ),
        ("excused", K::AdministratorAttached, exception("2999-01-31", admin), 0, "exempt"),
        ("excused once", K::AdministratorAttached, exception("2020-01-31", admin), 3, "drifted"),
        ("another is excused", K::AdministratorAttached, exception("2999-01-31", "111122223333"), 3, "drifted"),
        ("optional", K::Absent, "baseline: {presence: optional}".to_owned(), 0, "not_applicable"),
        ("optional and there", K::Everyone, "baseline: {presence: optional}".to_owned(), 3, "drifted"),
        ("severity of one's own", K::OwnSourceAccount, "checks: {trust-policy: {severity: info}}".to_owned(), 0, "compliant"),
        ("a severity hides no one from outside", K::Everyone, "checks: {trust-policy: {severity: info}}".to_owned(), 3, "drifted"),
        ("hardening", K::OwnSourceAccount, "checks: {trust-policy: {accept_conditions: [\"aws:SourceAccount\"]}}".to_owned(), 0, "compliant"),
        ("hardening for another", K::OtherSourceAccount, "checks: {trust-policy: {accept_conditions: [\"aws:SourceAccount\"]}}".to_owned(), 3, "drifted"),
    ];
    for (case, kind, more, status, want) in cases {
        let (world, ids) = world_of(&[*kind]);
        let (_, run) = scan_with(world, &format!("accounts: {{source: organization}}\n{more}"));
        let run = run.ends(*status);
        assert_eq!(state(&run.json(), &ids[0]), *want, "case `{case}`: {run}");
    }
}

#[test]
fn a_forbidden_role_is_drift_where_it_is() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Absent]);
    let (_, run) =
        scan_with(world, "accounts: {source: organization}\nbaseline: {presence: forbidden}");
    let report = run.ends(3).json();
    assert_eq!((state(&report, &ids[0]), state(&report, &ids[1])), ("drifted", "compliant"));
}
