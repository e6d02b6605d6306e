//! `plan`, `apply` and `rollback` as people run them, and the program ended at every crash point.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rolewarden::model::{AccountId, Change, Phase, StepOutcome as O};
use rolewarden::remediate::crash::POINTS;
use rolewarden::simulator::{Kind, Role, World};
use rolewarden::store::{ChangeFilter, Store};
use serde_json::Value;

use crate::support::{ROLE, world_of, writes};

pub(crate) use crate::lab::{Lab, Run};

/// Everything allowed, fast, and nothing waits long.
pub(crate) const CONFIG: &str = "accounts: {source: organization}
sweep: {max_attempts: 2}
remediation:
  mode: apply
  actions: [create_role, update_trust_policy, put_inline_policy]
  max_accounts: 1000
  max_percent: 100
  max_unknown_percent: 0
  write_interval: 10ms
  verify_timeout: 1s
  flapping_after: 100
";

const KINDS: [Kind; 3] = [Kind::Absent, Kind::Everyone, Kind::MissingAction];

/// Makes a plan; gives the code to arm with.
pub(crate) fn plan(lab: &Lab) -> String {
    let run = lab.run(&["plan", "-o", "plan.json", "--format", "json"]);
    assert!(matches!(run.status, Some(0 | 3)), "{run}");
    run.json()["arming_code"].as_str().unwrap().to_owned()
}

fn apply(lab: &Lab, code: &str) -> Run {
    lab.run(&["apply", "plan.json", "--arm", code, "--format", "json"])
}

pub(crate) fn roles(lab: &Lab) -> BTreeMap<AccountId, Option<Role>> {
    let role = |member: &rolewarden::simulator::Member| member.roles.get(ROLE).cloned();
    lab.running.change(|world: &mut World| {
        world.accounts.iter().map(|(id, member)| (id.clone(), role(member))).collect()
    })
}

/// The journal, the first change first.
pub(crate) fn journal(lab: &Lab) -> Vec<Change> {
    let path: PathBuf = lab.path("rolewarden.db");
    if !path.exists() {
        return vec![];
    }
    let store = Store::open(&path).expect("the store opens");
    let mut changes = store.changes(&ChangeFilter::default()).unwrap();
    changes.reverse();
    changes
}

fn drifted() -> (Lab, Vec<AccountId>) {
    let (world, ids) = world_of(&KINDS);
    (Lab::new(world).config(CONFIG), ids)
}

#[test]
fn a_drifted_organization_is_put_right_and_put_back() {
    let (lab, ids) = drifted();
    let before = roles(&lab);
    let code = plan(&lab);
    assert_eq!(writes(&lab.calls()), 0, "a plan writes nothing");
    let run = apply(&lab, &code).ends(0);
    let report = run.json();
    assert_eq!(report["schema"], "rolewarden.run/v1");
    assert_eq!(report["summary"]["applied"], ids.len());
    assert_eq!(writes(&lab.calls()), 4);
    lab.scan(&[]).ends(0);
    // The same plan again: all is done, and nothing is written.
    let again = apply(&lab, &code).ends(0).json();
    assert_eq!((&again["summary"]["done_already"], writes(&lab.calls())), (&Value::from(3), 4));
    let told = lab.run(&["apply", "plan.json", "--arm", &code]).ends(0);
    assert!(told.stdout.contains("done already in 3"), "{told}");
    let promised = ["undoes it", "not done", "put the inline policy"];
    assert!(promised.iter().all(|text| !told.stdout.contains(text)), "{told}");
    // Back: first what would be done, then it.
    let id = report["run"].as_str().unwrap();
    let shown = lab.run(&["rollback", id]).ends(0);
    assert!(shown.stdout.contains("undo: create the role"), "{shown}");
    assert_eq!(writes(&lab.calls()), 4);
    let back = lab.run(&["rollback", id, "--yes"]).ends(0);
    assert!(back.stdout.contains("rolled back in 3 accounts"), "{back}");
    assert_eq!(roles(&lab), before, "to the byte");
    let changes = journal(&lab);
    assert_eq!(changes.len(), 8);
    let outcome = |n: usize| changes[n].outcome;
    assert!((0..4).all(|n| outcome(n) == Some(O::RolledBack)), "{changes:?}");
    assert!((4..8).all(|n| outcome(n) == Some(O::Applied)), "{changes:?}");
    lab.run(&["rollback", id, "--yes"]).fails(1, &["nothing of", "in effect"]);
    lab.run(&["rollback", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--yes"])
        .fails(1, &["no change and no run"]);
}

#[test]
fn every_refusal_is_named_and_nothing_is_written() {
    let (mut lab, _) = drifted();
    let code = plan(&lab);
    let armed = ["apply", "plan.json", "--arm", code.as_str()];
    lab.run(&["apply", "plan.json"]).fails(1, &["nobody armed it", &code]);
    lab.run(&["apply", "plan.json", "--arm", "000000000000"])
        .fails(1, &["armed with 000000000000", &code]);
    lab.run(&["apply", "other.json", "--arm", &code]).fails(1, &["`other.json` cannot be used"]);
    let text = std::fs::read_to_string(lab.path("plan.json")).unwrap();
    lab.file("edited.json", text.replace("ssm.amazonaws.com", "ec2.amazonaws.com"));
    lab.run(&["apply", "edited.json", "--arm", &code]).fails(1, &["changed after it was made"]);
    for mode in ["off", "plan"] {
        lab.set_config(&CONFIG.replace("mode: apply", &format!("mode: {mode}")));
        lab.run(&armed).fails(1, &["remediation.mode is", mode]);
        lab.run(&["rollback", "x", "--yes"]).fails(1, &["remediation.mode is", mode]);
    }
    lab.set_config(&format!("{CONFIG}baseline: {{required_tags: {{a: b}}}}\n"));
    lab.run(&armed).fails(1, &["make it anew"]);
    lab.set_config(&CONFIG.replace("max_accounts: 1000", "max_accounts: 0"));
    lab.run(&armed).fails(1, &["nothing was written"]);
    lab.set_config(&CONFIG.replace("mode: apply", "mode: apply\n  kill_switch: stop"));
    lab.file("stop", "");
    let run = lab.run(&armed);
    assert_eq!(run.status, Some(1), "{run}");
    assert!(run.stderr.contains("kill switch") || run.stderr.contains("make it anew"), "{run}");
    lab.set_config(CONFIG);
    let held = Store::open(&lab.path("rolewarden.db")).unwrap();
    lab.run(&armed).fails(1, &["in use by another rolewarden", "serve"]);
    drop(held);
    assert_eq!(writes(&lab.calls()), 0);
    assert!(journal(&lab).is_empty());
    apply(&lab, &code).ends(0);
}

#[test]
fn an_account_that_is_left_or_fails_shows_in_the_status() {
    use rolewarden::simulator::{Fault, On, Operation as Op, Rule};
    let (lab, ids) = drifted();
    let code = plan(&lab);
    let refuse = |id: &AccountId, op| {
        let rule = Rule { account: Some(id.clone()), ..Rule::always(On::Only(op), Fault::Denied) };
        lab.running.change(|world| world.script([rule]).unwrap());
    };
    // Moved on: left alone.
    lab.running.change(|world| {
        let role = world.accounts.get_mut(&ids[2]).unwrap().roles.get_mut(ROLE).unwrap();
        role.tags.insert("a".to_owned(), "b".to_owned());
    });
    let run = apply(&lab, &code).ends(3);
    assert_eq!(run.json()["summary"]["left"], 1, "{run}");
    // Refused: failed. Its account rests then.
    let code = plan(&lab);
    refuse(&ids[2], Op::PutRolePolicy);
    let run = apply(&lab, &code).ends(4);
    assert!(run.stdout.contains("rolewarden-remediate"), "the hint names the role: {run}");
    let run = apply(&lab, &code).ends(3);
    assert!(run.stdout.contains("AWS refused the last change"), "{run}");
}

#[test]
fn ended_at_any_crash_point_the_next_start_and_one_cycle_end_it() {
    let (mut crashed, mut half) = (0, 0);
    for point in POINTS {
        for nth in 0..4 {
            let case = format!("{point}:{nth}");
            let (lab, ids) = drifted();
            let code = plan(&lab);
            let lab = lab.env("ROLEWARDEN_CRASH", &case);
            let run = apply(&lab, &code);
            let dead = run.status.is_none();
            assert!(dead || run.status == Some(0), "{case}: {run}");
            crashed += u32::from(dead);
            let mut lab = lab.env("ROLEWARDEN_CRASH", "");
            let acknowledged = journal(&lab);
            let made = roles(&lab);
            half += ids
                .iter()
                .filter(|id| made[*id].as_ref().is_some_and(|r| r.inline.is_empty()))
                .count();
            // What was written is in the journal.
            let open = acknowledged.iter().filter(|change| change.phase != Phase::Ended).count();
            let sent = acknowledged.iter().filter(|change| change.phase == Phase::Sent).count();
            assert!(sent <= 1, "{case}");
            assert!(
                !dead
                    || open > 0
                    || ["before-journal", "after-end", "between-steps", "between-accounts"]
                        .contains(&point),
                "{case}"
            );
            let run = apply(&lab, &code);
            assert!(matches!(run.status, Some(0 | 3)), "{case}: {run}");
            let code = plan(&lab);
            apply(&lab, &code).ends(0);
            lab.scan(&[]).ends(0);
            let changes = journal(&lab);
            for old in &acknowledged {
                assert!(changes.iter().any(|change| change.id == old.id), "{case}: lost {old:?}");
            }
            assert!(
                changes.iter().all(|change| change.phase == Phase::Ended),
                "{case}: {changes:?}"
            );
            lab.set_config(CONFIG);
        }
    }
    println!("{crashed} crashes, {half} roles half made by then: all right after one cycle");
    assert!(crashed >= 24 && half > 0, "{crashed} {half}");
}

#[test]
fn a_program_that_slept_before_a_write_reads_again() {
    for point in ["before-sent", "after-sent"] {
        let (world, ids) = world_of(&[Kind::Everyone]);
        let lab = Lab::new(world).config(CONFIG);
        let code = plan(&lab);
        let mut command = lab.command(&["apply", "plan.json", "--arm", &code, "--format", "json"]);
        let child = command.env("ROLEWARDEN_PAUSE", point).env("PATH", "/usr/bin:/bin");
        let child = child.stdout(Stdio::piped()).spawn().unwrap();
        let id = child.id();
        let stopped = || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        let end = Instant::now() + Duration::from_secs(30);
        while !stopped() {
            assert!(Instant::now() < end, "{point}: it did not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
        // Meanwhile somebody else changes the role.
        let theirs = r#"{"Version":"2012-10-17","Statement":[]}"#;
        lab.running.change(|world| {
            let member = world.accounts.get_mut(&ids[0]).unwrap();
            member.roles.get_mut(ROLE).unwrap().trust = theirs.into();
        });
        std::thread::sleep(Duration::from_secs(6));
        let sent = std::process::Command::new("kill").args(["-CONT", &id.to_string()]).status();
        assert!(sent.unwrap().success());
        let run = crate::lab::finish(child).ends(3);
        assert_eq!(writes(&lab.calls()), 0, "{point}: {run}");
        assert_eq!(&*roles(&lab)[&ids[0]].as_ref().unwrap().trust, theirs, "{point}");
        assert_eq!(journal(&lab)[0].outcome, Some(O::ChangedUnderneath), "{point}: {run}");
    }
}
