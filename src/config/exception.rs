//! What is accepted beyond or short of the baseline: by whom, for which accounts, until when.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::civil::Date;
use serde::Serialize;

use super::Selector;
use crate::model::{AccountId, CheckName, Partition};
use crate::policy::{ACCOUNT_TEMPLATE, is_provider_host, public_provider};

/// Accepts something exactly, until a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exception {
    /// Its name, unique.
    pub id: String,
    /// Accounts it covers; never empty.
    pub accounts: Selector,
    /// What it covers there.
    pub covers: Covers,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it holds, in UTC.
    pub expires: Date,
}

/// What an exception covers. Never a check as a whole: that would cover tomorrow's drift too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Covers {
    /// The role is judged against the baseline with this beside it.
    Accept(Box<Acceptance>),
    /// These findings, by id.
    Findings(BTreeSet<String>),
}

/// What may be beyond or short of the baseline. Never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Acceptance {
    /// Policy ARNs that may be attached, each with all its document allows.
    pub attached_policies: BTreeSet<String>,
    /// Principals that may assume the role.
    pub principals: BTreeSet<Principal>,
    /// The text of a document: what the trust policy may allow besides.
    pub trust_policy: Option<String>,
    /// The text of a document: what the inline policies may allow besides.
    pub inline_policy: Option<String>,
    /// The role may be missing.
    pub absent: bool,
    /// Attributes that may have any value.
    pub attributes: BTreeSet<Attribute>,
}

/// Who may assume a role, as a trust policy names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Principal {
    /// `AWS`, `Service` or `Federated`.
    pub kind: &'static str,
    /// Its name; `${rolewarden:account_id}` stands for the account.
    pub value: String,
    /// The one call by which it assumes a role.
    pub action: &'static str,
}

/// A text is no principal that an exception may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidPrincipal;

impl Principal {
    /// The forms, for messages.
    pub const FORMS: &'static str = "a principal without wildcards: an account id in quotes, the ARN of a root, \
        role, user or identity provider, or a service such as ec2.amazonaws.com";

    /// Whether everyone with an account at a public identity provider is meant.
    pub fn is_public(&self) -> bool {
        self.kind == "Federated" && public_provider(&self.value).is_some()
    }
}

impl FromStr for Principal {
    type Err = InvalidPrincipal;

    fn from_str(text: &str) -> Result<Self, InvalidPrincipal> {
        let plain = text.replace(ACCOUNT_TEMPLATE, "000000000000");
        let fits = |c: char| c.is_ascii_graphic() && !"*?\"\\".contains(c);
        if plain.is_empty() || plain.len() > 2_048 || !plain.chars().all(fits) {
            return Err(InvalidPrincipal);
        }
        let (kind, action) = kind_and_action(&plain).ok_or(InvalidPrincipal)?;
        Ok(Self { kind, value: text.to_owned(), action })
    }
}

fn kind_and_action(text: &str) -> Option<(&'static str, &'static str)> {
    const ROLE: (&str, &str) = ("AWS", "sts:AssumeRole");
    const WEB: (&str, &str) = ("Federated", "sts:AssumeRoleWithWebIdentity");
    let is_account = |text: &str| text.parse::<AccountId>().is_ok();
    if is_account(text) {
        return Some(ROLE);
    }
    if is_provider_host(text) {
        return Some(WEB);
    }
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, service, "", account, resource] = fields.as_slice() else {
        return is_service(text).then_some(("Service", "sts:AssumeRole"));
    };
    if partition.parse::<Partition>().is_err() || !is_account(account) {
        return None;
    }
    let (sort, name) = resource.split_once('/').unwrap_or((resource, ""));
    match (service, sort, name.is_empty()) {
        ("iam", "root", true) => Some(ROLE).filter(|_| resource == "root"),
        ("iam", "role" | "user", false) | ("sts", "assumed-role" | "federated-user", false) => {
            Some(ROLE)
        }
        ("iam", "oidc-provider", false) => Some(WEB),
        ("iam", "saml-provider", false) => Some(("Federated", "sts:AssumeRoleWithSAML")),
        _ => None,
    }
}

/// The principal of an AWS service: a host of AWS's.
fn is_service(text: &str) -> bool {
    let label = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let of_aws = text.contains(".amazonaws.")
        || [".amazon.com", ".aws.internal"].iter().any(|end| text.ends_with(end));
    of_aws && text.split('.').all(label)
}

/// An attribute of a role that an exception may accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// A session may last longer than the baseline allows.
    MaxSessionDuration,
    /// The boundary may be another one, or none.
    PermissionsBoundary,
    /// The role may have another path.
    Path,
    /// Required tags may be missing or have other values.
    Tags,
}

impl Exception {
    /// What it accepts, if it does not name findings.
    pub fn acceptance(&self) -> Option<&Acceptance> {
        match &self.covers {
            Covers::Accept(acceptance) => Some(acceptance),
            Covers::Findings(_) => None,
        }
    }

    /// Whether it names a finding.
    pub fn names(&self, finding: &str) -> bool {
        match &self.covers {
            Covers::Accept(_) => false,
            Covers::Findings(ids) => ids.contains(finding),
        }
    }
}

impl Acceptance {
    /// Whether it accepts nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it widens or narrows the trust policy.
    pub fn is_of_trust(&self) -> bool {
        !self.principals.is_empty() || self.trust_policy.is_some()
    }

    /// The checks whose findings it may cover.
    pub fn checks(&self) -> BTreeSet<CheckName> {
        let of_role = self.attributes.iter().any(|a| *a != Attribute::Path);
        let place = self.absent || self.attributes.contains(&Attribute::Path);
        let inline = self.inline_policy.is_some();
        [
            (place, CheckName::RoleExists),
            (self.is_of_trust(), CheckName::TrustPolicy),
            (inline, CheckName::InlinePolicy),
            (!self.attached_policies.is_empty(), CheckName::AttachedPolicies),
            (inline, CheckName::EffectivePermissions),
            (of_role, CheckName::RoleAttributes),
        ]
        .into_iter()
        .filter_map(|(covered, check)| covered.then_some(check))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_named_as_in_trust_policies_and_never_by_wildcard() {
        let role = Some(("AWS", "sts:AssumeRole"));
        let service = Some(("Service", "sts:AssumeRole"));
        let web = Some(("Federated", "sts:AssumeRoleWithWebIdentity"));
        let saml = Some(("Federated", "sts:AssumeRoleWithSAML"));
        let cases = [
            ("222233334444", role),
            ("arn:aws:iam::222233334444:root", role),
            ("arn:aws-cn:iam::222233334444:role/team/ci", role),
            ("arn:aws:iam::${rolewarden:account_id}:user/x", role),
            ("arn:aws:sts::222233334444:assumed-role/ci/session", role),
            ("ec2.amazonaws.com", service),
            ("ssm.amazonaws.com.cn", service),
            ("accounts.google.com", web),
            ("arn:aws:iam::222233334444:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB", web),
            ("arn:aws:iam::222233334444:saml-provider/okta", saml),
            ("*", None),
            ("", None),
            ("22223333444", None),
            ("arn:aws:iam::222233334444:role/*", None),
            ("arn:aws:iam::*:root", None),
            ("arn:aws:iam::222233334444:root/", None),
            ("arn:aws:iam::222233334444:role/", None),
            ("arn:aws:iam::222233334444:group/x", None),
            ("arn:aws:s3:::bucket", None),
            ("AROAEXAMPLEEXAMPLE000", None),
            ("token.actions.githubusercontent.com", None),
            ("ec2.amazonaws.com ", None),
        ];
        for (text, want) in cases {
            let got = text.parse::<Principal>().ok();
            assert_eq!(got.map(|p| (p.kind, p.action)), want, "case `{text}`");
        }
    }
}
