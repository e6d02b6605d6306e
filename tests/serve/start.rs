//! How the daemon starts, and how it says that it cannot.

use crate::support::{Daemon, Lab, config, quiet, right_world};

#[test]
fn what_keeps_the_daemon_from_starting_is_said_in_a_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let listen_there = quiet().replace("127.0.0.1:0", &taken);
    let exposed = quiet().replace("127.0.0.1:0", "0.0.0.0:0");
    let cases: [(&str, String, &[&str], &[&str]); 7] = [
        ("the address is taken", listen_there, &[], &["cannot listen on", "in use"]),
        ("exposed without TLS", exposed, &[], &["0.0.0.0", "web.insecure_bind"]),
        (
            "no folder for the store",
            quiet(),
            &["--store", "no/such/folder/x.db"],
            &["no/such/folder"],
        ),
        ("the store is a folder", quiet(), &["--store", "."], &["store"]),
        ("the store is a text", quiet(), &["--store", "rolewarden.yaml"], &["rolewarden.yaml"]),
        (
            "no web file",
            config("").replace("token:", "config_file: no.yaml, token:"),
            &[],
            &["no.yaml"],
        ),
        ("a wrong configuration", config("sweep: {every: 1s}\n"), &[], &["sweep.every"]),
    ];
    for (case, yaml, args, words) in cases {
        let lab = Lab::new(right_world().0).config(&yaml);
        let args: Vec<&str> = ["serve"].iter().chain(args).copied().collect();
        let run = lab.run(&args);
        assert_eq!(run.status, Some(1), "case `{case}`: {run}");
        for word in words {
            assert!(run.stderr.contains(word), "case `{case}`: expected `{word}` in {run}");
        }
        assert_eq!(lab.calls().total(), 0, "case `{case}`: AWS was asked");
    }
}

#[test]
fn a_second_daemon_on_the_same_store_is_refused_and_history_still_reads() {
    let lab = Lab::new(right_world().0).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let second = lab.run(&["serve"]).fails(1, &["rolewarden.db"]);
    assert_eq!(
        second.stderr.matches("is in use by another rolewarden").count(),
        1,
        "said once: {second}"
    );
    let history = lab.run(&["history", "--sweeps", "--format", "json"]).ends(0).json();
    assert_eq!(history["sweeps"].as_array().unwrap().len(), 1, "{history}");
    daemon.stop();
}

#[test]
fn an_aws_that_cannot_be_reached_is_tried_again_and_the_page_says_so() {
    let lab =
        Lab::new(right_world().0).config(&quiet()).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let daemon = Daemon::start(&lab, &[]);
    daemon.wait_for_log("sweep failed", 1);
    assert_eq!(daemon.get("/-/healthy").status, 200);
    assert_eq!(daemon.get("/-/ready").status, 503);
    assert_eq!(daemon.get("/api/v1/report").status, 503);
    daemon.expect_metric("rolewarden_sweeps_total{outcome=\"failed\"}", 1.0);
    daemon.expect_metric("rolewarden_accounts{state=\"compliant\"}", 0.0);
    let page = daemon.get("/");
    assert!(page.text().contains("sts:GetCallerIdentity"), "{}", page.text());
    daemon.stop();
}
