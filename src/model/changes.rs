//! What became of things between two sweeps.

use std::collections::BTreeMap;

use super::{AccountId, AccountReport, AccountState, Finding, Report};

/// What differs between two reports. Nothing is said to be resolved in an account that was not read again.
#[derive(Debug, Default)]
pub struct Changes<'r> {
    /// Findings that were not there before, worst first. Those of an account that was unknown before are among them.
    pub opened: Vec<(&'r AccountReport, &'r Finding)>,
    /// Findings that are gone, worst first.
    pub resolved: Vec<(&'r AccountReport, &'r Finding)>,
    /// Accounts that could be judged before.
    pub lost: Vec<&'r AccountReport>,
    /// Accounts that could not be judged before.
    pub found: Vec<&'r AccountReport>,
    /// Accounts that could be judged neither time.
    pub still_unknown: usize,
}

impl<'r> Changes<'r> {
    /// From one report to the next.
    pub fn between(before: &'r Report, after: &'r Report) -> Self {
        let earlier: BTreeMap<&AccountId, &AccountReport> =
            before.accounts.iter().map(|account| (&account.id, account)).collect();
        let mut changes = Self::default();
        for now in &after.accounts {
            changes.account(earlier.get(&now.id).copied(), now);
        }
        let worst_first = |(account, finding): &(&'r AccountReport, &'r Finding)| {
            (std::cmp::Reverse(finding.severity), &account.id, &finding.id)
        };
        changes.opened.sort_by(|a, b| worst_first(a).cmp(&worst_first(b)));
        changes.resolved.sort_by(|a, b| worst_first(a).cmp(&worst_first(b)));
        changes
    }

    fn account(&mut self, then: Option<&'r AccountReport>, now: &'r AccountReport) {
        let unknown = |account: &AccountReport| account.state() == Some(AccountState::Unknown);
        match (then.is_some_and(unknown), unknown(now)) {
            (true, true) => self.still_unknown += 1,
            (true, false) => self.found.push(now),
            (false, true) => self.lost.push(now),
            (false, false) => {}
        }
        if unknown(now) {
            return;
        }
        let then = then.map(AccountReport::findings).unwrap_or_default();
        let is_new = |list: &[Finding], finding: &Finding| {
            open(finding) && !list.iter().any(|other| open(other) && other.id == finding.id)
        };
        let opened = now.findings().iter().filter(|finding| is_new(then, finding));
        self.opened.extend(opened.map(|finding| (now, finding)));
        let resolved = then.iter().filter(|finding| is_new(now.findings(), finding));
        self.resolved.extend(resolved.map(|finding| (now, finding)));
    }
}

/// No exception covers it.
fn open(finding: &Finding) -> bool {
    finding.exception.is_none()
}
