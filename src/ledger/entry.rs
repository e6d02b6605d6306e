//! One account, as far as it is known.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::pending;
use crate::model::{
    Account, AccountReport, AccountResult, AccountState, CheckName, CheckResults, Finding,
    ScanError, UnknownReason,
};

/// What is known of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// As it was last listed.
    pub account: Account,
    /// The newest result; `pending` before the first. Findings carry `first_seen`.
    pub result: AccountResult,
    /// The last judgement, where the newest result is none.
    pub earlier: Option<AccountResult>,
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
        Self { account, result, earlier: None, missed: 0, ages: BTreeMap::new() }
    }

    /// The last judgement, however old.
    pub fn judged(&self) -> Option<Judged<'_>> {
        [Some(&self.result), self.earlier.as_ref()].into_iter().flatten().find_map(judged)
    }

    /// When it was last judged.
    pub fn judged_at(&self) -> Option<Timestamp> {
        self.judged().map(|judged| judged.checked_at)
    }

    /// Findings of the last judgement: open until another judgement contradicts them, those under an exception too.
    pub fn findings(&self) -> &[Finding] {
        self.judged().map_or(&[], |judged| judged.findings)
    }

    /// The state now, and the reason where it is unknown; `None` for an account that is left out.
    ///
    /// A judgement older than `stale_after` holds no more. One from the future (the clock went back) does.
    pub fn state(
        &self,
        now: Timestamp,
        stale_after: Duration,
    ) -> Option<(AccountState, Option<UnknownReason>)> {
        match &self.result {
            AccountResult::Skipped(_) => None,
            AccountResult::Unknown(error) => Some((AccountState::Unknown, Some(error.reason))),
            AccountResult::Judged { checked_at, .. } if is_stale(*checked_at, now, stale_after) => {
                Some((AccountState::Unknown, Some(UnknownReason::Stale)))
            }
            AccountResult::Judged { state, .. } => Some((*state, None)),
        }
    }

    /// What a report says of the account now.
    pub fn report(&self, now: Timestamp, stale_after: Duration) -> AccountReport {
        let result = match &self.result {
            AccountResult::Judged { checked_at, .. } if is_stale(*checked_at, now, stale_after) => {
                AccountResult::Unknown(Box::new(stale(*checked_at)))
            }
            result => result.clone(),
        };
        let Account { id, name, path, .. } = self.account.clone();
        AccountReport { id, name, path, result }
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

fn is_stale(checked_at: Timestamp, now: Timestamp, stale_after: Duration) -> bool {
    let age = now.as_second().saturating_sub(checked_at.as_second());
    u64::try_from(age).is_ok_and(|age| age > stale_after.as_secs())
}

fn stale(checked_at: Timestamp) -> ScanError {
    ScanError::new(UnknownReason::Stale, format!("not read again since {checked_at}"))
        .hint("sweeps do not end, or do not begin: look at the log and at the scanner's metrics")
}
