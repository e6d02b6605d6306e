//! The simulator, driven by the real SDK clients over real HTTP.

#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_sdk_organizations::operation::list_accounts::ListAccountsOutput;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::Region;
use aws_types::request_id::RequestId;
use rolewarden::model::AccountId;
use rolewarden::simulator::*;

const ROLE: &str = "AmazonEKSConnectorAgentRole";

fn http() -> SharedHttpClient {
    HttpBuilder::new().build_http()
}

macro_rules! client {
    ($sdk:ident, $running:expr, $credentials:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .endpoint_url($running.endpoint())
                .credentials_provider($credentials)
                .retry_config(RetryConfig::disabled())
                .http_client(http())
                .build(),
        )
    };
}

fn sts(running: &Running) -> aws_sdk_sts::Client {
    client!(aws_sdk_sts, running, running.credentials())
}

fn organizations(running: &Running) -> aws_sdk_organizations::Client {
    client!(aws_sdk_organizations, running, running.credentials())
}

fn iam(running: &Running, credentials: Credentials) -> aws_sdk_iam::Client {
    client!(aws_sdk_iam, running, credentials)
}

fn role_arn(account: &AccountId, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

fn assume(running: &Running, account: &AccountId) -> AssumeRoleFluentBuilder {
    sts(running)
        .assume_role()
        .role_arn(role_arn(account, "rolewarden-scan"))
        .role_session_name("rolewarden")
}

async fn session(call: AssumeRoleFluentBuilder) -> Credentials {
    let out = call.send().await.unwrap();
    let c = out.credentials().unwrap();
    Credentials::new(
        c.access_key_id(),
        c.secret_access_key(),
        Some(c.session_token().to_owned()),
        None,
        "test",
    )
}

async fn iam_in(running: &Running, account: &AccountId) -> aws_sdk_iam::Client {
    iam(running, session(assume(running, account)).await)
}

/// Status and code of an error that the service gave.
fn code<T, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, HttpResponse>>,
) -> (u16, String) {
    match result {
        Err(SdkError::ServiceError(e)) => {
            (e.raw().status().as_u16(), e.err().code().unwrap_or("no code").to_owned())
        }
        Err(other) => (0, format!("{other:?}")),
        Ok(_) => (200, "ok".to_owned()),
    }
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn start(accounts: usize) -> (Running, World) {
    let world = generate(7, accounts);
    (Server::start(world.clone()).await.unwrap(), world)
}

fn one(world: &World, kind: Kind) -> AccountId {
    world.of_kind(kind).next().unwrap().clone()
}

fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document).decode_utf8().unwrap().into_owned()
}

#[test]
fn one_seed_makes_one_world() {
    assert_eq!(generate(1, 60), generate(1, 60));
    assert_ne!(generate(1, 60), generate(2, 60));
}

#[test]
fn sixty_accounts_hold_every_kind_and_two_thirds_are_right() {
    for seed in 0..20 {
        let world = generate(seed, 60);
        assert_eq!(world.accounts.len(), 60);
        for kind in Kind::ALL {
            assert!(world.of_kind(*kind).next().is_some(), "seed {seed}: no {kind:?}");
        }
        let right: usize = Kind::RIGHT.iter().map(|kind| world.of_kind(*kind).count()).sum();
        assert!((36..=42).contains(&right), "seed {seed}: {right} are right");
        let names: BTreeSet<_> = world.accounts.values().map(|member| &member.name).collect();
        assert_eq!(names.len(), 60, "seed {seed}: names repeat");
    }
}

#[test]
fn small_and_large_organizations_have_the_size_asked_for() {
    for (asked, want) in [(0, 2), (1, 2), (2, 2), (3, 3), (20_000, 20_000)] {
        assert_eq!(generate(3, asked).accounts.len(), want, "case {asked}");
    }
}

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
async fn sessions_read_their_own_account_only() {
    let (running, world) = start(30).await;
    for (id, member) in
        world.accounts.iter().filter(|(_, member)| Kind::RIGHT.contains(&member.kind))
    {
        let iam = iam_in(&running, id).await;
        let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
        assert_eq!(role.arn(), role_arn(id, ROLE));
        assert_eq!(decoded(role.assume_role_policy_document().unwrap()), *member.roles[ROLE].trust);
        let names = iam.list_role_policies().role_name(ROLE).send().await.unwrap().policy_names;
        assert_eq!(names, member.roles[ROLE].inline.keys().cloned().collect::<Vec<_>>());
        let policy =
            iam.get_role_policy().role_name(ROLE).policy_name(&names[0]).send().await.unwrap();
        assert_eq!(decoded(policy.policy_document()), *member.roles[ROLE].inline[&names[0]]);
    }
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

#[tokio::test]
async fn absent_things_are_no_such_entity() {
    let (running, world) = start(60).await;
    let iam = iam_in(&running, &one(&world, Kind::Absent)).await;
    let result = iam.get_role().role_name(ROLE).send().await;
    assert!(result.as_ref().unwrap_err().as_service_error().unwrap().is_no_such_entity_exception());
    assert_eq!(code(result), is(404, "NoSuchEntity"));
    assert_eq!(
        code(iam.list_role_policies().role_name(ROLE).send().await),
        is(404, "NoSuchEntity")
    );
    assert_eq!(
        code(iam.list_attached_role_policies().role_name(ROLE).send().await),
        is(404, "NoSuchEntity")
    );
    let iam = iam_in(&running, &one(&world, Kind::GuideCli)).await;
    let policy = iam.get_role_policy().role_name(ROLE).policy_name("none");
    assert_eq!(code(policy.send().await), is(404, "NoSuchEntity"));
    let policy = iam.get_policy().policy_arn("arn:aws:iam::aws:policy/None");
    assert_eq!(code(policy.send().await), is(404, "NoSuchEntity"));
    assert_eq!(code(iam.get_role().send().await), is(400, "ValidationError"));
}

#[tokio::test]
async fn managed_policies_and_boundaries_are_read_with_their_documents() {
    let (running, world) = start(60).await;
    for kind in [Kind::TerraformManaged, Kind::AdministratorAttached, Kind::Boundary] {
        let account = one(&world, kind);
        let iam = iam_in(&running, &account).await;
        let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
        let attached = iam.list_attached_role_policies().role_name(ROLE).send().await.unwrap();
        let mut arns: Vec<String> = attached
            .attached_policies()
            .iter()
            .map(|p| p.policy_arn().unwrap().to_owned())
            .collect();
        arns.extend(
            role.permissions_boundary().map(|b| b.permissions_boundary_arn().unwrap().to_owned()),
        );
        assert_eq!(arns.len(), 1, "case {kind:?}");
        let policy = iam.get_policy().policy_arn(&arns[0]).send().await.unwrap().policy.unwrap();
        let version = policy.default_version_id().unwrap();
        let version =
            iam.get_policy_version().policy_arn(&arns[0]).version_id(version).send().await.unwrap();
        let document = decoded(version.policy_version().unwrap().document().unwrap());
        let stored = world
            .aws_policies
            .get(&arns[0])
            .or(world.accounts[&account].policies.get(&arns[0]))
            .unwrap();
        assert_eq!(document, *stored.document, "case {kind:?}");
    }
}

#[tokio::test]
async fn iam_lists_are_paged() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    let names: Vec<String> = (10..32).map(|n| format!("policy-{n}")).collect();
    running.change(|world| {
        world.iam_page = 7;
        let role = world.accounts.get_mut(&account).unwrap().roles.get_mut(ROLE).unwrap();
        role.inline = names.iter().map(|name| (name.clone(), "{}".into())).collect();
        role.attached =
            names.iter().map(|name| format!("arn:aws:iam::{account}:policy/team/{name}")).collect();
    });
    let iam = iam_in(&running, &account).await;
    let pages = iam.list_role_policies().role_name(ROLE).into_paginator().items().send();
    assert_eq!(pages.collect::<Result<Vec<_>, _>>().await.unwrap(), names);
    let pages = iam
        .list_attached_role_policies()
        .role_name(ROLE)
        .max_items(2)
        .into_paginator()
        .items()
        .send();
    let attached = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(attached.iter().map(|p| p.policy_name().unwrap()).collect::<Vec<_>>(), names);
    let calls = running.calls();
    assert_eq!(
        (calls.of(Operation::ListRolePolicies), calls.of(Operation::ListAttachedRolePolicies)),
        (4, 11)
    );
}

async fn listed(running: &Running) -> Vec<ListAccountsOutput> {
    let pages = organizations(running).list_accounts().into_paginator().send();
    pages.collect::<Result<Vec<_>, _>>().await.unwrap()
}

fn ids(pages: &[ListAccountsOutput]) -> Vec<&str> {
    pages.iter().flat_map(|page| page.accounts()).map(|account| account.id().unwrap()).collect()
}

#[tokio::test]
async fn accounts_are_listed_twenty_at_a_time() {
    let (running, world) = start(60).await;
    let pages = listed(&running).await;
    assert_eq!(pages.iter().map(|page| page.accounts().len()).collect::<Vec<_>>(), [20, 20, 20]);
    assert_eq!(ids(&pages), world.ids().map(AccountId::as_str).collect::<Vec<_>>());
    for account in pages.iter().flat_map(|page| page.accounts()) {
        let member = &world.accounts[&account.id().unwrap().parse().unwrap()];
        assert_eq!(account.state().unwrap().as_str(), member.state.as_str());
        assert_eq!((account.name(), account.status()), (Some(member.name.as_str()), None));
        assert!(account.joined_timestamp().is_some() && account.paths().len() == 1);
    }
    for max in [0, 21] {
        let result = organizations(&running).list_accounts().max_results(max).send().await;
        assert_eq!(code(result), is(400, "InvalidInputException"), "case {max}");
    }
    let result = organizations(&running).list_accounts().next_token("made-up").send().await;
    assert_eq!(code(result), is(400, "InvalidInputException"));
}

#[tokio::test]
async fn listing_goes_wrong_as_told() {
    let (running, world) = start(45).await;
    let all: Vec<&str> = world.ids().map(AccountId::as_str).collect();
    running.change(|world| world.listing.paging = Paging::EmptyPages(2));
    let pages = listed(&running).await;
    let sizes: Vec<usize> = pages.iter().map(|page| page.accounts().len()).collect();
    assert_eq!(sizes, [0, 0, 20, 0, 0, 20, 0, 0, 5]);
    assert_eq!(ids(&pages), all);

    running.change(|world| world.listing.paging = Paging::Overlapping);
    let pages = listed(&running).await;
    assert_eq!(ids(&pages).len(), all.len() + 2);
    assert_eq!(ids(&pages).into_iter().collect::<BTreeSet<_>>().len(), all.len());

    running.change(|world| world.listing.paging = Paging::RepeatingToken);
    let client = organizations(&running);
    let first = client.list_accounts().send().await.unwrap();
    let second =
        client.list_accounts().next_token(first.next_token().unwrap()).send().await.unwrap();
    assert_eq!(first.next_token(), second.next_token());

    running.change(|world| world.listing.paging = Paging::Endless);
    let mut tokens = BTreeSet::new();
    let mut token = None;
    for _ in 0..50 {
        let page = client.list_accounts().set_next_token(token).send().await.unwrap();
        assert!(page.accounts().is_empty());
        token = page.next_token().map(str::to_owned);
        assert!(tokens.insert(token.clone().unwrap()));
    }
    running.change(|world| {
        world.listing.paging = Paging::Honest;
        world.listing.state_field = StateField::Status;
    });
    let pages = listed(&running).await;
    assert!(
        pages[0]
            .accounts()
            .iter()
            .all(|account| account.state().is_none() && account.status().is_some())
    );
}

#[tokio::test]
async fn the_tree_leads_to_every_account() {
    let (running, world) = start(60).await;
    let client = organizations(&running);
    let organization = client.describe_organization().send().await.unwrap().organization.unwrap();
    assert_eq!(organization.id(), Some(world.organization_id.as_str()));
    assert_eq!(organization.master_account_id(), Some(world.management.as_str()));
    let roots = client.list_roots().send().await.unwrap().roots.unwrap();
    let mut parents: Vec<String> = roots.iter().map(|root| root.id().unwrap().to_owned()).collect();
    let mut found = BTreeSet::new();
    while let Some(parent) = parents.pop() {
        let pages = client.list_accounts_for_parent().parent_id(&parent).into_paginator().send();
        for page in pages.collect::<Result<Vec<_>, _>>().await.unwrap() {
            found.extend(page.accounts().iter().map(|account| account.id().unwrap().to_owned()));
        }
        let pages = client
            .list_organizational_units_for_parent()
            .parent_id(&parent)
            .into_paginator()
            .send();
        for page in pages.collect::<Result<Vec<_>, _>>().await.unwrap() {
            parents.extend(
                page.organizational_units().iter().map(|unit| unit.id().unwrap().to_owned()),
            );
        }
    }
    assert_eq!(found, world.ids().map(ToString::to_string).collect());
    let result = client.list_accounts_for_parent().parent_id("ou-none-00000000").send().await;
    assert_eq!(code(result), is(400, "ParentNotFoundException"));

    let tags = client.list_tags_for_resource();
    let out = tags.clone().resource_id(world.hub.as_str()).send().await.unwrap();
    assert_eq!(
        out.tags().iter().map(|tag| (tag.key(), tag.value())).collect::<Vec<_>>(),
        [("environment", "tooling")]
    );
    assert_eq!(
        code(tags.resource_id("000000000001").send().await),
        is(400, "TargetNotFoundException")
    );
}

#[tokio::test]
async fn only_the_management_account_and_delegates_may_list() {
    let (running, world) = start(2).await;
    running.change(|world| world.delegated.clear());
    let client = organizations(&running);
    assert_eq!(code(client.list_accounts().send().await), is(400, "AccessDeniedException"));
    assert_eq!(code(client.describe_organization().send().await), is(200, "ok"));
    running.change(|changed| changed.hub = world.management.clone());
    assert_eq!(code(client.list_accounts().send().await), is(200, "ok"));
}

#[tokio::test]
async fn each_fault_arrives_as_the_sdk_knows_it() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    let iam = iam_in(&running, &account).await;
    let meet = |fault| {
        running.change(|world| {
            world.accounts.get_mut(&account).unwrap().faults = vec![Rule::always(On::Iam, fault)];
        })
    };
    let errors = [
        (Fault::Denied, is(403, "AccessDenied")),
        (Fault::ScpDenied, is(403, "AccessDenied")),
        (Fault::Throttled, is(400, "Throttling")),
        (Fault::ServerError, is(500, "ServiceFailure")),
        (Fault::Error(503, "SlowDown"), is(503, "SlowDown")),
        (Fault::ExpiredToken, is(403, "ExpiredToken")),
        (Fault::ClockSkew(86_400), is(403, "SignatureDoesNotMatch")),
    ];
    for (fault, want) in errors {
        meet(fault);
        assert_eq!(code(iam.get_role().role_name(ROLE).send().await), want, "case {fault:?}");
    }
    for fault in [Fault::HtmlPage, Fault::Malformed, Fault::Without("GetRoleResult")] {
        meet(fault);
        let result = iam.get_role().role_name(ROLE).send().await;
        // The SDK's parser is lenient: what matters is that no whole role comes out.
        let whole = result
            .is_ok_and(|out| out.role().is_some_and(|role| role.max_session_duration().is_some()));
        assert!(!whole, "case {fault:?}");
    }
    let mut cut = 0;
    loop {
        meet(Fault::CutBody(cut));
        match iam.get_role().role_name(ROLE).send().await {
            Ok(whole) => {
                break assert_eq!(whole.role().unwrap().max_session_duration(), Some(3600));
            }
            Err(SdkError::ResponseError(_) | SdkError::DispatchFailure(_)) => cut += 1,
            Err(other) => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert!(cut > 800, "the answer was taken for whole after {cut} bytes");
    meet(Fault::WrongAccount);
    let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
    assert_eq!(role.arn(), format!("arn:aws:iam::999999999999:role/{ROLE}"));
    meet(Fault::TruncatedWithoutMarker);
    let out = iam.list_role_policies().role_name(ROLE).send().await.unwrap();
    assert!(out.is_truncated() && out.marker().is_none());
    meet(Fault::Without("AssumeRolePolicyDocument"));
    let role = iam.get_role().role_name(ROLE).send().await.unwrap().role.unwrap();
    assert_eq!(
        (role.assume_role_policy_document(), role.max_session_duration()),
        (None, Some(3600))
    );
    meet(Fault::Hangs);
    let hung =
        tokio::time::timeout(Duration::from_millis(200), iam.get_role().role_name(ROLE).send())
            .await;
    assert!(hung.is_err());
}

#[tokio::test]
async fn faults_of_the_organization_have_its_own_codes() {
    let (running, _) = start(2).await;
    let cases = [
        (Fault::Denied, is(400, "AccessDeniedException")),
        (Fault::Throttled, is(400, "TooManyRequestsException")),
        (Fault::NotInUse, is(400, "AWSOrganizationsNotInUseException")),
        (Fault::ExpiredToken, is(400, "ExpiredTokenException")),
        (Fault::ServerError, is(500, "InternalFailure")),
    ];
    for (fault, want) in cases {
        running.reset_calls();
        running.change(|world| {
            world.faults = vec![Rule::first(2, On::Only(Operation::ListAccounts), fault)]
        });
        let client = organizations(&running);
        for _ in 0..2 {
            assert_eq!(code(client.list_accounts().send().await), want, "case {fault:?}");
        }
        assert_eq!(code(client.list_accounts().send().await), is(200, "ok"), "case {fault:?}");
    }
}

#[tokio::test]
async fn the_sdk_corrects_its_clock_by_the_answer() {
    let (running, world) = start(2).await;
    running.change(|world| {
        world.faults =
            vec![Rule::first(1, On::Only(Operation::GetCallerIdentity), Fault::ClockSkew(86_400))];
    });
    let config = sts(&running).config().to_builder().retry_config(RetryConfig::standard()).build();
    let out = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await.unwrap();
    assert_eq!(out.account(), Some(world.hub.as_str()));
    assert_eq!(running.calls().of(Operation::GetCallerIdentity), 2);
}

#[tokio::test]
async fn a_role_can_change_between_two_reads() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    let mut changed = world.accounts[&account].roles[ROLE].clone();
    changed.id = "AROACHANGED".to_owned();
    let iam = iam_in(&running, &account).await;
    let read = || async {
        iam.get_role().role_name(ROLE).send().await.map(|out| out.role.unwrap().role_id)
    };
    let once = |after, to| Change::Once { after, role: ROLE.to_owned(), to };
    let set =
        |change| running.change(|world| world.accounts.get_mut(&account).unwrap().change = change);

    set(once(2, Some(Box::new(changed))));
    let mut seen = vec![];
    for _ in 0..4 {
        seen.push(read().await.unwrap() == "AROACHANGED");
    }
    assert_eq!(seen, [false, false, true, true]);
    set(once(0, None));
    assert_eq!(code(read().await), is(404, "NoSuchEntity"));

    set(Change::EveryRead);
    let policy = || async {
        let call =
            iam.get_role_policy().role_name(ROLE).policy_name("AmazonEKSConnectorAgentPolicy");
        call.send().await.unwrap().policy_document
    };
    assert_ne!(policy().await, policy().await);
}

#[tokio::test]
async fn calls_are_counted_where_they_act() {
    let (running, world) = start(10).await;
    let account = one(&world, Kind::GuideCli);
    let iam = iam_in(&running, &account).await;
    for _ in 0..3 {
        iam.get_role().role_name(ROLE).send().await.unwrap();
    }
    assert_eq!(code(iam.get_role().role_name("none").send().await), is(404, "NoSuchEntity"));
    listed(&running).await;
    let calls = running.calls();
    assert_eq!(calls.of_in(Operation::AssumeRole, &account), 1);
    assert_eq!(calls.of_in(Operation::AssumeRole, &world.hub), 0);
    assert_eq!((calls.of_in(Operation::GetRole, &account), calls.iam_in(&account)), (4, 4));
    assert_eq!(
        (calls.of(Operation::GetRole), calls.of_in(Operation::ListAccounts, &world.hub)),
        (4, 1)
    );
    assert_eq!(calls.total(), 6);
    running.reset_calls();
    assert_eq!(running.calls(), Calls::default());
}

#[tokio::test]
async fn every_answer_takes_the_latency_and_they_overlap() {
    let (running, _) = start(2).await;
    running.change(|world| world.latency = Duration::from_millis(300));
    let client = sts(&running);
    let begun = Instant::now();
    let calls = (0..8).map(|_| client.get_caller_identity().send());
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_millis(2300), "answered one after another: {took:?}");
}

#[tokio::test]
async fn unknown_operations_are_invalid_actions() {
    let (running, _) = start(2).await;
    let iam = iam(&running, running.credentials());
    assert_eq!(code(iam.list_users().send().await), is(400, "InvalidAction"));
    assert_eq!(code(sts(&running).get_session_token().send().await), is(400, "InvalidAction"));
    let result = organizations(&running).list_create_account_status().send().await;
    assert_eq!(code(result), is(400, "UnknownOperationException"));
    assert_eq!(running.calls().total(), 0);
}

#[tokio::test]
async fn nonsense_is_refused_and_the_server_lives_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (running, _) = start(2).await;
    let address = running.endpoint().replace("http://", "");
    let large = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n{}",
        "x".repeat(600_000)
    );
    let cases: [(&[u8], &[u8]); 5] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n\xff\xfe%&", b"HTTP/1.1 400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: \xff\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"HTTP/1.1 400"),
        (large.as_bytes(), b"HTTP/1.1 413"),
    ];
    for (request, want) in cases {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = vec![0; want.len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), String::from_utf8_lossy(want));
    }
    assert!(sts(&running).get_caller_identity().send().await.is_ok());
}

#[tokio::test]
async fn stopping_and_dropping_end_the_server() {
    let (running, _) = start(2).await;
    let (client, address) = (sts(&running), running.endpoint().replace("http://", ""));
    assert!(client.get_caller_identity().send().await.is_ok());
    running.change(|world| {
        world.faults = vec![Rule::always(On::Only(Operation::ListRoots), Fault::Hangs)]
    });
    let hung = tokio::spawn(organizations(&running).list_roots().send());
    while running.calls().of(Operation::ListRoots) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    running.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(hung.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    assert!(client.get_caller_identity().send().await.is_err());

    let (running, _) = start(2).await;
    let client = sts(&running);
    assert!(client.get_caller_identity().send().await.is_ok());
    drop(running);
    tokio::task::yield_now().await;
    assert!(client.get_caller_identity().send().await.is_err());
}
