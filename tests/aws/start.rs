//! Connecting: what is wrong with the credentials or the way to AWS is said at once.

use rolewarden::aws::RoleReader;
use rolewarden::model::UnknownReason as R;

use crate::canned::*;

#[tokio::test]
async fn the_partition_follows_from_the_caller() {
    let server = Canned::start(|call| {
        let (status, body) = compliant(call);
        (status, body.replace("arn:aws:", "arn:aws-cn:"))
    })
    .await;
    let aws = server.connect(&config()).await.unwrap();
    assert_eq!((aws.partition().as_str(), aws.own_account().as_str()), ("aws-cn", HUB));
    aws.read_role(&account(MEMBER)).await.map(|read| read.seen).unwrap();
    assert_eq!(
        server.calls()[0].field("RoleArn"),
        "arn:aws-cn:iam::222222222222:role/rolewarden-scan"
    );
}

#[tokio::test]
async fn what_keeps_a_scan_from_starting_is_said_with_what_to_do() {
    let cases = [
        ("unknown key", fault(403, "InvalidClientTokenId", "bad"), R::AwsError, "access.region"),
        ("expired", fault(403, "ExpiredToken", "old"), R::AwsError, "renew"),
        ("clock or key", fault(403, "SignatureDoesNotMatch", "bad"), R::Clock, "NTP"),
        ("not STS", (200, "<html>hello</html>".to_owned()), R::MalformedResponse, "proxy"),
        ("no account", xml("GetCallerIdentity", ""), R::MalformedResponse, "proxy"),
        ("nobody there", (0, String::new()), R::Network, "DNS"),
    ];
    for (case, answer, reason, hint) in cases {
        let server = Canned::start(move |_| answer.clone()).await;
        let error = server.connect(&config()).await.err().expect(case);
        assert_eq!(error.reason, reason, "case `{case}`: {error:?}");
        assert!(
            error.hint.as_deref().unwrap_or_default().contains(hint),
            "case `{case}`: {error:?}"
        );
        if case != "no account" {
            assert!(
                error.message.contains(&server.endpoint),
                "case `{case}` names the endpoint: {error:?}"
            );
        }
    }
}
