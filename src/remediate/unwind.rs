//! From the role as it is now and the changes to undo to the writes that undo them. Pure.
//!
//! Everything is computed from what was read now, never from what the journal says was there: the diff that a person
//! reviews, and the way back that goes into the journal before anything is written.

use super::effect;
use super::redo::Again;
use crate::model::{Change, RoleArn, Snapshot, StepOutcome, Write};
use crate::plan::Step;

/// One write of a rollback.
#[derive(Debug, Clone)]
pub struct UndoStep {
    /// The change it undoes.
    pub undoes: Change,
    /// What is sent, what would take it back, and the diff from the role now to the role after it.
    pub step: Step,
    /// Where the change is a rollback's: what remediation wrote before that.
    pub(super) again: Option<Again>,
}

/// The writes that undo these changes, which come with the last one first; or why the role is left as it is.
///
/// `force` undoes also where the role is not as the change left it. It never deletes a role that was extended: where
/// the last step would delete the role, every step must find what rolewarden left, or none is taken.
pub(super) fn unwound(
    seen: &Snapshot,
    changes: Vec<(Change, Option<Again>)>,
    force: bool,
) -> Result<Vec<UndoStep>, String> {
    let deletes = changes.iter().any(|(change, _)| change.undo == Some(Write::DeleteRole));
    let (mut now, mut steps) = (seen.clone(), vec![]);
    for (change, again) in changes {
        let Some(undo) = change.undo.clone() else { continue };
        let arn: RoleArn = change.role_arn.parse().map_err(|_| "the journal names no role")?;
        // What was perhaps never written needs no undoing where it is not there.
        let unseen = change.outcome == Some(StepOutcome::VerifyFailed);
        if unseen && effect::holds(&undo, &now) {
            continue;
        }
        may_undo(&change, &undo, &now, force, deletes)?;
        let mut step = Step::new(undo, &now, &arn);
        let after = step.write.applied_to(&now, &arn);
        // Undone by other people, which only `force` gets to see: IAM would refuse some of these writes.
        if after == now {
            continue;
        }
        now = after;
        step.summary = format!("undo: {}", change.summary);
        steps.push(UndoStep { undoes: change, step, again });
    }
    match steps.is_empty() {
        true => Err("its changes are not in effect".to_owned()),
        false => Ok(steps),
    }
}

/// Whether a change may be undone where the role is so.
fn may_undo(
    change: &Change,
    undo: &Write,
    now: &Snapshot,
    force: bool,
    deletes: bool,
) -> Result<(), String> {
    let what = &change.summary;
    if *undo == Write::DeleteRole {
        return may_delete(change, now);
    }
    if matches!((undo, now), (Write::CreateRole { .. }, Snapshot::Present(_))) {
        return Err(format!("a role of this name is there again, and is not replaced: {what}"));
    }
    let same_role = match (&change.role_id, now) {
        // A role without an id is the one that the step before makes.
        (Some(id), Snapshot::Present(role)) => *id == role.id || role.id.is_empty(),
        (None, _) | (_, Snapshot::Absent) => true,
    };
    let as_left = same_role && effect::holds(&change.write, now);
    match (as_left, deletes, force, same_role) {
        (true, ..) | (false, false, true, _) => Ok(()),
        (false, true, ..) => Err(format!(
            "the role is not as rolewarden left it, and undoing this run would delete it; no flag deletes a role that was \
             changed since: {what}"
        )),
        (false, false, false, false) => Err(format!(
            "the role was deleted and created again since (`--force` changes it anyway): {what}"
        )),
        (false, false, false, true) => Err(format!(
            "the role has moved on since this change (`--force` overwrites it anyway): {what}"
        )),
    }
}

/// Only a role that a change made is deleted, as that change made it.
fn may_delete(change: &Change, now: &Snapshot) -> Result<(), String> {
    let (what, id) = (&change.summary, &change.id);
    if *now == Snapshot::Absent {
        return Err(format!("the role is gone already: {what}"));
    }
    if !effect::is_own(change, now) {
        return Err(format!(
            "the role is not deleted: it has another id than the role that rolewarden made, or its description does not name \
             change {id}: {what}"
        ));
    }
    match effect::is_as_created(&change.write, now) {
        true => Ok(()),
        false => Err(format!(
            "the role is not as this change made it, and is not deleted: {what}; where more changes of the same run were made \
             to it, roll back the run"
        )),
    }
}
