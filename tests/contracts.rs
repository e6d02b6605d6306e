//! What the documents promise is there: commands, flags, exit statuses, reasons, links, a configuration that loads.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic: that is how a test fails"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use rolewarden::config::Config;
use rolewarden::exit::Exit;
use rolewarden::model::{AccountState, Action, StepOutcome, UnknownReason};

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/doctor.md",
    "docs/remediation.md",
    "docs/unknown.md",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The fenced blocks of one language; in a list they are indented, which YAML does not mind.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let head = format!("```{language}\n");
    let blocks = document.split(&head).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Every command line of `rolewarden` in the shell blocks of the documents, as words after the program's name.
fn command_lines() -> Vec<Vec<String>> {
    let mut found = vec![];
    for document in DOCUMENTS {
        let text = blocks(&read(document), "sh").join("").replace("\\\n", " ");
        for line in text.lines() {
            // A comment, a pipe or a redirection ends what rolewarden sees.
            let words: Vec<_> = line
                .split_whitespace()
                .take_while(|w| !["#", "|", ">", "||", "&&"].contains(w))
                .collect();
            let program =
                words.iter().position(|w| *w == "rolewarden" || w.ends_with("/rolewarden"));
            // `systemctl stop rolewarden` is about the unit.
            if let Some(program) = program.filter(|program| program + 1 < words.len()) {
                found.push(words[program + 1..].iter().map(|word| (*word).to_owned()).collect());
            }
        }
    }
    found
}

fn help_of(command: &str) -> String {
    let done =
        Command::new(env!("CARGO_BIN_EXE_rolewarden")).args([command, "--help"]).output().unwrap();
    assert!(
        done.status.success(),
        "`rolewarden {command} --help` failed: is there such a command?"
    );
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn every_command_and_flag_in_the_documents_exists() {
    let lines = command_lines();
    assert!(lines.len() >= 3, "the README shows how to run it");
    for words in lines {
        let help = help_of(&words[0]);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap();
            assert!(help.contains(flag), "`{}`: `--help` does not know `{flag}`", words.join(" "));
        }
    }
}

#[test]
fn every_exit_status_is_in_the_readme() {
    let readme = read("README.md");
    for exit in
        [Exit::Clean, Exit::Failed, Exit::Drifted, Exit::Incomplete, Exit::DriftedAndIncomplete]
    {
        assert!(readme.contains(&format!("| {} |", exit.status())), "{exit:?}");
    }
    assert!(readme.contains("| 2 |"), "the flag parser's status");
    assert!(readme.contains("| 128+n |"), "signals");
}

#[test]
fn every_state_is_in_the_readme() {
    let readme = read("README.md");
    for state in AccountState::ALL {
        assert!(readme.contains(&format!("| `{}` |", state.as_str())), "{state:?}");
    }
}

#[test]
fn every_reason_for_unknown_says_what_to_do() {
    let page = read("docs/unknown.md");
    for reason in UnknownReason::ALL {
        let head = format!("\n## `{}`\n", reason.as_str());
        let section = page.split(&head).nth(1).and_then(|rest| rest.split("\n## ").next());
        let section = section.unwrap_or_else(|| panic!("no section for {reason:?}"));
        assert!(section.contains("**What to do.**"), "{reason:?}");
    }
    assert_eq!(
        page.matches("\n## `").count(),
        UnknownReason::ALL.len(),
        "a reason that does not exist"
    );
}

#[test]
fn every_action_and_every_outcome_is_in_the_guide_to_remediation() {
    let page = read("docs/remediation.md");
    let words = Action::ALL.map(Action::as_str).into_iter();
    for word in words.chain(StepOutcome::ALL.map(StepOutcome::as_str)) {
        assert_eq!(page.matches(&format!("\n| `{word}` |")).count(), 1, "{word}");
    }
}

#[test]
fn the_configuration_in_the_readme_loads() {
    let yaml = blocks(&read("README.md"), "yaml");
    assert_eq!(yaml.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rolewarden.yaml");
    fs::write(&file, &yaml[0]).unwrap();
    Config::load(&file).unwrap();
}

#[test]
fn the_policies_in_the_readme_are_json() {
    let policies = blocks(&read("README.md"), "json");
    assert_eq!(policies.len(), 5, "hub, reads, reads with clusters, writes, trust of both roles");
    for policy in policies {
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
        assert!(policy["Statement"].is_array());
    }
}

#[test]
fn every_target_named_in_the_documents_is_in_the_makefile() {
    let makefile = read("Makefile");
    let mut named = vec!["demo".to_owned(), "test".to_owned(), "lint".to_owned()];
    for document in DOCUMENTS {
        let text = read(document);
        let lines = text.lines().filter_map(|line| line.strip_prefix("make "));
        let quoted = text.split("`make ").skip(1).filter_map(|rest| rest.split('`').next());
        named.extend(
            lines
                .chain(quoted)
                .filter_map(|rest| rest.split_whitespace().next())
                .map(str::to_owned),
        );
    }
    for target in named {
        assert!(makefile.contains(&format!("\n{target}: ")), "make {target}");
    }
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for document in DOCUMENTS {
        let folder = root().join(document).parent().unwrap().to_owned();
        for rest in read(document).split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(folder.join(target).exists(), "{document}: {target}");
            }
        }
    }
}
