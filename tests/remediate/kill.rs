//! kill -9 while a plan is applied, again and again.

use std::time::Duration;

use rolewarden::model::{Phase, StepOutcome as O};
use rolewarden::simulator::Kind;

use crate::program::{CONFIG, Lab, journal, plan, roles};
use crate::support::{ROLE, world_of, writes};

/// How often; `ROLEWARDEN_KILLS` says otherwise.
const KILLS: u64 = 200;
/// Kills of one store and organization, at most: an account may be put right only so often a day.
const EACH: u64 = 40;

const KINDS: [Kind; 3] = [Kind::Absent, Kind::Absent, Kind::Everyone];

#[test]
fn a_kill_at_any_instant_loses_no_entry_and_leaves_no_role_half_made() {
    let kills = std::env::var("ROLEWARDEN_KILLS").ok().and_then(|text| text.parse().ok());
    let kills: u64 = kills.unwrap_or(KILLS);
    // They wait most of the time: for the end of what may still be seen.
    let batches = (0..kills).step_by(usize::try_from(EACH).unwrap());
    let all: Vec<Counts> = std::thread::scope(|scope| {
        let batch = |from| scope.spawn(move || batch(from, kills.min(from + EACH)));
        let running: Vec<_> = batches.map(batch).collect();
        running.into_iter().map(|batch| batch.join().unwrap()).collect()
    });
    let (cut, half) = all.iter().fold((0, 0), |sum, one| (sum.0 + one.cut, sum.1 + one.half));
    println!(
        "{kills} kills: {cut} within an account, {half} roles half made by then; none was left so, no entry was lost"
    );
    assert!(kills < 40 || (cut > kills / 20 && half > 0), "{cut} {half}");
}

/// What kills met.
struct Counts {
    /// Those after which the journal had changes that had not ended.
    cut: u64,
    /// Roles without their policy.
    half: usize,
}

/// Kills with these numbers, of one store and organization.
fn batch(from: u64, to: u64) -> Counts {
    let mut random = fastrand::Rng::with_seed(6 + from);
    let (mut half, mut cut) = (0, 0);
    let (mut world, ids) = world_of(&KINDS);
    world.latency = Duration::from_millis(2);
    let lab = Lab::new(world).config(CONFIG);
    let code = plan(&lab);
    let drifted = roles(&lab);
    let args = ["apply", "plan.json", "--new-store", "--arm", &code];
    let mut took = Duration::from_millis(300);
    for kill in from..to {
        let mut child = lab.command(&args).spawn().unwrap();
        std::thread::sleep(took.mul_f64(random.f64()));
        child.kill().unwrap();
        child.wait().unwrap();
        let before = journal(&lab);
        let open = before.iter().filter(|change| change.phase != Phase::Ended).count();
        let made = roles(&lab);
        let halves =
            ids.iter().filter(|id| made[*id].as_ref().is_some_and(|role| role.inline.is_empty()));
        half += halves.count();
        cut += u64::from(open > 0);
        // Nothing was written that is not in the journal.
        let effects = ids.iter().filter(|id| made[*id] != drifted[*id]);
        for id in effects {
            let told = before.iter().rev().find(|c| c.account == *id && c.phase != Phase::Planned);
            assert!(
                told.is_some(),
                "kill {kill}: {id} was written to, and the journal has nothing"
            );
        }
        let begun = std::time::Instant::now();
        let run = lab.run(&args);
        if open == 0 && before.is_empty() {
            took = begun.elapsed();
        }
        assert_eq!(run.status, Some(0), "kill {kill}: {run}");
        let after = journal(&lab);
        for old in &before {
            let new = after.iter().find(|new| new.id == old.id);
            assert!(
                new.is_some_and(|new| new == old || old.phase != Phase::Ended),
                "kill {kill}: {old:?}"
            );
        }
        let ended =
            |c: &rolewarden::model::Change| matches!(c.outcome, Some(O::Applied | O::Superseded));
        assert!(after.iter().all(ended), "kill {kill}: {after:?}");
        let right = roles(&lab);
        for id in &ids {
            let role = right[id].as_ref().unwrap();
            assert!(
                !role.inline.is_empty() && !role.trust.contains('*'),
                "kill {kill}: {id} {role:?}"
            );
        }
        // Drifted again, as it was.
        lab.running.change(|world| {
            for id in &ids {
                let roles = &mut world.accounts.get_mut(id).unwrap().roles;
                match drifted[id].clone() {
                    Some(role) => drop(roles.insert(ROLE.to_owned(), role)),
                    None => drop(roles.remove(ROLE)),
                }
            }
        });
    }
    assert!(writes(&lab.calls()) > 0);
    Counts { cut, half }
}
