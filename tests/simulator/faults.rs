//! Faults, as the SDK knows them.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::retry::RetryConfig;
use rolewarden::model::AccountId;
use rolewarden::simulator::*;

use crate::support::*;

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
async fn markers_of_iam_can_repeat_or_go_on_for_ever() {
    let (running, world) = start(2).await;
    let account = world.management.clone();
    let iam = iam_in(&running, &account).await;
    for (fault, sizes, different) in
        [(Fault::RepeatingMarker, [1, 1, 1, 1], 1), (Fault::EndlessMarkers, [1, 0, 0, 0], 4)]
    {
        running.change(|world| {
            world.accounts.get_mut(&account).unwrap().faults = vec![Rule::always(On::Iam, fault)];
        });
        let (mut seen, mut markers, mut marker) = (vec![], BTreeSet::new(), None);
        for _ in sizes {
            let call = iam.list_role_policies().role_name(ROLE).set_marker(marker);
            let page = call.send().await.unwrap();
            assert!(page.is_truncated(), "case {fault}");
            seen.push(page.policy_names().len());
            marker = page.marker().map(str::to_owned);
            markers.insert(marker.clone().unwrap());
        }
        assert_eq!((seen.as_slice(), markers.len()), (sizes.as_slice(), different), "case {fault}");
    }
}

#[tokio::test]
async fn rules_count_calls_of_one_account_of_each_or_of_all() {
    let (running, world) = start(10).await;
    let right: Vec<AccountId> =
        world.ids().filter(|id| Kind::RIGHT.contains(&world.accounts[id].kind)).cloned().collect();
    let mut clients = vec![];
    for id in &right[..3] {
        clients.push(iam_in(&running, id).await);
    }
    let named = Rule { account: Some(right[1].clone()), ..Rule::nth(0, On::Iam, Fault::Throttled) };
    // Calls go round: first, second, third account, first again.
    let cases = [
        (Rule::nth(3, On::Iam, Fault::Throttled), [false, false, false, true, false, false]),
        (
            Rule::nth(1, On::Iam, Fault::Throttled).per_account(),
            [false, false, false, true, true, true],
        ),
        (named, [false, true, false, false, false, false]),
        (
            Rule::first(2, On::Only(Operation::GetRole), Fault::Throttled),
            [true, true, false, false, false, false],
        ),
        (Rule::always(On::Sts, Fault::Throttled), [false; 6]),
    ];
    for (rule, want) in cases {
        running.reset_calls();
        running.change(|world| {
            world.clear_rules();
            world.script([rule.clone()]).unwrap();
        });
        let mut met = vec![];
        for client in clients.iter().cycle().take(6) {
            met.push(client.get_role().role_name(ROLE).send().await.is_err());
        }
        assert_eq!(met, want, "case {rule}");
    }
}
