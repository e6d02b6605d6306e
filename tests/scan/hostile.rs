//! Text from accounts is hostile: shown, never obeyed.

use rolewarden::model::AccountId;
use rolewarden::simulator::{Kind, State, World};
use serde_json::Value;

use crate::support::{Lab, account, world_of};

const NAME: &str = "\u{1b}[31mred\u{7}\nunknown 0\r\u{202e}txt.exe\u{200b} <script>alert(1)</script> =cmd|' /C calc'!A0 \u{9b}2J";
/// What XML can carry of it.
const POLICY: &str = "=cmd|x \u{202e}<b>\n&amp;\u{2028}'\"$(id)`id`";

/// Every place a person of a member account can write to.
fn world() -> (World, Vec<AccountId>) {
    let kinds =
        [Kind::Eksctl, Kind::ExtraInline, Kind::AssumeDenied, Kind::Suspended, Kind::GuideCli];
    let (mut world, ids) = world_of(&kinds);
    for unit in world.units.values_mut() {
        NAME.clone_into(&mut unit.name);
    }
    for member in world.accounts.values_mut() {
        NAME.clone_into(&mut member.name);
        member.tags.insert(NAME.to_owned(), NAME.to_owned());
        for role in member.roles.values_mut() {
            POLICY.clone_into(&mut role.description);
            role.tags.insert(POLICY.to_owned(), POLICY.to_owned());
        }
    }
    let role = |world: &mut World, i: usize, change: &dyn Fn(&mut rolewarden::simulator::Role)| {
        let member = world.accounts.get_mut(&ids[i]).unwrap();
        member.roles.values_mut().for_each(change);
    };
    role(&mut world, 1, &|role| {
        let document = role.inline.remove("debug-access").unwrap();
        role.inline.insert(POLICY.to_owned(), document);
    });
    role(&mut world, 4, &|role| {
        role.trust = format!("{{\"Version\": \"{NAME}\", \"{NAME}\": 1}}").into();
        role.path = "/".to_owned();
    });
    assert_eq!(world.accounts[&ids[3]].state, State::Suspended);
    (world, ids)
}

/// Characters that change how a terminal or a log shows what is around them.
fn dangerous(text: &str) -> String {
    let bad = |c: &char| {
        (c.is_control() && *c != '\n')
            || ('\u{200b}'..='\u{200f}').contains(c)
            || ('\u{2028}'..='\u{202e}').contains(c)
    };
    text.chars().filter(bad).map(char::escape_unicode).map(|c| c.to_string()).collect()
}

#[test]
fn a_terminal_shows_hostile_text_and_does_not_obey_it() {
    let (world, ids) = world();
    let lab = Lab::new(world);
    for args in [
        ["scan", "--verbose", "--log-level", "debug"],
        ["scan", "--verbose", "--log-format", "json"],
    ] {
        let run = lab.run(&args).ends(5);
        assert_eq!(dangerous(&run.stdout), "", "{run}");
        assert_eq!(dangerous(&run.stderr), "", "{run}");
        assert!(run.stdout.contains("\\u{1b}[31mred"), "{run}");
        assert!(!run.stdout.lines().any(|line| line.starts_with("unknown 0")), "{run}");
        assert!(run.stdout.contains(ids[1].as_str()), "{run}");
        if args.contains(&"json") {
            for line in run.stderr.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
            }
        }
    }
}

#[test]
fn no_output_carries_a_character_that_steers_a_terminal() {
    let (world, ids) = world();
    let lab = Lab::new(world);
    let outputs: &[&[&str]] = &[
        &["scan", "--format", "json"],
        &["scan", "--format", "ndjson"],
        &["scan", "--verbose", "--metrics-file", "metrics.prom"],
        &["scan", "--format", "json", "--output", "report.json"],
        &["plan", "--verbose"],
        &["plan", "--format", "json", "-o", "plan.json"],
        &["doctor", "--verbose"],
        &["doctor", "--format", "json"],
        &[
            "except",
            ids[1].as_str(),
            "--finding",
            "0123456789abcdef",
            "--owner",
            "o",
            "--reason",
            "Überprüft",
            "--expires",
            "2099-01-01",
        ],
        &["iam", "hub"],
        &["config", "schema"],
    ];
    for args in outputs {
        let run = lab.run(args);
        assert!(!run.stdout.is_empty() || args.contains(&"--output"), "{args:?}: {run}");
        assert_eq!(dangerous(&run.stdout), "", "{args:?}: {run}");
        assert_eq!(dangerous(&run.stderr), "", "{args:?}: {run}");
    }
    for file in ["metrics.prom", "report.json", "plan.json"] {
        let text = std::fs::read_to_string(lab.path(file)).unwrap();
        assert_eq!(dangerous(&text), "", "{file}: {text}");
    }
    // Another text for the same plan: its names and its digest are what they were.
    let plan = std::fs::read_to_string(lab.path("plan.json")).unwrap();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let all = [&plan["accounts"], &plan["left_alone"]].map(|list| list.as_array().unwrap());
    let named = |one: &&Value| one.to_string().contains("red");
    assert!(all.into_iter().flatten().filter(named).count() > 0, "{plan}");
}

#[test]
fn json_gives_every_name_back_exactly() {
    let (world, ids) = world();
    let lab = Lab::new(world);
    let run = lab.scan(&[]).ends(5);
    assert_eq!(dangerous(&run.stdout), "", "escaped, for those who read JSON on a terminal: {run}");
    let report = run.json();
    for id in &ids {
        assert_eq!(account(&report, id)["name"], NAME);
    }
    let policies = &account(&report, &ids[1])["checks"]["inline-policy"]["policies"];
    assert!(policies.as_array().unwrap().contains(&Value::from(POLICY)), "{policies}");
    assert_eq!(account(&report, &ids[4])["checks"]["trust-policy"]["verdict"], "invalid");
}

#[test]
fn files_of_the_offline_check_are_hostile_too() {
    let (lab, name) = (Lab::new(world().0), "\u{1b}[2J\u{202e}.json");
    lab.file(name, NAME);
    let run = lab.run(&["check", name]).fails(1, &["get-account-authorization-details"]);
    assert_eq!(dangerous(&run.stderr), "", "{run}");
    let run = lab.run(&["scan", "--config", name]);
    assert_eq!((run.status, dangerous(&run.stderr)), (Some(1), String::new()), "{run}");
    let run = lab.run(&["scan", "--output", "\u{1b}[2J/x"]);
    assert_eq!((run.status, dangerous(&run.stderr)), (Some(1), String::new()), "{run}");
}
