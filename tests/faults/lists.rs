//! F14 to F17: a list of accounts is walked to its end, or it is no list; and it always ends.

use std::path::Path;

use rolewarden::config::Config;
use rolewarden::exit::Exit;
use rolewarden::model::UnknownReason;
use rolewarden::simulator::{Direct, Fault, On, Operation, Paging, Rule, generate};

use crate::support::{Truth, config, in_virtual_time, scan};

/// Most calls for one list that never gets anywhere (FAULTS F14).
const MOST_CALLS: u64 = 1_000;

#[test]
fn every_way_of_paging_lists_every_account_or_ends_the_scan() {
    let config = config("");
    let mut world = generate(7, 12);
    world.accounts.values_mut().for_each(|member| member.faults.clear());
    world.listing.page = 3;
    let truth = Truth::of(&config, &world);
    let whole = [Paging::Honest, Paging::LastPageEmpty, Paging::Overlapping];
    let whole = whole.into_iter().chain((1..=50).step_by(7).map(Paging::EmptyPages));
    let broken = [
        Paging::RepeatingToken,
        Paging::Endless,
        Paging::EndlessItems,
        Paging::Empty,
        Paging::MalformedId,
    ];
    let broken = broken.into_iter().chain((1..=5).map(Paging::Cycle));
    let cases = whole.map(|paging| (paging, true)).chain(broken.map(|paging| (paging, false)));
    for (paging, listed) in cases {
        let mut world = world.clone();
        world.listing.paging = paging;
        let direct = Direct::new(world);
        let outcome = in_virtual_time(1, scan(&config, &direct));
        let calls = direct.calls().of(Operation::ListAccounts);
        assert_eq!(truth.is_whole(&outcome), listed, "case {paging}: {:?}", outcome.accounts);
        assert!(listed || outcome.exit == Exit::Failed, "case {paging}: {:?}", outcome.exit);
        assert!(calls <= MOST_CALLS, "case {paging}: {calls} calls");
        let entered = direct.calls().of(Operation::AssumeRole);
        assert!(listed || entered == 0, "case {paging}: {entered} accounts entered");
    }
}

#[test]
fn a_list_that_ended_early_is_no_list_where_it_is_known_how_long_it_must_be() {
    let mut world = generate(7, 12);
    world.accounts.values_mut().for_each(|member| member.faults.clear());
    world.listing.page = 3;
    let listed = world.accounts.len();
    for (paging, least, want) in [
        (Paging::Honest, listed, true),
        (Paging::Honest, listed + 1, false),
        (Paging::StopsAfter(1), listed, false),
        (Paging::StopsAfter(1), 3, true),
        (Paging::StopsAfter(2), 7, false),
    ] {
        let mut world = world.clone();
        world.listing.paging = paging;
        let settings = format!(
            "accounts: {{source: organization, at_least: {least}}}\naccess: {{region: us-east-1}}\n"
        );
        let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let config =
            Config::from_text(&settings, "test", Path::new(""), &|_| None, &no_files).unwrap();
        let direct = Direct::new(world);
        let outcome = in_virtual_time(1, scan(&config, &direct));
        let case = format!("case {paging}, at least {least}");
        assert_eq!(outcome.accounts.is_ok(), want, "{case}: {:?}", outcome.accounts);
        if let Err(error) = &outcome.accounts {
            assert_eq!(outcome.exit, Exit::Failed, "{case}");
            assert!(error.message.contains("`accounts.at_least`"), "{case}: {error}");
            assert_eq!(direct.calls().of(Operation::AssumeRole), 0, "{case}");
        }
    }
}

#[test]
fn a_list_that_fails_half_way_is_no_list() {
    let config = config("");
    let mut world = generate(7, 12);
    world.listing.page = 3;
    for page in 0..4 {
        for fault in [Fault::Denied, Fault::Throttled, Fault::Short(30), Fault::Hangs] {
            let mut world = world.clone();
            let rule = Rule::always(On::Only(Operation::ListAccounts), fault);
            world.faults = vec![Rule { calls: page..u64::MAX, ..rule }];
            let direct = Direct::new(world);
            let outcome = in_virtual_time(page, scan(&config, &direct));
            assert_eq!(outcome.exit, Exit::Failed, "case {fault} from page {page}");
            let entered = direct.calls().of(Operation::AssumeRole);
            assert_eq!(entered, 0, "case {fault} from page {page}: accounts were entered");
        }
    }
}

#[test]
fn twenty_thousand_accounts_are_listed() {
    let config = config("");
    let world = generate(7, 20_000);
    let ids: Vec<_> = world.ids().cloned().collect();
    let direct = Direct::new(world);
    let accounts = in_virtual_time(1, crate::support::list(&config, &direct)).unwrap();
    let listed: Vec<_> = accounts.into_iter().map(|account| account.id).collect();
    assert!(listed == ids, "{} of {} accounts", listed.len(), ids.len());
    assert_eq!(direct.calls().of(Operation::ListAccounts), 1_000);
}

/// F18: the list still has it, and its keys are gone.
#[test]
fn an_account_that_closes_during_the_scan_is_unknown() {
    let config = config("");
    let world = generate(7, 12);
    let truth = Truth::of(&config, &world);
    let victim = world.ids().find(|id| **id != world.hub).unwrap().clone();
    for operation in [Operation::AssumeRole, Operation::GetRole, Operation::GetRolePolicy] {
        let mut world = world.clone();
        let rule = Rule::always(On::Only(operation), Fault::AccountGone);
        world.accounts.get_mut(&victim).unwrap().faults = vec![rule];
        let outcome = in_virtual_time(1, scan(&config, &Direct::new(world)));
        truth.holds(&outcome, operation.as_str());
        let reason = outcome.reason(&victim);
        let fits =
            [UnknownReason::AccountGone, UnknownReason::AssumeDenied, UnknownReason::AwsError];
        assert!(reason.is_some_and(|reason| fits.contains(&reason)), "{operation:?}: {reason:?}");
    }
}
