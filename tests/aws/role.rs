//! Reading the role of one account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rolewarden::aws::RoleReader;
use rolewarden::model::{CheckName, Role, Snapshot, UnknownReason as R};

use crate::canned::*;

fn present(snapshot: Snapshot) -> Role {
    match snapshot {
        Snapshot::Present(role) => *role,
        Snapshot::Absent => panic!("absent"),
    }
}

#[tokio::test]
async fn a_compliant_account_costs_four_reads_and_one_session_which_the_second_read_uses_again() {
    let server = Canned::start(compliant).await;
    let aws = server.connect(&config()).await.unwrap();
    let role = present(aws.read_role(&account(MEMBER)).await.unwrap());
    assert_eq!(role.arn.to_string(), format!("arn:aws:iam::{MEMBER}:role/{ROLE}"));
    assert_eq!((role.id.as_str(), role.trust_policy.as_str()), ("AROAX", "{\"trust\":1}"));
    assert_eq!(
        role.inline,
        BTreeMap::from([("expected".to_owned(), "{\"expected\":1}".to_owned())])
    );
    assert_eq!(
        (role.max_session_seconds, role.boundary.is_none(), role.attached.is_empty()),
        (Some(3600), true, true)
    );
    let reads = ["GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies"];
    let counts = |assumed: usize, read: usize| -> BTreeMap<String, usize> {
        reads
            .iter()
            .map(|&name| (name.to_owned(), read))
            .chain([("AssumeRole".to_owned(), assumed)])
            .collect()
    };
    assert_eq!(server.counts(), counts(1, 1));
    assert_eq!(present(aws.read_role(&account(MEMBER)).await.unwrap()), role);
    assert_eq!(server.counts(), counts(1, 2));
}

#[tokio::test]
async fn tags_boundary_attached_and_further_inline_policies_are_read_in_full() {
    const OWN: &str = "arn:aws:iam::222222222222:policy/own";
    const AWS: &str = "arn:aws:iam::aws:policy/Shared";
    let server = Canned::start(|call| match (call.operation.as_str(), call.field("Marker")) {
        ("GetRole", _) => role(
            MEMBER,
            &format!(
                "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{OWN}\
                 </PermissionsBoundaryArn></PermissionsBoundary><Tags><member><Key>k</Key><Value>v</Value></member></Tags>"
            ),
        ),
        ("ListRolePolicies", "") => names(&["a"], "<IsTruncated>true</IsTruncated><Marker>m</Marker>"),
        ("ListRolePolicies", "m") => names(&["expected"], "<IsTruncated>false</IsTruncated>"),
        ("ListAttachedRolePolicies", "") => attached(&[], "<IsTruncated>true</IsTruncated><Marker>n</Marker>"),
        ("ListAttachedRolePolicies", "n") => attached(&[OWN, AWS], "<IsTruncated>false</IsTruncated>"),
        ("GetRolePolicy", _) => inline(call.field("PolicyName")),
        ("GetPolicy", _) => {
            let arn = call.field("PolicyArn");
            xml("GetPolicy", &format!("<Policy><Arn>{arn}</Arn><DefaultVersionId>v7</DefaultVersionId></Policy>"))
        }
        ("GetPolicyVersion", _) => {
            xml("GetPolicyVersion", "<PolicyVersion><VersionId>v7</VersionId><Document>a+b%20c</Document></PolicyVersion>")
        }
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    let role = present(aws.read_role(&account(MEMBER)).await.unwrap());
    assert_eq!(role.inline.keys().collect::<Vec<_>>(), ["a", "expected"]);
    let documents: Vec<_> = role
        .attached
        .iter()
        .map(|(arn, p)| (arn.as_str(), p.name.as_str(), p.document.as_deref()))
        .collect();
    assert_eq!(documents, [(OWN, "own", Some("a+b c")), (AWS, "Shared", Some("a+b c"))]);
    let (arn, boundary) = role.boundary.clone().unwrap();
    assert_eq!((arn.as_str(), boundary.document.as_deref()), (OWN, Some("a+b c")));
    assert_eq!(role.tags, BTreeMap::from([("k".to_owned(), "v".to_owned())]));
    assert_eq!((server.counts()["GetPolicy"], server.counts()["GetRolePolicy"]), (2, 2));
    aws.read_role(&account(MEMBER)).await.unwrap();
    assert_eq!(server.counts()["GetPolicy"], 3, "AWS's own policies are read once");

    let mut quiet = config();
    quiet.checks.disabled.insert(CheckName::EffectivePermissions);
    let aws = server.connect(&quiet).await.unwrap();
    let role = present(aws.read_role(&account(MEMBER)).await.unwrap());
    assert!(role.attached.values().all(|policy| policy.document.is_none()));
    assert_eq!(server.counts()["GetPolicy"], 3, "nothing asked for the documents");
}

#[tokio::test]
async fn only_get_role_proves_absence() {
    let missing = || fault(404, "NoSuchEntity", "The role cannot be found.");
    let server = Canned::start(move |call| match call.operation.as_str() {
        "GetRole" | "ListRolePolicies" | "ListAttachedRolePolicies" | "GetRolePolicy" => missing(),
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    assert_eq!(aws.read_role(&account(MEMBER)).await, Ok(Snapshot::Absent));

    for odd in ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies", "GetRolePolicy"] {
        let server = Canned::start(
            move |call| if call.operation == odd { missing() } else { compliant(call) },
        )
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let error = aws.read_role(&account(MEMBER)).await.unwrap_err();
        assert_eq!(error.reason, R::Unstable, "case `{odd}`");
        assert_eq!(error.operation.as_deref(), Some(format!("iam:{odd}").as_str()), "case `{odd}`");
    }
}

#[tokio::test]
async fn a_guess_that_misses_decides_nothing() {
    for (case, answer) in [
        ("no such policy", fault(404, "NoSuchEntity", "")),
        ("refused", fault(403, "AccessDenied", "")),
    ] {
        let server = Canned::start(move |call| match call.operation.as_str() {
            "GetRolePolicy" if call.field("PolicyName") == "expected" => answer.clone(),
            "GetRolePolicy" => inline("other"),
            "ListRolePolicies" => names(&["other"], "<IsTruncated>false</IsTruncated>"),
            _ => compliant(call),
        })
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let role = present(aws.read_role(&account(MEMBER)).await.unwrap());
        assert_eq!(role.inline.keys().collect::<Vec<_>>(), ["other"], "case `{case}`");
    }
}

#[tokio::test]
async fn a_role_under_another_path_or_case_is_present_and_keeps_its_spelling() {
    let server = Canned::start(|call| match call.operation.as_str() {
        "GetRole" => {
            let (status, body) = role(MEMBER, "");
            (
                status,
                body.replace(ROLE, "amazoneksconnectoragentrole")
                    .replace(":role/", ":role/team/")
                    .replace("<Path>/<", "<Path>/team/<"),
            )
        }
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    let role = present(aws.read_role(&account(MEMBER)).await.unwrap());
    assert_eq!(
        (role.arn.path.as_str(), role.arn.name.as_str()),
        ("/team/", "amazoneksconnectoragentrole")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_read_becomes_its_reason_and_never_a_snapshot() {
    let edit = |from: &'static str, to: &'static str| {
        let (status, body) = role(MEMBER, "");
        assert!(body.contains(from), "`{from}`");
        (status, body.replace(from, to))
    };
    let gone = "<IsTruncated>true</IsTruncated>";
    let circle = "<IsTruncated>true</IsTruncated><Marker>m</Marker>";
    let foreign = "arn:aws:iam::999999999999:policy/x";
    let policy = |from: &str, to: &str| (200, inline("expected").1.replace(from, to));
    let cases: Vec<(&str, &str, Answer, R)> = vec![
        ("denied", "GetRole", fault(403, "AccessDenied", "no"), R::AccessDenied),
        ("denied", "ListRolePolicies", fault(403, "AccessDenied", "no"), R::AccessDenied),
        ("denied", "ListAttachedRolePolicies", fault(403, "AccessDenied", "no"), R::AccessDenied),
        ("denied", "GetRolePolicy", fault(403, "AccessDenied", "no"), R::AccessDenied),
        (
            "scp",
            "GetRole",
            fault(403, "AccessDenied", "explicit deny in a service control policy"),
            R::ScpDenied,
        ),
        ("assume denied", "AssumeRole", fault(403, "AccessDenied", "no"), R::AssumeDenied),
        ("throttled", "GetRole", fault(400, "Throttling", "Rate exceeded"), R::Throttled),
        ("throttled", "AssumeRole", fault(400, "Throttling", "Rate exceeded"), R::Throttled),
        ("fault", "ListRolePolicies", fault(500, "ServiceFailure", ""), R::AwsError),
        ("html", "GetRole", (503, "<html>busy</html>".to_owned()), R::AwsError),
        ("skew", "GetRole", fault(403, "RequestExpired", ""), R::Clock),
        ("no answer", "GetRole", (0, String::new()), R::Network),
        ("html with 200", "GetRole", (200, "<html>hello</html>".to_owned()), R::MalformedResponse),
        ("empty", "GetRole", (200, String::new()), R::MalformedResponse),
        ("empty", "ListAttachedRolePolicies", (200, String::new()), R::MalformedResponse),
        ("other account", "GetRole", role("999999999999", ""), R::WrongAccount),
        (
            "other account",
            "ListAttachedRolePolicies",
            attached(&[foreign], "<IsTruncated>false</IsTruncated>"),
            R::WrongAccount,
        ),
        (
            "no policy ARN",
            "ListAttachedRolePolicies",
            attached(&[""], "<IsTruncated>false</IsTruncated>"),
            R::MalformedResponse,
        ),
        ("no trust policy", "GetRole", edit("%7B%22trust%22%3A1%7D", ""), R::MalformedResponse),
        ("bad encoding", "GetRole", edit("%7B%22trust%22%3A1%7D", "%7B%2"), R::MalformedResponse),
        ("bad UTF-8", "GetRole", edit("%7B%22trust%22%3A1%7D", "%FF"), R::MalformedResponse),
        ("no role id", "GetRole", edit("AROAX", ""), R::MalformedResponse),
        ("no ARN", "GetRole", edit("<Arn>", "<Brn>"), R::MalformedResponse),
        ("other role", "GetRole", edit(ROLE, "Other"), R::MalformedResponse),
        ("path differs", "GetRole", edit("<Path>/<", "<Path>/x/<"), R::MalformedResponse),
        (
            "other policy",
            "GetRolePolicy",
            policy("<PolicyName>expected", "<PolicyName>x"),
            R::MalformedResponse,
        ),
        ("other role's", "GetRolePolicy", policy(ROLE, "Other"), R::MalformedResponse),
        (
            "no document",
            "GetRolePolicy",
            policy("%7B%22expected%22%3A1%7D", ""),
            R::MalformedResponse,
        ),
        ("no marker", "ListRolePolicies", names(&["expected"], gone), R::MalformedResponse),
        ("no marker", "ListAttachedRolePolicies", attached(&[], gone), R::MalformedResponse),
        ("in circles", "ListRolePolicies", names(&["expected"], circle), R::MalformedResponse),
        ("in circles", "ListAttachedRolePolicies", attached(&[], circle), R::MalformedResponse),
        (
            "not listed",
            "ListRolePolicies",
            names(&[], "<IsTruncated>false</IsTruncated>"),
            R::Unstable,
        ),
    ];
    for (case, operation, answer, want) in cases {
        let server = Canned::start(move |call| {
            if call.operation == operation { answer.clone() } else { compliant(call) }
        })
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let error = aws.read_role(&account(MEMBER)).await.expect_err(case);
        assert_eq!(error.reason, want, "case `{case}` of {operation}: {error:?}");
        assert!(error.hint.is_some(), "case `{case}` of {operation} says what to do: {error:?}");
        assert!(server.counts()[operation] <= 2, "case `{case}` of {operation}: bounded attempts");
        assert!(
            !format!("{error:?}").contains("hidden"),
            "case `{case}` of {operation}: no secret in {error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_never_a_snapshot() {
    let mut config = config();
    config.sweep.max_attempts = 1;
    let answers = [
        ("GetRole", role(MEMBER, "").1),
        ("ListRolePolicies", names(&["expected"], "<IsTruncated>false</IsTruncated>").1),
        (
            "ListAttachedRolePolicies",
            attached(&["arn:aws:iam::aws:policy/A"], "<IsTruncated>false</IsTruncated>").1,
        ),
        ("GetRolePolicy", inline("expected").1),
    ];
    for (operation, whole) in answers {
        let length = whole.len();
        let cut = Arc::new(AtomicUsize::new(0));
        let at = Arc::clone(&cut);
        let server = Canned::start(move |call| match call.operation == operation {
            true => (200, whole[..at.load(Ordering::SeqCst)].to_owned()),
            false => compliant(call),
        })
        .await;
        let aws = server.connect(&config).await.unwrap();
        for end in 0..length {
            cut.store(end, Ordering::SeqCst);
            let case = format!("{operation} cut at {end}");
            assert_eq!(
                reason(&case, aws.read_role(&account(MEMBER)).await),
                R::MalformedResponse,
                "case `{case}`"
            );
        }
    }
}

#[tokio::test]
async fn a_slow_account_ends_in_time() {
    let mut config = config();
    config.sweep.attempt_timeout = std::time::Duration::from_millis(200);
    let server = Canned::start(|call| {
        if call.operation == "GetRole" {
            std::thread::sleep(std::time::Duration::from_millis(600));
        }
        compliant(call)
    })
    .await;
    let aws = server.connect(&config).await.unwrap();
    assert_eq!(reason("slow", aws.read_role(&account(MEMBER)).await), R::Timeout);
}

#[tokio::test]
async fn what_fails_once_is_asked_for_again() {
    for (case, bad) in [
        ("throttled", fault(400, "Throttling", "Rate exceeded")),
        ("429", (429, String::new())),
        ("fault", (503, "<html>busy</html>".to_owned())),
        ("cut", (200, role(MEMBER, "").1[..200].to_owned())),
        ("no answer", (0, String::new())),
    ] {
        let seen = AtomicUsize::new(0);
        let server = Canned::start(move |call| match call.operation.as_str() {
            "GetRole" if seen.fetch_add(1, Ordering::SeqCst) == 0 => bad.clone(),
            _ => compliant(call),
        })
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let result = aws.read_role(&account(MEMBER)).await;
        assert!(result.is_ok(), "case `{case}`: {result:?}");
        assert_eq!(server.counts()["GetRole"], 2, "case `{case}`");
    }
}
