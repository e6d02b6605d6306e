//! What the configuration names of an organization: in the selectors of accounts, and in exceptions.

use std::collections::BTreeSet;

use super::tree::Tree;
use crate::config::{Accounts, Candidate, Config, Exception, Match};
use crate::model::{AccountId, ScanError, UnknownReason, printable_line};

/// The sections that name accounts and units.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) accounts: &'a Accounts,
    exceptions: &'a [Exception],
}

/// Something the configuration asks for cannot be done.
pub(super) fn unusable(message: impl Into<String>) -> ScanError {
    ScanError::new(UnknownReason::AccountGone, message)
}

impl<'a> Wanted<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        Self { accounts: &config.accounts, exceptions: &config.exceptions }
    }

    /// Whether anything depends on the units above accounts.
    pub(super) fn by_units(self) -> bool {
        let Accounts { include, exclude, .. } = self.accounts;
        let excused = self.exceptions.iter().any(|exception| !exception.accounts.ous.is_empty());
        !include.ous.is_empty() || !exclude.ous.is_empty() || excused
    }

    /// Whether only its tags tell which exceptions cover an account.
    pub(super) fn excused_by_tags(self, candidate: Candidate<'_>) -> bool {
        let needs = |e: &Exception| e.accounts.matches(candidate) == Match::NeedsTags;
        self.exceptions.iter().any(needs)
    }

    /// A typo must not silently scan nothing. In what is left out or excused it makes nothing look better than it is.
    pub(super) fn check_ids(self, listed: &BTreeSet<&AccountId>) -> Result<(), ScanError> {
        let unknown =
            |ids: &BTreeSet<AccountId>| join(ids.iter().filter(|id| !listed.contains(id)));
        if let Some(accounts) = unknown(&self.accounts.exclude.ids) {
            tracing::warn!(accounts, "accounts to exclude are not among the accounts");
        }
        for Exception { id, accounts, .. } in self.exceptions {
            if let Some(accounts) = unknown(&accounts.ids) {
                let exception = printable_line(id, 64);
                tracing::warn!(
                    exception,
                    accounts,
                    "accounts of an exception are not among the accounts"
                );
            }
        }
        match unknown(&self.accounts.include.ids) {
            None => Ok(()),
            Some(unknown) => Err(unusable(format!(
                "accounts to include are not among the {} listed: {unknown}",
                listed.len()
            ))
            .hint("correct the ids in `accounts.include` or `--account`")),
        }
    }

    /// The same for organizational units.
    pub(super) fn check_units(self, tree: &Tree) -> Result<(), ScanError> {
        let unknown = |ous: &BTreeSet<String>| join(ous.iter().filter(|ou| !tree.has(ou)));
        for Exception { id, accounts, .. } in self.exceptions {
            if let Some(units) = unknown(&accounts.ous) {
                let exception = printable_line(id, 64);
                tracing::warn!(
                    exception,
                    units,
                    "organizational units of an exception do not exist"
                );
            }
        }
        let Accounts { include, exclude, .. } = self.accounts;
        match unknown(&include.ous.union(&exclude.ous).cloned().collect()) {
            None => Ok(()),
            Some(unknown) => Err(unusable(format!(
                "organizational units named in `accounts` do not exist: {unknown}"
            ))
            .hint("correct the ids in `accounts.include.ous` and `accounts.exclude.ous`")),
        }
    }
}

fn join(names: impl Iterator<Item = impl ToString>) -> Option<String> {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
