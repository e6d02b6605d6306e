//! `rollback` as people run it: what it shows, what it calls things, and the code that undoing a rollback takes.

use rolewarden::simulator::{Kind, Role};
use serde_json::Value;

use crate::program::{CONFIG, Lab, plan, roles};
use crate::support::{ROLE, world_of, writes};

const KINDS: [Kind; 3] = [Kind::Absent, Kind::Everyone, Kind::AdministratorAttached];

/// A lab in which a run remediated all that drifted; the run.
fn applied(config: &str) -> (Lab, String) {
    let (world, _) = world_of(&KINDS);
    let lab = Lab::new(world).config(config);
    let code = plan(&lab);
    let run =
        lab.run(&["apply", "plan.json", "--new-store", "--arm", &code, "--format", "json"]).ends(0);
    let run = run.json()["run"].as_str().unwrap().to_owned();
    (lab, run)
}

fn everything() -> String {
    CONFIG.replace("put_inline_policy]", "put_inline_policy, detach_managed_policy]")
}

fn rolled_back(lab: &Lab, run: &str) -> String {
    let back = lab.run(&["rollback", run, "--yes", "--format", "json"]).ends(0);
    back.json()["run"].as_str().unwrap().to_owned()
}

#[test]
fn an_undo_is_called_what_it_does_in_the_run_and_in_the_history() {
    let (lab, run) = applied(&everything());
    let back = lab.run(&["rollback", &run, "--yes", "--format", "json"]).ends(0).json();
    let actions = |report: &Value| -> Vec<String> {
        let accounts = report["accounts"].as_array().unwrap().iter();
        let steps = accounts.flat_map(|account| account["steps"].as_array().unwrap());
        let mut actions: Vec<_> =
            steps.map(|step| step["action"].as_str().unwrap().to_owned()).collect();
        actions.sort();
        actions
    };
    let undone =
        ["attach_managed_policy", "delete_inline_policy", "delete_role", "update_trust_policy"];
    assert_eq!(actions(&back), undone, "{back}");
    let history = lab.run(&["history", "--changes", "--format", "json"]).ends(0).json();
    let changes = history["changes"].as_array().unwrap();
    assert!(changes.len() > undone.len());
    for change in changes {
        // A write and its action have the same word.
        assert_eq!(change["action"], change["write"]["write"], "{change}");
    }
    let text = lab.run(&["history", "--changes"]).ends(0);
    assert!(text.stdout.contains("delete role"), "{text}");
}

#[test]
fn the_preview_says_which_way_its_diffs_go_and_why_an_account_is_left_alone() {
    let (lab, run) = applied(&everything());
    let created = roles(&lab).into_iter().find(|(_, role)| {
        role.as_ref().is_some_and(|role: &Role| role.description.starts_with("rolewarden/change/"))
    });
    let (id, _) = created.unwrap();
    let before = writes(&lab.calls());
    let whole = lab.run(&["rollback", &run]).ends(0);
    for words in [
        "delete_role: undo: create the role",
        "  -   \"Path\": \"/\"",
        "+         \"AWS\": \"*\"",
        "- now, + after",
        "Rollback: 3 accounts; 0 left alone.",
        &format!("  rolewarden rollback --config rolewarden.yaml {run} --yes\n"),
    ] {
        assert!(whole.stdout.contains(words), "{words}: {whole}");
    }
    lab.running.change(|world| {
        let role = world.accounts.get_mut(&id).unwrap().roles.get_mut(ROLE).unwrap();
        role.tags.insert("owner".to_owned(), "them".to_owned());
    });
    let some = lab.run(&["rollback", &run, "--force"]).ends(3);
    assert!(some.stdout.contains("left alone: the role is not as this change made it"), "{some}");
    assert!(some.stdout.contains("Rollback: 2 accounts; 1 left alone."), "{some}");
    assert!(some.stdout.contains(&format!("{run} --force --yes\n")), "{some}");
    assert_eq!(writes(&lab.calls()), before, "a preview writes nothing");
}

#[test]
fn undoing_a_rollback_takes_the_code_that_its_preview_prints() {
    let (lab, run) = applied(&everything());
    let right = roles(&lab);
    let back = rolled_back(&lab, &run);
    let (drifted, before) = (roles(&lab), writes(&lab.calls()));
    let shown = lab.run(&["rollback", &back]).ends(0);
    assert!(shown.stdout.contains("it remediates again"), "{shown}");
    let code = shown.stdout.trim_end().rsplit_once("--yes --arm ").unwrap().1.to_owned();
    let do_it = |armed: &[&str]| lab.run(&[&["rollback", &back, "--yes"], armed].concat());
    let none = do_it(&[]).fails(1, &["nothing was written", "is a rollback", "without --yes"]);
    let other = do_it(&["--arm", "0123456789ab"]).fails(1, &["0123456789ab", "without --yes"]);
    assert!([&none, &other].iter().all(|run| !run.stderr.contains(&code)), "{none} {other}");
    assert_eq!((roles(&lab), writes(&lab.calls())), (drifted, before));
    do_it(&["--arm", &code]).ends(0);
    for (id, role) in roles(&lab) {
        let (was, is) = (right[&id].as_ref().unwrap(), role.unwrap());
        assert_eq!((was.trust.as_ref(), &was.attached), (is.trust.as_ref(), &is.attached), "{id}");
    }
    lab.scan(&[]).ends(0);
}

#[test]
fn undoing_a_rollback_under_another_configuration_is_refused_with_the_reason() {
    let (mut lab, run) = applied(&everything());
    let back = rolled_back(&lab, &run);
    let before = writes(&lab.calls());
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"${rolewarden:account_id}"}}}]}"#;
    lab.file("trust.json", trust);
    let other = format!("{}baseline: {{trust_policy: trust.json}}\n", everything());
    let fewer =
        CONFIG.replace("create_role, update_trust_policy, put_inline_policy", "put_inline_policy");
    for (config, why) in
        [(&other, "`rolewarden plan`"), (&fewer, "remediation.actions does not have")]
    {
        lab.set_config(config);
        let shown = lab.run(&["rollback", &back, "--force"]).ends(3);
        assert!(shown.stdout.contains(why), "{shown}");
        lab.run(&["rollback", &back, "--yes", "--force", "--arm", "0123456789ab"]);
    }
    // Under the configuration that wrote it, it takes its code.
    lab.set_config(&everything());
    assert_eq!(writes(&lab.calls()), before);
    assert!(lab.run(&["rollback", &back]).ends(0).stdout.contains("--arm"));
}
