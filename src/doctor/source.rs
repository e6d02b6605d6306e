//! Where the base credentials came from, and which variable or profile decided that.
//!
//! The order is the SDK's: environment, profile, web identity, container endpoint, instance metadata. Source: AWS SDKs and
//! Tools Reference Guide, "Credential provider chain".

use std::collections::BTreeMap;

use super::facts::{BaseFacts, CredentialFacts, Provider};
use crate::model::printable_line;

/// The variables that decide on credentials and region. Values of secret ones are never looked at.
pub const VARIABLES: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

/// Those of [`VARIABLES`] that are set and not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<&'static str, String>);

impl Variables {
    /// Asks for each.
    pub fn read(value_of: impl Fn(&str) -> Option<String>) -> Self {
        let set =
            |name: &'static str| Some((name, value_of(name).filter(|text| !text.is_empty())?));
        Self(VARIABLES.into_iter().filter_map(set).collect())
    }

    /// The value, printable.
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| printable_line(value, 256))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The roles of a workload that other credentials are used before, with what sets them.
    fn workload(&self) -> Option<(&'static str, &'static str)> {
        if self.has("AWS_WEB_IDENTITY_TOKEN_FILE") && self.has("AWS_ROLE_ARN") {
            return Some(("IRSA", "AWS_WEB_IDENTITY_TOKEN_FILE"));
        }
        if let Some(uri) = self.0.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            let name =
                if is_pod_identity(uri) { "EKS Pod Identity" } else { "the container's role" };
            return Some((name, "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        }
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        self.has(relative).then_some(("the ECS task role", relative))
    }

    /// Which of the container endpoints gave credentials.
    pub fn container(&self) -> Provider {
        let relative = self.has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        match self.0.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            Some(uri) if !relative && is_pod_identity(uri) => Provider::PodIdentity,
            _ => Provider::Container,
        }
    }

    /// What decided on the region.
    pub(super) fn region_from(&self, configured: bool) -> &'static str {
        match (configured, self.has("AWS_REGION"), self.has("AWS_DEFAULT_REGION")) {
            (true, ..) => "access.region",
            (_, true, _) => "AWS_REGION",
            (.., true) => "AWS_DEFAULT_REGION",
            _ => "no variable names one: the profile's, the instance's, or us-east-1",
        }
    }
}

/// The agent of Pod Identity has fixed addresses.
fn is_pod_identity(uri: &str) -> bool {
    ["http://169.254.170.23/", "http://[fd00:ec2::23]/"].iter().any(|agent| uri.starts_with(agent))
}

/// What gave the credentials, in words, and what decided that.
pub(super) fn words(found: &CredentialFacts, variables: &Variables) -> (String, String) {
    let profile = || match variables.get("AWS_PROFILE") {
        Some(name) => (format!("profile {name}"), "AWS_PROFILE".to_owned()),
        None => ("profile default".to_owned(), "the shared credentials or config file".to_owned()),
    };
    let with = |how: &str| {
        let (name, decided) = profile();
        (format!("{name} ({how})"), decided)
    };
    match found.provider {
        Provider::Environment => ("environment".to_owned(), "AWS_ACCESS_KEY_ID".to_owned()),
        Provider::Profile => profile(),
        Provider::ProfileSso => with("SSO"),
        Provider::ProfileProcess => with("credential_process"),
        Provider::ProfileRole => with("assumes a role"),
        Provider::WebIdentity => (
            "web identity (IRSA)".to_owned(),
            "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN".to_owned(),
        ),
        Provider::PodIdentity => {
            ("EKS Pod Identity".to_owned(), "AWS_CONTAINER_CREDENTIALS_FULL_URI".to_owned())
        }
        Provider::Container => {
            let decided =
                ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
            let decided = decided.into_iter().find(|name| variables.has(name)).unwrap_or_default();
            ("container endpoint".to_owned(), decided.to_owned())
        }
        Provider::Instance => {
            ("EC2 instance metadata".to_owned(), "nothing else gave any".to_owned())
        }
        Provider::Other => ("given by the program".to_owned(), "the program".to_owned()),
    }
}

/// Credentials that stand in the way of others, which were perhaps meant: what to say of them, and what to do.
pub(super) fn stray(base: &BaseFacts) -> Option<(String, String)> {
    let found = base.credentials.as_ref().ok()?;
    let from_profile = matches!(
        found.provider,
        Provider::Profile | Provider::ProfileSso | Provider::ProfileProcess | Provider::ProfileRole
    );
    let variables = &base.variables;
    let beaten = match (found.provider, variables.workload()) {
        (Provider::Environment, Some(beaten)) => beaten,
        (Provider::Environment, None) if variables.has("AWS_PROFILE") => {
            ("the profile", "AWS_PROFILE")
        }
        (_, Some(beaten)) if from_profile => beaten,
        _ => return None,
    };
    let (_, decided) = words(found, variables);
    let (beaten, set_by) = beaten;
    Some((
        format!("{decided} is used before {beaten}, which {set_by} sets"),
        format!("take {decided} out of the environment if {beaten} is meant, else {set_by}"),
    ))
}
