//! `rolewarden except`, and what `config check` warns of.

use rolewarden::simulator::Kind;

use crate::support::{Lab, Run, world_of};

const ORGANIZATION: &str = "accounts: {source: organization}\n";
const FINDING: &str = "0123456789abcdef";

fn lab() -> Lab {
    Lab::new(world_of(&[Kind::Eksctl]).0).config(ORGANIZATION)
}

fn except(lab: &Lab, changes: &[(&str, &str)]) -> Run {
    let mut words = [
        ("account", "111122223333"),
        ("--finding", FINDING),
        ("--owner", "team-x"),
        ("--reason", "agreed"),
        ("--expires", "2999-01-31"),
    ];
    for (flag, value) in changes {
        words.iter_mut().filter(|(name, _)| name == flag).for_each(|word| word.1 = value);
    }
    let flags: Vec<String> = words
        .iter()
        .map(|(flag, value)| match *flag {
            "account" => (*value).to_owned(),
            flag => format!("{flag}={value}"),
        })
        .collect();
    let args: Vec<&str> =
        std::iter::once("except").chain(flags.iter().map(String::as_str)).collect();
    lab.run(&args)
}

#[test]
fn what_is_printed_loads_whatever_the_words_are() {
    let mut lab = lab();
    let words = [
        "plain",
        "it's \"quoted\" and \\ back",
        "a: b # no comment, {x: [y]} & *z | > % @ `",
        "- 'ünïcödé ✓ 你好 🦀",
        "yes",
        "null",
        "2027-01-31",
        "${env:HOME}",
        " ends with blanks  ",
        "!!str tag",
        "\u{e000}\u{1fffe}\u{10ffff}",
    ];
    for word in words {
        let printed = except(&lab, &[("--reason", word), ("--owner", word)]).ends(0).stdout;
        lab.set_config(&format!("{ORGANIZATION}exceptions:\n{printed}"));
        let checked = lab.run(&["config", "check"]).ends(0);
        assert!(checked.stdout.contains("1 exception"), "case `{word}`: {checked}");
        // The words are those that were given: the page and the log of expired ones show them.
        let past = printed.replace("2999-01-31", "2020-01-31");
        lab.set_config(&format!("{ORGANIZATION}exceptions:\n{past}"));
        let run = lab.scan(&["--log-format", "json"]).ends(0);
        let owner = serde_json::to_string(word).unwrap();
        assert!(run.stderr.contains(&owner), "case `{word}`: {run}");
        lab.set_config(ORGANIZATION);
    }
}

#[test]
fn what_cannot_be_an_exception_is_refused() {
    let lab = lab();
    let cases: &[(&str, &str, i32, &str)] = &[
        ("account", "11112222333", 2, "12 digits"),
        ("--finding", "0123456789ABCDEF", 2, "16 hexadecimal digits"),
        ("--finding", "0123", 2, "16 hexadecimal digits"),
        ("--owner", "  ", 2, "some words"),
        ("--reason", "two\nlines", 2, "one line"),
        ("--reason", "\u{202e}turned", 2, "one line"),
        ("--reason", "\u{1b}[31mred", 2, "one line"),
        ("--reason", "no \u{fffe} character", 2, "one line"),
        ("--expires", "2020-01-31", 1, "past"),
        ("--expires", "31.01.2999", 2, "2027-01-31"),
        ("--expires", "2999-02-30", 2, "2027-01-31"),
    ];
    for (flag, value, status, word) in cases {
        let run = except(&lab, &[(flag, value)]).ends(*status);
        assert!(run.stderr.contains(word) && run.stdout.is_empty(), "case `{flag}={value}`: {run}");
    }
}

#[test]
fn the_id_is_free_and_nothing_is_excepted_twice() {
    let mut lab = lab();
    let first = except(&lab, &[]).ends(0).stdout;
    assert!(first.starts_with("- id: EX-1\n"), "{first}");
    let mine = first.replace("EX-1", "EX-41");
    lab.set_config(&format!("{ORGANIZATION}exceptions:\n{mine}"));
    let twice = except(&lab, &[]).ends(1);
    assert!(twice.stderr.contains("exception `EX-41` covers this finding already"), "{twice}");
    let another = except(&lab, &[("--finding", "fedcba9876543210")]).ends(0).stdout;
    assert!(another.starts_with("- id: EX-42\n"), "{another}");
    lab.set_config(&format!("{ORGANIZATION}exceptions:\n{mine}{another}"));
    assert!(lab.run(&["config", "check"]).ends(0).stdout.contains("2 exceptions"));
}

#[test]
fn config_check_warns_of_keys_that_let_what_is_dangerous_pass() {
    let mut lab = lab();
    lab.file("admin.json", r#"{"Statement":{"Effect":"Allow","Action":["*"],"Resource":"*"}}"#);
    let exception = |accept: &str| {
        format!(
            "exceptions: [{{id: a, accounts: [\"111122223333\"], accept: {{{accept}}}, reason: r, owner: o, expires: 2999-01-31}}]"
        )
    };
    let cases: &[(String, &[&str])] = &[
        ("fail_on: critical".into(), &[]),
        ("checks: {attached-policies: {severity: critical}}".into(), &[]),
        ("checks: {connector-usage: {severity: info}}".into(), &[]),
        (exception("principals: [ec2.amazonaws.com]"), &[]),
        (
            "checks: {trust-policy: {enabled: false}}".into(),
            &[":2:34: checks.trust-policy.enabled: without this check a role that anyone in the world may assume passes"],
        ),
        (
            "checks:\n  role-exists: {enabled: false}\n  inline-policy: {enabled: false}\n  attached-policies: {enabled: false}".into(),
            &[":3:26: checks.role-exists.enabled", ":4:28: checks.inline-policy.enabled", ":5:32: checks.attached-policies.enabled"],
        ),
        (
            "fail_on: high\nchecks: {attached-policies: {severity: medium}, trust-policy: {severity: low}}".into(),
            &[":3:40: checks.attached-policies.severity: `medium` is below fail_on (`high`)", "checks.trust-policy.severity: `low`"],
        ),
        (
            "checks: {inline-policy: {severity: info}}".into(),
            &["checks.inline-policy.severity: `info` is below fail_on (`low`), so that an inline policy that allows everything passes"],
        ),
        (
            "checks: {attached-policies: {allowed: [\"arn:aws:iam::aws:policy/AdministratorAccess\"], required: [\"arn:aws-cn:iam::aws:policy/IAMFullAccess\"]}}".into(),
            &["checks.attached-policies.allowed: `arn:aws:iam::aws:policy/AdministratorAccess`", "checks.attached-policies.required"],
        ),
        (
            exception("attached_policies: [\"arn:aws:iam::aws:policy/PowerUserAccess\"], principals: [accounts.google.com], inline_policy: admin.json"),
            &["exceptions[0].accept.attached_policies", "exceptions[0].accept.principals: everyone with an account at `accounts.google.com`", "exceptions[0].accept.inline_policy: the document allows everything"],
        ),
    ];
    for (yaml, want) in cases {
        lab.set_config(&format!("{ORGANIZATION}{yaml}"));
        let run = lab.run(&["config", "check"]).ends(0);
        let warnings: Vec<&str> =
            run.stderr.lines().filter(|l| l.starts_with("warning: ")).collect();
        assert_eq!(warnings.len(), want.len(), "case `{yaml}`: {run}");
        for (line, words) in warnings.iter().zip(*want) {
            assert!(
                line.contains(words) && line.contains("rolewarden.yaml:"),
                "case `{yaml}`: {run}"
            );
        }
        let counted = match want.len() {
            0 => !run.stdout.contains("warning"),
            1 => run.stdout.contains("; 1 warning\n"),
            number => run.stdout.contains(&format!("; {number} warnings\n")),
        };
        assert!(counted, "case `{yaml}`: {run}");
    }
}
