//! `--shard` and `--total-shards`: each account in exactly one shard, and who a process is told in words.

use std::collections::BTreeMap;

use rolewarden::model::{AccountId, Shard};
use rolewarden::simulator::{Kind, generate};
use serde_json::{Value, json};

use crate::support::{Lab, QUICK, right_world, world_of};

/// The accounts of a report with their states.
fn states(report: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let accounts = report["accounts"].as_array().unwrap().iter();
    accounts.map(|account| (text(&account["id"]), text(&account["state"]))).collect()
}

#[test]
fn the_shards_together_are_the_organization_and_each_account_is_in_one() {
    let lab = Lab::new(generate(7, 60));
    let whole = lab.scan(&[]);
    assert_eq!(whole.status, Some(5), "{whole}");
    let whole = whole.json();
    assert_eq!(whole["sweep"].get("shard"), None);
    let mut all = BTreeMap::new();
    let mut sums = [0, 0, 0];
    for ordinal in 0..3 {
        let file = format!("{ordinal}.prom");
        let one = ordinal.to_string();
        let args = ["--shard", &one, "--total-shards", "3", "--metrics-file", &file];
        let run = lab.scan(&args);
        let report = run.json();
        assert_eq!(report["sweep"]["shard"], json!({"ordinal": ordinal, "total": 3}));
        assert_eq!(report["sweep"]["config_digest"], whole["sweep"]["config_digest"]);
        assert!(run.stderr.contains("sharded") && run.stderr.contains("--shard"), "{run}");
        for (sum, key) in sums.iter_mut().zip(["discovered", "selected", "skipped"]) {
            *sum += report["summary"][key].as_u64().unwrap();
        }
        for (id, state) in states(&report) {
            let account: AccountId = id.parse().unwrap();
            assert!(Shard::new(ordinal, 3).unwrap().holds(&account), "{id} in {ordinal}");
            assert_eq!(all.insert(id.clone(), state), None, "{id} is in two shards");
        }
        let metrics = std::fs::read_to_string(lab.path(&file)).unwrap();
        for line in [
            format!("\nrolewarden_shard_ordinal {ordinal}\n"),
            "\nrolewarden_total_shards 3\n".to_owned(),
            format!("\nrolewarden_organization_accounts {}\n", whole["summary"]["selected"]),
        ] {
            assert!(metrics.contains(&line), "`{line}` in:\n{metrics}");
        }
    }
    assert_eq!(all, states(&whole));
    let summary = ["discovered", "selected", "skipped"].map(|key| whole["summary"][key].as_u64());
    assert_eq!(sums.map(Some), summary);
}

#[test]
fn the_text_report_says_which_shard_it_is_about() {
    let lab = Lab::new(right_world().0);
    for (args, said) in [(vec!["scan", "--total-shards", "1"], false), (vec!["scan"], false)] {
        let run = lab.run(&args).ends(0);
        assert_eq!(run.stdout.contains("shard"), said, "{run}");
    }
    let (ordinal, _) = held(&lab, 2);
    let run = lab.run(&["scan", "--shard", &ordinal, "--total-shards", "2"]).ends(0);
    assert!(run.stdout.contains(&format!("shard {ordinal} of 2")), "{run}");
}

/// A shard of so many that has an account to scan, and the account.
fn held(lab: &Lab, total: u32) -> (String, String) {
    let report = lab.scan(&[]).json();
    let (id, _) = states(&report).into_iter().find(|(_, state)| state != "skipped").unwrap();
    let ordinal = Shard::new(0, total).unwrap().ordinal_of(&id.parse().unwrap());
    (ordinal.to_string(), id)
}

#[test]
fn a_pod_finds_its_shard_in_its_environment() {
    let (world, _) = world_of(&[Kind::GuideCli]);
    let lab = Lab::new(world);
    let (ordinal, id) = held(&lab, 4);
    for (name, value, from) in [
        ("JOB_COMPLETION_INDEX", ordinal.clone(), "JOB_COMPLETION_INDEX"),
        ("POD_NAME", format!("rolewarden-{ordinal}"), "POD_NAME"),
        ("HOSTNAME", format!("rolewarden-{ordinal}"), "HOSTNAME"),
        ("ROLEWARDEN_SHARD", ordinal.clone(), "--shard"),
    ] {
        let lab = Lab::new(world_of(&[Kind::GuideCli]).0)
            .env("ROLEWARDEN_TOTAL_SHARDS", "4")
            .env(name, &value);
        let run = lab.scan(&[]).ends(0);
        let want: u32 = ordinal.parse().unwrap();
        assert_eq!(run.json()["sweep"]["shard"], json!({"ordinal": want, "total": 4}), "{name}");
        assert!(states(&run.json()).contains_key(&id), "{name}");
        assert!(run.stderr.contains(&format!("from={from}")), "{name}: {run}");
    }
}

#[test]
fn a_shard_that_cannot_be_is_refused_before_anything_is_asked() {
    let usage: [(&[&str], &[&str]); 6] = [
        (&["--shard", "1"], &["--total-shards"]),
        (
            &["--shard", "4", "--total-shards", "4"],
            &["--shard", "no shard 4 of 4", "the last is 3"],
        ),
        (&["--shard", "0", "--total-shards", "0"], &["0 shards", "1 to 1000"]),
        (&["--total-shards", "1001"], &["1001 shards", "1 to 1000"]),
        (&["--total-shards", "many"], &["expected a number, 1 to 1000"]),
        (&["--shard=-1", "--total-shards", "4"], &["--shard"]),
    ];
    let lab = Lab::new(right_world().0);
    for command in ["scan", "plan", "serve"] {
        for (args, words) in usage {
            lab.run(&[&[command][..], args].concat()).fails(2, words);
        }
    }
    lab.file("before.prom", "rolewarden_before 1\n");
    lab.run(&["scan", "--shard", "4", "--total-shards", "4", "--metrics-file", "before.prom"])
        .fails(2, &["no shard 4 of 4"]);
    let kept = std::fs::read_to_string(lab.path("before.prom")).unwrap();
    assert_eq!(kept, "rolewarden_before 1\n", "a usage error leaves the old file in place");
    let environment: [(&str, &str, &[&str]); 4] = [
        (
            "HOSTNAME",
            "laptop",
            &["not which shard this is", "HOSTNAME `laptop`", "--shard N (0 to 3)"],
        ),
        ("JOB_COMPLETION_INDEX", "x", &["JOB_COMPLETION_INDEX is `x`", "--shard N"]),
        (
            "JOB_COMPLETION_INDEX",
            "4",
            &["JOB_COMPLETION_INDEX is `4`", "--total-shards", "no shard 4 of 4"],
        ),
        ("POD_NAME", "rolewarden-7", &["POD_NAME is `rolewarden-7`", "no shard 7 of 4"]),
    ];
    for (name, value, words) in environment {
        let lab = Lab::new(right_world().0).env(name, value);
        for command in ["scan", "plan", "serve"] {
            lab.run(&[command, "--total-shards", "4"]).fails(1, words);
        }
        assert_eq!(lab.calls().total(), 0);
    }
    lab.run(&["check", "--total-shards", "4", "x"]).fails(2, &["--total-shards"]);
    assert_eq!(lab.calls().total(), 0);
}

#[test]
fn an_account_of_another_shard_is_refused_with_its_shard() {
    let lab = Lab::new(right_world().0);
    let (ordinal, id) = held(&lab, 4);
    let other = ((ordinal.parse::<u32>().unwrap() + 1) % 4).to_string();
    for command in ["scan", "plan"] {
        let args = [command, "--shard", &other, "--total-shards", "4", "--account", &id];
        let words = [&format!("shard {other} of 4"), &format!("{id} is in shard {ordinal}")];
        lab.run(&args).fails(1, &words.map(String::as_str));
        let args = [command, "--shard", &ordinal, "--total-shards", "4", "--account", &id];
        lab.run(&args).ends(0);
    }
    lab.scan(&["--shard", &other, "--total-shards", "4", "--account", "999999999999"])
        .fails(1, &["no such account", "999999999999"]);
}

#[test]
fn a_shard_without_an_account_is_an_error_and_never_well() {
    let lab =
        Lab::new(right_world().0).config(&format!("accounts: {{source: organization}}\n{QUICK}"));
    let report = lab.scan(&[]).json();
    let taken: Vec<u32> = states(&report)
        .keys()
        .map(|id| Shard::new(0, 1_000).unwrap().ordinal_of(&id.parse().unwrap()))
        .collect();
    let free = (0..1_000).find(|ordinal| !taken.contains(ordinal)).unwrap().to_string();
    let selected = format!("none of the {} selected accounts", report["summary"]["selected"]);
    for command in ["scan", "plan"] {
        let words = [&selected, "use fewer shards", &format!("shard {free} of 1000")];
        lab.run(&[command, "--shard", &free, "--total-shards", "1000"]).fails(1, &words);
    }
}
