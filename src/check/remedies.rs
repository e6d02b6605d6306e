//! What would put a role right, check by check, as writes. Which of them are made, and in which order, is for a plan to say.

use std::collections::BTreeSet;

use super::effective_permissions::Cut;
use super::{Baseline, Case, Rules, Subject, inline_policy, role_exists, service_linked_role};
use crate::config::Presence;
use crate::model::{Account, CheckName, Role, RoleArn, ScanError, Snapshot, Verdict, Write};
use crate::policy::{Kind, Policy, compare, covers};

/// What would put one role right.
pub(crate) struct Remedies {
    /// Where the role is; where it will be, when it is not there.
    pub(crate) place: RoleArn,
    /// What there is to do.
    pub(crate) todo: Todo,
}

/// What there is to do about a role, by how it is there.
pub(crate) enum Todo {
    /// It is not there: make it, and put its inline policy.
    Create {
        /// `CreateRole`.
        create: Write,
        /// `PutRolePolicy`.
        put: Write,
    },
    /// It is there and must not be: nothing we do.
    Forbidden,
    /// It is there: change it.
    Change(Box<Amendments>),
}

/// What can be changed of a role that is there.
pub(crate) struct Amendments {
    /// Its trust policy.
    pub(crate) trust: Write,
    /// The trust policy lets the expected principals in only under conditions that the baseline does not have: to replace it
    /// would be to let more in.
    pub(crate) trust_is_stricter: bool,
    /// The inline policy, under the name of [`Amendments::inline_name`].
    pub(crate) put: Write,
    /// Where the inline policy goes.
    pub(crate) inline_name: String,
    /// The inline policy is there already, as it should be.
    pub(crate) put_is_done: bool,
    /// Every other inline policy.
    pub(crate) delete: Vec<Write>,
    /// Attached policies on neither list, with the id of the finding about each.
    pub(crate) detach: Vec<(String, Write)>,
    /// The permissions boundary, with the id of the finding about it, if it is another one.
    pub(crate) boundary: Option<(String, Write)>,
    /// Ids of the findings that what the role carries does not suffice.
    pub(crate) insufficient: BTreeSet<String>,
}

impl Rules {
    /// What would put this role right.
    pub(crate) fn remedies(
        &self,
        account: &Account,
        snapshot: &Snapshot,
    ) -> Result<Remedies, ScanError> {
        let baseline = self.baseline_in(&account.id)?;
        let Snapshot::Present(role) = snapshot else {
            return Ok(self.creation(account, &baseline));
        };
        let place = role.arn.clone();
        let presence_judged = !self.checks.disabled.contains(&CheckName::RoleExists);
        let todo = if self.baseline.presence == Presence::Forbidden && presence_judged {
            Todo::Forbidden
        } else {
            let case = Case { rules: self, account: &account.id, baseline: &baseline, role };
            Todo::Change(Box::new(case.amendments()))
        };
        Ok(Remedies { place, todo })
    }

    fn creation(&self, account: &Account, baseline: &Baseline) -> Remedies {
        let place = self.expected_arn(&account.id);
        let [create, put] = role_exists::creation(self, &account.id, baseline);
        Remedies { place, todo: Todo::Create { create, put } }
    }

    /// What makes the service-linked role.
    pub(crate) fn linked_role_creation(&self) -> Write {
        service_linked_role::creation()
    }

    /// An exception that accepts more than the baseline in the document a check looks at, by id: to write the baseline would
    /// take that away.
    pub(crate) fn exception(&self, account: &Account, check: CheckName) -> Option<String> {
        self.exceptions.beside_document(account, check)
    }
}

impl Case<'_> {
    fn amendments(&self) -> Amendments {
        let id = |check, subject: Subject| subject.id(self.account, check);
        let mut writes = inline_policy::writes(self).into_iter();
        let put = writes.next().unwrap_or_else(|| self.baseline.put_inline(""));
        let inline_name = match &put {
            Write::PutInlinePolicy { name, .. } => name.clone(),
            _ => String::new(),
        };
        let there = self.role.inline.get(&inline_name);
        let detach = self.surplus().into_iter().map(|arn| {
            let finding = id(CheckName::AttachedPolicies, self.attached_subject(&arn));
            (finding, Write::DetachManagedPolicy { arn })
        });
        let wanted = self.rules.boundary(self.account);
        let there_is = self.role.boundary.as_ref().map(|(arn, _)| arn);
        let boundary = wanted.filter(|wanted| there_is != Some(wanted)).map(|arn| {
            let finding = id(CheckName::RoleAttributes, self.boundary_subject());
            (finding, Write::PutPermissionsBoundary { arn })
        });
        let insufficient = [Verdict::Missing, Verdict::Conditional].map(|verdict| {
            id(CheckName::EffectivePermissions, Cut::Policies.subject(self, verdict))
        });
        Amendments {
            trust: self.baseline.update_trust(),
            trust_is_stricter: self.trust_is_stricter(),
            put_is_done: there.is_some_and(|text| self.is_the_inline_policy(text)),
            put,
            inline_name,
            delete: writes.collect(),
            detach: detach.collect(),
            boundary,
            insufficient: insufficient.into(),
        }
    }

    /// Attached policies that are neither required nor allowed.
    fn surplus(&self) -> Vec<String> {
        let checks = &self.rules.checks;
        let listed: BTreeSet<String> = checks
            .required_attachments
            .iter()
            .chain(&checks.allowed_attachments)
            .map(|arn| self.rules.localized(arn, self.account))
            .collect();
        let Role { attached, .. } = self.role;
        attached.keys().filter(|arn| !listed.contains(*arn)).cloned().collect()
    }

    fn trust_is_stricter(&self) -> bool {
        Policy::parse(Kind::Trust, &self.role.trust_policy, &self.context()).is_ok_and(|policy| {
            covers(&policy, &self.baseline.trust).verdict == Verdict::Conditional
        })
    }

    fn is_the_inline_policy(&self, text: &str) -> bool {
        Policy::parse(Kind::Identity, text, &self.context()).is_ok_and(|policy| {
            compare(&policy, &self.baseline.inline).verdict == Verdict::Equivalent
        })
    }
}
