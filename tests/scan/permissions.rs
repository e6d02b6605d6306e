//! `check` on the permissions of real roles: each case is a file people wrote, with all that must be said of it.
//!
//! Inputs: `tests/cases/policy`; most names tell the public report they come from.

use std::path::Path;

use rolewarden::simulator::Kind;
use serde_json::Value;

use crate::support::{Lab, world_of};

/// One finding that must be there.
struct Want {
    check: &'static str,
    verdict: &'static str,
    severity: &'static str,
    /// All of these stand in the summary.
    says: &'static [&'static str],
    /// The commands, each by how it begins after `aws iam`.
    fix: &'static [&'static str],
}

const fn want(
    check: &'static str,
    verdict: &'static str,
    severity: &'static str,
    says: &'static [&'static str],
    fix: &'static [&'static str],
) -> Want {
    Want { check, verdict, severity, says, fix }
}

const PUT: &str = "put-role-policy --role-name AmazonEKSConnectorAgentRole --policy-name";

/// File, configuration beside it, and every finding, worst first.
const CASES: &[(&str, &str, &[Want])] = &[
    (
        "all-four-missing-only-three-named",
        "",
        &[want(
            "inline-policy",
            "missing_and_excess",
            "high",
            &[
                "ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example",
                "ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*",
                "the connector cannot work",
                "allows s3:ListAllMyBuckets",
            ],
            &[PUT],
        )],
    ),
    (
        "attached-and-more-than-the-baseline-no-reason",
        "managed.yaml",
        &[want(
            "attached-policies",
            "excess",
            "high",
            &[
                "the managed policy agent (arn:aws:iam::111122223333:policy/agent) is attached and not expected: it allows ssm:UpdateInstanceInformation on",
                "beyond the baseline",
            ],
            &[PUT, "detach-role-policy"],
        )],
    ),
    (
        "boundary-compared-with-the-inline-baseline",
        "",
        &[
            want(
                "effective-permissions",
                "conditional",
                "medium",
                &[
                    "the permissions boundary",
                    "only under a condition (if aws:RequestedRegion is us-east-1)",
                    "left to people",
                ],
                &[],
            ),
            want("role-attributes", "excess", "info", &["permissions boundary"], &[]),
        ],
    ),
    (
        "conditional-excess-inline-kms",
        "",
        &[want(
            "inline-policy",
            "excess",
            "medium",
            &[
                "the inline policy kms allows kms:Decrypt on arn:aws:kms:eu-west-1:111122223333:key/1234 under a condition (if kms:ViaService is ssm.eu-west-1.amazonaws.com)",
                "left to people: kms holds a condition",
            ],
            &[],
        )],
    ),
    (
        "narrowed-to-own-account",
        "",
        &[want(
            "inline-policy",
            "missing",
            "medium",
            &[
                "does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:444455556666:cluster/example",
                "works only for clusters of account 111122223333",
            ],
            &[PUT],
        )],
    ),
    (
        "narrowed-to-one-region",
        "",
        &[want(
            "inline-policy",
            "missing",
            "medium",
            &[
                "works only for clusters in eu-west-1 of this account",
                "arn:aws:eks:us-east-1:111122223333:cluster/example",
            ],
            &[PUT],
        )],
    ),
    (
        "narrowed-to-two-regions-of-own-account",
        "",
        &[want(
            "inline-policy",
            "missing",
            "medium",
            &["works only for clusters in eu-west-1 and us-east-1 of this account"],
            &[PUT],
        )],
    ),
    (
        "narrowed-to-named-clusters",
        "",
        &[want(
            "inline-policy",
            "missing",
            "medium",
            &["works only for clusters named prod-* in eu-west-1 of this account"],
            &[PUT],
        )],
    ),
    (
        "narrowed-on-the-channel-to-one-region",
        "",
        &[want(
            "inline-policy",
            "missing",
            "medium",
            &["works only for clusters in eu-west-1 of this account"],
            &[PUT],
        )],
    ),
    (
        "narrowed-to-another-account",
        "",
        &[want("inline-policy", "missing", "high", &["the connector cannot work"], &[PUT])],
    ),
    (
        "narrowed-to-two-regions-that-never-meet",
        "",
        &[want("inline-policy", "missing", "high", &["the connector cannot work"], &[PUT])],
    ),
    (
        "quarantine-revoke-older-sessions",
        "",
        &[want(
            "inline-policy",
            "conditional",
            "medium",
            &[
                "AWSRevokeOlderSessions denies everything to sessions issued before 2026-11-29T03:12:00.000Z: sessions were revoked",
                "left to people: AWSRevokeOlderSessions holds a Deny",
            ],
            &[],
        )],
    ),
    (
        "quarantine-deny-all-attached",
        "",
        &[
            want(
                "effective-permissions",
                "missing",
                "high",
                &[
                    "the connector cannot work: the attached policy AWSDenyAll denies every action: the role is quarantined",
                    "left to people",
                ],
                &[],
            ),
            want(
                "attached-policies",
                "excess",
                "medium",
                &[
                    "AWSDenyAll",
                    "it denies every action: the role is quarantined",
                    "left to people: it holds a Deny",
                ],
                &[],
            ),
        ],
    ),
    (
        "quarantine-deny-all-inline",
        "",
        &[want(
            "inline-policy",
            "missing",
            "high",
            &[
                "the inline policy Quarantine denies every action: the role is quarantined: the connector cannot work",
                "left to people: Quarantine holds a Deny",
            ],
            &[],
        )],
    ),
    (
        "quarantine-revoke-older-sessions",
        "forbidden.yaml",
        &[want(
            "role-exists",
            "excess",
            "high",
            &[
                "the configuration forbids it",
                "left to people: AWSRevokeOlderSessions holds a Deny",
            ],
            &[],
        )],
    ),
    (
        "administrator-attached",
        "forbidden.yaml",
        &[want(
            "role-exists",
            "excess",
            "high",
            &["the configuration forbids it"],
            &["delete-role-policy", "detach-role-policy", "delete-role "],
        )],
    ),
    (
        "administrator-attached",
        "",
        &[want(
            "attached-policies",
            "excess",
            "critical",
            &["it allows every action on every resource, such as iam:CreateUser"],
            &["detach-role-policy"],
        )],
    ),
    (
        "administrator-attached-document-not-in-the-file",
        "",
        &[want(
            "attached-policies",
            "excess",
            "critical",
            &[
                "it allows every action on every resource (known by its ARN; its document was not read)",
            ],
            &["detach-role-policy"],
        )],
    ),
    (
        "attached-document-not-in-the-file",
        "",
        &[want(
            "attached-policies",
            "excess",
            "high",
            &[
                "AmazonSSMManagedInstanceCore",
                "its document was not read",
                "left to people: it may hold a Deny",
            ],
            &[],
        )],
    ),
    (
        "attached-with-a-condition",
        "",
        &[want(
            "attached-policies",
            "excess",
            "medium",
            &[
                "it allows s3:PutObject on arn:aws:s3:::org-logs/example under a condition (if aws:PrincipalOrgID is o-exampleorgid)",
                "left to people: it holds a condition",
            ],
            &[],
        )],
    ),
    (
        "two-inline-policies-diff-hides-the-extra-one",
        "",
        &[want(
            "inline-policy",
            "excess",
            "high",
            &[
                "the inline policy session-logs allows logs:CreateLogStream and logs:PutLogEvents on arn:aws:logs:us-east-1:111122223333:",
            ],
            &[
                "delete-role-policy --role-name AmazonEKSConnectorAgentRole --policy-name session-logs",
            ],
        )],
    ),
    (
        "everything-inline",
        "",
        &[want(
            "inline-policy",
            "excess",
            "critical",
            &["the inline policy debug allows every action on every resource"],
            &["delete-role-policy --role-name AmazonEKSConnectorAgentRole --policy-name debug"],
        )],
    ),
    (
        "everything-inline-under-a-condition",
        "",
        &[want(
            "inline-policy",
            "excess",
            "high",
            &[
                "every action on every resource under a condition (if aws:MultiFactorAuthPresent is true)",
                "left to people: debug holds a condition",
            ],
            &[],
        )],
    ),
    (
        "extra-inline-beside-revoked-sessions",
        "",
        &[
            want(
                "inline-policy",
                "excess",
                "high",
                &[
                    "the inline policy logs allows logs:PutLogEvents",
                    "(unless aws:TokenIssueTime is before 2026-11-29T03:12:00.000Z)",
                    "left to people: AWSRevokeOlderSessions holds a Deny",
                ],
                &["delete-role-policy --role-name AmazonEKSConnectorAgentRole --policy-name logs"],
            ),
            want(
                "effective-permissions",
                "conditional",
                "medium",
                &[
                    "the inline policy AWSRevokeOlderSessions denies everything to sessions issued before",
                ],
                &[],
            ),
        ],
    ),
    (
        "missing-beside-a-second-policy",
        "",
        &[want(
            "inline-policy",
            "missing",
            "high",
            &[
                "do not allow ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel",
                "the connector cannot work",
            ],
            &[PUT],
        )],
    ),
    (
        "no-policy-at-all",
        "",
        &[want(
            "inline-policy",
            "absent",
            "high",
            &[
                "the role has no inline policy",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel",
                "the connector cannot work",
            ],
            &[PUT],
        )],
    ),
];

fn input(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/policy");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// A folder with every input of the cases, and no organization that is asked.
fn lab() -> Lab {
    let (world, _) = world_of(&[Kind::GuideCli]);
    let lab = Lab::new(world);
    for (name, config, _) in CASES {
        let name = format!("{name}.json");
        lab.file(&name, input(&name));
        if !config.is_empty() {
            lab.file(config, input(config));
        }
    }
    lab
}

fn check(lab: &Lab, name: &str, config: &str, format: &str) -> crate::support::Run {
    let file = format!("{name}.json");
    let mut args = vec!["check", "--format", format];
    if !config.is_empty() {
        args.extend(["--config", config]);
    }
    args.push(&file);
    lab.run(&args)
}

#[test]
fn every_case_is_told_as_it_is_and_no_command_undoes_a_decision() {
    let lab = lab();
    for (name, config, wants) in CASES {
        let report = check(&lab, name, config, "json").ends(3).json();
        let findings = report["accounts"][0]["findings"].as_array().unwrap();
        let got: Vec<_> = findings
            .iter()
            .map(|f| (f["check"].as_str(), f["verdict"].as_str(), f["severity"].as_str()))
            .collect();
        let want: Vec<_> =
            wants.iter().map(|w| (Some(w.check), Some(w.verdict), Some(w.severity))).collect();
        assert_eq!(got, want, "case {name} {config}: {findings:#?}");
        for (finding, want) in findings.iter().zip(*wants) {
            let summary = finding["summary"].as_str().unwrap();
            for words in want.says {
                assert!(summary.contains(words), "case {name}: `{words}` in: {summary}");
            }
            let fix: Vec<&str> = texts(&finding["fix"]);
            assert_eq!(fix.len(), want.fix.len(), "case {name} {config}: {fix:#?}");
            for (command, begins) in fix.iter().zip(want.fix) {
                assert!(
                    command.starts_with(&format!("aws iam {begins}")),
                    "case {name}: {command}"
                );
            }
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn witnesses_are_on_arns_that_can_exist() {
    let lab = lab();
    for (name, config, _) in CASES {
        let report = check(&lab, name, config, "json").json();
        for finding in report["accounts"][0]["findings"].as_array().unwrap() {
            for witness in finding["witnesses"].as_array().unwrap() {
                let resource = witness["resource"].as_str().unwrap();
                let fields: Vec<&str> = resource.splitn(6, ':').collect();
                let ["arn", "aws", service, region, account, rest] = *fields.as_slice() else {
                    panic!("case {name}: {resource}");
                };
                let own = witness["action"].as_str().unwrap().split(':').next().unwrap();
                let fits = service == own || (own == "ssmmessages" && service == "eks");
                assert!(fits && !rest.is_empty() && !rest.ends_with('/'), "case {name}: {witness}");
                let global = ["iam", "s3"].contains(&service);
                assert_eq!(region.is_empty(), global, "case {name}: {witness}");
                assert_eq!(account.is_empty(), service == "s3", "case {name}: {witness}");
            }
        }
    }
}

#[test]
fn a_diff_shows_what_is_extra_and_not_what_is_right() {
    let lab = lab();
    for (name, extra) in [
        ("two-inline-policies-diff-hides-the-extra-one", "session-logs"),
        ("conditional-excess-inline-kms", "kms"),
        ("quarantine-revoke-older-sessions", "AWSRevokeOlderSessions"),
    ] {
        let run = check(&lab, name, "", "text").ends(3);
        let lines: Vec<&str> = run.stdout.lines().map(str::trim).collect();
        assert!(lines.contains(&format!("inline policy {extra}:").as_str()), "{run}");
        assert!(
            lines.contains(&"inline policy AmazonEKSConnectorAgentPolicy: as expected"),
            "{run}"
        );
        assert!(
            lines.iter().all(|line| !line.starts_with("+ ")),
            "nothing expected is missing: {run}"
        );
        assert!(!run.stdout.contains("more lines"), "{run}");
    }
    let run = check(&lab, "boundary-compared-with-the-inline-baseline", "", "text").ends(3);
    assert!(
        !run.stdout.contains("\"Effect\""),
        "a boundary is compared with no inline policy: {run}"
    );
}

#[test]
fn a_condition_is_told_with_every_request_that_needs_it() {
    let lab = lab();
    let run = check(&lab, "conditional-excess-inline-kms", "", "text").ends(3);
    let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = "allows kms:Decrypt on arn:aws:kms:eu-west-1:111122223333:key/1234 under a condition (if kms:ViaService is ssm.eu-west-1.amazonaws.com)";
    assert!(text.matches(line).count() >= 2, "in the summary and in the proof: {run}");
    let report = check(&lab, "conditional-excess-inline-kms", "", "json").json();
    let witness = &report["accounts"][0]["findings"][0]["witnesses"][0];
    assert_eq!(
        witness["conditions"]["StringEquals"]["kms:ViaService"],
        "ssm.eu-west-1.amazonaws.com"
    );
}

#[test]
fn an_allowed_policy_without_a_document_says_how_to_export_it() {
    let lab = lab();
    let (name, config) =
        ("attached-document-not-in-the-file", "attached-document-not-in-the-file.yaml");
    lab.file(config, input(config));
    let report = check(&lab, name, config, "json").ends(4).json();
    let error = &report["accounts"][0]["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("AmazonSSMManagedInstanceCore"), "{error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("export again without `--filter`") && !hint.contains("simplify"),
        "{error}"
    );
}
