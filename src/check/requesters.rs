//! Who may ask for a role, as classes of requests: what each of them sends, for [`crate::policy::Way::holds`].
//!
//! Sources: IAM User Guide, "AWS global condition context keys" (which keys a service or a principal sends) and "IAM and AWS
//! STS condition context keys" (keys of identity providers).

use super::Case;
use crate::policy::{ArnForm, Fact, Facts, Form, audience_is_free};

/// Stands for the organization's id where that is not known, and a policy names it by `${aws:ResourceOrgID}`.
pub(super) const THIS_ORGANIZATION: &str = "o-thisorganization";

/// Which organization a principal's account belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership<'a> {
    /// None at all.
    Nowhere,
    /// The one of this id.
    In(&'a str),
    /// Not known; any.
    Any,
}

/// What a principal knows of the external id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExternalId<'a> {
    /// Sends none.
    None,
    /// Sends one of its own making.
    Guessed(&'a str),
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
    external_id: ExternalId<'_>,
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
        Membership::In(id) => Fact::Is(id.to_owned()),
        Membership::Any => Fact::Any(Form::Organization),
    };
    let secret = match external_id {
        ExternalId::None => Fact::Absent,
        ExternalId::Guessed(guess) => Fact::Is(guess.to_owned()),
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
pub(super) enum Identity<'a> {
    /// Anyone with an account there, through an application or a tenant of their own, with this subject.
    Anyone(&'a str),
    /// Anyone who comes through the application that the policy names, with this subject.
    OfApplication(&'a str),
    /// The subject that the policy names.
    Named,
}

/// Subjects of people or tenants that no policy names by accident. Tenants choose every part of a subject but their own name.
pub(super) fn strange_subjects(host: &str) -> [String; 3] {
    ["anything", "strangers", "zz9"].map(|tenant| match host {
        "token.actions.githubusercontent.com" => format!("repo:{tenant}/any:ref:refs/heads/main"),
        "gitlab.com" => format!("project_path:{tenant}/any:ref_type:branch:ref:main"),
        "app.terraform.io" => {
            format!("organization:{tenant}:project:any:workspace:any:run_phase:apply")
        }
        "agent.buildkite.com" => {
            format!("organization:{tenant}:pipeline:any:ref:refs/heads/main")
        }
        _ => format!("10000000000000000000{}", tenant.len()),
    })
}

/// The part of a tenant's subject that names the tenant, as `repo:acme`; a wildcard in it is any tenant.
pub(super) fn tenant_of<'s>(host: &str, subject: &'s str) -> Option<&'s str> {
    let separator = match host {
        "token.actions.githubusercontent.com" | "gitlab.com" => '/',
        "app.terraform.io" | "agent.buildkite.com" => ':',
        _ => return None,
    };
    let (sort, rest) = subject.split_once(':')?;
    let name = rest.split(separator).next().unwrap_or_default();
    subject.get(..sort.len() + 1 + name.len())
}

/// An identity of a public provider.
pub(super) fn federated(case: &Case<'_>, host: &str, identity: Identity<'_>) -> Facts {
    let any = Fact::Any(Form::Text);
    let audience = match identity {
        Identity::Anyone(_) if !audience_is_free(host) => {
            Fact::Is("application-of-strangers".to_owned())
        }
        Identity::Anyone(_) | Identity::OfApplication(_) | Identity::Named => any.clone(),
    };
    let subject = match identity {
        Identity::Anyone(subject) | Identity::OfApplication(subject) => {
            Fact::Is(subject.to_owned())
        }
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

/// What is known of every request for this role.
fn resource(case: &Case<'_>) -> Facts {
    let organization = case.rules.organization.as_deref().unwrap_or(THIS_ORGANIZATION);
    Facts::default()
        .with("aws:ResourceAccount", Fact::Is(case.account.to_string()))
        .with("aws:ResourceOrgID", Fact::Is(organization.to_owned()))
}
