//! `rolewarden history`: the binary, beside a store that is being written.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{HOSTILE, Memory, account, at, change, judged};
use rolewarden::model::{Account, Phase, StepOutcome};

/// Runs the binary in the store's folder; its exit status, stdout and stderr.
fn history(memory: &Memory, args: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rolewarden"))
        .arg("history")
        .args(args.split_whitespace())
        .current_dir(memory.folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn shown(memory: &Memory, args: &str) -> String {
    let (status, stdout, stderr) = history(memory, args);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{args}");
    stdout
}

/// Two accounts over three sweeps: one finding closed, one open, one exempt. The store stays open.
fn memory() -> Memory {
    let mut memory = Memory::new();
    let named = Account { name: format!("pay{HOSTILE}"), ..account(2) };
    memory.list(vec![account(1), named], 0);
    memory.learn(1, judged(60, &["a"]));
    memory.learn(2, judged(60, &["b", "c!"]));
    memory.save(60);
    memory.learn(1, judged(120, &[]));
    memory.save(120);
    memory
}

#[test]
fn people_read_tables_in_which_nothing_is_obeyed() {
    let memory = memory();
    let text = shown(&memory, "--store rolewarden.db");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "3 findings · 1 open, 1 exempt, 1 closed · times in UTC");
    let heads = ["OPENED", "CLOSED", "NOW", "SEVERITY", "ACCOUNT", "NAME"];
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), heads);
    for (pair, words) in lines[2..].chunks(2).zip([
        ["2026-09-21 14:14  2026-09-21 14:15  external", "000000000001  account-1"],
        ["2026-09-21 14:14                    open", "000000000002  pay\\u{1b}[31m"],
        ["2026-09-21 14:14                    exempt (EX-1)", "000000000002  pay\\u{1b}[31m"],
    ]) {
        assert!(words.iter().all(|word| pair[0].contains(word)), "{text}");
        assert!(pair[1].starts_with("    trust-policy: anyone may assume the role \\u{1b}[31m"));
    }
    assert_eq!(lines.len(), 8, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\0']));
    let text = shown(&memory, "--store rolewarden.db --sweeps");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "2 sweeps · times in UTC");
    assert!(lines[2].starts_with("2026-09-21 14:15  1s    complete  schedule  2 "), "{text}");
    assert!(lines[2].ends_with(&crate::support::sweep(120, 120).info.id), "{text}");
}

#[test]
fn changes_are_told_with_who_asked_and_what_became_of_them() {
    let memory = memory();
    memory.journal();
    let text = shown(&memory, "--store rolewarden.db --changes");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "4 changes · times in UTC");
    let heads = ["ASKED", "BECAME", "ACTION", "BY", "ACCOUNT", "NAME", "ID"];
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), heads);
    for (pair, standing) in lines[2..].chunks(2).zip(["planned", "sent", "failed", "applied"]) {
        assert!(pair[0].starts_with("2026-09-21 14:13  ") && pair[0].contains(standing), "{text}");
        assert!(pair[0].contains("update trust policy  serve  00000000000"), "{text}");
        let words = "    the trust policy is replaced \\u{1b}[31m";
        assert!(pair[1].starts_with(words), "{text}");
        let caller = "as arn:aws:sts::000000000001:assumed-role/hub/x · run 01JR";
        assert!(pair[1].contains(caller), "{text}");
    }
    assert_eq!(lines.len(), 10, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\0']));
    let cases = [
        ("--changes", 4, false),
        ("--changes --account 000000000001", 2, false),
        ("--changes --account 000000000009", 0, false),
        ("--changes --since 1s", 0, false),
        ("--changes --limit 3", 3, true),
    ];
    for (flags, want, more) in cases {
        let text = shown(&memory, &format!("--store rolewarden.db --format json {flags}"));
        let value: Value = serde_json::from_str(&text).unwrap();
        let changes = value["changes"].as_array().unwrap();
        assert_eq!((changes.len(), &value["more"]), (want, &json!(more)), "case `{flags}`");
        assert_eq!((&value["findings"], &value["sweeps"]), (&Value::Null, &Value::Null));
    }
    let lines = shown(&memory, "--store rolewarden.db --changes --sweeps --format ndjson");
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let change = change(1, Phase::Ended, Some(StepOutcome::Applied));
    assert_eq!(last["change"], serde_json::to_value(change).unwrap());
    assert_eq!(lines.lines().count(), 6);
}

#[test]
fn programs_read_the_same_as_json() {
    let memory = memory();
    let text = shown(&memory, "--store rolewarden.db --findings --sweeps --format json");
    assert!(!text.contains(['\u{202e}', '\0']));
    let value: Value = serde_json::from_str(&text).unwrap();
    let time = |second| at(second).to_string();
    let closed = json!({
        "account": "000000000001", "id": "a", "check": "trust-policy", "severity": "critical",
        "summary": format!("anyone may assume the role {HOSTILE}"),
        "first_seen": time(60), "last_seen": time(60), "closed_at": time(120),
        "resolution": "external", "exception": null,
    });
    assert_eq!(value["schema"], "rolewarden.history/v1");
    assert_eq!((&value["findings"][0], &value["more"]), (&closed, &json!(false)));
    let sweep = serde_json::to_value(crate::support::sweep(120, 120)).unwrap();
    assert_eq!((&value["sweeps"][0], value["sweeps"].as_array().unwrap().len()), (&sweep, 2));
    let lines: Vec<Value> =
        shown(&memory, "--store rolewarden.db --findings --sweeps --format ndjson")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((&lines[0]["finding"], &lines[3]["sweep"]), (&closed, &sweep));
}

#[test]
fn flags_leave_out_what_is_not_asked_for() {
    let memory = memory();
    let cases = [
        ("", "a b c", false),
        ("--open", "b", false),
        ("--account 000000000002", "b c", false),
        ("--account 000000000009", "", false),
        ("--since 36500d", "a b c", false),
        ("--since 1s", "", false),
        ("--limit 2", "a b", true),
        ("--limit 3", "a b c", false),
        ("--sweeps", "", false),
        ("--sweeps --open", "b", false),
    ];
    for (flags, want, more) in cases {
        let text = shown(&memory, &format!("--store rolewarden.db --format json {flags}"));
        let value: Value = serde_json::from_str(&text).unwrap();
        let findings = value["findings"].as_array().cloned().unwrap_or_default();
        let ids: Vec<_> = findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
        assert_eq!(
            (ids.join(" ").as_str(), &value["more"]),
            (want, &json!(more)),
            "case `{flags}`"
        );
    }
    let text = shown(&memory, "--store rolewarden.db --limit 1");
    assert!(text.ends_with("\nolder ones are left out: see --limit\n"), "{text}");
}

#[test]
fn the_configuration_names_the_store() {
    let memory = memory();
    let yaml = "accounts: {source: organization}\nstore: {path: rolewarden.db}\n";
    fs::write(memory.folder.path().join("rolewarden.yaml"), yaml).unwrap();
    assert!(shown(&memory, "").starts_with("3 findings"));
}

#[test]
fn a_store_that_cannot_be_read_is_an_error_of_one_line() {
    let memory = Memory::new();
    fs::write(memory.folder.path().join("text.db"), "x".repeat(5_000)).unwrap();
    fs::write(memory.folder.path().join("empty.db"), "").unwrap();
    let cases = [
        ("--store none.db", 1, "there is no store at"),
        ("--store text.db", 1, "is not a store of rolewarden"),
        ("--store empty.db", 1, "is damaged (it is empty)"),
        ("--since soon", 2, "expected a duration such as 7d or 12h"),
    ];
    for (args, status, want) in cases {
        let (code, stdout, stderr) = history(&memory, args);
        assert_eq!((code, stdout.as_str()), (Some(status), ""), "{args}");
        assert!(stderr.contains(want), "{args}: {stderr}");
        assert!(status == 2 || stderr.lines().count() == 1, "{stderr}");
    }
    // An empty history is a history.
    assert!(shown(&memory, "--store rolewarden.db").starts_with("0 findings"));
}
