//! Who may ask for a role, as classes of requests: what each of them sends, for [`crate::policy::Way::holds`].
//!
//! Sources: IAM User Guide, "AWS global condition context keys" (which keys a service or a principal sends) and "IAM and AWS
//! STS condition context keys" (keys of identity providers).

use super::Case;
use crate::policy::{ANYTHING, ArnForm, Fact, Facts, Form, audience_is_free};

/// An account and an organization that no policy names by accident.
pub(super) const STRANGER: &str = "999999999999";
const STRANGE_ORGANIZATION: &str = "o-strangers00";

/// Which organization a principal's account belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership<'a> {
    /// None at all.
    Nowhere,
    /// One that no policy names.
    Elsewhere,
    /// The one of this id.
    In(&'a str),
    /// Not known; any.
    Any,
}

/// What a principal knows of the external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExternalId {
    /// Sends none.
    None,
    /// Sends one of its own making.
    Guessed,
    /// Knows the one that the policy asks for.
    Known,
}

/// A service of AWS that acts for an account. `principal` as `ssm.amazonaws.com`.
pub(super) fn service(case: &Case<'_>, principal: &str, account: &str) -> Facts {
    let own = account == case.account.as_str();
    let name = principal.split('.').next().unwrap_or(principal);
    let organization = case.rules.organization.clone().filter(|_| own);
    let form = ArnForm {
        partition: case.rules.partition.to_string(),
        service: name.to_owned(),
        regional: true,
        account: account.to_owned(),
    };
    let id = match &organization {
        Some(id) => Fact::Is(id.clone()),
        None => Fact::Any(Form::Organization),
    };
    resource(case)
        .with("aws:SourceAccount", Fact::Is(account.to_owned()))
        .with("aws:SourceArn", Fact::Any(Form::Arn(form)))
        .with("aws:SourceOrgID", id)
        .with("aws:SourceOrgPaths", Fact::Any(Form::OrganizationPath(organization)))
        .with("aws:PrincipalIsAWSService", Fact::Is("true".to_owned()))
        .with("aws:PrincipalServiceName", Fact::Is(principal.to_owned()))
        // Sent only for principals that are members of an organization: a service is none.
        .with("aws:PrincipalOrgID", Fact::Absent)
        .with("aws:PrincipalOrgPaths", Fact::Absent)
}

/// A user or role of an account. `arn`: exactly this one, where one is meant.
pub(super) fn principal(
    case: &Case<'_>,
    account: &str,
    arn: Option<&str>,
    member: Membership<'_>,
    external_id: ExternalId,
) -> Facts {
    let form = ArnForm {
        partition: case.rules.partition.to_string(),
        service: "iam".to_owned(),
        regional: false,
        account: account.to_owned(),
    };
    let arn = match arn {
        Some(arn) => Fact::Is(arn.to_owned()),
        None => Fact::Any(Form::Arn(form)),
    };
    let organization = match member {
        Membership::Nowhere => Fact::Absent,
        Membership::Elsewhere => Fact::Is(STRANGE_ORGANIZATION.to_owned()),
        Membership::In(id) => Fact::Is(id.to_owned()),
        Membership::Any => Fact::Any(Form::Organization),
    };
    let secret = match external_id {
        ExternalId::None => Fact::Absent,
        ExternalId::Guessed => Fact::Is("guessed-by-rolewarden".to_owned()),
        ExternalId::Known => Fact::Any(Form::Text),
    };
    resource(case)
        .with("aws:PrincipalAccount", Fact::Is(account.to_owned()))
        .with("aws:PrincipalArn", arn)
        .with("aws:PrincipalOrgID", organization)
        .with("aws:PrincipalIsAWSService", Fact::Is("false".to_owned()))
        // STS answers no other requests.
        .with("aws:SecureTransport", Fact::Is("true".to_owned()))
        .with("sts:ExternalId", secret)
        .with("aws:SourceAccount", Fact::Absent)
        .with("aws:SourceArn", Fact::Absent)
        .with("aws:SourceOrgID", Fact::Absent)
        .with("aws:SourceOrgPaths", Fact::Absent)
}

/// How far into a provider an identity is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Anyone with an account there, through an application or a repository of their own.
    Anyone,
    /// Anyone who comes through the application that the policy names.
    OfApplication,
    /// The subject that the policy names.
    Named,
}

/// An identity of a public provider.
pub(super) fn federated(case: &Case<'_>, host: &str, identity: Identity) -> Facts {
    // Tenants choose every part of a subject but their own name.
    let strange = match host {
        "token.actions.githubusercontent.com" => like("repo:", "/any:ref:refs/heads/main"),
        "gitlab.com" => like("project_path:", "/any:ref_type:branch:ref:main"),
        "app.terraform.io" => like("organization:", ":project:any:workspace:any:run_phase:apply"),
        "agent.buildkite.com" => like("organization:", ":pipeline:any:ref:refs/heads/main"),
        _ => Fact::Is("100000000000000000001".to_owned()),
    };
    let (any, own) = (Fact::Any(Form::Text), Fact::Is("application-of-strangers".to_owned()));
    let audience = match identity {
        Identity::Anyone if !audience_is_free(host) => own,
        Identity::Anyone | Identity::OfApplication | Identity::Named => any.clone(),
    };
    let subject = match identity {
        Identity::Anyone | Identity::OfApplication => strange,
        Identity::Named => any,
    };
    resource(case)
        .with(&format!("{host}:aud"), audience.clone())
        .with(&format!("{host}:app_id"), audience.clone())
        .with(&format!("{host}:oaud"), audience)
        .with(&format!("{host}:sub"), subject.clone())
        .with(&format!("{host}:id"), subject.clone())
        .with(&format!("{host}:user_id"), subject)
}

/// Subjects of a tenant that no policy names by accident; `rest` begins with what ends the tenant's name.
fn like(before: &str, rest: &str) -> Fact {
    let end: String = rest.chars().take(1).collect();
    let tenant = format!("{before}{ANYTHING}");
    Fact::Any(Form::Like(format!("{tenant}{end}*"), format!("{tenant}{rest}")))
}

/// What is known of every request for this role.
fn resource(case: &Case<'_>) -> Facts {
    let facts = Facts::default().with("aws:ResourceAccount", Fact::Is(case.account.to_string()));
    match &case.rules.organization {
        Some(id) => facts.with("aws:ResourceOrgID", Fact::Is(id.clone())),
        None => facts,
    }
}
