//! How long an account is left alone after what was done there. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Change, Origin, Phase, StepOutcome};

/// After a change that was not seen to take effect.
const UNVERIFIED: SignedDuration = SignedDuration::from_hours(1);
/// After the first refusal; it doubles with each that follows.
const REFUSED: SignedDuration = SignedDuration::from_hours(1);
/// Longest wait, and the time in which an account may be put right only so often.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far back refusals are counted: six in a row make the longest wait.
pub(super) const MEMORY: SignedDuration = SignedDuration::from_hours(72);

/// Why an account is left alone, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The last change was not seen to take effect.
    Unverified(Timestamp),
    /// AWS refused so many times in a row.
    Refused(u32, Timestamp),
    /// It was put right so often within a day: somebody changes it back.
    Flapping(u32, Timestamp),
}

impl Rest {
    /// Until when.
    pub fn until(self) -> Timestamp {
        match self {
            Self::Unverified(until) | Self::Refused(_, until) | Self::Flapping(_, until) => until,
        }
    }
}

impl std::fmt::Display for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unverified(until) => {
                write!(f, "the last change was not seen to take effect: left alone until {until}")
            }
            Self::Refused(1, until) => {
                write!(f, "AWS refused the last change: left alone until {until}")
            }
            Self::Refused(times, until) => {
                write!(f, "AWS refused the last {times} changes: left alone until {until}")
            }
            Self::Flapping(times, until) => write!(
                f,
                "it was put right {times} times within a day, and changed back each time: find out by whom; left alone until {until}"
            ),
        }
    }
}

/// Whether an account is left alone now, from its changes of the last three days at least, in any order. What a person
/// rolled back is no reason.
pub fn rest(changes: &[Change], now: Timestamp, flapping_after: u32) -> Option<Rest> {
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
    let rests = [unverified(&runs), refused(&runs), flapping(&runs, now, flapping_after)];
    rests.into_iter().flatten().filter(|rest| rest.until() > now).max_by_key(|rest| rest.until())
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

fn unverified(runs: &[Run]) -> Option<Rest> {
    let last = runs.iter().find(|run| run.unverified)?;
    Some(Rest::Unverified(after(last.ended, UNVERIFIED)))
}

/// Refusals in a row, the newest first.
fn refused(runs: &[Run]) -> Option<Rest> {
    let row = runs.iter().take_while(|run| run.failed).count();
    let times = u32::try_from(row).unwrap_or(u32::MAX);
    let doubled = 1_i32.checked_shl(times.checked_sub(1)?).unwrap_or(i32::MAX);
    let wait = REFUSED.checked_mul(doubled.clamp(1, 24)).map_or(DAY, |wait| wait.min(DAY));
    Some(Rest::Refused(times, after(runs.first()?.ended, wait)))
}

/// The account is free again when a day has passed since it was last put right.
fn flapping(runs: &[Run], now: Timestamp, flapping_after: u32) -> Option<Rest> {
    let lately = |run: &&Run| run.applied && after(run.ended, DAY) > now;
    let lately: Vec<&Run> = runs.iter().filter(lately).collect();
    let most = usize::try_from(flapping_after).ok().filter(|most| *most > 0)?;
    let newest = lately.first().filter(|_| lately.len() >= most)?;
    let times = u32::try_from(lately.len()).unwrap_or(u32::MAX);
    Some(Rest::Flapping(times, after(newest.ended, DAY)))
}
