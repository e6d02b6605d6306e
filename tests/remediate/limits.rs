//! What holds remediation back: the canary, the breaker, the kill switch, a stop; and that what is done is done once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rolewarden::config::{Remediation, RemediationMode};
use rolewarden::model::{AccountId, Action, Breaker, StepOutcome as O, Stopped};
use rolewarden::remediate::{Journal as _, Outcome, RunReport};
use rolewarden::simulator::{Fault, Kind, On, Operation as Op, Rule};

use crate::support::{Lab, in_virtual_time, many, writes};

fn outcomes(report: &RunReport) -> Vec<Outcome> {
    report.accounts.iter().map(|account| account.outcome).collect()
}

/// The write into this account is refused.
fn refuse(lab: &Lab, id: &AccountId) {
    let rule = Rule::always(On::Only(Op::UpdateAssumeRolePolicy), Fault::Denied);
    let rule = Rule { account: Some(id.clone()), ..rule };
    lab.aws.change(|world| world.script([rule]).unwrap());
}

#[test]
fn what_is_put_right_stays_so_and_is_not_written_again() {
    in_virtual_time(1, async {
        let kinds = [
            Kind::Everyone,
            Kind::Absent,
            Kind::MissingAction,
            Kind::ExtraStatement,
            Kind::ExtraService,
        ];
        let (lab, ids) = Lab::of(&kinds);
        let plan = lab.plan().await;
        let report = lab.apply(&plan).await;
        assert_eq!(report.summary.applied, ids.len(), "{report:?}");
        assert_eq!(lab.writes(), lab.journal.all().len() as u64);
        assert!(lab.drifted().await.is_empty());
        let writes = lab.writes();
        let again = lab.cycle().await;
        assert!(again.accounts.is_empty(), "{again:?}");
        // The same plan again, by somebody without that journal: nothing is left of it to do.
        let other = lab.twin();
        let again = other.apply(&plan).await;
        assert_eq!((again.summary.done_already, lab.writes()), (ids.len(), writes), "{again:?}");
        assert!(other.journal.all().is_empty());
    });
}

#[test]
fn writes_are_a_second_apart() {
    in_virtual_time(1, async {
        let lab = Lab::new(many(Kind::Everyone, 20).0);
        let begun = tokio::time::Instant::now();
        let plan = lab.plan().await;
        let planned = begun.elapsed();
        lab.apply(&plan).await;
        assert_eq!(lab.writes(), 20);
        let took = begun.elapsed() - planned;
        assert!(took >= Duration::from_secs(19) && took < Duration::from_secs(40), "{took:?}");
    });
}

#[test]
fn nothing_follows_a_canary_that_failed() {
    // What the write into the first account meets, and whether the account is changed all the same.
    for (fault, changed) in [(Fault::Denied, false), (Fault::AnswerHangs, true)] {
        in_virtual_time(1, async {
            let (world, ids) = many(Kind::Everyone, 1_000);
            let lab = Lab::new(world);
            let plan = lab.plan().await;
            let first = plan.plan().accounts[0].account.clone();
            let rule = Rule::first(1, On::Only(Op::UpdateAssumeRolePolicy), fault);
            // After the write, the account cannot be read.
            let blind = Rule {
                account: Some(first.clone()),
                ..Rule::always(On::Only(Op::GetRole), Fault::Hangs)
            };
            lab.aws.change(|world| world.script([rule]).unwrap());
            if changed {
                let mut blind = blind;
                blind.calls = lab.aws.calls().of_in(Op::GetRole, &first) + 2..u64::MAX;
                lab.aws.change(|world| world.script([blind]).unwrap());
            }
            let before = lab.role(&first);
            let report = lab.apply(&plan).await;
            assert_eq!(lab.writes(), 1, "{fault}");
            assert_eq!((report.summary.failed, report.summary.left), (1, ids.len() - 1), "{fault}");
            assert_eq!(lab.role(&first) != before, changed, "{fault}");
            assert!(report.ended_early.unwrap().to_string().contains("first six"), "{fault}");
            // The next run tries another one first.
        });
    }
}

#[test]
fn of_ten_thousand_drifted_accounts_one_is_changed_before_it_is_verified_and_ten_in_the_run() {
    in_virtual_time(1, async {
        let mut lab = Lab::new(many(Kind::Everyone, 10_000).0);
        let everything =
            Remediation { actions: Action::CONFIGURABLE.into(), ..Remediation::default() };
        lab.config.remediation = Remediation { mode: RemediationMode::Apply, ..everything };
        // All of them are as the first fifty are.
        let plan = lab.planned_of(50).await.unwrap();
        assert_eq!((plan.plan().accounts.len(), plan.most()), (50, 10));
        let written = Arc::new(Mutex::new(vec![]));
        let (seen, aws) = (Arc::clone(&written), lab.aws.clone());
        *lab.after_step.lock().unwrap() =
            Some(Box::new(move |_| seen.lock().unwrap().push(writes(&aws.calls()))));
        let report = lab.apply(&plan).await;
        assert_eq!((report.summary.applied, lab.writes()), (10, 10), "{report:?}");
        // When each was verified, no other had been written to.
        assert_eq!(*written.lock().unwrap(), (1..=10).collect::<Vec<u64>>());
    });
}

#[test]
fn a_failure_among_the_first_six_ends_the_run_and_three_in_a_row_open_the_breaker() {
    // Accounts that refuse, accounts that are put right, and how the breaker stands then.
    let cases: [(&[usize], usize, bool); 5] = [
        (&[3], 3, false),
        (&[5], 5, false),
        (&[6], 29, false),
        (&[10, 11, 12], 10, true),
        (&[10, 12, 14, 16], 13, true),
    ];
    for (refused, applied, open) in cases {
        in_virtual_time(1, async {
            let lab = Lab::new(many(Kind::Everyone, 30).0);
            let plan = lab.plan().await;
            for n in refused {
                refuse(&lab, &plan.plan().accounts[*n].account);
            }
            let mut lab = lab;
            lab.config.remediation.breaker_percent = 20;
            let report = lab.apply(&plan).await;
            assert_eq!(report.summary.applied, applied, "{refused:?}: {report:?}");
            let guard = lab.journal.guard().unwrap();
            assert_eq!(
                matches!(guard.breaker, Breaker::Open { .. }),
                open,
                "{refused:?}: {guard:?}"
            );
            if open {
                let writes = lab.writes();
                let report = lab.restarted().cycle().await;
                assert!(report.ended_early.unwrap().to_string().contains("breaker"), "{refused:?}");
                assert_eq!(lab.writes(), writes, "{refused:?}");
            }
        });
    }
}

#[test]
fn after_a_reset_one_account_is_tried() {
    in_virtual_time(1, async {
        let lab = Lab::new(many(Kind::Everyone, 5).0);
        let half_open = || lab.journal.update_guard(&mut |guard| guard.breaker = Breaker::HalfOpen);
        half_open().unwrap();
        let report = lab.cycle().await;
        assert_eq!((report.summary.applied, report.summary.left), (1, 4), "{report:?}");
        assert_eq!(lab.journal.guard().unwrap().breaker, Breaker::Closed);
        half_open().unwrap();
        let plan = lab.plan().await;
        refuse(&lab, &plan.plan().accounts[0].account);
        let report = lab.apply(&plan).await;
        assert_eq!((report.summary.failed, report.summary.left), (1, 3), "{report:?}");
        assert!(matches!(lab.journal.guard().unwrap().breaker, Breaker::Open { .. }));
    });
}

#[test]
fn a_kill_switch_and_a_stop_hold_everything_back_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let switch = folder.path().join("stop");
    for after in [0, 1, 3] {
        let _ = std::fs::remove_file(&switch);
        in_virtual_time(1, async {
            let (lab, _) = Lab::of(&[Kind::Absent, Kind::Everyone, Kind::MissingAction]);
            let mut lab = lab;
            lab.config.remediation.kill_switch = Some(switch.clone());
            let plan = lab.plan().await;
            if after == 0 {
                std::fs::write(&switch, "").unwrap();
            }
            let (path, journal) = (switch.clone(), Arc::clone(&lab.journal));
            *lab.after_step.lock().unwrap() = Some(Box::new(move |_| {
                let applied = |o: &(Action, Option<O>)| o.1 == Some(O::Applied);
                if journal.outcomes().iter().filter(|o| applied(o)).count() == after {
                    std::fs::write(&path, "").unwrap();
                }
            }));
            let report = lab.apply(&plan).await;
            assert_eq!(lab.writes(), after as u64, "{after}: {report:?}");
            assert!(
                report.ended_early.clone().unwrap().to_string().contains("kill switch"),
                "{after}: {report:?}"
            );
            // What was planned and not sent is closed.
            assert!(lab.journal.all().iter().all(|change| change.outcome.is_some()));
        });
    }
    in_virtual_time(1, async {
        let (lab, _) = Lab::of(&[Kind::Everyone]);
        let by = "POST /api/v1/remediation/stop".to_owned();
        let stopped = Stopped { at: crate::support::clock(), by };
        lab.journal.update_guard(&mut |guard| guard.stopped = Some(stopped.clone())).unwrap();
        let report = lab.cycle().await;
        assert_eq!((outcomes(&report), lab.writes()), (vec![Outcome::Left], 0));
    });
}

#[test]
fn a_signal_lets_the_write_in_progress_end_and_the_next_start_goes_on() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Absent, Kind::Everyone]);
        let plan = lab.plan().await;
        let at = plan.plan().accounts.iter().position(|a| a.account == ids[0]).unwrap();
        let cancel = lab.cancel.clone();
        let create = ids[0].clone();
        *lab.after_step.lock().unwrap() = Some(Box::new(move |account| {
            if *account == create {
                cancel.cancel();
            }
        }));
        let report = lab.apply(&plan).await;
        assert!(report.ended_early.as_ref().unwrap().to_string().contains("stopped"), "{report:?}");
        let of_account = || lab.journal.all().into_iter().filter(|c| c.account == ids[0]);
        let outcomes: Vec<_> = of_account().map(|change| change.outcome).collect();
        assert_eq!(outcomes, [Some(O::Applied), None], "{at}");
        // Not armed: it is closed, and nothing is written.
        let writes = lab.writes();
        let next = lab.restarted();
        let engine = next.engine().await;
        engine.recover(true).await.unwrap();
        assert_eq!(lab.writes(), writes + 1, "armed: the role gets its policy");
        assert!(of_account().all(|change| change.outcome == Some(O::Applied)));
    });
}
