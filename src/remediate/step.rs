//! One step: read, compare, write down, send, and find out what became of it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::confirm::Seen;
use super::{Blocked, Engine, Journal, crash, effect};
use crate::aws::{RoleReader, RoleWriter, WriteError};
use crate::model::{
    Account, Change, Phase, RoleArn, ScanError, Snapshot, StepOutcome, UnknownReason, Write,
    printable_line,
};

/// How often one step is begun: again after a conflict, or when reading took too long.
const TRIES: u32 = 3;

/// Between two reads before a write.
const AGAIN: Duration = Duration::from_millis(300);

/// Longest note in the journal, in bytes.
const NOTE: usize = 600;

/// Which brakes hold a write back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// All of them: it remediates.
    Remediation,
    /// The kill switch only: a person puts things back, and what stopped remediation is no reason against that.
    PuttingBack,
}

/// One account as this run knows it.
pub(super) struct Scene {
    pub(super) gate: Gate,
    pub(super) account: Account,
    pub(super) arn: RoleArn,
    /// The role as it was last confirmed.
    pub(super) base: Snapshot,
    /// As it was before, since the run began. Reads may still see these for a while.
    pub(super) past: Vec<Snapshot>,
}

impl Scene {
    pub(super) fn new(account: Account, arn: RoleArn, base: Snapshot) -> Self {
        Self { gate: Gate::Remediation, account, arn, base, past: vec![] }
    }

    /// What a write leaves, of the role that is remediated.
    fn after(&self, write: &Write) -> Snapshot {
        write.applied_to(&self.base, &self.arn)
    }

    fn moves_to(&mut self, seen: Snapshot) {
        let before = std::mem::replace(&mut self.base, seen);
        self.past.push(before);
    }
}

/// How a step ended, with a note unless all is well.
pub(super) struct Ended {
    pub(super) outcome: StepOutcome,
    pub(super) note: Option<String>,
}

impl Ended {
    fn with(outcome: StepOutcome, note: impl Into<String>) -> Self {
        Self { outcome, note: Some(printable_line(&note.into(), NOTE)) }
    }

    fn refused(error: &ScanError) -> Self {
        Self::with(StepOutcome::Failed, told(error))
    }
}

/// What one try came to.
enum Tried {
    Ended(Ended),
    /// Nothing was written; why, if it stays so.
    Again(String),
}

fn told(error: &ScanError) -> String {
    match &error.hint {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    }
}

impl<A, J> Engine<A, J>
where
    A: RoleReader + RoleWriter + Send + Sync,
    J: Journal,
{
    /// Does one step that is in the journal as planned. The journal is up to date when this returns, whatever comes back.
    ///
    /// # Errors
    /// What holds remediation back. The change is then still planned, and was not sent; or it was sent, and the process is
    /// to end before it is known what became of it; or the journal failed.
    pub(super) async fn step(
        &self,
        scene: &mut Scene,
        change: &mut Change,
    ) -> Result<Ended, Blocked> {
        let mut why = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                let bound = Duration::from_secs(1 << attempt.min(4));
                tokio::time::sleep(bound.mul_f64(fastrand::f64())).await;
            }
            match self.attempt(scene, change).await? {
                Tried::Ended(ended) => return Ok(ended),
                Tried::Again(again) => why = again,
            }
        }
        let note = format!("nothing was written in {TRIES} attempts: {why}");
        Ok(Ended::with(StepOutcome::Failed, note))
    }

    async fn attempt(&self, scene: &mut Scene, change: &mut Change) -> Result<Tried, Blocked> {
        self.turn(scene.gate).await?;
        let account = scene.account.clone();
        let ready = match self.aws.prepare_write(&account, &change.run, &change.write).await {
            Ok(ready) => ready,
            Err(error) => return not_sent(passing(error)),
        };
        let Some(read) = self.expected(scene, change).await? else {
            let note = "the role is not as the plan saw it: somebody else changed it";
            return Ok(Tried::Ended(Ended::with(StepOutcome::ChangedUnderneath, note)));
        };
        let read = match read {
            Ok(read) => read,
            Err(error) => return not_sent(passing(WriteError::Refused(error))),
        };
        self.may_write(scene.gate)?;
        crash::point("before-sent");
        change.phase = Phase::Sent;
        self.record(vec![change.clone()]).await?;
        crash::point("after-sent");
        let (clock, fresh) = (self.clock, &read);
        let fresh = || fresh.is_fresh(clock());
        let sent = self.aws.send_write(&ready, &account, &change.id, &change.write, &fresh).await;
        *self.turn.lock().await = Some(Instant::now() + self.remediation.write_interval);
        crash::point("after-write");
        let lost = match sent {
            Ok(()) => None,
            Err(WriteError::Unknown(error)) => Some(error),
            Err(error) => {
                change.phase = Phase::Planned;
                self.record(vec![change.clone()]).await?;
                return not_sent(error);
            }
        };
        self.found_out(scene, change, lost).await.map(Tried::Ended)
    }

    /// Waits until the next write may be sent.
    async fn turn(&self, gate: Gate) -> Result<(), Blocked> {
        self.may_write(gate)?;
        let next = *self.turn.lock().await;
        if let Some(at) = next.filter(|at| *at > Instant::now()) {
            tokio::select! {
                () = sleep_until(at) => {}
                () = self.cancel.cancelled() => return Err(Blocked::Cancelled),
                () = self.reloaded.cancelled() => return Err(Blocked::Reloaded),
            }
        }
        Ok(())
    }

    /// What holds such a write back now, if anything does.
    pub(super) fn may_write(&self, gate: Gate) -> Result<(), Blocked> {
        match gate {
            Gate::Remediation => self.held(),
            Gate::PuttingBack => self.held_from_putting_back(),
        }
    }

    /// One read that is to the byte what is expected; `None` when the role is something else. For a while after an own
    /// write, reads may see what was before it.
    async fn expected(
        &self,
        scene: &Scene,
        change: &Change,
    ) -> Result<Option<Result<super::confirm::Read, ScanError>>, Blocked> {
        let linked = matches!(change.write, Write::CreateServiceLinkedRole { .. });
        let expected = if linked { &Snapshot::Absent } else { &scene.base };
        let end = Instant::now() + self.remediation.verify_timeout;
        let mut last = None;
        loop {
            let read = match self.read(&scene.account, &change.write).await {
                Ok(read) => read,
                // Reads of two moments at once, which is what an own write of just now looks like.
                Err(error) if error.reason == UnknownReason::Unstable && Instant::now() < end => {
                    last = None;
                    self.may_write(scene.gate)?;
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
                Err(error) => return Ok(Some(Err(error))),
            };
            if read.snapshot == *expected {
                return Ok(Some(Ok(read)));
            }
            let own = !linked && scene.past.contains(&read.snapshot);
            let twice = last.as_ref() == Some(&read.snapshot);
            if (twice && !own) || Instant::now() >= end {
                return Ok(None);
            }
            last = Some(read.snapshot);
            self.may_write(scene.gate)?;
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Reads what became of a write; `lost` is why its answer did not come, if it did not.
    async fn found_out(
        &self,
        scene: &mut Scene,
        change: &Change,
        lost: Option<ScanError>,
    ) -> Result<Ended, Blocked> {
        let write = &change.write;
        let linked = matches!(write, Write::CreateServiceLinkedRole { .. });
        let after = scene.after(write);
        let wanted = |seen: &Snapshot| match linked {
            true => effect::holds(write, seen),
            false => effect::same(&after, seen) && effect::is_own(change, seen),
        };
        let base = scene.base.clone();
        let before = |seen: &Snapshot| match linked {
            true => *seen == Snapshot::Absent,
            false => *seen == base,
        };
        let seen = self.confirm(&scene.account, write, wanted, before).await;
        let answer = match &lost {
            None => "AWS took the change".to_owned(),
            Some(error) => format!("the answer was lost ({error})"),
        };
        Ok(match (seen, lost) {
            (Seen::Stopped, _) => return Err(Blocked::Cancelled),
            (Seen::Wanted(seen), lost) => {
                if !linked {
                    scene.moves_to(seen);
                }
                let note = lost.map(|_| format!("{answer}, and reading shows the change"));
                let note = note.map(|note| printable_line(&note, NOTE));
                Ended { outcome: StepOutcome::Applied, note }
            }
            (Seen::Before, Some(_)) => Ended::with(
                StepOutcome::Failed,
                format!("{answer}, and reading shows that nothing was changed"),
            ),
            (Seen::Before, None) => Ended::with(
                StepOutcome::VerifyFailed,
                format!("{answer}, but reads still see the role as it was"),
            ),
            (Seen::Other, _) => Ended::with(
                StepOutcome::VerifyFailed,
                format!("{answer}, but the role is something else: somebody else changes it"),
            ),
            (Seen::Nothing(error), _) => {
                let why = error.map_or_else(
                    || "no two reads agreed".to_owned(),
                    |error| format!("the role could not be read: {error}"),
                );
                Ended::with(StepOutcome::VerifyFailed, format!("{answer}, but {why}"))
            }
        })
    }

    /// Ends a change: in the journal, in the log, in the metrics. `also` is written down with it.
    pub(super) async fn end(
        &self,
        change: &mut Change,
        ended: Ended,
        also: Vec<Change>,
    ) -> Result<(), Blocked> {
        close(change, ended, self.now());
        let mut all = vec![change.clone()];
        all.extend(also);
        crash::point("before-end");
        self.record(all).await?;
        crash::point("after-end");
        self.tell(change);
        Ok(())
    }

    fn tell(&self, change: &Change) {
        let Some(outcome) = change.outcome else { return };
        let action = change.write.action();
        let (action_word, outcome_word) = (action.as_str(), outcome.as_str());
        let note = change.note.as_deref().unwrap_or_default();
        tracing::info!(account = %change.account, change = change.id, run = change.run, action = action_word, outcome = outcome_word, note, "change ended");
        self.observer.step(&change.account, action, outcome);
    }

    /// Closes changes that are not sent any more.
    pub(super) async fn give_up(&self, changes: &mut [Change], why: &str) -> Result<(), Blocked> {
        let open = changes.iter_mut().filter(|change| change.phase != Phase::Ended);
        let mut closed = vec![];
        for change in open {
            let ended = Ended::with(StepOutcome::Superseded, why);
            close(change, ended, self.now());
            closed.push(change.clone());
        }
        if closed.is_empty() {
            return Ok(());
        }
        self.record(closed.clone()).await?;
        closed.iter().for_each(|change| self.tell(change));
        Ok(())
    }
}

fn close(change: &mut Change, ended: Ended, now: Timestamp) {
    change.phase = Phase::Ended;
    change.ended_at = Some(now);
    change.outcome = Some(ended.outcome);
    change.note = ended.note;
}

/// What fails before anything is sent may pass: it is tried again.
fn passing(error: WriteError) -> WriteError {
    use UnknownReason as R;
    match error {
        WriteError::Refused(error) => match error.reason {
            R::Throttled | R::Timeout | R::Network | R::MalformedResponse | R::Unstable => {
                WriteError::Conflict(error)
            }
            _ => WriteError::Refused(error),
        },
        other => other,
    }
}

/// What a write that was not sent, or was refused, comes to.
fn not_sent(error: WriteError) -> Result<Tried, Blocked> {
    match error {
        WriteError::Refused(error) if error.reason == UnknownReason::Clock => {
            Err(Blocked::Clock(error.to_string()))
        }
        WriteError::Refused(error) | WriteError::Unknown(error) => {
            Ok(Tried::Ended(Ended::refused(&error)))
        }
        WriteError::Conflict(error) => Ok(Tried::Again(told(&error))),
        WriteError::Stale => Ok(Tried::Again(
            "AWS answered so slowly that what was read was too old to write by".to_owned(),
        )),
    }
}

pub(super) fn ended(outcome: StepOutcome, note: impl Into<String>) -> Ended {
    Ended::with(outcome, note)
}
