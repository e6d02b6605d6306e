//! The other commands, and the words the program has about itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;

use crate::support::{Lab, Run, finish, right_world};

fn lab() -> Lab {
    Lab::new(right_world().0)
}

/// The finding that the README begins with.
fn finding_of_the_readme() -> String {
    let readme = include_str!("../../README.md");
    let block = readme.split("<!-- finding: begin").nth(1).unwrap();
    block.split("```text\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_demo_tells_a_story_and_shows_a_report() {
    let lab = lab();
    // Three sweeps of many accounts: on a busy machine that takes longer than other runs may.
    let output = lab.command(&["demo"]).output().unwrap();
    let (report, story) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{story}");
    for words in [
        "A simulated AWS Organization of 400 accounts (seed 7)",
        "First sweep: ",
        "a pipeline attached AdministratorAccess",
        "Second sweep: ",
        "+  critical",
        "?  unknown",
        "fixed: create-role, put-role-policy",
        "Third sweep: ",
        " 0 findings opened, ",
        "-  critical",
        "=  compliant",
        "would have ended with status 5",
    ] {
        assert!(story.contains(words), "`{words}`: {story}");
    }
    let shown = finding_of_the_readme();
    assert!(report.contains(&shown), "the README shows what the demo does not:\n{report}");
    assert_eq!(lab.calls().total(), 0, "the demo has its own organization");
}

#[test]
fn one_seed_tells_one_story() {
    let lab = lab();
    let told = |run: &Run| -> Vec<String> {
        let lines = run.stderr.lines().filter(|line| !line.contains("API calls"));
        // Times and the port differ.
        let timeless = |line: &str| {
            let timed = line.as_bytes().get(4) == Some(&b':');
            line.get(if timed { 10.. } else { 0.. }).unwrap_or_default().to_owned()
        };
        lines.filter(|line| !line.contains("http://")).map(timeless).collect()
    };
    let [one, two] =
        [(); 2].map(|()| lab.run(&["demo", "--size", "60", "--format", "json"]).ends(0));
    assert_eq!(told(&one), told(&two));
    let summary = &one.json()["summary"];
    assert_eq!((summary, &summary["discovered"]), (&two.json()["summary"], &60.into()));
    // The report is of the last sweep: what it counts is what stderr says of it.
    let drifted = format!(" {} drifted, ", summary["states"]["drifted"]);
    assert!(one.stderr.split("Third sweep").nth(1).unwrap().contains(&drifted), "{one}");
}

#[test]
fn a_small_demo_has_a_small_story() {
    let lab = lab();
    for size in ["1", "5"] {
        let run = lab.run(&["demo", "--size", size, "--seed", "3"]).ends(0);
        assert!(run.stdout.contains(" accounts: "), "{run}");
        assert!(run.stderr.contains("Third sweep: "), "{run}");
    }
    let id = "111122223333";
    lab.run(&["demo", "--size", "5", "--account", id]).fails(1, &["no such account", id]);
    lab.run(&["demo", "--size", "0"]).fails(2, &["--size"]);
}

#[test]
fn a_signal_ends_the_demo_cleanly() {
    let lab = lab();
    let mut child = lab.command(&["demo", "--size", "200"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut words = String::new();
    while !words.contains("First sweep") {
        assert!(stderr.read_line(&mut words).unwrap() > 0, "{words}");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    stderr.read_to_string(&mut words).unwrap();
    finish(child).fails(130, &[]);
    assert!(words.contains("Stopped. Nothing is left behind."), "{words}");
}

#[test]
fn the_example_is_a_valid_configuration() {
    let lab = lab();
    let example = lab.run(&["config", "example"]).ends(0).stdout;
    let file = lab.file("example.yaml", &example);
    let run = lab.run(&["config", "check", file.to_str().unwrap()]).ends(0);
    assert!(run.stdout.contains("example.yaml"), "{run}");
    lab.run(&["scan", "--config", "example.yaml"]).ends(0);
}

#[test]
fn config_check_tells_every_mistake() {
    let lab = lab();
    lab.run(&["config", "check"]).ends(0);
    lab.file("bad.yaml", "accounts: {source: organisation}\nsweep: {jitter: soon}\n");
    for args in
        [["config", "check", "bad.yaml"].as_slice(), &["config", "check", "--config", "bad.yaml"]]
    {
        lab.run(args).fails(1, &["bad.yaml", "accounts.source", "sweep.jitter"]);
    }
    lab.run(&["config", "check", "gone.yaml"]).fails(1, &["gone.yaml"]);
}

#[test]
fn the_schema_is_json() {
    let schema = lab().run(&["config", "schema"]).ends(0).json();
    assert!(schema["properties"]["accounts"].is_object(), "{schema}");
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = lab().run(&["completions", shell]).ends(0);
        assert!(run.stdout.contains("rolewarden") && run.stdout.contains("scan"), "{shell}");
    }
    lab().run(&["completions", "tcsh"]).fails(2, &["tcsh", "bash"]);
}

#[test]
fn help_says_what_a_script_must_know() {
    let lab = lab();
    for command in ["scan", "check"] {
        let run = lab.run(&[command, "--help"]).ends(0);
        for word in [
            "Exit status:",
            "3      drift",
            "128+n",
            "--fail-on",
            "ROLEWARDEN_CONFIG",
            "critical",
            "ndjson",
        ] {
            assert!(run.stdout.contains(word), "{word}: {run}");
        }
        assert!(run.stdout.lines().all(|line| line.chars().count() <= 100), "{run}");
    }
    let run = lab.run(&["--help"]).ends(0);
    for word in ["scan", "check", "config", "demo", "completions"] {
        assert!(run.stdout.contains(word), "{word}: {run}");
    }
    let version = lab.run(&["--version"]).ends(0).stdout;
    assert_eq!(version, concat!("rolewarden ", env!("CARGO_PKG_VERSION"), "\n"));
}
