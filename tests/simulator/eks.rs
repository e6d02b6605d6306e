//! EKS: what is listed, what is described, who may, and how errors look to the SDK.

use aws_credential_types::Credentials;
use aws_sdk_eks::Client;
use rolewarden::simulator::*;

use crate::support::*;

/// EKS in a region.
fn eks(running: &Running, credentials: Credentials, region: &'static str) -> Client {
    let config = aws_sdk_eks::Config::builder()
        .behavior_version(aws_sdk_eks::config::BehaviorVersion::v2026_01_12())
        .region(aws_types::region::Region::new(region))
        .endpoint_url(running.endpoint())
        .credentials_provider(credentials)
        .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
        .http_client(http());
    Client::from_conf(config.build())
}

fn ordinary(region: &str, name: &str) -> Cluster {
    Cluster { connected_role: None, ..Cluster::connected(region, name, "") }
}

/// The hub has two connected clusters and an ordinary one in one region, and one of a strange name in another.
async fn start_with_clusters() -> Running {
    let (running, world) = start(3).await;
    running.change(|live| {
        live.check_signatures = true;
        live.accounts.get_mut(&world.hub).unwrap().clusters = vec![
            Cluster::connected("us-east-1", "a", "arn:aws:iam::1:role/x"),
            ordinary("us-east-1", "b"),
            Cluster::connected("us-east-1", "c", "arn:aws:iam::1:role/y"),
            ordinary("eu-west-1", "a b%/ü"),
        ];
    });
    running
}

#[tokio::test]
async fn connected_clusters_are_listed_only_on_demand_and_each_region_has_its_own() {
    let running = start_with_clusters().await;
    let list = async |region, all| {
        let client = eks(&running, running.credentials(), region);
        let call = client.list_clusters();
        let call = if all { call.include("all") } else { call };
        call.send().await.unwrap().clusters.unwrap()
    };
    assert_eq!(list("us-east-1", false).await, ["b"]);
    assert_eq!(list("us-east-1", true).await, ["a", "b", "c"]);
    assert_eq!(list("eu-west-1", true).await, ["a b%/ü"]);
    assert!(list("ap-south-1", true).await.is_empty());
    let client = eks(&running, running.credentials(), "us-east-1");
    let wrong = client.list_clusters().include("ALL").send().await;
    assert_eq!(code(wrong), is(400, "InvalidParameterException"));
    let too_many = client.list_clusters().max_results(101).send().await;
    assert_eq!(code(too_many), is(400, "InvalidParameterException"));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let running = start_with_clusters().await;
    let client = eks(&running, running.credentials(), "us-east-1");
    let first = client.list_clusters().include("all").max_results(2).send().await.unwrap();
    assert_eq!(first.clusters(), ["a", "b"]);
    let next =
        client.list_clusters().include("all").max_results(2).set_next_token(first.next_token);
    let last = next.send().await.unwrap();
    assert_eq!((last.clusters(), last.next_token()), (["c".to_owned()].as_slice(), None));
}

#[tokio::test]
async fn a_cluster_is_described_as_what_it_is() {
    let running = start_with_clusters().await;
    let describe = async |region, name: &str| {
        let client = eks(&running, running.credentials(), region);
        client.describe_cluster().name(name).send().await
    };
    let connected = describe("us-east-1", "a").await.unwrap().cluster.unwrap();
    let connector = connected.connector_config().unwrap();
    assert_eq!(connector.role_arn(), Some("arn:aws:iam::1:role/x"));
    assert_eq!(connected.role_arn(), None);
    let own = describe("eu-west-1", "a b%/ü").await.unwrap().cluster.unwrap();
    assert!(own.connector_config().is_none() && own.role_arn().is_some());
    assert_eq!(code(describe("eu-west-1", "a").await), is(404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn who_may_not_is_refused_in_the_words_of_eks() {
    let running = start_with_clusters().await;
    let hub = running.change(|world| world.hub.clone());
    let session = session(assume(&running, &hub)).await;
    let client = eks(&running, session, "us-east-1");
    assert_eq!(code(client.describe_cluster().name("a").send().await), is(200, "ok"));
    let narrow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}}"#;
    let narrowed = self::session_of(&running, &hub, narrow).await;
    let client = eks(&running, narrowed, "us-east-1");
    assert_eq!(code(client.list_clusters().send().await), is(403, "AccessDeniedException"));
    let stranger = Credentials::new("AKIASTRANGER", "secret", None, None, "test");
    let client = eks(&running, stranger, "us-east-1");
    assert_eq!(code(client.list_clusters().send().await), is(403, "UnrecognizedClientException"));
    let good = running.credentials();
    let wrong = Credentials::new(good.access_key_id(), "wrong", None, None, "test");
    let client = eks(&running, wrong, "us-east-1");
    assert_eq!(code(client.list_clusters().send().await), is(403, "InvalidSignatureException"));
}

async fn session_of(
    running: &Running,
    account: &rolewarden::model::AccountId,
    policy: &str,
) -> Credentials {
    session(assume(running, account).policy(policy)).await
}
