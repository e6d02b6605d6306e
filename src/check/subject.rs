//! Subjects of findings, and the ids made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Case;
use crate::config::Attribute;
use crate::model::{AccountId, CheckName, Role, RoleArn, Verdict};
use crate::policy::{Kind, Policy};

/// What a finding is about. Its id is a digest of this: as long as the role stays as it is, however IAM reorders a
/// document, the id stays; with anything more or less that is allowed, it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) about: About,
    /// All that the finding depends on, in canonical form.
    content: String,
    /// The other role it is about, and by which check, where it is not about the expected one.
    of_role: Option<String>,
}

/// The aspect of the role: two findings of one check about one role differ in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// The role is not there.
    Absence,
    /// It is under another path or name.
    Place,
    /// It is there and must not be.
    Presence,
    Trust,
    Inline,
    /// An attached policy on neither list.
    Attached(String),
    /// A required policy that is not attached.
    Required(String),
    /// What inline and attached policies together do not allow.
    Granted,
    /// What the boundary does not let through.
    Bounded,
    Attribute(Attribute),
    /// Clusters use a role that is not the expected one.
    Usage,
    ServiceLinkedRole,
}

impl Subject {
    pub(super) fn new(about: About, content: impl Into<String>) -> Self {
        Self { about, content: content.into(), of_role: None }
    }

    /// The same of another role than the expected one.
    pub(super) fn of(self, role: &RoleArn, check: CheckName) -> Self {
        Self { of_role: Some(format!("{role} {}", check.as_str())), ..self }
    }

    /// Whether the finding is about another role than the expected one.
    pub(super) fn is_of_another_role(&self) -> bool {
        self.of_role.is_some()
    }

    /// The finding's id: 16 hexadecimal digits.
    pub(super) fn id(&self, account: &AccountId, check: CheckName) -> String {
        let Self { about, content, of_role } = self;
        let of_role = of_role.as_deref().unwrap_or_default();
        let about = about.key();
        let text = format!("{account}\n{}\n{of_role}\n{about}\n{content}", check.as_str());
        hex(&text).chars().take(16).collect()
    }
}

impl About {
    fn key(&self) -> String {
        match self {
            Self::Absence => "absence".to_owned(),
            Self::Place => "place".to_owned(),
            Self::Presence => "presence".to_owned(),
            Self::Trust => "trust".to_owned(),
            Self::Inline => "inline".to_owned(),
            Self::Attached(arn) => format!("attached {arn}"),
            Self::Required(arn) => format!("required {arn}"),
            Self::Granted => "granted".to_owned(),
            Self::Bounded => "bounded".to_owned(),
            Self::Attribute(attribute) => match attribute {
                Attribute::MaxSessionDuration => "session".to_owned(),
                Attribute::PermissionsBoundary => "boundary".to_owned(),
                Attribute::Path => "path".to_owned(),
                Attribute::Tags => "tags".to_owned(),
            },
            Self::Usage => "usage".to_owned(),
            Self::ServiceLinkedRole => "linked".to_owned(),
        }
    }
}

impl Case<'_> {
    /// The trust policy, as it differs from the baseline.
    pub(super) fn trust_subject(&self, verdict: Verdict) -> Subject {
        let role = self.canonical(Kind::Trust, [&self.role.trust_policy]);
        let baseline = self.baseline.trust.canonical_text();
        Subject::new(About::Trust, format!("{} {role} {baseline}", verdict.as_str()))
    }

    /// The inline policies, as they differ from the baseline. `elsewhere`: attached policies deliver what they lack.
    pub(super) fn inline_subject(&self, verdict: Verdict, elsewhere: bool) -> Subject {
        let role = self.canonical(Kind::Identity, self.role.inline.values());
        let baseline = self.baseline.inline.canonical_text();
        let content = format!("{} {elsewhere} {role} {baseline}", verdict.as_str());
        Subject::new(About::Inline, content)
    }

    /// An attached policy on neither list, with what it allows.
    pub(super) fn attached_subject(&self, arn: &str) -> Subject {
        let document = self.role.attached.get(arn).and_then(|policy| policy.document.as_ref());
        let content =
            document.map_or("unknown".to_owned(), |d| self.canonical(Kind::Identity, [d]));
        Subject::new(About::Attached(arn.to_owned()), content)
    }

    /// What inline and attached policies together do not allow.
    pub(super) fn granted_subject(&self, verdict: Verdict) -> Subject {
        let Role { inline, attached, .. } = self.role;
        let attached = attached.values().filter_map(|policy| policy.document.as_ref());
        let role = self.canonical(Kind::Identity, inline.values().chain(attached));
        self.short(About::Granted, verdict, &role)
    }

    /// What the boundary does not let through.
    pub(super) fn bounded_subject(&self, verdict: Verdict) -> Subject {
        let boundary = self.role.boundary.as_ref().map(|(arn, policy)| {
            let document = policy.document.iter();
            format!("{arn} {}", self.canonical(Kind::Identity, document))
        });
        self.short(About::Bounded, verdict, &boundary.unwrap_or_default())
    }

    fn short(&self, about: About, verdict: Verdict, carried: &str) -> Subject {
        let baseline = self.baseline.inline.canonical_text();
        Subject::new(about, format!("{} {carried} {baseline}", verdict.as_str()))
    }

    /// The permissions boundary, which is another one.
    pub(super) fn boundary_subject(&self) -> Subject {
        let expected = self.rules.boundary(self.account);
        let actual = self.role.boundary.as_ref().map(|(arn, _)| arn);
        let content = format!("{actual:?} {expected:?}");
        Subject::new(About::Attribute(Attribute::PermissionsBoundary), content)
    }

    /// The role as a whole, which must not be there: whatever it allows.
    pub(super) fn presence_subject(&self) -> Subject {
        let Role { arn, trust_policy, inline, attached, .. } = self.role;
        let mut content = format!("{arn} {}", self.canonical(Kind::Trust, [trust_policy]));
        content.push_str(&self.canonical(Kind::Identity, inline.values()));
        for arn in attached.keys() {
            let _ = write!(content, " {}", self.attached_subject(arn).content);
        }
        Subject::new(About::Presence, content)
    }

    /// Documents as one set of statements; their texts where one of them cannot be read.
    fn canonical<'t>(&self, kind: Kind, texts: impl IntoIterator<Item = &'t String>) -> String {
        let texts: Vec<&String> = texts.into_iter().collect();
        let context = self.context();
        let parsed: Result<Vec<Policy>, _> =
            texts.iter().map(|text| Policy::parse(kind, text, &context)).collect();
        match parsed.map(Policy::union) {
            Ok(policy) => policy.map_or("none".to_owned(), |policy| policy.canonical_text()),
            // The order of names, in which inline policies come, must not matter.
            Err(_) => {
                let sorted: BTreeMap<String, ()> =
                    texts.iter().map(|text| (hex(text), ())).collect();
                sorted.into_keys().collect::<Vec<_>>().join(" ")
            }
        }
    }
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
