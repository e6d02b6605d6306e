//! `service-linked-role`: where it is judged, and what is said of it.

use super::*;
use crate::model::linked_path;

const ON: &str = "checks: {service-linked-role: {enabled: true}}";
const ABSENT: &str = "service-linked-role absent medium: there is no service-linked role AWSServiceRoleForAmazonEKSConnector in this account";

fn at(path: &str) -> Snapshot {
    role(|role| {
        role.arn.name = LINKED_ROLE.to_owned();
        role.arn.path = path.to_owned();
    })
}

/// What was read beside the role; nobody asked for clusters.
fn beside(linked: Option<Snapshot>) -> Usage {
    let roles = linked.map(|role| (LINKED_ROLE.to_owned(), role)).into_iter().collect();
    Usage { clusters: None, roles }
}

fn judged(yaml: &str, role: &Snapshot, linked: Option<Snapshot>) -> Result<Judgement, ScanError> {
    rules(&config(yaml), role).judge(&account(), role, Some(&beside(linked)))
}

#[test]
fn it_is_judged_where_it_is_switched_on_and_the_role_is_wanted() {
    let (is, absent) = (|| role(|_| {}), || Some(Snapshot::Absent));
    let there = || Some(at(&linked_path(crate::model::LINKED_SERVICE)));
    let presence = |word: &str| format!("{ON}\nbaseline: {{presence: {word}}}");
    const NO_ROLE: &str =
        "role-exists absent high: there is no role AmazonEKSConnectorAgentRole in this account";
    const FORBIDDEN: &str = "role-exists excess high: the role AmazonEKSConnectorAgentRole is here, and the configuration forbids it";
    const UNREAD: &str = "unknown: undecided: service-linked-role: role AWSServiceRoleForAmazonEKSConnector was not read";
    let id = judged(ON, &is(), absent()).unwrap().findings[0].id.clone();
    let excused = format!(
        "{ON}\nexceptions:\n  - {{id: EX-1, accounts: [\"{ACCOUNT}\"], findings: [\"{id}\"], reason: r, owner: o, expires: 2027-01-31}}"
    );
    let excused_absent = ABSENT.replace("medium", "medium (EX-1)");
    let severe = ON.replace("true", "true, severity: critical");
    let severe_absent = ABSENT.replace("medium", "critical");
    let blind = "checks: {service-linked-role: {enabled: true}, role-exists: {enabled: false}}";
    let none = Snapshot::Absent;
    type Row<'a> = (&'a str, &'a str, Snapshot, Option<Snapshot>, &'a [&'a str]);
    let cases: [Row<'_>; 15] = [
        ("off", "", is(), absent(), &["compliant"]),
        ("there", ON, is(), there(), &["compliant"]),
        ("absent", ON, is(), absent(), &["drifted", ABSENT]),
        (
            "elsewhere",
            ON,
            is(),
            Some(at("/team/")),
            &[
                "drifted",
                "service-linked-role absent medium: the role AWSServiceRoleForAmazonEKSConnector is at path /team/: it is not the service's",
            ],
        ),
        ("not read", ON, is(), None, &[UNREAD]),
        ("excused", &excused, is(), absent(), &["exempt", &excused_absent]),
        ("severe", &severe, is(), absent(), &["drifted", &severe_absent]),
        ("no role", ON, none.clone(), there(), &["drifted", NO_ROLE]),
        ("no role either", ON, none.clone(), absent(), &["drifted", NO_ROLE, ABSENT]),
        ("not needed", &presence("optional"), none.clone(), absent(), &["not_applicable"]),
        ("optional and there", &presence("optional"), is(), absent(), &["drifted", ABSENT]),
        ("forbidden", &presence("forbidden"), is(), absent(), &["drifted", FORBIDDEN]),
        ("forbidden and absent", &presence("forbidden"), none.clone(), absent(), &["compliant"]),
        ("absence is not judged", blind, none, absent(), &["not_applicable"]),
        ("presence is not judged", blind, is(), absent(), &["drifted", ABSENT]),
    ];
    for (case, yaml, role, linked, want) in cases {
        assert_eq!(said(&judged(yaml, &role, linked)), want, "case `{case}`");
    }
}

#[test]
fn it_is_read_and_mentioned_only_where_it_is_switched_on() {
    let is = role(|_| {});
    for (yaml, on) in [("", false), (ON, true)] {
        let rules = rules(&config(yaml), &is);
        let read: Vec<String> = rules.other_roles(&account().id, &[]).into_iter().collect();
        let want: &[&str] = if on { &[LINKED_ROLE] } else { &[] };
        assert_eq!(read, want, "{yaml}");
        let judgement = judged(yaml, &is, Some(Snapshot::Absent)).unwrap();
        assert_eq!(judgement.checks.contains_key(&CheckName::ServiceLinkedRole), on, "{yaml}");
    }
}

#[test]
fn the_command_makes_it_and_another_role_of_its_name_has_none() {
    let fix = |linked| judged(ON, &role(|_| {}), Some(linked)).unwrap().findings.remove(0).fix;
    assert_eq!(
        fix(Snapshot::Absent),
        ["aws iam create-service-linked-role --aws-service-name eks-connector.amazonaws.com"]
    );
    assert!(fix(at("/team/")).is_empty());
}

#[test]
fn what_is_known_of_clusters_is_not_made_up_from_it() {
    let watched = format!("{ON}\nbaseline: {{presence: when-connected, regions: [us-east-1]}}");
    let offline = judged(&watched, &Snapshot::Absent, Some(Snapshot::Absent));
    assert_eq!(offline.unwrap_err().reason, UnknownReason::Undecided);
    let usage = Usage { clusters: Some(vec![]), ..beside(Some(Snapshot::Absent)) };
    let rules = rules(&config(&watched), &Snapshot::Absent);
    let unused = rules.judge(&account(), &Snapshot::Absent, Some(&usage)).unwrap();
    assert_eq!(unused.state, AccountState::NotApplicable);
    assert!(unused.findings.is_empty());
}
