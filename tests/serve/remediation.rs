//! Drift put right by the daemon: only where it is configured and armed, within limits, until somebody stops it.

use rolewarden::model::AccountId;
use rolewarden::simulator::{Calls, Kind, Operation};
use serde_json::Value;

use crate::support::{Daemon, Lab, config, world_of};

/// Three that are drifted, each in a way that may be put right.
const KINDS: [Kind; 3] = [Kind::Absent, Kind::Everyone, Kind::MissingAction];

/// A daemon that sweeps when asked, and puts right at once and in a hurry.
fn yaml(mode: &str, more: &str) -> String {
    config(&format!(
        "sweep: {{every: 1d, jitter: 0s, max_attempts: 2}}
remediation: {{mode: {mode}, actions: [create_role, update_trust_policy, put_inline_policy], max_accounts: 10, max_percent: 100, write_interval: 10ms, grace: 0s, verify_timeout: 2s{more}}}
"
    ))
}

fn writes(calls: &Calls) -> u64 {
    Operation::ALL.iter().copied().filter(|one| one.writes()).map(|one| calls.of(one)).sum()
}

fn lab(text: &str) -> (Lab, Vec<AccountId>) {
    let (world, ids) = world_of(&KINDS);
    (Lab::new(world).config(text), ids)
}

fn remediation(daemon: &Daemon) -> Value {
    daemon.get("/api/v1/remediation").json()
}

/// Starts it and waits until the first sweep was followed up.
fn started(lab: &Lab, args: &[&str]) -> Daemon {
    let daemon = Daemon::swept(lab, args);
    daemon.wait("the sweep to be followed up", || !remediation(&daemon)["plan"].is_null());
    daemon
}

/// The code that arms this configuration.
fn code(lab: &Lab) -> String {
    let run = lab.run(&["plan", "--format", "json"]);
    run.json()["arming_code"].as_str().unwrap().to_owned()
}

/// Another sweep, followed up.
fn sweep_again(daemon: &Daemon) {
    let before = remediation(daemon)["plan"].clone();
    daemon.sweep();
    daemon.wait("the sweep to be followed up", || remediation(daemon)["plan"] != before);
}

#[test]
fn off_by_default_nothing_is_written_and_nothing_is_planned() {
    let (lab, _) = lab(&config("sweep: {every: 1d, jitter: 0s}\n"));
    let daemon = Daemon::swept(&lab, &["--arm", "0123456789ab"]);
    daemon.sweep();
    daemon.expect_metric("rolewarden_remediation_enabled", 0.0);
    daemon.expect_metric("rolewarden_remediation_pending", 0.0);
    assert_eq!(daemon.logged("not armed: remediation.mode is not apply").len(), 1);
    assert_eq!((remediation(&daemon)["standing"].as_str(), writes(&lab.calls())), (Some("off"), 0));
    daemon.stop();
}

#[test]
fn planning_shows_what_would_be_done_and_does_nothing() {
    let (lab, ids) = lab(&yaml("plan", ""));
    let daemon = started(&lab, &[]);
    daemon.expect_metric("rolewarden_remediation_pending", 3.0);
    daemon.expect_metric("rolewarden_remediation_enabled", 0.0);
    let skipped = |action, count| {
        let line = format!(
            "rolewarden_remediations_total{{action=\"{action}\",outcome=\"skipped_dry_run\"}}"
        );
        daemon.expect_metric(&line, count);
    };
    skipped("create_role", 1.0);
    skipped("update_trust_policy", 1.0);
    skipped("put_inline_policy", 2.0);
    let page = daemon.get("/changes").text().to_owned();
    assert!(page.contains("plan only. Nothing is ever written.") && page.contains(ids[0].as_str()));
    assert_eq!(writes(&lab.calls()), 0);
    daemon.stop();
}

#[test]
fn armed_it_puts_an_organization_right_within_its_limits() {
    let (mut lab, ids) = lab(&yaml("apply", ", max_accounts: 2").replace("max_accounts: 10, ", ""));
    let code = code(&lab);
    let daemon = started(&lab, &["--arm", &code]);
    daemon.wait_for_log("remediation ended", 1);
    daemon.expect_metric("rolewarden_remediation_enabled", 1.0);
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 1.0);
    daemon.expect_metric("rolewarden_remediation_pending", 1.0);
    let changes = daemon.get("/api/v1/changes").json()["changes"].clone();
    let of: std::collections::BTreeSet<_> =
        changes.as_array().unwrap().iter().map(|change| change["account"].to_string()).collect();
    assert_eq!(of.len(), 2, "{changes}");
    sweep_again(&daemon);
    daemon.wait_for_log("remediation ended", 2);
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 0.0);
    daemon.expect_metric("rolewarden_remediation_pending", 0.0);
    let written = writes(&lab.calls());
    assert_eq!(written, 4);
    // What is right is left alone.
    sweep_again(&daemon);
    assert_eq!(writes(&lab.calls()), written);
    let resolved = daemon.get("/metrics").text().to_owned();
    let by = |how: &str| -> f64 {
        let mark = format!("resolution=\"{how}\"");
        let lines = resolved.lines().filter(|line| {
            line.starts_with("rolewarden_findings_resolved_total{") && line.contains(&mark)
        });
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    assert!(by("remediated") >= 3.0, "{}", by("remediated"));
    assert!(by("external").abs() < 0.5, "{}", by("external"));
    let account = daemon.get(&format!("/accounts/{}", ids[1])).text().to_owned();
    assert!(account.contains("Changes by rolewarden") && account.contains("remediated"));
    daemon.stop();
    lab.set_config(&yaml("off", ""));
    lab.scan(&[]).ends(0);
    let history = lab.run(&["history", "--changes", "--format", "json"]).ends(0).json();
    assert_eq!(history["changes"].as_array().unwrap().len(), 4);
    assert!(
        history["changes"][0]["outcome"] == "applied" && history["changes"][0]["origin"] == "serve"
    );
}

#[test]
fn a_reload_that_changes_what_may_be_written_ends_the_run_after_the_write_in_progress() {
    let (text, slow) = (yaml("apply", ""), |text: &str| text.replace("10ms", "1h"));
    let (mut lab, ids) = lab(&slow(&text));
    let code = code(&lab);
    let daemon = started(&lab, &["--arm", &code]);
    // The next write may be sent an hour later.
    daemon.wait("the first write", || writes(&lab.calls()) == 1);
    let exclude = format!("[\"{}\", \"{}\", \"{}\"]", ids[0], ids[1], ids[2]);
    lab.set_config(
        &slow(&text).replace("grace: 0s", &format!("grace: 0s, exclude: {{ids: {exclude}}}")),
    );
    assert_eq!(daemon.post("/-/reload").status, 200);
    daemon.wait_for_log("remediation ended", 1);
    let ended = daemon.logged("remediation ended").remove(0).to_string();
    assert!(ended.contains("the configuration was reloaded during the run"), "{ended}");
    sweep_again(&daemon);
    assert_eq!(writes(&lab.calls()), 1);
    assert_eq!(remediation(&daemon)["pending"], 0);
    daemon.stop();
}

#[test]
fn what_waits_for_its_grace_period_is_shown_with_its_time() {
    let (lab, ids) = lab(&yaml("apply", "").replace("grace: 0s", "grace: 1h"));
    let code = code(&lab);
    let daemon = started(&lab, &["--arm", &code]);
    let stands = remediation(&daemon);
    let waiting = stands["waiting"].as_array().unwrap();
    assert_eq!((waiting.len(), &stands["pending"]), (3, &Value::from(3)), "{stands}");
    for waiting in waiting {
        assert!(ids.iter().any(|id| waiting["account"] == id.as_str()), "{waiting}");
        assert_eq!(waiting["reason"], "grace");
        assert!(waiting["message"].as_str().unwrap().contains(waiting["until"].as_str().unwrap()));
    }
    daemon.expect_metric("rolewarden_remediation_pending", 3.0);
    daemon.expect_metric("rolewarden_remediation_waiting{reason=\"grace\"}", 3.0);
    daemon.expect_metric("rolewarden_remediation_blocked{reason=\"stopped\"}", 0.0);
    let page = daemon.get("/changes").text().to_owned();
    assert!(page.contains("waits for remediation.grace") && page.contains(ids[0].as_str()));
    assert_eq!(daemon.post("/api/v1/remediation/stop").json()["standing"], "stopped");
    daemon.expect_metric("rolewarden_remediation_blocked{reason=\"stopped\"}", 1.0);
    assert_eq!(writes(&lab.calls()), 0);
    daemon.stop();
}

#[test]
fn a_code_that_does_not_fit_arms_nothing_and_says_so() {
    let (lab, _) = lab(&yaml("apply", ""));
    for (args, logged) in [(&[][..], 0), (&["--arm", "0123456789ab"][..], 1)] {
        let daemon = started(&lab, args);
        let stands = remediation(&daemon);
        assert_eq!(stands["standing"], "not_armed");
        assert!(stands["held"].as_str().unwrap().contains("is not armed"), "{stands}");
        assert_eq!(stands["held_reason"], "not_armed");
        let not_armed = "not armed: the code does not fit this organization";
        assert_eq!(daemon.log().matches(not_armed).count(), logged);
        daemon.expect_metric("rolewarden_remediation_pending", 3.0);
        daemon.expect_metric("rolewarden_remediation_enabled", 0.0);
        daemon.stop();
    }
    assert_eq!(writes(&lab.calls()), 0);
}

#[test]
fn the_kill_switch_and_the_endpoint_stop_it_over_restarts() {
    let (lab, _) = lab(&yaml("apply", ", kill_switch: stop"));
    let code = code(&lab);
    let switch = lab.file("stop", "");
    let daemon = started(&lab, &["--arm", &code]);
    assert_eq!(remediation(&daemon)["standing"], "held");
    assert!(remediation(&daemon)["held"].as_str().unwrap().contains("kill switch"));
    assert_eq!(daemon.post("/api/v1/remediation/stop").json()["standing"], "stopped");
    daemon.expect_metric("rolewarden_remediation_stopped", 1.0);
    std::fs::remove_file(switch).unwrap();
    sweep_again(&daemon);
    daemon.stop();
    let daemon = started(&lab, &["--arm", &code]);
    assert_eq!(remediation(&daemon)["standing"], "stopped", "it stays so over a restart");
    assert!(daemon.get("/").text().contains("stopped by POST /api/v1/remediation/stop"));
    assert_eq!(writes(&lab.calls()), 0);
    assert_eq!(daemon.post("/api/v1/remediation/resume").json()["standing"], "held");
    sweep_again(&daemon);
    daemon.wait_for_log("remediation ended", 1);
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 0.0);
    assert_eq!(remediation(&daemon)["standing"], "armed");
    daemon.stop();
}

#[test]
fn a_kill_switch_whose_folder_is_gone_counts_as_thrown() {
    let (lab, _) = lab(&config(""));
    let switches = lab.path("switches");
    std::fs::create_dir(&switches).unwrap();
    let mut lab = lab;
    lab.set_config(&yaml("apply", ", kill_switch: switches/stop"));
    let code = code(&lab);
    std::os::unix::fs::symlink("/nowhere", switches.join("stop")).unwrap();
    let daemon = started(&lab, &["--arm", &code]);
    let held = || remediation(&daemon)["held"].as_str().unwrap_or_default().to_owned();
    assert!(held().contains("switches/stop` exists: delete it to go on"), "{}", held());
    std::fs::remove_dir_all(&switches).unwrap();
    sweep_again(&daemon);
    assert!(held().contains("the folder of the kill switch"), "{}", held());
    assert_eq!(writes(&lab.calls()), 0);
    // A reload with it is refused like a start, and nothing changes.
    assert_eq!(daemon.post("/-/reload").status, 500);
    std::fs::create_dir(&switches).unwrap();
    sweep_again(&daemon);
    daemon.wait_for_log("remediation ended", 1);
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 0.0);
    daemon.stop();
}

#[test]
fn a_reload_never_arms_and_one_with_another_baseline_disarms_for_good() {
    let (mut lab, _) = lab(&yaml("apply", ", kill_switch: stop"));
    let code = code(&lab);
    let switch = lab.file("stop", "");
    let daemon = started(&lab, &["--arm", &code]);
    daemon.expect_metric("rolewarden_remediation_enabled", 1.0);
    // Other limits: still what it was armed for.
    lab.set_config(&yaml("apply", ", kill_switch: stop, flapping_after: 5"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    daemon.expect_metric("rolewarden_remediation_enabled", 1.0);
    let other = "baseline: {inline_policy_name: Other}\n";
    lab.set_config(&(yaml("apply", ", kill_switch: stop") + other));
    assert_eq!(daemon.post("/-/reload").status, 200);
    daemon.expect_metric("rolewarden_remediation_enabled", 0.0);
    assert_eq!(remediation(&daemon)["standing"], "not_armed");
    daemon.wait_for_log("sweep ended", 2);
    // Back to what it was: nobody armed that since.
    lab.set_config(&yaml("apply", ", kill_switch: stop"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    daemon.wait_for_log("sweep ended", 3);
    std::fs::remove_file(switch).unwrap();
    sweep_again(&daemon);
    assert_eq!(remediation(&daemon)["standing"], "not_armed");
    assert_eq!(remediation(&daemon)["code"], code.split_once(".").unwrap().0);
    assert_eq!(writes(&lab.calls()), 0);
    daemon.stop();
}
