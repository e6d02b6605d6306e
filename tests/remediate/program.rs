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
    lab.run(&["apply", "plan.json", "--new-store", "--arm", code, "--format", "json"])
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
    let armed = ["apply", "plan.json", "--new-store", "--arm", code.as_str()];
    let daemons = code.split_once('.').unwrap().0;
    for (args, words) in [
        (&["apply", "plan.json"][..], "remediation is not armed"),
        (
            &["apply", "plan.json", "--new-store", "--arm", "000000000000"],
            "the code `000000000000` does not fit",
        ),
        // The daemon's code arms no plan.
        (&["apply", "plan.json", "--new-store", "--arm", daemons], "does not fit"),
    ] {
        let run = lab.run(args).fails(1, &[words]);
        assert!(!run.stderr.contains(&code), "the right code is never told: {run}");
    }
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
    lab.run(&armed).fails(1, &["made with another configuration"]);
    lab.set_config(&CONFIG.replace("max_accounts: 1000", "max_accounts: 0"));
    lab.run(&armed).fails(1, &["nothing was written"]);
    lab.set_config(&CONFIG.replace("mode: apply", "mode: apply\n  kill_switch: stop"));
    lab.file("stop", "");
    let run = lab.run(&armed);
    assert_eq!(run.status, Some(1), "{run}");
    assert!(run.stderr.contains("kill switch"), "{run}");
    lab.set_config(CONFIG);
    let held = Store::open(&lab.path("rolewarden.db")).unwrap();
    lab.run(&armed).fails(1, &["in use by another rolewarden", "serve"]);
    drop(held);
    assert_eq!(writes(&lab.calls()), 0);
    assert!(journal(&lab).is_empty());
    apply(&lab, &code).ends(0);
}

/// One account a run.
fn one_a_run() -> (Lab, Vec<AccountId>) {
    let (world, ids) = world_of(&KINDS);
    (Lab::new(world).config(&CONFIG.replace("max_accounts: 1000", "max_accounts: 1")), ids)
}

#[test]
fn a_plan_that_is_applied_again_changes_no_more_accounts_than_one_run_may() {
    let (lab, _) = one_a_run();
    let before = roles(&lab);
    let code = plan(&lab);
    let changed = |lab: &Lab| roles(lab).iter().filter(|(id, role)| before[*id] != **role).count();
    for round in 1..=3 {
        let run = apply(&lab, &code).ends(if round == 3 { 0 } else { 3 });
        let json = run.json();
        assert_eq!(changed(&lab), round, "{run}");
        assert_eq!(json["summary"]["applied"], 1, "{run}");
        assert_eq!(json["summary"]["done_already"], round - 1, "{run}");
        for account in json["accounts"].as_array().unwrap() {
            let limited = account["outcome"] == "left";
            assert_eq!(account["reason"] == "limit", limited, "{run}");
        }
    }
    // A stack set reverts all of them: still one account a run.
    lab.running.change(|world: &mut World| {
        for (id, role) in &before {
            let roles = &mut world.accounts.get_mut(id).unwrap().roles;
            match role {
                Some(role) => drop(roles.insert(ROLE.to_owned(), role.clone())),
                None => drop(roles.remove(ROLE)),
            }
        }
    });
    let run = lab.run(&["apply", "plan.json", "--arm", &code]).ends(3);
    assert!(run.stdout.contains("2 accounts left for the next run: apply the plan again"), "{run}");
    assert_eq!(changed(&lab), 1, "{run}");
}

#[test]
fn the_code_of_one_plan_arms_no_other_and_what_is_in_a_plan_file_moves_no_limit() {
    use rolewarden::plan::{Plan, from_json, to_json};
    let (lab, ids) = drifted();
    let code = plan(&lab);
    let reviewed = from_json(&std::fs::read_to_string(lab.path("plan.json")).unwrap()).unwrap();
    type Edit = fn(&mut Plan);
    let edits: [(&str, Edit); 4] = [
        ("unknown", |plan| plan.unknown = 7),
        ("selected", |plan| plan.selected = 100_000),
        ("age", |plan| plan.created_at += jiff::SignedDuration::from_secs(-1)),
        ("accounts", |plan| drop(plan.accounts.pop())),
    ];
    for (case, edit) in edits {
        let mut plan = reviewed.clone();
        edit(&mut plan);
        // The digest fits: whoever edits a plan can compute it.
        lab.file("edited.json", to_json(&plan).unwrap());
        let run = lab.run(&["apply", "edited.json", "--new-store", "--arm", &code]);
        run.fails(1, &["does not fit"]);
        assert_eq!(writes(&lab.calls()), 0, "case `{case}`");
    }
    // The code of another plan, of the same organization a moment later.
    let other = plan(&lab);
    assert_ne!(other, code);
    lab.run(&["apply", "plan.json", "--new-store", "--arm", &code]).fails(1, &["does not fit"]);
    // Unknown accounts count as they are now: none was when the plan was made.
    lab.running.change(|world| {
        use rolewarden::simulator::{Fault, On, Operation, Rule};
        let rule = Rule::always(On::Only(Operation::AssumeRole), Fault::Denied);
        world.script([Rule { account: Some(ids[0].clone()), ..rule }]).unwrap();
    });
    lab.run(&["apply", "plan.json", "--arm", &other])
        .fails(1, &["1 of 5 accounts are unknown, more than 0 %"]);
    assert_eq!(writes(&lab.calls()), 0);
}

#[test]
fn the_plan_of_a_shard_is_applied_as_that_shard_and_changes_its_part_of_the_limit() {
    let (world, _) = crate::support::many(Kind::Everyone, 40);
    let lab = Lab::new(world).config(&CONFIG.replace("max_accounts: 1000", "max_accounts: 8"));
    let shard = ["--shard", "1", "--total-shards", "4"];
    let args = [&["plan", "-o", "plan.json", "--format", "json"][..], &shard].concat();
    let code = lab.run(&args).ends(3).json()["arming_code"].as_str().unwrap().to_owned();
    let armed = ["apply", "plan.json", "--new-store", "--arm", &code, "--format", "json"];
    lab.run(&armed).fails(1, &["the plan is for shard 1 of 4, and this is shard 0 of 1"]);
    lab.run(&[&armed[..], &["--shard", "2", "--total-shards", "4"]].concat())
        .fails(1, &["this is shard 2 of 4"]);
    assert_eq!(writes(&lab.calls()), 0);
    let run = lab.run(&[&armed[..], &shard].concat()).ends(3);
    assert_eq!((run.json()["summary"]["applied"].clone(), writes(&lab.calls())), (2.into(), 2));
    // One percent of few accounts is one.
    let (world, _) = crate::support::many(Kind::Everyone, 10);
    let lab = Lab::new(world).config(&CONFIG.replace("max_percent: 100", "max_percent: 1"));
    let code = plan(&lab);
    let run = apply(&lab, &code).ends(3);
    assert_eq!(run.json()["summary"]["applied"], 1, "{run}");
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
    assert!(run.stdout.contains("AWS refused its last change"), "{run}");
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
        let mut command =
            lab.command(&["apply", "plan.json", "--new-store", "--arm", &code, "--format", "json"]);
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
