//! SDK clients of a simulated organization.

use aws_credential_types::Credentials;
use aws_sdk_iam::Client as Iam;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::shared::IntoShared as _;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::Region;
use rolewarden::model::AccountId;
use rolewarden::simulator::{Direct, Kind, Running, World};

/// The role that everything is about.
pub(crate) const ROLE: &str = "AmazonEKSConnectorAgentRole";
/// Trust that AWS stores.
pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
/// Permissions that AWS stores.
pub(crate) const PERMISSIONS: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;

/// What the SDK can reach: what sends the requests, where to, with which credentials.
pub(crate) trait Reached {
    fn reach(&self) -> (SharedHttpClient, String, Credentials);
}

impl Reached for Running {
    fn reach(&self) -> (SharedHttpClient, String, Credentials) {
        (HttpBuilder::new().build_http(), self.endpoint(), self.credentials())
    }
}

impl Reached for Direct {
    fn reach(&self) -> (SharedHttpClient, String, Credentials) {
        (self.clone().into_shared(), "http://simulated".to_owned(), self.credentials())
    }
}

/// A simulator in another process.
pub(crate) struct Remote {
    endpoint: String,
    credentials: Credentials,
}

impl Remote {
    pub(crate) fn new(endpoint: &str, key: &str, secret: &str) -> Self {
        let credentials = Credentials::new(key, secret, None, None, "test");
        Self { endpoint: endpoint.to_owned(), credentials }
    }
}

impl Reached for Remote {
    fn reach(&self) -> (SharedHttpClient, String, Credentials) {
        (HttpBuilder::new().build_http(), self.endpoint.clone(), self.credentials.clone())
    }
}

macro_rules! client {
    ($sdk:ident, $server:expr, $credentials:expr) => {{
        let (http, endpoint, _) = $server.reach();
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
                .region(Region::new("us-east-1"))
                .endpoint_url(endpoint)
                .credentials_provider($credentials)
                .retry_config(RetryConfig::disabled())
                .http_client(http)
                .build(),
        )
    }};
}

/// IAM with the base credentials: of the hub.
pub(crate) fn iam_of_hub(server: &impl Reached) -> Iam {
    let (.., credentials) = server.reach();
    client!(aws_sdk_iam, server, credentials)
}

/// IAM in an account, by way of this role.
pub(crate) async fn iam_as(
    server: &impl Reached,
    account: &AccountId,
    role: &str,
    session_policy: Option<&str>,
) -> Iam {
    let (.., credentials) = server.reach();
    let out = client!(aws_sdk_sts, server, credentials)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{account}:role/{role}"))
        .role_session_name("test")
        .set_policy(session_policy.map(str::to_owned))
        .send()
        .await
        .unwrap();
    let c = out.credentials().unwrap();
    let token = Some(c.session_token().to_owned());
    let credentials =
        Credentials::new(c.access_key_id(), c.secret_access_key(), token, None, "test");
    client!(aws_sdk_iam, server, credentials)
}

/// Status and code of an answer.
pub(crate) fn code<T, E: ProvideErrorMetadata + std::fmt::Debug>(
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

pub(crate) fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// The first account of a kind that is neither hub nor management account.
pub(crate) fn one(world: &World, kind: Kind) -> AccountId {
    let member = |id: &&AccountId| **id != world.hub && **id != world.management;
    world.of_kind(kind).find(member).unwrap().clone()
}
