//! Presence `when-connected`, `connector-usage`, and exceptions by unit and tag.

use super::*;
use crate::model::Role;

const WATCHED: &str = "baseline: {presence: when-connected, regions: [us-east-1]}";
const OWN: &str = "arn:aws:iam::111122223333:role/AmazonEKSConnectorAgentRole";
const OTHER: &str = "arn:aws:iam::111122223333:role/eksctl/eksctl-1";

fn cluster(name: &str, role_arn: &str) -> Cluster {
    let (region, status) = ("us-east-1".to_owned(), "ACTIVE".to_owned());
    Cluster { region, name: name.to_owned(), role_arn: role_arn.to_owned(), status }
}

/// The other role, with a change.
fn other(change: impl FnOnce(&mut Role)) -> Snapshot {
    role(|role| {
        role.arn = OTHER.parse().unwrap();
        change(role);
    })
}

/// Clusters `a`, `b`, … that name these roles; of the other role this was read.
fn usage(roles: &[&str], read: Option<Snapshot>) -> Usage {
    let names = ["a", "b", "c", "d", "e"];
    let clusters = names.iter().zip(roles).map(|(name, arn)| cluster(name, arn)).collect();
    let roles = read.map(|role| ("eksctl-1".to_owned(), role)).into_iter().collect();
    Usage { clusters: Some(clusters), roles }
}

fn judged(yaml: &str, role: &Snapshot, usage: Option<&Usage>) -> Result<Judgement, ScanError> {
    rules(&config(yaml), role).judge(&account(), role, usage)
}

#[test]
fn presence_and_clusters_together_decide_as_the_table_says() {
    type Row = (&'static str, Snapshot, Usage, &'static [&'static str]);
    let present = || role(|_| {});
    let absent = || Snapshot::Absent;
    let open = |role: &mut Role| role.trust_policy = trust_also(r#"{"AWS":"*"}"#);
    let hard = |role: &mut Role| inline(role, &[CONTROL, CHANNELS, &too_hard(), &too_long()]);
    const EXISTS: &str =
        "role-exists absent high: there is no role AmazonEKSConnectorAgentRole in this account";
    const INSTEAD: &str = "connector-usage excess low: cluster a (us-east-1) uses role eksctl-1 instead of AmazonEKSConnectorAgentRole";
    const NOT_THERE: &str = "connector-usage absent high: cluster a (us-east-1) uses arn:aws:iam::111122223333:role/eksctl/eksctl-1, which does not exist: the connector cannot work";
    let cases: Vec<Row> = vec![
        ("present, no cluster", present(), usage(&[], None), &["compliant"]),
        ("present, own role", present(), usage(&[OWN, OWN], None), &["compliant"]),
        ("absent, no cluster", absent(), usage(&[], None), &["not_applicable"]),
        (
            "absent, own role",
            absent(),
            usage(&[OWN], None),
            &[
                "drifted",
                EXISTS,
                "connector-usage absent high: cluster a (us-east-1) uses arn:aws:iam::111122223333:role/AmazonEKSConnectorAgentRole, which does not exist: the connector cannot work",
            ],
        ),
        (
            "present, another good role",
            present(),
            usage(&[OTHER], Some(other(|_| {}))),
            &["drifted", INSTEAD],
        ),
        (
            "absent, another good role",
            absent(),
            usage(&[OTHER], Some(other(|_| {}))),
            &["drifted", EXISTS, INSTEAD],
        ),
        (
            "present, another role that is open",
            present(),
            usage(&[OTHER], Some(other(open))),
            &[
                "drifted",
                "connector-usage excess critical: role eksctl-1 of cluster a (us-east-1): anyone in the world may assume the role",
                INSTEAD,
            ],
        ),
        (
            "present, a missing role",
            present(),
            usage(&[OTHER], Some(absent())),
            &["drifted", NOT_THERE],
        ),
        (
            "a role of that name at another path",
            present(),
            usage(&[OTHER], Some(other(|role| role.arn.path = "/".to_owned()))),
            &["drifted", NOT_THERE],
        ),
        (
            "the expected name at another path",
            present(),
            usage(&["arn:aws:iam::111122223333:role/x/AmazonEKSConnectorAgentRole"], None),
            &[
                "drifted",
                "connector-usage absent high: cluster a (us-east-1) uses arn:aws:iam::111122223333:role/x/AmazonEKSConnectorAgentRole, which does not exist: the connector cannot work",
            ],
        ),
        (
            "a role of another account",
            present(),
            usage(&["arn:aws:iam::999988887777:role/AmazonEKSConnectorAgentRole"], None),
            &[
                "drifted",
                "connector-usage absent high: cluster a (us-east-1) uses arn:aws:iam::999988887777:role/AmazonEKSConnectorAgentRole, a role of another account: the connector cannot work",
            ],
        ),
        (
            "no role, and no ARN",
            present(),
            usage(&["", "\u{1b}[31m"], None),
            &[
                "drifted",
                "connector-usage invalid high: cluster a (us-east-1) uses no role: the connector cannot work",
                "connector-usage invalid high: cluster b (us-east-1) uses what is no role of IAM: the connector cannot work",
            ],
        ),
        (
            "many clusters of one role",
            present(),
            usage(&[OTHER; 5], Some(other(|_| {}))),
            &[
                "drifted",
                "connector-usage excess low: clusters a (us-east-1), b (us-east-1), c (us-east-1) and 2 more use role eksctl-1 instead of AmazonEKSConnectorAgentRole",
            ],
        ),
        (
            "another role that is not decided, and drift",
            present(),
            usage(&[OTHER], Some(other(hard))),
            &["drifted", INSTEAD],
        ),
    ];
    for (case, role, usage, want) in cases {
        assert_eq!(said(&judged(WATCHED, &role, Some(&usage))), want, "case `{case}`");
    }
}

#[test]
fn what_is_not_known_is_no_compliance() {
    let not_read = judged(WATCHED, &role(|_| {}), Some(&usage(&[OTHER], None)));
    assert_eq!(not_read.unwrap_err().reason, UnknownReason::Undecided);
    // An undecided role counts where the finding beside it does not.
    let lenient = format!("{WATCHED}\nfail_on: high");
    let undecided = usage(
        &[OTHER],
        Some(other(|role| inline(role, &[CONTROL, CHANNELS, &too_hard(), &too_long()]))),
    );
    let judgement = judged(&lenient, &role(|_| {}), Some(&undecided));
    assert_eq!(judgement.unwrap_err().reason, UnknownReason::Undecided);
    // Offline nobody asks EKS.
    let offline = judged(WATCHED, &Snapshot::Absent, None);
    assert_eq!(offline.unwrap_err().reason, UnknownReason::Undecided);
    let judgement = judged(WATCHED, &role(|_| {}), None).unwrap();
    assert_eq!(judgement.state, AccountState::Compliant);
    assert!(!judgement.checks.contains_key(&CheckName::ConnectorUsage));
}

#[test]
fn usage_is_looked_at_with_one_presence_only_and_not_when_switched_off() {
    let usage = usage(&[OTHER], Some(Snapshot::Absent));
    for presence in ["required", "optional", "forbidden"] {
        let yaml = format!("baseline: {{presence: {presence}}}");
        for role in [role(|_| {}), Snapshot::Absent] {
            let (with, without) = (judged(&yaml, &role, Some(&usage)), judged(&yaml, &role, None));
            assert_eq!(with, without, "case `{presence}`");
        }
    }
    let off = format!("{WATCHED}\nchecks: {{connector-usage: {{enabled: false}}}}");
    let judgement = judged(&off, &role(|_| {}), Some(&usage)).unwrap();
    assert_eq!(judgement.state, AccountState::Compliant);
    // A check that is switched off says nothing of the other role either.
    let off = format!("{WATCHED}\nchecks: {{trust-policy: {{enabled: false}}}}");
    let open = other(|role| role.trust_policy = trust_also(r#"{"AWS":"*"}"#));
    let used = self::usage(&[OTHER], Some(open));
    let findings = judged(&off, &role(|_| {}), Some(&used)).unwrap().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn commands_for_another_role_name_that_role() {
    let open = other(|role| role.trust_policy = trust_also(r#"{"AWS":"*"}"#));
    let judgement = judged(WATCHED, &role(|_| {}), Some(&usage(&[OTHER], Some(open)))).unwrap();
    let critical = judgement.findings.first().unwrap();
    assert!(critical.fix.iter().all(|command| command.contains("--role-name eksctl-1")));
    let ids: BTreeSet<&str> = judgement.findings.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(ids.len(), judgement.findings.len());
    let details = serde_json::to_value(&judgement.checks).unwrap();
    assert_eq!(details["connector-usage"]["clusters"][0]["name"], "a");
    assert_eq!(details["connector-usage"]["verdict"], "excess");
}

#[test]
fn only_roles_of_this_account_under_other_names_are_read() {
    let clusters: Vec<Cluster> = [
        OWN,
        OTHER,
        OTHER,
        "arn:aws:iam::111122223333:role/amazoneksconnectoragentrole",
        "arn:aws:iam::999988887777:role/x",
        "nonsense",
        "",
    ]
    .iter()
    .map(|arn| cluster("a", arn))
    .collect();
    let rules = rules(&config(WATCHED), &Snapshot::Absent);
    let names: Vec<String> = rules.other_roles(&account().id, &clusters).into_iter().collect();
    assert_eq!(names, ["eksctl-1"]);
}

#[test]
fn an_exception_covers_by_number_by_unit_and_by_tag() {
    let place = |units: &[&str], tags: &[(&str, &str)]| Account {
        units: units.iter().map(|&unit| unit.to_owned()).collect(),
        tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..account()
    };
    let deep = || place(&["r-ab12", "ou-ab12-11111111", "ou-ab12-22222222"], &[("stage", "test")]);
    let cases = [
        ("{ids: [\"111122223333\"]}", deep(), true),
        ("[\"111122223333\"]", deep(), true),
        ("{ids: [\"999988887777\"]}", deep(), false),
        ("{ous: [ou-ab12-22222222]}", deep(), true),
        ("{ous: [ou-ab12-11111111]}", deep(), true),
        ("{ous: [r-ab12]}", deep(), true),
        ("{ous: [ou-ab12-33333333]}", deep(), false),
        ("{ous: [r-ab12]}", place(&[], &[]), false),
        ("{tags: {stage: [prod, test]}}", deep(), true),
        ("{tags: {stage: prod}}", deep(), false),
        ("{tags: {stage: test, team: x}}", deep(), false),
        ("{ids: [\"999988887777\"], tags: {stage: test}}", deep(), true),
    ];
    for (accounts, account, want) in cases {
        let yaml = format!(
            "exceptions: [{{id: EX-1, accounts: {accounts}, accept: {{absent: true}}, reason: r, owner: o, expires: 2026-11-24}}]"
        );
        let rules = rules(&config(&yaml), &Snapshot::Absent);
        let judgement = rules.judge(&account, &Snapshot::Absent, None).unwrap();
        let state = if want { AccountState::Exempt } else { AccountState::Drifted };
        assert_eq!(judgement.state, state, "case `{accounts}`");
    }
}

#[test]
fn an_expired_exception_is_named_and_the_next_one_takes_its_place() {
    let yaml = "exceptions: [
        {id: OLD, accounts: [\"111122223333\"], accept: {absent: true}, reason: r, owner: o, expires: 2026-11-23},
        {id: NEW, accounts: [\"111122223333\"], accept: {absent: true}, reason: r, owner: o, expires: 2027-11-23}]";
    let rules = rules(&config(yaml), &Snapshot::Absent);
    let expired: Vec<&str> = rules.expired_exceptions().map(|e| e.id.as_str()).collect();
    assert_eq!(expired, ["OLD"]);
    let judgement = rules.judge(&account(), &Snapshot::Absent, None).unwrap();
    assert_eq!(judgement.findings[0].exception.as_deref(), Some("NEW"));
}

#[test]
fn a_severity_of_usage_does_not_touch_what_is_wrong_with_another_role() {
    let open = other(|role| role.trust_policy = trust_also(r#"{"AWS":"*"}"#));
    let pinned = other(|role| role.trust_policy = trust_if(r#"{"Bool":{"k":"true"}}"#));
    let cases = [
        ("info", &open, Severity::Critical, AccountState::Drifted),
        ("info", &pinned, Severity::Medium, AccountState::Drifted),
        ("critical", &pinned, Severity::Medium, AccountState::Drifted),
    ];
    for (severity, read, want, state) in cases {
        let yaml = format!("{WATCHED}\nchecks: {{connector-usage: {{severity: {severity}}}}}");
        let usage = usage(&[OTHER], Some(read.clone()));
        let judgement = judged(&yaml, &role(|_| {}), Some(&usage)).unwrap();
        let of = |words: &str| {
            let found = judgement.findings.iter().find(|finding| finding.summary.contains(words));
            found.unwrap_or_else(|| panic!("{judgement:?}")).severity
        };
        assert_eq!(of("may assume the role"), want, "case `{severity}`");
        assert_eq!(of("instead of").as_str(), severity);
        assert_eq!(judgement.state, state, "case `{severity}`");
    }
}
