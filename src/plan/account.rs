//! One account: from its role, as it was read, to the steps that remediate it.
//!
//! # The order of steps
//! No role on the way allows anyone more than it does before or after all steps, and the connector never loses what it has:
//!
//! 1. a trust policy that lets strangers in is replaced first: later steps must not serve them;
//! 2. a permissions boundary is put where there is none: it can only take away;
//! 3. the inline policy is put: from here on the role has what it needs;
//! 4. only now inline policies beside it are deleted and managed policies detached;
//! 5. a permissions boundary in place of another is put: it may let more through, and by now that is the baseline's;
//! 6. a trust policy that only keeps the connector out is replaced last: it opens a role that is remediated;
//! 7. the service-linked role, which is no part of this role, is created at the very end: that cannot be undone.
//!
//! A role that is created has its trust policy, boundary and tags from the first moment, and its permissions a step later.
//!
//! No step undoes a decision of people: see [`super::decision`].

use super::decision;
use super::reasons::{defect, said, why};
use super::steps::{Draft, Reason, touched};
use super::{AccountPlan, Remaining};
use crate::check::{Amendment, Amendments, Assessment, Remedies, Rules, Todo};
use crate::config::{Doubt, Remediation};
use crate::model::{
    Account, Action, CheckName, Finding, LINKED_ROLE, ScanError, Severity, Snapshot, Usage,
    Verdict, Write,
};

/// What to do in one account.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    /// It is not drifted.
    Nothing,
    /// It is drifted, and rolewarden does nothing about it.
    LeftAlone {
        /// Why, in a sentence.
        why: String,
        /// AWS CLI commands of the steps that were withheld because they would undo a decision.
        fix: Vec<String>,
    },
    /// These steps.
    Steps(AccountPlan),
}

impl Planned {
    fn left_alone(why: impl Into<String>) -> Self {
        Self::LeftAlone { why: why.into(), fix: Vec::new() }
    }
}

/// Plans one account from its snapshot. The end state of every returned plan has been assessed: the checks it targets pass,
/// and findings that stay are listed with the reason.
///
/// # Errors
/// As [`Rules::judge`], without `undecided` where `remediation.act_on` has it. `internal` if the end state fails a targeted
/// check, which would be a defect.
pub fn account_plan(
    rules: &Rules,
    account: &Account,
    snapshot: &Snapshot,
    usage: Option<&Usage>,
    remediation: &Remediation,
) -> Result<Planned, ScanError> {
    let assessed = rules.assess(account, snapshot, usage)?;
    let excused = excused(&assessed).map(|(check, id)| (check, id.to_owned())).collect();
    let planner = Planner { rules, account, usage, remediation, excused };
    if !planner.is_drifted(&assessed) {
        // If `act_on` does not include `undecided`, an undecided account is unknown, not clean.
        return rules.judge(account, snapshot, usage).map(|_| Planned::Nothing);
    }
    if let Err(why) = planner.selected() {
        return Ok(Planned::left_alone(why));
    }
    let Remedies { place, todo } = planner.remedies(snapshot)?;
    if place.path.starts_with("/aws-service-role/") {
        return Ok(Planned::left_alone("it is a service-linked role: only its service changes it"));
    }
    let mut draft = Draft::new(snapshot.clone(), place);
    match todo {
        Todo::Forbidden => {
            return Ok(Planned::left_alone(
                "the configuration forbids the role, and rolewarden never deletes a role: delete it by hand",
            ));
        }
        Todo::Create { create, put } => planner.create(&mut draft, &assessed, create, put),
        Todo::Change(amendments) => planner.change(&mut draft, &assessed, *amendments)?,
    }
    planner.linked_role(&mut draft, &assessed);
    planner.finish(draft, &assessed, snapshot)
}

/// Findings that an exception covers, by check, with the exception's id.
fn excused(assessed: &Assessment) -> impl Iterator<Item = (CheckName, &str)> {
    assessed.findings.iter().filter_map(|f| Some((f.check, f.exception.as_deref()?)))
}

pub(super) struct Planner<'a> {
    pub(super) rules: &'a Rules,
    pub(super) account: &'a Account,
    usage: Option<&'a Usage>,
    pub(super) remediation: &'a Remediation,
    /// Findings covered before the first step. A step for one finding may give another one a new id, and an exception by id
    /// would no longer cover it on the way.
    excused: Vec<(CheckName, String)>,
}

impl Planner<'_> {
    pub(super) fn remedies(&self, snapshot: &Snapshot) -> Result<Remedies, ScanError> {
        let may_undo = decision::allowed(&self.remediation.act_on);
        self.rules.remedies(self.account, snapshot, may_undo)
    }

    pub(super) fn assess(&self, snapshot: &Snapshot) -> Result<Assessment, ScanError> {
        self.rules.assess(self.account, snapshot, self.usage)
    }

    /// The findings that are drift, and that no exception covers.
    pub(super) fn open<'f>(&self, assessed: &'f Assessment) -> impl Iterator<Item = &'f Finding> {
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

    /// True if a check was not decided, and the configuration says to act nonetheless.
    pub(super) fn undecided(&self, assessed: &Assessment, check: CheckName) -> bool {
        let undecided = |result: &crate::model::CheckResult| result.verdict == Verdict::Undecided;
        self.remediation.act_on.contains(&Doubt::Undecided)
            && assessed.checks.get(&check).is_some_and(undecided)
            && self.rules.exception(self.account, check).is_none()
    }

    /// Refuses accounts that the configuration never lets rolewarden change.
    fn selected(&self) -> Result<(), String> {
        super::gate::coverage(self.remediation, self.account).map_err(|why| why.to_string())
    }

    /// Refuses an amendment that would undo a decision, or whose action may not be taken.
    pub(super) fn may_make(
        &self,
        action: Action,
        assessed: &Assessment,
        amendment: &Amendment,
    ) -> Result<(), Reason> {
        self.may_undo([(action, amendment)], assessed)?;
        self.may(action, assessed).map_err(Reason::from)
    }

    /// Refuses amendments that would undo decisions, with the writes withheld. The reason also names what stands against the
    /// actions, so that a word added to `act_on` does not merely reveal the next obstacle.
    pub(super) fn may_undo<'w>(
        &self,
        amendments: impl IntoIterator<Item = (Action, &'w Amendment)>,
        assessed: &Assessment,
    ) -> Result<(), Reason> {
        let act_on = &self.remediation.act_on;
        let held: Vec<(Action, &Amendment)> = amendments
            .into_iter()
            .filter(|(_, amendment)| decision::may_undo(&amendment.undoes, act_on).is_err())
            .collect();
        let undone = held.iter().flat_map(|(_, amendment)| &amendment.undoes);
        let Err(mut why) = decision::may_undo(undone, act_on) else { return Ok(()) };
        if let Some(also) = held.iter().find_map(|(action, _)| self.may(*action, assessed).err()) {
            why = format!("{why}; {also}");
        }
        let withheld = held.iter().map(|(_, amendment)| amendment.write.clone()).collect();
        Err(Reason { why, withheld })
    }

    /// Refuses an action that the configuration lacks, or that would change an exception's subject.
    pub(super) fn may(&self, action: Action, assessed: &Assessment) -> Result<(), String> {
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
        // An exception's subject stays as it is, also where a step for something else would change it.
        let before = self.excused.iter().map(|(check, id)| (*check, id.as_str()));
        match before.chain(excused(assessed)).find(|(check, _)| touched(action).contains(check)) {
            None => Ok(()),
            Some((check, exception)) => Err(format!(
                "exception {} covers {}, which {} would change",
                crate::model::printable_line(exception, 64),
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
        let Amendments { trust, boundary, .. } = &amendments;
        let trust = self.trust(draft, assessed, trust).map(|when| (when, &trust.write));
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

    /// When the trust policy is replaced; `None`: not at all.
    fn trust(&self, draft: &mut Draft, assessed: &Assessment, trust: &Amendment) -> Option<When> {
        let check = CheckName::TrustPolicy;
        let open = self.open(assessed).any(|finding| finding.check == check);
        if !open && !self.undecided(assessed, check) {
            return None;
        }
        let verdict = assessed.verdicts.get(&check).copied().unwrap_or(Verdict::Undecided);
        let may = self
            .may_make(Action::UpdateTrustPolicy, assessed, trust)
            .and_then(|()| self.may_act_on(verdict).map_err(Reason::from));
        if let Err(why) = may {
            draft.because(check, why);
            return None;
        }
        Some(match verdict {
            // Both only give.
            Verdict::Missing | Verdict::Conditional => When::Last,
            Verdict::Equivalent
            | Verdict::Excess
            | Verdict::MissingAndExcess
            | Verdict::Absent
            | Verdict::Invalid
            | Verdict::Undecided => When::First,
        })
    }

    fn boundary<'w>(
        &self,
        draft: &mut Draft,
        assessed: &Assessment,
        boundary: Option<&'w (String, Amendment)>,
    ) -> Option<(When, &'w Write)> {
        let (finding, put) = boundary?;
        self.open(assessed).find(|open| open.id == *finding)?;
        if let Err(why) = self.may_make(Action::PutPermissionsBoundary, assessed, put) {
            draft.because_of(finding, why);
            return None;
        }
        Some((if draft.has_boundary() { When::Last } else { When::First }, &put.write))
    }

    /// Creates the service-linked role, after everything that can be undone.
    fn linked_role(&self, draft: &mut Draft, assessed: &Assessment) {
        let (check, action) = (CheckName::ServiceLinkedRole, Action::CreateServiceLinkedRole);
        if self.open(assessed).all(|finding| finding.check != check) {
            return;
        }
        let seen = self.usage.and_then(|usage| usage.roles.get(LINKED_ROLE));
        let free = match seen {
            Some(Snapshot::Absent) => self.may(action, assessed),
            Some(Snapshot::Present(_)) | None => Err("another role already has its name".into()),
        };
        match free {
            Ok(()) => draft.step(self.rules.linked_role_creation()),
            Err(why) => draft.because(check, why),
        }
    }

    /// Refuses verdicts that claim too little, unless the configuration says to act on them.
    pub(super) fn may_act_on(&self, verdict: Verdict) -> Result<(), String> {
        let (doubt, why) = match verdict {
            Verdict::Invalid => (
                Doubt::Invalid,
                "the document is not well-formed; rolewarden replaces it only with `invalid` in remediation.act_on",
            ),
            Verdict::Undecided => (
                Doubt::Undecided,
                "the comparison was not decided; rolewarden acts on it only with `undecided` in remediation.act_on",
            ),
            Verdict::Equivalent
            | Verdict::Missing
            | Verdict::Excess
            | Verdict::MissingAndExcess
            | Verdict::Conditional
            | Verdict::Absent => return Ok(()),
        };
        match self.remediation.act_on.contains(&doubt) {
            true => Ok(()),
            false => Err(why.to_owned()),
        }
    }

    /// Assesses the end state of the steps before returning them.
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
            let withheld = draft.reason(finding).filter(|reason| !reason.withheld.is_empty());
            remaining.push(Remaining {
                check: finding.check,
                finding: finding.summary.clone(),
                why: why(&draft, finding)?,
                fix: withheld.map_or_else(|| finding.fix.clone(), |reason| draft.commands(reason)),
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
            return Ok(Planned::LeftAlone { why, fix: draft.withheld() });
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

    /// True if a check may still fail after a step that was made for another one: it is switched off, or its findings are too
    /// mild to be drift.
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
