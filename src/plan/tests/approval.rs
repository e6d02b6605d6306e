//! Approval: what is refused, and what is left for another time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::file::plan;
use crate::check::tests::config;
use crate::check::tests::documents::role;
use crate::config::{Remediation, RemediationMode, Selector};
use crate::model::{Account, AccountId, Origin, Shard, SkipReason};
use crate::plan::{
    AccountFacts, Approved, Facts, LeftReason, Limits, Plan, Refusal, approve, arming_code,
};

const NOON: &str = "2026-11-24T12:00:00Z";

#[track_caller]
fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(n: usize) -> AccountId {
    format!("{n:012}").parse().unwrap()
}

/// A plan for so many accounts, of a thousand.
fn drifted(count: usize) -> Plan {
    let mut plan = plan(&[role(|r| r.inline.clear())]);
    let one = plan.accounts.remove(0);
    for n in 1..=count {
        let mut account = one.clone();
        account.account = id(n);
        plan.accounts.push(account);
    }
    plan
}

/// Armed, fresh, and everything is well.
fn facts(plan: &Plan) -> Facts {
    let known = plan.accounts.iter().map(|account| &account.account);
    let accounts: BTreeMap<AccountId, AccountFacts> =
        known.map(|id| (id.clone(), AccountFacts::new(Account::numbered(id.clone())))).collect();
    Facts {
        now: time(NOON),
        origin: Origin::Apply,
        armed: Some(plan.arming_code.clone()),
        code: plan.arming_code.clone(),
        config_digest: plan.sweep.config_digest.clone(),
        baseline_digest: plan.sweep.baseline_digest.clone(),
        list_is_stale: false,
        clock_is_off: false,
        stopped: None,
        breaker: None,
        journal: None,
        accounts,
    }
}

fn apply() -> Remediation {
    Remediation { mode: RemediationMode::Apply, max_percent: 100, ..Remediation::default() }
}

fn approved(plan: Plan, remediation: &Remediation, facts: &Facts) -> Result<Approved, Refusal> {
    approve(plan, &Limits { remediation, facts })
}

/// How many are changed.
fn changed(approved: &Approved) -> usize {
    approved.plan.as_ref().map_or(0, |plan| plan.plan().accounts.len())
}

#[test]
fn nothing_is_done_unless_all_is_well() {
    type Spoil = fn(&mut Plan, &mut Remediation, &mut Facts);
    let cases: [(&str, Spoil, &str); 18] = [
        ("off", |_, r, _| r.mode = RemediationMode::Off, "remediation.mode is off"),
        ("plan", |_, r, _| r.mode = RemediationMode::Plan, "remediation.mode is plan"),
        (
            "stopped",
            |_, _, f| f.stopped = Some("the kill switch /x exists".into()),
            "the kill switch /x exists",
        ),
        ("breaker", |_, _, f| f.breaker = Some("3 failed".into()), "the breaker is open: 3 failed"),
        (
            "journal",
            |_, _, f| f.journal = Some("disk full".into()),
            "the journal cannot be written",
        ),
        ("clock", |_, _, f| f.clock_is_off = true, "set the clock right"),
        ("stale", |_, _, f| f.list_is_stale = true, "the list of accounts is an old one"),
        ("not armed", |_, _, f| f.armed = None, "nobody armed it"),
        (
            "armed for another",
            |_, _, f| f.armed = Some("000000000000".into()),
            "it was armed with 000000000000",
        ),
        (
            "another baseline",
            |p, _, _| p.sweep.baseline_digest = "sha256:0".into(),
            "made with another baseline",
        ),
        (
            "another configuration",
            |p, _, _| p.sweep.config_digest = "sha256:0".into(),
            "made with another configuration",
        ),
        (
            "other actions",
            |_, _, f| {
                f.code = "111111111111".into();
                f.armed = Some(f.code.clone());
            },
            "made with another arming code",
        ),
        ("old", |_, _, f| f.now = time("2026-11-25T12:00:01Z"), "not within the last 24 hours"),
        (
            "of tomorrow",
            |_, _, f| f.now = time("2026-11-24T11:59:59Z"),
            "not within the last 24 hours",
        ),
        (
            "much unknown",
            |p, _, _| p.unknown = 51,
            "51 of 1000 accounts are unknown, more than 5 %",
        ),
        ("no account", |_, r, _| r.max_accounts = 0, "remediation.max_accounts is 0"),
        ("no percent", |_, r, _| r.max_percent = 0, "remediation.max_percent is 0"),
        ("no fix", |_, r, _| r.flapping_after = 0, "remediation.flapping_after is 0"),
    ];
    for (case, spoil, want) in cases {
        let (mut plan, mut remediation) = (drifted(3), apply());
        let mut facts = facts(&plan);
        spoil(&mut plan, &mut remediation, &mut facts);
        let refusal = approved(plan, &remediation, &facts).unwrap_err().to_string();
        assert!(refusal.contains(want), "case `{case}`: {refusal}");
    }
    let plan = drifted(3);
    let facts = facts(&plan);
    assert_eq!(changed(&approved(plan, &apply(), &facts).unwrap()), 3, "and when all is well");
}

#[test]
fn the_plan_of_a_shard_has_its_part_of_the_limit_and_arms_as_any_other() {
    for (total, max_accounts, want) in [(1, 10, 10), (4, 10, 2), (4, 2, 1), (20, 10, 1)] {
        let mut plan = drifted(12);
        let whole = plan.clone();
        plan.sweep.shard = Shard::new(0, total).unwrap();
        let facts = facts(&plan);
        let remediation = Remediation { max_accounts, ..apply() };
        assert_eq!(plan.arming_code, whole.arming_code);
        let got = changed(&approved(plan, &remediation, &facts).unwrap());
        assert_eq!(got, want, "{max_accounts} of {total}");
    }
    let mut plan = drifted(1);
    plan.sweep.shard = Shard::new(0, 4).unwrap();
    let (none, facts) = (Remediation { max_accounts: 0, ..apply() }, facts(&plan));
    approved(plan, &none, &facts).unwrap_err();
}

#[test]
fn as_many_are_changed_as_the_lesser_limit_allows() {
    let cases = [
        // drifted, selected, max_accounts, max_percent, changed
        (3, 1_000, 10, 1, 3),
        (50, 1_000, 10, 1, 10),
        (10_000, 10_000, 10, 1, 10),
        (10_000, 10_000, 200, 1, 100),
        (50, 50, 10, 1, 1),
        (50, 101, 10, 1, 2),
        (50, 100, 10, 1, 1),
        (1, 1, 10, 1, 1),
        (5, 5, 10, 100, 5),
        (5, 5, 1, 100, 1),
        (5, 5, u32::MAX, u32::MAX, 5),
    ];
    for (count, selected, max_accounts, max_percent, want) in cases {
        let mut plan = drifted(count);
        plan.selected = selected;
        let facts = facts(&plan);
        let remediation = Remediation { max_accounts, max_percent, ..apply() };
        let case = format!("{count} of {selected}, {max_accounts}, {max_percent} %");
        let approved = approved(plan, &remediation, &facts).unwrap();
        assert_eq!(changed(&approved), want, "case `{case}`");
        assert_eq!(approved.left.len(), count - want, "case `{case}`");
        let limit = |reason: &LeftReason| matches!(reason, LeftReason::Limit(_));
        assert!(approved.left.iter().all(|left| limit(&left.reason)), "case `{case}`");
    }
}

#[test]
fn an_account_is_left_for_a_reason_of_its_own_and_takes_no_place() {
    type Spoil = fn(&mut Remediation, &mut Facts, &mut AccountFacts);
    let cases: [(&str, Spoil, Option<&str>); 13] = [
        ("nothing", |_, _, _| {}, None),
        (
            "skipped",
            |_, _, a| a.account.skip = Some(SkipReason::Suspended),
            Some("it is skipped: suspended"),
        ),
        (
            "excluded",
            |r, _, a| {
                r.exclude = Selector { ids: [a.account.id.clone()].into(), ..Selector::default() }
            },
            Some("remediation.exclude leaves it out"),
        ),
        (
            "excluded by unit",
            |r, _, a| {
                a.account.units = vec!["ou-x".into()];
                r.exclude = Selector { ous: ["ou-x".into()].into(), ..Selector::default() };
            },
            Some("remediation.exclude leaves it out"),
        ),
        (
            "two fixes",
            |_, _, a| a.fixed_at = vec![time("2026-11-24T10:00:00Z"), time("2026-11-24T11:00:00Z")],
            None,
        ),
        (
            "three fixes",
            |_, _, a| {
                a.fixed_at = vec![
                    time("2026-11-24T11:00:00Z"),
                    time("2026-11-23T13:00:00Z"),
                    time("2026-11-24T10:00:00Z"),
                ]
            },
            Some(
                "put right 3 times within a day, and somebody undoes it: find out who (CloudTrail); it is left alone until 2026-11-24T13:00:00Z",
            ),
        ),
        (
            "four fixes",
            |_, _, a| {
                a.fixed_at = vec![
                    time("2026-11-24T11:00:00Z"),
                    time("2026-11-24T11:30:00Z"),
                    time("2026-11-23T13:00:00Z"),
                    time("2026-11-24T10:00:00Z"),
                ]
            },
            Some("until 2026-11-25T10:00:00Z"),
        ),
        (
            "three fixes, one a day ago",
            |_, _, a| {
                a.fixed_at = vec![
                    time("2026-11-24T11:00:00Z"),
                    time("2026-11-23T12:00:00Z"),
                    time("2026-11-24T10:00:00Z"),
                ]
            },
            None,
        ),
        (
            "not seen",
            |_, _, a| a.unverified_at = Some(time("2026-11-24T11:00:01Z")),
            Some(
                "its last change was not seen in time: it is left alone until 2026-11-24T12:00:01Z",
            ),
        ),
        (
            "not seen, an hour ago",
            |_, _, a| a.unverified_at = Some(time("2026-11-24T11:00:00Z")),
            None,
        ),
        (
            "fresh",
            |_, f, a| {
                f.origin = Origin::Serve;
                a.open_since = Some(time("2026-11-24T11:45:01Z"));
            },
            Some("acted on from 2026-11-24T12:00:01Z on"),
        ),
        (
            "ripe",
            |_, f, a| {
                f.origin = Origin::Serve;
                a.open_since = Some(time("2026-11-24T11:45:00Z"));
            },
            None,
        ),
        (
            "never seen before",
            |_, f, _| f.origin = Origin::Serve,
            Some("it has a finding that is fresh"),
        ),
    ];
    for (case, spoil, want) in cases {
        let (plan, mut remediation) = (drifted(2), Remediation { max_accounts: 1, ..apply() });
        let mut facts = facts(&plan);
        let mut first = facts.accounts.remove(&id(1)).unwrap();
        let second = facts.accounts.get_mut(&id(2)).unwrap();
        second.open_since = Some(time("2026-11-01T00:00:00Z"));
        spoil(&mut remediation, &mut facts, &mut first);
        facts.accounts.insert(id(1), first);
        let approved = approved(plan, &remediation, &facts).unwrap();
        let said = approved.left.iter().find(|left| left.account == id(1));
        match want {
            None => assert_eq!(said, None, "case `{case}`"),
            Some(want) => {
                let said = said.unwrap().reason.to_string();
                assert!(said.contains(want), "case `{case}`: {said}");
            }
        }
        let plan = approved.plan.unwrap();
        let is = plan.plan().accounts.iter().map(|account| &account.account).collect::<Vec<_>>();
        assert_eq!(is, [&id(if want.is_some() { 2 } else { 1 })], "case `{case}`");
    }
}

#[test]
fn accounts_that_left_are_left_and_no_account_is_no_plan() {
    let plan = drifted(1);
    let mut facts = facts(&plan);
    facts.accounts.clear();
    let approved = approved(plan, &apply(), &facts).unwrap();
    assert_eq!(approved.plan, None);
    assert!(approved.left[0].reason.to_string().contains("not among the accounts"));
}

#[test]
fn a_baseline_that_changed_disarms() {
    let code = |yaml: &str| arming_code(&config(yaml));
    let plain = code("");
    assert_eq!((plain.len(), plain.as_str()), (12, code("log: {level: debug}").as_str()));
    assert!(plain.bytes().all(|b| b.is_ascii_hexdigit()));
    for (case, yaml) in [
        ("document", "baseline: {trust_policy: /pinned.json}"),
        ("name", "baseline: {role_name: other}"),
        ("path", "baseline: {path: /team/}"),
        ("policy name", "baseline: {inline_policy_name: other}"),
        ("boundary", "baseline: {permissions_boundary: \"arn:aws:iam::111122223333:policy/b\"}"),
        ("tags", "baseline: {required_tags: {a: b}}"),
        ("presence", "baseline: {presence: forbidden}"),
        ("required", "checks: {attached-policies: {required: [\"arn:aws:iam::aws:policy/x\"]}}"),
        ("allowed", "checks: {attached-policies: {allowed: [\"arn:aws:iam::aws:policy/x\"]}}"),
        ("a check", "checks: {trust-policy: {enabled: false}}"),
    ] {
        assert_ne!(code(yaml), plain, "case `{case}`");
    }
    let mut actions = config("");
    actions.remediation.actions.clear();
    assert_ne!(arming_code(&actions), plain);
    // How much at once, how fast, where: nothing else would be written.
    let mut limits = config("");
    limits.remediation.max_accounts = 1;
    limits.remediation.grace = Duration::ZERO;
    assert_eq!(arming_code(&limits), plain);
}
