//! Exceptions by unit and tag, and presence `when-connected`, through the program.

use rolewarden::simulator::{Cluster, Kind, Operation};

use crate::support::{Lab, account, state, world_of};

fn exception(accounts: &str, expires: &str) -> String {
    format!(
        "accounts: {{source: organization}}\nexceptions: [{{id: EX-1, accounts: {accounts}, checks: [trust-policy], \
         reason: r, owner: team-x, expires: {expires}}}]"
    )
}

#[test]
fn an_exception_covers_by_unit_at_any_depth_and_by_tag() {
    let (mut world, ids) = world_of(&[Kind::Everyone]);
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
