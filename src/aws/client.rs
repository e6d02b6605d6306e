//! The SDK's clients: one bounded connection pool, one configuration, one client a service.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, meta::region::RegionProviderChain};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_eks as eks;
use aws_sdk_iam as iam;
use aws_sdk_organizations as organizations;
use aws_sdk_sts as sts;
use aws_smithy_http_client::{pool, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};

use super::lane::Lanes;
use super::traffic::Counters;
use super::whole::WholeAnswers;
use crate::config::Config;
use crate::model::{ScanError, UnknownReason, printable_line};

/// STS and Organizations need a region even where the configuration and the environment name none.
const DEFAULT_REGION: &str = "us-east-1";

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Calls of one account that are on their way at once.
pub(super) const CALLS_AT_ONCE: usize = 4;

/// What replaces the environment: for tests and embedding. The default follows the SDK's own environment.
#[derive(Debug, Clone, Default)]
pub struct Connect {
    /// Answers for every service instead of AWS.
    pub endpoint: Option<String>,
    /// The base credentials.
    pub credentials: Option<Credentials>,
    /// What sends the requests, instead of the connection pool.
    pub http: Option<SharedHttpClient>,
    /// What is sent is counted here: a connection that replaces another goes on with its counts.
    pub counters: Arc<Counters>,
}

/// The clients, what new ones are made from, and the lanes that every call goes through.
pub(super) struct Clients {
    sdk: SdkConfig,
    iam: iam::Client,
    sts: sts::Client,
    eks: BTreeMap<String, eks::Client>,
    lanes: Lanes,
}

impl Clients {
    /// Builds the pool and the shared configuration; makes no call unless the region must be asked from EC2.
    pub(super) async fn new(config: &Config, connect: Connect) -> Result<Self, ScanError> {
        let counters = Arc::clone(&connect.counters);
        let sdk = sdk_config(config, connect).await?;
        warn_of_overrides(&sdk);
        let iam = iam::config::Builder::from(&sdk)
            .interceptor(WholeAnswers::IAM)
            .credentials_provider(TaskCredentials)
            .identity_cache(iam::config::IdentityCache::no_cache())
            .build();
        let iam = iam::Client::from_conf(iam);
        let sts = sts::Client::from_conf(sts_builder(&sdk).build());
        let regions = config.baseline.regions.iter();
        let eks = regions.map(|region| (region.clone(), eks_client(&sdk, region))).collect();
        Ok(Self { sdk, iam, sts, eks, lanes: Lanes::new(&config.sweep, counters) })
    }

    /// The way every call goes.
    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The provider of the base credentials, if there is one.
    pub(super) fn base_credentials(&self) -> Option<SharedCredentialsProvider> {
        self.sdk.credentials_provider()
    }

    /// STS with the base credentials.
    pub(super) fn sts(&self) -> &sts::Client {
        &self.sts
    }

    /// STS with an assumed role's credentials: the next link of a chain.
    pub(super) fn sts_with(&self, credentials: Credentials) -> sts::Client {
        let builder = sts_builder(&self.sdk).credentials_provider(credentials);
        sts::Client::from_conf(
            builder.identity_cache(sts::config::IdentityCache::no_cache()).build(),
        )
    }

    /// Organizations with an assumed role's credentials, or the base ones.
    pub(super) fn organizations(&self, credentials: Option<Credentials>) -> organizations::Client {
        use organizations::config::{Builder, IdentityCache};
        let mut builder = Builder::from(&self.sdk).interceptor(WholeAnswers::ORGANIZATIONS);
        if let Some(credentials) = credentials {
            builder =
                builder.credentials_provider(credentials).identity_cache(IdentityCache::no_cache());
        }
        organizations::Client::from_conf(builder.build())
    }

    /// IAM, in the account whose credentials the task has: see [`TaskCredentials`].
    pub(super) fn iam(&self) -> &iam::Client {
        &self.iam
    }

    /// EKS in each configured region, in the account whose credentials the task has: see [`TaskCredentials`].
    pub(super) fn eks(&self) -> &BTreeMap<String, eks::Client> {
        &self.eks
    }

    /// Where the calls go, for messages.
    pub(super) fn place(&self) -> String {
        let region = self.region();
        let overrides = self.overrides();
        if overrides.is_empty() {
            format!("region {region}")
        } else {
            let overrides = overrides.iter().map(|(name, url)| format!("{name} {url}"));
            format!("region {region}, {}", overrides.collect::<Vec<_>>().join(", "))
        }
    }

    /// The region that calls go to.
    pub(super) fn region(&self) -> &str {
        self.sdk.region().map_or(DEFAULT_REGION, Region::as_ref)
    }

    /// Endpoints that are not AWS's own: what sets each, and the address.
    pub(super) fn overrides(&self) -> Vec<(&'static str, String)> {
        endpoint_overrides(&self.sdk)
    }
}

tokio::task_local! {
    /// The credentials of the account that this task reads.
    static CREDENTIALS: Credentials;
}

/// Runs IAM calls with these credentials. They are pinned by the caller: a future of many kilobytes is not moved.
pub(super) async fn with_credentials<F: Future>(
    credentials: Credentials,
    calls: Pin<&mut F>,
) -> F::Output {
    CREDENTIALS.scope(credentials, calls).await
}

/// Signs IAM calls with the credentials of the task they are made in: a client for each account would cost a call more.
///
/// Outside of [`with_credentials`] there are none, so that none can be taken by mistake.
#[derive(Debug)]
struct TaskCredentials;

impl ProvideCredentials for TaskCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let missing = |_| CredentialsError::not_loaded("no account's credentials are in use");
        future::ProvideCredentials::ready(CREDENTIALS.try_with(Credentials::clone).map_err(missing))
    }
}

fn sts_builder(sdk: &SdkConfig) -> sts::config::Builder {
    sts::config::Builder::from(sdk).interceptor(WholeAnswers::STS)
}

fn eks_client(sdk: &SdkConfig, region: &str) -> eks::Client {
    let builder = eks::config::Builder::from(sdk)
        .interceptor(WholeAnswers::EKS)
        .region(Region::new(region.to_owned()))
        .credentials_provider(TaskCredentials)
        .identity_cache(eks::config::IdentityCache::no_cache());
    eks::Client::from_conf(builder.build())
}

async fn sdk_config(config: &Config, connect: Connect) -> Result<SdkConfig, ScanError> {
    let app = AppName::new("rolewarden").map_err(|error| internal(&error))?;
    let http = match connect.http {
        Some(http) => http,
        None => http_client(config.sweep.concurrency)?,
    };
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .app_name(app)
        .retry_config(RetryConfig::disabled())
        // The time-out of an attempt counts to the last byte of the body.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(timeouts(config));
    loader = match &config.access.region {
        Some(region) => loader.region(Region::new(region.clone())),
        None => loader.region(RegionProviderChain::default_provider().or_else(DEFAULT_REGION)),
    };
    if let Some(endpoint) = connect.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(credentials) = connect.credentials {
        loader = loader.credentials_provider(credentials);
    }
    Ok(loader.load().await)
}

/// An operation of the SDK is one attempt here.
fn timeouts(config: &Config) -> TimeoutConfig {
    let attempt = config.sweep.attempt_timeout;
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(attempt))
        .operation_attempt_timeout(attempt)
        .build()
}

/// One pool for the process; as many connections as calls that can be under way, so that no call waits for a socket.
fn http_client(concurrency: usize) -> Result<SharedHttpClient, ScanError> {
    let trust = tls::TlsContext::builder()
        .with_trust_store(tls::TrustStore::default())
        .build()
        .map_err(|error| internal(&error))?;
    let pool = pool::ConnectionPool::builder()
        .max_connections_per_host(concurrency.max(1).saturating_mul(CALLS_AT_ONCE))
        .idle_timeout(Duration::from_secs(15))
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(trust)
        .build_https()
        .map_err(|error| internal(&error))?;
    Ok(pool::Client::new(&pool).map_err(|error| internal(&error))?.into_shared())
}

fn internal(error: &(dyn std::error::Error + 'static)) -> ScanError {
    ScanError::new(
        UnknownReason::Internal,
        format!("the AWS client could not be built: {}", super::error::causes(error)),
    )
}

/// Says loudly that answers may not come from AWS.
fn warn_of_overrides(sdk: &SdkConfig) {
    let overrides = endpoint_overrides(sdk);
    for (name, url) in &overrides {
        let endpoint = format!("{name} {url}");
        tracing::warn!(endpoint, "AWS is not asked at its own address: an endpoint is overridden");
    }
    if overrides.is_empty() && std::env::var_os("AWS_CA_BUNDLE").is_some() {
        tracing::warn!(
            "AWS_CA_BUNDLE is not read: name the certificates with SSL_CERT_FILE, which replaces the system's"
        );
    }
}

/// The overrides in force, general and by service.
fn endpoint_overrides(sdk: &SdkConfig) -> Vec<(&'static str, String)> {
    let ignored = std::env::var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    let services = [
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_IAM",
        "AWS_ENDPOINT_URL_ORGANIZATIONS",
        "AWS_ENDPOINT_URL_EKS",
    ];
    let named = services
        .into_iter()
        .filter(|_| !ignored)
        .filter_map(|name| Some((name, std::env::var(name).ok()?)));
    let name = match std::env::var_os("AWS_ENDPOINT_URL") {
        Some(_) => "AWS_ENDPOINT_URL",
        None => "endpoint_url",
    };
    let general = sdk.endpoint_url().map(|url| (name, url.to_owned()));
    general.into_iter().chain(named).map(|(name, url)| (name, without_user(&url))).collect()
}

/// A URL for messages: its user and password, if any, left out.
fn without_user(url: &str) -> String {
    let plain = match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, _)| (host, "/…"));
            format!("{scheme}://{}{path}", host.rsplit_once('@').map_or(host, |(_, host)| host))
        }
        None => "(no URL)".to_owned(),
    };
    printable_line(&plain, 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_endpoint_is_not_shown() {
        assert_eq!(without_user("http://u:p@host:1/x"), "http://host:1/…");
        assert_eq!(without_user("http://127.0.0.1:5000"), "http://127.0.0.1:5000");
        assert_eq!(without_user("u:p@host"), "(no URL)");
    }
}
