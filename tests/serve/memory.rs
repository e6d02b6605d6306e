//! What a restart keeps.

use rolewarden::simulator::{Fault, Kind, On, Operation, Rule};

use crate::support::{Daemon, Lab, quiet, world_of};

#[test]
fn a_daemon_that_was_killed_serves_its_last_report_with_its_ages_at_once() {
    let (world, _) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached, Kind::Everyone]);
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let before = daemon.report();
    daemon.kill();
    // AWS does not answer any more.
    lab.running.change(|world| {
        world.faults.push(Rule::always(On::Only(Operation::ListAccounts), Fault::Hangs));
    });
    let daemon = Daemon::start(&lab, &[]);
    assert_eq!(daemon.get("/-/ready").status, 200);
    let mut after = daemon.report();
    // Nothing says that the list is still whole.
    assert_eq!(daemon.metric("rolewarden_account_list_stale"), Some(1.0));
    after["sweep"]["complete"] = before["sweep"]["complete"].clone();
    assert_eq!(after, before);
    daemon.kill();
    // It is up again: the ages go on.
    lab.running.change(|world| world.faults.clear());
    let daemon = Daemon::swept(&lab, &[]);
    let ages = |report: &serde_json::Value| {
        let accounts = report["accounts"].as_array().unwrap().clone();
        let findings = accounts
            .into_iter()
            .flat_map(|account| account["findings"].as_array().cloned().unwrap_or_default());
        findings.map(|f| (f["id"].clone(), f["first_seen"].clone())).collect::<Vec<_>>()
    };
    assert!(!ages(&before).is_empty());
    assert_eq!(ages(&daemon.report()), ages(&before));
    daemon.stop();
}

#[test]
fn a_damaged_store_is_refused_and_begun_anew_only_when_asked() {
    let (world, _) = world_of(&[Kind::GuideCli]);
    let lab = Lab::new(world).config(&quiet());
    Daemon::swept(&lab, &[]).stop();
    let path = lab.path("rolewarden.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2048].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    lab.run(&["serve"]).fails(1, &["rolewarden.db", "--rebuild-store"]);
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing was touched");
    Daemon::swept(&lab, &["--rebuild-store"]).stop();
    let aside = lab.names().into_iter().find(|name| name.contains("corrupt")).unwrap();
    assert_eq!(std::fs::read(lab.path(&aside)).unwrap(), bytes, "the damaged one is kept");
}

#[test]
fn no_secret_reaches_the_store_the_log_or_anything_that_is_served() {
    const EXTERNAL_ID: &str = "external-id-canary-4711";
    let (mut world, ids) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached]);
    for role in world.access.everywhere.values_mut() {
        role.external_id = Some(EXTERNAL_ID.to_owned());
    }
    // An error message of AWS that quotes what it was sent.
    world.accounts.get_mut(&ids[0]).unwrap().faults =
        vec![Rule::always(On::Only(Operation::GetRole), Fault::Denied)];
    let yaml = format!("{}access: {{external_id: {EXTERNAL_ID}}}\n", quiet());
    let lab = Lab::new(world).config(&yaml);
    let daemon = Daemon::swept(&lab, &[]);
    daemon.sweep();
    assert_eq!(daemon.report()["summary"]["states"]["drifted"], 1, "{}", daemon.report());
    let paths = ["/", "/metrics", "/api/v1/report", "/api/v1/sweeps", "/api/v1/findings"];
    let served = paths.map(|path| daemon.get(path).text()).join("\n");
    let (account, log) = (daemon.get(&format!("/accounts/{}", ids[0])).text(), daemon.log());
    daemon.stop();
    let stored = lab.names().into_iter().filter(|name| name.starts_with("rolewarden.db"));
    let stored: Vec<u8> = stored.flat_map(|name| std::fs::read(lab.path(&name)).unwrap()).collect();
    assert!(!stored.is_empty());
    let stored = String::from_utf8_lossy(&stored).into_owned();
    for secret in
        [EXTERNAL_ID, crate::support::TOKEN, "SimulatedSecretKey", "SimulatedSessionToken"]
    {
        for (place, text) in
            [("served", &served), ("page", &account), ("log", &log), ("store", &stored)]
        {
            assert!(!text.contains(secret), "`{secret}` in {place}");
        }
    }
}
