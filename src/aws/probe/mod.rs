//! The questions of a preflight: each permission by itself, so that all that are missing come out, not only the first.
//!
//! Nothing is written. A role that is only to be asked for is assumed with a session policy that denies everything.

mod account;
mod organization;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use jiff::Timestamp;

use super::client::{Clients, Connect};
use super::dates::Dates;
use super::identity::{self, Identity};
use super::session::Sessions;
use super::{Aws, Organization, OrganizationReader as _};
use crate::config::Config;
use crate::doctor::{AccountFacts, BaseFacts, CredentialFacts, IdentityFacts, Provider, Variables};
use crate::model::{Account, Cluster, ScanError};
pub use organization::Way;

/// A name that nothing has: AWS looks at permissions first, so that "no such thing" is a yes.
pub(super) const NOBODY: &str = "rolewarden-doctor-asks";

/// Asks AWS what may be done.
pub trait Prober {
    /// The roles on the way to the accounts, and every Organizations call that the configuration needs.
    fn ask_way(&self) -> impl Future<Output = Way> + Send;

    /// Every call that a scan makes in an account; with `remediation`, the remediation role too. `others` names the roles
    /// that are read beside the expected one, given the connected clusters.
    fn ask_account(
        &self,
        account: &Account,
        remediation: bool,
        others: &(dyn Fn(&[Cluster]) -> BTreeSet<String> + Sync),
    ) -> impl Future<Output = AccountFacts> + Send;
}

/// A connection that is put together step by step.
pub struct Preflight {
    /// What was learned.
    pub base: BaseFacts,
    /// The connection, if every step succeeded.
    pub aws: Option<Aws>,
}

impl Aws {
    /// As [`Aws::connect_with`], but what fails is a fact like any other.
    pub async fn preflight(config: &Config, connect: Connect) -> Preflight {
        let sessions = Sessions::new(Arc::clone(&connect.counters));
        let variables = Variables::read(|name| std::env::var(name).ok());
        let clients = match Clients::new(config, connect).await {
            Ok(clients) => clients,
            Err(error) => return unconnected(config, variables, error),
        };
        let found = identity::base_credentials(&clients).await;
        let (dates, has_any) = (Dates::default(), found.is_ok());
        let identity = match has_any {
            true => Some(Identity::resolve(&clients, &dates).await),
            false => None,
        };
        let named = |(name, url): (&str, String)| (name.to_owned(), url);
        let base = BaseFacts {
            region: clients.region().to_owned(),
            endpoints: clients.overrides().into_iter().map(named).collect(),
            credentials: found.map(|found| facts_of(&found, &variables)),
            variables,
            identity: identity.as_ref().map(|who| who.as_ref().map(who_is).map_err(Clone::clone)),
            clock_ahead_seconds: dates.ahead(),
        };
        let identity = identity.and_then(Result::ok);
        let aws = identity.map(|identity| Self::of(config, clients, sessions, identity));
        Preflight { base, aws }
    }

    /// The list of accounts, as a scan reads it.
    ///
    /// # Errors
    /// As a scan's.
    pub async fn organization(&self) -> Result<Organization, ScanError> {
        self.read_organization().await
    }
}

fn unconnected(config: &Config, variables: Variables, error: ScanError) -> Preflight {
    let base = BaseFacts {
        region: config.access.region.clone().unwrap_or_default(),
        endpoints: vec![],
        variables,
        credentials: Err(error),
        identity: None,
        clock_ahead_seconds: None,
    };
    Preflight { base, aws: None }
}

fn who_is(identity: &Identity) -> IdentityFacts {
    IdentityFacts {
        arn: identity.arn.clone(),
        account: identity.account.clone(),
        partition: identity.partition.to_string(),
    }
}

fn facts_of(found: &Credentials, variables: &Variables) -> CredentialFacts {
    let ends = found.expiry().and_then(|end| Timestamp::try_from(end).ok());
    let features = found.get_property::<Vec<Feature>>().map(Vec::as_slice).unwrap_or_default();
    CredentialFacts {
        provider: provider(features, variables),
        ends,
        temporary: found.session_token().is_some(),
    }
}

/// The SDK marks credentials with every step that led to them, the profile last.
fn provider(features: &[Feature], variables: &Variables) -> Provider {
    let has = |feature: Feature| features.contains(&feature);
    if has(Feature::CredentialsProfile) {
        return match () {
            () if has(Feature::CredentialsSso) => Provider::ProfileSso,
            () if has(Feature::CredentialsProcess) => Provider::ProfileProcess,
            () if has(Feature::CredentialsStsAssumeRole)
                || has(Feature::CredentialsProfileStsWebIdToken) =>
            {
                Provider::ProfileRole
            }
            () => Provider::Profile,
        };
    }
    match () {
        () if has(Feature::CredentialsEnvVars) => Provider::Environment,
        () if has(Feature::CredentialsProfileStsWebIdToken) => Provider::WebIdentity,
        () if has(Feature::CredentialsHttp) => variables.container(),
        () if has(Feature::CredentialsImds) => Provider::Instance,
        () => Provider::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_credentials_is_what_the_sdk_marked_them_with() {
        use Feature as F;
        let pod = "http://169.254.170.23/v1/credentials";
        let cases: [(&[Feature], &str, Provider); 10] = [
            (&[F::CredentialsEnvVars], "", Provider::Environment),
            (&[F::CredentialsProfile], "", Provider::Profile),
            (&[F::CredentialsSso, F::CredentialsProfile], "", Provider::ProfileSso),
            (&[F::CredentialsProcess, F::CredentialsProfile], "", Provider::ProfileProcess),
            (&[F::CredentialsStsAssumeRole, F::CredentialsProfile], "", Provider::ProfileRole),
            (&[F::CredentialsProfileStsWebIdToken], "", Provider::WebIdentity),
            (&[F::CredentialsHttp], pod, Provider::PodIdentity),
            (&[F::CredentialsHttp], "http://127.0.0.1/x", Provider::Container),
            (&[F::CredentialsImds], "", Provider::Instance),
            (&[], "", Provider::Other),
        ];
        for (features, uri, want) in cases {
            let name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
            let variables = Variables::read(|asked| (asked == name).then(|| uri.to_owned()));
            assert_eq!(provider(features, &variables), want, "case {features:?} `{uri}`");
        }
    }
}
