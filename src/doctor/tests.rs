//! Tables over what AWS says, and over what the environment has.

use super::causes::{Trouble, groups, troubles};
use super::source::{self, Variables};
use super::*;
use crate::model::{Account, AccountId, ScanError, UnknownReason as R};

fn error(operation: &str, reason: R, message: &str) -> ScanError {
    ScanError::new(reason, message).during(operation)
}

#[test]
fn the_cause_follows_from_aws_words() {
    let who = "User: arn:aws:sts::111122223333:assumed-role/x/y is not authorized to perform: iam:GetRole on resource: z";
    let with = |rest: &str| format!("{who} {rest}");
    let (assume, read) = ("sts:AssumeRole", "iam:GetRole");
    let cases = [
        (assume, R::AssumeDenied, who.to_owned(), "assume_denied"),
        (
            assume,
            R::AssumeDenied,
            "x may not perform: sts:TagSession".to_owned(),
            "tag_session_denied",
        ),
        (
            assume,
            R::AwsError,
            "The requested DurationSeconds exceeds it".to_owned(),
            "session_too_long",
        ),
        (read, R::AwsError, "The requested DurationSeconds exceeds it".to_owned(), "aws_error"),
        (read, R::AccessDenied, who.to_owned(), "not_allowed"),
        (read, R::AccessDenied, with("because no identity-based policy allows it"), "not_allowed"),
        (
            read,
            R::AccessDenied,
            with("with an explicit deny in an identity-based policy"),
            "explicit_deny",
        ),
        (
            assume,
            R::AssumeDenied,
            with("with an explicit deny in a resource-based policy"),
            "explicit_deny",
        ),
        (
            read,
            R::AccessDenied,
            with("because no permissions boundary allows it"),
            "boundary_denied",
        ),
        (
            read,
            R::AccessDenied,
            with("with an explicit deny in a permissions boundary"),
            "boundary_denied",
        ),
        (
            read,
            R::AccessDenied,
            with("because no session policy allows it"),
            "session_policy_denied",
        ),
        (
            read,
            R::AccessDenied,
            with("because no VPC endpoint policy allows it"),
            "vpc_endpoint_denied",
        ),
        (
            read,
            R::ScpDenied,
            with("with an explicit deny in a service control policy"),
            "scp_denied",
        ),
        (assume, R::ScpDenied, with("because no service control policy allows it"), "scp_denied"),
        (
            read,
            R::ScpDenied,
            with("with an explicit deny in a resource control policy"),
            "rcp_denied",
        ),
        (read, R::Throttled, "Rate exceeded".to_owned(), "throttled"),
        (assume, R::Network, "no connection".to_owned(), "network"),
    ];
    for (operation, reason, message, want) in cases {
        let kind = Kind::of(&error(operation, reason, &message));
        assert_eq!(kind.as_str(), want, "case `{message}`");
    }
    let mut region = error(assume, R::AwsError, "STS is not activated");
    region.code = Some("RegionDisabledException".to_owned());
    assert_eq!(Kind::of(&region), Kind::RegionDisabled);
}

fn id(n: usize) -> AccountId {
    format!("{n:012}").parse().unwrap()
}

fn assumed(answer: Answer, without_external_id: Option<Answer>) -> Option<Assumed> {
    Some(Assumed { answer, without_external_id })
}

fn read(operation: &'static str, answer: Answer) -> ReadFact {
    ReadFact { read: Read { operation, subject: Subject::Role }, answer }
}

#[test]
fn what_an_account_lacks_is_told_apart_by_whose_permissions_they_are() {
    let refused = |operation| Err(error(operation, R::AccessDenied, "no"));
    type Row = (&'static str, AccountFacts, &'static [(Part, Kind)]);
    let cases: [Row; 6] = [
        (
            "all there",
            AccountFacts {
                scan_role: assumed(Ok(()), Some(refused("sts:AssumeRole"))),
                ..AccountFacts::default()
            },
            &[],
        ),
        (
            "direct",
            AccountFacts {
                reads: vec![read("iam:GetRole", refused("iam:GetRole"))],
                ..AccountFacts::default()
            },
            &[(Part::BaseCredentials, Kind::NotAllowed)],
        ),
        (
            "a read",
            AccountFacts {
                scan_role: assumed(Ok(()), None),
                reads: vec![
                    read("iam:GetRole", refused("iam:GetRole")),
                    read("iam:GetRolePolicy", Ok(())),
                ],
                ..AccountFacts::default()
            },
            &[(Part::ScanRole, Kind::NotAllowed)],
        ),
        (
            "no external id",
            AccountFacts { scan_role: assumed(Ok(()), Some(Ok(()))), ..AccountFacts::default() },
            &[(Part::ScanRole, Kind::ExternalIdNotAsked)],
        ),
        (
            "no external id, for writing",
            AccountFacts {
                scan_role: assumed(Ok(()), None),
                remediate_role: assumed(Ok(()), Some(Ok(()))),
                ..AccountFacts::default()
            },
            &[(Part::RemediateRole, Kind::ExternalIdNotAsked)],
        ),
        (
            // Throttled is not an answer: whether it is asked for stays open.
            "unknown whether it is asked for",
            AccountFacts {
                scan_role: assumed(
                    Ok(()),
                    Some(Err(error("sts:AssumeRole", R::Throttled, "slow"))),
                ),
                ..AccountFacts::default()
            },
            &[(Part::ScanRole, Kind::ExternalIdUnknown)],
        ),
    ];
    for (case, facts, want) in cases {
        let got: Vec<(Part, Kind)> =
            troubles(&facts).iter().map(|trouble| (trouble.part, trouble.kind)).collect();
        assert_eq!(got, want, "case `{case}`");
    }
}

#[test]
fn causes_come_worst_first_then_by_how_many_accounts_they_are_in() {
    let trouble = |part, kind, operation| Trouble {
        part,
        kind,
        call: Call { operation, on: None },
        error: None,
    };
    let (assume, get) = ("sts:AssumeRole", "iam:GetRole");
    let warning = || trouble(Part::ScanRole, Kind::ExternalIdNotAsked, assume);
    let accounts: Vec<(AccountId, Vec<Trouble>)> = vec![
        (id(1), vec![warning()]),
        (
            id(2),
            vec![
                warning(),
                trouble(Part::ScanRole, Kind::NotAllowed, get),
                trouble(Part::ScanRole, Kind::NotAllowed, "iam:GetPolicy"),
            ],
        ),
        (id(3), vec![trouble(Part::ScanRole, Kind::NotAllowed, get)]),
        (
            id(4),
            vec![
                trouble(Part::ScanRole, Kind::NotAllowed, get),
                trouble(Part::RemediateRole, Kind::AssumeDenied, assume),
            ],
        ),
        (id(5), vec![trouble(Part::ScanRole, Kind::AssumeDenied, assume)]),
        (
            id(6),
            vec![
                trouble(Part::ScanRole, Kind::Failed(R::Throttled), get),
                trouble(Part::ScanRole, Kind::Failed(R::Throttled), assume),
            ],
        ),
    ];
    let groups = groups(accounts.iter().map(|(id, troubles)| (id, troubles.as_slice())));
    let got: Vec<String> = groups
        .iter()
        .map(|group| {
            let calls: Vec<&str> = group.cause.calls.iter().map(|call| call.operation).collect();
            format!("{} {} {}", group.cause.kind.as_str(), group.accounts.len(), calls.join("+"))
        })
        .collect();
    assert_eq!(
        got,
        [
            "assume_denied 1 sts:AssumeRole",
            "not_allowed 2 iam:GetRole",
            "not_allowed 1 iam:GetPolicy+iam:GetRole",
            "throttled 1 ",
            "assume_denied 1 sts:AssumeRole",
            "external_id_not_asked 2 sts:AssumeRole",
        ]
    );
}

fn base(provider: Provider, set: &[(&str, &str)]) -> BaseFacts {
    let value = |asked: &str| {
        let found = set.iter().find(|(name, _)| *name == asked);
        found.map(|(_, value)| (*value).to_owned())
    };
    BaseFacts {
        region: "us-east-1".to_owned(),
        endpoints: vec![],
        variables: Variables::read(value),
        credentials: Ok(CredentialFacts { provider, ends: None, temporary: true }),
        identity: None,
        clock_ahead_seconds: None,
    }
}

#[test]
fn credentials_that_stand_in_the_way_of_a_workloads_role_are_told() {
    const KEY: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIA");
    const PROFILE: (&str, &str) = ("AWS_PROFILE", "audit");
    const TOKEN: (&str, &str) = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    const ROLE: (&str, &str) = ("AWS_ROLE_ARN", "arn");
    const POD: (&str, &str) =
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    const ECS: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    use Provider as P;
    type Row = (P, &'static [(&'static str, &'static str)], &'static str, Option<&'static str>);
    let cases: [Row; 12] = [
        (P::Environment, &[KEY], "environment", None),
        (P::Environment, &[KEY, TOKEN, ROLE], "environment", Some("before IRSA")),
        (P::Environment, &[KEY, TOKEN], "environment", None),
        (P::Environment, &[KEY, POD], "environment", Some("before EKS Pod Identity")),
        (P::Environment, &[KEY, ECS], "environment", Some("before the ECS task role")),
        (P::Environment, &[KEY, PROFILE], "environment", Some("before the profile")),
        (
            P::Profile,
            &[PROFILE, POD],
            "profile audit",
            Some("AWS_PROFILE is used before EKS Pod Identity"),
        ),
        (P::ProfileSso, &[PROFILE], "profile audit (SSO)", None),
        (P::Profile, &[], "profile default", None),
        (P::WebIdentity, &[TOKEN, ROLE], "web identity (IRSA)", None),
        (P::PodIdentity, &[POD], "EKS Pod Identity", None),
        (P::Instance, &[], "EC2 instance metadata", None),
    ];
    for (provider, set, name, want) in cases {
        let base = base(provider, set);
        let found = base.credentials.as_ref().unwrap();
        assert_eq!(source::words(found, &base.variables).0, name, "case {set:?}");
        let got = source::stray(&base).map(|(what, _)| what);
        match (want, got) {
            (None, None) => {}
            (Some(want), Some(got)) => assert!(got.contains(want), "case {set:?}: {got}"),
            (want, got) => panic!("case {set:?}: wanted {want:?}, got {got:?}"),
        }
    }
}

#[test]
fn an_empty_variable_counts_as_none() {
    let variables =
        Variables::read(|name| Some(if name == "AWS_REGION" { "x" } else { "" }.to_owned()));
    assert_eq!(variables, Variables::read(|name| (name == "AWS_REGION").then(|| "x".to_owned())));
}

#[test]
fn an_account_that_was_not_asked_is_not_fine() {
    let setup = Setup {
        scan_role: "scan".to_owned(),
        remediate_role: "fix".to_owned(),
        asks_remediation: false,
        via: vec![],
        organization_role: None,
        listed: true,
        region: None,
        external_id: false,
    };
    let told = || {
        Asked::Told(Box::new(AccountFacts {
            scan_role: assumed(Ok(()), None),
            ..AccountFacts::default()
        }))
    };
    let cases = [
        ("all", vec![told(), told()], false, Outcome::Ok, true),
        ("one not asked", vec![told(), Asked::Not], true, Outcome::Incomplete, false),
        ("one left out", vec![told(), Asked::LeftOut], false, Outcome::Ok, true),
    ];
    for (case, asked, stopped, outcome, complete) in cases {
        let accounts =
            asked.into_iter().enumerate().map(|(n, asked)| (Account::numbered(id(n)), asked));
        let report = Report::of(Facts {
            started_at: jiff::Timestamp::UNIX_EPOCH,
            finished_at: jiff::Timestamp::UNIX_EPOCH,
            config_path: "rolewarden.yaml".to_owned(),
            setup: Ok(setup.clone()),
            base: Some(base(Provider::Environment, &[])),
            organization: None,
            accounts: accounts.collect(),
            stopped,
        });
        assert_eq!((report.outcome, report.complete), (outcome, complete), "case `{case}`");
    }
}

#[test]
fn every_cause_is_in_the_page() {
    let page = include_str!("../../docs/doctor.md");
    for kind in Kind::PERMISSIONS {
        assert!(page.contains(&format!("`{}`", kind.as_str())), "{kind:?}");
    }
}
