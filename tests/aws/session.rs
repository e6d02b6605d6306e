//! Sessions: what is sent, what is believed, what is kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rolewarden::aws::{RoleReader, RoleWriter, WriteError};
use rolewarden::config::{AccessOverride, OwnAccount, Secret, SessionPolicy};
use rolewarden::model::{CheckName, Snapshot, UnknownReason as R, Write};
use serde_json::json;

use crate::canned::*;

#[tokio::test]
async fn every_setting_of_a_session_is_sent() {
    let server = Canned::start(compliant).await;
    let mut config = config();
    config.access.external_id = Some(Secret::new("ext-1"));
    config.access.session_name = "watch".to_owned();
    config.access.session_duration = Duration::from_secs(7200);
    config.access.scan_role = "team/reader".to_owned();
    let over = AccessOverride {
        scan_role_arn: Some("arn:aws:iam::333333333333:role/special".parse().unwrap()),
        remediate_role_arn: None,
        external_id: Some(Secret::new("ext-2")),
    };
    config.access.overrides.insert("333333333333".parse().unwrap(), over);
    let aws = server.connect(&config).await.unwrap();
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
    aws.read_role(&account("333333333333")).await.map(|read| read.seen).unwrap();
    let calls = server.calls();
    let sent: Vec<_> = calls
        .iter()
        .filter(|call| call.operation == "AssumeRole")
        .map(|c| {
            ["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"]
                .map(|field| c.field(field))
        })
        .collect();
    assert_eq!(
        sent,
        [
            ["arn:aws:iam::222222222222:role/team/reader", "watch", "7200", "ext-1"],
            ["arn:aws:iam::333333333333:role/special", "watch", "7200", "ext-2"],
        ]
    );
}

#[tokio::test]
async fn a_session_may_do_no_more_than_read_the_role() {
    let resources = |account: &str| {
        json!([
            format!("arn:aws:iam::{account}:role/{ROLE}"),
            format!("arn:aws:iam::{account}:role/*/{ROLE}")
        ])
    };
    let reads = json!({
        "Effect": "Allow",
        "Action": ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"],
        "Resource": resources(MEMBER),
    });
    let managed = json!({
        "Effect": "Allow",
        "Action": ["iam:GetPolicy", "iam:GetPolicyVersion"],
        "Resource": ["arn:aws:iam::aws:policy/*", format!("arn:aws:iam::{MEMBER}:policy/*")],
    });
    let policy = |statements| Some(json!({"Version": "2012-10-17", "Statement": statements}));
    let cases = [
        ("narrow", SessionPolicy::Narrow, false, policy(json!([reads.clone(), managed]))),
        ("narrow, no documents", SessionPolicy::Narrow, true, policy(json!([reads]))),
        ("none", SessionPolicy::None, false, None),
    ];
    for (case, kind, quiet, want) in cases {
        let server = Canned::start(compliant).await;
        let mut config = config();
        config.access.session_policy = kind;
        if quiet {
            config.checks.disabled.insert(CheckName::EffectivePermissions);
        }
        let aws = server.connect(&config).await.unwrap();
        aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
        let sent = server.calls()[0].field("Policy").to_owned();
        assert!(sent.len() <= 2048, "case `{case}`");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&sent).ok(), want, "case `{case}`");
    }
}

#[tokio::test]
async fn a_chain_is_walked_once_and_every_link_is_at_most_an_hour() {
    let server = Canned::start(compliant).await;
    let mut config = config();
    config.access.session_duration = Duration::from_secs(7200);
    config.access.external_id = Some(Secret::new("members-only"));
    let (first, second) =
        ("arn:aws:iam::444444444444:role/first", "arn:aws:iam::555555555555:role/second");
    config.access.via = vec![first.parse().unwrap(), second.parse().unwrap()];
    let aws = server.connect(&config).await.unwrap();
    let (a, b) = (account(MEMBER), account("333333333333"));
    let (a, b) = tokio::join!(aws.read_role(&a), aws.read_role(&b));
    assert!(a.is_ok() && b.is_ok());
    let calls = server.calls();
    let mut assumed: Vec<_> = calls
        .iter()
        .filter(|call| call.operation == "AssumeRole")
        .map(|c| {
            (c.field("RoleArn"), c.key.as_str(), c.field("DurationSeconds"), c.field("ExternalId"))
        })
        .collect();
    assumed[2..].sort();
    assert_eq!(
        assumed,
        [
            (first, "AKIAHUB", "7200", ""),
            (second, "ASIA444444444444first", "3600", ""),
            (
                "arn:aws:iam::222222222222:role/rolewarden-scan",
                "ASIA555555555555second",
                "3600",
                "members-only"
            ),
            (
                "arn:aws:iam::333333333333:role/rolewarden-scan",
                "ASIA555555555555second",
                "3600",
                "members-only"
            ),
        ]
    );
}

#[tokio::test]
async fn a_session_on_the_way_may_enter_what_comes_next_and_nothing_else() {
    const SECOND: &str = "arn:aws-cn:iam::555555555555:role/odd*path/second";
    let other: AccessOverride = AccessOverride {
        scan_role_arn: Some("arn:aws:iam::333333333333:role/special".parse().unwrap()),
        remediate_role_arn: None,
        external_id: None,
    };
    let allows = |role: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": role}
        ]})
    };
    let write = Write::DeleteInlinePolicy { name: "odd".to_owned() };
    for kind in [SessionPolicy::Narrow, SessionPolicy::None] {
        let server = Canned::start(compliant).await;
        let mut config = config();
        config.access.session_policy = kind;
        config.access.scan_role = "team/reader".to_owned();
        let first = "arn:aws:iam::444444444444:role/first";
        config.access.via = vec![first.parse().unwrap(), SECOND.parse().unwrap()];
        config.access.overrides.insert("333333333333".parse().unwrap(), other.clone());
        let aws = server.connect(&config).await.unwrap();
        for id in [MEMBER, "666666666666", "333333333333"] {
            aws.read_role(&account(id)).await.unwrap();
        }
        aws.prepare_write(&account(MEMBER), "01RUN", &write).await.unwrap();
        let calls = server.calls();
        let sent = |role: &str| -> Vec<_> {
            let of = |call: &&Call| call.operation == "AssumeRole" && call.field("RoleArn") == role;
            let policies = calls.iter().filter(of).map(|call| call.field("Policy"));
            policies.map(|text| serde_json::from_str(text).unwrap_or_default()).collect()
        };
        let nothing = serde_json::Value::Null;
        match kind {
            SessionPolicy::Narrow => {
                // A path may hold a wildcard, which must not be one in a policy.
                let second = "arn:aws-cn:iam::555555555555:role/odd${*}path/second";
                assert_eq!(sent(first), [allows(second)]);
                let everywhere = allows("arn:aws:iam::*:role/team/reader");
                let special = allows("arn:aws:iam::333333333333:role/special");
                let writes = allows("arn:aws:iam::222222222222:role/rolewarden-remediate");
                assert_eq!(sent(SECOND), [everywhere, special, writes]);
            }
            SessionPolicy::None => {
                assert_eq!((sent(first), sent(SECOND)), (vec![nothing.clone()], vec![nothing]));
            }
        }
    }
}

#[tokio::test]
async fn what_names_no_account_is_not_believed_of_another_account() {
    let absent = |call: &Call| match call.operation.as_str() {
        "GetRole" | "ListRolePolicies" | "ListAttachedRolePolicies" | "GetRolePolicy" => {
            fault(404, "NoSuchEntity", "The role cannot be found.")
        }
        _ => compliant(call),
    };
    // STS says that the role of the account asked for was assumed, and the credentials open another account.
    let swapped = move |call: &Call| match call.operation.as_str() {
        "AssumeRole" => {
            let (status, body) = compliant(call);
            (status, body.replace("ASIA222222222222", "ASIA999999999999"))
        }
        _ => absent(call),
    };
    // The base credentials have become another account's since the start.
    let asked = AtomicUsize::new(0);
    let moved = move |call: &Call| match call.operation.as_str() {
        "GetCallerIdentity" if asked.fetch_add(1, Ordering::SeqCst) > 0 => {
            caller_identity("888888888888")
        }
        _ => absent(call),
    };
    type Answers = Box<dyn Fn(&Call) -> Answer + Send + Sync>;
    let cases: [(&str, Answers, &str, Option<R>); 4] = [
        ("swapped", Box::new(swapped), MEMBER, Some(R::WrongAccount)),
        ("moved", Box::new(moved), HUB, Some(R::WrongAccount)),
        ("a member", Box::new(absent), MEMBER, None),
        ("the own account", Box::new(absent), HUB, None),
    ];
    for (case, answers, id, want) in cases {
        let server = Canned::start(answers).await;
        let aws = server.connect(&config()).await.unwrap();
        for _ in 0..3 {
            let seen = aws.read_role(&account(id)).await.map(|read| read.seen);
            match &want {
                Some(reason) => assert_eq!(seen.unwrap_err().reason, *reason, "case `{case}`"),
                None => assert_eq!(seen, Ok(Snapshot::Absent), "case `{case}`"),
            }
        }
    }
    // No answer to a write says in which account it was done.
    let server = Canned::start(swapped).await;
    let aws = server.connect(&config()).await.unwrap();
    let write = Write::DeleteRole;
    let refused = aws.prepare_write(&account(MEMBER), "01RUN", &write).await.unwrap_err();
    let WriteError::Refused(error) = refused else { panic!("{refused:?}") };
    assert_eq!(error.reason, R::WrongAccount);
}

#[tokio::test]
async fn a_session_proves_its_account_once() {
    let answers = |call: &Call| match call.operation.as_str() {
        "GetRole" | "ListRolePolicies" | "ListAttachedRolePolicies" | "GetRolePolicy" => {
            fault(404, "NoSuchEntity", "The role cannot be found.")
        }
        _ => compliant(call),
    };
    let server = Canned::start(answers).await;
    let aws = server.connect(&config()).await.unwrap();
    for _ in 0..3 {
        aws.read_role(&account(MEMBER)).await.unwrap();
    }
    assert_eq!(server.identities(), 2, "one at the start, and one for the session");
}

#[tokio::test]
async fn a_base_identity_that_is_itself_a_session_is_a_chain() {
    let server = Canned::start(|call| match call.operation.as_str() {
        "GetCallerIdentity" => {
            let (status, body) = compliant(call);
            (status, body.replace(":iam:", ":sts:").replace("user/hub", "assumed-role/hub/i-1"))
        }
        _ => compliant(call),
    })
    .await;
    let mut config = config();
    config.access.session_duration = Duration::from_secs(7200);
    let aws = server.connect(&config).await.unwrap();
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
    assert_eq!(server.calls()[0].field("DurationSeconds"), "3600");
}

#[tokio::test]
async fn the_own_account_is_read_directly_unless_told_otherwise() {
    for (own, assumed) in [(OwnAccount::Direct, None), (OwnAccount::Assume, Some(1))] {
        let server = Canned::start(compliant).await;
        let mut config = config();
        config.access.own_account = own;
        let aws = server.connect(&config).await.unwrap();
        aws.read_role(&account(HUB)).await.map(|read| read.seen).unwrap();
        assert_eq!(server.counts().get("AssumeRole").copied(), assumed, "case {own:?}");
    }
}

#[tokio::test]
async fn expired_credentials_are_replaced_once() {
    for (case, failures, want) in [("once", 1, None), ("for ever", usize::MAX, Some(R::AwsError))] {
        let seen = AtomicUsize::new(0);
        let server = Canned::start(move |call| {
            if call.operation == "ListRolePolicies"
                && seen.fetch_add(1, Ordering::SeqCst) < failures
            {
                return fault(
                    403,
                    "ExpiredToken",
                    "The security token included in the request is expired",
                );
            }
            compliant(call)
        })
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let result = aws.read_role(&account(MEMBER)).await;
        assert_eq!(result.err().map(|error| error.reason), want, "case `{case}`");
        assert_eq!(server.counts()["AssumeRole"], 2, "case `{case}`");
    }
}

#[tokio::test]
async fn a_session_near_its_end_is_not_used_again() {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(200);
    let server = Canned::start(move |call| match call.operation.as_str() {
        "AssumeRole" => assumed(call, &soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
    assert_eq!(server.counts()["AssumeRole"], 2);
}

#[tokio::test]
async fn a_session_of_another_account_is_not_used() {
    let server = Canned::start(|call| match call.operation.as_str() {
        "AssumeRole" => {
            let (status, body) = assumed(call, "2099-01-01T00:00:00Z");
            (status, body.replace("sts::222222222222", "sts::999999999999"))
        }
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    assert_eq!(
        reason("swapped", aws.read_role(&account(MEMBER)).await.map(|read| read.seen)),
        R::WrongAccount
    );
    assert_eq!(server.counts().get("GetRole"), None);
}

#[tokio::test]
async fn no_secret_of_an_assume_role_answer_reaches_the_error() {
    let whole = |call: &Call| assumed(call, "2099-01-01T00:00:00Z").1;
    type Spoil = fn(&str) -> String;
    let cases: [(&str, Spoil); 5] = [
        ("cut", |body| body[..body.len() - 60].to_owned()),
        ("cut in the token", |body| body[..body.find("</SessionToken").unwrap()].to_owned()),
        ("wrong root", |body| body.replace("AssumeRoleResponse", "Other")),
        ("bad date", |body| body.replace("2099-01", "hidden-token")),
        ("no XML", |_| "hidden token".to_owned()),
    ];
    for (case, spoil) in cases {
        let server = Canned::start(move |call| match call.operation.as_str() {
            "AssumeRole" => (200, spoil(&whole(call))),
            _ => compliant(call),
        })
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let error = aws.read_role(&account(MEMBER)).await.map(|read| read.seen).expect_err(case);
        let text = format!("{error} {error:?}");
        assert_eq!(error.reason, R::MalformedResponse, "case `{case}`: {text}");
        assert!(!text.contains("hidden") && !text.contains("ASIA"), "case `{case}`: {text}");
    }
}

#[tokio::test]
async fn a_refused_session_says_which_role_and_who_asked_but_not_the_external_id() {
    let server = Canned::start(|call| match call.operation.as_str() {
        "AssumeRole" => fault(403, "AccessDenied", "User: x may not use externalId s3cr3t"),
        _ => compliant(call),
    })
    .await;
    let mut config = config();
    config.access.external_id = Some(Secret::new("s3cr3t"));
    let aws = server.connect(&config).await.unwrap();
    let error = aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap_err();
    assert_eq!(
        (error.reason, error.code.as_deref(), error.request_id.as_deref()),
        (R::AssumeDenied, Some("AccessDenied"), Some("req-1"))
    );
    assert_eq!(error.operation.as_deref(), Some("sts:AssumeRole"));
    let hint = error.hint.clone().unwrap();
    assert!(
        hint.contains("arn:aws:iam::222222222222:role/rolewarden-scan")
            && hint.contains("user/hub"),
        "{hint}"
    );
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_refused_read_of_the_own_account_names_the_base_credentials() {
    let server = Canned::start(|call| match call.operation.as_str() {
        "GetRole" => fault(403, "AccessDenied", "no"),
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    let error = aws.read_role(&account(HUB)).await.map(|read| read.seen).unwrap_err();
    let hint = error.hint.unwrap();
    assert!(
        hint.contains("iam:GetRole") && hint.contains("user/hub") && hint.contains("own_account"),
        "{hint}"
    );
}
