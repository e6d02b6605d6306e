//! Undoes changes, the last one first: what that would be now, and doing it.

use jiff::Timestamp;
use serde_json::json;

use super::account::Done;
use super::breaker::Tally;
use super::redo::Again;
use super::step::{Gate, Scene};
use super::unwind::{UndoStep, unwound};
use super::{AccountRun, Blocked, Engine, Journal, Outcome, RunReport, RunSummary};
use crate::aws::{RoleReader, RoleWriter, read_proved};
use crate::model::{
    Account, AccountId, Breaker, Change, Origin, Phase, RoleArn, Snapshot, StepOutcome,
    printable_line,
};
use crate::plan::bound_code;
use crate::store::ChangeFilter;

/// What a rollback would do.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The change or the run that was asked for.
    pub id: String,
    /// The id it will have as a run: a ULID.
    pub run: String,
    /// Undoing a rollback writes again what remediation wrote: it needs a code, and keeps to the limits.
    pub remediates: bool,
    /// The accounts, and what would be done in each.
    pub accounts: Vec<UndoAccount>,
}

/// What a rollback would do in one account.
#[derive(Debug, Clone)]
pub struct UndoAccount {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// What would be done, in this order.
    pub steps: Vec<UndoStep>,
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
    /// It undoes a rollback, and no code was given.
    #[error(
        "`{0}` is a rollback, and undoing it remediates again: review `rolewarden rollback {0}` without --yes, then pass the \
         --arm code it prints"
    )]
    NotArmed(String),
    /// The code is for something else.
    #[error(
        "the code `{armed}` is not the one for undoing `{id}` as things are now: review `rolewarden rollback {id}` without --yes, \
         then pass the --arm code it prints"
    )]
    ArmedForAnother {
        /// The code that was given.
        armed: String,
        /// What was to be undone.
        id: String,
    },
    /// The journal does not work.
    #[error(transparent)]
    Blocked(#[from] Blocked),
}

impl Undo {
    /// The code that a person arms this with, made from the code of the configuration in force. It stands for the writes
    /// and for the roles as they were reviewed: where either differs, the code does. `None`: it needs none, as it only puts
    /// back, or as nothing would be written.
    pub fn code(&self, base: &str) -> Option<String> {
        let mut allowed = self.accounts.iter().filter(|one| one.refused.is_none()).peekable();
        if !self.remediates || allowed.peek().is_none() {
            return None;
        }
        let bound = allowed.map(|one| {
            let steps = one.steps.iter().map(|step| json!([step.undoes.id, step.step.write]));
            json!([one.account, one.seen.digest(), steps.collect::<Vec<_>>()])
        });
        Some(bound_code(base, &bound.collect::<Vec<_>>()))
    }

    /// Checks the code that a person gave.
    ///
    /// # Errors
    /// When one is needed, and another or none was given. The right one is not told: it is for those who reviewed.
    pub fn check_arming(&self, base: &str, armed: Option<&str>) -> Result<(), CannotUndo> {
        let Some(code) = self.code(base) else { return Ok(()) };
        let id = printable_line(&self.id, 64);
        match armed.filter(|armed| !armed.is_empty()) {
            None => Err(CannotUndo::NotArmed(id)),
            Some(armed) if armed == code => Ok(()),
            Some(armed) => {
                Err(CannotUndo::ArmedForAnother { armed: printable_line(armed, 64), id })
            }
        }
    }

    fn gate(&self) -> Gate {
        if self.remediates { Gate::Remediation } else { Gate::PuttingBack }
    }
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
        let mut found = vec![];
        for change in self.in_effect(id).await? {
            let again = self.again(&change).await?;
            found.push((change, again));
        }
        let remediates = found.iter().any(|(_, again)| again.is_some());
        let (id, run) = (id.to_owned(), crate::clock::sweep_id());
        let mut undo = Undo { id, run, remediates, accounts: vec![] };
        while let Some((first, _)) = found.first() {
            let account = first.account.clone();
            let (changes, rest) = found.into_iter().partition(|(c, _)| c.account == account);
            found = rest;
            let mut one = self.undo_account(account, changes, force).await;
            if remediates && one.refused.is_none() {
                one.refused = self.no_redo(&one.account, &one.seen, &one.steps).await?;
            }
            undo.accounts.push(one);
        }
        if remediates {
            self.limit(&mut undo.accounts);
        }
        Ok(undo)
    }

    /// The changes that an id stands for and that are in effect, the last one first.
    async fn in_effect(&self, id: &str) -> Result<Vec<Change>, CannotUndo> {
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
        match found.is_empty() {
            true => Err(CannotUndo::Nothing(id.to_owned(), why)),
            false => Ok(found),
        }
    }

    async fn undo_account(
        &self,
        account: AccountId,
        changes: Vec<(Change, Option<Again>)>,
        force: bool,
    ) -> UndoAccount {
        let name = changes.first().map_or_else(String::new, |(one, _)| one.account_name.clone());
        let (changes, stays): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|(change, _)| change.undo.is_some());
        let stays: Vec<Change> = stays.into_iter().map(|(change, _)| change).collect();
        let (seen, steps) = match changes.is_empty() {
            true => (Snapshot::Absent, Err(never_undone(&stays))),
            false => {
                match read_proved(self.aws.as_ref(), &Account::numbered(account.clone())).await {
                    Ok(seen) => (seen.clone(), unwound(&seen, changes, force)),
                    Err(error) => {
                        (Snapshot::Absent, Err(format!("the role could not be read: {error}")))
                    }
                }
            }
        };
        let (steps, refused) = match steps {
            Ok(steps) => (steps, None),
            Err(why) => (vec![], Some(why)),
        };
        UndoAccount { account, name, steps, stays, refused, seen }
    }

    /// Of a rollback that remediates, only so many accounts as one run may change.
    fn limit(&self, accounts: &mut [UndoAccount]) {
        let most = self.most_accounts();
        let allowed = accounts.iter_mut().filter(|account| account.refused.is_none());
        match most {
            Err(why) => allowed.for_each(|account| account.refused = Some(why.to_string())),
            Ok(most) => allowed
                .skip(most)
                .for_each(|account| account.refused = Some(Blocked::Limit(most).to_string())),
        }
    }

    /// What holds this rollback back now, if anything does.
    ///
    /// # Errors
    /// Why nothing is written.
    pub fn held_from(&self, undo: &Undo) -> Result<(), Blocked> {
        self.may_write(undo.gate())
    }

    /// Undoes it. Each undo is a change of its own in the journal. Where it puts back, an account that fails keeps no
    /// other from being put back; where it remediates, the first accounts must succeed, as in every run.
    pub async fn rollback(&self, undo: &Undo) -> RunReport {
        let (started_at, mut tally) = (self.now(), Tally::default());
        let half_open = undo.remediates
            && self.journal.guard().is_ok_and(|guard| guard.breaker == Breaker::HalfOpen);
        let (mut accounts, mut held) = (vec![], self.held_from(undo).err());
        for one in &undo.accounts {
            let trial_over = (half_open && tally.tried > 0).then(|| Blocked::Trial.to_string());
            let refused = one.refused.clone().or_else(|| held.as_ref().map(ToString::to_string));
            if let Some(why) = refused.or(trial_over) {
                accounts.push(one.left(why));
                continue;
            }
            let mut done = self.roll_back_account(undo, one).await;
            if !one.stays.is_empty() && done.report.note.is_none() {
                done.report.note = Some(never_undone(&one.stays));
            }
            held = done.held;
            if undo.remediates && done.tried && held.is_none() {
                let failed = done.report.outcome == Outcome::Failed;
                held = self.counted(&mut tally, &one.account, failed).err();
            }
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

    async fn roll_back_account(&self, undo: &Undo, one: &UndoAccount) -> Done {
        let left = |why: String, held| Done { report: one.left(why), held, tried: false };
        let arn = one.steps.first().and_then(|step| step.undoes.role_arn.parse::<RoleArn>().ok());
        let Some(arn) = arn else { return left("the journal names no role".to_owned(), None) };
        let mut changes = self.intended(undo, one, self.now());
        if let Err(held) = self.record(changes.clone()).await {
            return left(held.to_string(), Some(held));
        }
        let account = Account { name: one.name.clone(), ..Account::numbered(one.account.clone()) };
        let gate = undo.gate();
        let mut scene = Scene { gate, ..Scene::new(account, arn, one.seen.clone()) };
        let held = self.steps(&mut scene, &mut changes).await.err();
        Done::of(one.name.clone(), &one.account, &changes, held)
    }

    /// The changes of one account, as they are written down before any is sent: what each overwrites is in its `undo`.
    fn intended(&self, undo: &Undo, one: &UndoAccount, at: Timestamp) -> Vec<Change> {
        let before_digest = one.seen.digest();
        let role_id = match &one.seen {
            Snapshot::Absent => None,
            Snapshot::Present(role) => Some(role.id.clone()),
        };
        let change = |UndoStep { undoes, step, .. }: &UndoStep| Change {
            id: crate::clock::sweep_id(),
            run: undo.run.clone(),
            account: one.account.clone(),
            account_name: one.name.clone(),
            role_arn: undoes.role_arn.clone(),
            role_id: role_id.clone(),
            before_digest: before_digest.clone(),
            write: step.write.clone(),
            undo: step.undo.clone(),
            summary: step.summary.clone(),
            diff: step.diff.clone(),
            origin: Origin::Rollback,
            caller: self.caller.clone(),
            rolls_back: Some(undoes.id.clone()),
            at,
            phase: Phase::Planned,
            ended_at: None,
            outcome: None,
            note: None,
        };
        one.steps.iter().map(change).collect()
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
