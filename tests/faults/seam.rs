//! Torn readings by the hundred thousand: the sweep itself, over a reader that answers from timelines instead of from AWS.
//!
//! A reading is four calls, as in the adapter: each may fail and be sent again, a role with a second policy needs another
//! call. An answer tells the part as it is when the call arrives. Time is each account's own, and nothing waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use rolewarden::aws::{Reading, RoleReader, Taken};
use rolewarden::check::Rules;
use rolewarden::config::Config;
use rolewarden::model::{
    Account, AccountId, AccountReport, AccountState, Cluster, ManagedPolicy, Partition, Role,
    ScanError, Snapshot,
};
use rolewarden::sweep::{self, Limits};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::{config, times};
use crate::timeline::{ATTACHED, EXTRA, INLINE, Parts, TRUST, Timeline};

/// Accounts of one sweep.
const ACCOUNTS: u64 = 1_000;

/// Runs of each kind; `ROLEWARDEN_FAULT_RUNS=20` makes it 200,000.
const RUNS: u64 = 10_000;

struct Reader {
    partition: Partition,
    begun: Instant,
    right: Role,
    accounts: BTreeMap<AccountId, Mutex<Play>>,
    /// Every part means the same, whatever its number.
    harmless: bool,
}

/// One account: what becomes of its role, and how far its reader has come.
struct Play {
    timeline: Timeline,
    rng: Rng,
    now: u64,
    readings: usize,
    torn: usize,
}

/// One reading as it goes.
struct Calls<'a> {
    play: &'a mut Play,
    begun: Instant,
    taken: Option<Taken>,
    moments: BTreeSet<Parts>,
}

impl Calls<'_> {
    fn at(&self, millisecond: u64) -> Instant {
        self.begun + Duration::from_millis(millisecond)
    }

    fn took(&mut self, sent: u64, answered: u64, in_turn: bool) {
        let (sent, answered) = (self.at(sent), self.at(answered));
        self.taken = Some(match self.taken {
            None => Taken::call(sent, answered),
            Some(taken) => taken.and_call(sent, answered, in_turn),
        });
    }

    /// Sends a call, again until it is answered. Gives the role as it is when that one arrives, and when it is answered.
    fn call(&mut self, mut sent: u64, mut in_turn: bool) -> (Parts, u64) {
        loop {
            // All calls of one round trip reach IAM at once.
            let latency = self.play.rng.u64(2..60);
            let slow = if self.play.rng.u8(0..24) == 0 { self.play.rng.u64(0..2_500) } else { 0 };
            let answered = sent + latency + slow;
            self.took(sent, answered, in_turn);
            if self.play.rng.u8(0..5) > 0 {
                let parts = self.play.timeline.at(sent);
                self.moments.insert(parts);
                return (parts, answered);
            }
            in_turn = true;
            sent = answered
                + if self.play.rng.u8(0..6) == 0 { 2_000 } else { self.play.rng.u64(0..200) };
        }
    }
}

impl Reader {
    fn read(&self, play: &mut Play) -> Reading {
        let (start, begun) = (play.now, self.begun);
        let mut calls = Calls { play, begun, taken: None, moments: BTreeSet::new() };
        let answers = [TRUST, INLINE, EXTRA, ATTACHED].map(|_| calls.call(start, false));
        let mut end = answers.iter().map(|(_, answered)| *answered).max().unwrap();
        let mut seen: Parts = [TRUST, INLINE, EXTRA, ATTACHED].map(|part| answers[part].0[part]);
        // A policy that was listed is read by a call of its own, once the list is there; gone by then, it is unstable.
        if seen[EXTRA] != 0 && !self.harmless {
            let (parts, answered) = calls.call(end, true);
            (seen[EXTRA], end) = (parts[EXTRA].max(seen[EXTRA]), answered);
        }
        let (taken, moments) = (calls.taken.unwrap(), calls.moments.len());
        play.now = end + play.rng.u64(0..5);
        play.readings += 1;
        play.torn += usize::from(moments > 1);
        Reading { seen: Snapshot::Present(Box::new(self.role(seen))), taken }
    }

    fn role(&self, parts: Parts) -> Role {
        let mut role = self.right.clone();
        if self.harmless {
            let spaces = |part: usize| " ".repeat(usize::try_from(parts[part]).unwrap());
            role.trust_policy.push_str(&spaces(TRUST));
            role.inline.values_mut().for_each(|text| text.push_str(&spaces(INLINE)));
            role.tags.insert("changed".to_owned(), parts[EXTRA].to_string());
            role.tags.insert("again".to_owned(), parts[ATTACHED].to_string());
            return role;
        }
        let all = |number: u64| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"S{number}","Effect":"Allow","Action":"*","Resource":"*"}}]}}"#
            )
        };
        if parts[TRUST] != 0 {
            role.trust_policy = open_trust(parts[TRUST]);
        }
        if parts[INLINE] != 0 {
            role.inline.values_mut().for_each(|text| *text = all(parts[INLINE]));
        }
        if parts[EXTRA] != 0 {
            role.inline.insert("extra".to_owned(), all(parts[EXTRA]));
        }
        if parts[ATTACHED] != 0 {
            let arn = format!("arn:aws:iam::aws:policy/wrong-{}", parts[ATTACHED]);
            let policy = ManagedPolicy { name: "wrong".to_owned(), document: Some(all(0)) };
            role.attached.insert(arn, policy);
        }
        role
    }
}

/// Anyone may assume it.
pub(crate) fn open_trust(number: u64) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"S{number}","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

impl RoleReader for Reader {
    fn partition(&self) -> &Partition {
        &self.partition
    }

    async fn read_role(&self, account: &Account) -> Result<Reading, ScanError> {
        let mut play = self.accounts[&account.id].lock().unwrap();
        let mut reading = self.read(&mut play);
        if let Snapshot::Present(role) = &mut reading.seen {
            role.arn.account = account.id.clone();
        }
        Ok(reading)
    }

    async fn read_clusters(&self, _: &Account) -> Result<Option<Vec<Cluster>>, ScanError> {
        Ok(None)
    }

    async fn read_other_role(&self, _: &Account, _: &str) -> Result<Reading, ScanError> {
        panic!("no other role is asked for")
    }
}

struct Silent;

impl sweep::Progress for Silent {
    fn account_done(&mut self, _: &AccountReport, _: Duration) {}
}

/// How many accounts were told in each state, how many readings there were, and how many of them were torn.
#[derive(Debug, Default)]
struct Tally {
    states: BTreeMap<AccountState, u64>,
    readings: usize,
    torn: usize,
}

impl Tally {
    fn of(&self, state: AccountState) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }
}

fn id(number: u64) -> AccountId {
    format!("{number:012}").parse().unwrap()
}

/// Sweeps organizations of accounts with these timelines, until there were so many runs.
fn runs(seed: u64, runs: u64, harmless: bool, timeline: impl Fn(&mut Rng) -> Timeline) -> Tally {
    let config = config("");
    let mut tally = Tally::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for batch in 0..runs.div_ceil(ACCOUNTS) {
        let accounts = (0..ACCOUNTS).map(|number| {
            let mut rng = Rng::with_seed(
                seed ^ (batch * ACCOUNTS + number).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            );
            let timeline = timeline(&mut rng);
            let play = Play { timeline, rng, now: 1_000, readings: 0, torn: 0 };
            (id(number), Mutex::new(play))
        });
        let reader = Arc::new(Reader {
            partition: Partition::default(),
            begun: Instant::now(),
            right: right(&config),
            accounts: accounts.collect(),
            harmless,
        });
        for account in runtime.block_on(swept(&config, &reader)) {
            *tally.states.entry(account.state().unwrap()).or_default() += 1;
        }
        for play in reader.accounts.values() {
            let play = play.lock().unwrap();
            (tally.readings, tally.torn) = (tally.readings + play.readings, tally.torn + play.torn);
        }
    }
    tally
}

async fn swept(config: &Config, reader: &Arc<Reader>) -> Vec<AccountReport> {
    let rules = Rules::new(config, Partition::default(), None, jiff::civil::date(2026, 11, 24));
    let accounts = reader.accounts.keys().cloned().map(Account::numbered).collect();
    let limits = Limits { concurrency: 64, account_timeout: Duration::from_secs(600) };
    let clock = || jiff::Timestamp::UNIX_EPOCH;
    let (rules, cancel) = (Arc::new(rules), CancellationToken::new());
    let swept = sweep::sweep(reader, &rules, accounts, limits, clock, &cancel, &mut Silent).await;
    swept.accounts
}

fn right(config: &Config) -> Role {
    let baseline = &config.baseline;
    Role {
        made_by: None,
        arn: format!("arn:aws:iam::{}:role/{}", id(0), baseline.role_name).parse().unwrap(),
        id: "AROAEXAMPLE".to_owned(),
        trust_policy: baseline.trust_policy.clone(),
        inline: BTreeMap::from([(
            baseline.inline_policy_name.clone(),
            baseline.inline_policy.clone(),
        )]),
        attached: BTreeMap::new(),
        boundary: None,
        max_session_seconds: Some(3_600),
        tags: BTreeMap::new(),
    }
}

/// Another seed with each run, printed so that a failure can be had again.
fn seed() -> u64 {
    let set = std::env::var("ROLEWARDEN_FAULT_SEED").ok().and_then(|text| text.parse().ok());
    set.unwrap_or_else(|| fastrand::u64(..))
}

#[test]
fn a_role_that_is_wrong_at_every_instant_is_never_told_compliant() {
    let (seed, count) = (seed(), RUNS * times());
    let begun = std::time::Instant::now();
    let tally = runs(seed, count, false, |rng| Timeline::always_wrong(rng, 2_500, false));
    println!("seed {seed}, {count} runs in {:?}: {tally:?}", begun.elapsed());
    assert_eq!(tally.of(AccountState::Compliant), 0, "seed {seed}");
    assert_eq!(tally.of(AccountState::NotApplicable), 0, "seed {seed}");
    // The runs are worth something: many readings are torn, and most accounts are told all the same.
    assert!(tally.torn * 10 > tally.readings, "seed {seed}");
    assert!(tally.of(AccountState::Drifted) * 2 > count, "seed {seed}");
}

#[test]
fn a_role_that_is_right_at_every_instant_is_never_told_drifted() {
    let (seed, count) = (seed(), RUNS * times());
    let tally = runs(seed, count, true, |rng| Timeline::always_right(rng, 2_500));
    println!("seed {seed}, {count} runs: {tally:?}");
    assert_eq!(tally.of(AccountState::Drifted), 0, "seed {seed}");
    assert!(tally.torn * 10 > tally.readings, "seed {seed}");
    assert!(tally.of(AccountState::Compliant) * 2 > count, "seed {seed}");
}

/// Two equal readings cannot exclude a part that becomes another one and then the same again, between its two answers, while
/// another part does the opposite. How often chance brings that about is printed; more than one in a thousand would mean that
/// something else is wrong.
#[test]
fn parts_that_go_there_and_back_are_told_compliant_by_chance_alone() {
    let (seed, count) = (seed(), RUNS * times());
    let tally = runs(seed, count, false, |rng| Timeline::always_wrong(rng, 2_500, true));
    println!("seed {seed}, {count} runs with parts that go there and back: {tally:?}");
    assert!(tally.of(AccountState::Compliant) * 1_000 <= count, "seed {seed}");
}
