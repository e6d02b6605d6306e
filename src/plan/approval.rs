//! Which of a plan is carried out now. Only [`approve`] makes an [`ApprovedPlan`], and only that is ever applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{AccountPlan, Plan};
use crate::config::{Remediation, RemediationMode};
use crate::model::{Account, AccountId, Origin, Shard, SkipReason, printable_line};

/// How old a plan may be.
const MAX_AGE: Duration = Duration::from_secs(24 * 3_600);
/// How long fixes of an account are remembered against it.
const FLAPPING: Duration = Duration::from_secs(24 * 3_600);
/// How long an account rests after a change that was not seen in time.
const REST: Duration = Duration::from_secs(3_600);

/// What a plan is held against.
#[derive(Debug)]
pub struct Limits<'a> {
    /// The configuration in force.
    pub remediation: &'a Remediation,
    /// What is known at this moment.
    pub facts: &'a Facts,
}

/// What is known at the moment of approval.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// Who asks. A person at the command line need not wait for `grace`.
    pub origin: Origin,
    /// The code a person armed with.
    pub armed: Option<String>,
    /// The code of the configuration in force: see [`arming_code`](super::arming_code).
    pub code: String,
    /// Digest of the configuration in force.
    pub config_digest: String,
    /// Digest of the baseline in force.
    pub baseline_digest: String,
    /// The account list is an old one, because listing failed.
    pub list_is_stale: bool,
    /// The clock here and AWS's disagree.
    pub clock_is_off: bool,
    /// Stopped by the kill switch or by hand: by whom or what.
    pub stopped: Option<String>,
    /// The breaker is open: why.
    pub breaker: Option<String>,
    /// The journal does not take entries: why.
    pub journal: Option<String>,
    /// Every account of the list.
    pub accounts: BTreeMap<AccountId, AccountFacts>,
}

/// What is known of one account.
#[derive(Debug, Clone)]
pub struct AccountFacts {
    /// As the list has it.
    pub account: Account,
    /// When it was put right lately: once a run.
    pub fixed_at: Vec<Timestamp>,
    /// When a change was last made that was not seen in time.
    pub unverified_at: Option<Timestamp>,
    /// Since when all of its open findings have been there; `None`: not known.
    pub open_since: Option<Timestamp>,
    /// Digests of the snapshots that changes in effect were made from: a plan from one of them was carried out.
    pub applied_to: BTreeSet<String>,
}

impl AccountFacts {
    /// An account of which nothing is remembered.
    pub fn new(account: Account) -> Self {
        Self {
            account,
            fixed_at: Vec::new(),
            unverified_at: None,
            open_since: None,
            applied_to: BTreeSet::new(),
        }
    }
}

/// A plan within its limits: never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovedPlan(Box<Plan>);

impl ApprovedPlan {
    /// The plan, with none but the accounts that may be changed now, in the order they are changed in.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// What may be done now, and what is left for another time.
#[derive(Debug, Clone, PartialEq)]
pub struct Approved {
    /// To be carried out; `None` when nothing is left to do.
    pub plan: Option<ApprovedPlan>,
    /// Accounts with steps that are not changed now.
    pub left: Vec<Left>,
}

/// An account that is not changed now.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: LeftReason,
}

/// Why an account is not changed now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeftReason {
    /// Other accounts come first.
    #[error(
        "a run changes {0} at most (remediation.max_accounts, max_percent): it comes in a later one"
    )]
    Limit(usize),
    /// Configuration leaves it out.
    #[error("{0}")]
    NotSelected(String),
    /// It is not in the list, or skipped.
    #[error("{0}")]
    Gone(String),
    /// It was put right again and again.
    #[error(
        "it was put right {fixes} times within a day, and somebody undoes it: find out who (CloudTrail); it is left alone until {until}"
    )]
    Flapping {
        /// Times it was put right.
        fixes: usize,
        /// When it may be changed again.
        until: Timestamp,
    },
    /// A change was not seen in time.
    #[error("its last change was not seen in time: it is left alone until {0}")]
    Unverified(Timestamp),
    /// A finding is too fresh.
    #[error("it has a finding that is fresh: it is acted on from {0} on (remediation.grace)")]
    Fresh(Timestamp),
}

/// Why nothing at all is done, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Configuration does not say to.
    #[error("remediation.mode is {0}: set it to apply in the configuration")]
    Mode(&'static str),
    /// The kill switch.
    #[error("remediation is stopped: {0}")]
    Stopped(String),
    /// Too many failures.
    #[error("the breaker is open: {0}; find out why, then reset it")]
    Breaker(String),
    /// What is done could not be written down.
    #[error("the journal cannot be written, and nothing is done without it: {0}")]
    Journal(String),
    /// Nothing that depends on time can be trusted.
    #[error("the clock here and AWS's disagree: set the clock right")]
    Clock,
    /// Accounts may have left or come.
    #[error("the list of accounts is an old one, because listing failed: put that right first")]
    StaleList,
    /// Nobody armed it.
    #[error("nobody armed it: read the plan, then arm with --arm {0} or ROLEWARDEN_ARM={0}")]
    NotArmed(String),
    /// Armed for something else.
    #[error(
        "it was armed with {armed}, and the baseline or the allowed actions are others now ({code}): read a new plan, then arm with its code"
    )]
    ArmedForAnother {
        /// With what.
        armed: String,
        /// With what it would have to be.
        code: String,
    },
    /// The plan is for something else.
    #[error("the plan was made with another {0} than is in force: make it anew")]
    Moved(&'static str),
    /// The plan is old, or comes from the future.
    #[error("the plan was made at {0}, which is not within the last {hours} hours: make it anew", hours = MAX_AGE.as_secs() / 3_600)]
    Age(Timestamp),
    /// Too much is not known.
    #[error(
        "{unknown} of {selected} accounts are unknown, more than {limit} % (remediation.max_unknown_percent): see why they cannot be read"
    )]
    TooMuchUnknown {
        /// How many.
        unknown: usize,
        /// Of how many.
        selected: usize,
        /// Percent.
        limit: u32,
    },
    /// A limit is 0.
    #[error("remediation.{0} is 0: no account may be changed")]
    Zero(&'static str),
}

/// Holds a plan against its limits.
///
/// The accounts that remain are changed in a fixed order, which is also that of the canary: fewest steps first, then by
/// number. What goes wrong goes wrong where least is changed.
///
/// # Errors
/// Why nothing at all is done.
pub fn approve(plan: Plan, limits: &Limits<'_>) -> Result<Approved, Refusal> {
    let Limits { remediation, facts } = limits;
    refused(&plan, remediation, facts)?;
    let most = most(&plan, remediation)?;
    let mut left = Vec::new();
    let (mut accounts, mut changed) = (Vec::new(), 0);
    let mut candidates = plan.accounts.clone();
    candidates.sort_by(|a, b| order(a).cmp(&order(b)));
    for account in candidates {
        let reason = match held(&account, remediation, facts) {
            Some(reason) => reason,
            // What an earlier run did is only looked at.
            None if was_done(&account, facts) => {
                accounts.push(account);
                continue;
            }
            None if changed >= most => LeftReason::Limit(most),
            None => {
                changed += 1;
                accounts.push(account);
                continue;
            }
        };
        left.push(Left { account: account.account, name: account.name, reason });
    }
    let approved =
        (!accounts.is_empty()).then_some(ApprovedPlan(Box::new(Plan { accounts, ..plan })));
    Ok(Approved { plan: approved, left })
}

fn was_done(plan: &AccountPlan, facts: &Facts) -> bool {
    let known = facts.accounts.get(&plan.account);
    known.is_some_and(|known| known.applied_to.contains(&plan.snapshot_digest))
}

/// The order accounts are changed in.
pub(super) fn order(account: &AccountPlan) -> (usize, &AccountId) {
    (account.steps.len(), &account.account)
}

fn refused(plan: &Plan, remediation: &Remediation, facts: &Facts) -> Result<(), Refusal> {
    match remediation.mode {
        RemediationMode::Apply => {}
        RemediationMode::Off => return Err(Refusal::Mode("off")),
        RemediationMode::Plan => return Err(Refusal::Mode("plan")),
    }
    if let Some(by) = &facts.stopped {
        return Err(Refusal::Stopped(by.clone()));
    }
    if let Some(why) = &facts.breaker {
        return Err(Refusal::Breaker(why.clone()));
    }
    if let Some(why) = &facts.journal {
        return Err(Refusal::Journal(why.clone()));
    }
    if facts.clock_is_off {
        return Err(Refusal::Clock);
    }
    if facts.list_is_stale {
        return Err(Refusal::StaleList);
    }
    for (what, of_plan, in_force) in [
        ("baseline", &plan.sweep.baseline_digest, &facts.baseline_digest),
        ("configuration", &plan.sweep.config_digest, &facts.config_digest),
        ("arming code", &plan.arming_code, &facts.code),
    ] {
        if of_plan != in_force {
            return Err(Refusal::Moved(what));
        }
    }
    match &facts.armed {
        None => return Err(Refusal::NotArmed(facts.code.clone())),
        Some(armed) if *armed != facts.code => {
            let (armed, code) = (printable_line(armed, 64), facts.code.clone());
            return Err(Refusal::ArmedForAnother { armed, code });
        }
        Some(_) => {}
    }
    let age = facts.now.duration_since(plan.created_at);
    if age.is_negative() || age > signed(MAX_AGE) {
        return Err(Refusal::Age(plan.created_at));
    }
    let (unknown, selected, limit) = (plan.unknown, plan.selected, remediation.max_unknown_percent);
    // In whole numbers: no rounding lets one more through.
    if (unknown as u128) * 100 > (selected as u128) * u128::from(limit) {
        return Err(Refusal::TooMuchUnknown { unknown, selected, limit });
    }
    Ok(())
}

/// Accounts a run may change: whichever limit is less, and at least one where none is 0. The plan of a shard has its part
/// of what is the organization's.
fn most(plan: &Plan, remediation: &Remediation) -> Result<usize, Refusal> {
    most_accounts(plan.selected, plan.sweep.shard, remediation)
}

/// As [`most`], of so many selected accounts.
///
/// # Errors
/// When a limit is 0.
pub fn most_accounts(
    selected: usize,
    shard: Shard,
    remediation: &Remediation,
) -> Result<usize, Refusal> {
    if remediation.max_accounts == 0 {
        return Err(Refusal::Zero("max_accounts"));
    }
    if remediation.max_percent == 0 {
        return Err(Refusal::Zero("max_percent"));
    }
    if remediation.flapping_after == 0 {
        return Err(Refusal::Zero("flapping_after"));
    }
    let share = ((selected as u128) * u128::from(remediation.max_percent)).div_ceil(100);
    let most = share.min(u128::from(shard.part_of(remediation.max_accounts)));
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}

/// Why an account is not changed now, whatever the limits.
fn held(plan: &AccountPlan, remediation: &Remediation, facts: &Facts) -> Option<LeftReason> {
    let Some(known) = facts.accounts.get(&plan.account) else {
        return Some(LeftReason::Gone(
            "it is not among the accounts of the organization any more".into(),
        ));
    };
    if let Some(skip) = known.account.skip {
        return Some(LeftReason::Gone(format!("it is skipped: {}", SkipReason::as_str(skip))));
    }
    if let Err(why) = selected(remediation, &known.account) {
        return Some(LeftReason::NotSelected(why));
    }
    let until = |since: Timestamp, rest: Duration| since.checked_add(signed(rest)).ok();
    let mut recent: Vec<Timestamp> = known.fixed_at.clone();
    recent.retain(|at| until(*at, FLAPPING).is_some_and(|until| until > facts.now));
    recent.sort();
    let allowed = usize::try_from(remediation.flapping_after).unwrap_or(usize::MAX);
    if recent.len() >= allowed {
        // Free again once fewer than that many lie within a day.
        let oldest = recent.len().saturating_sub(allowed);
        let free = recent.get(oldest).and_then(|at| until(*at, FLAPPING)).unwrap_or(facts.now);
        return Some(LeftReason::Flapping { fixes: recent.len(), until: free });
    }
    let rests =
        known.unverified_at.and_then(|at| until(at, REST)).filter(|until| *until > facts.now);
    if let Some(until) = rests {
        return Some(LeftReason::Unverified(until));
    }
    if facts.origin == Origin::Serve {
        let from = until(known.open_since.unwrap_or(facts.now), remediation.grace);
        if let Some(from) = from.filter(|from| *from > facts.now) {
            return Some(LeftReason::Fresh(from));
        }
    }
    None
}

/// Whether configuration lets an account be changed; else why not.
pub(super) fn selected(remediation: &Remediation, account: &Account) -> Result<(), String> {
    let Remediation { include, exclude, .. } = remediation;
    if exclude.covers(account) {
        return Err("remediation.exclude leaves it out".into());
    }
    if !include.is_empty() && !include.covers(account) {
        return Err("remediation.include does not have it".into());
    }
    Ok(())
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
