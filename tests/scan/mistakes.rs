//! Mistakes people make: each is told in words that say what, where and what to do.

use rolewarden::simulator::{Kind, Operation};

use crate::support::{Lab, ORGANIZATION, QUICK, account, right_world, world_of};

fn lab() -> Lab {
    Lab::new(right_world().0)
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_place() {
    let mut lab = lab();
    lab.file("text.json", "nonsense");
    lab.file("policy.json", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}"#);
    let cases: &[(&str, &[&str])] = &[
        ("accounts: {source: organization, includ: {}}", &["accounts.includ", "include"]),
        (
            "accounts: {source: organization}\nsweep: {concurency: 3}",
            &["sweep.concurency", "concurrency"],
        ),
        (
            "accounts: {source: organization}\nsweep: {concurrency: many}",
            &["sweep.concurrency", "many"],
        ),
        ("sweep: {}", &["accounts.source"]),
        ("accounts: {source: list}", &["accounts.list"]),
        (
            "accounts: {source: list, list: [{id: 111122223333}]}",
            &["accounts.list[0].id", "quotes"],
        ),
        ("accounts: {source: [", &["rolewarden.yaml"]),
        (
            "accounts: {source: organization}\nbaseline: {trust_policy: gone.json}",
            &["baseline.trust_policy", "gone.json"],
        ),
        (
            "accounts: {source: organization}\nbaseline: {trust_policy: text.json}",
            &["baseline.trust_policy", "text.json"],
        ),
        (
            "accounts: {source: organization}\nbaseline: {inline_policy: policy.json}",
            &["baseline.inline_policy", "policy.json", "Statement[0]"],
        ),
        (
            "accounts: {source: organization}\naccess: {external_id: \"${env:NOT_SET}\"}",
            &["access.external_id", "NOT_SET"],
        ),
    ];
    for (yaml, words) in cases {
        lab.set_config(yaml);
        let run = lab.scan(&[]).fails(1, words).fails(1, &["rolewarden.yaml"]);
        assert_eq!(lab.calls().total(), 0, "{run}");
    }
}

#[test]
fn a_file_that_would_hang_is_refused_at_once() {
    let mut lab = lab();
    let pipe = lab.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let word = "it is a pipe, expected a regular file";
    let cases = [
        ("baseline: {trust_policy: pipe}", "baseline.trust_policy"),
        ("baseline: {inline_policy: pipe}", "baseline.inline_policy"),
        ("access: {external_id: \"${file:pipe}\"}", "access.external_id"),
        ("exceptions_file: pipe", "exceptions_file"),
        ("web: {token: \"${file:pipe}\"}", "web.token"),
    ];
    for (yaml, key) in cases {
        lab.set_config(&format!("{ORGANIZATION}{yaml}\n"));
        for command in [&["scan"][..], &["config", "check"], &["serve"]] {
            lab.run(command).fails(1, &[word, key, "`"]);
        }
    }
    for (path, word) in [("pipe", word), ("/dev/zero", "it is a device, expected a regular file")] {
        lab.run(&["scan", "--config", path]).fails(1, &[word, path]);
    }
    lab.set_config(&format!("{ORGANIZATION}web: {{listen: \"127.0.0.1:0\", config_file: pipe}}\n"));
    lab.run(&["serve"]).fails(1, &[word, "pipe"]);
    lab.file("web.yaml", "tls_server_config: {cert_file: pipe, key_file: pipe}\n");
    lab.set_config(&format!(
        "{ORGANIZATION}web: {{listen: \"127.0.0.1:0\", config_file: web.yaml}}\n"
    ));
    lab.run(&["serve"]).fails(1, &[word, "key_file", "pipe"]);
    assert_eq!(lab.calls().total(), 0);
}

#[test]
fn every_mistake_is_told_at_once() {
    let lab = lab().config("accounts: {source: organisation}\nsweep: {jitter: soon}\nlogs: {}\n");
    lab.scan(&[]).fails(1, &["accounts.source", "sweep.jitter", "logs"]);
}

#[test]
fn a_missing_configuration_says_how_to_make_one() {
    let lab = lab();
    lab.run(&["scan", "--config", "gone.yaml"])
        .fails(1, &["gone.yaml", "rolewarden config example"]);
    std::fs::remove_file(lab.path("rolewarden.yaml")).unwrap();
    lab.run(&["scan"]).fails(1, &["rolewarden.yaml", "rolewarden config example"]);
    let lab = lab.env("ROLEWARDEN_CONFIG", "named.yaml");
    lab.run(&["scan"]).fails(1, &["named.yaml"]);
    lab.file("named.yaml", ORGANIZATION);
    lab.run(&["scan"]).ends(0);
}

#[test]
fn what_is_typed_wrong_is_a_usage_error() {
    let lab = lab();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["scan", "--fail-on", "severe"],
            &["--fail-on", "severe", "critical, high, medium, low or info"],
        ),
        (&["scan", "--format", "yaml"], &["--format", "yaml", "text, json or ndjson"]),
        (&["scan", "--account", "1234"], &["--account", "1234", "12 digits"]),
        (&["scan", "--exclude-account", "x"], &["--exclude-account", "12 digits"]),
        (&["scan", "--colour", "always"], &["--colour", "--color"]),
        (&["scan", "--log-format", "xml"], &["--log-format", "json"]),
        (&["scna"], &["scna", "scan"]),
        (&[], &["Usage"]),
    ];
    for (args, words) in cases {
        lab.run(args).fails(2, words);
    }
    lab.run(&["scan", "--log-level", "loud"])
        .fails(1, &["loud", "error, warn, info, debug, trace"]);
    lab.scan(&["--account", "000000000001"])
        .fails(1, &["no such account", "000000000001", "5 accounts found"]);
}

#[test]
fn without_credentials_the_ways_to_give_them_are_told() {
    let lab = lab().env("AWS_ACCESS_KEY_ID", "").env("AWS_SECRET_ACCESS_KEY", "");
    lab.scan(&[]).fails(1, &["no AWS credentials", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"]);
    assert_eq!(lab.calls().total(), 0);
}

#[test]
fn credentials_that_aws_does_not_know_are_told() {
    let lab = lab().env("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000");
    lab.scan(&[]).fails(1, &["sts:GetCallerIdentity", "InvalidClientTokenId", "credentials"]);
}

#[test]
fn an_endpoint_that_does_not_answer_is_told() {
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lab = lab().env("AWS_ENDPOINT_URL", &format!("http://{closed}"));
    lab.scan(&[])
        .fails(1, &["sts:GetCallerIdentity", "no connection", &closed.to_string(), "hint: "]);
}

#[test]
fn a_wrong_or_missing_external_id_denies_every_account_but_ones_own() {
    for yaml in ["", "access: {external_id: wrong-guess-123}\n"] {
        let (mut world, id) = right_world();
        for role in world.access.everywhere.values_mut() {
            role.external_id = Some("the-right-one".to_owned());
        }
        let lab = Lab::new(world).config(&format!("{ORGANIZATION}{QUICK}{yaml}"));
        let run = lab.scan(&[]).ends(4);
        let report = run.json();
        assert_eq!(report["summary"]["states"]["unknown"], 4, "{run}");
        let error = &account(&report, &id)["error"];
        assert_eq!(
            (&error["reason"], &error["operation"]),
            (&"assume_denied".into(), &"sts:AssumeRole".into())
        );
        assert!(error["hint"].as_str().unwrap().contains("external id"), "{error}");
        assert!(
            !run.stdout.contains("wrong-guess-123") && !run.stderr.contains("wrong-guess-123"),
            "{run}"
        );
    }
}

#[test]
fn an_account_to_include_that_is_not_there_is_an_error() {
    let accounts = |part: &str| {
        format!("accounts: {{source: organization, {part}: {{ids: [\"000000000001\"]}}}}\n")
    };
    let lab = lab().config(&accounts("include"));
    lab.scan(&[]).fails(1, &["000000000001", "accounts.include"]);
    assert_eq!(lab.calls().of(Operation::AssumeRole), 0);
    // One that left the organization need not be excluded any more: that is no reason to stop.
    let run = lab.config(&accounts("exclude")).scan(&[]).ends(0);
    assert!(run.stderr.contains("000000000001"), "{run}");
}

#[test]
fn a_selection_that_is_empty_is_an_error() {
    let (world, _) = world_of(&[Kind::GuideCli]);
    let lab = Lab::new(world)
        .config("accounts: {source: organization, include: {tags: {environment: nowhere}}}\n");
    lab.scan(&[]).fails(1, &["no account is selected", "3 of 3"]);
}

/// The parts of an error's line that stand in it twice: the causes are joined by `: `.
fn said_twice(stderr: &str) -> Vec<&str> {
    let line = stderr.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or_default();
    let parts: Vec<&str> = line.split(": ").filter(|part| part.len() > 12).collect();
    let twice =
        |(n, part): (usize, &&str)| parts.iter().skip(n + 1).any(|later| later.contains(*part));
    parts.iter().enumerate().filter(|(n, part)| twice((*n, part))).map(|(_, part)| *part).collect()
}

#[test]
fn an_error_says_a_thing_once() {
    let lab = lab();
    std::fs::create_dir(lab.path("folder")).unwrap();
    lab.file("bad.yaml", "accounts: {source: organisation}\n");
    lab.file("store.yaml", format!("{ORGANIZATION}store: {{path: nowhere/rolewarden.db}}\n"));
    lab.file("text.db", "this is no database, whatever its name says");
    lab.file("foreign.yaml", format!("{ORGANIZATION}store: {{path: text.db}}\n"));
    lab.file("web.yaml", format!("{ORGANIZATION}web: {{config_file: gone.yaml}}\n"));
    lab.file("plan.json", "{}");
    let cases: &[&[&str]] = &[
        &["scan", "--config", "bad.yaml"],
        &["scan", "--config", "gone.yaml"],
        &["scan", "--output", "folder"],
        &["scan", "--output", "nowhere/report.json"],
        &["scan", "--metrics-file", "nowhere/x.prom"],
        &["scan", "--account", "111122223333"],
        &["check", "gone.json"],
        &["check", "folder"],
        &["serve", "--config", "store.yaml"],
        &["serve", "--config", "foreign.yaml"],
        &["serve", "--config", "web.yaml"],
        &["serve", "--store", "folder"],
        &["serve", "--store", "nowhere/rolewarden.db"],
        &["history"],
        &["history", "--config", "foreign.yaml"],
        &["apply", "gone.json", "--arm", "x"],
        &["apply", "plan.json", "--arm", "x"],
        &["rollback", "01JD"],
    ];
    for args in cases {
        let run = lab.run(args).ends(1);
        assert!(run.stderr.contains("error: "), "{args:?}: {run}");
        assert_eq!(said_twice(&run.stderr), Vec::<&str>::new(), "{args:?}: {run}");
    }
}

#[test]
fn a_doubled_cause_is_seen() {
    let doubled = "error: the store `x` is in use by another: one store: the store `x` is in use by another: one store";
    assert_eq!(said_twice(doubled), ["the store `x` is in use by another"]);
    assert_eq!(
        said_twice("error: failed to read `x.json`: No such file or directory (os error 2)"),
        Vec::<&str>::new()
    );
}
