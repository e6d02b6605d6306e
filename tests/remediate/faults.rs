//! Every fault on every write, lost answers, slow reads, eventual consistency, a journal that fails anywhere.

use std::time::Duration;

use rolewarden::config::AccessOverride;
use rolewarden::model::{Action, Phase, StepOutcome as O};
use rolewarden::remediate::Outcome;
use rolewarden::simulator::{Fault, Kind, On, Operation as Op, Rule};

use crate::support::{Lab, in_virtual_time, suspend};

/// A kind of account, the call that puts it right first, and that step.
const WRITES: [(Kind, Op, Action); 5] = [
    (Kind::Everyone, Op::UpdateAssumeRolePolicy, Action::UpdateTrustPolicy),
    (Kind::MissingAction, Op::PutRolePolicy, Action::PutInlinePolicy),
    (Kind::Absent, Op::CreateRole, Action::CreateRole),
    (Kind::ExtraInline, Op::DeleteRolePolicy, Action::DeleteInlinePolicy),
    (Kind::AdministratorAttached, Op::DetachRolePolicy, Action::DetachManagedPolicy),
];

/// Whether the call takes effect all the same, and only its answer is spoiled.
fn takes_effect(fault: Fault) -> bool {
    let text = fault.to_string();
    let answers = [
        "slow",
        "answer-",
        "trickles",
        "cut",
        "short",
        "malformed",
        "garbled",
        "invalid-utf8",
        "utf-16",
        "empty",
        "html",
        "wrong",
        "without",
        "truncated",
        "repeating",
        "endless",
        "doctype",
        "entity",
        "nested",
        "huge",
        "broken-gzip",
        "gzip",
        "unknown-encoding",
    ];
    answers.iter().any(|start| text.starts_with(start))
}

#[test]
fn whatever_befalls_a_write_it_is_known_what_became_of_it() {
    let (mut cases, mut lost) = (0, 0);
    for (kind, operation, action) in WRITES {
        for fault in Fault::examples() {
            // A hundred megabytes for every case, and nothing new.
            if matches!(fault, Fault::HugeBody | Fault::HugeStream | Fault::GzipBomb) {
                continue;
            }
            let case = format!("{kind} {operation:?} {fault}");
            let (lab, ids) = Lab::of(&[kind]);
            let plain = Rule::first(1, On::Only(operation), fault);
            let rule = Rule { account: Some(ids[0].clone()), ..plain };
            lab.aws.change(|world| world.script([rule]).unwrap());
            let before = lab.role(&ids[0]);
            let report = in_virtual_time(3, lab.cycle());
            let calls = lab.aws.calls().of_in(operation, &ids[0]);
            let changes = lab.journal.all();
            let first = changes.iter().find(|change| change.write.action() == action);
            let first = first.unwrap_or_else(|| panic!("{case}: {report:?}"));
            assert!(changes.iter().all(|change| change.phase == Phase::Ended), "{case}");
            let done = in_virtual_time(3, lab.drifted()).is_empty();
            match first.outcome.unwrap() {
                O::Applied => assert!(done, "{case}: {report:?}"),
                O::Failed => assert_eq!(lab.role(&ids[0]), before, "{case}: {report:?}"),
                // Clocks that disagree end the run.
                O::Superseded if fault.to_string().starts_with("clock-skew") => {
                    assert_eq!(lab.role(&ids[0]), before, "{case}: {report:?}");
                }
                other => panic!("{case}: {other:?}, {report:?}"),
            }
            if takes_effect(fault) {
                // Sent once, taken once, and found out by reading.
                assert_eq!((first.outcome, calls), (Some(O::Applied), 1), "{case}: {report:?}");
                lost += 1;
            }
            assert!(calls <= 3, "{case}: {calls}");
            cases += 1;
        }
    }
    println!("{cases} cases, in {lost} of them the write took effect and the answer was spoiled");
    assert!(cases > 300 && lost > 100, "{cases} {lost}");
}

#[test]
fn a_refusal_is_final_and_a_conflict_or_a_throttle_is_tried_again() {
    let concurrent = Fault::Error(409, "ConcurrentModification");
    // What the first calls meet, how many of them, the calls made, and what became of the step.
    let cases = [
        (Fault::Denied, 1, 1, O::Failed),
        (Fault::ScpDenied, 1, 1, O::Failed),
        (Fault::Error(409, "LimitExceeded"), 1, 1, O::Failed),
        (Fault::Error(400, "MalformedPolicyDocument"), 1, 1, O::Failed),
        (Fault::Error(400, "UnmodifiableEntity"), 1, 1, O::Failed),
        (concurrent, 1, 2, O::Applied),
        (concurrent, 2, 3, O::Applied),
        (concurrent, 9, 3, O::Failed),
        (Fault::NoSuchEntity, 1, 2, O::Applied),
        (Fault::Throttled, 1, 2, O::Applied),
        (Fault::Error(503, "SlowDown"), 1, 2, O::Applied),
        (Fault::AnswerLost, 1, 1, O::Applied),
        (Fault::AnswerHangs, 1, 1, O::Applied),
        (Fault::Reset, 1, 1, O::Failed),
        (Fault::Hangs, 1, 1, O::Failed),
        (Fault::Status(502), 1, 1, O::Applied),
        (Fault::ServerError, 1, 1, O::Failed),
    ];
    for (fault, times, calls, outcome) in cases {
        let case = format!("{fault} {times}");
        let (lab, ids) = Lab::of(&[Kind::Everyone]);
        let rule = Rule::first(times, On::Only(Op::UpdateAssumeRolePolicy), fault);
        lab.aws.change(|world| world.script([rule]).unwrap());
        in_virtual_time(5, lab.cycle());
        assert_eq!(
            lab.aws.calls().of_in(Op::UpdateAssumeRolePolicy, &ids[0]),
            calls,
            "case `{case}`"
        );
        let got: Vec<_> = lab.journal.outcomes();
        assert_eq!(got, [(Action::UpdateTrustPolicy, Some(outcome))], "case `{case}`");
    }
}

#[test]
fn an_account_that_cannot_be_entered_is_not_written_to() {
    for (operation, fault, outcome) in [
        (Op::AssumeRole, Fault::Denied, O::Failed),
        (Op::AssumeRole, Fault::Throttled, O::Failed),
        (Op::AssumeRole, Fault::WrongAccount, O::Failed),
    ] {
        let (lab, ids) = Lab::of(&[Kind::Everyone]);
        let plan = in_virtual_time(1, lab.plan());
        // The reads of the run have their session by then: its first AssumeRole in the account.
        let seen = lab.aws.calls().of_in(operation, &ids[0]);
        let mut rule = Rule::always(On::Only(operation), fault);
        rule.calls = seen + 1..u64::MAX;
        rule.account = Some(ids[0].clone());
        lab.aws.change(|world| world.script([rule]).unwrap());
        in_virtual_time(1, lab.apply(&plan));
        assert_eq!(lab.writes(), 0, "case `{fault}`");
        assert_eq!(
            lab.journal.outcomes(),
            [(Action::UpdateTrustPolicy, Some(outcome))],
            "case `{fault}`"
        );
    }
}

#[test]
fn one_account_may_have_another_role_that_writes() {
    for (case, account, outcome) in [
        ("its own", Some(0), O::Applied),
        ("none", None, O::Failed),
        ("of another account", Some(1), O::Failed),
    ] {
        let (mut lab, ids) = Lab::of(&[Kind::Everyone, Kind::GuideCli]);
        lab.aws.change(|world| {
            let writer = world.access.everywhere.remove("rolewarden-remediate").unwrap();
            for id in &ids {
                let roles = [("audit/writer".to_owned(), writer.clone())].into();
                world.access.only.insert(id.clone(), roles);
            }
        });
        if let Some(account) = account {
            let arn = format!("arn:aws:iam::{}:role/audit/writer", ids[account]);
            let remediate_role_arn = Some(arn.parse().unwrap());
            let over = AccessOverride { remediate_role_arn, ..AccessOverride::default() };
            lab.config.access.overrides.insert(ids[0].clone(), over);
        }
        in_virtual_time(1, lab.cycle());
        let got = lab.journal.outcomes();
        assert_eq!(got, [(Action::UpdateTrustPolicy, Some(outcome))], "case `{case}`");
        assert_eq!(lab.writes(), u64::from(outcome == O::Applied), "case `{case}`");
        assert_eq!(
            lab.aws.calls().of_in(Op::AssumeRole, &ids[1]),
            1,
            "case `{case}`: only its own reads"
        );
    }
}

#[test]
fn reads_that_waver_after_a_write_are_waited_for() {
    for (lag, kinds) in [(10, 3), (40, 3)] {
        let kinds = &[Kind::Absent, Kind::Everyone, Kind::MissingAction][..kinds];
        let (lab, ids) = Lab::of(kinds);
        lab.aws.change(|world| world.lag = Duration::from_secs(lag));
        let report = in_virtual_time(9, lab.cycle());
        assert_eq!((report.summary.applied, report.summary.failed), (3, 0), "{lag}: {report:?}");
        // One call for each step, however long the reads wavered.
        assert_eq!(lab.writes(), lab.journal.all().len() as u64, "{lag}");
        assert!(in_virtual_time(9, lab.drifted()).is_empty(), "{lag}");
        assert_eq!(ids.len(), 3);
    }
}

#[test]
fn a_change_that_is_never_seen_is_not_made_again_for_an_hour() {
    in_virtual_time(2, async {
        let (lab, ids) = Lab::of(&[Kind::Everyone]);
        let plan = lab.plan().await;
        // Every read keeps seeing what was before.
        let kept = lab.role(&ids[0]).unwrap();
        let (aws, id) = (lab.aws.clone(), ids[0].clone());
        let blind = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let role = kept.clone();
                aws.change(|world| {
                    world
                        .accounts
                        .get_mut(&id)
                        .unwrap()
                        .roles
                        .insert(crate::support::ROLE.to_owned(), role);
                });
            }
        });
        let report = lab.apply(&plan).await;
        blind.abort();
        assert_eq!(report.accounts[0].outcome, Outcome::Failed, "{report:?}");
        assert_eq!(lab.journal.outcomes(), [(Action::UpdateTrustPolicy, Some(O::VerifyFailed))]);
        let writes = lab.writes();
        for minute in [0, 30, 28] {
            tokio::time::sleep(Duration::from_secs(60 * minute)).await;
            let report = lab.cycle().await;
            assert_eq!(lab.writes(), writes, "{report:?}");
            assert!(report.accounts[0].note.as_ref().unwrap().contains("not seen to take effect"));
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(lab.cycle().await.summary.applied, 1);
        assert_eq!(lab.writes(), writes + 1);
    });
}

#[test]
fn what_was_read_too_long_ago_is_not_written_by() {
    // Calls that take so long that the read is older than five seconds when it is whole.
    in_virtual_time(1, async {
        let (lab, _) = Lab::of(&[Kind::Everyone]);
        let plan = lab.plan().await;
        lab.aws.change(|world| world.latency = Duration::from_secs(6));
        lab.apply(&plan).await;
        assert_eq!(lab.writes(), 0);
        let change = &lab.journal.all()[0];
        assert_eq!(change.outcome, Some(O::Failed));
        assert!(change.note.as_ref().unwrap().contains("too old"), "{change:?}");
        lab.aws.change(|world| world.latency = Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(3700)).await;
        assert_eq!(lab.cycle().await.summary.applied, 1);
    });
    // The machine is suspended while the step is written down: only the wall clock tells.
    in_virtual_time(1, async {
        let (lab, _) = Lab::of(&[Kind::Everyone]);
        let plan = lab.plan().await;
        let mut engine = lab.engine().await;
        engine.remediation.write_interval = Duration::ZERO;
        let aws = lab.aws.clone();
        let nap = tokio::spawn(async move {
            // The session for the write is the run's second AssumeRole; reading follows it.
            let assumed = |aws: &rolewarden::simulator::Direct| aws.calls().of(Op::GetRole);
            let before = assumed(&aws);
            while assumed(&aws) < before + 2 {
                tokio::task::yield_now().await;
            }
            suspend(3600);
        });
        let report = engine.run(&plan, rolewarden::model::Origin::Apply).await;
        nap.await.unwrap();
        assert_eq!(report.summary.applied, 1, "read again, and written: {report:?}");
        assert_eq!(lab.writes(), 1);
    });
}

#[test]
fn without_the_journal_nothing_is_written() {
    let mut ended_early = 0;
    for good in 0..12 {
        let (lab, ids) = Lab::of(&[Kind::Absent, Kind::Everyone]);
        let before: Vec<_> = ids.iter().map(|id| lab.role(id)).collect();
        in_virtual_time(1, async {
            let plan = lab.plan().await;
            lab.journal.fails_after(Some(good));
            let report = lab.apply(&plan).await;
            ended_early += usize::from(report.ended_early.is_some());
            for (id, before) in ids.iter().zip(&before) {
                let journaled = lab.journal.all();
                let told = journaled.iter().any(|c| c.account == *id && c.phase != Phase::Planned);
                assert!(told || lab.role(id) == *before, "{good}: written, and not in the journal");
            }
            // With room again, reading tells what the journal does not, and the next cycle ends it.
            lab.journal.fails_after(None);
            let again = lab.restarted();
            let engine = again.engine().await;
            engine.recover(true).await.unwrap();
            again.cycle().await;
            assert!(again.drifted().await.is_empty(), "{good}: {:?}", again.journal.all());
            assert!(again.journal.all().iter().all(|change| change.phase == Phase::Ended));
        });
    }
    assert!((6..12).contains(&ended_early), "{ended_early}");
}
