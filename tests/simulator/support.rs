//! Clients of the SDK for a simulated organization, and small helpers.

use aws_credential_types::Credentials;
use aws_sdk_organizations::operation::list_accounts::ListAccountsOutput;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use rolewarden::model::AccountId;
use rolewarden::simulator::*;

pub(crate) const ROLE: &str = "AmazonEKSConnectorAgentRole";

pub(crate) fn http() -> SharedHttpClient {
    HttpBuilder::new().build_http()
}

macro_rules! client {
    ($sdk:ident, $running:expr, $credentials:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
                .region(aws_types::region::Region::new("us-east-1"))
                .endpoint_url($running.endpoint())
                .credentials_provider($credentials)
                .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
                .http_client(http())
                .build(),
        )
    };
}

pub(crate) fn sts(running: &Running) -> aws_sdk_sts::Client {
    client!(aws_sdk_sts, running, running.credentials())
}

pub(crate) fn organizations(running: &Running) -> aws_sdk_organizations::Client {
    client!(aws_sdk_organizations, running, running.credentials())
}

pub(crate) fn iam(running: &Running, credentials: Credentials) -> aws_sdk_iam::Client {
    client!(aws_sdk_iam, running, credentials)
}

pub(crate) fn role_arn(account: &AccountId, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

pub(crate) fn assume(running: &Running, account: &AccountId) -> AssumeRoleFluentBuilder {
    sts(running)
        .assume_role()
        .role_arn(role_arn(account, "rolewarden-scan"))
        .role_session_name("rolewarden")
}

pub(crate) async fn session(call: AssumeRoleFluentBuilder) -> Credentials {
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

pub(crate) async fn iam_in(running: &Running, account: &AccountId) -> aws_sdk_iam::Client {
    iam(running, session(assume(running, account)).await)
}

/// Status and code of an error that the service gave.
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

pub(crate) async fn start(accounts: usize) -> (Running, World) {
    let world = generate(7, accounts);
    (Server::start(world.clone()).await.unwrap(), world)
}

pub(crate) fn one(world: &World, kind: Kind) -> AccountId {
    world.of_kind(kind).next().unwrap().clone()
}

pub(crate) fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document).decode_utf8().unwrap().into_owned()
}

pub(crate) use client;

pub(crate) async fn listed(running: &Running) -> Vec<ListAccountsOutput> {
    let pages = organizations(running).list_accounts().into_paginator().send();
    pages.collect::<Result<Vec<_>, _>>().await.unwrap()
}

pub(crate) fn ids(pages: &[ListAccountsOutput]) -> Vec<&str> {
    pages.iter().flat_map(|page| page.accounts()).map(|account| account.id().unwrap()).collect()
}
