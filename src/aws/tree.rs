//! The organizational units, walked from the root down: one call for each unit instead of one for each account.

use std::collections::{BTreeMap, VecDeque};

use super::error::malformed;
use super::organization::Directory;
use super::paging::Pages;
use crate::model::{AccountId, ScanError};

pub(super) const LIST_ROOTS: &str = "organizations:ListRoots";
pub(super) const LIST_UNITS: &str = "organizations:ListOrganizationalUnitsForParent";
pub(super) const LIST_ACCOUNTS: &str = "organizations:ListAccountsForParent";

/// Pages of one list, at most.
const PAGES: usize = 5_000;

/// Organizations allows a few thousand units; more is an answer in circles.
const UNITS: usize = 10_000;

/// A root or unit.
struct Unit {
    name: String,
    /// `None` for a root.
    parent: Option<String>,
}

/// Roots, units, and the accounts directly in them.
#[derive(Default)]
pub(super) struct Tree {
    units: BTreeMap<String, Unit>,
    parents: BTreeMap<AccountId, String>,
}

impl Tree {
    /// Whether there is such a root or unit.
    pub(super) fn has(&self, id: &str) -> bool {
        self.units.contains_key(id)
    }

    /// The name of a root or unit.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.units.get(id).map(|unit| unit.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The root and the units above an account, from the top; `None` when the walk did not see it.
    pub(super) fn ancestors(&self, id: &AccountId) -> Option<Vec<String>> {
        let parent = self.parents.get(id)?;
        let up = |id: &&String| self.units.get(*id).and_then(|unit| unit.parent.as_ref());
        let mut ids: Vec<String> = std::iter::successors(Some(parent), up).cloned().collect();
        ids.reverse();
        Some(ids)
    }

    /// Adds a unit that was not seen before: a second parent would make the walk endless.
    fn add(
        &mut self,
        operation: &str,
        id: Option<String>,
        name: Option<String>,
        parent: Option<&str>,
    ) -> Result<String, ScanError> {
        let id = id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| malformed(operation, "a unit has no id"))?;
        let unit = Unit { name: name.unwrap_or_default(), parent: parent.map(str::to_owned) };
        if self.units.len() >= UNITS {
            return Err(malformed(
                operation,
                format!("there are more than {UNITS} organizational units"),
            ));
        }
        match self.units.insert(id.clone(), unit) {
            None => Ok(id),
            Some(_) => Err(malformed(operation, "a unit has two places in the organization")),
        }
    }
}

/// Walks the organization, one call at a time.
pub(super) async fn walk(directory: &Directory, with_accounts: bool) -> Result<Tree, ScanError> {
    let mut tree = Tree::default();
    let mut open: VecDeque<String> = roots(directory, &mut tree).await?.into();
    while let Some(parent) = open.pop_front() {
        open.extend(units(directory, &mut tree, &parent).await?);
        if with_accounts {
            accounts(directory, &mut tree, &parent).await?;
        }
    }
    Ok(tree)
}

async fn roots(directory: &Directory, tree: &mut Tree) -> Result<Vec<String>, ScanError> {
    let mut pages = Pages::new(LIST_ROOTS, PAGES);
    let (mut found, mut token) = (vec![], None);
    loop {
        let request = directory.client.list_roots().set_next_token(token);
        let answer = directory.lane.call(LIST_ROOTS, || request.clone().send()).await?;
        let before = found.len();
        for root in pages.items(answer.roots)? {
            found.push(tree.add(LIST_ROOTS, root.id, root.name, None)?);
        }
        token = pages.next(found.len() > before, answer.next_token)?;
        if token.is_none() {
            return Ok(found);
        }
    }
}

async fn units(
    directory: &Directory,
    tree: &mut Tree,
    parent: &str,
) -> Result<Vec<String>, ScanError> {
    let mut pages = Pages::new(LIST_UNITS, PAGES);
    let (mut found, mut token) = (vec![], None);
    loop {
        let request = directory.client.list_organizational_units_for_parent();
        let request = request.parent_id(parent).set_next_token(token);
        let answer = directory.lane.call(LIST_UNITS, || request.clone().send()).await?;
        let before = found.len();
        for unit in pages.items(answer.organizational_units)? {
            found.push(tree.add(LIST_UNITS, unit.id, unit.name, Some(parent))?);
        }
        token = pages.next(found.len() > before, answer.next_token)?;
        if token.is_none() {
            return Ok(found);
        }
    }
}

async fn accounts(directory: &Directory, tree: &mut Tree, parent: &str) -> Result<(), ScanError> {
    let mut pages = Pages::new(LIST_ACCOUNTS, PAGES);
    let mut token = None;
    loop {
        let request = directory.client.list_accounts_for_parent();
        let request = request.parent_id(parent).set_next_token(token);
        let answer = directory.lane.call(LIST_ACCOUNTS, || request.clone().send()).await?;
        let before = tree.parents.len();
        for account in pages.items(answer.accounts)? {
            let id = account
                .id()
                .unwrap_or_default()
                .parse()
                .map_err(|error| malformed(LIST_ACCOUNTS, format!("{error}")))?;
            tree.parents.insert(id, parent.to_owned());
        }
        token = pages.next(tree.parents.len() > before, answer.next_token)?;
        if token.is_none() {
            return Ok(());
        }
    }
}
