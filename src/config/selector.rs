//! Sets of accounts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Account, AccountId};

/// A set of accounts, by any of three properties.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selector {
    /// By number.
    pub ids: BTreeSet<AccountId>,
    /// By organizational unit, at any depth below it: `ou-…` or `r-…` ids.
    pub ous: BTreeSet<String>,
    /// By account tag: key to values; an account matches when for every key its value is one of them.
    pub tags: BTreeMap<String, BTreeSet<String>>,
}

/// What is known of an account when it is decided on.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its number.
    pub id: &'a AccountId,
    /// The root and every organizational unit above it, by id.
    pub units: &'a [String],
    /// Its tags; `None` while they were not asked for.
    pub tags: Option<&'a BTreeMap<String, String>>,
}

/// Whether an account is in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Only its tags can tell.
    NeedsTags,
}

impl Selector {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && !self.by_organization()
    }

    /// Whether it names what only an organization has: units or tags.
    pub fn by_organization(&self) -> bool {
        !self.ous.is_empty() || !self.tags.is_empty()
    }

    /// Whether any of the three properties matches.
    pub fn matches(&self, candidate: Candidate<'_>) -> Match {
        if self.ids.contains(candidate.id)
            || candidate.units.iter().any(|unit| self.ous.contains(unit))
        {
            return Match::Yes;
        }
        match (self.tags.is_empty(), candidate.tags) {
            (true, _) => Match::No,
            (false, None) => Match::NeedsTags,
            (false, Some(tags)) => {
                let every = self
                    .tags
                    .iter()
                    .all(|(key, values)| tags.get(key).is_some_and(|value| values.contains(value)));
                if every { Match::Yes } else { Match::No }
            }
        }
    }

    /// Whether an account is in the set, of which all is known that the set asks for.
    pub fn covers(&self, account: &Account) -> bool {
        let Account { id, units, tags, .. } = account;
        self.matches(Candidate { id, units, tags: Some(tags) }) == Match::Yes
    }
}
