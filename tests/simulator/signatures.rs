//! Signatures: what the SDK signs is accepted, whatever service it is for; anything else is refused.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use rolewarden::simulator::*;

use crate::support::*;

async fn strict(accounts: usize) -> (Running, World) {
    let (running, world) = start(accounts).await;
    running.change(|world| world.check_signatures = true);
    (running, world)
}

/// The same key and token with another secret.
fn with_secret(good: &Credentials, secret: &str) -> Credentials {
    let token = good.session_token().map(str::to_owned);
    Credentials::new(good.access_key_id(), secret, token, None, "test")
}

#[tokio::test]
async fn what_the_sdk_signs_is_accepted() {
    let (running, world) = strict(10).await;
    assert_eq!(code(sts(&running).get_caller_identity().send().await), is(200, "ok"));
    assert_eq!(ids(&listed(&running).await).len(), 10);
    let iam = iam_in(&running, &world.management).await;
    assert_eq!(code(iam.get_role().role_name(ROLE).send().await), is(200, "ok"));
    let policy = iam.list_role_policies().role_name("a+b c/ü=&").send().await;
    assert_eq!(code(policy), is(404, "NoSuchEntity"));
}

#[tokio::test]
async fn in_process_too() {
    let mut world = generate(7, 3);
    world.check_signatures = true;
    let direct = Direct::new(world);
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
        .region(aws_types::region::Region::new("us-east-1"))
        .endpoint_url("http://simulated")
        .retry_config(RetryConfig::disabled())
        .http_client(direct.clone());
    let client = |credentials: Credentials| {
        aws_sdk_sts::Client::from_conf(config.clone().credentials_provider(credentials).build())
    };
    let good = direct.credentials();
    assert_eq!(code(client(good.clone()).get_caller_identity().send().await), is(200, "ok"));
    let bad = client(with_secret(&good, "wrong"));
    assert_eq!(code(bad.get_caller_identity().send().await), is(403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_in_the_words_of_the_service() {
    let (running, world) = strict(3).await;
    let base = with_secret(&running.credentials(), "wrong");
    let mismatch = is(403, "SignatureDoesNotMatch");
    let call = client!(aws_sdk_sts, running, base.clone()).get_caller_identity();
    assert_eq!(code(call.send().await), mismatch);
    let call = client!(aws_sdk_organizations, running, base.clone()).list_accounts();
    assert_eq!(code(call.send().await), is(400, "InvalidSignatureException"));
    let good = session(assume(&running, &world.management)).await;
    let call = iam(&running, with_secret(&good, "wrong")).get_role().role_name(ROLE);
    assert_eq!(code(call.send().await), mismatch);
    // A key nobody knows is that, whatever its signature.
    let unknown =
        Credentials::new("ASIAUNKNOWN0000000000", "x", Some("x".to_owned()), None, "test");
    let call = iam(&running, unknown).get_role().role_name(ROLE);
    assert_eq!(code(call.send().await), is(403, "InvalidClientTokenId"));
    assert_eq!(running.calls().of(Operation::GetRole), 0, "nothing is answered, nothing counted");
    running.change(|world| world.check_signatures = false);
    let call = client!(aws_sdk_sts, running, base).get_caller_identity();
    assert_eq!(code(call.send().await), is(200, "ok"));
}

#[tokio::test]
async fn a_date_may_be_fifteen_minutes_off() {
    let (running, _) = strict(2).await;
    for (ahead, want) in [
        (0, is(200, "ok")),
        (300, is(200, "ok")),
        (-300, is(200, "ok")),
        (880, is(200, "ok")),
        (-880, is(200, "ok")),
        (960, is(403, "SignatureDoesNotMatch")),
        (-960, is(403, "SignatureDoesNotMatch")),
        (86_400, is(403, "SignatureDoesNotMatch")),
        (-86_400, is(403, "SignatureDoesNotMatch")),
    ] {
        running.change(|world| world.clock_ahead = ahead);
        let call = sts(&running).get_caller_identity();
        assert_eq!(code(call.send().await), want, "case {ahead} s");
        // A client that may ask again corrects its clock by the answer's date.
        let config =
            sts(&running).config().to_builder().retry_config(RetryConfig::standard()).build();
        let call = aws_sdk_sts::Client::from_conf(config).get_caller_identity();
        assert_eq!(code(call.send().await), is(200, "ok"), "case {ahead} s, again");
    }
}

#[tokio::test]
async fn a_request_must_be_signed_whole() {
    let mut world = generate(7, 2);
    world.check_signatures = true;
    let direct = Direct::new(world);
    let now = jiff::Timestamp::now();
    let day = now.strftime("%Y%m%d").to_string();
    let now = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let scope =
        |service: &str| format!("AKIASIMULATEDHUB0001/{day}/us-east-1/{service}/aws4_request");
    let header = |service: &str, signed: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={}, SignedHeaders={signed}, Signature={}",
            scope(service),
            "0".repeat(64)
        )
    };
    let good = header("sts", "host;x-amz-date");
    let cases = [
        ("a made-up signature", good.clone(), Some(now.as_str()), "does not match"),
        ("no date", good.clone(), None, "IncompleteSignature"),
        ("a date that is none", good.clone(), Some("2026-11-24"), "IncompleteSignature"),
        (
            "no signature",
            format!("AWS4-HMAC-SHA256 Credential={}", scope("sts")),
            Some(&now),
            "IncompleteSignature",
        ),
        ("another service", header("iam", "host;x-amz-date"), Some(&now), "correct service"),
        ("the date not signed", header("sts", "host"), Some(&now), "not signed: x-amz-date"),
        ("the host not signed", header("sts", "x-amz-date"), Some(&now), "not signed: host"),
        ("another day", good.replace(&day, "20200101"), Some(&now), "Date in Credential scope"),
        ("an old date", good.clone(), Some("20200101T000000Z"), "Signature expired"),
        ("a date to come", good.clone(), Some("20990101T000000Z"), "not yet current"),
    ];
    for (case, authorization, date, want) in cases {
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").unwrap();
        request.set_uri("http://simulated/").unwrap();
        request.headers_mut().insert("authorization", authorization);
        if let Some(date) = date {
            request.headers_mut().insert("x-amz-date", date.to_owned());
        }
        let response = direct.call(request).await.unwrap();
        assert!(matches!(response.status().as_u16(), 400 | 403), "case `{case}`");
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(text.contains(want), "case `{case}`: {text}");
    }
}
