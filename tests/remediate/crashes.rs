//! Crashes at any instant, in virtual time: the run is dropped, and another process goes on with its journal.

use std::time::Duration;

use rolewarden::model::{Change, Phase, StepOutcome as O};
use rolewarden::remediate::{CannotUndo, Journal as _};
use rolewarden::simulator::{Fault, Kind, On, Operation as Op, Rule};

use crate::support::{Lab, in_virtual_time, world_of};

#[test]
fn a_run_that_is_cut_off_anywhere_is_made_good_by_the_next_start_and_one_cycle() {
    let (mut half, mut resumed, mut lost) = (0, 0, 0);
    for seed in 0..120 {
        in_virtual_time(seed, async {
            let (mut world, ids) = world_of(&[Kind::Absent, Kind::Everyone, Kind::Absent]);
            world.seed = seed;
            world.latency = Duration::from_millis(50);
            world.jitter = Duration::from_millis(50);
            if seed % 3 == 0 {
                world.lag = Duration::from_secs(3);
            }
            if seed % 4 == 1 {
                let rule = Rule::nth(seed % 3, On::Only(Op::PutRolePolicy), Fault::AnswerLost);
                world.script([rule]).unwrap();
            }
            let lab = Lab::new(world);
            let plan = lab.plan().await;
            let cut = Duration::from_millis(fastrand::u64(0..9_000));
            let _ = tokio::time::timeout(cut, lab.apply(&plan)).await;
            let armed = seed % 2 == 0;
            let made = |id| lab.role(id).is_some_and(|role| role.inline.is_empty());
            let halves = ids.iter().filter(|id| made(id)).count();
            half += halves;
            let acknowledged = lab.journal.all();
            let next = lab.restarted();
            let engine = next.engine().await;
            let writes = lab.writes();
            let recovered = engine.recover(armed).await.unwrap();
            if !armed {
                assert_eq!(lab.writes(), writes, "seed {seed}: not armed");
            } else {
                resumed += usize::from(lab.writes() > writes);
            }
            assert!(recovered.open.is_empty(), "seed {seed}: {recovered:?}");
            let all = next.journal.all();
            assert!(all.iter().all(|change| change.phase == Phase::Ended), "seed {seed}: {all:?}");
            lost +=
                acknowledged.iter().filter(|old| !all.iter().any(|new| new.id == old.id)).count();
            // What ended before the crash ended so.
            for old in acknowledged.iter().filter(|old| old.phase == Phase::Ended) {
                assert!(all.contains(old), "seed {seed}: {old:?}");
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            let cycle = next.cycle().await;
            assert!(next.drifted().await.is_empty(), "seed {seed}: {cycle:?}");
            for change in next.journal.all() {
                let outcome = change.outcome.unwrap();
                assert!(matches!(outcome, O::Applied | O::Superseded), "seed {seed}: {change:?}");
            }
        });
    }
    println!(
        "120 cuts: {half} roles were half made, {resumed} runs were gone on with, {lost} entries lost"
    );
    assert!(half > 5 && resumed > 5 && lost == 0, "{half} {resumed} {lost}");
}

/// As the journal has a change right after it was written down as sent, and the process ended.
fn sent(change: &Change) -> Change {
    let phase = Phase::Sent;
    Change { phase, role_id: None, ended_at: None, outcome: None, note: None, ..change.clone() }
}

#[test]
fn a_role_that_is_found_after_a_crash_is_ours_only_if_it_names_the_change() {
    for (case, description, ours) in [
        ("ours", "as made", true),
        ("a person's, without a description", "", false),
        ("a person's, with one", "for the EKS Connector", false),
        ("another change's", "rolewarden/change/01JC0000000000000000000000", false),
    ] {
        for armed in [false, true] {
            in_virtual_time(1, async {
                let (lab, ids) = Lab::of(&[Kind::Absent]);
                lab.cycle().await;
                let [create, put] = &lab.journal.all()[..] else { panic!("two changes") };
                let planned = Change { phase: Phase::Planned, ..sent(put) };
                lab.journal.record(&[sent(create), planned]).unwrap();
                lab.change_role(&ids[0], |role| {
                    role.inline.clear();
                    if description != "as made" {
                        role.description = description.to_owned();
                        role.id = "AROATHEIRS".to_owned();
                    }
                });
                let (found, writes) = (lab.role(&ids[0]), lab.writes());
                let next = lab.restarted();
                let engine = next.engine().await;
                let recovered = engine.recover(armed).await.unwrap();
                let case = format!("case `{case}`, armed {armed}: {recovered:?}");
                let outcomes: Vec<_> = next.journal.all().iter().map(|c| c.outcome).collect();
                let last = if ours && armed { O::Applied } else { O::Superseded };
                let first = if ours { O::Applied } else { O::ChangedUnderneath };
                assert_eq!(outcomes, [Some(first), Some(last)], "{case}");
                if ours {
                    return;
                }
                assert_eq!((lab.role(&ids[0]), lab.writes()), (found.clone(), writes), "{case}");
                let undo = engine.undo(&create.run, true).await;
                assert!(matches!(undo, Err(CannotUndo::Nothing(..))), "{case}");
                assert_eq!(lab.role(&ids[0]), found, "{case}");
            });
        }
    }
}
