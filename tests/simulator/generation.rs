//! Organizations from a seed.

use std::collections::BTreeSet;

use rolewarden::simulator::*;

#[test]
fn one_seed_makes_one_world() {
    assert_eq!(generate(1, 60), generate(1, 60));
    assert_ne!(generate(1, 60), generate(2, 60));
}

#[test]
fn seventy_accounts_hold_every_kind_and_two_thirds_are_right() {
    for seed in 0..20 {
        let world = generate(seed, 70);
        assert_eq!(world.accounts.len(), 70);
        for kind in Kind::ALL {
            assert!(world.of_kind(*kind).next().is_some(), "seed {seed}: no {kind:?}");
        }
        let right: usize = Kind::RIGHT.iter().map(|kind| world.of_kind(*kind).count()).sum();
        assert!((42..=48).contains(&right), "seed {seed}: {right} are right");
        let names: BTreeSet<_> = world.accounts.values().map(|member| &member.name).collect();
        assert_eq!(names.len(), 70, "seed {seed}: names repeat");
    }
}

#[test]
fn small_and_large_organizations_have_the_size_asked_for() {
    for (asked, want) in [(0, 2), (1, 2), (2, 2), (3, 3), (20_000, 20_000)] {
        assert_eq!(generate(3, asked).accounts.len(), want, "case {asked}");
    }
}

#[test]
fn the_mix_says_how_many_accounts_are_right() {
    let right = |world: &World| {
        let members = world.accounts.values();
        members.filter(|member| Kind::RIGHT.contains(&member.kind)).count()
    };
    for (right_percent, least, most) in
        [(0, 2, 2), (50, 500, 502), (63, 630, 632), (100, 1000, 1000), (255, 1000, 1000)]
    {
        let world = generate_with(3, 1000, Mix { right_percent });
        let right = right(&world);
        assert!((least..=most).contains(&right), "case {right_percent}: {right}");
    }
    assert!(generate(3, 100) == generate_with(3, 100, Mix::default()));
}

#[test]
fn twenty_thousand_accounts_have_names_of_their_own_and_share_their_texts() {
    let world = generate(7, 20_000);
    let names: BTreeSet<&str> =
        world.accounts.values().map(|member| member.name.as_str()).collect();
    assert_eq!(names.len(), 20_000);
    let places: BTreeSet<&str> =
        world.accounts.values().map(|member| member.parent.as_str()).collect();
    assert!(
        places.iter().all(|place| world.units.contains_key(*place) || **place == world.root_id)
    );
    let roles = || world.accounts.values().flat_map(|member| member.roles.values());
    let texts = roles().flat_map(|role| role.inline.values().chain([&role.trust]));
    let memory: BTreeSet<*const u8> = texts.clone().map(|text| text.as_ptr()).collect();
    let different: BTreeSet<&str> = texts.map(AsRef::as_ref).collect();
    assert_eq!(memory.len(), different.len());
}
