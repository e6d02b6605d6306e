//! Organizations from a seed.

use std::collections::BTreeSet;

use rolewarden::simulator::*;

#[test]
fn one_seed_makes_one_world() {
    assert_eq!(generate(1, 60), generate(1, 60));
    assert_ne!(generate(1, 60), generate(2, 60));
}

#[test]
fn sixty_accounts_hold_every_kind_and_two_thirds_are_right() {
    for seed in 0..20 {
        let world = generate(seed, 60);
        assert_eq!(world.accounts.len(), 60);
        for kind in Kind::ALL {
            assert!(world.of_kind(*kind).next().is_some(), "seed {seed}: no {kind:?}");
        }
        let right: usize = Kind::RIGHT.iter().map(|kind| world.of_kind(*kind).count()).sum();
        assert!((36..=42).contains(&right), "seed {seed}: {right} are right");
        let names: BTreeSet<_> = world.accounts.values().map(|member| &member.name).collect();
        assert_eq!(names.len(), 60, "seed {seed}: names repeat");
    }
}

#[test]
fn small_and_large_organizations_have_the_size_asked_for() {
    for (asked, want) in [(0, 2), (1, 2), (2, 2), (3, 3), (20_000, 20_000)] {
        assert_eq!(generate(3, asked).accounts.len(), want, "case {asked}");
    }
}
