//! Others who write, too: a person between plan and apply, between two steps, after each fix; another rolewarden.

use std::time::Duration;

use rolewarden::model::{Action, StepOutcome as O};
use rolewarden::remediate::Outcome;
use rolewarden::simulator::{Kind, World};

use crate::support::{Lab, ROLE, in_virtual_time, many};

/// A trust policy that somebody else might want.
const THEIRS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

#[test]
fn a_role_that_is_not_as_planned_is_left_alone() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Everyone, Kind::Absent, Kind::MissingAction]);
        let plan = lab.plan().await;
        lab.change_role(&ids[0], |role| role.trust = THEIRS.into());
        lab.aws.change(|world: &mut World| {
            let role = world.accounts[&ids[0]].roles[ROLE].clone();
            world.accounts.get_mut(&ids[1]).unwrap().roles.insert(ROLE.to_owned(), role);
        });
        lab.change_role(&ids[2], |role| drop(role.tags.insert("a".into(), "b".into())));
        let report = lab.apply(&plan).await;
        assert_eq!((report.summary.left, lab.writes()), (3, 0), "{report:?}");
        assert!(lab.journal.all().is_empty());
        assert_eq!(&*lab.role(&ids[0]).unwrap().trust, THEIRS);
    });
}

#[test]
fn somebody_between_two_steps_ends_the_account() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Absent]);
        let (aws, id) = (lab.aws.clone(), ids[0].clone());
        *lab.after_step.lock().unwrap() = Some(Box::new(move |_| {
            aws.change(|world| {
                let role = world.accounts.get_mut(&id).unwrap().roles.get_mut(ROLE).unwrap();
                role.trust = THEIRS.into();
            });
        }));
        let report = lab.cycle().await;
        assert_eq!(report.accounts[0].outcome, Outcome::Failed, "{report:?}");
        let want = [
            (Action::CreateRole, Some(O::Applied)),
            (Action::PutInlinePolicy, Some(O::ChangedUnderneath)),
        ];
        assert_eq!(lab.journal.outcomes(), want);
        assert_eq!(&*lab.role(&ids[0]).unwrap().trust, THEIRS, "theirs is not lost");
    });
}

#[test]
fn a_fight_is_given_up_for_the_day() {
    let days = 10;
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Everyone]);
        let drifted = lab.role(&ids[0]).unwrap();
        let mut by_day = vec![];
        for _ in 0..days {
            let before = lab.writes();
            for _ in 0..24 {
                lab.cycle().await;
                lab.change_role(&ids[0], |role| *role = drifted.clone());
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            by_day.push(lab.writes() - before);
        }
        println!("writes by day: {by_day:?}");
        assert!(by_day.iter().all(|writes| *writes <= 3), "{by_day:?}");
        assert!(by_day.iter().sum::<u64>() > days, "it goes on: {by_day:?}");
    });
}

#[test]
fn two_of_them_do_not_undo_each_others_work() {
    for seed in 0..40 {
        in_virtual_time(seed, async {
            let (mut world, ids) = many(Kind::Everyone, 6);
            for (n, id) in ids.iter().enumerate() {
                let kind = [Kind::Everyone, Kind::Absent, Kind::MissingAction][n % 3];
                world.remake(id, kind);
            }
            (world.seed, world.latency) = (seed, Duration::from_millis(40));
            world.jitter = Duration::from_millis(40);
            let lab = Lab::new(world);
            let other = lab.twin();
            let (a, b) = (lab.plan().await, other.plan().await);
            let head_start = Duration::from_millis(fastrand::u64(0..3000));
            let late = async {
                tokio::time::sleep(head_start).await;
                other.apply(&b).await
            };
            let (one, two) = tokio::join!(lab.apply(&a), late);
            // Whatever one of them gave up, the other one did, or the next cycle does.
            tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
            let last = lab.cycle().await;
            assert!(lab.drifted().await.is_empty(), "seed {seed}: {one:?}\n{two:?}\n{last:?}");
            // Never more than one write by each of them, and one conflict each.
            assert!(lab.writes() <= 4 * ids.len() as u64 + 4, "seed {seed}: {}", lab.writes());
        });
    }
}
