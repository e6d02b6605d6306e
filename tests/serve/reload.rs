//! The configuration, read again.

use crate::support::{Daemon, Lab, TOKEN, quiet, world_of};
use rolewarden::simulator::{Fault, Kind, On, Rule};

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing_and_one_that_can_is_in_force() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached]);
    let mut lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let successful =
        |value| daemon.expect_metric("rolewarden_config_last_reload_successful", value);
    successful(1.0);
    let exempt = format!(
        "exceptions: [{{id: EX-1, accounts: [\"{}\"], accept: {{attached_policies: [\"arn:aws:iam::aws:policy/AdministratorAccess\"]}}, reason: r, owner: o, expires: 2099-01-01}}]\n",
        ids[1]
    );
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", vec![], "is empty"),
        ("broken", b"accounts: {source: organization".to_vec(), "rolewarden.yaml"),
        ("half of it", quiet().into_bytes()[..40].to_vec(), "rolewarden.yaml"),
        ("unknown key", format!("{}swep: {{}}\n", quiet()).into_bytes(), "swep"),
        ("no UTF-8", b"accounts: \xff".to_vec(), "UTF-8"),
        ("huge", vec![b'#'; 10 << 20], "larger"),
        (
            "needs a restart",
            quiet().replace("127.0.0.1:0", "127.0.0.1:1").into_bytes(),
            "web.listen",
        ),
        (
            "needs a restart too",
            format!("{}store: {{path: other.db}}\n", quiet()).into_bytes(),
            "store.path",
        ),
        (
            "a broken file of exceptions",
            format!("{}exceptions_file: broken.yaml\n", quiet()).into_bytes(),
            "broken.yaml",
        ),
    ];
    lab.file("broken.yaml", "- {id: EX-1");
    for (number, (case, text, word)) in cases.iter().enumerate() {
        lab.file("rolewarden.yaml", text);
        let answer = daemon.post("/-/reload");
        assert_eq!(answer.status, 500, "case `{case}`: {answer:?}");
        assert!(answer.text().contains(word), "case `{case}`: {}", answer.text());
        successful(0.0);
        daemon.expect_metric("rolewarden_config_reload_failures_total", (number + 1) as f64);
        assert_eq!(
            daemon.logged("configuration not reloaded: the one before stays in force").len(),
            number + 1
        );
    }
    daemon.sweep();
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 1.0);
    // By the signal this time.
    lab.set_config(&format!("{}{exempt}", quiet()));
    daemon.signal("HUP");
    daemon.wait_for_log("configuration reloaded", 1);
    successful(1.0);
    // What is known was judged by other rules: a sweep follows at once.
    daemon.expect_metric("rolewarden_accounts{state=\"exempt\"}", 1.0);
    daemon.expect_metric("rolewarden_accounts{state=\"drifted\"}", 0.0);
    // The token is one of the things that change at once.
    lab.set_config(&quiet().replace(TOKEN, "another-token-0123456789"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    assert_eq!(daemon.post("/-/reload").status, 401);
    assert!(!daemon.log().contains(TOKEN) && !daemon.log().contains("another-token"));
    daemon.stop();
}

/// Makes a named pipe, which whoever opens it waits at.
fn pipe(path: &std::path::Path) {
    let _ = std::fs::remove_file(path);
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_file_that_would_hang_is_refused_and_the_next_reload_works() {
    let yaml = format!(
        "{}baseline: {{trust_policy: trust.json}}\naccess: {{external_id: \"${{file:secret}}\"}}\nexceptions_file: exceptions.yaml\n",
        quiet().replace("token:", "config_file: web.yaml, token:")
    );
    let lab = Lab::new(world_of(&[Kind::GuideCli]).0).config(&yaml);
    let files = [
        ("rolewarden.yaml", yaml.as_str()),
        ("trust.json", include_str!("../../config/baseline/eks-connector-agent-trust-policy.json")),
        ("secret", "an-external-id"),
        ("exceptions.yaml", "[]"),
        ("web.yaml", ""),
    ];
    for (name, text) in files {
        lab.file(name, text);
    }
    let daemon = Daemon::swept(&lab, &[]);
    let successful =
        |value| daemon.expect_metric("rolewarden_config_last_reload_successful", value);
    for (number, (name, text)) in files.iter().enumerate() {
        pipe(&lab.path(name));
        let answer = daemon.post("/-/reload");
        assert_eq!(answer.status, 500, "{name}: {answer:?}");
        let said = answer.text();
        assert!(said.contains("it is a pipe, expected a regular file"), "{name}: {said}");
        assert!(said.contains(name), "{name}: {said}");
        successful(0.0);
        // By the signal too.
        daemon.signal("HUP");
        let failed = "configuration not reloaded: the one before stays in force";
        daemon.wait_for_log(failed, 2 * (number + 1));
        std::fs::remove_file(lab.path(name)).unwrap();
        lab.file(name, text);
        assert_eq!(daemon.post("/-/reload").status, 200, "{name}");
        successful(1.0);
    }
    daemon.stop();
}

/// A trust policy that asks for more than the built-in one.
const STRICTER: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"${rolewarden:account_id}"}}}]}"#;

#[test]
fn what_other_rules_judged_is_pending_in_every_figure_until_it_is_judged_again() {
    let (world, _) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached]);
    let accounts = world.accounts.len() as f64;
    let mut lab = Lab::new(world).config(&quiet());
    lab.file("stricter.json", STRICTER);
    let count = |daemon: &Daemon, state: &str| {
        daemon.metric(&format!("rolewarden_accounts{{state=\"{state}\"}}")).unwrap()
    };
    let is_pending = |daemon: &Daemon, case: &str| {
        daemon.expect_metric("rolewarden_accounts{state=\"unknown\"}", accounts);
        let text = daemon.get("/metrics").text();
        assert_eq!(
            text.matches("state=\"unknown\",reason=\"pending\"} 1").count() as f64,
            accounts,
            "{case}"
        );
        let report = daemon.report();
        assert_eq!(report["summary"]["states"]["unknown"], accounts, "{case}: {report}");
        assert_eq!(report["sweep"]["complete"], false, "{case}");
        let all = report["accounts"].as_array().unwrap();
        assert!(all.iter().all(|account| account["error"]["reason"] == "pending"), "{case}");
        let ready = daemon.get("/-/ready");
        assert_eq!(ready.status, 503, "{case}");
        assert!(ready.text().contains("configuration in force"), "{case}: {}", ready.text());
        assert!(daemon.get("/").text().contains("pending"), "{case}");
        let series = "rolewarden_finding_first_seen_timestamp_seconds{";
        assert!(text.contains(series), "{case}: what is open stays open");
    };
    let daemon = Daemon::swept(&lab, &[]);
    assert_eq!((count(&daemon, "compliant"), count(&daemon, "drifted")), (accounts - 1.0, 1.0));
    // AWS cannot be reached from now on.
    lab.running.change(|world| world.faults.push(Rule::always(On::Any, Fault::Reset)));
    // What does not change a judgement leaves the states alone.
    lab.set_config(&quiet().replace("every: 1d", "every: 2d"));
    assert_eq!(daemon.post("/-/reload").status, 200);
    assert_eq!(count(&daemon, "compliant"), accounts - 1.0);
    assert_eq!(daemon.get("/-/ready").status, 200);
    lab.set_config(&format!("{}baseline: {{trust_policy: stricter.json}}\n", quiet()));
    assert_eq!(daemon.post("/-/reload").status, 200);
    is_pending(&daemon, "reloaded");
    daemon.stop();
    let daemon = Daemon::start(&lab, &[]);
    is_pending(&daemon, "started again");
    daemon.stop();
    lab.running.change(|world| world.faults.clear());
    let daemon = Daemon::swept(&lab, &[]);
    assert_eq!(count(&daemon, "unknown"), 0.0);
    assert_eq!(daemon.get("/-/ready").status, 200);
    daemon.stop();
}
