//! Each permission by itself: what is missing alone is named alone, and each is asked for once.

use rolewarden::model::{AccountId, LINKED_ROLE};
use rolewarden::simulator::{Cluster, Fault, On, Operation, Role, Rule, World};

use crate::support::{Lab, ORGANIZATION};
use crate::world::{SCAN, causes, check, doctor, right, role};

/// Everything that a scan can be told to read.
const EVERYTHING: &str = "baseline: {presence: when-connected, regions: [us-east-1]}\n\
    checks: {service-linked-role: {enabled: true}}\nsweep: {max_attempts: 2}\n";

/// A member with a cluster that works with another role, and with the service-linked role.
fn world() -> (World, AccountId) {
    let (mut world, ids) = right(1);
    let id = ids[0].clone();
    let member = world.accounts.get_mut(&id).unwrap();
    let other: Role = member.roles.values().next().unwrap().clone();
    let arn = other.arn("aws", &id, "other-connector");
    member.clusters = vec![Cluster::connected("us-east-1", "edge", &arn)];
    member.roles.insert("other-connector".to_owned(), other.clone());
    let path = "/aws-service-role/eks-connector.amazonaws.com/".to_owned();
    member.roles.insert(LINKED_ROLE.to_owned(), Role { path, ..other });
    (world, id)
}

#[test]
fn a_permission_that_is_missing_alone_is_named_alone() {
    let reads = [
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:ListAttachedRolePolicies",
        "iam:GetRolePolicy",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "eks:ListClusters",
        "eks:DescribeCluster",
    ];
    let (world, id) = world();
    assert_eq!(
        world.access.everywhere[SCAN].allows.len(),
        reads.len(),
        "a read that is not in the table"
    );
    let config = format!("{ORGANIZATION}{EVERYTHING}");
    let lab = Lab::new(world.clone()).config(&config);
    assert_eq!(causes(&doctor(&lab, &[]).ends(0).json()), Vec::<String>::new());
    for missing in reads {
        let mut world = world.clone();
        role(&mut world, &id, SCAN, |role| role.allows.retain(|action| action != missing));
        let lab = Lab::new(world).config(&config);
        let run = doctor(&lab, &[]).ends(4);
        assert_eq!(causes(&run.json()), [format!("not_allowed scan_role 1 {missing}")], "{run}");
        let remedy = run.json()["causes"][0]["remedy"].as_str().unwrap().to_owned();
        assert!(remedy.contains(missing), "{remedy}");
    }
}

#[test]
fn what_a_read_is_about_is_named_too() {
    let (world, id) = world();
    let role_arn = |name: &str| format!("arn:*:iam::*:role/{name}");
    let all = [
        (role_arn("AmazonEKSConnectorAgentRole"), "the role"),
        (role_arn("other-connector"), "roles that clusters name"),
        (role_arn(&format!("*/{LINKED_ROLE}")), "the service-linked role"),
        ("arn:*:iam::aws:policy/*".to_owned(), "policies of AWS"),
        (format!("arn:*:iam::{id}:policy/*"), "policies of the account"),
    ];
    for (left_out, words) in &all {
        let mut world = world.clone();
        role(&mut world, &id, SCAN, |role| {
            role.on =
                all.iter().map(|(arn, _)| arn).filter(|arn| *arn != left_out).cloned().collect();
            // Clusters are listed on `*`, and on nothing else that is one character.
            role.on.extend(["*:cluster/*".to_owned(), "?".to_owned()]);
        });
        let lab = Lab::new(world).config(&format!("{ORGANIZATION}{EVERYTHING}"));
        let report = doctor(&lab, &[]).json();
        assert_eq!(
            report["causes"].as_array().unwrap().len(),
            1,
            "{words}: {:#}",
            report["causes"]
        );
        let calls = report["causes"][0]["calls"].as_array().unwrap();
        let about: Vec<&str> = calls.iter().map(|call| call["on"].as_str().unwrap()).collect();
        assert!(!about.is_empty() && about.iter().all(|on| on == words), "{words}: {about:?}");
    }
}

#[test]
fn a_policy_of_the_organization_is_told_from_a_permission_that_is_missing() {
    let cases = [
        (Fault::Denied, "not_allowed"),
        (Fault::ScpDenied, "scp_denied"),
        (Fault::RcpDenied, "rcp_denied"),
    ];
    for (fault, cause) in cases {
        let (mut world, ids) = right(1);
        let rule = Rule::always(On::Only(Operation::ListAttachedRolePolicies), fault);
        world.accounts.get_mut(&ids[0]).unwrap().faults = vec![rule];
        let run = doctor(&Lab::new(world), &[]).ends(4);
        let wanted = format!("{cause} scan_role 1 iam:ListAttachedRolePolicies");
        assert_eq!(causes(&run.json()), [wanted], "{run}");
    }
}

#[test]
fn the_account_of_the_base_credentials_needs_them_to_be_allowed() {
    let (mut world, _) = right(1);
    let hub = world.hub.clone();
    let rule = Rule::always(On::Only(Operation::GetRole), Fault::Denied);
    world.accounts.get_mut(&hub).unwrap().faults = vec![rule];
    let lab = Lab::new(world);
    let report = doctor(&lab, &[]).ends(4).json();
    assert_eq!(causes(&report), ["not_allowed base_credentials 1 iam:GetRole"]);
    assert!(report["causes"][0]["remedy"].as_str().unwrap().contains("access.own_account: assume"));
    assert_eq!(lab.calls().of_in(Operation::AssumeRole, &hub), 0);
}

#[test]
fn every_call_is_made_once_in_each_account_and_no_other() {
    use Operation as O;
    let external_id = "access: {external_id: the-right-one}\n";
    let each = [O::GetRole, O::ListRolePolicies, O::ListAttachedRolePolicies, O::GetRolePolicy];
    // Policies of AWS and of the account are asked for by themselves.
    let twice = [O::GetPolicy, O::GetPolicyVersion];
    let cases = [
        ("", &[][..], 1),
        ("", &["--remediation"], 2),
        (external_id, &[], 2),
        (external_id, &["--remediation"], 4),
    ];
    for (config, args, assumed) in cases {
        let (mut world, ids) = right(3);
        let wanted = (!config.is_empty()).then(|| "the-right-one".to_owned());
        world.access.everywhere.values_mut().for_each(|role| role.external_id = wanted.clone());
        let lab = Lab::new(world).config(&format!("{ORGANIZATION}{config}"));
        doctor(&lab, args).ends(0);
        let calls = lab.calls();
        for id in &ids {
            assert_eq!(calls.of_in(O::AssumeRole, id), assumed, "`{config}` {args:?}");
            for operation in Operation::ALL.iter().filter(|operation| **operation != O::AssumeRole)
            {
                let want = match operation {
                    one if each.contains(one) => 1,
                    one if twice.contains(one) => 2,
                    _ => 0,
                };
                assert_eq!(calls.of_in(*operation, id), want, "{operation:?}");
            }
        }
    }
}

#[test]
fn each_call_to_the_organization_that_the_configuration_needs_is_asked_for_by_itself() {
    use Operation as O;
    let units = "{source: organization, include: {ous: [r-sim1]}}";
    let tags = "{source: organization, exclude: {tags: {environment: nowhere}}}";
    let skip = "{source: organization, management_account: skip}";
    let cases = [
        ("{source: organization}", O::ListAccounts, "failed", 1),
        // Only the organization's id is lost.
        ("{source: organization}", O::DescribeOrganization, "warning", 0),
        (skip, O::DescribeOrganization, "failed", 1),
        (units, O::ListRoots, "failed", 1),
        (units, O::ListOrganizationalUnitsForParent, "failed", 1),
        (tags, O::ListTagsForResource, "failed", 1),
    ];
    for (accounts, denied, status, exit) in cases {
        let (mut world, _) = right(1);
        world.faults = vec![Rule::always(On::Only(denied), Fault::Denied)];
        let lab = Lab::new(world).config(&format!("accounts: {accounts}\n"));
        let run = doctor(&lab, &[]).ends(exit);
        let report = run.json();
        let (got, fact, remedy) = check(&report, &denied.action());
        assert_eq!(got, status, "{run}");
        assert!(
            fact.contains("AccessDenied") && remedy.contains(&denied.action()),
            "{fact} {remedy}"
        );
        for other in report["checks"].as_array().unwrap() {
            let name = other["name"].as_str().unwrap();
            let wanted = if name.starts_with("organizations:") && *name != denied.action() {
                "ok"
            } else {
                continue;
            };
            assert_eq!(other["status"], wanted, "{run}");
        }
        let after = if exit == 1 { "skipped" } else { "ok" };
        assert_eq!(check(&report, "accounts").0, after, "{run}");
        assert_eq!(lab.calls().of(O::AssumeRole) > 0, exit == 0, "{run}");
    }
}
