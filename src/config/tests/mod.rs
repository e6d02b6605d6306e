//! The configuration from outside: what is accepted, and the exact line each mistake gives.

mod mistakes;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::load::read_config;
use super::reader::Surroundings;
use super::yaml::{self, Node, Value};
use super::*;
use mistakes::{MISTAKES, TEXTS};

/// What a text gives in a made-up folder and environment. Policy documents are judged by whether they say `bad`.
fn read(text: &str) -> Result<Config, Vec<String>> {
    let env = |name: &str| match name {
        "EXTERNAL_ID" => Some("from-env".to_owned()),
        "HOSTILE" => Some("no spaces allowed".to_owned()),
        _ => None,
    };
    let files = |path: &Path| {
        match path.to_str() {
        Some("/etc/rolewarden/trust.json") => Ok("{}".to_owned()),
        Some("/etc/rolewarden/everyone.json") => Ok(r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}"#.to_owned()),
        Some("/etc/rolewarden/variable.json") => Ok(r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/${aws:username}/*"}}"#.to_owned()),
        Some("/etc/rolewarden/bad.json") => Ok("bad".to_owned()),
        Some("/run/secret") => Ok("from-file\n".to_owned()),
        Some("/etc/rolewarden/exceptions.yaml") => Ok(EXCEPTIONS.to_owned()),
        Some("/etc/rolewarden/wrong.yaml") => Ok("- id: EX-1\n  accounts: []\n- {}\n".to_owned()),
        Some("/etc/rolewarden/folder") => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
    };
    let judge =
        |_, text: &str| if text == "bad" { Err("Statement: missing".to_owned()) } else { Ok(()) };
    let around = Surroundings {
        env: &env,
        read: &files,
        base_dir: Path::new("/etc/rolewarden"),
        judge: &judge,
        accounts_needed: true,
    };
    read_config(text, "c.yaml", around).map_err(|error| error.problems)
}

const EXCEPTIONS: &str = "- {id: EX-1, accounts: [\"111122223333\"], findings: [\"0123456789abcdef\"], reason: r, owner: o, expires: 2027-01-31}\n";

/// A file whose first line says where accounts come from, so that a case shows only its own mistake.
fn organization(rest: &str) -> String {
    format!("accounts: {{source: organization}}\n{rest}")
}

fn problems(text: &str) -> Vec<String> {
    read(text).map(drop).expect_err("a mistake")
}

#[test]
fn every_mistake_gives_its_exact_line() {
    for (text, want) in MISTAKES {
        assert_eq!(problems(&organization(text)), *want, "case `{text}`");
    }
    for (text, want) in TEXTS {
        assert_eq!(problems(text), *want, "case `{text}`");
    }
}

#[test]
fn ten_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let text = "\
accounts:
  source: moon
  include: {ids: [1]}
access:
  scan_role: a role
  external_id: ${env:NOT_SET}
  extrenal_id: s3cr3t
baseline:
  presence: when-connected
checks:
  trust-polcy: {}
exceptions:
  - {id: a, accounts: [], accept: {absent: true}, reason: r, owner: o, expires: soon}
sweep:
  concurrency: 0
";
    let want = [
        "c.yaml:2:11: accounts.source: expected organization or list, found `moon`",
        "c.yaml:3:19: accounts.include.ids[0]: expected an account id: 12 digits in quotes, found the number `1`; put it in quotes",
        "c.yaml:5:14: access.scan_role: expected a role name such as rolewarden-scan or team/rolewarden-scan, found `a role`",
        "c.yaml:6:16: access.external_id: environment variable `NOT_SET` is not set",
        "c.yaml:7:3: access.extrenal_id: unknown key; did you mean `external_id`?",
        "c.yaml:9:3: baseline.regions: is empty; `presence: when-connected` needs at least one region",
        "c.yaml:11:3: checks.trust-polcy: unknown key; did you mean `trust-policy`?",
        "c.yaml:13:23: exceptions[0].accounts: is empty; expected at least one",
        "c.yaml:13:81: exceptions[0].expires: expected a date such as 2027-01-31, found `soon`",
        "c.yaml:15:16: sweep.concurrency: expected a whole number from 1 to 1024, found the number `0`",
    ];
    assert_eq!(problems(text), want);
}

/// The sample of the public interface, with documents and exceptions filled in.
const SAMPLE: &str = r#"
accounts:
  source: list
  list: [{id: "111122223333", name: payments}, {id: "000000000001"}]
  organization_role_arn: null
  include: {ids: ["111122223333"], ous: [], tags: {}}
  exclude: {ids: [], ous: [], tags: {}}
  management_account: skip
access:
  scan_role: team/rolewarden-scan
  remediate_role: rolewarden-remediate
  via: ["arn:aws:iam::444455556666:role/hop"]
  external_id: ${env:EXTERNAL_ID}
  session_name: rolewarden
  session_duration: 30m
  session_policy: none
  own_account: assume
  overrides: {"111122223333": {scan_role_arn: "arn:aws:iam::111122223333:role/x", remediate_role_arn: "arn:aws:iam::111122223333:role/y", external_id: "${file:/run/secret}"}}
  region: us-east-1
baseline:
  role_name: AmazonEKSConnectorAgentRole
  trust_policy: trust.json
  inline_policy: null
  presence: optional
  service_principals: {aws-cn: ssm.amazonaws.com.cn}
  permissions_boundary: arn:aws:iam::${rolewarden:account_id}:policy/boundary
  required_tags: {team: platform}
checks:
  inline-policy: {accept_managed: true}
  attached-policies: {required: ["arn:aws:iam::aws:policy/A"], allowed: ["arn:aws:iam::aws:policy/team/B"]}
  trust-policy: {accept_conditions: [AWS:SourceAccount], severity: high}
  role-attributes: {enabled: false}
  service-linked-role: {enabled: false}
fail_on: medium
exceptions:
  - {id: EX-1, accounts: ["111122223333"], accept: {attached_policies: ["arn:aws:iam::${rolewarden:account_id}:policy/agent"]}, reason: "…", owner: team-x, expires: 2027-01-31}
sweep:
  cron: "*/15 * * * *"
  timezone: Europe/Berlin
  jitter: 30s
  concurrency: 8
  account_timeout: 1m30s
  attempt_timeout: 1500ms
  max_attempts: 2
remediation:
  mode: apply
  actions: [detach_managed_policy, create_role]
  act_on: [invalid]
  include: {ids: ["111122223333"]}
  exclude: {ids: ["000000000001"]}
  max_accounts: 0
  max_percent: 100
  write_interval: 10ms
  grace: 0s
  max_unknown_percent: 0
  flapping_after: 1
  breaker_failures: 2
  breaker_percent: 0
  verify_timeout: 10m
  kill_switch: /run/stop
store: {path: rolewarden.db, retention: 90d}
web:
  listen: 127.0.0.1:9797
log: {format: json, level: "info,rolewarden=debug"}
"#;

#[test]
fn every_key_reaches_its_place() {
    let config = read(SAMPLE).unwrap();
    let id = |text: &str| text.parse::<AccountId>().unwrap();
    let payments = id("111122223333");
    let listed =
        vec![(payments.clone(), "payments".to_owned()), (id("000000000001"), String::new())];
    assert_eq!(config.accounts.source, AccountSource::List(listed));
    assert_eq!(config.accounts.include.ids, BTreeSet::from([payments.clone()]));
    assert_eq!(config.accounts.management_account, ManagementAccount::Skip);
    let access = &config.access;
    assert_eq!((access.scan_role.as_str(), access.via.len()), ("team/rolewarden-scan", 1));
    assert_eq!(access.external_id.as_ref().map(Secret::expose), Some("from-env"));
    assert_eq!(access.session_duration, Duration::from_secs(1800));
    assert_eq!(
        (access.session_policy, access.own_account),
        (SessionPolicy::None, OwnAccount::Assume)
    );
    let special = &access.overrides[&payments];
    assert_eq!(
        special.scan_role_arn.as_ref().map(ToString::to_string).unwrap(),
        "arn:aws:iam::111122223333:role/x"
    );
    let writer = special.remediate_role_arn.as_ref().map(ToString::to_string);
    assert_eq!(writer.as_deref(), Some("arn:aws:iam::111122223333:role/y"));
    assert_eq!(special.external_id.as_ref().map(Secret::expose), Some("from-file"));
    let baseline = &config.baseline;
    assert_eq!((baseline.trust_policy.as_str(), baseline.presence), ("{}", Presence::Optional));
    assert!(baseline.inline_policy.contains("ssmmessages:CreateControlChannel"));
    assert_eq!(baseline.service_principals["aws-cn"], "ssm.amazonaws.com.cn");
    assert_eq!(baseline.required_tags["team"], "platform");
    let checks = &config.checks;
    assert_eq!(
        checks.disabled,
        BTreeSet::from([CheckName::RoleAttributes, CheckName::ServiceLinkedRole])
    );
    assert_eq!(checks.severity, BTreeMap::from([(CheckName::TrustPolicy, Severity::High)]));
    assert_eq!((checks.drift_severity, checks.accept_managed), (Severity::Medium, true));
    assert!(checks.required_attachments.contains("arn:aws:iam::aws:policy/A"));
    assert!(checks.allowed_attachments.contains("arn:aws:iam::aws:policy/team/B"));
    assert_eq!(checks.accept_conditions, BTreeSet::from(["aws:sourceaccount".to_owned()]));
    assert_eq!(config.exceptions[0].expires, jiff::civil::date(2027, 1, 31));
    let remediation = Remediation {
        mode: RemediationMode::Apply,
        actions: [Action::DetachManagedPolicy, Action::CreateRole].into(),
        act_on: [Doubt::Invalid].into(),
        include: Selector { ids: [payments].into(), ..Selector::default() },
        exclude: Selector { ids: [id("000000000001")].into(), ..Selector::default() },
        max_accounts: 0,
        max_percent: 100,
        write_interval: Duration::from_millis(10),
        grace: Duration::ZERO,
        max_unknown_percent: 0,
        flapping_after: 1,
        breaker_failures: 2,
        breaker_percent: 0,
        verify_timeout: Duration::from_secs(600),
        kill_switch: Some("/run/stop".into()),
    };
    assert_eq!(config.remediation, remediation);
    let sweep = &config.sweep;
    assert_eq!((sweep.concurrency, sweep.max_attempts), (8, 2));
    assert_eq!(
        (sweep.account_timeout, sweep.attempt_timeout),
        (Duration::from_secs(90), Duration::from_millis(1500))
    );
    assert_eq!(
        (config.log.format, config.log.level.as_str()),
        (LogFormat::Json, "info,rolewarden=debug")
    );
}

/// What limits are: 0 is none, and whatever is no whole number within bounds keeps the file from being read.
#[test]
fn limits_of_remediation_are_whole_numbers_and_zero_is_none() {
    let defaults = read(&organization("")).unwrap().remediation;
    assert_eq!(defaults, Remediation::default());
    let limit = |key: &str, value: &str| {
        read(&organization(&format!("remediation: {{{key}: {value}}}"))).map(|c| c.remediation)
    };
    type Field = fn(&Remediation) -> u32;
    let limits: [(&str, Field, u32, u32); 6] = [
        ("max_accounts", |r| r.max_accounts, 0, 100_000),
        ("max_percent", |r| r.max_percent, 0, 100),
        ("max_unknown_percent", |r| r.max_unknown_percent, 0, 100),
        ("flapping_after", |r| r.flapping_after, 1, 100),
        ("breaker_failures", |r| r.breaker_failures, 1, 100),
        ("breaker_percent", |r| r.breaker_percent, 0, 100),
    ];
    // Thirty values no limit can be.
    let bad = [
        "-1",
        "-2",
        "1 000",
        "-9223372036854775809",
        "4294967296",
        "18446744073709551616",
        "1e-2",
        "1e400",
        "0.5",
        "99.9",
        ".5",
        "-.inf",
        ".inf",
        ".nan",
        "NaN",
        "Infinity",
        "10 accounts",
        "max",
        "1/2",
        "9e-1",
        "5%",
        "\"10\"",
        "''",
        "null",
        "~",
        "true",
        "all",
        "[]",
        "[1]",
        "{}",
    ];
    assert_eq!(bad.len(), 30);
    for (key, field, least, most) in limits {
        for value in [least, 1, most] {
            assert_eq!(limit(key, &value.to_string()).map(|r| field(&r)), Ok(value), "{key}");
        }
        let (below, above) = ((least > 0).then(|| "0".to_owned()), (most + 1).to_string());
        let bad = bad.iter().map(|value| (*value).to_owned());
        for value in bad.chain(below).chain([above]) {
            let problems = limit(key, &value).expect_err(&format!("{key}: {value}"));
            let [problem] = problems.as_slice() else { panic!("{key}: {value}: {problems:?}") };
            let want = format!("remediation.{key}: expected a whole number from {least} to {most}");
            assert!(problem.contains(&want), "{key}: {value}: {problem}");
        }
    }
    for odd in
        ["010", "0x10", "0o10", "0b10", "1e1", "1E1", "10.0", "1_0", "+10", "10_", "۱۰", "00"]
    {
        let problems = limit("max_accounts", odd).expect_err(odd);
        let [problem] = problems.as_slice() else { panic!("{odd}: {problems:?}") };
        assert!(problem.contains("expected a whole number from"), "{odd}: {problem}");
        assert!(problem.contains(&format!("`{odd}`")), "{odd}: shown as it is written: {problem}");
    }
    for odd in ["010s", "0x1s", "1_0s", "+5s", "1e1s", "5.0s", "1s1s", "1s1m"] {
        assert!(limit("verify_timeout", odd).is_err(), "{odd}");
    }
    let spans = [("write_interval", "10ms to 1h"), ("verify_timeout", "1s to 10m")];
    for (key, limits) in spans {
        for value in ["0s", "1ms", "367d"] {
            let problems = limit(key, value).unwrap_err();
            assert!(problems[0].contains(limits), "{key}: {value}: {problems:?}");
        }
        for value in ["-1s", "1", "1.5s", ".inf", "''", "null", "[]"] {
            let problems = limit(key, value).unwrap_err();
            assert!(problems[0].contains("expected a duration"), "{key}: {value}: {problems:?}");
        }
    }
    assert!(limit("actions", "[]").unwrap().actions.is_empty());
}

#[test]
fn remediation_by_units_or_tags_needs_an_organization() {
    let text = "accounts: {source: list, list: [{id: \"111122223333\"}]}\nremediation: {WHICH}\n";
    for which in ["include: {ous: [r-ab12]}", "exclude: {tags: {a: b}}"] {
        let (name, _) = which.split_once(':').unwrap();
        let want = format!(
            "c.yaml:2:14: remediation: `{name}`: `ous` and `tags` need `source: organization`; use `ids`"
        );
        assert_eq!(problems(&text.replace("WHICH", which)), [want]);
    }
}

#[test]
fn exceptions_may_live_in_a_file_of_their_own() {
    let config = read(&organization("exceptions_file: exceptions.yaml")).unwrap();
    assert_eq!(config.exceptions.len(), 1);
    assert_eq!(config.exceptions[0].id, "EX-1");
}

#[test]
fn secrets_are_in_no_output() {
    let config = read(SAMPLE).unwrap();
    for (what, text) in [
        ("debug", format!("{config:?}")),
        ("serialized", serde_json::to_string(&config).unwrap()),
        ("summary", check_report(&config, "c.yaml", jiff::civil::date(2026, 1, 1))),
    ] {
        assert!(!text.contains("from-env") && !text.contains("from-file"), "case `{what}`: {text}");
    }
    let shown: Vec<String> =
        MISTAKES.iter().flat_map(|(text, _)| problems(&organization(text))).collect();
    for secret in ["s3cr3t", "sp ace", "no spaces allowed", "12345:", "`12345`"] {
        assert!(!shown.iter().any(|line| line.contains(secret)), "secret `{secret}`");
    }
}

#[test]
fn the_digest_follows_meaning_and_nothing_else() {
    let digest = |text: &str| read(text).unwrap().digest;
    let base = digest(&organization(""));
    assert!(base.starts_with("sha256:") && base.len() == 71, "{base}");
    let same = [
        ("comment and default", organization("# why\nsweep: {max_attempts: 4, concurrency: 64}\n")),
        ("order of keys", "sweep: {}\naccounts: {source: organization}\n".to_owned()),
        ("other spelling of a duration", organization("access: {session_duration: 60m}")),
        ("what serve reads", organization("store: {retention: 7d}")),
    ];
    for (case, text) in same {
        assert_eq!(digest(&text), base, "case `{case}`");
    }
    let other = [
        ("role", organization("baseline: {role_name: Other}")),
        ("severity", organization("fail_on: high")),
        ("document", organization("baseline: {trust_policy: trust.json}")),
        ("exception", organization("exceptions_file: exceptions.yaml")),
    ];
    for (case, text) in other {
        assert_ne!(digest(&text), base, "case `{case}`");
    }
    let external = |id: &str| digest(&organization(&format!("access: {{external_id: {id}}}")));
    assert_eq!(external("one-secret"), external("other-secret"));
}

#[test]
fn the_offline_check_needs_no_accounts() {
    let config = Config::default_for_check().unwrap();
    assert_eq!(config.accounts.source, AccountSource::Organization);
    assert_eq!(config.digest, read(&organization("")).unwrap().digest);
}

#[test]
fn the_example_is_the_defaults() {
    let example = read(EXAMPLE).unwrap();
    let defaults = read(&organization("")).unwrap();
    assert_eq!(serde_json::to_value(&example).unwrap(), serde_json::to_value(&defaults).unwrap());
}

/// The example with what its `#|` lines show switched on, in place of the empty lists and mappings above them.
fn uncommented() -> String {
    let text: String = EXAMPLE.lines().map(|line| line.replacen("#| ", "", 1) + "\n").collect();
    let text = text.replace("  list: []\n", "  list:\n").replace("overrides: {}\n", "overrides:\n");
    text.replace("\nexceptions: []\n", "\nexceptions:\n")
        .replace("${env:PAYMENTS_EXTERNAL_ID}", "plain")
}

/// Every key of a tree as a path; lists and mappings of the user's own give `[]` and `*`.
fn paths_of(node: &Node, schema: &Json, path: &str, into: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(items) => {
            items
                .iter()
                .for_each(|item| paths_of(item, &schema["items"], &format!("{path}[]"), into));
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                let Value::Text(key) = &key.value else { panic!("a key in `{path}` is no text") };
                let (step, schema) = match &schema["properties"] {
                    Json::Object(keys) => {
                        (key.as_str(), &keys.get(key).unwrap_or_else(|| panic!("`{path}.{key}`")))
                    }
                    _ => ("*", &&schema["additionalProperties"]),
                };
                into.insert(format!("{path}.{step}"));
                paths_of(value, schema, &format!("{path}.{step}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// Every key the schema declares, as the same paths, with its default.
fn keys_of(schema: &Json, path: &str, into: &mut Vec<(String, Json)>) {
    for (key, of) in schema["properties"].as_object().into_iter().flatten() {
        into.push((format!("{path}.{key}"), of["default"].clone()));
        assert!(
            of["description"].as_str().is_some_and(|text| text.ends_with('.')),
            "{path}.{key} has no description"
        );
        keys_of(of, &format!("{path}.{key}"), into);
    }
    if schema["items"].is_object() {
        keys_of(&schema["items"], &format!("{path}[]"), into);
    }
    if schema["additionalProperties"].is_object()
        && schema["additionalProperties"]["properties"].is_object()
    {
        into.push((format!("{path}.*"), Json::Null));
        keys_of(&schema["additionalProperties"], &format!("{path}.*"), into);
    }
}

#[test]
fn example_schema_and_reader_know_the_same_keys() {
    let schema = schema();
    let text = uncommented();
    let mut shown = BTreeSet::new();
    paths_of(&yaml::parse(&text).unwrap(), &schema, "", &mut shown);
    let mut declared = Vec::new();
    keys_of(&schema, "", &mut declared);
    assert_eq!(shown, declared.iter().map(|(path, _)| path.clone()).collect());
    assert!(declared.len() > 80, "{} keys", declared.len());
    let line = text.lines().position(|line| line.ends_with("- id: \"111122223333\"")).unwrap() + 1;
    let excludes =
        "accounts.list: is only read with `source: list`; change the source or empty the list";
    assert_eq!(problems(&text), [format!("c.yaml:{line}:5: {excludes}")]);
    assert_eq!(
        read(&text.replace("source: organization", "source: list")).unwrap().exceptions.len(),
        1
    );
}

#[test]
fn the_schema_is_closed_and_says_what_is_required() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], serde_json::json!(["accounts"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["accounts"]["required"], serde_json::json!(["source"]));
    let concurrency = &schema["properties"]["sweep"]["properties"]["concurrency"];
    let want = serde_json::json!({"type": "integer", "minimum": 1, "maximum": 1024, "description": "Accounts in flight.", "default": 64});
    assert_eq!(*concurrency, want);
}

#[test]
fn the_summary_is_one_line() {
    let config = read(SAMPLE).unwrap();
    let cases = [
        (
            jiff::civil::date(2027, 1, 31),
            "c.yaml: valid; 2 accounts; role AmazonEKSConnectorAgentRole; 5 checks; 1 exception; remediation: apply, once armed (create_role, detach_managed_policy), but never: max_accounts is 0",
        ),
        (
            jiff::civil::date(2027, 2, 1),
            "c.yaml: valid; 2 accounts; role AmazonEKSConnectorAgentRole; 5 checks; 1 exception (1 expired); remediation: apply, once armed (create_role, detach_managed_policy), but never: max_accounts is 0",
        ),
    ];
    for (today, want) in cases {
        assert_eq!(check_report(&config, "c.yaml", today), want);
    }
}

/// One small change to a file's lines.
fn mutate(lines: &mut Vec<String>, random: &mut fastrand::Rng) {
    let inserts = [
        "\t", ": ", "- ", "&a ", "*a", "!x ", "{", "[", "\"", "${env:", "\u{202e}", "0x", "<<: ",
        "\n---\n", "#",
    ];
    let values = [
        "null",
        "7",
        "-1.5e999",
        "true",
        "[]",
        "[x]",
        "{}",
        "{x: y}",
        "\"\"",
        "15m",
        "list",
        "\"\\u0000\"",
    ];
    let at = random.usize(0..lines.len());
    let other = random.usize(0..lines.len());
    match random.u8(0..6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[other].clone()),
        2 => lines.swap(at, other),
        3 => lines[at] = lines[at].chars().filter(|_| random.u8(0..16) > 0).collect(),
        4 => lines[at].insert_str(0, random.choice(inserts).unwrap()),
        _ => {
            if let Some((key, _)) = lines[at].split_once(": ") {
                lines[at] = format!("{key}: {}", random.choice(values).unwrap());
            }
        }
    }
}

#[test]
fn mutated_files_never_panic_and_never_fail_without_a_line() {
    let mut random = fastrand::Rng::with_seed(7);
    let text = uncommented().replace("source: organization", "source: list");
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.trim().starts_with('#') && !line.is_empty()).collect();
    let (mut accepted, mut several) = (0, 0);
    for round in 0..1_000 {
        let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        for _ in 0..=random.usize(0..4) {
            mutate(&mut lines, &mut random);
        }
        let Err(problems) = read(&lines.join("\n")) else {
            accepted += 1;
            continue;
        };
        several += usize::from(problems.len() > 1);
        assert!(!problems.is_empty(), "round {round}");
        for line in problems {
            let one_safe_line = !line.contains(['\n', '\t', '\0', '\u{202e}']);
            assert!(line.starts_with("c.yaml:") && one_safe_line, "round {round}: {line}");
            assert!(!line.contains("please report"), "round {round}: {line}");
        }
    }
    assert!(
        accepted > 20 && several > 100,
        "mutations that find nothing: {accepted} accepted, {several} with several"
    );
}

#[test]
fn large_nonsense_is_refused() {
    let cases = [
        ("unknown keys", (0..2_000).map(|n| format!("key{n}: 1\n")).collect::<String>()),
        ("one line", "a".repeat(1 << 20)),
        ("open brackets", "[".repeat(1 << 20)),
        ("list", "- x\n".repeat(50_000)),
    ];
    for (case, text) in cases {
        assert!(!problems(&text).is_empty(), "case `{case}`");
    }
}

/// A folder of one test's own; gone with it.
fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
fn a_file_that_cannot_be_read_says_what_to_do() {
    let large = vec![b'#'; (1 << 20) + 1];
    let (_gone_with_the_test, at) =
        folder(&[("latin1.yaml", b"a: \xe4\n"), ("large.yaml", &large)]);
    let cases = [
        (
            "rolewarden.yaml",
            "no such file; name one with --config or ROLEWARDEN_CONFIG, or make one: rolewarden config example > rolewarden.yaml",
        ),
        ("latin1.yaml", "cannot read the configuration: it is not UTF-8 text"),
        ("large.yaml", "cannot read the configuration: it is larger than 1 MiB"),
        ("", "cannot read the configuration: it is a directory, expected a file"),
    ];
    for (name, want) in cases {
        let path = at.join(name);
        let error = Config::load(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{}: {want}", path.display()), "case `{name}`");
    }
}

#[test]
fn documents_are_read_beside_the_file_and_judged_by_the_policy_engine() {
    let trust = include_bytes!("../../../config/baseline/eks-connector-agent-trust-policy.json");
    let wide = br#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"}]}"#;
    let twice = br#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"ssm:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"x:y","Resource":"*"}]}"#;
    let (_gone_with_the_test, at) = folder(&[
        ("trust.json", trust),
        ("wide.json", wide),
        ("twice.json", twice),
        (
            "right.yaml",
            organization("baseline: {trust_policy: trust.json, inline_policy: wide.json}")
                .as_bytes(),
        ),
        (
            "wrong.yaml",
            organization("baseline: {trust_policy: wide.json, inline_policy: twice.json}")
                .as_bytes(),
        ),
        ("bare.yaml", b"baseline: {inline_policy: wide.json}"),
    ]);
    let config = Config::load(&at.join("right.yaml")).unwrap();
    assert_eq!(config.baseline.inline_policy.as_bytes(), wide);
    assert_eq!(config.baseline.trust_policy.as_bytes(), trust);
    let wrong = Config::load(&at.join("wrong.yaml")).unwrap_err().problems;
    let place = at.join("wrong.yaml").display().to_string();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    let starts = [
        "2:26: baseline.trust_policy: `wide.json` is not one strict trust policy: Statement[0]",
        "2:52: baseline.inline_policy: `twice.json` is not one strict identity policy: ",
    ];
    for (line, start) in wrong.iter().zip(starts) {
        assert!(line.starts_with(&format!("{place}:{start}")), "{line}");
    }
    assert!(Config::load(&at.join("bare.yaml")).is_err());
    assert!(Config::load_for_check(&at.join("bare.yaml")).is_ok());
}
