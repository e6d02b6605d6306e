//! Undoing a rollback writes again what remediation wrote, so everything that blocks remediation blocks it too.

use std::collections::BTreeSet;

use super::unwind::UndoStep;
use super::{Blocked, Engine, Journal, effect};
use crate::aws::{RoleReader, RoleWriter};
use crate::model::{AccountId, Change, Origin, RoleArn, Shard, Snapshot, Write};
use crate::plan::{Planned, account_plan, gate};
use crate::store::ChangeFilter;

/// Rollbacks of rollbacks that are looked through. No person goes so far; a store that was tampered with may go in a ring.
const DEEPEST: usize = 32;

/// What undoing a rollback's change makes again.
#[derive(Debug, Clone)]
pub(super) enum Again {
    /// What remediation wrote at first.
    Known(Box<Write>),
    /// The journal does not have that change any more.
    Forgotten,
}

impl<A, J> Engine<A, J>
where
    A: RoleReader + RoleWriter + Send + Sync,
    J: Journal,
{
    /// What undoing this change makes again. `None`: it puts back what was there before remediation. That is so for a
    /// change of remediation, and for the change that undid its rollback.
    pub(super) async fn again(&self, change: &Change) -> Result<Option<Again>, Blocked> {
        let (mut change, mut again) = (change.clone(), false);
        for _ in 0..DEEPEST {
            match change.origin {
                Origin::Serve | Origin::Apply => {
                    return Ok(again.then(|| Again::Known(Box::new(change.write))));
                }
                Origin::Rollback => again = !again,
            }
            let Some(id) = change.rolls_back.take() else { break };
            let filter = ChangeFilter { id: Some(id), ..ChangeFilter::default() };
            let Some(undone) = self.changes(filter).await?.pop() else { break };
            change = undone;
        }
        // It may have been remediation: so it is taken for that.
        Ok(Some(Again::Forgotten))
    }

    /// Why a rollback may not be undone in this account, if it may not.
    pub(super) async fn no_redo(
        &self,
        id: &AccountId,
        seen: &Snapshot,
        steps: &[UndoStep],
    ) -> Result<Option<String>, Blocked> {
        match self.gate(id, None, Origin::Apply).await {
            Ok(()) => {}
            Err(why @ Blocked::Journal(_)) => return Err(why),
            Err(why) => return Ok(Some(why.to_string())),
        }
        let Some(account) = self.accounts.get(id) else {
            return Ok(Some(Blocked::Gone.to_string()));
        };
        let written_by_remediation = steps.iter().filter(|step| step.writes_again()).count();
        if written_by_remediation == 0 {
            return Ok(self.not_allowed(steps));
        }
        if written_by_remediation < steps.len() {
            return Ok(Some(
                "the rollback also overwrote what others had changed: undo its changes one at a time, and use `rolewarden plan` \
                 for the rest"
                    .to_owned(),
            ));
        }
        let usage = match self.usage(account).await {
            Ok(usage) => usage,
            Err(error) => return Ok(Some(format!("the account could not be read: {error}"))),
        };
        let planned = account_plan(&self.rules, account, seen, Some(&usage), &self.remediation);
        Ok(match planned {
            Err(error) => Some(format!("nothing can be planned for the role: {error}")),
            Ok(Planned::LeftAlone { why, .. }) => Some(why),
            Ok(Planned::Nothing) => {
                Some("the role needs no change by the configuration in force".to_owned())
            }
            Ok(Planned::Steps(plan)) => {
                let writes = plan.steps.iter().map(|step| &step.write);
                (!same_writes(writes, steps)).then(|| OTHERWISE.to_owned())
            }
        })
    }

    /// Why configuration does not allow these writes, if it does not.
    fn not_allowed(&self, steps: &[UndoStep]) -> Option<String> {
        let actions: BTreeSet<_> = steps.iter().map(|step| step.step.write.action()).collect();
        let lacking = actions.difference(&self.remediation.actions).next()?;
        Some(format!("remediation.actions does not have {}", lacking.as_str()))
    }

    /// How many accounts one run may write to; else why none.
    pub(super) fn most_accounts(&self) -> Result<usize, Blocked> {
        let selected = self.accounts.values().filter(|account| account.skip.is_none()).count();
        gate::budget(&self.remediation, selected, Shard::default())
    }
}

/// Said where the configuration in force plans something else than what was written.
const OTHERWISE: &str = "the baseline or the rest of the configuration differs from the one that was written then: review and \
                         apply what is planned now, with `rolewarden plan`";

impl UndoStep {
    /// Whether this is what remediation wrote, and not what others had made of the role before it was rolled back.
    fn writes_again(&self) -> bool {
        let arn = self.undoes.role_arn.parse::<RoleArn>();
        match (&self.again, arn) {
            (Some(Again::Known(written)), Ok(arn)) => {
                effect::same_write(written, &self.step.write, &arn)
            }
            (Some(Again::Forgotten), _) | (None, _) | (_, Err(_)) => true,
        }
    }
}

fn same_writes<'w>(planned: impl ExactSizeIterator<Item = &'w Write>, steps: &[UndoStep]) -> bool {
    planned.len() == steps.len()
        && planned.zip(steps).all(|(planned, step)| {
            let arn = step.undoes.role_arn.parse::<RoleArn>();
            arn.is_ok_and(|arn| effect::same_write(planned, &step.step.write, &arn))
        })
}
