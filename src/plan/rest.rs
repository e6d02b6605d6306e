//! How long an account is left alone after earlier changes. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Blocked;
use crate::model::{Change, Origin, Phase, StepOutcome};

/// After a change that was not seen to take effect.
const UNVERIFIED: SignedDuration = SignedDuration::from_hours(1);
/// After the first refusal; it doubles with each that follows.
const REFUSED: SignedDuration = SignedDuration::from_hours(1);
/// The longest rest, and the time within which an account may be remediated only so often.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far back the journal matters: six refusals in a row make the longest rest, and a fix of two days ago can still be one
/// of those that make an account flap.
pub const MEMORY: SignedDuration = SignedDuration::from_hours(72);

/// Why an account rests now, from its changes of the last [`MEMORY`] at least, in any order; the longest rest, if there are
/// several. Rollbacks are a person's work and count for nothing.
pub(super) fn rest(changes: &[Change], now: Timestamp, flapping_after: u32) -> Option<Blocked> {
    let mut runs: BTreeMap<&str, Run> = BTreeMap::new();
    for change in changes {
        let Some(ended) = change.ended_at.filter(|_| change.phase == Phase::Ended) else {
            continue;
        };
        if change.origin == Origin::Rollback {
            continue;
        }
        runs.entry(&change.run).or_default().take(change.outcome, ended);
    }
    let mut runs: Vec<Run> = runs.into_values().filter(|run| run.ended.is_some()).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.ended));
    let rests = [unverified(&runs), refused(&runs), flapping(&runs, flapping_after)];
    rests.into_iter().flatten().filter(|rest| rest.until() > Some(now)).max_by_key(Blocked::until)
}

/// What one run did in the account.
#[derive(Debug, Default)]
struct Run {
    /// When the last change that counts ended.
    ended: Option<Timestamp>,
    applied: bool,
    failed: bool,
    unverified: bool,
}

impl Run {
    fn take(&mut self, outcome: Option<StepOutcome>, ended: Timestamp) {
        let counts = match outcome {
            Some(StepOutcome::Applied | StepOutcome::RolledBack) => &mut self.applied,
            Some(StepOutcome::Failed) => &mut self.failed,
            Some(StepOutcome::VerifyFailed) => &mut self.unverified,
            Some(
                StepOutcome::SkippedDryRun
                | StepOutcome::SkippedLimit
                | StepOutcome::ChangedUnderneath
                | StepOutcome::Superseded,
            )
            | None => return,
        };
        *counts = true;
        self.ended = self.ended.max(Some(ended));
    }
}

fn after(time: Option<Timestamp>, wait: SignedDuration) -> Timestamp {
    time.and_then(|time| time.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

fn unverified(runs: &[Run]) -> Option<Blocked> {
    let last = runs.iter().find(|run| run.unverified)?;
    Some(Blocked::Unverified(after(last.ended, UNVERIFIED)))
}

/// Refusals in a row, the newest first.
fn refused(runs: &[Run]) -> Option<Blocked> {
    let row = runs.iter().take_while(|run| run.failed).count();
    let times = u32::try_from(row).unwrap_or(u32::MAX);
    let doubled = 1_i32.checked_shl(times.checked_sub(1)?).unwrap_or(i32::MAX);
    let wait = REFUSED.checked_mul(doubled.clamp(1, 24)).map_or(DAY, |wait| wait.min(DAY));
    Some(Blocked::Refused(times, after(runs.first()?.ended, wait)))
}

/// An account that was remediated too often within any day rests until a day after the last of those fixes. Counting back
/// from now instead would free it as soon as the first fix is a day old, and the fight would go on.
fn flapping(runs: &[Run], flapping_after: u32) -> Option<Blocked> {
    let most = usize::try_from(flapping_after).ok().filter(|most| *most > 0)?;
    let fixes: Vec<Timestamp> =
        runs.iter().filter(|run| run.applied).filter_map(|run| run.ended).collect();
    let day_before = |last: Timestamp| last.checked_sub(DAY).unwrap_or(Timestamp::MIN);
    fixes.iter().enumerate().find_map(|(newest, last)| {
        let within = fixes.iter().skip(newest).take_while(|fix| **fix > day_before(*last)).count();
        let times = u32::try_from(within).unwrap_or(u32::MAX);
        (within >= most).then(|| Blocked::Flapping(times, after(Some(*last), DAY)))
    })
}
