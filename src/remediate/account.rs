//! One account of a run: all its steps are written down, then done one after the other.

use jiff::Timestamp;

use super::step::Scene;
use super::{AccountRun, Engine, Journal, Outcome, StepRun, crash, effect};
use crate::aws::{RoleReader, RoleWriter, read_proved};
use crate::model::{
    Account, AccountId, Change, Origin, Phase, RoleArn, ScanError, Snapshot, StepOutcome, Usage,
    Write, printable_line,
};
use crate::plan::{AccountPlan, Blocked, Candidate, MEMORY, Planned, Step, account_plan, gate};
use crate::store::ChangeFilter;

/// Said where a plan was carried out before.
const DONE: &str = "the role is as planned already";

/// What became of an account, and why the run cannot go on, if it cannot.
pub(super) struct Done {
    pub(super) report: AccountRun,
    pub(super) held: Option<Blocked>,
    /// Whether something was sent.
    pub(super) tried: bool,
}

/// Who asked, and as what it is written down.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    pub(super) run: String,
    pub(super) origin: Origin,
}

impl<A, J> Engine<A, J>
where
    A: RoleReader + RoleWriter + Send + Sync,
    J: Journal,
{
    /// Puts one account right, as planned or not at all.
    pub(super) async fn account(&self, plan: &AccountPlan, cause: &Cause) -> Done {
        if let Err(why) = self.gate(&plan.account, plan.open_since, cause.origin).await {
            return match why {
                Blocked::Journal(_) => Done::held(plan, why),
                why => Done::blocked(plan, &why),
            };
        }
        let mut scene = match self.scene(plan).await {
            Ok(scene) => scene,
            Err((outcome, why)) => return Done::left(plan, outcome, why),
        };
        if let Err(held) = self.held() {
            return Done::held(plan, held);
        }
        let now = self.now();
        let mut changes: Vec<Change> =
            plan.steps.iter().map(|step| self.intent(plan, step, cause, now)).collect();
        crash::point("before-journal");
        if let Err(held) = self.record(changes.clone()).await {
            return Done::held(plan, held);
        }
        crash::point("after-journal");
        let held = self.steps(&mut scene, &mut changes).await.err();
        Done::of(plan.name.clone(), &plan.account, &changes, held)
    }

    /// Does the steps that have not ended, until one does not succeed. What is left then is closed, but after a signal: the
    /// next start goes on with it.
    pub(super) async fn steps(
        &self,
        scene: &mut Scene,
        changes: &mut [Change],
    ) -> Result<(), Blocked> {
        for at in 0..changes.len() {
            let (_, rest) = changes.split_at_mut(at);
            let Some((change, rest)) = rest.split_first_mut() else { break };
            if change.phase == Phase::Ended {
                continue;
            }
            let done = match self.step(scene, change).await {
                Ok(done) => done,
                Err(held @ (Blocked::Cancelled | Blocked::Journal(_))) => return Err(held),
                Err(held) => {
                    self.give_up(changes, &held.to_string()).await?;
                    return Err(held);
                }
            };
            let outcome = done.outcome;
            let mut also = vec![];
            if outcome == StepOutcome::Applied
                && let (Write::CreateRole { .. }, Snapshot::Present(role)) =
                    (&change.write, &scene.base)
            {
                change.role_id = Some(role.id.clone());
                for next in rest.iter_mut() {
                    next.role_id = Some(role.id.clone());
                    also.push(next.clone());
                }
            }
            also.extend(self.undone(change, outcome).await?);
            self.end(change, done, also).await?;
            if outcome != StepOutcome::Applied {
                return self.give_up(changes, "a step before it did not succeed").await;
            }
            crash::point("between-steps");
        }
        Ok(())
    }

    /// The change that this one undid.
    pub(super) async fn undone(
        &self,
        change: &Change,
        outcome: StepOutcome,
    ) -> Result<Option<Change>, Blocked> {
        let Some(id) = change.rolls_back.clone().filter(|_| outcome == StepOutcome::Applied) else {
            return Ok(None);
        };
        let filter = ChangeFilter { id: Some(id), ..ChangeFilter::default() };
        let mut old = self.changes(filter).await?.pop();
        if let Some(old) = &mut old {
            old.outcome = Some(StepOutcome::RolledBack);
            old.note = Some(format!("rolled back by change {}", change.id));
        }
        Ok(old)
    }

    pub(super) async fn changes(&self, filter: ChangeFilter) -> Result<Vec<Change>, Blocked> {
        let journal = std::sync::Arc::clone(&self.journal);
        let read = tokio::task::spawn_blocking(move || journal.changes(&filter)).await;
        read.unwrap_or_else(|error| Err(error.to_string())).map_err(Blocked::Journal)
    }

    /// Whether an account may be changed, by the journal as it is now.
    pub(super) async fn gate(
        &self,
        id: &AccountId,
        open_since: Option<Timestamp>,
        origin: Origin,
    ) -> Result<(), Blocked> {
        let account = Some(id.clone());
        let lately = ChangeFilter {
            account: account.clone(),
            since: self.now().checked_sub(MEMORY).ok(),
            ..ChangeFilter::default()
        };
        // What is open blocks, however old it is.
        let open = ChangeFilter { account, unfinished: true, ..ChangeFilter::default() };
        let mut changes = self.changes(lately).await?;
        changes.extend(self.changes(open).await?);
        let candidate = Candidate { account: self.accounts.get(id), changes: &changes, open_since };
        gate::account(&self.remediation, &candidate, origin, self.now())
    }

    /// The account as it is, if it is as the plan saw it.
    async fn scene(&self, plan: &AccountPlan) -> Result<Scene, (Outcome, String)> {
        let left = |why: String| (Outcome::Left, why);
        let account = self.accounts.get(&plan.account).cloned();
        let account = account.ok_or_else(|| left(Blocked::Gone.to_string()))?;
        let arn: RoleArn = plan.role_arn.parse().map_err(|error| left(format!("{error}")))?;
        let read = self.as_planned(&account, plan).await;
        let snapshot =
            read.map_err(|error| left(format!("the role could not be read: {error}")))?;
        snapshot.map(|snapshot| Scene::new(account, arn, snapshot))
    }

    /// Reads the role: it must be what the plan was made from, and what this configuration makes of it must be the plan.
    async fn as_planned(
        &self,
        account: &Account,
        plan: &AccountPlan,
    ) -> Result<Result<Snapshot, (Outcome, String)>, ScanError> {
        let mut seen = self.aws.read_role(account).await?.seen;
        if seen.digest() != plan.snapshot_digest {
            // One read may be torn.
            let again = read_proved(self.aws.as_ref(), account).await?;
            if again.digest() != plan.snapshot_digest {
                return Ok(Err(match self.is_done(account, plan, &again).await? {
                    true => (Outcome::DoneAlready, DONE.to_owned()),
                    false => (Outcome::Left, "the role is not as the plan saw it".to_owned()),
                }));
            }
            seen = again;
        }
        let usage = self.usage(account).await?;
        let planned = account_plan(&self.rules, account, &seen, Some(&usage), &self.remediation)?;
        let now = match &planned {
            Planned::Steps(now) => now.steps.as_slice(),
            Planned::Nothing | Planned::LeftAlone { .. } => &[],
        };
        let same = now.len() == plan.steps.len()
            && now.iter().zip(&plan.steps).all(|(a, b)| (&a.write, &a.undo) == (&b.write, &b.undo));
        Ok(match (same, planned) {
            (true, _) => Ok(seen),
            (false, Planned::LeftAlone { why, .. }) => Err((Outcome::Left, why)),
            // What a step makes beside the role does not show in the role.
            (false, Planned::Nothing) if self.is_done(account, plan, &seen).await? => {
                Err((Outcome::DoneAlready, DONE.to_owned()))
            }
            (false, _) => Err((
                Outcome::Left,
                "this configuration plans otherwise for the role than the plan says: plan again"
                    .to_owned(),
            )),
        })
    }

    async fn is_done(
        &self,
        account: &Account,
        plan: &AccountPlan,
        seen: &Snapshot,
    ) -> Result<bool, ScanError> {
        for Step { write, .. } in &plan.steps {
            let holds = match write {
                Write::CreateServiceLinkedRole { .. } => {
                    effect::holds(write, &self.read(account, write).await?.snapshot)
                }
                _ => effect::holds(write, seen),
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The clusters that the role's presence may depend on, the roles they name, and the service-linked role.
    pub(super) async fn usage(&self, account: &Account) -> Result<Usage, ScanError> {
        let clusters = self.aws.read_clusters(account).await?;
        let names = self.rules.other_roles(&account.id, clusters.as_deref().unwrap_or_default());
        let mut usage = Usage { clusters, ..Usage::default() };
        for name in names {
            let role = self.aws.read_other_role(account, &name).await?.seen;
            usage.roles.insert(name, role);
        }
        Ok(usage)
    }

    fn intent(&self, plan: &AccountPlan, step: &Step, cause: &Cause, at: Timestamp) -> Change {
        Change {
            id: crate::clock::sweep_id(),
            run: cause.run.clone(),
            account: plan.account.clone(),
            account_name: plan.name.clone(),
            role_arn: plan.role_arn.clone(),
            role_id: plan.role_id.clone(),
            before_digest: plan.snapshot_digest.clone(),
            write: step.write.clone(),
            undo: step.undo.clone(),
            summary: step.summary.clone(),
            diff: step.diff.clone(),
            origin: cause.origin,
            caller: self.caller.clone(),
            rolls_back: None,
            at,
            phase: Phase::Planned,
            ended_at: None,
            outcome: None,
            note: None,
        }
    }
}

impl Done {
    /// Nothing was written down in this account.
    fn left(plan: &AccountPlan, outcome: Outcome, note: String) -> Self {
        let report = AccountRun {
            account: plan.account.clone(),
            name: plan.name.clone(),
            outcome,
            reason: None,
            note: Some(printable_line(&note, 600)),
            steps: not_done(plan),
        };
        Self { report, held: None, tried: false }
    }

    /// The account may not be changed now.
    pub(super) fn blocked(plan: &AccountPlan, why: &Blocked) -> Self {
        let mut done = Self::left(plan, Outcome::Left, why.to_string());
        done.report.reason = Some(why.as_str());
        done
    }

    /// Nothing may be written at all.
    fn held(plan: &AccountPlan, why: Blocked) -> Self {
        Self { held: Some(why.clone()), ..Self::blocked(plan, &why) }
    }

    /// From the changes of one account, as the journal has them now.
    pub(super) fn of(
        name: String,
        account: &AccountId,
        changes: &[Change],
        held: Option<Blocked>,
    ) -> Self {
        let applied = |change: &Change| change.outcome == Some(StepOutcome::Applied);
        let sent = |change: &Change| match change.outcome {
            Some(
                StepOutcome::Applied
                | StepOutcome::VerifyFailed
                | StepOutcome::Failed
                | StepOutcome::RolledBack,
            ) => true,
            Some(_) => false,
            None => change.phase == Phase::Sent,
        };
        let tried = changes.iter().any(sent);
        let outcome = match (changes.iter().all(applied), tried) {
            (true, _) => Outcome::Applied,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Left,
        };
        let first = changes.iter().find(|change| !applied(change));
        let note = first.and_then(|change| change.note.clone());
        let note = note.or_else(|| held.as_ref().map(ToString::to_string));
        let report = AccountRun {
            account: account.clone(),
            name,
            outcome,
            reason: held.as_ref().map(Blocked::as_str),
            note,
            steps: changes.iter().map(StepRun::of).collect(),
        };
        Self { report, held, tried }
    }
}

impl StepRun {
    fn of(change: &Change) -> Self {
        Self {
            change: Some(change.id.clone()),
            write: change.write.clone(),
            summary: change.summary.clone(),
            outcome: change.outcome,
            note: change.note.clone(),
        }
    }
}

/// The steps of an account in which nothing was written down.
fn not_done(plan: &AccountPlan) -> Vec<StepRun> {
    let steps = plan.steps.iter().map(|step| StepRun {
        change: None,
        write: step.write.clone(),
        summary: step.summary.clone(),
        outcome: None,
        note: None,
    });
    steps.collect()
}
