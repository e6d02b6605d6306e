use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::aws::{Reading, Taken};
use crate::config::Config;
use crate::model::{AccountId, AccountState, Cluster, Partition, Role, Snapshot};

/// Answers from a script; an account or a read it does not know fails the test.
struct Scripted {
    partition: Partition,
    answers: Mutex<BTreeMap<AccountId, Vec<Answer>>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Clone)]
enum Answer {
    /// Read in one moment.
    Is(Box<Snapshot>),
    /// Read in several.
    InTurns(Box<Snapshot>),
    /// Read at once, but for so many milliseconds.
    Slowly(Box<Snapshot>, u64),
    Fails(UnknownReason),
    Panics,
    Hangs,
}

impl RoleReader for Scripted {
    fn partition(&self) -> &Partition {
        &self.partition
    }

    async fn read_role(&self, account: &Account) -> Result<Reading, ScanError> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let answer =
            self.answers.lock().unwrap().get_mut(&account.id).expect("a known account").remove(0);
        tokio::task::yield_now().await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let sent = Instant::now();
        let read = |seen: Box<Snapshot>, taken| Ok(Reading { seen: *seen, taken });
        match answer {
            Answer::Is(seen) => read(seen, Taken::call(sent, sent)),
            Answer::InTurns(seen) => read(seen, Taken::call(sent, sent).and_call(sent, sent, true)),
            Answer::Slowly(seen, took) => {
                read(seen, Taken::call(sent, sent + Duration::from_millis(took)))
            }
            Answer::Fails(reason) => Err(ScanError::new(reason, "scripted")),
            Answer::Panics => panic!("scripted"),
            Answer::Hangs => std::future::pending().await,
        }
    }

    async fn read_clusters(&self, _: &Account) -> Result<Option<Vec<Cluster>>, ScanError> {
        Ok(None)
    }

    async fn read_other_role(&self, _: &Account, _: &str) -> Result<Reading, ScanError> {
        panic!("no cluster names another role")
    }
}

/// Counts, and stops the sweep once so many are done.
struct Count<'a> {
    done: usize,
    stop_at: usize,
    cancel: &'a CancellationToken,
}

impl Progress for Count<'_> {
    fn account_done(&mut self, _: &AccountReport, _: Duration) {
        self.done += 1;
        if self.done == self.stop_at {
            self.cancel.cancel();
        }
    }
}

fn id(n: usize) -> AccountId {
    format!("{n:012}").parse().unwrap()
}

/// A role as the baseline has it, with a session this long: more than an hour is drift.
fn role(n: usize, session: u32) -> Answer {
    let config = Config::default_for_check().unwrap();
    Answer::Is(Box::new(Snapshot::Present(Box::new(Role {
        arn: format!("arn:aws:iam::{}:role/AmazonEKSConnectorAgentRole", id(n)).parse().unwrap(),
        id: "AROAEXAMPLE".to_owned(),
        trust_policy: config.baseline.trust_policy.clone(),
        inline: BTreeMap::from([("p".to_owned(), config.baseline.inline_policy.clone())]),
        attached: BTreeMap::new(),
        boundary: None,
        max_session_seconds: Some(session),
        tags: BTreeMap::new(),
        made_by: None,
    }))))
}

async fn run(
    script: Vec<Vec<Answer>>,
    concurrency: usize,
    stop_at: usize,
) -> (Swept, Arc<Scripted>, usize) {
    run_by(&Config::default_for_check().unwrap(), script, concurrency, stop_at).await
}

async fn run_by(
    config: &Config,
    script: Vec<Vec<Answer>>,
    concurrency: usize,
    stop_at: usize,
) -> (Swept, Arc<Scripted>, usize) {
    let accounts = (0..script.len()).map(|n| Account::numbered(id(n))).collect();
    run_of(config, accounts, script, concurrency, stop_at).await
}

async fn run_of(
    config: &Config,
    accounts: Vec<Account>,
    script: Vec<Vec<Answer>>,
    concurrency: usize,
    stop_at: usize,
) -> (Swept, Arc<Scripted>, usize) {
    let rules = Rules::new(config, Partition::default(), None, jiff::civil::date(2026, 11, 23));
    let reader = Arc::new(Scripted {
        partition: Partition::default(),
        answers: Mutex::new(
            script.into_iter().enumerate().map(|(n, answers)| (id(n), answers)).collect(),
        ),
        in_flight: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let limits = Limits { concurrency, account_timeout: Duration::from_millis(300) };
    let clock = || Timestamp::UNIX_EPOCH;
    let cancel = CancellationToken::new();
    let mut count = Count { done: 0, stop_at, cancel: &cancel };
    let swept =
        sweep(&reader, &Arc::new(rules), accounts, limits, clock, &cancel, &mut count).await;
    (swept, reader, count.done)
}

/// The state, or the reason it is unknown.
fn told(report: &AccountReport) -> &'static str {
    match &report.result {
        AccountResult::Unknown(error) => error.reason.as_str(),
        _ => report.state().map_or("skipped", AccountState::as_str),
    }
}

#[tokio::test]
async fn drift_is_claimed_only_when_two_reads_in_a_row_agree() {
    let (good, bad, worse, worst) = (3_600, 7_200, 7_201, 7_202);
    let cases = [
        ("right at once", vec![role(0, good)], "compliant"),
        ("wrong twice", vec![role(0, bad), role(0, bad)], "drifted"),
        ("wrong, then right twice", vec![role(0, bad), role(0, good), role(0, good)], "compliant"),
        (
            "wrong, then wrong in another way, then that again",
            vec![role(0, bad), role(0, worse), role(0, worse)],
            "drifted",
        ),
        ("another each time", vec![role(0, bad), role(0, worse), role(0, worst)], "unstable"),
        (
            "wrong, then gone dark",
            vec![role(0, bad), Answer::Fails(UnknownReason::Throttled)],
            "throttled",
        ),
        (
            "absent twice",
            vec![Answer::Is(Box::new(Snapshot::Absent)), Answer::Is(Box::new(Snapshot::Absent))],
            "drifted",
        ),
    ];
    for (case, answers, want) in cases {
        let (swept, reader, _) = run(vec![answers], 1, usize::MAX).await;
        assert_eq!(told(&swept.accounts[0]), want, "case `{case}`");
        assert!(
            reader.answers.lock().unwrap()[&id(0)].is_empty(),
            "case `{case}` reads as often as scripted"
        );
    }
}

/// The snapshot of an answer.
fn of(answer: Answer) -> Box<Snapshot> {
    match answer {
        Answer::Is(snapshot) | Answer::InTurns(snapshot) | Answer::Slowly(snapshot, _) => snapshot,
        Answer::Fails(_) | Answer::Panics | Answer::Hangs => panic!("no snapshot"),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_claimed_of_a_reading_that_may_be_torn_until_another_agrees() {
    let optional = "accounts: {source: organization}\nbaseline: {presence: optional}\n";
    let no_files = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let optional =
        Config::from_text(optional, "test", std::path::Path::new(""), &|_| None, &no_files);
    let (optional, required) = (optional.unwrap(), Config::default_for_check().unwrap());
    let good = || role(0, 3_600);
    let other = || role(0, 3_599);
    let bad = || role(0, 7_200);
    let turns = |answer: Answer| Answer::InTurns(of(answer));
    let slow = |answer: Answer, took| Answer::Slowly(of(answer), took);
    let cases = [
        ("at once", &required, vec![good()], "compliant"),
        ("in a second", &required, vec![slow(good(), 1_000)], "compliant"),
        ("slower", &required, vec![slow(good(), 1_001), slow(good(), 1_001)], "compliant"),
        ("in turns", &required, vec![turns(good()), turns(good())], "compliant"),
        ("torn, then whole", &required, vec![turns(good()), bad(), bad()], "drifted"),
        ("torn, then right twice", &required, vec![turns(good()), other(), other()], "compliant"),
        ("torn, then two agree", &required, vec![turns(good()), turns(bad()), bad()], "drifted"),
        ("no two agree", &required, vec![turns(good()), turns(bad()), turns(good())], "unstable"),
        (
            "the last agrees",
            &required,
            vec![turns(bad()), turns(good()), turns(good())],
            "compliant",
        ),
        ("absent at once", &optional, vec![absent()], "not_applicable"),
        ("absent in turns", &optional, vec![turns(absent()), turns(absent())], "not_applicable"),
        ("absent, torn", &optional, vec![turns(absent()), bad(), bad()], "drifted"),
        (
            "gone dark",
            &required,
            vec![turns(good()), Answer::Fails(UnknownReason::Throttled)],
            "throttled",
        ),
    ];
    for (case, config, answers, want) in cases {
        let (swept, reader, _) = run_by(config, vec![answers], 1, usize::MAX).await;
        assert_eq!(told(&swept.accounts[0]), want, "case `{case}`");
        assert!(
            reader.answers.lock().unwrap()[&id(0)].is_empty(),
            "case `{case}` reads as often as scripted"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_made_from_one_moment_too() {
    let turns = |answer: Answer| Answer::InTurns(of(answer));
    let script = vec![
        vec![absent(), absent(), turns(role(0, 3_600)), absent(), absent()],
        vec![absent(), absent(), turns(role(1, 3_600)), turns(role(1, 3_600))],
        vec![absent(), absent(), turns(absent()), turns(role(2, 3_600)), turns(absent())],
    ];
    let said = planning(script, false).await.unwrap();
    let said: Vec<(usize, &str)> = said.iter().map(|(n, said)| (*n, said.as_str())).collect();
    assert_eq!(
        said,
        [
            (0, "2 steps"),
            (1, "it is not drifted any more"),
            (
                2,
                "it could not be read and planned: the role was read 3 times, and no two readings agree"
            ),
        ]
    );
}

#[tokio::test]
async fn an_account_that_the_list_contradicts_is_unstable_and_is_not_read() {
    let mut accounts: Vec<_> = (0..2).map(|n| Account::numbered(id(n))).collect();
    accounts[1].contradicted = true;
    let config = Config::default_for_check().unwrap();
    let (swept, _, _) = run_of(&config, accounts, vec![vec![role(0, 3_600)]], 2, usize::MAX).await;
    let mut states: Vec<_> = swept.accounts.iter().map(|a| (a.id.clone(), told(a))).collect();
    states.sort();
    assert_eq!(states, [(id(0), "compliant"), (id(1), "unstable")]);
}

#[tokio::test]
async fn one_bad_account_never_stops_the_rest() {
    let script = vec![
        vec![role(0, 3_600)],
        vec![Answer::Panics],
        vec![Answer::Hangs],
        vec![Answer::Fails(UnknownReason::AssumeDenied)],
        vec![role(4, 3_600)],
    ];
    let (swept, _, told_of) = run(script, 2, usize::MAX).await;
    let mut by_id: Vec<(String, &str)> =
        swept.accounts.iter().map(|a| (a.id.to_string(), told(a))).collect();
    by_id.sort();
    let states: Vec<&str> = by_id.iter().map(|(_, state)| *state).collect();
    assert_eq!(states, ["compliant", "internal", "timeout", "assume_denied", "compliant"]);
    assert_eq!((told_of, swept.cancelled), (5, false));
}

#[tokio::test]
async fn no_more_accounts_are_in_flight_than_allowed() {
    let script = (0..50).map(|n| vec![role(n, 3_600)]).collect();
    let (swept, reader, _) = run(script, 7, usize::MAX).await;
    assert!(swept.accounts.iter().all(|a| told(a) == "compliant"));
    assert_eq!(reader.most.load(Ordering::SeqCst), 7);
}

#[tokio::test]
async fn a_stopped_sweep_reports_what_it_did_not_reach_as_pending() {
    let script =
        (0..10).map(|n| vec![if n < 3 { role(n, 3_600) } else { Answer::Hangs }]).collect();
    let (swept, _, told_of) = run(script, 4, 3).await;
    let pending = swept.accounts.iter().filter(|a| told(a) == "pending").count();
    assert_eq!((swept.accounts.len(), pending, told_of, swept.cancelled), (10, 7, 3, true));
}

/// After a sweep of these accounts: what is planned, as the account's number and what is said of it.
async fn planning(script: Vec<Vec<Answer>>, cancelled: bool) -> Option<Vec<(usize, String)>> {
    let (count, config) = (script.len(), Config::default_for_check().unwrap());
    let (swept, reader, _) = run(script, 3, usize::MAX).await;
    let today = jiff::civil::date(2026, 11, 23);
    let rules = Arc::new(Rules::new(&config, Partition::default(), None, today));
    let accounts: Vec<Account> = (0..count).map(|n| Account::numbered(id(n))).collect();
    let limits = Limits { concurrency: 3, account_timeout: Duration::from_millis(300) };
    let actions = [crate::model::Action::CreateRole, crate::model::Action::PutInlinePolicy].into();
    let remediation = &crate::config::Remediation { actions, ..config.remediation.clone() };
    let cancel = CancellationToken::new();
    if cancelled {
        cancel.cancel();
    }
    let reports = &swept.accounts;
    let planning = plan(&reader, &rules, remediation, &accounts, reports, limits, &cancel).await?;
    let unread: usize = reader.answers.lock().unwrap().values().map(Vec::len).sum();
    assert_eq!(unread, 0, "every read of the script was made");
    let number = |id: &AccountId| id.as_str().parse::<usize>().unwrap();
    let steps =
        planning.accounts.iter().map(|a| (number(&a.account), format!("{} steps", a.steps.len())));
    let left = planning.left_alone.iter().map(|left| (number(&left.account), left.why.clone()));
    let mut said: Vec<(usize, String)> = steps.chain(left).collect();
    said.sort();
    Some(said)
}

fn absent() -> Answer {
    Answer::Is(Box::new(Snapshot::Absent))
}

#[tokio::test(start_paused = true)]
async fn each_drifted_account_is_planned_from_a_read_after_the_sweep_and_no_other_is_read() {
    let script = vec![
        vec![absent(), absent(), absent()],
        vec![role(1, 3_600)],
        vec![absent(), absent(), role(2, 3_600)],
        vec![absent(), absent(), role(3, 7_200)],
        vec![absent(), absent(), Answer::Fails(UnknownReason::Throttled)],
        vec![absent(), absent(), Answer::Panics],
        vec![absent(), absent(), Answer::Hangs],
        vec![Answer::Fails(UnknownReason::AccessDenied)],
    ];
    let said = planning(script, false).await.unwrap();
    let said: Vec<(usize, &str)> = said.iter().map(|(n, said)| (*n, said.as_str())).collect();
    assert_eq!(
        said,
        [
            (0, "2 steps"),
            (2, "it is not drifted any more"),
            (3, "role-attributes: rolewarden does not change session durations and tags"),
            (4, "it could not be read and planned: scripted"),
            (
                5,
                "it could not be read and planned: scanning this account met a defect of rolewarden"
            ),
            (6, "it could not be read and planned: the account was not read within 0.3 s"),
        ]
    );
}

#[tokio::test]
async fn planning_that_is_stopped_gives_out_nothing() {
    assert_eq!(planning(vec![vec![absent(), absent(), absent()]], true).await, None);
}
