//! What sweeps bring, one after the other.

use rolewarden::simulator::{Fault, Kind, ManagedPolicy, On, Operation, Paging, Role, Rule};
use serde_json::Value;

use crate::support::{Daemon, HASTY, Lab, config, quiet, world_of};

fn state(daemon: &Daemon, id: &str) -> String {
    daemon.get(&format!("/api/v1/accounts/{id}")).json()["state"].as_str().unwrap().to_owned()
}

fn in_state(daemon: &Daemon, state: &str, accounts: f64) {
    daemon.expect_metric(&format!("rolewarden_accounts{{state=\"{state}\"}}"), accounts);
}

/// Every finding's `first_seen` in an account.
fn first_seen(daemon: &Daemon, id: &str) -> Vec<Value> {
    let account = daemon.get(&format!("/api/v1/accounts/{id}")).json();
    let findings = account["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["first_seen"].clone()).collect()
}

#[test]
fn drift_is_seen_by_the_next_sweep_and_its_end_by_the_one_after() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Eksctl]);
    let right: Role = world.accounts[&ids[0]].roles["AmazonEKSConnectorAgentRole"].clone();
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    in_state(&daemon, "drifted", 0.0);
    let put = |role: Role| {
        lab.running.change(|world| {
            let roles = &mut world.accounts.get_mut(&ids[0]).unwrap().roles;
            roles.insert("AmazonEKSConnectorAgentRole".to_owned(), role);
        });
    };
    put(Role {
        trust: right.trust.replace("ssm.amazonaws.com", "ec2.amazonaws.com").into(),
        ..right.clone()
    });
    daemon.sweep();
    in_state(&daemon, "drifted", 1.0);
    assert_eq!(state(&daemon, ids[0].as_str()), "drifted");
    let series =
        format!("rolewarden_finding_first_seen_timestamp_seconds{{account_id=\"{}\"", ids[0]);
    assert!(daemon.get("/metrics").text().contains(&series));
    put(right);
    daemon.sweep();
    in_state(&daemon, "drifted", 0.0);
    assert!(!daemon.get("/metrics").text().contains(&series));
    let opened = daemon.logged("finding opened").len();
    assert!(opened > 0);
    assert_eq!(daemon.logged("finding resolved").len(), opened);
    let resolved: f64 = daemon
        .get("/metrics")
        .text()
        .lines()
        .filter(|line| line.starts_with("rolewarden_findings_resolved_total{"))
        .filter(|line| line.contains("resolution=\"external\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(resolved, opened as f64);
    // The account's page tells its history.
    let history = daemon.get(&format!("/api/v1/accounts/{}", ids[0])).json();
    assert_eq!(history["history"].as_array().unwrap().len(), opened, "{history}");
    daemon.stop();
}

#[test]
fn an_account_that_cannot_be_read_is_unknown_and_keeps_its_findings_with_their_age() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached]);
    let id = ids[1].as_str();
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let before = first_seen(&daemon, id);
    assert!(!before.is_empty());
    let denied = Rule::always(On::Only(Operation::GetRole), Fault::Denied);
    lab.running.change(|world| {
        world.accounts.get_mut(&ids[1]).unwrap().faults.push(denied);
    });
    // One account is scanned again without a sweep.
    let scan = format!("/api/v1/accounts/{id}/scan");
    daemon.wait("the scan to be taken on", || daemon.post(&scan).status == 202);
    daemon.wait("the account to be unknown", || state(&daemon, id) == "unknown");
    assert_eq!(daemon.logged("sweep ended").len(), 1);
    daemon.sweep();
    in_state(&daemon, "unknown", 1.0);
    let text = daemon.get("/metrics").text();
    let unknown = format!(
        "rolewarden_account_state{{account_id=\"{id}\",state=\"unknown\",reason=\"access_denied\"}} 1"
    );
    assert!(text.contains(&unknown), "{text}");
    let series = format!("rolewarden_finding_first_seen_timestamp_seconds{{account_id=\"{id}\"");
    assert!(text.contains(&series), "an open finding's series goes on: {text}");
    assert!(daemon.logged("finding resolved").is_empty());
    lab.running.change(|world| world.accounts.get_mut(&ids[1]).unwrap().faults.clear());
    daemon.sweep();
    assert_eq!(first_seen(&daemon, id), before, "the age goes on");
    daemon.stop();
}

#[test]
fn a_list_that_fails_or_shrinks_leaves_the_one_before_in_force() {
    let (world, ids) = world_of(&[
        Kind::GuideCli,
        Kind::Eksctl,
        Kind::TerraformInline,
        Kind::AdministratorAttached,
    ]);
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let stale = || daemon.metric("rolewarden_account_list_stale");
    let accounts = || daemon.report()["summary"]["selected"].as_u64().unwrap();
    assert_eq!((stale(), accounts()), (Some(0.0), 6));
    for paging in [Paging::Empty, Paging::RepeatingToken, Paging::MalformedId] {
        lab.running.change(|world| (world.listing.page, world.listing.paging) = (2, paging));
        daemon.sweep();
        assert_eq!((stale(), accounts()), (Some(1.0), 6), "{paging:?}");
        let last = daemon.get("/api/v1/sweeps").json();
        assert_eq!(last["sweeps"][0]["outcome"], "partial", "{paging:?}");
    }
    // A list that is whole, but lacks two and then three of six: it is not believed until a person says so. A reload is no
    // such word, by whichever way a program asks for it.
    const CONFIRM: &str = "/api/v1/accounts/list/confirm";
    assert_eq!(daemon.post(CONFIRM).status, 409, "every whole list was believed");
    for left in [2, 3] {
        lab.running.change(|world| {
            world.listing.paging = Paging::Honest;
            world.accounts.retain(|id, _| !ids[..left].contains(id));
        });
        daemon.sweep();
        assert_eq!((stale(), accounts()), (Some(1.0), 6), "{left} have left");
        assert!(daemon.get("/").text().contains("not believed"));
        assert_eq!(daemon.post("/-/reload").status, 200);
        daemon.signal("HUP");
        daemon.wait_for_log("configuration reloaded", 2 * (left - 1));
    }
    let confirmed = daemon.post(CONFIRM);
    assert_eq!((confirmed.status, confirmed.json()["accounts"].as_u64()), (202, Some(3)));
    daemon.sweep();
    assert_eq!(
        (stale(), accounts()),
        (Some(0.0), 6),
        "one list is not enough to forget an account"
    );
    daemon.sweep();
    assert_eq!((stale(), accounts()), (Some(0.0), 3));
    assert_eq!(daemon.post(CONFIRM).status, 409);
    daemon.stop();
}

#[test]
fn a_list_that_shrank_is_believed_when_it_comes_a_second_time_in_a_row() {
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Eksctl, Kind::TerraformInline]);
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let stale = || daemon.metric("rolewarden_account_list_stale");
    let accounts = || daemon.report()["summary"]["selected"].as_u64().unwrap();
    lab.running.change(|world| world.accounts.retain(|id, _| !ids[..2].contains(id)));
    daemon.sweep();
    assert_eq!((stale(), accounts()), (Some(1.0), 5));
    daemon.sweep();
    assert_eq!(
        (stale(), accounts()),
        (Some(0.0), 5),
        "one list is not enough to forget an account"
    );
    daemon.sweep();
    assert_eq!((stale(), accounts()), (Some(0.0), 3));
    daemon.stop();
}

#[test]
fn a_new_default_version_of_a_policy_of_aws_is_seen_by_the_next_sweep() {
    const ARN: &str = "arn:aws:iam::aws:policy/AmazonEKSConnectorAgentPolicy";
    let (mut world, ids) = world_of(&[Kind::GuideCli]);
    let role =
        world.accounts.get_mut(&ids[0]).unwrap().roles.get_mut("AmazonEKSConnectorAgentRole");
    let role = role.unwrap();
    let document = std::mem::take(&mut role.inline).into_values().next().unwrap();
    role.attached = [ARN.to_owned()].into();
    world.aws_policies.insert(ARN.to_owned(), ManagedPolicy { document, version: 1 });
    let managed = "checks: {inline-policy: {accept_managed: true}}\n";
    let lab = Lab::new(world).config(&format!("{}{managed}", quiet()));
    let daemon = Daemon::swept(&lab, &[]);
    let id = ids[0].as_str();
    assert_eq!(state(&daemon, id), "compliant", "{}", daemon.report());
    daemon.sweep();
    assert_eq!(state(&daemon, id), "compliant");
    let calls = |operation| lab.calls().of(operation);
    assert_eq!((calls(Operation::GetPolicy), calls(Operation::GetPolicyVersion)), (2, 1));
    let open =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    lab.running.change(|world| {
        world
            .aws_policies
            .insert(ARN.to_owned(), ManagedPolicy { document: open.into(), version: 2 });
    });
    daemon.sweep();
    assert_eq!(state(&daemon, id), "drifted", "{}", daemon.report());
    assert_eq!((calls(Operation::GetPolicy), calls(Operation::GetPolicyVersion)), (3, 2));
    daemon.stop();
}

#[test]
fn a_list_shorter_than_it_must_be_leaves_the_one_before_in_force_and_without_one_nothing_is_ready()
{
    let (world, ids) = world_of(&[Kind::GuideCli, Kind::Eksctl]);
    let all = world.accounts.len();
    let least = |least: usize| {
        quiet().replace("source: organization", &format!("source: organization, at_least: {least}"))
    };
    let mut lab = Lab::new(world).config(&least(all + 1));
    let daemon = Daemon::start(&lab, &[]);
    daemon.wait("the list to be refused", || daemon.get("/").text().contains("accounts.at_least"));
    assert_eq!(daemon.get("/-/ready").status, 503);
    assert_eq!(daemon.metric("rolewarden_account_list_stale"), Some(1.0));
    lab.set_config(&least(all));
    assert_eq!(daemon.post("/-/reload").status, 200);
    daemon.wait("a sweep", || daemon.get("/-/ready").status == 200);
    assert_eq!(daemon.metric("rolewarden_account_list_stale"), Some(0.0));
    // One account less would be believed, if it were not for the configuration.
    lab.running.change(|world| world.accounts.remove(&ids[0]));
    daemon.sweep();
    assert_eq!(daemon.report()["summary"]["selected"], all);
    assert_eq!(daemon.metric("rolewarden_account_list_stale"), Some(1.0));
    daemon.stop();
}

#[test]
fn one_sweep_at_a_time_and_only_with_the_token() {
    let (mut world, _) = world_of(&[Kind::GuideCli, Kind::Eksctl]);
    world.faults.push(Rule::always(On::Only(Operation::GetRole), Fault::Hangs));
    let lab = Lab::new(world).config(&config(&HASTY.replace("sweep: {", "sweep: {every: 1d, ")));
    let daemon = Daemon::start(&lab, &[]);
    daemon.wait("the first sweep", || daemon.metric("rolewarden_sweep_in_progress") == Some(1.0));
    assert_eq!(daemon.post("/api/v1/sweeps").status, 409);
    let ask = |headers: &[(&str, &str)]| {
        crate::http::ask(daemon.address, "POST", "/api/v1/sweeps", headers).unwrap().status
    };
    assert_eq!(ask(&[]), 401);
    assert_eq!(ask(&[("Authorization", "Bearer token-of-the-tests-0123456788")]), 401);
    daemon.wait_for_log("sweep ended", 1);
    in_state(&daemon, "unknown", 4.0);
    daemon.stop();
    // Without a token in the configuration there is no POST at all.
    let lab = Lab::new(world_of(&[Kind::GuideCli]).0)
        .config(&quiet().replace(&format!(", token: {}", crate::support::TOKEN), ""));
    let daemon = Daemon::start(&lab, &[]);
    assert_eq!(daemon.post("/api/v1/sweeps").status, 403);
    daemon.stop();
}
