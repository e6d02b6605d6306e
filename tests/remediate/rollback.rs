//! What was changed is put back to the byte, and only where nobody changed it since.

use rolewarden::ledger::{Breaker, Guard, Stopped};
use rolewarden::model::{Action, StepOutcome as O};
use rolewarden::remediate::{CannotUndo, Journal as _, Outcome, RunReport};
use rolewarden::simulator::Kind;

use crate::support::{Lab, ROLE, in_virtual_time};

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
        assert!(
            of_run
                .iter()
                .all(|old| { of_undo.iter().any(|new| new.rolls_back.as_ref() == Some(&old.id)) })
        );
        assert!(matches!(undo(&lab, &done.run, true).await, Err(CannotUndo::Nothing(..))));
        assert!(matches!(undo(&lab, "01JUNK", true).await, Err(CannotUndo::Unknown(_))));
        // A rollback can be rolled back.
        let forth = undo(&lab, &back.run, false).await.unwrap();
        assert_eq!(forth.summary.failed, 0, "{forth:?}");
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

#[test]
fn a_role_that_was_made_is_deleted_only_as_it_was_left() {
    for (case, change, deleted) in [
        ("as left", None, true),
        ("a tag", Some("tag"), false),
        ("a policy", Some("policy"), false),
        ("made anew", Some("id"), false),
    ] {
        in_virtual_time(1, async {
            let (lab, ids) = Lab::of(&[Kind::Absent]);
            let done = lab.cycle().await;
            assert_eq!(done.summary.applied, 1);
            match change {
                Some("tag") => {
                    lab.change_role(&ids[0], |role| drop(role.tags.insert("a".into(), "b".into())))
                }
                Some("policy") => lab.change_role(&ids[0], |role| {
                    drop(role.inline.insert("theirs".into(), "{}".into()));
                }),
                Some(_) => lab.change_role(&ids[0], |role| role.id = "AROAOTHER".to_owned()),
                None => {}
            }
            let kept = lab.role(&ids[0]);
            let back = undo(&lab, &done.run, !deleted).await.unwrap();
            match deleted {
                true => assert_eq!(lab.role(&ids[0]), None, "case `{case}`: {back:?}"),
                false => {
                    assert_eq!(back.accounts[0].outcome, Outcome::Left, "case `{case}`: {back:?}");
                    assert_eq!(lab.role(&ids[0]), kept, "case `{case}`");
                }
            }
        });
    }
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
