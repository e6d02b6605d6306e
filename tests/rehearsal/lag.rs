//! Eventual consistency, in virtual time.

use std::collections::BTreeSet;
use std::time::Duration;

use rolewarden::model::AccountId;
use rolewarden::simulator::{ADMINISTRATOR_ROLE, Direct, Kind, generate};

use crate::support::{ROLE, TRUST, iam_as, one};

const LAG: Duration = Duration::from_secs(10);

fn lagging(kind: Kind) -> (Direct, AccountId) {
    let mut world = generate(7, 60);
    world.lag = LAG;
    let id = one(&world, kind);
    (Direct::new(world), id)
}

/// The longest session that each of so many reads sees; `None` where there is no role.
async fn seen(iam: &aws_sdk_iam::Client, reads: usize) -> Vec<Option<i32>> {
    let mut seen = vec![];
    for _ in 0..reads {
        let role = iam.get_role().role_name(ROLE).send().await;
        seen.push(role.ok().and_then(|out| out.role.unwrap().max_session_duration));
    }
    seen
}

async fn set_session(iam: &aws_sdk_iam::Client, seconds: i32) {
    iam.update_role().role_name(ROLE).max_session_duration(seconds).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn reads_waver_until_the_lag_has_passed() {
    let mut runs = BTreeSet::new();
    for _ in 0..2 {
        let (server, id) = lagging(Kind::GuideCli);
        let iam = iam_as(&server, &id, ADMINISTRATOR_ROLE, None).await;
        assert_eq!(seen(&iam, 3).await, [Some(3600); 3], "nothing was written");
        set_session(&iam, 7200).await;
        let wavering = seen(&iam, 40).await;
        for state in [Some(3600), Some(7200)] {
            let often = wavering.iter().filter(|seen| **seen == state).count();
            assert!((8..=32).contains(&often), "{state:?} was seen {often} times of 40");
        }
        set_session(&iam, 10_800).await;
        let states: BTreeSet<_> = seen(&iam, 60).await.into_iter().collect();
        assert_eq!(states, BTreeSet::from([Some(3600), Some(7200), Some(10_800)]));
        tokio::time::sleep(LAG).await;
        assert_eq!(seen(&iam, 20).await, [Some(10_800); 20]);
        runs.insert(wavering);
    }
    assert_eq!(runs.len(), 1, "the same reads see the same");
}

#[tokio::test(start_paused = true)]
async fn a_new_role_comes_and_a_deleted_one_goes_by_and_by() {
    let (server, id) = lagging(Kind::Absent);
    let iam = iam_as(&server, &id, ADMINISTRATOR_ROLE, None).await;
    let both = BTreeSet::from([None, Some(3600)]);
    iam.create_role().role_name(ROLE).assume_role_policy_document(TRUST).send().await.unwrap();
    assert_eq!(seen(&iam, 40).await.into_iter().collect::<BTreeSet<_>>(), both);
    tokio::time::sleep(LAG).await;
    assert_eq!(seen(&iam, 10).await, [Some(3600); 10]);
    iam.delete_role().role_name(ROLE).send().await.expect("writes see what is there");
    assert_eq!(seen(&iam, 40).await.into_iter().collect::<BTreeSet<_>>(), both);
    tokio::time::sleep(LAG).await;
    assert_eq!(seen(&iam, 10).await, [None; 10]);
}

#[tokio::test(start_paused = true)]
async fn other_accounts_and_a_world_without_lag_do_not_waver() {
    let (server, id) = lagging(Kind::GuideCli);
    let other = server.change(|world| one(world, Kind::Eksctl));
    let iam = iam_as(&server, &id, ADMINISTRATOR_ROLE, None).await;
    let elsewhere = iam_as(&server, &other, ADMINISTRATOR_ROLE, None).await;
    set_session(&iam, 7200).await;
    assert_eq!(seen(&elsewhere, 20).await, [Some(3600); 20]);
    server.change(|world| world.lag = Duration::ZERO);
    assert_eq!(seen(&iam, 20).await, [Some(7200); 20]);
}
