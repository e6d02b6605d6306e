//! kill -9, again and again.

use std::time::Duration;

use rolewarden::simulator::Kind;

use crate::support::{Daemon, Lab, quiet, world_of};

/// How often; `ROLEWARDEN_KILLS` says otherwise.
const KILLS: u64 = 200;

#[test]
fn no_kill_at_any_instant_corrupts_the_store_or_loses_an_age() {
    let kills = std::env::var("ROLEWARDEN_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let (world, _) = world_of(&[Kind::GuideCli, Kind::AdministratorAttached, Kind::Everyone]);
    let lab = Lab::new(world).config(&quiet());
    let daemon = Daemon::swept(&lab, &[]);
    let ages = |daemon: &Daemon| {
        let findings =
            daemon.get("/api/v1/findings").json()["findings"].as_array().unwrap().clone();
        findings.iter().map(|f| (f["id"].clone(), f["first_seen"].clone())).collect::<Vec<_>>()
    };
    let before = ages(&daemon);
    assert!(!before.is_empty());
    daemon.kill();
    let mut random = fastrand::Rng::with_seed(4);
    for kill in 0..kills {
        let daemon = Daemon::start(&lab, &[]);
        assert_eq!(ages(&daemon), before, "kill {kill}");
        let instant = Duration::from_micros(random.u64(0..250_000));
        std::thread::sleep(instant);
        if kill % 3 == 0 {
            daemon.post("/api/v1/sweeps");
        }
        daemon.kill();
    }
    let daemon = Daemon::swept(&lab, &[]);
    assert_eq!(ages(&daemon), before);
    daemon.stop();
    println!("{kills} kills: every store opened, every age was kept");
}
