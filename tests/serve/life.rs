//! Healthy, ready, stopped.

use std::time::Duration;

use rolewarden::simulator::{Fault, Kind, On, Operation, Rule};

use crate::support::{Daemon, Lab, quiet, right_world, world_of};

#[test]
fn ready_begins_with_the_first_report_and_everything_is_served() {
    let (world, _) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached]);
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    for (path, kind) in [
        ("/", "text/html"),
        ("/metrics", "text/plain; version=0.0.4"),
        ("/-/healthy", "text/plain"),
        ("/-/ready", "text/plain"),
        ("/api/v1/report", "application/json"),
        ("/api/v1/accounts", "application/json"),
        ("/api/v1/findings", "application/json"),
        ("/api/v1/sweeps", "application/json"),
        ("/api/v1/changes", "application/json"),
        ("/api/v1/openapi.json", "application/json"),
    ] {
        let answer = daemon.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let found = answer.header("content-type").unwrap_or_default();
        assert!(found.starts_with(kind), "{path}: {found}");
        assert!(answer.header("server").is_none(), "{path}");
    }
    let report = daemon.report();
    assert_eq!(report["schema"], "rolewarden.report/v1");
    assert_eq!(report["summary"]["states"]["drifted"], 1, "{report}");
    // The same numbers as a scan of the same organization.
    let scanned = lab.scan(&[]).json();
    assert_eq!(report["summary"], scanned["summary"]);
    daemon.stop();
}

#[test]
fn a_stop_in_the_middle_of_a_sweep_keeps_what_was_learned_and_ends_with_0() {
    let (mut world, ids) = world_of(&[Kind::GuideCli, Kind::Eksctl, Kind::TerraformInline]);
    let hangs = Rule::always(On::Only(Operation::GetRole), Fault::Hangs);
    world.accounts.get_mut(&ids[0]).unwrap().faults.push(hangs);
    let lab = Lab::new(world).config(&quiet());
    let mut daemon = Daemon::start(&lab, &[]);
    lab.wait_for(|calls| calls.total() >= 12);
    assert_eq!(daemon.get("/-/ready").status, 503);
    daemon.signal("TERM");
    let (status, took) = daemon.end();
    assert_eq!(status, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(daemon.logged("sweep ended")[0]["outcome"], "cancelled");
    let history = lab.run(&["history", "--sweeps", "--format", "json"]).ends(0).json();
    assert_eq!(history["sweeps"][0]["outcome"], "cancelled", "{history}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut world, _) = right_world();
    world.faults.push(Rule::always(On::Only(Operation::GetRole), Fault::Hangs));
    let lab = Lab::new(world).config(&quiet());
    let mut daemon = Daemon::start(&lab, &[]);
    lab.wait_for(|calls| calls.total() >= 8);
    // Two signals of one kind that wait at once are one: the first must have been heard.
    daemon.signal("INT");
    daemon.wait("the first signal", || daemon.log().contains("a second signal ends at once"));
    daemon.signal("TERM");
    let (_, took) = daemon.end();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn systemd_is_told_when_it_asked() {
    let lab = Lab::new(right_world().0).config(&quiet());
    let path = lab.path("notify.sock");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    let lab = lab.env("NOTIFY_SOCKET", path.to_str().unwrap());
    let daemon = Daemon::start(&lab, &[]);
    let told = || {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1\n");
    daemon.signal("HUP");
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1\n");
    daemon.signal("TERM");
    assert_eq!(told(), "STOPPING=1\n");
}
