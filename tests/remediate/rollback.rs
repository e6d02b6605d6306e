//! What was changed is put back to the byte, and only where nobody changed it since.

use rolewarden::model::{AccountId, Action, Breaker, Guard, StepOutcome as O, Stopped, Write};
use rolewarden::remediate::{CannotUndo, Journal as _, Outcome, RunReport};
use rolewarden::simulator::{Fault, Kind, On, Operation as Op, Role, Rule};

use crate::support::{Lab, ROLE, in_virtual_time, many};

const KINDS: [Kind; 8] = [
    Kind::Everyone,
    Kind::Absent,
    Kind::MissingAction,
    Kind::ExtraInline,
    Kind::AdministratorAttached,
    Kind::ExtraStatement,
    Kind::ForeignAccount,
    Kind::Doubtful,
];

async fn undo(lab: &Lab, id: &str, force: bool) -> Result<RunReport, CannotUndo> {
    let engine = lab.engine().await;
    let undo = engine.undo(id, force).await?;
    Ok(engine.rollback(&undo).await)
}

#[test]
fn a_run_is_undone_to_the_byte() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&KINDS);
        let before: Vec<_> = ids.iter().map(|id| lab.role(id)).collect();
        let done = lab.cycle().await;
        assert!(done.summary.applied >= 6 && done.summary.failed == 0, "{done:?}");
        let actions: std::collections::BTreeSet<Action> =
            lab.journal.all().iter().map(|change| change.write.action()).collect();
        assert!(actions.len() >= 5, "{actions:?}");
        let back = undo(&lab, &done.run, false).await.unwrap();
        assert_eq!(back.summary.applied, done.summary.applied, "{back:?}");
        let after: Vec<_> = ids.iter().map(|id| lab.role(id)).collect();
        assert_eq!(before, after);
        let (of_run, of_undo): (Vec<_>, Vec<_>) =
            lab.journal.all().into_iter().partition(|change| change.run == done.run);
        assert!(of_run.iter().all(|change| change.outcome == Some(O::RolledBack)), "{of_run:?}");
        assert!(of_undo.iter().all(|change| change.outcome == Some(O::Applied)));
        assert_eq!(of_run.len(), of_undo.len());
        for old in &of_run {
            let new = of_undo.iter().find(|new| new.rolls_back.as_ref() == Some(&old.id)).unwrap();
            // What is done says what it is called.
            assert_eq!(Some(new.write.action()), old.undo.as_ref().map(Write::action), "{old:?}");
        }
        let undone: std::collections::BTreeSet<Action> =
            of_undo.iter().map(|change| change.write.action()).collect();
        assert!(
            undone.contains(&Action::DeleteRole) && undone.contains(&Action::AttachManagedPolicy)
        );
        assert!(matches!(undo(&lab, &done.run, true).await, Err(CannotUndo::Nothing(..))));
        assert!(matches!(undo(&lab, "01JUNK", true).await, Err(CannotUndo::Unknown(_))));
        // A rollback can be rolled back, which is remediation, and that again, which is not.
        let forth = undo(&lab, &back.run, false).await.unwrap();
        let applied = |report: &RunReport| (report.summary.applied, report.summary.failed);
        assert_eq!(applied(&forth), applied(&done), "{forth:?}");
        assert!(lab.drifted().await.is_empty());
        let undo_again = lab.engine().await.undo(&forth.run, false).await.unwrap();
        assert!(!undo_again.remediates);
        undo(&lab, &forth.run, false).await.unwrap();
        let after: Vec<_> = ids.iter().map(|id| lab.role(id)).collect();
        assert_eq!(before, after);
    });
}

#[test]
fn a_role_that_has_moved_on_is_left_alone_unless_forced() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Everyone, Kind::MissingAction]);
        let before = lab.role(&ids[0]).unwrap();
        let done = lab.cycle().await;
        let theirs = r#"{"Version":"2012-10-17","Statement":[]}"#;
        lab.change_role(&ids[0], |role| role.trust = theirs.into());
        // Another aspect of the other role: no reason to leave it.
        lab.change_role(&ids[1], |role| drop(role.tags.insert("a".into(), "b".into())));
        let writes = lab.writes();
        let back = undo(&lab, &done.run, false).await.unwrap();
        let outcome =
            |n: usize| back.accounts.iter().find(|a| a.account == ids[n]).unwrap().outcome;
        assert_eq!((outcome(0), outcome(1)), (Outcome::Left, Outcome::Applied), "{back:?}");
        assert_eq!(lab.writes(), writes + 1);
        assert_eq!(&*lab.role(&ids[0]).unwrap().trust, theirs);
        let of_first =
            lab.journal.all().into_iter().find(|change| change.account == ids[0]).unwrap();
        let back = undo(&lab, &of_first.id, true).await.unwrap();
        assert_eq!(back.summary.applied, 1, "{back:?}");
        assert_eq!(lab.role(&ids[0]).unwrap().trust, before.trust);
    });
}

/// What somebody may do to a role that rolewarden made.
type Edit = fn(&mut Role);

#[test]
fn a_role_that_was_made_is_deleted_only_as_it_was_left_and_no_step_towards_that_is_taken_before() {
    let edits: [(&str, Edit); 10] = [
        ("a tag", |role| drop(role.tags.insert("a".into(), "b".into()))),
        ("another policy", |role| drop(role.inline.insert("theirs".into(), "{}".into()))),
        ("its policy edited", |role| {
            let more = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
            role.inline.values_mut().for_each(|text| *text = more.into());
        }),
        ("its policy gone", |role| role.inline.clear()),
        ("an attachment", |role| {
            role.attached.insert("arn:aws:iam::aws:policy/AdministratorAccess".into());
        }),
        ("its trust edited", |role| {
            role.trust = r#"{"Version":"2012-10-17","Statement":[]}"#.into();
        }),
        ("a boundary", |role| {
            role.boundary = Some("arn:aws:iam::aws:policy/AdministratorAccess".into());
        }),
        ("longer sessions", |role| role.max_session = 7_200),
        ("another description", |role| role.description = "ours now".into()),
        ("made again", |role| role.id = "AROAOTHER".to_owned()),
    ];
    for (case, edit) in edits {
        for force in [false, true] {
            in_virtual_time(1, async {
                let (lab, ids) = Lab::of(&[Kind::Absent]);
                let done = lab.cycle().await;
                assert_eq!(done.summary.applied, 1);
                lab.change_role(&ids[0], edit);
                let (kept, writes) = (lab.role(&ids[0]), lab.writes());
                let back = undo(&lab, &done.run, force).await.unwrap();
                let case = format!("case `{case}`, force {force}: {back:?}");
                assert_eq!(back.accounts[0].outcome, Outcome::Left, "{case}");
                assert!(back.accounts[0].note.as_ref().is_some_and(|note| !note.is_empty()));
                assert_eq!((lab.role(&ids[0]), lab.writes()), (kept, writes), "{case}");
            });
        }
    }
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Absent]);
        let done = lab.cycle().await;
        let create = lab.journal.all()[0].clone();
        let made = lab.role(&ids[0]).unwrap();
        assert_eq!(made.description, format!("rolewarden/change/{}", create.id));
        let back = undo(&lab, &done.run, false).await.unwrap();
        assert_eq!((back.summary.applied, lab.role(&ids[0])), (1, None), "{back:?}");
        // A person's role of the same documents is no role of ours.
        lab.aws.change(|world| {
            let member = world.accounts.get_mut(&ids[0]).unwrap();
            let theirs = Role { description: String::new(), inline: [].into(), ..made };
            member.roles.insert(ROLE.to_owned(), theirs);
        });
        let forth = undo(&lab, &back.run, true).await.unwrap();
        let note = forth.accounts[0].note.clone().unwrap();
        assert!(note.contains("there again"), "{note}");
    });
    // The creation alone cannot be undone while what followed it is there.
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Absent]);
        lab.cycle().await;
        let create = lab.journal.all()[0].clone();
        let back = undo(&lab, &create.id, true).await.unwrap();
        assert!(back.accounts[0].note.as_ref().unwrap().contains("roll back the run"), "{back:?}");
        assert!(lab.aws.change(|world| world.accounts[&ids[0]].roles.contains_key(ROLE)));
    });
}

#[test]
fn what_stopped_remediation_does_not_keep_a_person_from_putting_things_back() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Everyone]);
        let before = lab.role(&ids[0]);
        let done = lab.cycle().await;
        let stop = |guard: &mut Guard| {
            let at = crate::support::clock();
            guard.stopped = Some(Stopped { at, by: "a person".to_owned() });
            guard.breaker = Breaker::Open { since: at, why: "three in a row".to_owned() };
        };
        lab.journal.update_guard(&mut { stop }).unwrap();
        let back = undo(&lab, &done.run, false).await.unwrap();
        assert_eq!((back.summary.applied, lab.role(&ids[0])), (1, before), "{back:?}");
    });
}

const HARDENED: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}]}"#;

#[test]
fn what_a_forced_rollback_overwrites_is_in_the_preview_and_in_the_journal_and_comes_back() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::Everyone]);
        let before = lab.role(&ids[0]).unwrap();
        let done = lab.cycle().await;
        lab.change_role(&ids[0], |role| role.trust = HARDENED.into());
        let engine = lab.engine().await;
        let shown = engine.undo(&done.run, true).await.unwrap();
        let diff = &shown.accounts[0].steps[0].step.diff;
        let line = |sign: char, word: &str| {
            diff.lines().any(|line| line.starts_with(sign) && line.contains(word))
        };
        assert!(line('-', "aws:SourceAccount") && line('+', "\"AWS\": \"*\""), "{diff}");
        let back = engine.rollback(&shown).await;
        assert_eq!((back.summary.applied, lab.role(&ids[0])), (1, Some(before)), "{back:?}");
        let change = lab.journal.all().into_iter().find(|c| c.run == back.run).unwrap();
        let theirs = Write::UpdateTrustPolicy { document: HARDENED.to_owned() };
        assert_eq!((change.undo, change.diff), (Some(theirs), diff.clone()));
        let forth = undo(&lab, &back.run, false).await.unwrap();
        assert_eq!(forth.summary.applied, 1, "{forth:?}");
        assert_eq!(&*lab.role(&ids[0]).unwrap().trust, HARDENED);
    });
}

#[test]
fn what_somebody_else_undid_already_is_not_written_again() {
    in_virtual_time(1, async {
        let (lab, ids) = Lab::of(&[Kind::AdministratorAttached, Kind::ExtraInline]);
        let before: Vec<_> = ids.iter().map(|id| lab.role(id).unwrap()).collect();
        let done = lab.cycle().await;
        for (id, role) in ids.iter().zip(&before) {
            lab.change_role(id, |there| *there = role.clone());
        }
        let writes = lab.writes();
        for force in [false, true] {
            let back = undo(&lab, &done.run, force).await.unwrap();
            assert_eq!((back.summary.left, lab.writes()), (2, writes), "{back:?}");
        }
        assert_eq!(ids.iter().map(|id| lab.role(id).unwrap()).collect::<Vec<_>>(), before);
    });
}

/// A run that was rolled back, in so many accounts that everyone may enter.
async fn rolled_back(accounts: usize) -> (Lab, Vec<AccountId>, String) {
    let (world, ids) = many(Kind::Everyone, accounts);
    let lab = Lab::new(world);
    let done = lab.cycle().await;
    assert_eq!(done.summary.applied, accounts, "{done:?}");
    let back = undo(&lab, &done.run, false).await.unwrap();
    assert_eq!(back.summary.applied, accounts, "{back:?}");
    (lab, ids, back.run)
}

#[test]
fn undoing_a_rollback_keeps_to_all_that_holds_remediation_back() {
    let stopped = |lab: &Lab| {
        let at = crate::support::clock();
        let stop = |guard: &mut Guard| guard.stopped = Some(Stopped { at, by: "a person".into() });
        lab.journal.update_guard(&mut { stop }).unwrap();
    };
    let breaker = |lab: &Lab| {
        let since = crate::support::clock();
        let open = |guard: &mut Guard| guard.breaker = Breaker::Open { since, why: "many".into() };
        lab.journal.update_guard(&mut { open }).unwrap();
    };
    type Change<'a> = &'a dyn Fn(&mut Lab, &[AccountId]);
    let cases: [(&str, Change<'_>, usize, &str); 10] = [
        ("nothing", &|_, _| {}, 3, ""),
        ("stopped", &|lab, _| stopped(lab), 0, "remediation was stopped"),
        ("the breaker is open", &|lab, _| breaker(lab), 0, "the breaker is open"),
        (
            "the action is not allowed any more",
            &|lab, _| {
                lab.config.remediation.actions.remove(&Action::UpdateTrustPolicy);
            },
            0,
            "remediation.actions does not have update_trust_policy",
        ),
        (
            "an account is left out",
            &|lab, ids| lab.config.remediation.exclude.ids = [ids[0].clone()].into(),
            2,
            "remediation.exclude",
        ),
        (
            "two accounts at most",
            &|lab, _| lab.config.remediation.max_accounts = 2,
            2,
            "this run changes at most 2 accounts",
        ),
        ("no account", &|lab, _| lab.config.remediation.max_accounts = 0, 0, "max_accounts is 0"),
        (
            "one percent",
            &|lab, _| lab.config.remediation.max_percent = 1,
            1,
            "this run changes at most 1 account",
        ),
        (
            "another baseline",
            &|lab, _| lab.config.baseline.trust_policy = HARDENED.into(),
            0,
            "rolewarden plan",
        ),
        (
            "the canary fails",
            &|lab, ids| {
                let first = ids.iter().min().unwrap().clone();
                let denied = Rule::always(On::Only(Op::UpdateAssumeRolePolicy), Fault::Denied);
                let rules = [Rule { account: Some(first), ..denied }];
                lab.aws.change(|world| world.script(rules).unwrap());
            },
            0,
            "the first six accounts of a run must all succeed",
        ),
    ];
    for (case, change, written, why) in cases {
        in_virtual_time(1, async {
            let (mut lab, ids, run) = rolled_back(3).await;
            change(&mut lab, &ids);
            let undone = lab.engine().await.undo(&run, true).await.unwrap();
            assert!(undone.remediates, "case `{case}`");
            let forth = undo(&lab, &run, true).await.unwrap();
            let case = format!("case `{case}`: {forth:?}");
            assert_eq!(forth.summary.applied, written, "{case}");
            let notes: Vec<&str> =
                forth.accounts.iter().filter_map(|a| a.note.as_deref()).collect();
            assert!(notes.iter().any(|note| note.contains(why)) || why.is_empty(), "{case}");
            let open = |id: &&AccountId| lab.role(id).unwrap().trust.contains("\"*\"");
            assert_eq!(ids.iter().filter(open).count(), 3 - written, "{case}");
        });
    }
}

#[test]
fn the_code_for_undoing_a_rollback_stands_for_what_was_reviewed() {
    in_virtual_time(1, async {
        let (lab, ids, run) = rolled_back(2).await;
        let first = lab.journal.all()[0].run.clone();
        let engine = lab.engine().await;
        let (shown, again) =
            (engine.undo(&run, false).await.unwrap(), engine.undo(&run, false).await.unwrap());
        let code = shown.code("base").unwrap();
        assert_eq!((code.len(), again.code("base").unwrap()), ("base.".len() + 16, code.clone()));
        assert_ne!(shown.code("another baseline").unwrap(), code);
        assert_eq!(shown.check_arming("base", Some(&code)), Ok(()));
        let id = run.clone();
        for (given, want) in [
            (None, CannotUndo::NotArmed(id.clone())),
            (Some(""), CannotUndo::NotArmed(id.clone())),
            (
                Some("0123456789ab"),
                CannotUndo::ArmedForAnother { armed: "0123456789ab".into(), id: id.clone() },
            ),
        ] {
            let refused = shown.check_arming("base", given).unwrap_err();
            assert_eq!(refused, want);
            assert!(!refused.to_string().contains(&code), "the right code is not told: {refused}");
        }
        // A role that changed since it was reviewed takes another code.
        lab.change_role(&ids[0], |role| drop(role.tags.insert("a".into(), "b".into())));
        assert_ne!(engine.undo(&run, false).await.unwrap().code("base"), Some(code));
        // What only puts back takes none.
        assert!(matches!(engine.undo(&first, false).await, Err(CannotUndo::Nothing(..))));
        let forth = engine.rollback(&engine.undo(&run, false).await.unwrap()).await;
        let back = engine.undo(&forth.run, false).await.unwrap();
        assert_eq!((back.code("base"), back.check_arming("base", None)), (None, Ok(())));
    });
}
