//! Organizations to show: every state, every reason, every kind of hostile text; judged by the real checks.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rolewarden::check::{Judgement, Rules};
use rolewarden::config::Config;
use rolewarden::ledger::{
    AccountList, Ledger, Outcome, RemediationView, Shrunken, SweepRecord, Trigger, View,
};
use rolewarden::model::{
    Account, AccountId, AccountReport, AccountResult, AccountState, FindingCounts, ManagedPolicy,
    Partition, Role, RoleArn, ScanError, SkipReason, Snapshot, StateCounts, SweepInfo,
    UnknownReason,
};

pub(crate) const TRUST: &str =
    include_str!("../../config/baseline/eks-connector-agent-trust-policy.json");
pub(crate) const INLINE: &str =
    include_str!("../../config/baseline/eks-connector-agent-policy.json");

const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Names and other texts that people outside choose.
pub(crate) const HOSTILE: [&str; 16] = [
    "<script>window.hacked=1</script>",
    "\"><img src=x onerror=window.hacked=1>",
    "' onmouseover='window.hacked=1",
    "</textarea></title></style><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "<a href=\"javascript:window.hacked=1\">click</a>",
    "<!--",
    "-->]]><?xml?>",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "\u{202e}gnp.exe \u{2066}abc",
    "line\nfeed\r\ttab\u{0}null\u{1b}[31m",
    "\u{2028}separator\u{2029}",
    "=cmd|'/c calc'!A0",
    "{{constructor.constructor('window.hacked=1')()}} ${1+1}",
    "../../etc/passwd%0d%0aSet-Cookie:x=1",
    "مرحبا بالعالم 日本語 ꧁༺ 👩‍👩‍👧‍👦",
];

pub(crate) fn now() -> Timestamp {
    "2026-11-24T09:00:00Z".parse().unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() - seconds).unwrap()
}

pub(crate) fn id(n: usize) -> AccountId {
    format!("{:012}", 100_000_000_000 + n).parse().unwrap()
}

pub(crate) fn config() -> Config {
    let text = "
accounts: {source: organization}
web: {hosts: [rolewarden.example.com]}
exceptions:
  - {id: EX-7, accounts: {ids: ['100000000003']}, accept: {attached_policies: ['arn:aws:iam::aws:policy/AdministratorAccess']}, reason: 'audit <b>until</b> March', owner: team-x, expires: 2027-03-31}
";
    let missing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    Config::from_text(text, "c.yaml", Path::new("/"), &|_| None, &missing).unwrap()
}

/// What becomes of the n-th account of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Right,
    Everyone,
    NoPolicy,
    Administrator,
    Denied,
    Throttled,
    Old,
    Absent,
    Suspended,
}

/// Five accounts, one of each that matters.
const FIVE: [Fate; 5] =
    [Fate::Right, Fate::Everyone, Fate::Denied, Fate::Administrator, Fate::NoPolicy];

fn fate(n: usize, of: usize) -> Fate {
    match (of, n % 100) {
        (..=5, _) => FIVE[n % 5],
        (_, 3) if n % 200 == 3 => Fate::Everyone,
        (_, 11) => Fate::NoPolicy,
        (_, 17 | 18) => Fate::Administrator,
        (_, 23) => Fate::Denied,
        (_, 29) if n % 300 == 29 => Fate::Throttled,
        (_, 37) if n % 500 == 37 => Fate::Old,
        (_, 41) => Fate::Absent,
        (_, 43) => Fate::Suspended,
        _ => Fate::Right,
    }
}

fn role(account: &AccountId, change: impl FnOnce(&mut Role)) -> Snapshot {
    let mut role = Role {
        arn: RoleArn::new(Partition::default(), account.clone(), "AmazonEKSConnectorAgentRole"),
        id: "AROAEXAMPLE".to_owned(),
        made_by: None,
        trust_policy: TRUST.to_owned(),
        inline: [("AmazonEKSConnectorAgentPolicy".to_owned(), INLINE.to_owned())].into(),
        attached: BTreeMap::new(),
        boundary: None,
        max_session_seconds: Some(3_600),
        tags: BTreeMap::new(),
    };
    change(&mut role);
    Snapshot::Present(Box::new(role))
}

/// A text that can stand in a JSON document's string.
fn json_text(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn snapshot(fate: Fate, account: &AccountId, text: &str) -> Snapshot {
    match fate {
        Fate::Everyone => role(account, |role| {
            role.trust_policy = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Sid":{},"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole"}}]}}"#,
                json_text(text)
            );
        }),
        Fate::NoPolicy => role(account, |role| {
            role.inline = [(
                "odd".to_owned(),
                format!(
                    r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":{}}}]}}"#,
                    json_text(&format!("arn:aws:logs:*:*:log-group:{text}"))
                ),
            )]
            .into();
        }),
        Fate::Administrator => role(account, |role| {
            let policy = ManagedPolicy { name: text.to_owned(), document: Some(ALL.to_owned()) };
            role.attached =
                [("arn:aws:iam::aws:policy/AdministratorAccess".to_owned(), policy)].into();
        }),
        Fate::Absent => Snapshot::Absent,
        Fate::Right | Fate::Denied | Fate::Throttled | Fate::Old | Fate::Suspended => {
            role(account, |_| {})
        }
    }
}

fn judged(rules: &Rules, account: &AccountId, snapshot: &Snapshot, at: Timestamp) -> AccountResult {
    let Judgement { state, role_arn, checks, findings } =
        rules.judge(&Account::numbered(account.clone()), snapshot, None).unwrap();
    AccountResult::Judged { state, role_arn, checked_at: at, checks, findings }
}

fn denied(account: &AccountId) -> AccountResult {
    let arn = format!("arn:aws:iam::{account}:role/rolewarden-scan");
    let mut error = ScanError::new(
        UnknownReason::AssumeDenied,
        format!("User is not authorized to perform: sts:AssumeRole on resource: {arn}"),
    )
    .during("sts:AssumeRole")
    .hint("deploy the member role: rolewarden iam scan prints its policy and its trust");
    error.code = Some("AccessDenied".to_owned());
    error.request_id = Some(format!("request-of-{account}"));
    AccountResult::Unknown(Box::new(error))
}

fn throttled() -> AccountResult {
    let error = ScanError::new(UnknownReason::Throttled, "Rate exceeded after 8 attempts")
        .during("iam:GetRole")
        .hint("lower `sweep.concurrency`");
    AccountResult::Unknown(Box::new(error))
}

/// A world of this many accounts, after two sweeps: the first judged everyone.
pub(crate) fn view(accounts: usize) -> View {
    let config = Arc::new(config());
    let rules = Rules::new(&config, Partition::default(), None, "2026-11-24".parse().unwrap());
    let mut ledger = Ledger::default();
    let units = ["/", "/prod", "/prod/payments", "/prod/eu", "/staging", "/sandbox"];
    let all: Vec<_> = (0..accounts)
        .map(|n| {
            let name = match (n, fate(n, accounts)) {
                (0, _) => "landing-zone".to_owned(),
                (_, Fate::Right) if n % 7 != 0 => format!("team-{:03}-prod", n % 1_000),
                (_, Fate::Suspended) => String::new(),
                _ if n % 50 == 18 => "w".repeat(512),
                _ => HOSTILE[n % HOSTILE.len()].to_owned(),
            };
            let unit = units[n % units.len()];
            let path = format!("{}/{name}", unit.trim_end_matches('/'));
            let skip = (fate(n, accounts) == Fate::Suspended).then_some(SkipReason::Suspended);
            Account { name, path, skip, ..Account::numbered(id(n)) }
        })
        .collect();
    ledger.list(all, ago(7_200));
    for (second, sweep) in [(90_000, 0), (240, 1)] {
        let scanned = (0..accounts).filter(|n| fate(*n, accounts) != Fate::Suspended);
        let results = scanned.map(|n| {
            let (id, fate) = (id(n), fate(n, accounts));
            let text = HOSTILE[n % HOSTILE.len()];
            let at = ago(if fate == Fate::Old { 90_000 } else { second });
            let result = match (fate, sweep) {
                (Fate::Denied, _) => denied(&id),
                // It was read once, and was wrong.
                (Fate::Throttled, 0) => {
                    judged(&rules, &id, &snapshot(Fate::Everyone, &id, text), at)
                }
                (Fate::Throttled, _) => throttled(),
                _ => judged(&rules, &id, &snapshot(fate, &id, text), at),
            };
            AccountReport { id, name: String::new(), path: String::new(), result }
        });
        ledger.absorb(results.collect());
    }
    let mut view = View {
        config,
        ledger,
        list: AccountList { refreshed_at: Some(ago(1_500)), ..AccountList::default() },
        sweeps: Arc::default(),
        last_complete: Some(ago(240)),
        interval: Duration::from_secs(900),
        stale_after: Duration::from_secs(1_800),
        shrunken: Shrunken::No,
        remediation: RemediationView::default(),
        trouble: None,
    };
    let states = view.states(now());
    view.sweeps = Arc::new((0..48).map(|n| sweep(n, &states)).collect());
    view
}

/// A daemon that just started, without memory.
pub(crate) fn new_view() -> View {
    let mut view = view(0);
    view.sweeps = Arc::default();
    view.last_complete = None;
    view.list = AccountList::default();
    view
}

/// The n-th newest sweep.
fn sweep(n: usize, states: &StateCounts) -> SweepRecord {
    let started = ago(249 + 900 * i64::try_from(n).unwrap());
    let finished = Timestamp::from_second(started.as_second() + 9).unwrap();
    let outcome = match n {
        9 => Outcome::Failed,
        21 => Outcome::Partial,
        _ => Outcome::Complete,
    };
    let mut states = states.clone();
    if (5..14).contains(&n) {
        let more = states.compliant / 12;
        states.compliant -= more;
        states.unknown += more;
    }
    if n > 30 {
        let more = states.compliant / 20;
        states.compliant -= more;
        states.drifted += more;
    }
    let milliseconds = u64::try_from(started.as_millisecond()).unwrap();
    SweepRecord {
        info: SweepInfo {
            id: ulid::Ulid::from_parts(milliseconds, u128::try_from(n).unwrap()).to_string(),
            started_at: started,
            finished_at: finished,
            mode: "scan".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            baseline: "eks-connector-agent".into(),
            baseline_digest: format!("sha256:{}", "ab12".repeat(16)),
            config_digest: format!("sha256:{}", "cd34".repeat(16)),
            shard: Default::default(),
            complete: outcome == Outcome::Complete,
        },
        trigger: if n == 47 { Trigger::Start } else { Trigger::Schedule },
        outcome,
        states: if outcome == Outcome::Failed { StateCounts::default() } else { states },
        findings: FindingCounts::default(),
        unknown: BTreeMap::new(),
        opened: n % 3,
        resolved: n % 2,
    }
}

/// How many accounts are in a state now.
pub(crate) fn count(view: &View, state: AccountState) -> usize {
    let at = view.at(now());
    let states = view.ledger.entries().filter_map(|entry| entry.state(&at));
    states.filter(|(known, _)| *known == state).count()
}
