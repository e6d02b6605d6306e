//! What comes out, where, and in which shape.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use rolewarden::simulator::{Fault, Kind, On, Operation, Rule, generate};
use serde_json::Value;

use crate::support::{Lab, account, finish, right_world, world_of};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// One account of every state but `exempt` and `not_applicable`.
fn lab() -> (Lab, Vec<rolewarden::model::AccountId>) {
    let (world, ids) = world_of(&[
        Kind::Eksctl,
        Kind::Everyone,
        Kind::AssumeDenied,
        Kind::Suspended,
        Kind::Absent,
    ]);
    (Lab::new(world), ids)
}

#[test]
fn json_has_every_field_of_the_contract() {
    let (lab, ids) = lab();
    let report = lab.scan(&[]).ends(5).json();
    assert_eq!(keys(&report), ["schema", "sweep", "summary", "accounts"]);
    assert_eq!(report["schema"], "rolewarden.report/v1");
    let sweep = &report["sweep"];
    assert_eq!(
        keys(sweep),
        [
            "id",
            "started_at",
            "finished_at",
            "mode",
            "version",
            "baseline",
            "baseline_digest",
            "config_digest",
            "complete"
        ]
    );
    assert_eq!((&sweep["mode"], &sweep["complete"]), (&"scan".into(), &false.into()));
    assert_eq!(sweep["version"], env!("CARGO_PKG_VERSION"));
    for digest in ["baseline_digest", "config_digest"] {
        assert!(sweep[digest].as_str().unwrap().starts_with("sha256:"), "{sweep}");
    }
    let summary = &report["summary"];
    assert_eq!(
        (&summary["discovered"], &summary["selected"], &summary["skipped"]),
        (&7.into(), &6.into(), &1.into())
    );
    assert_eq!(
        keys(&summary["states"]),
        ["compliant", "drifted", "exempt", "not_applicable", "unknown"]
    );
    assert_eq!(keys(&summary["findings"]), ["critical", "high", "medium", "low", "info"]);

    let right = account(&report, &ids[0]);
    assert_eq!(
        keys(right),
        ["id", "name", "path", "state", "role_arn", "checked_at", "checks", "findings"]
    );
    assert_eq!(
        right["checks"]["inline-policy"]["policies"],
        serde_json::json!(["eks-connector-agent"])
    );
    assert_eq!(
        right["checks"]["attached-policies"],
        serde_json::json!({"verdict": "equivalent", "extra": [], "missing": []})
    );
    let finding = &account(&report, &ids[1])["findings"][0];
    for field in [
        "id",
        "check",
        "verdict",
        "severity",
        "summary",
        "witnesses",
        "expected",
        "actual",
        "fix",
        "first_seen",
        "exception",
    ] {
        assert!(finding.get(field).is_some(), "{field}: {finding}");
    }
    assert_eq!(finding["witnesses"][0]["action"], "sts:AssumeRole");
    assert_eq!(finding["witnesses"][0]["side"], "excess");
    let unknown = account(&report, &ids[2]);
    assert_eq!(keys(unknown), ["id", "name", "path", "state", "error"]);
    assert_eq!(
        keys(&unknown["error"]),
        ["reason", "operation", "code", "request_id", "message", "hint"]
    );
    assert_eq!(account(&report, &ids[3])["skip_reason"], "suspended");
    let absent = account(&report, &ids[4]);
    assert_eq!(keys(&absent["checks"]), ["role-exists"]);
    assert_eq!(absent["checks"]["role-exists"]["verdict"], "absent");
}

#[test]
fn stdout_is_the_report_alone_however_much_is_logged() {
    let (lab, _) = lab();
    for flags in [["--log-level", "debug"], ["--log-format", "json"], ["--color", "always"]] {
        let run = lab.scan(&flags).ends(5);
        assert_eq!(run.json()["accounts"].as_array().unwrap().len(), 7);
        assert!(run.stderr.contains("sweep finished"), "{run}");
        assert!(run.stderr.contains("endpoint"), "an endpoint that is not AWS's is told: {run}");
    }
    let run = lab.scan(&["--log-format", "json"]);
    for line in run.stderr.lines() {
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn ndjson_is_the_sweep_then_an_account_a_line() {
    let (lab, _) = lab();
    let run = lab.run(&["scan", "--format", "ndjson"]).ends(5);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(keys(&lines[0]), ["schema", "sweep", "summary"]);
    assert_eq!(lines.len(), 8);
    assert!(
        lines[1..].iter().all(|line| line["id"].is_string() && line["state"].is_string()),
        "{run}"
    );
}

#[test]
fn text_says_first_what_was_found_and_what_was_not_read() {
    let (lab, ids) = lab();
    let run = lab.run(&["scan"]).ends(5);
    let head: Vec<&str> = run.stdout.lines().take(3).collect();
    assert!(head[0].starts_with("6 accounts: 3 compliant, 2 drifted, 1 unknown"), "{run}");
    assert!(head[2].starts_with("INCOMPLETE: 1 of 6"), "{run}");
    for word in
        ["anyone in the world may assume the role", "assume_denied", ids[1].as_str(), "aws iam"]
    {
        assert!(run.stdout.contains(word), "{word}: {run}");
    }
    assert!(!run.stdout.contains('\x1b'), "no colours without a terminal");
    assert!(!run.stdout.contains(ids[0].as_str()), "compliant accounts are not listed: {run}");
    let verbose = lab.run(&["scan", "--verbose"]).ends(5);
    assert!(verbose.stdout.contains(ids[0].as_str()), "{verbose}");
    let colored = lab.run(&["scan", "--color", "always"]).ends(5);
    assert!(colored.stdout.contains("\x1b["), "{colored}");
}

#[test]
fn a_report_in_a_file_is_whole_and_its_owners_alone() {
    let (lab, _) = lab();
    let file = lab.file("report.json", "the report of yesterday");
    let run = lab.scan(&["--output", "report.json"]).ends(5);
    assert_eq!(run.stdout, "", "{run}");
    let text = std::fs::read_to_string(&file).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["accounts"].as_array().unwrap().len(), 7);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(lab.names(), ["report.json", "rolewarden.yaml"], "nothing else is left behind");
    // Colours are for terminals.
    lab.run(&["scan", "--output", "report.txt", "--color", "always"]).ends(5);
    assert!(!std::fs::read_to_string(lab.path("report.txt")).unwrap().contains('\x1b'));
}

#[test]
fn a_scan_that_fails_leaves_the_old_report_alone() {
    let (mut world, _) = right_world();
    world.faults = vec![Rule::always(On::Only(Operation::ListAccounts), Fault::Denied)];
    let lab = Lab::new(world);
    let file = lab.file("report.json", "the report of yesterday");
    lab.scan(&["--output", "report.json"]).fails(1, &["ListAccounts"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "the report of yesterday");
    assert_eq!(lab.names(), ["report.json", "rolewarden.yaml"]);
}

#[test]
fn a_place_that_takes_no_file_is_told_before_aws_is_asked() {
    let (lab, _) = lab();
    std::fs::create_dir(lab.path("folder")).unwrap();
    for place in ["missing/report.json", "rolewarden.yaml/report.json", "folder"] {
        lab.scan(&["--output", place]).fails(1, &["cannot write the report to", place]);
    }
    assert_eq!(lab.calls().total(), 0);
    assert_eq!(lab.names(), ["folder", "rolewarden.yaml"]);
}

#[test]
fn a_reader_that_goes_away_changes_nothing() {
    let lab = Lab::new(generate(1, 60));
    for format in ["text", "json", "ndjson"] {
        let mut child = lab.command(&["scan", "--format", format]).spawn().unwrap();
        let mut first = [0; 1];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        finish(child).ends(5);
    }
    let mut child = lab.command(&["scan"]).spawn().unwrap();
    drop(child.stderr.take());
    finish(child).ends(5);
}

#[test]
fn a_full_disk_is_told() {
    let (lab, _) = lab();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let run = finish(lab.command(&["scan"]).stdout(Stdio::from(full)).spawn().unwrap());
    run.fails(1, &["failed to write to stdout", "No space left"]);
}
