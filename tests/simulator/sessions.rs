//! Who the caller is, and who it may become.

use std::collections::{BTreeMap, BTreeSet};

use aws_credential_types::Credentials;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use rolewarden::model::AccountId;
use rolewarden::simulator::*;

use crate::support::*;

#[tokio::test]
async fn the_base_credentials_are_a_user_of_the_hub() {
    let (running, world) = start(2).await;
    let out = sts(&running).get_caller_identity().send().await.unwrap();
    assert_eq!(out.account(), Some(world.hub.as_str()));
    assert_eq!(out.arn().unwrap(), format!("arn:aws:iam::{}:user/rolewarden", world.hub));
    assert!(out.request_id().is_some());
}

#[tokio::test]
async fn assuming_a_role_gives_a_session_of_that_account() {
    let (running, world) = start(10).await;
    let account = one(&world, Kind::GuideCli);
    let out = assume(&running, &account).duration_seconds(900).send().await.unwrap();
    let arn = out.assumed_role_user().unwrap().arn().to_owned();
    assert_eq!(arn, format!("arn:aws:sts::{account}:assumed-role/rolewarden-scan/rolewarden"));
    let seconds =
        out.credentials().unwrap().expiration().secs() - jiff::Timestamp::now().as_second();
    assert!((890..=900).contains(&seconds), "expires in {seconds} s");

    let credentials = session(assume(&running, &account)).await;
    let me = client!(aws_sdk_sts, running, credentials).get_caller_identity().send().await.unwrap();
    assert_eq!((me.account(), me.arn()), (Some(account.as_str()), Some(arn.as_str())));
}

#[tokio::test]
async fn assume_role_refuses_what_aws_refuses() {
    let (running, world) = start(60).await;
    let open = one(&world, Kind::GuideCli);
    let role = |account: &AccountId, name: &str| {
        assume(&running, account).role_arn(role_arn(account, name))
    };
    let stranger: AccountId = "000000000001".parse().unwrap();
    let denied = is(403, "AccessDenied");
    let invalid = is(400, "ValidationError");
    let malformed = is(400, "MalformedPolicyDocument");
    let cases = [
        ("no such role", role(&open, "rolewarden-scam"), &denied),
        ("role with another path", role(&open, "team/rolewarden-scan"), &denied),
        ("no such account", role(&stranger, "rolewarden-scan"), &denied),
        ("suspended account", role(&one(&world, Kind::Suspended), "rolewarden-scan"), &denied),
        ("closed account", role(&one(&world, Kind::Closed), "rolewarden-scan"), &denied),
        ("not deployed", role(&one(&world, Kind::AssumeDenied), "rolewarden-scan"), &denied),
        (
            "other partition",
            assume(&running, &open)
                .role_arn(format!("arn:aws-cn:iam::{open}:role/rolewarden-scan")),
            &denied,
        ),
        ("no ARN", assume(&running, &open).role_arn("rolewarden-scan"), &invalid),
        ("session name", assume(&running, &open).role_session_name("no spaces"), &invalid),
        ("too short", assume(&running, &open).duration_seconds(899), &invalid),
        ("longer than the role allows", assume(&running, &open).duration_seconds(3601), &invalid),
        ("broken session policy", assume(&running, &open).policy("{"), &malformed),
        ("long session policy", assume(&running, &open).policy("x".repeat(2049)), &invalid),
    ];
    for (case, call, want) in cases {
        assert_eq!(code(call.send().await), *want, "case `{case}`");
    }
    let scp =
        role(&one(&world, Kind::AssumeScpDenied), "rolewarden-scan").send().await.unwrap_err();
    let message = scp.as_service_error().unwrap().message().unwrap().to_owned();
    assert!(message.ends_with("with an explicit deny in a service control policy"), "{message}");
}

#[tokio::test]
async fn an_external_id_must_be_the_one_the_role_wants() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    running.change(|world| {
        let role = world.access.everywhere.get_mut("rolewarden-scan").unwrap();
        role.external_id = Some("right-one".to_owned());
    });
    assert_eq!(code(assume(&running, &account).send().await), is(403, "AccessDenied"));
    assert_eq!(
        code(assume(&running, &account).external_id("wrong-one").send().await),
        is(403, "AccessDenied")
    );
    assert_eq!(
        code(assume(&running, &account).external_id("right-one").send().await),
        is(200, "ok")
    );
}

#[tokio::test]
async fn a_role_that_trusts_another_account_is_reached_by_way_of_it() {
    let mut world = generate(7, 4);
    let ids: Vec<AccountId> = world.ids().filter(|id| **id != world.hub).cloned().collect();
    let (jump, member) = (&ids[0], &ids[1]);
    let scan = world.access.everywhere.get_mut("rolewarden-scan").unwrap();
    scan.trusts = BTreeSet::from([jump.clone()]);
    let hop = Assumable {
        trusts: BTreeSet::new(),
        allows: vec!["sts:AssumeRole".to_owned()],
        ..scan.clone()
    };
    world.access.only =
        BTreeMap::from([(jump.clone(), BTreeMap::from([("jump/hop".to_owned(), hop)]))]);
    let running = Server::start(world).await.unwrap();
    assert_eq!(code(assume(&running, member).send().await), is(403, "AccessDenied"));
    let hop = session(assume(&running, jump).role_arn(role_arn(jump, "jump/hop"))).await;
    let chained = client!(aws_sdk_sts, running, hop);
    let back =
        chained.assume_role().role_arn(role_arn(jump, "jump/hop")).role_session_name("rolewarden");
    assert_eq!(code(back.send().await), is(403, "AccessDenied"), "the role trusts the hub alone");
    let call = chained
        .assume_role()
        .role_arn(role_arn(member, "rolewarden-scan"))
        .role_session_name("rolewarden");
    assert_eq!(code(call.clone().duration_seconds(7200).send().await), is(400, "ValidationError"));
    assert_eq!(code(call.send().await), is(200, "ok"));
}

#[tokio::test]
async fn a_session_does_what_its_role_and_its_session_policy_both_allow() {
    let (running, world) = start(10).await;
    let account = one(&world, Kind::GuideCli);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["iam:GetRole","iam:DeleteRole","organizations:ListAccounts"],
        "Resource":["arn:aws:iam::*:role/{ROLE}","*:policy/x"]}}]}}"#
    );
    let iam = iam(&running, session(assume(&running, &account).policy(policy)).await);
    assert_eq!(code(iam.get_role().role_name(ROLE).send().await), is(200, "ok"));
    assert_eq!(code(iam.get_role().role_name("other").send().await), is(403, "AccessDenied"));
    assert_eq!(
        code(iam.list_role_policies().role_name(ROLE).send().await),
        is(403, "AccessDenied")
    );

    let scan = session(assume(&running, &account)).await;
    let list = client!(aws_sdk_organizations, running, scan.clone()).list_accounts().send().await;
    assert_eq!(code(list), is(400, "AccessDeniedException"));
    let call = client!(aws_sdk_sts, running, scan).assume_role();
    let call =
        call.role_arn(role_arn(&world.hub, "rolewarden-scan")).role_session_name("rolewarden");
    assert_eq!(code(call.send().await), is(403, "AccessDenied"));
}

#[tokio::test]
async fn keys_and_tokens_must_be_ones_the_server_gave() {
    let (running, world) = start(2).await;
    let good = session(assume(&running, &world.management)).await;
    let cases = [
        Credentials::new("ASIAUNKNOWN0000000000", "x", Some("x".to_owned()), None, "test"),
        Credentials::new(
            good.access_key_id(),
            good.secret_access_key(),
            Some("x".to_owned()),
            None,
            "test",
        ),
        Credentials::new(good.access_key_id(), good.secret_access_key(), None, None, "test"),
    ];
    for credentials in cases {
        let result = iam(&running, credentials.clone()).get_role().role_name(ROLE).send().await;
        assert_eq!(code(result), is(403, "InvalidClientTokenId"));
        let result = client!(aws_sdk_organizations, running, credentials).list_roots().send().await;
        assert_eq!(code(result), is(400, "UnrecognizedClientException"));
    }
}
