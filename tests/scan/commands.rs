//! The other commands, and the words the program has about itself.

use crate::support::{Lab, right_world};

fn lab() -> Lab {
    Lab::new(right_world().0)
}

#[test]
fn the_demo_shows_a_report_and_ends_well() {
    let lab = lab();
    let run = lab.run(&["demo", "--size", "60", "--format", "json"]).ends(0);
    assert_eq!(run.json()["summary"]["discovered"], 60);
    assert!(run.stderr.contains("simulated"), "{run}");
    let again = lab.run(&["demo", "--size", "60", "--format", "json"]).ends(0);
    assert_eq!(run.json()["summary"], again.json()["summary"], "one seed, one organization");
    let text = lab.run(&["demo", "--size", "5", "--seed", "3"]).ends(0);
    assert!(text.stdout.starts_with("5 accounts: "), "{text}");
    lab.run(&["demo", "--size", "0"]).fails(2, &["--size"]);
    assert_eq!(lab.calls().total(), 0, "the demo has its own organization");
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
