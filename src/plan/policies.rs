//! The role's permissions: the inline policy put, then what stands beside it taken away, each only where the connector keeps
//! what it has and no decision is undone.

use super::account::Planner;
use super::decision;
use super::steps::Draft;
use crate::check::{Amendment, Amendments, Assessment, Replaced, Todo};
use crate::model::{Action, CheckName, ScanError, Verdict, Write};

/// Times that a role's permissions are planned for at most. What was invalid or in the way may have hidden something else,
/// so there is a second time; a third one finds nothing.
const ROUNDS: usize = 4;

impl Planner<'_> {
    /// Plans the steps for the role's permissions until there is nothing left to do.
    pub(super) fn all_permissions(&self, draft: &mut Draft) -> Result<(), ScanError> {
        for _ in 0..ROUNDS {
            let before = draft.steps().len();
            let assessed = self.assess(draft.snapshot())?;
            if let Todo::Change(amendments) = self.remedies(draft.snapshot())?.todo {
                self.permissions(draft, &assessed, &amendments)?;
            }
            if draft.steps().len() == before {
                break;
            }
        }
        Ok(())
    }

    fn permissions(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        amendments: &Amendments,
    ) -> Result<(), ScanError> {
        let inline = CheckName::InlinePolicy;
        draft.forget(inline);
        let verdict = assessed.verdicts.get(&inline).copied().unwrap_or(Verdict::Undecided);
        let detach: Vec<&(String, Amendment)> = amendments
            .detach
            .iter()
            .filter(|(finding, _)| self.open(assessed).any(|open| open.id == *finding))
            .collect();
        let lacking = !matches!(verdict, Verdict::Equivalent | Verdict::Excess);
        let may_detach = |amendment: &Amendment| {
            self.may_make(Action::DetachManagedPolicy, assessed, amendment).is_ok()
        };
        let wanted = verdict != Verdict::Equivalent
            && (self
                .open(assessed)
                .any(|f| f.check == inline || amendments.insufficient.contains(&f.id))
                || self.undecided(assessed, inline)
                || (lacking && detach.iter().any(|(_, amendment)| may_detach(amendment))));
        if wanted {
            self.inline(draft, assessed, amendments, verdict)?;
        }
        for (finding, amendment) in detach {
            self.detach(draft, assessed, finding, amendment)?;
        }
        Ok(())
    }

    fn inline(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        amendments: &Amendments,
        verdict: Verdict,
    ) -> Result<(), ScanError> {
        let check = CheckName::InlinePolicy;
        let Amendments { put, beside, .. } = amendments;
        let is_held = |amendment: &Amendment| {
            decision::may_undo(&amendment.undoes, &self.remediation.act_on).is_err()
        };
        let puts = (!put.is_done).then_some((Action::PutInlinePolicy, &put.amendment));
        let deletes = beside.iter().map(|other| (Action::DeleteInlinePolicy, &other.amendment));
        if let Err(reason) = self.may_undo(puts.into_iter().chain(deletes), assessed) {
            draft.because(check, reason);
        }
        if let Err(why) = self.may_act_on(verdict) {
            draft.because(check, why);
            return Ok(());
        }
        let may_put = match put.is_done || is_held(&put.amendment) {
            true => false,
            false => self.may(Action::PutInlinePolicy, assessed).map_or_else(
                |why| {
                    draft.because(check, why);
                    false
                },
                |()| true,
            ),
        };
        let may_delete = self.may(Action::DeleteInlinePolicy, assessed);
        let (mut delete, mut stays, mut denied) = (Vec::new(), false, false);
        for other in beside {
            let first = put.is_done || may_put || other.is_apart;
            let may = match first {
                true => may_delete.clone(),
                false => Err("the inline policies beside the expected one are deleted only after that one is there".to_owned()),
            };
            let held = is_held(&other.amendment);
            match may {
                Ok(()) if !held => delete.push(other),
                Err(why) if !held => {
                    draft.because(check, why);
                    stays = true;
                }
                Ok(()) | Err(_) => {
                    stays = true;
                    denied |= other.amendment.undoes.iter().any(|d| d.decisions.deny);
                }
            }
        }
        // One more policy beside those that stay may change nothing.
        let puts = may_put && (!stays || self.helps(draft, amendments, verdict, denied)?);
        if puts {
            draft.step(put.amendment.write.clone());
        }
        for other in delete.into_iter().filter(|other| put.is_done || puts || other.is_apart) {
            draft.step(other.amendment.write.clone());
        }
        Ok(())
    }

    /// True if the put is worth a write where policies beside it stay. `denied`: one of these holds a Deny.
    fn helps(
        &self,
        draft: &Draft,
        amendments: &Amendments,
        verdict: Verdict,
        denied: bool,
    ) -> Result<bool, ScanError> {
        let put = &amendments.put;
        // Under a Deny that keeps all away, a role in quarantine gains nothing.
        if put.replaces == Replaced::Wrong || (put.replaces == Replaced::Harmless && !denied) {
            return Ok(true);
        }
        let after = self.assess(&draft.after(&put.amendment.write))?;
        Ok(after.verdicts.get(&CheckName::InlinePolicy) != Some(&verdict))
    }

    fn detach(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        finding: &str,
        amendment: &Amendment,
    ) -> Result<(), ScanError> {
        let keeps = self.keeps_permissions(draft, &amendment.write)?;
        match self.may_make(Action::DetachManagedPolicy, assessed, amendment) {
            Ok(()) if keeps => draft.step(amendment.write.clone()),
            Ok(()) => draft.because_of(
                finding,
                "without it the connector would lose permissions that nothing else grants",
            ),
            // No command that would cut the connector off.
            Err(reason) if !keeps => draft.because_of(finding, reason.why),
            Err(reason) => draft.because_of(finding, reason),
        }
        Ok(())
    }

    /// True if the connector has all it needs after a write, or lacks nothing because of it.
    fn keeps_permissions(&self, draft: &Draft, write: &Write) -> Result<bool, ScanError> {
        let snapshot = draft.after(write);
        let after = self.assess(&snapshot)?;
        let is = |check, verdicts: &[Verdict]| {
            after.verdicts.get(&check).is_some_and(|verdict| verdicts.contains(verdict))
        };
        Ok(is(CheckName::InlinePolicy, &[Verdict::Equivalent, Verdict::Excess])
            || is(CheckName::EffectivePermissions, &[Verdict::Equivalent])
            || self.rules.allows_baseline(self.account, &snapshot)?)
    }
}
