//! One account: from its role, as it was read, to the steps that put it right.
//!
//! # The order of steps
//! No role on the way allows anyone more than it does before or after all steps, and the connector never loses what it has:
//!
//! 1. a trust policy that lets strangers in is replaced first: what comes after must not serve them;
//! 2. a permissions boundary is put where there is none: it can only take away;
//! 3. the inline policy is put: from here on the role has what it needs;
//! 4. only now inline policies beside it are deleted and managed policies detached;
//! 5. a permissions boundary in place of another is put: it may let through more, of what is right by now;
//! 6. a trust policy that only keeps the connector out is replaced last: it lets the service in to a role that is right;
//! 7. the service-linked role, which is no part of this role, is made at the very end: it cannot be undone.
//!
//! A role that is created has its trust policy, boundary and tags from the first moment, and its permissions a step later.

use super::reasons::{defect, said, why};
use super::steps::{Draft, touched};
use super::{AccountPlan, Remaining};
use crate::check::{Amendments, Assessment, Remedies, Rules, Todo};
use crate::config::{Doubt, Remediation};
use crate::model::{
    Account, Action, CheckName, Finding, LINKED_ROLE, ScanError, Severity, Snapshot, Usage,
    Verdict, Write,
};

/// Looks at a role's permissions at most; the second one finds little, and the third nothing.
const ROUNDS: usize = 4;

/// What is to be done in one account.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    /// It is not drifted.
    Nothing,
    /// It is drifted, and nothing is done about it: why.
    LeftAlone(String),
    /// These steps.
    Steps(AccountPlan),
}

/// Plans one account from its snapshot. Every plan given out was judged: what its steps lead to is right in all that they are
/// for, and what stays is listed.
///
/// # Errors
/// As [`Rules::judge`]; `undecided` is none where `remediation.act_on` has it. `internal` when the steps would not lead where
/// they should, which would be a defect.
pub fn account_plan(
    rules: &Rules,
    account: &Account,
    snapshot: &Snapshot,
    usage: Option<&Usage>,
    remediation: &Remediation,
) -> Result<Planned, ScanError> {
    let planner = Planner { rules, account, usage, remediation };
    let assessed = rules.assess(account, snapshot, usage)?;
    if !planner.is_drifted(&assessed) {
        // Where nothing is to be done about what is undecided, nothing is said to be well either.
        return rules.judge(account, snapshot, usage).map(|_| Planned::Nothing);
    }
    if let Err(why) = planner.selected() {
        return Ok(Planned::LeftAlone(why));
    }
    let Remedies { place, todo } = rules.remedies(account, snapshot)?;
    if place.path.starts_with("/aws-service-role/") {
        return Ok(Planned::LeftAlone(
            "it is a service-linked role, which only its service changes".into(),
        ));
    }
    let mut draft = Draft::new(snapshot.clone(), place);
    match todo {
        Todo::Forbidden => {
            let why = "the role must not be there, and roles are never deleted: delete it by hand";
            return Ok(Planned::LeftAlone(why.into()));
        }
        Todo::Create { create, put } => planner.create(&mut draft, &assessed, create, put),
        Todo::Change(amendments) => planner.change(&mut draft, &assessed, *amendments)?,
    }
    planner.linked_role(&mut draft, &assessed);
    planner.finish(draft, &assessed, snapshot)
}

struct Planner<'a> {
    rules: &'a Rules,
    account: &'a Account,
    usage: Option<&'a Usage>,
    remediation: &'a Remediation,
}

impl Planner<'_> {
    fn assess(&self, snapshot: &Snapshot) -> Result<Assessment, ScanError> {
        self.rules.assess(self.account, snapshot, self.usage)
    }

    /// The findings that are drift and excused by nothing.
    fn open<'f>(&self, assessed: &'f Assessment) -> impl Iterator<Item = &'f Finding> {
        assessed.findings.iter().filter(|f| f.exception.is_none() && self.rules.counts(f))
    }

    fn is_drifted(&self, assessed: &Assessment) -> bool {
        assessed.applicable
            && (self.open(assessed).next().is_some() || self.acts_on_undecided(assessed))
    }

    fn acts_on_undecided(&self, assessed: &Assessment) -> bool {
        [CheckName::TrustPolicy, CheckName::InlinePolicy]
            .iter()
            .any(|check| self.undecided(assessed, *check))
    }

    /// Whether a check was not decided and configuration says to act all the same.
    fn undecided(&self, assessed: &Assessment, check: CheckName) -> bool {
        let undecided = |result: &crate::model::CheckResult| result.verdict == Verdict::Undecided;
        self.remediation.act_on.contains(&Doubt::Undecided)
            && assessed.checks.get(&check).is_some_and(undecided)
            && self.rules.exception(self.account, check).is_none()
    }

    /// Whether configuration lets this account be changed at all.
    fn selected(&self) -> Result<(), String> {
        super::gate::coverage(self.remediation, self.account).map_err(|why| why.to_string())
    }

    /// Whether an action may be taken; else why not.
    fn may(&self, action: Action, assessed: &Assessment) -> Result<(), String> {
        if !self.remediation.actions.contains(&action) {
            return Err(format!("remediation.actions does not have {}", action.as_str()));
        }
        // A document that is written whole takes away what an exception accepts beside the baseline.
        for check in touched(action) {
            if let Some(exception) = self.rules.exception(self.account, *check) {
                return Err(format!(
                    "exception {} accepts more than the baseline in {}, which {} would take away",
                    crate::model::printable_line(&exception, 64),
                    check.as_str(),
                    action.as_str()
                ));
            }
        }
        // What an exception covers stays as it is, also where a step for something else would change it.
        let covered = |f: &&Finding| f.exception.is_some() && touched(action).contains(&f.check);
        match assessed.findings.iter().find(covered) {
            None => Ok(()),
            Some(Finding { check, exception, .. }) => Err(format!(
                "exception {} covers {}, which {} would change",
                crate::model::printable_line(exception.as_deref().unwrap_or_default(), 64),
                check.as_str(),
                action.as_str()
            )),
        }
    }

    fn create(&self, draft: &mut Draft, assessed: &Assessment, create: Write, put: Write) {
        if self.open(assessed).all(|finding| finding.check != CheckName::RoleExists) {
            return;
        }
        let both = self
            .may(Action::CreateRole, assessed)
            .and_then(|()| self.may(Action::PutInlinePolicy, assessed));
        match both {
            Ok(()) => {
                draft.step(create);
                draft.step(put);
            }
            // A role without permissions would be a new finding in place of the old one.
            Err(why) => draft.because(CheckName::RoleExists, why),
        }
    }

    fn change(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        amendments: Amendments,
    ) -> Result<(), ScanError> {
        let Amendments { trust, trust_is_stricter, boundary, .. } = &amendments;
        let trust = self.trust(draft, assessed, *trust_is_stricter).map(|when| (when, trust));
        let boundary = self.boundary(draft, assessed, boundary.as_ref());
        if let Some((When::First, trust)) = trust {
            draft.step(trust.clone());
        }
        if let Some((When::First, put)) = boundary {
            draft.step(put.clone());
        }
        self.all_permissions(draft)?;
        if let Some((When::Last, put)) = boundary {
            draft.step(put.clone());
        }
        if let Some((When::Last, trust)) = trust {
            draft.step(trust.clone());
        }
        Ok(())
    }

    /// Whether the trust policy is replaced, and when.
    fn trust(&self, draft: &mut Draft, assessed: &Assessment, stricter: bool) -> Option<When> {
        let check = CheckName::TrustPolicy;
        let open = self.open(assessed).any(|finding| finding.check == check);
        if !open && !self.undecided(assessed, check) {
            return None;
        }
        let when = match assessed.verdicts.get(&check) {
            Some(Verdict::Conditional) => {
                Err("it is stricter than the baseline, and is never widened".into())
            }
            _ if stricter => Err(
                "it has conditions that the baseline does not have, and they are never stripped"
                    .into(),
            ),
            Some(Verdict::Invalid) => self.doubt(Doubt::Invalid).map(|()| When::First),
            Some(Verdict::Missing) => Ok(When::Last),
            _ => Ok(When::First),
        };
        let allowed =
            when.and_then(|when| self.may(Action::UpdateTrustPolicy, assessed).map(|()| when));
        allowed.map_err(|why| draft.because(check, why)).ok()
    }

    fn boundary<'w>(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        boundary: Option<&'w (String, Write)>,
    ) -> Option<(When, &'w Write)> {
        let (finding, put) = boundary?;
        self.open(assessed).find(|open| open.id == *finding)?;
        if let Err(why) = self.may(Action::PutPermissionsBoundary, assessed) {
            draft.because_of(finding, why);
            return None;
        }
        Some((if draft.has_boundary() { When::Last } else { When::First }, put))
    }

    /// Makes the service-linked role: after all that can be undone.
    fn linked_role(&self, draft: &mut Draft, assessed: &Assessment) {
        let (check, action) = (CheckName::ServiceLinkedRole, Action::CreateServiceLinkedRole);
        if self.open(assessed).all(|finding| finding.check != check) {
            return;
        }
        let seen = self.usage.and_then(|usage| usage.roles.get(LINKED_ROLE));
        let free = match seen {
            Some(Snapshot::Absent) => self.may(action, assessed),
            Some(Snapshot::Present(_)) | None => Err("another role has its name".into()),
        };
        match free {
            Ok(()) => draft.step(self.rules.linked_role_creation()),
            Err(why) => draft.because(check, why),
        }
    }

    /// Until there is nothing left to do: what was invalid or in the way may have hidden something else.
    fn all_permissions(&self, draft: &mut Draft) -> Result<(), ScanError> {
        for _ in 0..ROUNDS {
            let before = draft.steps().len();
            let assessed = self.assess(draft.snapshot())?;
            let remedies = self.rules.remedies(self.account, draft.snapshot())?;
            if let Todo::Change(amendments) = remedies.todo {
                self.permissions(draft, &assessed, &amendments)?;
            }
            if draft.steps().len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Puts the inline policy, then takes away what is beside it: each only where the connector keeps what it has.
    fn permissions(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        amendments: &Amendments,
    ) -> Result<(), ScanError> {
        let inline = CheckName::InlinePolicy;
        draft.forget(inline);
        let verdict = assessed.verdicts.get(&inline).copied().unwrap_or(Verdict::Undecided);
        let detach: Vec<&(String, Write)> = amendments
            .detach
            .iter()
            .filter(|(finding, _)| self.open(assessed).any(|open| open.id == *finding))
            .collect();
        let lacking = !matches!(verdict, Verdict::Equivalent | Verdict::Excess);
        let may_detach = self.may(Action::DetachManagedPolicy, assessed);
        let wanted = verdict != Verdict::Equivalent
            && (self
                .open(assessed)
                .any(|f| f.check == inline || amendments.insufficient.contains(&f.id))
                || self.undecided(assessed, inline)
                || (lacking && may_detach.is_ok() && !detach.is_empty()));
        if wanted {
            self.inline(draft, assessed, amendments, verdict)?;
        }
        for (finding, write) in detach {
            let keeps = || self.keeps_permissions(draft, write);
            let why = match &may_detach {
                Err(why) => Some(why.clone()),
                Ok(()) if keeps()? => None,
                Ok(()) => Some(
                    "without it the connector would lose permissions that nothing else gives it"
                        .into(),
                ),
            };
            match why {
                None => draft.step(write.clone()),
                Some(why) => draft.because_of(finding, why),
            }
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
        let doubt = match verdict {
            Verdict::Invalid => self.doubt(Doubt::Invalid),
            Verdict::Undecided => self.doubt(Doubt::Undecided),
            _ => Ok(()),
        };
        if let Err(why) = doubt {
            draft.because(check, why);
            return Ok(());
        }
        let may_put = self.may(Action::PutInlinePolicy, assessed);
        let put_first = amendments.put_is_done || may_put.is_ok();
        let may_delete = match (put_first, self.may(Action::DeleteInlinePolicy, assessed)) {
            (true, may) => may,
            (false, _) => {
                Err("what is inline beside it is deleted only once it is right itself".into())
            }
        };
        let beside = !amendments.delete.is_empty();
        if let (true, Err(why)) = (beside, &may_delete) {
            draft.because(check, why.clone());
        }
        if !amendments.put_is_done {
            match may_put {
                Err(why) => draft.because(check, why),
                Ok(())
                    if !beside
                        || may_delete.is_ok()
                        || self.helps(draft, amendments, verdict)? =>
                {
                    draft.step(amendments.put.clone());
                }
                // One more policy beside those that stay would change nothing.
                Ok(()) => {}
            }
        }
        if may_delete.is_ok() {
            for write in &amendments.delete {
                draft.step(write.clone());
            }
        }
        Ok(())
    }

    /// Whether to put the inline policy is worth it where the policies beside it stay.
    fn helps(
        &self,
        draft: &Draft,
        amendments: &Amendments,
        verdict: Verdict,
    ) -> Result<bool, ScanError> {
        let replaced = draft.has_inline(&amendments.inline_name);
        let after = self.assess(&draft.after(&amendments.put))?;
        Ok(replaced || after.verdicts.get(&CheckName::InlinePolicy) != Some(&verdict))
    }

    /// Whether the connector has all it needs once this is made, or never needed it for that.
    fn keeps_permissions(&self, draft: &Draft, write: &Write) -> Result<bool, ScanError> {
        let after = self.assess(&draft.after(write))?;
        let is = |check, verdicts: &[Verdict]| {
            after.verdicts.get(&check).is_some_and(|verdict| verdicts.contains(verdict))
        };
        Ok(is(CheckName::InlinePolicy, &[Verdict::Equivalent, Verdict::Excess])
            || is(CheckName::EffectivePermissions, &[Verdict::Equivalent]))
    }

    fn doubt(&self, doubt: Doubt) -> Result<(), String> {
        if self.remediation.act_on.contains(&doubt) {
            return Ok(());
        }
        Err(match doubt {
            Doubt::Invalid => {
                "it is not one strict policy document, and remediation.act_on does not have invalid"
            }
            Doubt::Undecided => {
                "the comparison was not decided, and remediation.act_on does not have undecided"
            }
        }
        .into())
    }

    /// Judges what the steps lead to, before they are given out.
    fn finish(
        &self,
        draft: Draft,
        before: &Assessment,
        snapshot: &Snapshot,
    ) -> Result<Planned, ScanError> {
        let after = self.assess(draft.snapshot())?;
        let mut remaining = Vec::new();
        // What was read beside the role is as it was before the steps.
        let made = draft.does(Action::CreateServiceLinkedRole);
        let stays = |f: &&Finding| !made || f.check != CheckName::ServiceLinkedRole;
        for finding in self.open(&after).filter(stays) {
            remaining.push(Remaining {
                check: finding.check,
                finding: finding.summary.clone(),
                why: why(&draft, finding)?,
                fix: finding.fix.clone(),
            });
        }
        for (action, check) in [
            (Action::UpdateTrustPolicy, CheckName::TrustPolicy),
            (Action::PutInlinePolicy, CheckName::InlinePolicy),
            (Action::DeleteInlinePolicy, CheckName::InlinePolicy),
        ] {
            let right = after.verdicts.get(&check) == Some(&Verdict::Equivalent);
            if draft.does(action)
                && !right
                && !self.may_differ(&after, check)
                && !draft.explains(check)
            {
                return Err(defect(check));
            }
        }
        if draft.steps().is_empty() {
            let why = if remaining.is_empty() { draft.reasons() } else { said(&remaining) };
            return Ok(Planned::LeftAlone(why));
        }
        let role_id = match snapshot {
            Snapshot::Absent => None,
            Snapshot::Present(role) => Some(role.id.clone()),
        };
        let Account { id, name, path, .. } = self.account;
        Ok(Planned::Steps(AccountPlan {
            account: id.clone(),
            name: crate::model::printable_line(name, 256),
            path: crate::model::printable_line(path, 1_024),
            role_arn: before.role_arn.clone(),
            role_id,
            snapshot_digest: snapshot.digest(),
            severity: self
                .open(before)
                .map(|finding| finding.severity)
                .max()
                .unwrap_or(Severity::Info),
            open_since: None,
            steps: draft.into_steps(before),
            remaining,
        }))
    }

    /// Whether a check need not be right where a step was made for another one: nobody judges it, or what it found is too mild
    /// to be drift.
    fn may_differ(&self, after: &Assessment, check: CheckName) -> bool {
        let mild = || {
            let found = after.findings.iter().any(|finding| finding.check == check);
            found && self.open(after).all(|finding| finding.check != check)
        };
        !self.rules.judges(check) || mild()
    }
}

/// When a step is made: what takes away comes before what gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    First,
    Last,
}
