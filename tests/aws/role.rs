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
    let role = present(aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap());
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
    assert_eq!(present(aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap()), role);
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
    let role = present(aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap());
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
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
    assert_eq!(server.counts()["GetPolicy"], 3, "AWS's own policies are read once");

    let mut quiet = config();
    quiet.checks.disabled.insert(CheckName::EffectivePermissions);
    let aws = server.connect(&quiet).await.unwrap();
    let role = present(aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap());
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
    assert_eq!(aws.read_role(&account(MEMBER)).await.map(|read| read.seen), Ok(Snapshot::Absent));

    for odd in ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies", "GetRolePolicy"] {
        let server = Canned::start(
            move |call| if call.operation == odd { missing() } else { compliant(call) },
        )
        .await;
        let aws = server.connect(&config()).await.unwrap();
        let error = aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap_err();
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
        let role = present(aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap());
        assert_eq!(role.inline.keys().collect::<Vec<_>>(), ["other"], "case `{case}`");
    }
}

#[tokio::test]
async fn the_name_of_an_inline_policy_is_guessed_from_the_last_reading() {
    let server = Canned::start(|call| match (call.operation.as_str(), call.field("PolicyName")) {
        ("ListRolePolicies", _) => names(&["other"], "<IsTruncated>false</IsTruncated>"),
        ("GetRolePolicy", "other") => inline("other"),
        ("GetRolePolicy", _) => fault(404, "NoSuchEntity", ""),
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    // The first reading misses, in two round trips; the next ones know better, each account for itself.
    for (id, at_once, asked) in [(MEMBER, false, 2), (MEMBER, true, 3), ("333333333333", false, 5)]
    {
        let reading = aws.read_role(&account(id)).await.unwrap();
        assert_eq!(reading.taken.is_one_moment(), at_once, "{id}");
        assert_eq!(present(reading.seen).inline.keys().collect::<Vec<_>>(), ["other"]);
        assert_eq!(server.counts()["GetRolePolicy"], asked, "{id}");
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
    let role = present(aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap());
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
        let error = aws.read_role(&account(MEMBER)).await.map(|read| read.seen).expect_err(case);
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
                reason(&case, aws.read_role(&account(MEMBER)).await.map(|read| read.seen)),
                R::MalformedResponse,
                "case `{case}`"
            );
        }
    }
}

/// Which policies a role of AWS's has: version by version, and what is asked of them.
#[tokio::test]
async fn the_default_version_of_aws_s_own_policies_is_asked_for_once_a_sweep_and_a_document_once_a_version()
 {
    const AWS: &str = "arn:aws:iam::aws:policy/Shared";
    let version = Arc::new(AtomicUsize::new(1));
    let now = Arc::clone(&version);
    let server = Canned::start(move |call| match call.operation.as_str() {
        "ListAttachedRolePolicies" => attached(&[AWS], "<IsTruncated>false</IsTruncated>"),
        "GetPolicy" => {
            let version = now.load(Ordering::SeqCst);
            xml("GetPolicy", &format!("<Policy><Arn>{AWS}</Arn><DefaultVersionId>v{version}</DefaultVersionId></Policy>"))
        }
        "GetPolicyVersion" => {
            let version = call.field("VersionId");
            xml("GetPolicyVersion", &format!("<PolicyVersion><VersionId>{version}</VersionId><Document>text-{version}</Document></PolicyVersion>"))
        }
        _ => compliant(call),
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    // The sweep, the version by then, and what was asked of policies and of versions so far.
    for (sweep, default, asked, read) in [(1, 1, 1, 1), (2, 1, 2, 1), (3, 2, 3, 2), (4, 1, 4, 3)] {
        aws.begin_sweep();
        version.store(default, Ordering::SeqCst);
        for id in [MEMBER, "333333333333", MEMBER] {
            let read = aws.read_role(&account(id)).await.map(|read| read.seen);
            let document = present(read.unwrap()).attached[AWS].document.clone();
            assert_eq!(document, Some(format!("text-v{default}")), "sweep {sweep}, {id}");
        }
        let counts = server.counts();
        assert_eq!(
            (counts["GetPolicy"], counts["GetPolicyVersion"]),
            (asked, read),
            "sweep {sweep}"
        );
    }
}

#[tokio::test]
async fn a_reading_is_of_one_moment_when_every_call_was_answered_at_once_in_one_round_trip() {
    let nth = |operation: &'static str, n: usize, bad: Answer| {
        let seen = AtomicUsize::new(0);
        move |call: &Call| match call.operation == operation
            && seen.fetch_add(1, Ordering::SeqCst) == n
        {
            true => bad.clone(),
            false => compliant(call),
        }
    };
    let missing = |call: &Call| match call.operation.as_str() {
        "AssumeRole" | "GetCallerIdentity" => compliant(call),
        _ => fault(404, "NoSuchEntity", "no"),
    };
    const OWN: &str = "arn:aws:iam::222222222222:policy/own";
    type Answers = Box<dyn Fn(&Call) -> Answer + Send + Sync>;
    let cases: Vec<(&str, Answers, bool)> = vec![
        ("healthy", Box::new(compliant), true),
        ("absent", Box::new(missing), true),
        (
            "a session that was throttled",
            Box::new(nth("AssumeRole", 0, fault(400, "Throttling", ""))),
            true,
        ),
        ("a throttled call", Box::new(nth("GetRole", 0, fault(400, "Throttling", ""))), false),
        ("a call that failed", Box::new(nth("ListRolePolicies", 0, (503, String::new()))), false),
        ("no answer", Box::new(nth("GetRolePolicy", 0, (0, String::new()))), false),
        (
            "a slow answer",
            Box::new(|call| {
                if call.operation == "GetRole" {
                    std::thread::sleep(std::time::Duration::from_millis(1_100));
                }
                compliant(call)
            }),
            false,
        ),
        (
            "another page",
            Box::new(|call| match (call.operation.as_str(), call.field("Marker")) {
                ("ListRolePolicies", "") => {
                    names(&[], "<IsTruncated>true</IsTruncated><Marker>m</Marker>")
                }
                _ => compliant(call),
            }),
            false,
        ),
        (
            "another policy",
            Box::new(|call| match call.operation.as_str() {
                "ListRolePolicies" => {
                    names(&["expected", "more"], "<IsTruncated>false</IsTruncated>")
                }
                "GetRolePolicy" => inline(call.field("PolicyName")),
                _ => compliant(call),
            }),
            false,
        ),
        (
            "a managed policy",
            Box::new(|call| match call.operation.as_str() {
                "ListAttachedRolePolicies" => attached(&[OWN], "<IsTruncated>false</IsTruncated>"),
                "GetPolicy" => xml(
                    "GetPolicy",
                    &format!(
                        "<Policy><Arn>{OWN}</Arn><DefaultVersionId>v1</DefaultVersionId></Policy>"
                    ),
                ),
                "GetPolicyVersion" => xml(
                    "GetPolicyVersion",
                    "<PolicyVersion><VersionId>v1</VersionId><Document>x</Document></PolicyVersion>",
                ),
                _ => compliant(call),
            }),
            false,
        ),
    ];
    for (case, answers, want) in cases {
        let server = Canned::start(move |call| answers(call)).await;
        let aws = server.connect(&config()).await.unwrap();
        let reading = aws.read_role(&account(MEMBER)).await.expect(case);
        assert_eq!(reading.taken.is_one_moment(), want, "case `{case}`: {reading:?}");
    }
}

#[tokio::test]
async fn an_answer_without_what_aws_always_sends_is_no_answer() {
    let without = |text: &str, element: &str| {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let (from, to) =
            (text.find(&open).expect(element), text.find(&close).unwrap() + close.len());
        format!("{}{}", &text[..from], &text[to..])
    };
    let role = role(MEMBER, "").1;
    let attached = attached(&["arn:aws:iam::aws:policy/A"], "<IsTruncated>false</IsTruncated>").1;
    let names = names(&["expected"], "<IsTruncated>false</IsTruncated>").1;
    let inline = inline("expected").1;
    let policy = xml("GetPolicy", "<Policy><Arn>arn:aws:iam::aws:policy/A</Arn><DefaultVersionId>v1</DefaultVersionId></Policy>").1;
    let version = xml(
        "GetPolicyVersion",
        "<PolicyVersion><VersionId>v1</VersionId><Document>x</Document></PolicyVersion>",
    )
    .1;
    let answers: [(&str, &str, &[&str]); 6] = [
        (
            "GetRole",
            &role,
            &[
                "Path",
                "RoleName",
                "RoleId",
                "Arn",
                "CreateDate",
                "AssumeRolePolicyDocument",
                "MaxSessionDuration",
            ],
        ),
        ("ListRolePolicies", &names, &["PolicyNames", "IsTruncated"]),
        (
            "ListAttachedRolePolicies",
            &attached,
            &["AttachedPolicies", "IsTruncated", "PolicyName", "PolicyArn"],
        ),
        ("GetRolePolicy", &inline, &["RoleName", "PolicyName", "PolicyDocument"]),
        ("GetPolicy", &policy, &["Arn", "DefaultVersionId"]),
        ("GetPolicyVersion", &version, &["VersionId", "Document"]),
    ];
    for (operation, whole, elements) in answers {
        for element in elements {
            let answer = without(whole, element);
            let (policy, version, attached) = (policy.clone(), version.clone(), attached.clone());
            let server = Canned::start(move |call| match call.operation.as_str() {
                asked if asked == operation => (200, answer.clone()),
                "ListAttachedRolePolicies" => (200, attached.clone()),
                "GetPolicy" => (200, policy.clone()),
                "GetPolicyVersion" => (200, version.clone()),
                _ => compliant(call),
            })
            .await;
            let aws = server.connect(&config()).await.unwrap();
            let case = format!("{operation} without {element}");
            let read = aws.read_role(&account(MEMBER)).await.map(|read| read.seen);
            assert_eq!(reason(&case, read), R::MalformedResponse, "case `{case}`");
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
    assert_eq!(
        reason("slow", aws.read_role(&account(MEMBER)).await.map(|read| read.seen)),
        R::Timeout
    );
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
