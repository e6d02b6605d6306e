//! Throttled somewhere, everywhere, for a while, for ever: what it costs, and whom it delays.

use std::time::Duration;

use rolewarden::config::Config;
use rolewarden::model::{AccountId, AccountResult, ScanError, UnknownReason as R};
use rolewarden::simulator::{
    Calls, Direct, Fault, Kind, On, Operation, Quota, Rule, World, generate,
};

use crate::support::{Outcome, config, in_virtual_time, scan};

const ASSUME: On = On::Only(Operation::AssumeRole);

/// How long an answer takes here.
const LATENCY: Duration = Duration::from_millis(20);

/// So many accounts, all of them right.
fn right(accounts: usize) -> World {
    let mut world = generate(7, accounts * 2);
    let keep = |id: &AccountId, kind| {
        *id == world.hub || *id == world.management || Kind::RIGHT.contains(&kind)
    };
    let all = world.accounts.iter().filter(|(id, member)| keep(id, member.kind));
    let mut ids: Vec<AccountId> = all.map(|(id, _)| id.clone()).collect();
    ids.sort_by_key(|id| *id != world.hub && *id != world.management);
    ids.truncate(accounts);
    world.accounts.retain(|id, _| ids.contains(id));
    assert_eq!(world.accounts.len(), accounts);
    world.latency = LATENCY;
    world
}

/// Member accounts in the order in which they are scanned; the own account, which needs no session, is left out.
fn members(world: &World) -> Vec<AccountId> {
    world.ids().filter(|id| **id != world.hub).cloned().collect()
}

/// A scan, and the calls that arrived.
fn run(config: &Config, world: World) -> (Outcome, Calls) {
    let direct = Direct::new(world);
    let outcome = in_virtual_time(1, scan(config, &direct));
    let calls = direct.calls();
    assert_eq!(calls.total(), outcome.traffic.total().calls, "every call is counted");
    (outcome, calls)
}

fn error<'a>(outcome: &'a Outcome, id: &AccountId) -> Option<&'a ScanError> {
    match &outcome.accounts.as_ref().unwrap()[id].result {
        AccountResult::Unknown(error) => Some(error),
        AccountResult::Skipped(_) | AccountResult::Judged { .. } => None,
    }
}

/// How many accounts were not read.
fn unknown(outcome: &Outcome) -> usize {
    let accounts = outcome.accounts.as_ref().unwrap();
    accounts.keys().filter(|id| error(outcome, id).is_some()).count()
}

#[test]
fn when_everything_is_throttled_a_sweep_costs_at_most_a_third_more_calls() {
    let all = [Fault::Throttled, Fault::Status(429), Fault::RetryAfter(2)];
    // Accounts, how many are in flight, and the ways AWS throttles.
    let cases = [(20, 64, &all[..]), (20, 1, &all[..1]), (100, 64, &all), (1_000, 64, &all[..1])];
    for (accounts, in_flight, faults) in cases {
        let config = config(&format!("sweep: {{concurrency: {in_flight}}}"));
        let (healthy, well) = run(&config, right(accounts));
        assert_eq!(unknown(&healthy), 0);
        for on in [&[On::Iam][..], &[ASSUME], &[ASSUME, On::Iam]] {
            for fault in faults {
                let mut world = right(accounts);
                world.faults = on.iter().map(|on| Rule::always(*on, *fault)).collect();
                let ids = members(&world);
                let (outcome, calls) = run(&config, world);
                let ratio = calls.total() as f64 / well.total() as f64;
                let case = format!("{accounts} accounts, {in_flight} in flight, {fault} on {on:?}");
                println!("{case}: {} calls, {ratio:.2} of {}", calls.total(), well.total());
                assert!(ratio <= 1.3, "{case}: {ratio}");
                for id in &ids {
                    let error = error(&outcome, id).expect(&case);
                    assert_eq!(error.reason, R::Throttled, "{case}: {error:?}");
                    let operation = if on[0] == ASSUME { "sts:AssumeRole" } else { "iam:GetRole" };
                    assert_eq!(error.operation.as_deref(), Some(operation), "{case}: {error:?}");
                    assert_eq!(
                        error.code.is_some(),
                        *fault != Fault::Status(429),
                        "{case}: {error:?}"
                    );
                    assert!(error.request_id.is_some(), "{case}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn a_quota_slows_a_sweep_down_and_costs_no_account() {
    let config = config("");
    // The quota, the accounts, how many of them it may cost, the longest time in seconds, and how much of all calls may be
    // throttled. STS allows hundreds a second; at ten, a sweep of hundreds meets it too often for the last few.
    let quota = |on, per_second, burst| Quota { on, per_second, burst };
    let cases = [
        (quota(ASSUME, 10, 10), 200, 4, 25.0, 0.12),
        (quota(ASSUME, 25, 25), 200, 0, 15.0, 0.08),
        (quota(ASSUME, 50, 50), 500, 0, 18.0, 0.05),
        (quota(ASSUME, 100, 20), 500, 0, 10.0, 0.05),
        (quota(ASSUME, 500, 100), 500, 0, 4.0, 0.05),
        (quota(On::Iam, 5, 5), 100, 0, 5.0, 0.25),
        (quota(On::Iam, 2, 3), 100, 0, 10.0, 0.5),
        (quota(On::Organizations, 5, 5), 500, 0, 1.0, 0.01),
    ];
    for (quota, accounts, lost, longest, most) in cases {
        let mut world = right(accounts);
        world.quotas = vec![quota];
        let (outcome, calls) = run(&config, world);
        let sent = outcome.traffic.total();
        let share = sent.throttled as f64 / calls.total() as f64;
        let took = outcome.done.values().max().unwrap().as_secs_f64();
        println!("{quota:?}: {accounts} accounts in {took:.1} s, {:.1} % throttled", share * 100.0);
        assert!(unknown(&outcome) <= lost, "{quota:?}: {:?}", outcome.unknown());
        assert!(share <= most, "{quota:?}: {share:.3} of the calls throttled");
        assert!(took <= longest, "{quota:?}: {took} s");
    }
}

#[test]
fn one_bad_account_delays_nobody_and_costs_little() {
    let config = config("");
    let world = right(200);
    let victim = members(&world)[17].clone();
    let (healthy, well) = run(&config, world.clone());
    let last = |outcome: &Outcome| {
        let others = outcome.done.iter().filter(|(id, _)| **id != victim);
        others.map(|(_, done)| *done).max().unwrap().as_secs_f64()
    };
    // The fault, the calls it may cost more, and the reason.
    let cases = [
        (On::Iam, Fault::Throttled, 3, Some(R::Throttled)),
        (ASSUME, Fault::Throttled, 3, Some(R::Throttled)),
        (On::Any, Fault::Status(429), 3, Some(R::Throttled)),
        (On::Iam, Fault::ServerError, 12, Some(R::AwsError)),
        (On::Iam, Fault::Hangs, 8, Some(R::Timeout)),
        // Read twice, because a slow reading is not of one moment.
        (On::Any, Fault::Slow(9_000), 4, None),
    ];
    for (on, fault, more, reason) in cases {
        let mut world = world.clone();
        world.accounts.get_mut(&victim).unwrap().faults = vec![Rule::always(on, fault)];
        let (outcome, calls) = run(&config, world);
        let case = format!("{on} {fault}");
        println!(
            "{case}: {} calls of {}, others done after {:.3} s of {:.3} s, it after {:?}",
            calls.total(),
            well.total(),
            last(&outcome),
            last(&healthy),
            outcome.done[&victim]
        );
        // It holds one place of those that work: what would have been done there may take a round trip longer.
        let longest = last(&healthy) + LATENCY.as_secs_f64();
        assert!(last(&outcome) < longest + 0.001, "{case} delays the others");
        assert!(calls.total() <= well.total() + more, "{case}: {} calls", calls.total());
        assert_eq!(error(&outcome, &victim).map(|error| error.reason), reason, "{case}");
        assert_eq!(unknown(&outcome), usize::from(reason.is_some()), "{case}");
    }
}

#[test]
fn an_account_that_is_throttled_for_ever_takes_nobodys_retries() {
    let mut world = right(60);
    let ids = members(&world);
    // Every sixth for ever; the one after it with the first three calls of each operation.
    for pair in ids.chunks_exact(6) {
        let member =
            |world: &mut World, id, rule| world.accounts.get_mut(id).unwrap().faults = vec![rule];
        member(&mut world, &pair[0], Rule::always(On::Iam, Fault::Throttled));
        member(&mut world, &pair[1], Rule::first(3, On::Iam, Fault::Throttled));
    }
    let (outcome, calls) = run(&config("sweep: {concurrency: 8}"), world);
    for (n, id) in ids.iter().enumerate().take(54) {
        let want = (n % 6 == 0).then_some(R::Throttled);
        assert_eq!(error(&outcome, id).map(|error| error.reason), want, "account {n}");
        if n % 6 == 0 {
            assert!(calls.iam_in(id) <= 7, "account {n}: {} calls", calls.iam_in(id));
        }
    }
}

#[test]
fn when_the_throttling_ends_the_sweep_goes_on() {
    let config = config("");
    // What is throttled, for how many seconds, and how many of 300 accounts may be lost to it.
    for (on, seconds, lost) in
        [(ASSUME, 1, 4), (On::Iam, 1, 4), (On::Any, 1, 4), (ASSUME, 5, 16), (On::Iam, 5, 96)]
    {
        let direct = Direct::new(right(300));
        let outcome = in_virtual_time(1, async {
            let switch = direct.clone();
            tokio::spawn(async move {
                while switch.calls().of(Operation::AssumeRole) < 100 {
                    tokio::time::sleep(LATENCY / 4).await;
                }
                switch.change(|world| world.faults = vec![Rule::always(on, Fault::Throttled)]);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                switch.change(|world| world.faults.clear());
            });
            scan(&config, &direct).await
        });
        let (took, sent) = (outcome.done.values().max().unwrap(), outcome.traffic.total());
        let case = format!("{on} for {seconds} s");
        println!("{case}: {} unknown, done after {took:.1?}; {sent:?}", unknown(&outcome));
        assert!(sent.throttled > 0, "{case}: it was throttled");
        assert!(unknown(&outcome) <= lost, "{case}: {} unknown", unknown(&outcome));
        for id in outcome.accounts.as_ref().unwrap().keys() {
            let reason = error(&outcome, id).map(|error| error.reason);
            assert!(matches!(reason, None | Some(R::Throttled)), "{case}: {reason:?}");
        }
    }
}

#[test]
fn attempts_are_as_many_as_may_help() {
    let config = config("sweep: {max_attempts: 6, attempt_timeout: 3s}");
    let mut world = right(5);
    let victim = members(&world)[0].clone();
    let cases = [
        (Fault::Throttled, 6, R::Throttled),
        (Fault::Error(503, "SlowDown"), 6, R::Throttled),
        (Fault::Status(429), 6, R::Throttled),
        (Fault::ServerError, 6, R::AwsError),
        (Fault::Status(502), 6, R::AwsError),
        (Fault::Error(400, "ServiceException"), 6, R::AwsError),
        (Fault::Malformed, 6, R::MalformedResponse),
        (Fault::HtmlPage, 6, R::MalformedResponse),
        (Fault::Doctype, 6, R::MalformedResponse),
        (Fault::CutBody(40), 3, R::Network),
        (Fault::Reset, 3, R::Network),
        (Fault::Hangs, 3, R::Timeout),
        (Fault::ClockSkew(86_400), 2, R::Clock),
        (Fault::ExpiredToken, 2, R::AwsError), // with a new session
        (Fault::Denied, 1, R::AccessDenied),
        (Fault::ScpDenied, 1, R::ScpDenied),
        (Fault::Error(400, "NeverHeardOf"), 1, R::AwsError),
        (Fault::Status(403), 1, R::MalformedResponse),
        (Fault::WrongAccount, 1, R::WrongAccount),
    ];
    for (fault, attempts, reason) in cases {
        let rule = Rule::always(On::Only(Operation::GetRole), fault);
        world.accounts.get_mut(&victim).unwrap().faults = vec![rule];
        let (outcome, calls) = run(&config, world.clone());
        assert_eq!(calls.of_in(Operation::GetRole, &victim), attempts, "{fault}");
        let error = error(&outcome, &victim).unwrap();
        assert_eq!(error.reason, reason, "{fault}: {error:?}");
        let operation = error.operation.as_deref();
        assert_eq!(operation, Some("iam:GetRole"), "{fault}: {error:?}");
    }
}

#[test]
fn what_aws_asks_to_wait_is_waited_within_bounds() {
    // What AWS asks for, and between which seconds the account is done.
    for (asked, least, most) in
        [(1, 1.0, 2.0), (5, 5.0, 6.0), (19, 19.0, 20.0), (86_400, 20.0, 21.0)]
    {
        let mut world = right(3);
        let victim = members(&world)[0].clone();
        let rule = Rule::first(1, ASSUME, Fault::RetryAfter(asked));
        world.accounts.get_mut(&victim).unwrap().faults = vec![rule];
        let (outcome, _) = run(&config(""), world);
        let took = outcome.done[&victim].as_secs_f64();
        assert!((least..most).contains(&took), "asked {asked} s, took {took} s");
        assert_eq!(unknown(&outcome), 0, "asked {asked} s");
    }
}

#[test]
fn a_throttled_account_is_given_up_as_throttled_before_its_deadline() {
    let config = config("sweep: {max_attempts: 10, account_timeout: 6s, attempt_timeout: 2s}");
    for on in [On::Iam, ASSUME, On::Any] {
        let mut world = right(100);
        let ids = members(&world);
        world.faults = [On::Iam, ASSUME]
            .into_iter()
            .filter(|one| on == On::Any || on == *one)
            .map(|on| Rule::always(on, Fault::Throttled))
            .collect();
        let (outcome, _) = run(&config, world);
        for id in &ids {
            assert_eq!(error(&outcome, id).map(|error| error.reason), Some(R::Throttled), "{on}");
        }
    }
}
