//! What would remediate a role: its creation, or amendments. Which writes are made, and in which order, is for a plan to say.

use super::amendments::Amendments;
use super::{Baseline, Case, Rules, role_exists, service_linked_role};
use crate::config::Presence;
use crate::model::{Account, CheckName, RoleArn, ScanError, Snapshot, Write};
use crate::policy::Decisions;

/// What would remediate one role.
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
    /// It is there and must not be: no write remediates that.
    Forbidden,
    /// It is there: change it.
    Change(Box<Amendments>),
}

impl Rules {
    /// What would remediate this role. `may_undo`: the decisions that the configuration lets a plan undo.
    ///
    /// # Errors
    /// `internal` where the baseline cannot be read.
    pub(crate) fn remedies(
        &self,
        account: &Account,
        snapshot: &Snapshot,
        may_undo: Decisions,
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
            Todo::Change(Box::new(case.amendments(may_undo)))
        };
        Ok(Remedies { place, todo })
    }

    /// True if the Allows of what the role carries hold all of the baseline under no condition, whatever Denies do.
    ///
    /// # Errors
    /// `internal` where the baseline cannot be read.
    pub(crate) fn allows_baseline(
        &self,
        account: &Account,
        snapshot: &Snapshot,
    ) -> Result<bool, ScanError> {
        let baseline = self.baseline_in(&account.id)?;
        Ok(match snapshot {
            Snapshot::Absent => false,
            Snapshot::Present(role) => {
                Case { rules: self, account: &account.id, baseline: &baseline, role }
                    .allows_baseline()
            }
        })
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
