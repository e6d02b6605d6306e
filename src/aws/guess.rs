//! The name that a role's inline policy is guessed to have, so that its text comes in the first round trip.
//!
//! A guess decides nothing: a wrong one costs a round trip, and then the role must be read again. Tools give the policy names of
//! their own, so the name that a role had is guessed for that role from then on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::AccountId;

/// Names that are not the configured one, by account and role.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<(AccountId, String), String>>);

impl Guesses {
    /// The name to ask for.
    pub(super) fn of(&self, account: &AccountId, role: &str, configured: &str) -> String {
        let key = (account.clone(), role.to_owned());
        self.names().get(&key).cloned().unwrap_or_else(|| configured.to_owned())
    }

    /// The role has policies of these names.
    pub(super) fn learn<'a>(
        &self,
        account: &AccountId,
        role: &str,
        configured: &str,
        mut names: impl Iterator<Item = &'a String> + Clone,
    ) {
        let key = (account.clone(), role.to_owned());
        match names.clone().any(|name| name == configured) {
            true => drop(self.names().remove(&key)),
            false => {
                if let Some(name) = names.next() {
                    self.names().insert(key, name.clone());
                }
            }
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<(AccountId, String), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
