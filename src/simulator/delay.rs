//! How long an answer takes.

use std::time::Duration;

use super::calls::Operation;
use super::world::World;
use crate::model::AccountId;

/// Latency, and as much more or less as chance has it for the nth call of an operation in an account. What other calls do
/// in the meantime does not matter, so that one seed gives one run.
pub(super) fn delay(
    world: &World,
    operation: Operation,
    account: &AccountId,
    nth: u64,
) -> Duration {
    let World { latency, jitter, .. } = *world;
    if jitter.is_zero() {
        return latency;
    }
    let least = latency.saturating_sub(jitter);
    let most = latency.saturating_add(jitter);
    let part = world.dice(account, 1 + operation as u64, nth).f64();
    least + most.saturating_sub(least).mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::generate;

    #[test]
    fn jitter_spreads_around_the_latency_and_is_always_the_same() {
        let mut world = generate(7, 3);
        let ms = Duration::from_millis;
        let (hub, other) = (world.hub.clone(), world.management.clone());
        assert_eq!(delay(&world, Operation::GetRole, &hub, 0), ms(0));
        for (latency, jitter, least, most) in
            [(100, 0, 100, 100), (100, 40, 60, 140), (10, 40, 0, 50)]
        {
            (world.latency, world.jitter) = (ms(latency), ms(jitter));
            let all: Vec<Duration> =
                (0..1000).map(|nth| delay(&world, Operation::GetRole, &hub, nth)).collect();
            let again: Vec<Duration> =
                (0..1000).map(|nth| delay(&world.clone(), Operation::GetRole, &hub, nth)).collect();
            assert_eq!(all, again);
            assert!(
                all.iter().all(|delay| (ms(least)..=ms(most)).contains(delay)),
                "case {jitter}"
            );
            let mean = all.iter().sum::<Duration>() / 1000;
            let middle = ms(least + most) / 2;
            assert!(mean.abs_diff(middle) <= ms(jitter) / 10, "case {jitter}: {mean:?}");
        }
        let differs =
            |other: Duration| assert_ne!(delay(&world, Operation::GetRole, &hub, 5), other);
        differs(delay(&world, Operation::GetRole, &hub, 6));
        differs(delay(&world, Operation::GetRolePolicy, &hub, 5));
        differs(delay(&world, Operation::GetRole, &other, 5));
        differs(delay(&World { seed: 8, ..world.clone() }, Operation::GetRole, &hub, 5));
    }
}
