//! Plans of roles, for the tests.

use crate::check::tests::{account, config, rules};
use crate::config::{Doubt, Remediation};
use crate::model::{Action, RoleArn, ScanError, Snapshot};
use crate::plan::{AccountPlan, Planned, account_plan};

/// Everything may be done, but decisions are not undone.
pub(super) fn everything() -> Remediation {
    Remediation {
        actions: Action::CONFIGURABLE.into(),
        act_on: [Doubt::Invalid, Doubt::Undecided].into(),
        ..Remediation::default()
    }
}

/// Everything may be done, also what undoes decisions.
pub(super) fn everything_undone() -> Remediation {
    Remediation {
        act_on: [Doubt::Invalid, Doubt::Undecided, Doubt::Deny, Doubt::Conditional].into(),
        ..everything()
    }
}

pub(super) fn only(actions: &[Action]) -> Remediation {
    let actions = actions.iter().copied().collect();
    Remediation { actions, ..Remediation::default() }
}

pub(super) fn planned(
    yaml: &str,
    snapshot: &Snapshot,
    remediation: &Remediation,
) -> Result<Planned, ScanError> {
    account_plan(&rules(&config(yaml), snapshot), &account(), snapshot, None, remediation)
}

/// The steps there must be.
pub(super) fn steps(yaml: &str, snapshot: &Snapshot, remediation: &Remediation) -> AccountPlan {
    match planned(yaml, snapshot, remediation) {
        Ok(Planned::Steps(plan)) => plan,
        other => panic!("{other:?}"),
    }
}

/// Where the role is or will be.
pub(super) fn place(plan: &AccountPlan) -> RoleArn {
    plan.role_arn.parse().unwrap()
}

/// The role after every step.
pub(super) fn after(plan: &AccountPlan, before: &Snapshot) -> Snapshot {
    plan.steps
        .iter()
        .fold(before.clone(), |snapshot, step| step.write.applied_to(&snapshot, &place(plan)))
}

/// The role after every step was taken back, the last one first.
pub(super) fn undone(plan: &AccountPlan, after: &Snapshot) -> Snapshot {
    plan.steps.iter().rev().fold(after.clone(), |snapshot, step| {
        step.undo.as_ref().unwrap().applied_to(&snapshot, &place(plan))
    })
}
