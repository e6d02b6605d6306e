//! Puts back what changes changed, in reverse order.

use jiff::Timestamp;

use super::account::Done;
use super::step::Scene;
use super::{AccountRun, Engine, Held, Journal, Outcome, RunReport, RunSummary, effect};
use crate::aws::{RoleReader, RoleWriter, read_proved};
use crate::model::{
    Account, AccountId, Change, Origin, Phase, RoleArn, Snapshot, StepOutcome, Write,
};
use crate::store::ChangeFilter;

/// What a rollback would do.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The id it will have as a run: a ULID.
    pub run: String,
    /// The accounts, and what would be put back in each.
    pub accounts: Vec<UndoAccount>,
}

/// What a rollback would do in one account.
#[derive(Debug, Clone)]
pub struct UndoAccount {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Changes to undo, the last one first.
    pub changes: Vec<Change>,
    /// Changes that nothing can undo: they stay, and the others are undone all the same.
    pub stays: Vec<Change>,
    /// Why nothing is done here, if nothing is.
    pub refused: Option<String>,
    /// The role as it is now.
    seen: Snapshot,
}

/// Why nothing can be rolled back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotUndo {
    /// The journal has no such change or run.
    #[error("no change and no run has the id `{0}`: see `rolewarden history --changes`")]
    Unknown(String),
    /// None of its changes was made, or all were rolled back.
    #[error("nothing of `{0}` is in effect: {1}")]
    Nothing(String, String),
    /// The journal does not work.
    #[error(transparent)]
    Held(#[from] Held),
}

impl<A, J> Engine<A, J>
where
    A: RoleReader + RoleWriter + Send + Sync,
    J: Journal,
{
    /// What undoing a change, or a run, would do now. With `force`, also where a role has moved on since; a role that
    /// rolewarden made is only deleted if it is what rolewarden left, forced or not.
    ///
    /// # Errors
    /// When there is nothing to undo.
    pub async fn undo(&self, id: &str, force: bool) -> Result<Undo, CannotUndo> {
        let one = ChangeFilter { id: Some(id.to_owned()), ..ChangeFilter::default() };
        let mut found = self.changes(one).await?;
        if found.is_empty() {
            let run = ChangeFilter { run: Some(id.to_owned()), ..ChangeFilter::default() };
            found = self.changes(run).await?;
        }
        let Some(first) = found.first() else { return Err(CannotUndo::Unknown(id.to_owned())) };
        let why = first.outcome.map_or("it has not ended", StepOutcome::as_str).to_owned();
        if found.iter().any(|change| change.phase != Phase::Ended) {
            let why = "a change of it has not ended; it is closed at the next start".to_owned();
            return Err(CannotUndo::Nothing(id.to_owned(), why));
        }
        found.retain(|change| {
            matches!(change.outcome, Some(StepOutcome::Applied | StepOutcome::VerifyFailed))
        });
        if found.is_empty() {
            return Err(CannotUndo::Nothing(id.to_owned(), why));
        }
        let mut undo = Undo { run: crate::clock::sweep_id(), accounts: vec![] };
        while let Some(first) = found.first() {
            let account = first.account.clone();
            let of_account = |change: &Change| change.account == account;
            let (changes, rest) = found.into_iter().partition(of_account);
            found = rest;
            undo.accounts.push(self.undo_account(account, changes, force).await);
        }
        Ok(undo)
    }

    async fn undo_account(
        &self,
        account: AccountId,
        changes: Vec<Change>,
        force: bool,
    ) -> UndoAccount {
        let name = changes.first().map_or_else(String::new, |change| change.account_name.clone());
        let (changes, stays): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.undo.is_some());
        if changes.is_empty() {
            let refused = Some(never_undone(&stays));
            let (changes, seen) = (stays, Snapshot::Absent);
            return UndoAccount { account, name, changes, stays: vec![], refused, seen };
        }
        let read = read_proved(self.aws.as_ref(), &Account::numbered(account.clone())).await;
        let (seen, changes, refused) = match read {
            Err(error) => {
                (Snapshot::Absent, changes, Some(format!("the role could not be read: {error}")))
            }
            Ok(seen) => match checked(&seen, &changes, force) {
                Ok(in_effect) => (seen, in_effect, None),
                Err(why) => (seen, changes, Some(why)),
            },
        };
        UndoAccount { account, name, changes, stays, refused, seen }
    }

    /// Undoes it. Each undo is a change of its own in the journal. An account that fails keeps no other from being put back.
    pub async fn rollback(&self, undo: &Undo) -> RunReport {
        let started_at = self.now();
        let (mut accounts, mut held) = (vec![], self.held_from_putting_back().err());
        for one in &undo.accounts {
            let refused = one.refused.clone().or_else(|| held.as_ref().map(ToString::to_string));
            if let Some(why) = refused {
                accounts.push(one.left(why));
                continue;
            }
            let mut done = self.roll_back_account(&undo.run, one).await;
            if !one.stays.is_empty() && done.report.note.is_none() {
                done.report.note = Some(never_undone(&one.stays));
            }
            held = done.held;
            accounts.push(done.report);
        }
        let report = RunReport {
            schema: RunReport::SCHEMA,
            run: undo.run.clone(),
            plan: None,
            origin: Origin::Rollback,
            started_at,
            finished_at: self.now(),
            ended_early: held,
            summary: RunSummary::of(&accounts),
            accounts,
        };
        report.tell();
        report
    }

    async fn roll_back_account(&self, run: &str, one: &UndoAccount) -> Done {
        let failed = |held: Held| Done {
            report: one.left(held.to_string()),
            held: Some(held),
            tried: false,
        };
        let Some(arn) = one.changes.first().and_then(|c| c.role_arn.parse::<RoleArn>().ok()) else {
            return Done {
                report: one.left("the journal names no role".to_owned()),
                held: None,
                tried: false,
            };
        };
        let (now, digest) = (self.now(), one.seen.digest());
        let mut changes: Vec<Change> = one
            .changes
            .iter()
            .filter_map(|change| self.reversed(change, run, &digest, now))
            .collect();
        if let Err(held) = self.record(changes.clone()).await {
            return failed(held);
        }
        let account = Account { name: one.name.clone(), ..Account::numbered(one.account.clone()) };
        let mut scene = Scene::new(account, arn, one.seen.clone());
        let held = self.steps(&mut scene, &mut changes).await.err();
        Done::of(one.name.clone(), &one.account, &changes, held)
    }

    /// The change that undoes a change.
    fn reversed(&self, change: &Change, run: &str, digest: &str, at: Timestamp) -> Option<Change> {
        Some(Change {
            id: crate::clock::sweep_id(),
            run: run.to_owned(),
            before_digest: digest.to_owned(),
            write: change.undo.clone()?,
            undo: Some(change.write.clone()),
            summary: format!("undo: {}", change.summary),
            diff: turned(&change.diff),
            origin: Origin::Rollback,
            caller: self.caller.clone(),
            rolls_back: Some(change.id.clone()),
            at,
            phase: Phase::Planned,
            ended_at: None,
            outcome: None,
            note: None,
            ..change.clone()
        })
    }
}

impl UndoAccount {
    fn left(&self, why: String) -> AccountRun {
        let mut report = Done::of(self.name.clone(), &self.account, &[], None).report;
        report.outcome = Outcome::Left;
        report.note = Some(why);
        report
    }
}

/// Which changes stay, because nothing can undo them.
fn never_undone(changes: &[Change]) -> String {
    let summaries: Vec<&str> = changes.iter().map(|change| change.summary.as_str()).collect();
    format!("it stays, because only AWS can take it back: {}", summaries.join("; "))
}

/// A diff from after to before.
fn turned(diff: &str) -> String {
    let turn = |line: &str| match line.split_at_checked(1) {
        Some(("+", rest)) => format!("-{rest}\n"),
        Some(("-", rest)) => format!("+{rest}\n"),
        _ => format!("{line}\n"),
    };
    diff.lines().map(turn).collect()
}

/// The changes to undo, the last one first, of those that are in effect; or why the role must be left as it is.
fn checked(seen: &Snapshot, changes: &[Change], force: bool) -> Result<Vec<Change>, String> {
    let (mut now, mut undone) = (seen.clone(), vec![]);
    for change in changes {
        let what = &change.summary;
        let Some(undo) = &change.undo else { continue };
        let Ok(arn) = change.role_arn.parse::<RoleArn>() else {
            return Err("the journal names no role".to_owned());
        };
        let unseen = change.outcome == Some(StepOutcome::VerifyFailed);
        if unseen && effect::holds(undo, &now) {
            continue;
        }
        let same_role = match (&change.role_id, &now) {
            (Some(id), Snapshot::Present(role)) => *id == role.id,
            (None, _) | (_, Snapshot::Absent) => true,
        };
        if matches!(undo, Write::DeleteRole) {
            if change.role_id.is_none() || !same_role || !effect::is_as_created(&change.write, &now)
            {
                return Err(format!(
                    "the role is not what rolewarden made, and is not deleted: {what}; where more changes of the same run \
                     were made to it, roll back the run"
                ));
            }
        } else if !force && !same_role {
            return Err(
                "the role was deleted and made anew since (`--force` changes it all the same)"
                    .to_owned(),
            );
        } else if !force && !effect::holds(&change.write, &now) {
            return Err(format!(
                "the role has moved on since this change (`--force` puts it back all the same): {what}"
            ));
        }
        now = undo.applied_to(&now, &arn);
        undone.push(change.clone());
    }
    match undone.is_empty() {
        true => Err("its changes are not in effect".to_owned()),
        false => Ok(undone),
    }
}
