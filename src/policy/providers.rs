//! Identity providers at which anyone can have an identity: to trust one is to trust the world, unless a condition narrows it.
//!
//! Source: IAM User Guide, "Identity providers and federation"; for the providers of jobs, their own pages on AWS.

/// Those that a trust policy names by host: Google, Cognito, Facebook and Login with Amazon.
const BY_HOST: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

/// Those whose tenants run jobs; a token carries any audience that the job asks for, and the subject tells the tenant.
const BY_TENANT: [&str; 4] = [
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "app.terraform.io",
    "agent.buildkite.com",
];

/// The host of the public provider that a federated principal names, if it names one: by itself, or as an OIDC provider's ARN.
pub fn public_provider(principal: &str) -> Option<&'static str> {
    let host = principal.split_once(":oidc-provider/").map_or(principal, |(_, host)| host);
    BY_HOST.into_iter().chain(BY_TENANT).find(|known| known.eq_ignore_ascii_case(host))
}

/// Whether a federated principal may be this host alone, without the ARN of a provider in the account.
pub fn is_provider_host(text: &str) -> bool {
    BY_HOST.contains(&text)
}

/// Whether a provider's tokens carry any audience that is asked for.
pub fn audience_is_free(host: &str) -> bool {
    BY_TENANT.contains(&host)
}
