//! Exceptions by unit and tag, and presence `when-connected`, through the program.

use rolewarden::simulator::{Cluster, Kind, Operation};

use crate::support::{Lab, account, state, world_of};

fn exception(accounts: &str, expires: &str) -> String {
    format!(
        "accounts: {{source: organization}}\nexceptions: [{{id: EX-1, accounts: {accounts}, \
         accept: {{attached_policies: ['{ADMINISTRATOR}']}}, reason: r, owner: team-x, expires: {expires}}}]"
    )
}

/// Anyone in the world.
const OPEN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

#[test]
fn an_exception_covers_by_unit_at_any_depth_and_by_tag() {
    let (mut world, ids) = world_of(&[Kind::AdministratorAttached]);
    let member = world.accounts.get_mut(&ids[0]).unwrap();
    member.parent = "ou-sim1-finance0".to_owned();
    member.tags = [("stage".to_owned(), "sandbox".to_owned())].into();
    let mut lab = Lab::new(world);
    let last = "2999-01-31";
    let cases = [
        ("its unit", "{ous: [ou-sim1-finance0]}", last, 0, "exempt"),
        ("the unit above", "{ous: [ou-sim1-prod0000]}", last, 0, "exempt"),
        ("the root", "{ous: [r-sim1]}", last, 0, "exempt"),
        ("another unit", "{ous: [ou-sim1-sandbox0]}", last, 3, "drifted"),
        ("its tag", "{tags: {stage: [prod, sandbox]}}", last, 0, "exempt"),
        ("another value", "{tags: {stage: prod}}", last, 3, "drifted"),
        ("one of two tags", "{tags: {stage: sandbox, team: x}}", last, 3, "drifted"),
        (
            "another id, its tag",
            "{ids: [\"111122223333\"], tags: {stage: sandbox}}",
            last,
            0,
            "exempt",
        ),
        ("expired", "{ous: [r-sim1]}", "2020-01-31", 3, "drifted"),
    ];
    for (case, accounts, expires, status, want) in cases {
        lab.set_config(&exception(accounts, expires));
        let run = lab.scan(&[]).ends(status);
        let report = run.json();
        assert_eq!(state(&report, &ids[0]), want, "case `{case}`: {run}");
        let excused = &account(&report, &ids[0])["findings"][0]["exception"];
        assert_eq!(excused == "EX-1", want == "exempt", "case `{case}`: {run}");
    }
}

/// The covered takeover: an exception by id for a condition on the trust policy, which is opened to the world later.
#[test]
fn an_exception_covers_what_it_was_written_for_and_not_what_comes_after() {
    let (mut world, ids) = world_of(&[Kind::OwnSourceAccount]);
    let organization = "accounts: {source: organization}\n";
    let mut lab = Lab::new(world.clone()).config(organization);
    let before = lab.scan(&["--account", ids[0].as_str()]).ends(3).json();
    let findings = account(&before, &ids[0])["findings"].as_array().unwrap().clone();
    let id = findings[0]["id"].as_str().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    let printed = lab.run(&[
        "except",
        ids[0].as_str(),
        "--finding",
        id,
        "--owner",
        "team-x",
        "--reason",
        "agreed: until #7",
        "--expires",
        "2999-01-31",
    ]);
    let config = format!("{organization}exceptions:\n{}", printed.ends(0).stdout);
    lab.set_config(&config);
    let run = lab.scan(&["--account", ids[0].as_str()]).ends(0);
    let report = run.json();
    assert_eq!(state(&report, &ids[0]), "exempt", "{run}");
    let severity = findings[0]["severity"].as_str().unwrap();
    assert_eq!(report["summary"]["findings_exempt"][severity], 1, "{run}");
    assert_eq!(report["summary"]["findings"][severity], 0, "{run}");
    let text = lab.run(&["scan", "--account", ids[0].as_str(), "--no-progress"]).ends(0).stdout;
    assert!(text.contains(&format!("exempt findings: 1 {severity}")), "{text}");
    let listed = text.lines().find(|line| line.contains("EX-1")).unwrap();
    assert!(listed.contains(severity) && listed.contains("trust-policy"), "{text}");
    // Opened to the world.
    let roles = &mut world.accounts.get_mut(&ids[0]).unwrap().roles;
    roles.get_mut("AmazonEKSConnectorAgentRole").unwrap().trust = OPEN.into();
    let lab = Lab::new(world).config(&config);
    let run = lab.scan(&["--account", ids[0].as_str()]).ends(3);
    let report = run.json();
    assert_eq!(state(&report, &ids[0]), "drifted", "{run}");
    assert_eq!(report["summary"]["findings"]["critical"], 1, "{run}");
    assert!(account(&report, &ids[0])["findings"][0]["exception"].is_null(), "{run}");
}

#[test]
fn an_exception_that_covers_nothing_is_named_and_is_no_error() {
    let (world, _) = world_of(&[Kind::Eksctl]);
    let mut lab = Lab::new(world);
    let cases = [
        ("[\"111122223333\"]", "2999-01-31", ["EX-1", "111122223333"]),
        ("{ous: [ou-sim1-nowhere0]}", "2999-01-31", ["EX-1", "ou-sim1-nowhere0"]),
        ("{ous: [r-sim1]}", "2020-01-31", ["has expired", "team-x"]),
        ("{ous: [r-sim1]}", "2020-01-31", ["EX-1", "2020-01-31"]),
    ];
    for (accounts, expires, words) in cases {
        lab.set_config(&exception(accounts, expires));
        let run = lab.scan(&[]).ends(0);
        for word in words {
            assert!(run.stderr.contains(word), "expected `{word}` in: {run}");
        }
        assert_eq!(run.stderr.matches("EX-1").count(), 1, "once a sweep: {run}");
    }
}

#[test]
fn the_role_is_asked_for_where_a_cluster_is_connected() {
    let (mut world, ids) = world_of(&[Kind::Absent, Kind::GuideCli, Kind::Absent]);
    let arn = |n: usize, name: &str| format!("arn:aws:iam::{}:role/{name}", ids[n]);
    let connect = |name: &str, role: String| vec![Cluster::connected("eu-west-1", name, &role)];
    let role = "AmazonEKSConnectorAgentRole";
    world.accounts.get_mut(&ids[1]).unwrap().clusters = connect("own", arn(1, role));
    world.accounts.get_mut(&ids[2]).unwrap().clusters = connect("lost", arn(2, role));
    let (absent, present, needed) = (&ids[0], &ids[1], &ids[2]);
    let lab = Lab::new(world).config(
        "accounts: {source: organization}\nbaseline: {presence: when-connected, regions: [eu-west-1, us-east-1]}",
    );
    let run = lab.scan(&[]).ends(3);
    let report = run.json();
    assert_eq!(state(&report, absent), "not_applicable", "{run}");
    assert_eq!(state(&report, present), "compliant", "{run}");
    assert_eq!(state(&report, needed), "drifted", "{run}");
    assert_eq!(account(&report, present)["checks"]["connector-usage"]["verdict"], "equivalent");
    assert_eq!(account(&report, needed)["checks"]["role-exists"]["verdict"], "absent");
    let calls = lab.calls();
    assert_eq!(calls.of(Operation::ListClusters), 2 * 5);
    let text = lab.run(&["scan", "--account", needed.as_str()]).ends(3).stdout;
    assert!(text.contains("cluster lost (eu-west-1) uses"), "{text}");
}
