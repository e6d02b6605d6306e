//! After a crash: what became of the changes that had not ended, read before anything else is done.

use std::collections::BTreeMap;

use super::confirm::Seen;
use super::step::{Scene, ended};
use super::{Blocked, Engine, Journal, effect};
use crate::aws::{RoleReader, RoleWriter, read_proved};
use crate::model::{
    Account, AccountId, Change, Origin, Phase, RoleArn, Snapshot, StepOutcome, Write,
};
use crate::plan::{Planned, account_plan, gate};
use crate::store::ChangeFilter;

/// What recovery came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Changes that are closed now, as the journal has them.
    pub closed: Vec<Change>,
    /// Accounts that could not be read: their changes stay open, and nothing is written there.
    pub open: Vec<(AccountId, String)>,
}

impl<A, J> Engine<A, J>
where
    A: RoleReader + RoleWriter + Send + Sync,
    J: Journal,
{
    /// Finds out what became of changes that had not ended, and closes them. A run that was cut off within an account is
    /// gone on with where remediation is armed, and the role is to the byte what the steps so far left; else what was not sent is closed as superseded.
    ///
    /// # Errors
    /// When the journal does not work, or the run is stopped.
    pub async fn recover(&self, armed: bool) -> Result<Recovered, Blocked> {
        let filter = ChangeFilter { unfinished: true, ..ChangeFilter::default() };
        let mut groups: BTreeMap<(String, AccountId), ()> = BTreeMap::new();
        for change in self.changes(filter).await? {
            groups.insert((change.run, change.account), ());
        }
        let mut recovered = Recovered::default();
        for (run, account) in groups.into_keys() {
            let filter = ChangeFilter {
                run: Some(run),
                account: Some(account.clone()),
                ..ChangeFilter::default()
            };
            let mut changes = self.changes(filter).await?;
            changes.reverse();
            let open = |change: &&Change| change.phase != Phase::Ended;
            let covered = |account: &&Account| gate::coverage(&self.remediation, account).is_ok();
            let known = self.accounts.get(&account).filter(covered);
            let ids: Vec<String> = changes.iter().filter(open).map(|c| c.id.clone()).collect();
            tracing::warn!(%account, changes = ids.len(), "changes had not ended: reading what became of them");
            match self.recover_account(known.filter(|_| armed), &mut changes).await? {
                None => {}
                Some(why) => recovered.open.push((account, why)),
            }
            let closed = |change: &Change| change.phase == Phase::Ended && ids.contains(&change.id);
            recovered.closed.extend(changes.into_iter().filter(closed));
        }
        Ok(recovered)
    }

    /// All changes of one account in one run, in order. Tells why the account stays open, if it does.
    async fn recover_account(
        &self,
        armed: Option<&Account>,
        changes: &mut [Change],
    ) -> Result<Option<String>, Blocked> {
        let Some(first) = changes.first() else { return Ok(None) };
        let account = armed.cloned().unwrap_or_else(|| Account::numbered(first.account.clone()));
        let Ok(arn) = first.role_arn.parse::<RoleArn>() else {
            self.give_up(changes, "the journal does not name a role").await?;
            return Ok(None);
        };
        if let Some(sent) = changes.iter_mut().find(|change| change.phase == Phase::Sent)
            && let Some(why) = self.resolve(&account, sent).await?
        {
            return Ok(Some(why));
        }
        if changes.iter().all(|change| change.phase == Phase::Ended) {
            return Ok(None);
        }
        match self.resumable(armed, &arn, changes).await {
            Ok((snapshot, past)) => {
                let mut scene = Scene { past, ..Scene::new(account, arn, snapshot) };
                match self.steps(&mut scene, changes).await {
                    Ok(()) => {}
                    Err(held @ (Blocked::Cancelled | Blocked::Journal(_))) => return Err(held),
                    Err(held) => return Ok(Some(held.to_string())),
                }
            }
            Err(why) => self.give_up(changes, &why).await?,
        }
        Ok(None)
    }

    /// Closes a change that may have been sent by what reading says; one that had no effect is planned again. Tells why it
    /// stays open, if it does.
    async fn resolve(
        &self,
        account: &Account,
        sent: &mut Change,
    ) -> Result<Option<String>, Blocked> {
        let (write, own) = (sent.write.clone(), sent.clone());
        // A role of the same documents may be a person's, made since: then it is neither as before nor as after.
        let wanted = |seen: &Snapshot| effect::holds(&write, seen) && effect::is_own(&own, seen);
        let undo = sent.undo.clone();
        let before = |seen: &Snapshot| match &undo {
            Some(undo) => effect::holds(undo, seen),
            None => !effect::holds(&write, seen),
        };
        let done = match self.confirm(account, &write, wanted, before).await {
            Seen::Wanted(seen) => {
                if let (Write::CreateRole { .. }, Snapshot::Present(role)) = (&write, &seen) {
                    sent.role_id = Some(role.id.clone());
                }
                ended(StepOutcome::Applied, "found after a restart: the role shows the change")
            }
            Seen::Before => {
                sent.phase = Phase::Planned;
                self.record(vec![sent.clone()]).await?;
                return Ok(None);
            }
            Seen::Other => ended(StepOutcome::ChangedUnderneath, not_as_sent(&write)),
            Seen::Stopped => return Err(Blocked::Cancelled),
            Seen::Nothing(error) => {
                return Ok(Some(error.map_or_else(
                    || "no two reads agreed".to_owned(),
                    |error| format!("the role could not be read: {error}"),
                )));
            }
        };
        let also = self.undone(sent, done.outcome).await?;
        self.end(sent, done, also.into_iter().collect()).await?;
        Ok(None)
    }

    /// The role, and as it was before each step so far, if the rest of the steps may be done; else why not.
    async fn resumable(
        &self,
        armed: Option<&Account>,
        arn: &RoleArn,
        changes: &[Change],
    ) -> Result<(Snapshot, Vec<Snapshot>), String> {
        let account =
            armed.ok_or("the run was cut off, and remediation is not armed for it now")?;
        self.held().map_err(|held| held.to_string())?;
        let cut_off = |why: &str| format!("the run was cut off, and {why}");
        let applied = |change: &&Change| change.outcome == Some(StepOutcome::Applied);
        let open = |change: &&Change| change.phase != Phase::Ended;
        let ours =
            |seen: &Snapshot| changes.iter().all(|c| !applied(&c) || effect::is_own(c, seen));
        let failed = changes.iter().any(|change| !applied(&change) && !open(&change));
        let rollback = changes.iter().any(|change| change.origin == Origin::Rollback);
        if failed || rollback {
            return Err(cut_off("only what succeeded so far is gone on with"));
        }
        let read = read_proved(self.aws.as_ref(), account).await;
        let seen = read.map_err(|error| cut_off(&format!("the role cannot be read: {error}")))?;
        // What the steps so far did is undone on paper: that must be the role as the plan saw it.
        let (mut before, mut past) = (seen.clone(), vec![]);
        for change in changes.iter().filter(applied).rev() {
            if !matches!(change.write, Write::CreateServiceLinkedRole { .. }) {
                let undo =
                    change.undo.as_ref().ok_or_else(|| cut_off("a step cannot be undone"))?;
                before = undo.applied_to(&before, arn);
                past.push(before.clone());
            }
        }
        if !ours(&seen) || changes.first().is_none_or(|c| c.before_digest != before.digest()) {
            return Err(cut_off("the role is not as its steps left it"));
        }
        let usage = self.usage(account).await.map_err(|error| cut_off(&error.to_string()))?;
        let planned = account_plan(&self.rules, account, &seen, Some(&usage), &self.remediation);
        let planned = planned.map_err(|error| cut_off(&error.to_string()))?;
        let Planned::Steps(planned) = planned else {
            return Err(cut_off("nothing more would be done now"));
        };
        let rest = changes.iter().filter(open).map(|change| &change.write);
        match planned.steps.iter().map(|step| &step.write).eq(rest) {
            true => Ok((seen, past)),
            false => Err(cut_off("something else would be done now")),
        }
    }
}

/// Said of a change that may have been sent where the role is neither as before nor as after it.
fn not_as_sent(write: &Write) -> &'static str {
    match write {
        Write::CreateRole { .. } => {
            "found after a restart: there is a role, and its description does not name this change: another program or a person made it"
        }
        Write::DeleteRole
        | Write::UpdateTrustPolicy { .. }
        | Write::PutInlinePolicy { .. }
        | Write::DeleteInlinePolicy { .. }
        | Write::AttachManagedPolicy { .. }
        | Write::DetachManagedPolicy { .. }
        | Write::PutPermissionsBoundary { .. }
        | Write::DeletePermissionsBoundary
        | Write::CreateServiceLinkedRole { .. } => {
            "found after a restart: the role is neither as before the change nor as after it"
        }
    }
}
