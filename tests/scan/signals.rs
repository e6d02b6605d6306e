//! Signals: the first stops the sweep and still reports, the second ends the process at once.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rolewarden::model::AccountId;
use rolewarden::simulator::{Fault, On, Operation, Rule, World, generate};

use crate::support::{Lab, ORGANIZATION, account, finish, right_world, state};

/// Nothing here may end by a deadline of its own.
const PATIENT: &str = "sweep: {concurrency: 1, account_timeout: 1h, attempt_timeout: 5m}\n";

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success(), "kill {signal}");
}

/// Five accounts, of which the third is never answered.
fn world_that_hangs() -> (World, Vec<AccountId>) {
    let (mut world, _) = right_world();
    let ids: Vec<AccountId> = world.accounts.keys().cloned().collect();
    let rule = Rule::always(On::Any, Fault::Hangs);
    let third = ids.iter().filter(|id| **id != world.hub).nth(2).unwrap().clone();
    world.accounts.get_mut(&third).unwrap().faults = vec![rule];
    let at = ids.iter().position(|id| *id == third).unwrap();
    let (done, rest) = ids.split_at(at);
    let order = [done, rest].concat();
    (world, order)
}

#[test]
fn a_stopped_sweep_reports_what_it_has() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let (world, ids) = world_that_hangs();
        let at = ids.iter().position(|id| !world.accounts[id].faults.is_empty()).unwrap();
        let lab = Lab::new(world).config(&format!("{ORGANIZATION}{PATIENT}"));
        let child = lab.command(&["scan", "--format", "json"]).spawn().unwrap();
        lab.wait_for(|calls| calls.of_in(Operation::AssumeRole, &ids[at]) > 0);
        send(signal, &child);
        let run = finish(child).ends(status);
        let report = run.json();
        assert_eq!(report["sweep"]["complete"], false, "{run}");
        for (i, id) in ids.iter().enumerate() {
            if i < at {
                assert_eq!(state(&report, id), "compliant", "{run}");
            } else {
                assert_eq!(state(&report, id), "unknown", "{run}");
                assert_eq!(account(&report, id)["error"]["reason"], "pending", "{run}");
            }
        }
        assert!(run.stderr.contains("stopping"), "{run}");
    }
}

#[test]
fn a_stopped_sweep_still_writes_its_file() {
    let (world, ids) = world_that_hangs();
    let at = ids.iter().position(|id| !world.accounts[id].faults.is_empty()).unwrap();
    let lab = Lab::new(world).config(&format!("{ORGANIZATION}{PATIENT}"));
    let child = lab.command(&["scan", "--output", "report.txt"]).spawn().unwrap();
    lab.wait_for(|calls| calls.of_in(Operation::AssumeRole, &ids[at]) > 0);
    send("-TERM", &child);
    finish(child).ends(143);
    let text = std::fs::read_to_string(lab.path("report.txt")).unwrap();
    assert!(text.contains("INCOMPLETE") && text.contains("pending"), "{text}");
}

#[test]
fn a_signal_while_accounts_are_listed_ends_the_scan_without_a_report() {
    for operation in [Operation::GetCallerIdentity, Operation::ListAccounts] {
        let (mut world, _) = right_world();
        world.faults = vec![Rule::always(On::Only(operation), Fault::Hangs)];
        let lab = Lab::new(world).config(&format!("{ORGANIZATION}{PATIENT}"));
        let child = lab.command(&["scan", "--output", "report.json"]).spawn().unwrap();
        lab.wait_for(|calls| calls.of(operation) > 0);
        send("-INT", &child);
        finish(child).fails(130, &["stopping", "there is no report"]);
        assert_eq!(lab.names(), ["rolewarden.yaml"]);
    }
}

#[test]
fn a_second_signal_does_not_wait_for_anything() {
    let mut world = generate(1, 300);
    let last = world.accounts.keys().next_back().unwrap().clone();
    world.accounts.get_mut(&last).unwrap().faults = vec![Rule::always(On::Any, Fault::Hangs)];
    let lab = Lab::new(world).config(&format!(
        "{ORGANIZATION}sweep: {{account_timeout: 1h, attempt_timeout: 5m, max_attempts: 1}}\n"
    ));
    // Nobody reads stdout, and the report is longer than a pipe holds: the first signal alone cannot end this.
    let mut child = lab.command(&["scan", "--format", "json"]).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    lab.wait_for(|calls| {
        calls.of_in(Operation::AssumeRole, &last) > 0 && calls.of(Operation::AssumeRole) > 250
    });
    send("-INT", &child);
    let mut line = String::new();
    while !line.contains("sweep finished") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "stderr ended early");
    }
    assert!(child.try_wait().unwrap().is_none(), "the report waits for its reader");
    let sent = Instant::now();
    send("-INT", &child);
    finish(child).ends(130);
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    drop(stdout);
    stderr.read_to_string(&mut line).unwrap();
}
