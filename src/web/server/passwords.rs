//! Verifying passwords against bcrypt hashes, which are slow on purpose: a password that was right is remembered, attempts wait
//! their turn on a thread that yields to all others, and one client has few of them, so that it can neither take the
//! machine nor the others' turns.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::super::background::Background;
use super::super::origin::Origin;

/// Attempts of one client that wait or are being verified. A browser that asks for a page and its parts makes one attempt: the
/// same password at the same time is verified once.
const OF_ONE: usize = 2;

/// Longest wait for an attempt's end. Below the time limit of a request, so that the refusal says why.
const TURN: Duration = Duration::from_secs(10);

/// Salt and hash of a decoy, behind its cost. No password is known for it.
const DECOY: &str = "4dKYh0QkzvbKvMWGVVWcZeHSTDdtjXxtUwzwIrlGgZcbBHbL9b5pC";

/// Of user, hash and password: no password is kept.
type Digest = [u8; 32];

/// User names with their hashes.
pub(super) type Users = BTreeMap<String, String>;

/// Why a client may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unproven {
    /// The password is not the user's, or there is no such user.
    Wrong,
    /// The client has too many attempts under way.
    TooMany,
    /// There are too many attempts before it.
    Busy,
}

/// Passwords that were verified, and those that are being verified.
#[derive(Default)]
pub(super) struct Passwords {
    /// The last right one of each user: a scrape comes every minute.
    proven: Mutex<HashMap<String, Digest>>,
    under_way: Mutex<HashMap<Digest, Arc<OnceCell<bool>>>>,
    clients: Clients,
    thread: OnceLock<Background>,
}

impl Passwords {
    /// Proves that the password is the user's, or says why it could not.
    pub(super) async fn prove(
        &self,
        users: &Users,
        (user, password): (&str, String),
        origin: Origin,
    ) -> Result<(), Unproven> {
        let digest = digest(user, users.get(user).map_or("", String::as_str), &password);
        if users.contains_key(user) && lock(&self.proven).get(user) == Some(&digest) {
            return Ok(());
        }
        let attempt = self.attempt_of(digest);
        let verify = || self.verify(Comparisons::of(users, user), password, origin);
        if !*attempt.get_or_try_init(verify).await? {
            return Err(Unproven::Wrong);
        }
        lock(&self.proven).insert(user.to_owned(), digest);
        Ok(())
    }

    /// After a reload. What was verified against a hash that is still there stays verified: the digest is of the hash too.
    pub(super) fn retain(&self, users: &Users) {
        lock(&self.proven).retain(|user, _| users.contains_key(user));
    }

    /// The one verification of this user, hash and password.
    fn attempt_of(&self, digest: Digest) -> Arc<OnceCell<bool>> {
        let mut under_way = lock(&self.under_way);
        under_way.retain(|_, attempt| Arc::strong_count(attempt) > 1);
        Arc::clone(under_way.entry(digest).or_default())
    }

    async fn verify(
        &self,
        comparisons: Comparisons,
        password: String,
        origin: Origin,
    ) -> Result<bool, Unproven> {
        let place = self.clients.place(origin).ok_or(Unproven::TooMany)?;
        let thread = self.thread.get_or_init(|| Background::start("web-passwords"));
        // With the job goes the place: it is free when the work is done or given up, not when the client has gone.
        let compared = thread.run(move || {
            let right = comparisons.admit(&password);
            drop(place);
            right
        });
        match tokio::time::timeout(TURN, compared).await {
            Ok(Some(right)) => Ok(right),
            Ok(None) | Err(_) => Err(Unproven::Busy),
        }
    }
}

/// The hashes that a password is compared with. Every wrong attempt costs as much as the dearest hash of all users: otherwise the
/// time would tell which users exist, and which of them have an old, cheap hash.
#[derive(Debug, PartialEq, Eq)]
struct Comparisons {
    own: Option<String>,
    /// Costs of hashes that no user has.
    decoys: Vec<u32>,
}

impl Comparisons {
    fn of(users: &Users, user: &str) -> Self {
        let highest = users.values().filter_map(|hash| cost(hash)).max().unwrap_or_default();
        let own = users.get(user).cloned();
        // A cost of n is 2^n rounds: with one of each cost from n to the highest less one they add up to the highest's.
        let decoys = match own.as_deref().and_then(cost) {
            Some(cost) => (cost..highest).collect(),
            None => vec![highest],
        };
        Self { own, decoys }
    }

    /// Compares with all of them; true if the user's own hash is the password's.
    fn admit(&self, password: &str) -> bool {
        let is_of = |hash: &str| bcrypt::verify(password, hash).unwrap_or(false);
        if self.own.as_deref().is_some_and(is_of) {
            return true;
        }
        for cost in &self.decoys {
            is_of(&decoy(*cost));
        }
        false
    }
}

/// The cost of a hash; `None` if it is none.
pub(super) fn cost(hash: &str) -> Option<u32> {
    hash.parse::<bcrypt::HashParts>().ok().map(|parts| parts.get_cost())
}

fn decoy(cost: u32) -> String {
    format!("$2b${cost:02}${DECOY}")
}

fn digest(user: &str, hash: &str, password: &str) -> Digest {
    Sha256::digest(format!("{user}\0{hash}\0{password}").as_bytes()).into()
}

/// How many attempts each client has under way.
#[derive(Debug, Clone, Default)]
struct Clients(Arc<Mutex<HashMap<Origin, usize>>>);

/// One attempt's place; given back when dropped.
#[derive(Debug)]
struct Place {
    clients: Clients,
    origin: Origin,
}

impl Clients {
    fn place(&self, origin: Origin) -> Option<Place> {
        let mut clients = lock(&self.0);
        let attempts = clients.entry(origin).or_default();
        if *attempts >= OF_ONE {
            return None;
        }
        *attempts += 1;
        drop(clients);
        Some(Place { clients: self.clone(), origin })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = lock(&self.clients.0);
        if let Some(attempts) = clients.get_mut(&self.origin) {
            *attempts -= 1;
            if *attempts == 0 {
                clients.remove(&self.origin);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::mpsc::channel;

    use futures_util::future::{join, join_all};

    use super::*;

    fn origin(last: u8) -> Origin {
        IpAddr::from([10, 0, 0, last]).into()
    }

    fn hash(password: &str, cost: u32) -> String {
        bcrypt::hash(password, cost).unwrap()
    }

    #[test]
    fn every_wrong_attempt_costs_as_much_as_the_dearest_hash() {
        let rounds = |users: &Users, user: &str| -> u64 {
            let comparisons = Comparisons::of(users, user);
            let own = comparisons.own.as_deref().and_then(cost);
            own.into_iter().chain(comparisons.decoys).map(|cost| 1_u64 << cost).sum()
        };
        let of_cost = |cost: u32| decoy(cost);
        let cases: [&[(&str, u32)]; 4] = [
            &[("ada", 4)],
            &[("ada", 12), ("eve", 12)],
            &[("ada", 4), ("eve", 10), ("bob", 12)],
            &[("ada", 14), ("eve", 5)],
        ];
        for case in cases {
            let users: Users =
                case.iter().map(|(user, cost)| ((*user).to_owned(), of_cost(*cost))).collect();
            let highest = case.iter().map(|(_, cost)| 1_u64 << cost).max().unwrap();
            for user in ["ada", "eve", "bob", "stranger"] {
                assert_eq!(rounds(&users, user), highest, "case {case:?}: {user}");
            }
        }
    }

    #[test]
    fn a_decoy_is_a_hash_of_its_cost_that_is_compared_in_full() {
        for at in 4..8 {
            assert_eq!(cost(&decoy(at)), Some(at));
            assert!(!bcrypt::verify("secret", &decoy(at)).unwrap());
        }
        let users = Users::from([("ada".to_owned(), hash("secret", 4))]);
        assert!(Comparisons::of(&users, "ada").admit("secret"));
        assert!(!Comparisons::of(&users, "ada").admit("secrets"));
        assert!(!Comparisons::of(&users, "eve").admit("secret"));
    }

    #[tokio::test]
    async fn a_password_that_was_right_stays_right_over_a_reload_that_keeps_its_hash() {
        let passwords = Passwords::default();
        let (old, new) = (hash("secret", 4), hash("secret", 4));
        let users = |hash: &str| Users::from([("ada".to_owned(), hash.to_owned())]);
        let prove = async |users: &Users, password: &str| {
            passwords.prove(users, ("ada", password.to_owned()), origin(1)).await
        };
        assert_eq!(prove(&users(&old), "secret").await, Ok(()));
        // From here on nothing can be verified: what is admitted was remembered.
        let _all = [passwords.clients.place(origin(1)), passwords.clients.place(origin(1))];
        let cases = [
            ("the same hash", users(&old), "secret", Ok(())),
            ("another password", users(&old), "secrets", Err(Unproven::TooMany)),
            ("another hash", users(&new), "secret", Err(Unproven::TooMany)),
            ("the first hash again", users(&old), "secret", Ok(())),
            ("no such user any more", Users::new(), "secret", Err(Unproven::TooMany)),
            ("the user is back", users(&old), "secret", Err(Unproven::TooMany)),
        ];
        for (case, users, password, want) in cases {
            passwords.retain(&users);
            assert_eq!(prove(&users, password).await, want, "case `{case}`");
        }
    }

    #[tokio::test]
    async fn one_client_has_few_attempts_under_way_and_leaves_the_others_theirs() {
        let passwords = Passwords::default();
        let users = Users::from([("ada".to_owned(), hash("secret", 4))]);
        let (open, gate) = channel::<()>();
        let thread = passwords.thread.get_or_init(|| Background::start("test"));
        let blocked = thread.run(move || gate.recv().is_err());
        let guess = |n: usize, from: u8| {
            passwords.prove(&users, ("ada", format!("guess {n}")), origin(from))
        };
        let guesses = join_all((0..32).map(|n| guess(n, 1)));
        let right = passwords.prove(&users, ("ada", "secret".to_owned()), origin(2));
        let opened = async {
            drop(open);
        };
        // Polled in this order: everything waits behind the first.
        let (blocked, ((results, right), ())) =
            join(blocked, join(join(guesses, right), opened)).await;
        assert_eq!(blocked, Some(true));
        let count = |why| results.iter().filter(|result| **result == Err(why)).count();
        assert_eq!(count(Unproven::Wrong), OF_ONE);
        assert_eq!(count(Unproven::TooMany), 32 - OF_ONE);
        assert_eq!(right, Ok(()));
        assert_eq!(guess(0, 1).await, Err(Unproven::Wrong), "afterwards it may try again");
        assert!(lock(&passwords.clients.0).is_empty());
    }

    #[tokio::test]
    async fn the_same_password_at_the_same_time_is_verified_once() {
        let passwords = Passwords::default();
        let users = Users::from([("ada".to_owned(), hash("secret", 4))]);
        // More than a client may have under way: a browser that asks for a page and its parts.
        let all = (0..8).map(|_| passwords.prove(&users, ("ada", "secret".to_owned()), origin(1)));
        assert_eq!(join_all(all).await, [Ok(()); 8]);
        let all = (0..8).map(|_| passwords.prove(&users, ("ada", "wrong".to_owned()), origin(1)));
        assert_eq!(join_all(all).await, [Err(Unproven::Wrong); 8]);
    }
}
