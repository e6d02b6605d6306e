//! What is known of every account, over many sweeps. Pure.
//!
//! A sweep gives results; the ledger remembers. It keeps the newest result of every account and, where that is none, the
//! last judgement: a read that failed closes no finding. It knows since when each finding has been open, and tells what
//! opened and what closed. Its rules:
//!
//! - A finding stays open until a judgement contradicts it or its account leaves.
//! - What a stopped sweep did not reach stays as it was.
//! - Drift that changes is another finding, as old as the drift of its check: what went before it is closed as `changed`.
//! - An account leaves when two whole lists in a row do not have it; never by a partial list.

mod entry;
mod event;
mod record;
mod remediation;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

pub use entry::{Entry, Judged, Standpoint};
pub use event::{Change, Event, Resolution};
pub use record::FindingRecord;
pub use remediation::{RemediationView, Standing, Waiting};
pub use view::{AccountList, Outcome, Shrunken, SweepRecord, Trigger, View};

use crate::model::{Account, AccountId, AccountReport, AccountResult, ScanError, UnknownReason};

/// Whole lists in a row that must lack an account before it is forgotten.
const MISSED_LISTS: u32 = 2;

/// The digest of what judgements are made by: baseline, checks and exceptions. Shared by all that were made by the same.
pub type Digest = Arc<str>;

/// Every known account. Cheap to clone: entries are shared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    entries: BTreeMap<AccountId, Arc<Entry>>,
    /// The rules in force; judgements made by others hold no more. `None` only where rules never change: one run.
    rules: Option<Digest>,
}

impl Ledger {
    /// From entries that were stored.
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Self {
        let keyed = entries.into_iter().map(|entry| (entry.account.id.clone(), Arc::new(entry)));
        Self { entries: keyed.collect(), rules: None }
    }

    /// From now on only judgements made by these rules hold.
    pub fn put_in_force(&mut self, rules: &str) {
        self.rules = Some(rules.into());
    }

    /// The rules in force.
    pub fn rules(&self) -> Option<&Digest> {
        self.rules.as_ref()
    }

    /// Whether nothing is known by the rules in force, but something by others.
    pub fn awaits_judgement(&self) -> bool {
        let mut judged =
            self.entries.values().filter(|entry| entry.judged_at().is_some()).peekable();
        judged.peek().is_some() && judged.all(|entry| entry.judged_by != self.rules)
    }

    /// Every entry, in account id order.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// One account's entry.
    pub fn get(&self, id: &AccountId) -> Option<&Arc<Entry>> {
        self.entries.get(id)
    }

    /// How many accounts are known, the left-out ones included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is known yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The accounts as they were last listed: the list in force when a new one cannot be had.
    pub fn accounts(&self) -> Vec<Account> {
        self.entries.values().map(|entry| entry.account.clone()).collect()
    }

    /// Forgets the accounts that this is not true of: they are another shard's.
    pub fn retain(&mut self, mut keep: impl FnMut(&AccountId) -> bool) {
        self.entries.retain(|id, _| keep(id));
    }

    /// Of the accounts that the last lists had: how many this list lacks, and of how many.
    pub fn lacks(&self, list: &[Account]) -> (usize, usize) {
        let there: std::collections::BTreeSet<_> = list.iter().map(|account| &account.id).collect();
        let known: Vec<_> = self.entries.values().filter(|entry| entry.missed == 0).collect();
        let lacking = known.iter().filter(|entry| !there.contains(&entry.account.id)).count();
        (lacking, known.len())
    }

    /// Takes a whole list of accounts. New ones are `pending`; ones that two lists lack leave.
    pub fn list(&mut self, list: Vec<Account>, at: Timestamp) -> Vec<Event> {
        let mut events = vec![];
        let mut before = std::mem::take(&mut self.entries);
        for account in list {
            let known = before.remove(&account.id);
            let id = account.id.clone();
            let entry = listed(account, known, at, &mut events);
            self.entries.insert(id, entry);
        }
        for (id, entry) in before {
            let missed = entry.missed + 1;
            if missed >= MISSED_LISTS {
                close_all(&entry, at, &mut events);
            } else {
                let entry = Entry { missed, ..Entry::clone(&entry) };
                self.entries.insert(id, Arc::new(entry));
            }
        }
        events
    }

    /// Takes what a sweep, or the scan of one account, learned by the rules in force. Accounts that are in no list are not
    /// taken.
    pub fn absorb(&mut self, results: Vec<AccountReport>) -> Vec<Event> {
        self.absorb_judged_by(self.rules.clone(), results, &BTreeMap::new())
    }

    /// The same by these rules, which may be in force no more. `changed` tells when rolewarden last put an account right:
    /// findings that are gone since are its work.
    pub fn absorb_judged_by(
        &mut self,
        rules: Option<Digest>,
        results: Vec<AccountReport>,
        changed: &BTreeMap<AccountId, Timestamp>,
    ) -> Vec<Event> {
        let mut events = vec![];
        for report in results {
            if let Some(entry) = self.entries.get_mut(&report.id) {
                // Times are whole seconds: what ended within that of the judgement came after it.
                let ours = changed.get(&report.id).is_some_and(|at| Some(*at) >= entry.judged_at());
                let gone = if ours { Resolution::Remediated } else { Resolution::External };
                absorb(entry, report.result, rules.as_ref(), gone, &mut events);
            }
        }
        events
    }
}

/// The entry of a listed account: what was known of it stays, unless it is left out now, or was until now.
fn listed(
    account: Account,
    known: Option<Arc<Entry>>,
    at: Timestamp,
    events: &mut Vec<Event>,
) -> Arc<Entry> {
    let Some(known) = known else { return Arc::new(Entry::new(account)) };
    match (account.skip, &known.result) {
        (Some(reason), _) => {
            close_all(&known, at, events);
            let result = AccountResult::Skipped(reason);
            Arc::new(Entry { result, ..Entry::new(account) })
        }
        (None, AccountResult::Skipped(_)) => Arc::new(Entry::new(account)),
        (None, _) if known.account == account && known.missed == 0 => known,
        (None, _) => Arc::new(Entry { account, missed: 0, ..Entry::clone(&known) }),
    }
}

fn absorb(
    slot: &mut Arc<Entry>,
    mut result: AccountResult,
    rules: Option<&Digest>,
    gone: Resolution,
    events: &mut Vec<Event>,
) {
    match &mut result {
        // The list decides who is left out.
        AccountResult::Skipped(_) => return,
        AccountResult::Unknown(error) if error.reason == UnknownReason::Pending => return,
        AccountResult::Unknown(_) => {}
        AccountResult::Judged { state, findings, checked_at, checks, .. } => {
            let before = event::Before { findings: slot.found(), ages: &slot.ages };
            let mut now = event::Now { at: *checked_at, state: *state, checks, findings };
            let ages = event::compare(&slot.account.id, &before, &mut now, gone, events);
            Arc::make_mut(slot).ages = ages;
        }
    }
    let before = Arc::make_mut(slot);
    let newest = std::mem::replace(&mut before.result, result);
    match (&before.result, newest) {
        (AccountResult::Judged { .. }, _) => {
            before.earlier = None;
            before.judged_by = rules.cloned();
        }
        (_, judged @ AccountResult::Judged { .. }) => before.earlier = Some(judged),
        _ => {}
    }
}

fn close_all(entry: &Entry, at: Timestamp, events: &mut Vec<Event>) {
    events.extend(entry.found().iter().map(|finding| Event {
        at,
        account: entry.account.id.clone(),
        was_open: finding.exception.is_none(),
        change: Change::Closed(Resolution::AccountLeft),
        finding: finding.clone(),
    }));
}

/// What is said of an account that was not scanned yet.
pub(crate) fn pending() -> ScanError {
    ScanError::new(UnknownReason::Pending, "this account was not scanned yet")
        .hint("wait for the sweep to end")
}
