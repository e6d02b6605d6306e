//! What one verdict costs, in time and in memory: ordinary policies, and the worst that 10 KiB of hostile text can ask for.
//!
//! The allocator counts: divan's columns `max alloc` show the peak of extra memory of one run.
#![allow(missing_docs, reason = "a benchmark has no callers")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is measured is valid by construction"
)]

#[path = "verdict/hostile.rs"]
mod hostile;

use divan::{AllocProfiler, Bencher, black_box};
use hostile::{HOSTILE, Hostile};
use rolewarden::check::Rules;
use rolewarden::config::Config;
use rolewarden::model::{Account, AccountId, Partition, Role, RoleArn, Snapshot};
use rolewarden::policy::{Comparison, Context, Kind, Policy, compare};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

pub(crate) const TRUST: &str =
    include_str!("../config/baseline/eks-connector-agent-trust-policy.json");
pub(crate) const INLINE: &str = include_str!("../config/baseline/eks-connector-agent-policy.json");

/// The baseline's meaning in other words: split, other order and case, a Sid, lists for texts.
const REWRITTEN: &str = r#"{"Statement":[
    {"Sid":"a","Resource":["*"],"Action":["ssmmessages:openControlChannel","ssmmessages:OpenDataChannel"],"Effect":"Allow"},
    {"Resource":"*","Action":"ssmmessages:CREATEDATACHANNEL","Effect":"Allow"},
    {"Resource":["arn:aws:eks:*:*:cluster/*","arn:aws:eks:*:*:cluster/x*"],"Action":"ssmmessages:CreateControlChannel","Effect":"Allow"}
], "Version":"2012-10-17"}"#;
const WIDE: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssmmessages:*","Resource":"*"}}"#;
const REWRITTEN_TRUST: &str = r#"{"Version":"2008-10-17","Statement":{"Sid":"","Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":["sts:assumerole"]}}"#;
const OPEN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;

fn main() {
    divan::main();
}

fn context() -> Context {
    Context { account: "111122223333".parse().unwrap(), partition: Partition::default() }
}

fn baseline(kind: Kind) -> Policy {
    let text = match kind {
        Kind::Trust => TRUST,
        Kind::Identity => INLINE,
    };
    Policy::parse_baseline(kind, text, &context(), None).unwrap()
}

/// From text to verdict, as a scan does it. A text that is no policy is a verdict too.
fn verdict(kind: Kind, text: &str, baseline: &Policy) -> Option<Comparison> {
    let policy = Policy::parse(kind, black_box(text), &context()).ok()?;
    Some(compare(&policy, baseline))
}

/// Parsing and comparing one ordinary document.
#[divan::bench(args = ["trust, same", "trust, rewritten", "trust, open", "inline, same", "inline, rewritten", "inline, wide"])]
fn ordinary(bencher: Bencher<'_, '_>, case: &str) {
    let (kind, text) = match case {
        "trust, same" => (Kind::Trust, TRUST),
        "trust, rewritten" => (Kind::Trust, REWRITTEN_TRUST),
        "trust, open" => (Kind::Trust, OPEN),
        "inline, same" => (Kind::Identity, INLINE),
        "inline, rewritten" => (Kind::Identity, REWRITTEN),
        "inline, wide" => (Kind::Identity, WIDE),
        other => panic!("no case {other}"),
    };
    let baseline = baseline(kind);
    bencher.bench_local(|| verdict(kind, text, &baseline));
}

/// Parsing and comparing one hostile document.
#[divan::bench(args = HOSTILE, sample_count = 10, sample_size = 1)]
fn hostile_text(bencher: Bencher<'_, '_>, case: &Hostile) {
    let (kind, text) = (case.kind, (case.text)());
    let baseline = baseline(kind);
    bencher.bench_local(|| verdict(kind, &text, &baseline));
}

fn role(trust: &str, inline: &str) -> Snapshot {
    let account: AccountId = "111122223333".parse().unwrap();
    Snapshot::Present(Box::new(Role {
        arn: RoleArn::new(Partition::default(), account, "AmazonEKSConnectorAgentRole"),
        id: "AROAEXAMPLE".to_owned(),
        trust_policy: trust.to_owned(),
        inline: [("AmazonEKSConnectorAgentPolicy".to_owned(), inline.to_owned())].into(),
        attached: Default::default(),
        boundary: None,
        max_session_seconds: Some(3_600),
        tags: Default::default(),
        made_by: None,
    }))
}

fn judge(bencher: Bencher<'_, '_>, snapshot: &Snapshot) {
    let config = Config::default_for_check().unwrap();
    let today = "2026-11-24".parse().unwrap();
    let rules = Rules::new(&config, Partition::default(), None, today);
    let account = Account::numbered("111122223333".parse().unwrap());
    bencher.bench_local(|| rules.judge(&account, black_box(snapshot), None));
}

/// A whole role: every check, findings, diffs and fixes.
#[divan::bench(args = ["compliant", "rewritten", "drifted"])]
fn whole_role(bencher: Bencher<'_, '_>, case: &str) {
    let snapshot = match case {
        "compliant" => role(TRUST, INLINE),
        "rewritten" => role(REWRITTEN_TRUST, REWRITTEN),
        "drifted" => role(OPEN, WIDE),
        other => panic!("no case {other}"),
    };
    judge(bencher, &snapshot);
}

/// A whole role, one of its documents hostile.
#[divan::bench(args = HOSTILE, sample_count = 10, sample_size = 1)]
fn whole_hostile_role(bencher: Bencher<'_, '_>, case: &Hostile) {
    let text = (case.text)();
    let snapshot = match case.kind {
        Kind::Trust => role(&text, INLINE),
        Kind::Identity => role(TRUST, &text),
    };
    judge(bencher, &snapshot);
}
