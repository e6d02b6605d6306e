//! What the documents promise is there: commands, flags, exit statuses, reasons, metrics, keys, checks, links, configurations
//! that load. That their examples do what they show is for tests/docs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic: that is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rolewarden::config::{self, Config};
use rolewarden::exit::Exit;
use rolewarden::model::{AccountState, Action, CheckName, StepOutcome, UnknownReason};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Every page: those beside this crate's manifest, and all in these folders.
fn documents() -> Vec<String> {
    let mut pages = vec![];
    let mut folders: Vec<PathBuf> =
        ["docs", "deploy", "dashboards", "benches"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        // `deploy` may be absent from an archive that holds the program alone.
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with(".terraform") {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                pages.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 30, "the pages are elsewhere: {pages:?}");
    pages.extend(["README.md", "CHANGELOG.md", "SECURITY.md"].map(str::to_owned));
    pages
}

/// The fenced blocks of one language; in a list they are indented, which YAML does not mind.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let head = format!("```{language}\n");
    let blocks = document.split(&head).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// The page without its fenced blocks.
fn prose(document: &str) -> String {
    let mut fenced = false;
    let mut text = String::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// What stands between backticks, and the word before it.
fn code_spans(document: &str) -> Vec<(String, String)> {
    let text = prose(document);
    let parts: Vec<_> = text.split('`').collect();
    let before = |text: &str| text.split_whitespace().next_back().unwrap_or_default().to_owned();
    parts.chunks_exact(2).map(|pair| (before(pair[0]), pair[1].replace('\n', " "))).collect()
}

/// Every command line of `rolewarden` in a page, as words after the program's name: from shell blocks, and between backticks.
fn command_lines(document: &str) -> Vec<Vec<String>> {
    let mut text = blocks(document, "sh").join("");
    for block in blocks(document, "console") {
        let typed = block.lines().filter_map(|line| line.trim_start().strip_prefix("$ "));
        text.extend(typed.map(|line| format!("{line}\n")));
    }
    for (_, span) in code_spans(document) {
        text.push_str(&format!("{span}\n"));
    }
    let text = text.replace("\\\n", " ");
    let mut found = vec![];
    for line in text.lines() {
        // What is left of a comment, in parts that a shell would run one after the other.
        let line = line.split(" #").next().unwrap_or_default();
        for part in line.replace("$(", ";").split([';', '|', '&', ')']) {
            let mut words = part.split_whitespace().skip_while(|word| {
                word.contains('=') || ["until", "while", "if", "!", "sudo"].contains(word)
            });
            if !words
                .next()
                .is_some_and(|word| word == "rolewarden" || word.ends_with("/rolewarden"))
            {
                continue;
            }
            let words = words.take_while(|word| !word.trim_start_matches('2').starts_with('>'));
            let words: Vec<_> = words.map(|word| word.replace(['"', '\''], "")).collect();
            if !words.is_empty() {
                found.push(words);
            }
        }
    }
    found
}

#[test]
fn every_command_line_in_the_documents_is_understood() {
    let (mut seen, mut problems) = (BTreeSet::new(), vec![]);
    for document in documents() {
        for words in command_lines(&read(&document)) {
            // A variable stands for an account here; `…` for more of the same.
            let words: Vec<_> = words
                .into_iter()
                .filter(|word| word != "…")
                .map(|word| if word.starts_with('$') { "111122223333".to_owned() } else { word })
                .collect();
            if !seen.insert(words.clone()) {
                continue;
            }
            // What stands before `--help` is parsed first: an unknown flag or a bad value ends with status 2.
            let done = Command::new(env!("CARGO_BIN_EXE_rolewarden"))
                .args(&words)
                .arg("--help")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            // `scan --metrics-file` between backticks names the flag alone.
            let understood = done.status.success() || said.contains("a value is required for");
            if !understood {
                problems.push(format!("{document}: `rolewarden {}`: {said}", words.join(" ")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(seen.len() >= 30, "the documents show how to run it: {seen:?}");
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
fn every_configuration_in_the_documents_is_valid() {
    let schema = config::schema();
    let known = |line: &str| {
        line.split_once(':').is_some_and(|(key, _)| schema["properties"].get(key).is_some())
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rolewarden.yaml");
    let mut checked = 0;
    for document in documents() {
        for block in blocks(&read(&document), "yaml") {
            let indent = block.len() - block.trim_start_matches(' ').len();
            let mut lines: Vec<_> =
                block.lines().map(|line| line.get(indent..).unwrap_or_default()).collect();
            // Prometheus and Kubernetes have YAML of their own; a part of ours gets what it cannot do without.
            if !lines.iter().any(|line| known(line)) {
                continue;
            }
            if !block.contains("source:") {
                let accounts = lines.iter().position(|line| *line == "accounts:");
                let at = accounts.map_or(0, |at| at + 1);
                let least = ["accounts: {source: organization}", "  source: organization"];
                lines.insert(at, least[usize::from(accounts.is_some())]);
            }
            fs::write(&file, lines.join("\n")).unwrap();
            Config::load(&file).unwrap_or_else(|error| panic!("{document}: {error}\n{block}"));
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked} configurations");
}

#[test]
fn every_json_block_in_the_documents_is_json() {
    for document in documents() {
        for block in blocks(&read(&document), "json") {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&block);
            parsed.unwrap_or_else(|error| panic!("{document}: {error}\n{block}"));
        }
    }
}

/// Pages that say what is so now: the changelog also says what was.
fn present() -> Vec<(String, String)> {
    let pages = documents().into_iter().filter(|name| name != "CHANGELOG.md");
    pages.map(|name| (name.clone(), read(&name))).collect()
}

#[test]
fn every_metric_in_the_documents_exists() {
    let catalogue = read("docs/metrics.md");
    for (document, text) in present() {
        // Recorded series have a colon in their names.
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        // A variable of the boards; names of resources in Terraform.
        let ours = |word: &&str| word.starts_with("rolewarden_") && *word != "rolewarden_url";
        for word in words.filter(ours).filter(|_| !document.starts_with("deploy/terraform")) {
            let of_histogram = ["_bucket", "_sum", "_count"].map(|end| word.trim_end_matches(end));
            let known = |name: &str| catalogue.contains(&format!("| `{name}` |"));
            assert!(known(word) || of_histogram.into_iter().any(known), "{document}: `{word}`");
        }
    }
}

#[test]
fn every_key_of_the_configuration_in_the_documents_exists() {
    let reference = config::reference();
    let keys: BTreeSet<_> =
        reference.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    let schema = config::schema();
    let sections: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    let mut named = 0;
    for (document, text) in present() {
        for (_, span) in code_spans(&text) {
            let key = span.split([':', ' ']).next().unwrap_or_default().trim_end_matches('.');
            let ours = key.split_once('.').is_some_and(|(section, rest)| {
                sections.iter().any(|name| *name == section)
                    && !["md", "py", "yaml"].contains(&rest)
            });
            if ours {
                let inside = format!("{key}.");
                let known = keys.contains(key) || keys.iter().any(|name| name.starts_with(&inside));
                assert!(known, "{document}: `{key}`");
                named += 1;
            }
        }
    }
    assert!(named > 150, "{named} keys");
}

#[test]
fn every_check_reason_and_exit_status_in_the_documents_exists() {
    let checks = CheckName::ALL.map(CheckName::as_str);
    let reasons = UnknownReason::ALL.map(UnknownReason::as_str);
    for (document, text) in present() {
        for (before, span) in code_spans(&text) {
            match before.to_ascii_lowercase().as_str() {
                "check" => assert!(checks.contains(&span.as_str()), "{document}: check `{span}`"),
                "reason" => {
                    assert!(reasons.contains(&span.as_str()), "{document}: reason `{span}`")
                }
                _ => {}
            }
        }
        for rest in prose(&text).split("tatus ").skip(1) {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            // From 100 on they are those of HTTP, or of signals.
            let status = digits.parse().unwrap_or(0);
            assert!(status <= 5 || status >= 100, "{document}: status {status}");
        }
    }
}

#[test]
fn every_target_named_in_the_documents_is_in_the_makefile() {
    let makefile = read("Makefile");
    let mut named = vec!["demo".to_owned(), "test".to_owned(), "lint".to_owned()];
    for document in documents() {
        let text = read(&document);
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

/// What GitHub makes of a heading for links to it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut problems = vec![];
    for document in documents() {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for rest in prose(&read(&document)).split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { root().join(&document) } else { folder.join(path) };
            if !path.exists() {
                problems.push(format!("{document}: {target}: no such file"));
            } else if !heading.is_empty() {
                let page = prose(&fs::read_to_string(&path).unwrap());
                let mut headings = page.lines().filter_map(|line| line.strip_prefix('#'));
                if !headings.any(|line| anchor(line.trim_start_matches('#').trim()) == heading) {
                    problems.push(format!("{document}: {target}: no such heading"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
