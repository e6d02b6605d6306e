//! What the configuration names of an organization: in the selectors of accounts and of remediation, and in exceptions.

use std::collections::BTreeSet;

use super::tree::Tree;
use crate::config::{Accounts, Candidate, Config, Exception, Match, Remediation, Selector};
use crate::model::{AccountId, ScanError, UnknownReason, printable_line};

/// The sections that name accounts and units.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) accounts: &'a Accounts,
    exceptions: &'a [Exception],
    remediation: &'a Remediation,
    config: &'a Config,
}

/// Something the configuration asks for cannot be done.
pub(super) fn unusable(message: impl Into<String>) -> ScanError {
    ScanError::new(UnknownReason::AccountGone, message)
}

impl<'a> Wanted<'a> {
    pub(super) fn of(config: &'a Config) -> Self {
        let Config { accounts, exceptions, remediation, .. } = config;
        Self { accounts, exceptions, remediation, config }
    }

    /// Whether anything depends on the units above accounts.
    pub(super) fn by_units(self) -> bool {
        self.a_unit().is_some()
    }

    /// Whether only its tags tell which exceptions cover a scanned account, or whether it may be put right.
    pub(super) fn needs_tags(self, candidate: Candidate<'_>) -> bool {
        self.others().any(|(_, selector)| selector.matches(candidate) == Match::NeedsTags)
    }

    /// A unit that is named somewhere.
    pub(super) fn a_unit(self) -> Option<&'a str> {
        self.config.selectors().find_map(|selector| selector.ous.first()).map(String::as_str)
    }

    /// Whether anything depends on the tags of accounts.
    pub(super) fn by_tags(self) -> bool {
        self.config.selectors().any(|selector| !selector.tags.is_empty())
    }

    /// The selectors that do not decide what is scanned, with their names in the configuration.
    fn others(self) -> impl Iterator<Item = (String, &'a Selector)> {
        let Remediation { include, exclude, .. } = self.remediation;
        let named =
            |e: &'a Exception| (format!("exception {}", printable_line(&e.id, 64)), &e.accounts);
        self.exceptions.iter().map(named).chain([
            ("remediation.include".to_owned(), include),
            ("remediation.exclude".to_owned(), exclude),
        ])
    }

    /// A typo must not silently scan nothing. In what is left out or excused it makes nothing look better than it is.
    pub(super) fn check_ids(self, listed: &BTreeSet<&AccountId>) -> Result<(), ScanError> {
        let unknown =
            |ids: &BTreeSet<AccountId>| join(ids.iter().filter(|id| !listed.contains(id)));
        if let Some(accounts) = unknown(&self.accounts.exclude.ids) {
            tracing::warn!(accounts, "accounts to exclude are not among the accounts");
        }
        for (named_by, selector) in self.others() {
            if let Some(accounts) = unknown(&selector.ids) {
                tracing::warn!(
                    named_by,
                    accounts,
                    "accounts that are named are not among the accounts"
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
        // A unit that is not there protects nothing either.
        let sections = [
            ("accounts", &self.accounts.include, &self.accounts.exclude),
            ("remediation", &self.remediation.include, &self.remediation.exclude),
        ];
        for (section, include, exclude) in sections {
            if let Some(unknown) = unknown(&include.ous.union(&exclude.ous).cloned().collect()) {
                let what =
                    format!("organizational units named in `{section}` do not exist: {unknown}");
                let hint = format!(
                    "correct the ids in `{section}.include.ous` and `{section}.exclude.ous`"
                );
                return Err(unusable(what).hint(hint));
            }
        }
        Ok(())
    }
}

fn join(names: impl Iterator<Item = impl ToString>) -> Option<String> {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
