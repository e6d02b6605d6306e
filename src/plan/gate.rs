//! The gate: whether an account may be changed now, and why not. Nothing else in rolewarden decides that.
//!
//! The questions come in this order: does a saved plan still fit ([`fits`]), may anything be written ([`Gate::run`]), may this
//! account be changed ([`account`]). [`brakes`] is the part of the first question that can change
//! at any moment, so the engine asks it again right before each write. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::rest::rest;
use super::{AccountPlan, Arming, Blocked, Plan};
use crate::config::{Remediation, RemediationMode};
use crate::model::{Account, Breaker, Change, Guard, Origin, Phase, Severity, Shard};

/// The oldest plan that is applied.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// All that decides for the whole organization, at one moment. It is read then, never taken from a plan file.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The time.
    pub now: Timestamp,
    /// What stops remediation over restarts.
    pub guard: Guard,
    /// Why the kill switch is on, if it is.
    pub kill_switch: Option<String>,
    /// Why the journal does not take entries, if it does not.
    pub journal: Option<String>,
    /// Why the clock here cannot be trusted, if it cannot.
    pub clock: Option<String>,
    /// Why the list of accounts is out of date, if it is.
    pub stale_list: Option<String>,
    /// Whether a person armed what would be written.
    pub arming: Arming,
    /// Accounts in scope, of which limits in percent are computed.
    pub selected: usize,
    /// Of those, how many are unknown.
    pub unknown: usize,
    /// This process's part of the organization.
    pub shard: Shard,
}

/// The configuration in force, and the moment.
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    /// The configuration.
    pub remediation: &'a Remediation,
    /// The moment.
    pub moment: &'a Moment,
}

impl Gate<'_> {
    /// How many accounts a run may change now: the lesser limit, and at least one where none is 0.
    ///
    /// # Errors
    /// Why nothing may be written.
    pub fn run(&self) -> Result<usize, Blocked> {
        let Moment { guard, kill_switch, journal, clock, stale_list, .. } = self.moment;
        mode(self.remediation)?;
        brakes(guard, kill_switch.clone())?;
        if let Some(why) = journal {
            return Err(Blocked::Journal(why.clone()));
        }
        if let Some(why) = clock {
            return Err(Blocked::Clock(why.clone()));
        }
        if let Some(why) = stale_list {
            return Err(Blocked::StaleList(why.clone()));
        }
        self.moment.arming.check()?;
        self.enough_is_known()?;
        budget(self.remediation, self.moment.selected, self.moment.shard)
    }

    /// In whole numbers: no rounding lets one more through.
    fn enough_is_known(&self) -> Result<(), Blocked> {
        let Moment { unknown, selected, .. } = *self.moment;
        let limit = self.remediation.max_unknown_percent;
        if (unknown as u128) * 100 > (selected as u128) * u128::from(limit) {
            return Err(Blocked::TooManyUnknown { unknown, selected, limit });
        }
        Ok(())
    }
}

/// What a saved plan is held against before anything is read.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'a> {
    /// Digest of the configuration.
    pub config: &'a str,
    /// Digest of the baseline.
    pub baseline: &'a str,
    /// This process's part of the organization.
    pub shard: Shard,
    /// The time.
    pub now: Timestamp,
}

/// Whether a plan is of this configuration, this baseline and this part of the organization, and fresh.
///
/// # Errors
/// Why it is not to be applied.
pub fn fits(plan: &Plan, in_force: &InForce<'_>) -> Result<(), Blocked> {
    let sweep = &plan.sweep;
    let digests = [
        ("baseline", &*sweep.baseline_digest, in_force.baseline),
        ("configuration", &*sweep.config_digest, in_force.config),
    ];
    if let Some((what, ..)) = digests.into_iter().find(|(_, planned, now)| planned != now) {
        return Err(Blocked::Moved(what));
    }
    if sweep.shard != in_force.shard {
        let (planned, here) = (sweep.shard.to_string(), in_force.shard.to_string());
        return Err(Blocked::OtherShard { planned, here });
    }
    let age = in_force.now.duration_since(plan.created_at);
    if age.is_negative() || age > MAX_AGE {
        return Err(Blocked::Age(plan.created_at));
    }
    Ok(())
}

/// Whether the configuration asks for writes at all.
///
/// # Errors
/// It does not.
pub fn mode(remediation: &Remediation) -> Result<(), Blocked> {
    match remediation.mode {
        RemediationMode::Apply => Ok(()),
        mode @ (RemediationMode::Off | RemediationMode::Plan) => Err(Blocked::Mode(mode)),
    }
}

/// What can stop remediation from one write to the next: the kill switch, a stop, the breaker.
///
/// # Errors
/// Which of them does.
pub fn brakes(guard: &Guard, kill_switch: Option<String>) -> Result<(), Blocked> {
    if let Some(why) = kill_switch {
        return Err(Blocked::KillSwitch(why));
    }
    if let Some(stopped) = &guard.stopped {
        return Err(Blocked::Stopped { at: stopped.at, by: stopped.by.clone() });
    }
    match &guard.breaker {
        Breaker::Open { since, why } => {
            Err(Blocked::BreakerOpen { since: *since, why: why.clone() })
        }
        Breaker::Closed | Breaker::HalfOpen => Ok(()),
    }
}

/// Accounts one run may change: the lesser of both limits, and at least one where none is 0. A shard has its part of the
/// number, which is the organization's.
///
/// # Errors
/// A limit is 0.
pub fn budget(remediation: &Remediation, selected: usize, shard: Shard) -> Result<usize, Blocked> {
    let Remediation { max_accounts, max_percent, flapping_after, .. } = remediation;
    let limits = [
        ("max_accounts", max_accounts),
        ("max_percent", max_percent),
        ("flapping_after", flapping_after),
    ];
    if let Some((name, _)) = limits.into_iter().find(|(_, limit)| **limit == 0) {
        return Err(Blocked::Zero(name));
    }
    let share = ((selected as u128) * u128::from(*max_percent)).div_ceil(100);
    let most = share.min(u128::from(shard.part_of(*max_accounts)));
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}

/// Whether the configuration lets an account be changed at all.
///
/// # Errors
/// Why not.
pub fn coverage(remediation: &Remediation, account: &Account) -> Result<(), Blocked> {
    let Remediation { include, exclude, .. } = remediation;
    if let Some(skip) = account.skip {
        return Err(Blocked::Skipped(skip));
    }
    if exclude.covers(account) {
        return Err(Blocked::Excluded);
    }
    if !include.is_empty() && !include.covers(account) {
        return Err(Blocked::NotIncluded);
    }
    Ok(())
}

/// What is known of one account.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// As the list has it; `None`: it is not there.
    pub account: Option<&'a Account>,
    /// Its changes of the last [`MEMORY`](super::MEMORY) at least, and every one that is open, in any order.
    pub changes: &'a [Change],
    /// Since when all of its open findings have been there; `None`: not known.
    pub open_since: Option<Timestamp>,
}

/// Whether an account may be changed now. A person who applies a plan need not wait for the grace period.
///
/// # Errors
/// Why not.
pub fn account(
    remediation: &Remediation,
    candidate: &Candidate<'_>,
    origin: Origin,
    now: Timestamp,
) -> Result<(), Blocked> {
    let Candidate { account, changes, open_since } = *candidate;
    coverage(remediation, account.ok_or(Blocked::Gone)?)?;
    if changes.iter().any(|change| change.phase != Phase::Ended) {
        return Err(Blocked::Unfinished);
    }
    if let Some(rest) = rest(changes, now, remediation.flapping_after) {
        return Err(rest);
    }
    match origin {
        Origin::Serve => ripe(remediation.grace, open_since, now),
        Origin::Apply | Origin::Rollback => Ok(()),
    }
}

/// A finding of unknown age is fresh.
fn ripe(grace: Duration, since: Option<Timestamp>, now: Timestamp) -> Result<(), Blocked> {
    let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
    let from = since.unwrap_or(now).checked_add(grace).unwrap_or(Timestamp::MAX);
    if from > now { Err(Blocked::Grace(from)) } else { Ok(()) }
}

/// A plan that was let through, and how many accounts its run may change. Only [`Gate::approve`] makes one, and only one is
/// ever applied.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovedPlan {
    plan: Box<Plan>,
    most: usize,
}

impl ApprovedPlan {
    /// The plan, its accounts in the order they are changed in.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many accounts may be written to.
    pub fn most(&self) -> usize {
        self.most
    }
}

impl Gate<'_> {
    /// Lets a plan through. Its accounts are counted when they are written, so that one that an earlier run did takes no
    /// place, and one that has to be done again does.
    ///
    /// # Errors
    /// Why nothing may be written.
    pub fn approve(&self, mut plan: Plan) -> Result<ApprovedPlan, Blocked> {
        let most = self.run()?;
        plan.accounts.sort_by(|a, b| order(a).cmp(&order(b)));
        Ok(ApprovedPlan { plan: Box::new(plan), most })
    }
}

/// The order accounts are changed in: by urgency, then those where least is changed.
pub(super) fn order(account: &AccountPlan) -> impl Ord + '_ {
    let AccountPlan { severity, open_since, steps, account, .. } = account;
    (urgency(*severity, *open_since), steps.len(), account)
}

/// Sorts the most dangerous accounts first, and of those the ones that have been so longest.
pub fn urgency(severity: Severity, open_since: Option<Timestamp>) -> impl Ord {
    (std::cmp::Reverse(severity), open_since.unwrap_or(Timestamp::MAX))
}
