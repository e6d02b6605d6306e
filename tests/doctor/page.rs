//! The page in docs, and text that wants to be obeyed.

use crate::support::Lab;
use crate::world::{SCAN, doctor, missing, right, role};

const NAME: &str = "\u{1b}[31mred\u{7}\nfine 0\r\u{202e}txt.exe\u{200b} \u{9b}2J";

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let (mut world, ids) = right(2);
    for member in world.accounts.values_mut() {
        NAME.clone_into(&mut member.name);
    }
    role(&mut world, &ids[0], SCAN, missing);
    let lab = Lab::new(world);
    let text = lab.run(&["doctor", "--verbose"]).ends(4);
    let json = doctor(&lab, &[]).ends(4);
    for run in [&text, &json] {
        let steers = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
        assert!(!run.stdout.contains(steers) && !run.stderr.contains(steers), "{run}");
    }
    assert!(text.stdout.contains("\\u{1b}[31mred"), "{text}");
    let report = json.json();
    assert_eq!(report["accounts"][0]["name"], NAME, "programs get the name itself");
}

/// Without what differs from run to run: the port, and the line that tells when it was.
fn timeless(text: &str) -> String {
    let line = |line: &str| match line.split_once("http://127.0.0.1:") {
        Some((before, _)) => format!("{before}http://127.0.0.1:"),
        None => line.to_owned(),
    };
    let before = text.split("\nasked at 20").next().unwrap();
    before.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_in_the_documentation_is_what_the_program_prints() {
    let (mut world, ids) = right(9);
    for id in &ids[..5] {
        role(&mut world, id, SCAN, missing);
    }
    for id in &ids[5..7] {
        role(&mut world, id, SCAN, |role| role.allows.retain(|action| action != "iam:GetPolicy"));
    }
    let run = Lab::new(world).env("AWS_REGION", "us-east-1").run(&["doctor"]).ends(4);
    let page = include_str!("../../docs/doctor.md");
    let example = page.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(timeless(example), timeless(&run.stdout), "{run}");
}
