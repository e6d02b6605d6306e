//! A shell and an AWS of a few lines: splits a printed command into words as POSIX does, and does to a role what it says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::documents::{ALL, LOGS, document, policy, role};
use crate::model::{Role, Snapshot};

/// The words of a command line. Whatever a shell would not take as it is must stand in single quotes.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        let last = words.last_mut().unwrap();
        match c {
            _ if escaped => {
                last.push(c);
                escaped = false;
            }
            '\'' => quoted = !quoted,
            _ if quoted => last.push(c),
            '\\' => escaped = true,
            ' ' => words.push(String::new()),
            _ => {
                let plain = c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
                assert!(plain, "{c:?} stands outside quotes in {line}");
                last.push(c);
            }
        }
    }
    assert!(!quoted && !escaped, "an open end in {line}");
    words
}

/// `aws iam COMMAND --flag value …`, done to the snapshot.
pub(super) fn run(line: &str, snapshot: &mut Snapshot) {
    let words = words(line);
    let [aws, iam, command, rest @ ..] = words.as_slice() else { panic!("{line}") };
    assert_eq!([aws.as_str(), iam], ["aws", "iam"], "{line}");
    let mut flags: BTreeMap<&str, &str> = BTreeMap::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        let word = word.strip_prefix("--").unwrap_or_else(|| panic!("`{word}` in {line}"));
        let (flag, value) = word.split_once('=').unwrap_or_else(|| (word, rest.next().unwrap()));
        assert!(flags.insert(flag, value).is_none(), "{flag} twice in {line}");
    }
    let name = flags.remove("role-name").unwrap();
    if command == "create-role" {
        assert_eq!(*snapshot, Snapshot::Absent, "{line}");
        *snapshot = role(|role| create(role, name, &mut flags));
    } else {
        let Snapshot::Present(role) = snapshot else { panic!("no role for {line}") };
        assert_eq!(name, role.arn.name, "{line}");
        if command == "delete-role" {
            assert!(role.inline.is_empty() && role.attached.is_empty(), "{line}: not empty");
            *snapshot = Snapshot::Absent;
        } else {
            change(role, command, &mut flags);
        }
    }
    assert!(flags.is_empty(), "left of {line}: {flags:?}");
}

fn create(role: &mut Role, name: &str, flags: &mut BTreeMap<&str, &str>) {
    role.arn.name = name.to_owned();
    role.arn.path = flags.remove("path").unwrap_or("/").to_owned();
    role.trust_policy = flags.remove("assume-role-policy-document").unwrap().to_owned();
    role.inline.clear();
    role.boundary =
        flags.remove("permissions-boundary").map(|arn| (arn.to_owned(), policy(Some(ALL))));
    role.tags = flags.remove("tags").map(tags).unwrap_or_default();
}

fn tags(json: &str) -> BTreeMap<String, String> {
    let list: Vec<BTreeMap<String, String>> = serde_json::from_str(json).unwrap();
    list.into_iter().map(|tag| (tag["Key"].clone(), tag["Value"].clone())).collect()
}

fn change(role: &mut Role, command: &str, flags: &mut BTreeMap<&str, &str>) {
    let mut flag = |name: &str| {
        flags.remove(name).unwrap_or_else(|| panic!("{command} without --{name}")).to_owned()
    };
    let json = |text: &String| assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
    match command {
        "put-role-policy" => {
            let document = flag("policy-document");
            json(&document);
            role.inline.insert(flag("policy-name"), document);
        }
        "update-assume-role-policy" => {
            role.trust_policy = flag("policy-document");
            json(&role.trust_policy);
        }
        "delete-role-policy" => assert!(role.inline.remove(&flag("policy-name")).is_some()),
        "detach-role-policy" => assert!(role.attached.remove(&flag("policy-arn")).is_some()),
        "attach-role-policy" => {
            role.attached.insert(flag("policy-arn"), policy(Some(&document(&[LOGS]))));
        }
        "update-role" => {
            role.max_session_seconds = Some(flag("max-session-duration").parse().unwrap());
        }
        "tag-role" => role.tags.extend(tags(&flag("tags"))),
        "put-role-permissions-boundary" => {
            role.boundary = Some((flag("permissions-boundary"), policy(Some(ALL))));
        }
        other => panic!("no such command: {other}"),
    }
}

#[test]
fn words_are_read_as_a_posix_shell_reads_them() {
    let cases = [
        ("a b", vec!["a", "b"]),
        (r"'a b'\''c'", vec!["a b'c"]),
        ("''", vec![""]),
        ("'$(x)'", vec!["$(x)"]),
    ];
    for (line, want) in cases {
        assert_eq!(words(line), want, "case `{line}`");
    }
}
