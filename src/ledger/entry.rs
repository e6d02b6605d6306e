//! One account, as far as it is known.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Digest, pending};
use crate::model::{
    Account, AccountReport, AccountResult, AccountState, CheckName, CheckResults, Finding,
    ScanError, Severity, UnknownReason,
};

/// How far ahead of the clock a judgement may be: clocks are set by small steps, and a wrong one is off by more.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// From where entries are looked at: the time, and the rules in force. A judgement holds for these rules and for a while, and
/// an exception to its last day; none of that waits for the next sweep.
#[derive(Debug, Clone)]
pub struct Standpoint<'a> {
    /// The time.
    pub now: Timestamp,
    /// Age at which a judgement holds no more.
    pub stale_after: Duration,
    /// The digest of the rules in force.
    pub rules: Option<&'a Digest>,
    /// Findings below it are no drift.
    pub drift_severity: Severity,
    /// Ids of the exceptions whose last day is over.
    pub ended: BTreeSet<&'a str>,
}

impl Standpoint<'_> {
    /// Whether the finding was under an exception that has ended since.
    fn has_lapsed(&self, finding: &Finding) -> bool {
        finding.exception.as_deref().is_some_and(|id| self.ended.contains(id))
    }
}

/// What is known of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As it was last listed.
    pub account: Account,
    /// The newest result; `pending` before the first. Findings carry `first_seen`.
    pub result: AccountResult,
    /// The last judgement, where the newest result is none.
    pub earlier: Option<AccountResult>,
    /// The digest of the rules that the last judgement was made by; `None` where it is not known, or there is none.
    pub judged_by: Option<Digest>,
    /// Whole lists in a row that lacked it.
    pub missed: u32,
    /// Since when checks have been drifting that the last judgement did not speak of, neither as drifting nor as right.
    pub ages: BTreeMap<CheckName, Timestamp>,
}

/// A judgement, taken apart.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "they are those of `AccountResult::Judged`")]
pub struct Judged<'a> {
    pub state: AccountState,
    pub role_arn: &'a str,
    pub checked_at: Timestamp,
    pub checks: &'a CheckResults,
    pub findings: &'a [Finding],
}

impl Entry {
    /// An account nothing is known of but that it is there.
    pub fn new(account: Account) -> Self {
        let result = match account.skip {
            Some(reason) => AccountResult::Skipped(reason),
            None => AccountResult::Unknown(Box::new(pending())),
        };
        let ages = BTreeMap::new();
        Self { account, result, earlier: None, judged_by: None, missed: 0, ages }
    }

    /// The last judgement, however old.
    pub fn judged(&self) -> Option<Judged<'_>> {
        [Some(&self.result), self.earlier.as_ref()].into_iter().flatten().find_map(judged)
    }

    /// When it was last judged.
    pub fn judged_at(&self) -> Option<Timestamp> {
        self.judged().map(|judged| judged.checked_at)
    }

    /// Findings as they were last judged. What became of exceptions since is told by [`Entry::findings`], and written down by
    /// the next judgement.
    pub fn found(&self) -> &[Finding] {
        self.judged().map_or(&[], |judged| judged.findings)
    }

    /// Findings of the last judgement: open until another judgement contradicts them, those under an exception too. One whose
    /// exception has ended since is under none.
    pub fn findings(&self, at: &Standpoint<'_>) -> Cow<'_, [Finding]> {
        let findings = self.found();
        if !findings.iter().any(|finding| at.has_lapsed(finding)) {
            return Cow::Borrowed(findings);
        }
        let mut findings = findings.to_vec();
        for finding in &mut findings {
            if at.has_lapsed(finding) {
                finding.exception = None;
            }
        }
        Cow::Owned(findings)
    }

    /// The state now, and the reason where it is unknown; `None` for an account that is left out.
    pub fn state(&self, at: &Standpoint<'_>) -> Option<(AccountState, Option<UnknownReason>)> {
        match &self.result {
            AccountResult::Skipped(_) => None,
            AccountResult::Unknown(error) => Some((AccountState::Unknown, Some(error.reason))),
            AccountResult::Judged { state, checked_at, .. } => {
                Some(match self.doubt(*checked_at, at) {
                    Some(error) => (AccountState::Unknown, Some(error.reason)),
                    None => (self.state_at(*state, at), None),
                })
            }
        }
    }

    /// What a report says of the account now.
    pub fn report(&self, at: &Standpoint<'_>) -> AccountReport {
        let mut result = self.result.clone();
        if let AccountResult::Judged { state, checked_at, findings, .. } = &mut result {
            match self.doubt(*checked_at, at) {
                Some(error) => result = AccountResult::Unknown(Box::new(error)),
                None => {
                    *state = self.state_at(*state, at);
                    *findings = self.findings(at).into_owned();
                }
            }
        }
        let Account { id, name, path, .. } = self.account.clone();
        AccountReport { id, name, path, result }
    }

    /// Why the judgement holds no more: it was made by other rules, too long ago, or in the future.
    fn doubt(&self, checked_at: Timestamp, at: &Standpoint<'_>) -> Option<ScanError> {
        if self.judged_by.as_ref() != at.rules {
            return Some(by_other_rules(checked_at));
        }
        let age = at.now.duration_since(checked_at);
        match Duration::try_from(age) {
            Ok(age) if age.as_secs() > at.stale_after.as_secs() => Some(stale(checked_at)),
            Ok(_) => None,
            Err(_) if age < -AHEAD => Some(ahead(checked_at)),
            Err(_) => None,
        }
    }

    /// When time alone next changes the state or what a report says, exceptions aside: the judgement becomes too old, or a clock
    /// that was behind reaches it.
    pub(super) fn changes_at(&self, at: &Standpoint<'_>) -> Option<Timestamp> {
        let AccountResult::Judged { checked_at, .. } = &self.result else { return None };
        let lasts = i64::try_from(at.stale_after.as_secs()).ok()?.checked_add(1)?;
        let stale = checked_at.checked_add(SignedDuration::from_secs(lasts)).ok();
        let believed = checked_at.checked_sub(AHEAD).ok();
        [believed, stale].into_iter().flatten().filter(|change| *change > at.now).min()
    }

    /// A judgement's state, once exceptions have ended. `exempt` says that all that counts is covered; it is drift where
    /// something that counts is not, any more.
    fn state_at(&self, state: AccountState, at: &Standpoint<'_>) -> AccountState {
        let counts = |finding: &&Finding| finding.severity >= at.drift_severity;
        let lapsed = || self.found().iter().filter(counts).any(|finding| at.has_lapsed(finding));
        match state {
            AccountState::Exempt if lapsed() => AccountState::Drifted,
            AccountState::Compliant
            | AccountState::Drifted
            | AccountState::Exempt
            | AccountState::NotApplicable
            | AccountState::Unknown => state,
        }
    }
}

fn judged(result: &AccountResult) -> Option<Judged<'_>> {
    match result {
        AccountResult::Judged { state, role_arn, checked_at, checks, findings } => {
            Some(Judged { state: *state, role_arn, checked_at: *checked_at, checks, findings })
        }
        AccountResult::Skipped(_) | AccountResult::Unknown(_) => None,
    }
}

fn by_other_rules(checked_at: Timestamp) -> ScanError {
    let message = format!(
        "last judged at {checked_at}, by another baseline, other checks or other exceptions than those configured now"
    );
    ScanError::new(UnknownReason::Pending, message).hint("wait for the sweep to end")
}

fn stale(checked_at: Timestamp) -> ScanError {
    ScanError::new(UnknownReason::Stale, format!("not read again since {checked_at}"))
        .hint("sweeps do not end, or do not begin: look at the log and at the scanner's metrics")
}

fn ahead(checked_at: Timestamp) -> ScanError {
    ScanError::new(
        UnknownReason::Stale,
        format!("last judged at {checked_at}, which is in the future"),
    )
    .hint("the clock of this machine was wrong then, or is now: set it by NTP, and sweep again")
}
