//! Exit statuses: what a script sees.

use rolewarden::simulator::Kind;

use crate::support::{Lab, world_of};

#[test]
fn the_exit_status_says_what_the_sweep_found() {
    let kinds = [Kind::GuideCli, Kind::TerraformManaged, Kind::Everyone, Kind::AssumeDenied];
    let (world, ids) = world_of(&kinds);
    let lab = Lab::new(world);
    let [right, low, critical, denied] = [0, 1, 2, 3].map(|i: usize| ids[i].as_str());
    let cases: &[(&str, &[&str], i32)] = &[
        ("everything", &[], 5),
        ("one right", &["--account", right], 0),
        ("drift", &["--account", right, "--account", critical], 3),
        ("unknown", &["--account", right, "--account", denied], 4),
        ("drift and unknown", &["--account", critical, "--account", denied], 5),
        ("without the unknown", &["--exclude-account", denied], 3),
        ("without drift", &["--exclude-account", critical, "--exclude-account", low], 4),
        (
            "named and left out",
            &["--account", right, "--account", low, "--exclude-account", low],
            0,
        ),
        ("a low finding", &["--account", low], 3),
        ("a low finding, medium asked", &["--account", low, "--fail-on", "medium"], 0),
        ("a critical one", &["--account", critical, "--fail-on", "critical"], 3),
        ("severity excuses no unknown", &["--account", denied, "--fail-on", "critical"], 4),
    ];
    for (case, args, want) in cases {
        let run = lab.scan(args);
        assert_eq!(run.status, Some(*want), "case `{case}`: {run}");
        let report = run.json();
        let unknown = report["summary"]["states"]["unknown"].as_u64().unwrap();
        assert_eq!(report["sweep"]["complete"], unknown == 0, "case `{case}`: {run}");
    }
}

#[test]
fn selecting_nothing_is_an_error() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Suspended]);
    let lab = Lab::new(world);
    let [right, suspended] = [0, 1].map(|i: usize| ids[i].as_str());
    let cases: &[(&str, &[&str])] = &[
        ("left out again", &["--account", right, "--exclude-account", right]),
        ("suspended", &["--account", suspended]),
    ];
    for (case, args) in cases {
        let run = lab.scan(args).fails(1, &["no account is selected", "--account"]);
        assert!(run.stderr.contains("4 of 4"), "case `{case}`: {run}");
    }
}
