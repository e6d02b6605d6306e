//! Which accounts are this process's, where several share an organization.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::AccountId;

/// One of several processes that share an organization: each account is in exactly one shard.
///
/// Which one follows from the account's number and from how many there are, and from nothing else: no process has to talk to
/// another. The default is the whole organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Named")]
pub struct Shard {
    ordinal: u32,
    total: u32,
}

/// There is no such shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// None, or too many.
    #[error("there cannot be {0} shards: expected 1 to {max}", max = Shard::MOST)]
    Total(u32),
    /// Shards are counted from 0.
    #[error("there is no shard {ordinal} of {total}: they are counted from 0, so the last is {last}", last = .total - 1)]
    Ordinal {
        /// Which.
        ordinal: u32,
        /// Of how many.
        total: u32,
    },
}

impl Shard {
    /// More shards than this are a slip: an organization has some ten thousand accounts.
    pub const MOST: u32 = 1_000;

    /// The shard of this number, counted from 0, of so many.
    ///
    /// # Errors
    /// There is no such shard.
    pub fn new(ordinal: u32, total: u32) -> Result<Self, InvalidShard> {
        if !(1..=Self::MOST).contains(&total) {
            return Err(InvalidShard::Total(total));
        }
        if ordinal >= total {
            return Err(InvalidShard::Ordinal { ordinal, total });
        }
        Ok(Self { ordinal, total })
    }

    /// Its number, counted from 0.
    pub fn ordinal(self) -> u32 {
        self.ordinal
    }

    /// How many there are.
    pub fn total(self) -> u32 {
        self.total
    }

    /// Whether there is no other.
    pub fn is_whole(&self) -> bool {
        self.total == 1
    }

    /// Whether an account is in this shard.
    pub fn holds(self, account: &AccountId) -> bool {
        self.ordinal_of(account) == self.ordinal
    }

    /// The shard an account is in, of as many as there are. It never changes: stores and processes of all versions rely on it.
    pub fn ordinal_of(self, account: &AccountId) -> u32 {
        let digest: [u8; 32] = Sha256::digest(account.as_str()).into();
        let first = digest.first_chunk().copied().unwrap_or_default();
        jump(u64::from_be_bytes(first), self.total)
    }

    /// This shard's part of a limit that is the organization's: at least one, unless the limit is 0.
    pub fn part_of(self, limit: u32) -> u32 {
        if limit == 0 { 0 } else { (limit / self.total).max(1) }
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self { ordinal: 0, total: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} of {}", self.ordinal, self.total)
    }
}

/// A shard as it is written.
#[derive(Deserialize)]
struct Named {
    ordinal: u32,
    total: u32,
}

impl TryFrom<Named> for Shard {
    type Error = InvalidShard;

    fn try_from(Named { ordinal, total }: Named) -> Result<Self, InvalidShard> {
        Self::new(ordinal, total)
    }
}

/// Jump consistent hash: even, and one bucket more moves only its own share.
///
/// Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014, figure 1.
fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0_u64, 0_u64);
    while next < u64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let scale = (1_u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * scale) as u64;
    }
    bucket as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    fn of(account: &AccountId, total: u32) -> u32 {
        Shard::new(0, total).unwrap().ordinal_of(account)
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // From the tests of the Go package dgryski/go-jump.
        let cases = [
            (1, 1, 0),
            (42, 57, 43),
            (0xDEAD_10CC, 1, 0),
            (0xDEAD_10CC, 666, 361),
            (256, 1024, 520),
        ];
        for (key, buckets, want) in cases {
            assert_eq!(jump(key, buckets), want, "{key} in {buckets}");
        }
    }

    #[test]
    fn where_an_account_is_never_changes() {
        let cases = [
            ("000000000000", [0, 0, 2, 2, 4, 10, 217]),
            ("000000000001", [0, 0, 0, 3, 3, 10, 956]),
            ("111122223333", [0, 0, 2, 3, 4, 10, 436]),
            ("123456789012", [0, 0, 2, 2, 2, 11, 682]),
            ("999999999999", [0, 0, 2, 2, 2, 10, 495]),
        ];
        for (account, want) in cases {
            let account = account.parse().unwrap();
            let got = [1, 2, 3, 4, 5, 16, 1_000].map(|total| of(&account, total));
            assert_eq!(got, want, "account {account}");
        }
    }

    #[test]
    fn shards_are_even_whatever_the_numbers_look_like() {
        let mut random = fastrand::Rng::with_seed(7);
        let random: Vec<_> = (0..5_000).map(|_| id(random.u64(..1_000_000_000_000))).collect();
        let sequential: Vec<_> = (0..5_000).map(|n| id(100_000_000_000 + n)).collect();
        for (case, accounts) in [("random", random), ("sequential", sequential)] {
            let mut sizes = [0; 4];
            for account in &accounts {
                sizes[of(account, 4) as usize] += 1;
            }
            // 1,250 each is even; three standard deviations are 92.
            assert!(sizes.iter().all(|size| (1_158..=1_342).contains(size)), "{case}: {sizes:?}");
        }
    }

    #[test]
    fn one_shard_more_takes_its_share_and_moves_nothing_else() {
        let accounts: Vec<_> = (0..5_000).map(|n| id(100_000_000_000 + n)).collect();
        for total in 1..32 {
            let mut moved = BTreeMap::new();
            for account in &accounts {
                let (before, after) = (of(account, total), of(account, total + 1));
                if before != after {
                    assert_eq!(
                        after, total,
                        "account {account} went to a shard that was there before"
                    );
                    *moved.entry(after).or_insert(0_u32) += 1;
                }
            }
            let share = 5_000.0 / f64::from(total + 1);
            let got = f64::from(moved.values().sum::<u32>());
            assert!(
                (got - share).abs() < 4.0 * share.sqrt() + 1.0,
                "{total}: {got} moved, not {share}"
            );
        }
    }

    proptest! {
        #[test]
        fn each_account_is_in_exactly_one_shard(number in 0_u64..1_000_000_000_000, total in 1..=Shard::MOST) {
            let account = id(number);
            let holders: Vec<_> = (0..total)
                .filter(|ordinal| Shard::new(*ordinal, total).unwrap().holds(&account))
                .collect();
            prop_assert_eq!(holders, [of(&account, total)]);
        }
    }

    #[test]
    fn there_is_no_shard_beyond_the_last() {
        let cases = [
            (0, 1, None),
            (999, 1_000, None),
            (0, 0, Some("there cannot be 0 shards: expected 1 to 1000")),
            (0, 1_001, Some("there cannot be 1001 shards: expected 1 to 1000")),
            (4, 4, Some("there is no shard 4 of 4: they are counted from 0, so the last is 3")),
        ];
        for (ordinal, total, want) in cases {
            let got = Shard::new(ordinal, total).err().map(|error| error.to_string());
            assert_eq!(got.as_deref(), want, "{ordinal} of {total}");
            let text = format!(r#"{{"ordinal":{ordinal},"total":{total}}}"#);
            assert_eq!(serde_json::from_str::<Shard>(&text).is_ok(), want.is_none(), "{text}");
        }
        let shard = Shard::new(3, 4).unwrap();
        assert_eq!(serde_json::to_string(&shard).unwrap(), r#"{"ordinal":3,"total":4}"#);
    }

    #[test]
    fn a_limit_is_shared_and_never_shared_away() {
        for (limit, total, want) in [(0, 4, 0), (1, 4, 1), (10, 1, 10), (10, 4, 2), (400, 4, 100)] {
            assert_eq!(Shard::new(0, total).unwrap().part_of(limit), want, "{limit} of {total}");
        }
    }
}
