//! The adapter against the simulated organization, with its faults.

use std::time::Duration;

use rolewarden::aws::{Aws, Connect, OrganizationReader, RoleReader};
use rolewarden::config::{Config, Secret};
use rolewarden::model::{Account, Snapshot, UnknownReason as R};
use rolewarden::simulator::{
    Fault, Kind, On, Operation, Paging, Rule, Running, Server, StateField, generate,
};

use crate::canned;

/// Every kind of account, twice or more.
const ACCOUNTS: usize = 72;

fn config() -> Config {
    let mut config = canned::config();
    config.sweep.max_attempts = 3;
    config.sweep.attempt_timeout = Duration::from_millis(1500);
    config
}

async fn start() -> Running {
    Server::start(generate(7, ACCOUNTS)).await.unwrap()
}

async fn connect(server: &Running, config: &Config) -> Aws {
    let connect = Connect {
        endpoint: Some(server.endpoint()),
        credentials: Some(server.credentials()),
        ..Connect::default()
    };
    Aws::connect_with(config, connect).await.unwrap()
}

/// One account of a kind that is not the management account or the hub.
fn one(server: &Running, kind: Kind) -> Account {
    let id = server.change(|world| world.of_kind(kind).last().cloned()).unwrap();
    canned::account(id.as_str())
}

#[tokio::test]
async fn every_kind_of_account_is_read_as_what_it_is() {
    let server = start().await;
    let aws = connect(&server, &config()).await;
    let organization = aws.read_organization().await.unwrap();
    assert_eq!(
        (organization.id.as_deref(), organization.accounts.len()),
        (Some("o-simulated1"), ACCOUNTS)
    );
    for &kind in Kind::ALL {
        let listed = one(&server, kind);
        let listed = organization.accounts.iter().find(|account| account.id == listed.id).unwrap();
        let skipped = matches!(kind, Kind::Suspended | Kind::Closed);
        assert_eq!(listed.skip.is_some(), skipped, "case {kind:?}");
        if skipped {
            continue;
        }
        let want = match kind {
            Kind::AssumeDenied => Err(R::AssumeDenied),
            Kind::AssumeScpDenied => Err(R::ScpDenied),
            // The session may read the role under its right name only.
            Kind::ReadDenied | Kind::OtherCase => Err(R::AccessDenied),
            Kind::Throttled => Err(R::Throttled),
            Kind::Absent => Ok(false),
            _ => Ok(true),
        };
        let got = aws.read_role(listed).await;
        let got =
            got.map(|read| matches!(read.seen, Snapshot::Present(_))).map_err(|error| error.reason);
        assert_eq!(got, want, "case {kind:?}");
    }
}

#[tokio::test]
async fn every_fault_has_its_reason_whichever_call_it_hits() {
    let read =
        [Operation::GetRole, Operation::ListRolePolicies, Operation::ListAttachedRolePolicies];
    let cases: Vec<(Fault, R)> = vec![
        (Fault::Denied, R::AccessDenied),
        (Fault::ScpDenied, R::ScpDenied),
        (Fault::Throttled, R::Throttled),
        (Fault::ServerError, R::AwsError),
        (Fault::Error(400, "Unheard"), R::AwsError),
        (Fault::Hangs, R::Timeout),
        (Fault::Malformed, R::MalformedResponse),
        (Fault::CutBody(40), R::Network),
        (Fault::HtmlPage, R::MalformedResponse),
        (Fault::ExpiredToken, R::AwsError),
        (Fault::ClockSkew(86_400), R::Clock),
    ];
    let mut config = config();
    config.sweep.max_attempts = 1;
    config.sweep.attempt_timeout = Duration::from_millis(400);
    for (fault, want) in cases {
        let server = start().await;
        let aws = connect(&server, &config).await;
        let account = one(&server, Kind::Eksctl);
        for operation in read.into_iter().chain([Operation::AssumeRole]) {
            let rule = Rule::always(On::Only(operation), fault);
            server.change(|world| world.accounts.get_mut(&account.id).unwrap().faults = vec![rule]);
            // A kept session would hide what AssumeRole meets.
            let aws = if operation == Operation::AssumeRole {
                &connect(&server, &config).await
            } else {
                &aws
            };
            let want = if operation == Operation::AssumeRole && want == R::AccessDenied {
                R::AssumeDenied
            } else {
                want
            };
            let error = aws.read_role(&account).await.map(|read| read.seen).expect_err("a fault");
            assert_eq!(error.reason, want, "case {fault:?} of {operation:?}: {error:?}");
            assert!(
                error.hint.is_some(),
                "case {fault:?} of {operation:?} says what to do: {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn answers_that_name_another_account_are_not_used() {
    let server = start().await;
    let account = one(&server, Kind::Eksctl);
    for operation in [Operation::AssumeRole, Operation::GetRole] {
        let rule = Rule::always(On::Only(operation), Fault::WrongAccount);
        server.change(|world| world.accounts.get_mut(&account.id).unwrap().faults = vec![rule]);
        let aws = connect(&server, &config()).await;
        let error = aws.read_role(&account).await.map(|read| read.seen).unwrap_err();
        assert_eq!(error.reason, R::WrongAccount, "case {operation:?}: {error:?}");
    }
}

#[tokio::test]
async fn pages_are_walked_to_the_end_or_the_list_is_refused() {
    let cases = [
        (Paging::Honest, StateField::Both, Some(ACCOUNTS)),
        (Paging::EmptyPages(3), StateField::State, Some(ACCOUNTS)),
        (Paging::Overlapping, StateField::Status, Some(ACCOUNTS)),
        (Paging::RepeatingToken, StateField::State, None),
    ];
    let server = start().await;
    let aws = connect(&server, &config()).await;
    for (paging, field, want) in cases {
        server.change(|world| (world.listing.paging, world.listing.state_field) = (paging, field));
        let got = aws.read_organization().await;
        assert_eq!(
            got.as_ref().ok().map(|o| o.accounts.len()),
            want,
            "case {paging:?}: {:?}",
            got.err()
        );
    }
}

#[tokio::test]
async fn the_external_id_and_the_narrow_session_are_enough_and_needed() {
    let server = start().await;
    let account = one(&server, Kind::AdministratorAttached);
    server.change(|world| {
        for role in world.access.everywhere.values_mut() {
            role.external_id = Some("right".to_owned());
        }
    });
    for (id, want) in [
        (Some("right"), None),
        (Some("wrong"), Some(R::AssumeDenied)),
        (None, Some(R::AssumeDenied)),
    ] {
        let mut config = config();
        config.access.external_id = id.map(Secret::new);
        let got = connect(&server, &config).await.read_role(&account).await;
        assert_eq!(got.err().map(|error| error.reason), want, "case {id:?}");
    }
}
