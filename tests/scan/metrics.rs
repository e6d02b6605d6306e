//! `scan --metrics-file`: what node_exporter finds, however the scan ended.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use rolewarden::simulator::Kind;

use crate::support::{Lab, world_of};

/// The value of one series, as it is written.
fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

const COMPLETE: &str = "rolewarden_last_complete_sweep_timestamp_seconds";
const FAILED: &str = "rolewarden_last_sweep_outcome{outcome=\"failed\"}";
const DRIFTED: &str = "rolewarden_accounts{state=\"drifted\"}";

#[test]
fn the_metrics_of_a_scan_are_there_for_every_reader_and_a_failed_one_keeps_no_states() {
    let (world, ids) =
        world_of(&[Kind::GuideCli, Kind::Everyone, Kind::AssumeDenied, Kind::Suspended]);
    let mut lab = Lab::new(world);
    let path = lab.path("rolewarden.prom");
    let args = ["--metrics-file", "rolewarden.prom"];
    let read = || fs::read_to_string(&path).unwrap();

    let run = lab.scan(&args);
    assert_eq!(run.status, Some(5), "{run}");
    assert!(
        run.json()["summary"]["states"]["drifted"].as_u64() > Some(0),
        "the report is there too"
    );
    let text = read();
    promtool(&text);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    let states = &run.json()["summary"]["states"];
    for state in ["compliant", "drifted", "exempt", "not_applicable", "unknown"] {
        let series = format!("rolewarden_accounts{{state=\"{state}\"}}");
        assert_eq!(value(&text, &series), Some(states[state].to_string().as_str()), "{state}");
    }
    let [drifted, denied] = [1, 2].map(|i: usize| ids[i].as_str());
    let state = |id: &str, state: &str, reason: &str| {
        format!(
            "rolewarden_account_state{{account_id=\"{id}\",state=\"{state}\",reason=\"{reason}\"}}"
        )
    };
    assert_eq!(value(&text, &state(drifted, "drifted", "")), Some("1"));
    assert_eq!(value(&text, &state(denied, "unknown", "assume_denied")), Some("1"));
    assert_eq!(value(&text, "rolewarden_last_sweep_outcome{outcome=\"complete\"}"), Some("1"));
    let denials =
        "rolewarden_last_sweep_aws_requests{aws_service=\"sts\",outcome=\"access_denied\"}";
    assert_eq!(value(&text, denials), Some("1"));
    assert!(!text.contains("first_seen") && !text.contains("process_"));
    assert!(!text.contains("_total{") && !text.contains("_total "), "no counters");
    let complete = value(&text, COMPLETE).unwrap().to_owned();
    assert!(complete.parse::<u64>().unwrap() > 1_700_000_000, "{complete}");

    let before = fs::metadata(&path).unwrap().ino();
    let role = "arn:aws:iam::999999999999:role/none";
    let unlisted =
        format!("accounts: {{source: organization, organization_role_arn: \"{role}\"}}\n");
    let failures: [(&str, &str, &[&str]); 3] = [
        ("bad configuration", "accounts: {source: nowhere}\n", &[]),
        ("no such account", "accounts: {source: organization}\n", &["--account", "999999999999"]),
        ("no list", &unlisted, &[]),
    ];
    for (case, config, more) in failures {
        lab.set_config(config);
        let run = lab.scan(&[&args[..], more].concat());
        assert_eq!(run.status, Some(1), "case `{case}`: {run}");
        let text = read();
        promtool(&text);
        assert_eq!(value(&text, FAILED), Some("1"), "case `{case}`");
        assert_eq!(value(&text, DRIFTED), None, "case `{case}`: what is not known is not there");
        assert_eq!(value(&text, COMPLETE), Some(complete.as_str()), "case `{case}`");
    }
    assert_ne!(fs::metadata(&path).unwrap().ino(), before, "it is replaced, not written over");
    assert_eq!(lab.names(), ["rolewarden.prom", "rolewarden.yaml"], "nothing is left beside it");
}

#[test]
fn a_file_that_cannot_be_written_is_said_before_anything_is_asked() {
    let (world, _) = world_of(&[Kind::GuideCli]);
    let lab = Lab::new(world);
    for path in [".", "missing/rolewarden.prom"] {
        let run = lab.scan(&["--metrics-file", path]);
        assert_eq!(run.status, Some(1), "{run}");
        assert!(run.stderr.contains("cannot write the metrics to"), "{run}");
    }
    assert_eq!(lab.calls().total(), 0);
}

/// Asks promtool, where it is installed.
fn promtool(text: &str) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return };
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, text.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "promtool: {said}");
}
