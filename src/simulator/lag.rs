//! Eventual consistency: for a while after a write, a read sees the account as it was before it, or after it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::world::{Role, World};
use crate::model::AccountId;

/// The roles of one account.
pub(super) type Roles = BTreeMap<String, Role>;

/// Accounts as they were before writes that not every read sees yet.
#[derive(Debug, Default)]
pub(super) struct Past(Mutex<HashMap<AccountId, Vec<Before>>>);

#[derive(Debug)]
struct Before {
    roles: Arc<Roles>,
    /// When the write changed them.
    until: Instant,
}

impl Past {
    /// Keeps what an account has, before a write changes it.
    pub(super) fn keep(&self, world: &World, account: &AccountId) {
        let Some(member) = world.accounts.get(account).filter(|_| !world.lag.is_zero()) else {
            return;
        };
        let before = Before { roles: Arc::new(member.roles.clone()), until: Instant::now() };
        self.lock().entry(account.clone()).or_default().push(before);
    }

    /// What the nth read of an account sees, if it is not what the account has now: any of the states that writes
    /// of late have ended.
    pub(super) fn seen(&self, world: &World, account: &AccountId, nth: u64) -> Option<Arc<Roles>> {
        if world.lag.is_zero() {
            return None;
        }
        let mut past = self.lock();
        let before = past.get_mut(account)?;
        before.retain(|before| before.until.elapsed() < world.lag);
        if before.is_empty() {
            past.remove(account);
            return None;
        }
        let drawn = world.dice(account, 0, nth).usize(..=before.len());
        before.get(drawn).map(|before| Arc::clone(&before.roles))
    }

    /// Every read sees what the account has now.
    pub(super) fn forget(&self, account: &AccountId) {
        self.lock().remove(account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Vec<Before>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
