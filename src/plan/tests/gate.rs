//! The gate: every reason that blocks everything, every reason that blocks one account, and how much a run may change.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::file::plan;
use crate::check::tests::config;
use crate::check::tests::documents::role;
use crate::config::{Remediation, RemediationMode, Selector};
use crate::model::{
    Account, AccountId, Breaker, Change, Guard, Origin, Phase, Severity, Shard, SkipReason,
    StepOutcome, Stopped, Write,
};
use crate::plan::gate::{self, InForce};
use crate::plan::{
    Arming, Blocked, Candidate, Gate, Moment, Plan, arming_code, bound_code, standing_part,
};

const NOON: &str = "2026-11-24T12:00:00Z";

#[track_caller]
fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So many hours after noon.
fn hours(count: i64) -> Timestamp {
    time(NOON) + SignedDuration::from_hours(count)
}

fn id(n: usize) -> AccountId {
    format!("{n:012}").parse().unwrap()
}

/// A plan for so many accounts.
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

/// Armed, and everything is well.
fn well() -> Moment {
    Moment {
        now: time(NOON),
        guard: Guard::default(),
        kill_switch: None,
        journal: None,
        clock: None,
        stale_list: None,
        arming: Arming::Armed,
        selected: 1_000,
        unknown: 0,
        shard: Shard::default(),
    }
}

fn apply() -> Remediation {
    Remediation { mode: RemediationMode::Apply, max_percent: 100, ..Remediation::default() }
}

#[test]
fn every_reason_blocks_everything_under_its_word_and_says_what_to_do() {
    type Spoil = fn(&mut Remediation, &mut Moment);
    let cases: [(&str, Spoil, &str); 15] = [
        ("mode", |r, _| r.mode = RemediationMode::Off, "remediation.mode is off: set it to apply"),
        ("mode", |r, _| r.mode = RemediationMode::Plan, "remediation.mode is plan"),
        (
            "kill_switch",
            |_, m| m.kill_switch = Some("the kill switch `/x` exists: delete the file".into()),
            "delete the file",
        ),
        (
            "stopped",
            |_, m| m.guard.stopped = Some(Stopped { at: time(NOON), by: "POST".into() }),
            "stopped at 2026-11-24T12:00:00Z by POST: resume it first",
        ),
        (
            "breaker_open",
            |_, m| {
                m.guard.breaker = Breaker::Open { since: time(NOON), why: "3 failed".into() };
            },
            "is open (since 2026-11-24T12:00:00Z): 3 failed; find the cause, then reset it",
        ),
        ("journal", |_, m| m.journal = Some("disk full".into()), "nothing is written without it"),
        ("clock", |_, m| m.clock = Some("by 9 minutes".into()), "set this machine's clock by NTP"),
        ("stale_list", |_, m| m.stale_list = Some("denied".into()), "out of date: denied"),
        ("not_armed", |_, m| m.arming = Arming::of(None, "0123456789ab"), "--arm CODE"),
        ("not_armed", |_, m| m.arming = Arming::of(Some(""), "0123456789ab"), "--arm CODE"),
        (
            "wrong_code",
            |_, m| m.arming = Arming::of(Some("000000000000"), "0123456789ab"),
            "the code `000000000000` does not fit",
        ),
        (
            "too_many_unknown",
            |_, m| m.unknown = 51,
            "51 of 1000 accounts are unknown, more than 5 %",
        ),
        ("zero", |r, _| r.max_accounts = 0, "remediation.max_accounts is 0"),
        ("zero", |r, _| r.max_percent = 0, "remediation.max_percent is 0"),
        ("zero", |r, _| r.flapping_after = 0, "remediation.flapping_after is 0"),
    ];
    for (word, spoil, want) in cases {
        let (mut remediation, mut moment) = (apply(), well());
        spoil(&mut remediation, &mut moment);
        let blocked = Gate { remediation: &remediation, moment: &moment }.run().unwrap_err();
        assert_eq!(blocked.as_str(), word);
        assert!(blocked.to_string().contains(want), "case `{word}`: {blocked}");
        assert!(!blocked.to_string().contains("0123456789ab"), "the right code is never told");
        assert!(Blocked::OF_EVERYTHING.contains(&word), "case `{word}`");
    }
    let (remediation, mut moment) = (apply(), well());
    moment.unknown = 50;
    assert_eq!(Gate { remediation: &remediation, moment: &moment }.run(), Ok(10));
}

#[test]
fn a_saved_plan_fits_what_it_was_made_for_and_is_fresh() {
    let made = drifted(1);
    let (config, baseline) = (made.sweep.config_digest.clone(), made.sweep.baseline_digest.clone());
    let part = Shard::new(1, 4).unwrap();
    let cases = [
        ("fits", NOON, &*config, &*baseline, Shard::default(), None),
        ("a day later", "2026-11-25T12:00:00Z", &*config, &*baseline, Shard::default(), None),
        ("old", "2026-11-25T12:00:01Z", &*config, &*baseline, Shard::default(), Some("age")),
        (
            "of tomorrow",
            "2026-11-24T11:59:59Z",
            &*config,
            &*baseline,
            Shard::default(),
            Some("age"),
        ),
        ("other baseline", NOON, &*config, "sha256:0", Shard::default(), Some("moved")),
        ("other configuration", NOON, "sha256:0", &*baseline, Shard::default(), Some("moved")),
        ("other shard", NOON, &*config, &*baseline, part, Some("other_shard")),
    ];
    for (case, now, config, baseline, shard, want) in cases {
        let in_force = InForce { config, baseline, shard, now: time(now) };
        let blocked = gate::fits(&made, &in_force).err();
        assert_eq!(blocked.as_ref().map(Blocked::as_str), want, "case `{case}`: {blocked:?}");
    }
}

#[test]
fn a_run_changes_as_many_accounts_as_the_lesser_limit_allows_and_a_shard_its_part() {
    let cases = [
        // selected, max_accounts, max_percent, shards, accounts
        (1_000, 10, 1, 1, 10),
        (10_000, 10, 1, 1, 10),
        (10_000, 200, 1, 1, 100),
        (50, 10, 1, 1, 1),
        (101, 10, 1, 1, 2),
        (100, 10, 1, 1, 1),
        (1, 10, 1, 1, 1),
        (5, 10, 100, 1, 5),
        (5, 1, 100, 1, 1),
        (5, u32::MAX, u32::MAX, 1, 214_748_365),
        (1_000, 10, 100, 4, 2),
        (1_000, 2, 100, 4, 1),
        (1_000, 10, 100, 20, 1),
    ];
    for (selected, max_accounts, max_percent, shards, want) in cases {
        let remediation = Remediation { max_accounts, max_percent, ..apply() };
        let shard = Shard::new(0, shards).unwrap();
        let moment = Moment { selected, shard, ..well() };
        let approved = Gate { remediation: &remediation, moment: &moment }.approve(drifted(3));
        let case = format!("{selected}, {max_accounts}, {max_percent} %, {shards} shards");
        assert_eq!(approved.unwrap().most(), want, "case `{case}`");
    }
}

#[test]
fn the_worst_account_comes_first_then_the_oldest_then_the_least_changed() {
    let mut plan = drifted(5);
    let steps = plan.accounts[0].steps.clone();
    let place = |plan: &mut Plan, n: usize, severity, since: Option<i64>| {
        let account = &mut plan.accounts[n];
        (account.severity, account.open_since) = (severity, since.map(hours));
    };
    place(&mut plan, 0, Severity::Medium, Some(-99));
    place(&mut plan, 1, Severity::Critical, Some(-1));
    place(&mut plan, 2, Severity::Critical, Some(-2));
    place(&mut plan, 3, Severity::Critical, None);
    place(&mut plan, 4, Severity::Medium, Some(-99));
    plan.accounts[0].steps = [steps.clone(), steps].concat();
    let (remediation, moment) = (apply(), well());
    let approved = Gate { remediation: &remediation, moment: &moment }.approve(plan).unwrap();
    let order: Vec<&AccountId> = approved.plan().accounts.iter().map(|a| &a.account).collect();
    assert_eq!(order, [&id(3), &id(2), &id(4), &id(5), &id(1)]);
}

/// A change of its own run that ended at this hour.
fn ended(hour: i64, outcome: StepOutcome) -> Change {
    Change {
        phase: Phase::Ended,
        ended_at: Some(hours(hour)),
        outcome: Some(outcome),
        ..open(hour)
    }
}

fn open(hour: i64) -> Change {
    Change {
        id: format!("change at {hour}"),
        run: format!("run at {hour}"),
        account: id(1),
        account_name: "one".into(),
        role_arn: "arn:aws:iam::000000000001:role/r".into(),
        role_id: None,
        before_digest: String::new(),
        write: Write::UpdateTrustPolicy { document: "{}".into() },
        undo: None,
        summary: String::new(),
        diff: String::new(),
        origin: Origin::Serve,
        caller: String::new(),
        rolls_back: None,
        at: hours(hour),
        phase: Phase::Sent,
        ended_at: None,
        outcome: None,
        note: None,
    }
}

#[test]
fn every_reason_blocks_one_account_under_its_word_and_until_its_time() {
    use StepOutcome::{Applied, Failed, RolledBack, VerifyFailed};
    let fixes = |at: &[i64]| at.iter().map(|hour| ended(*hour, Applied)).collect::<Vec<_>>();
    let refusals = |at: &[i64]| at.iter().map(|hour| ended(*hour, Failed)).collect::<Vec<_>>();
    let rolled_back = Change { origin: Origin::Rollback, ..ended(-1, Applied) };
    // Journal, the hour that is asked about, and the word and the hour of the end, if it is blocked.
    let cases = [
        ("nothing", vec![], 0, None),
        ("an old open change", vec![open(-500)], 0, Some(("unfinished", None))),
        (
            "a change that was not seen",
            vec![ended(0, VerifyFailed)],
            0,
            Some(("unverified", Some(1))),
        ),
        ("not seen, an hour later", vec![ended(0, VerifyFailed)], 1, None),
        ("one refusal", refusals(&[0]), 0, Some(("refused", Some(1)))),
        ("three refusals", refusals(&[-9, -5, 0]), 0, Some(("refused", Some(4)))),
        (
            "six refusals wait a day",
            refusals(&[-60, -50, -40, -30, -20, 0]),
            0,
            Some(("refused", Some(24))),
        ),
        ("a refusal before a fix", [refusals(&[-9]), fixes(&[0])].concat(), 0, None),
        ("two fixes", fixes(&[0, 8]), 9, None),
        ("three fixes in a day", fixes(&[0, 8, 16]), 17, Some(("flapping", Some(40)))),
        ("the first of them is a day old", fixes(&[0, 8, 16]), 24, Some(("flapping", Some(40)))),
        ("a day after the last", fixes(&[0, 8, 16]), 40, None),
        ("three fixes, a day apart each", fixes(&[0, 24, 48]), 49, None),
        ("a fourth one prolongs it", fixes(&[0, 8, 16, 20]), 30, Some(("flapping", Some(44)))),
        (
            "a late one after three does not shorten it",
            fixes(&[0, 1, 2, 25]),
            25,
            Some(("flapping", Some(26))),
        ),
        (
            "fixes that were rolled back count",
            [fixes(&[0, 8]), vec![ended(16, RolledBack)]].concat(),
            17,
            Some(("flapping", Some(40))),
        ),
        ("rollbacks do not", [fixes(&[-20, -10]), vec![rolled_back]].concat(), 0, None),
        (
            "the longest rest counts",
            [fixes(&[0, 1, 2]), vec![ended(3, VerifyFailed)]].concat(),
            3,
            Some(("flapping", Some(26))),
        ),
    ];
    let account = Account::numbered(id(1));
    for (case, changes, hour, want) in cases {
        let candidate =
            Candidate { account: Some(&account), changes: &changes, open_since: Some(hours(-999)) };
        let blocked = gate::account(&apply(), &candidate, Origin::Serve, hours(hour)).err();
        let got = blocked.as_ref().map(|why| (why.as_str(), why.until()));
        let want = want.map(|(word, until)| (word, until.map(hours)));
        assert_eq!(got, want, "case `{case}`: {blocked:?}");
        assert!(want.is_none_or(|(word, _)| Blocked::OF_ACCOUNTS.contains(&word)), "case `{case}`");
        // In whatever order the journal gives them.
        let mut turned = changes.clone();
        turned.reverse();
        let candidate = Candidate { changes: &turned, ..candidate };
        assert_eq!(gate::account(&apply(), &candidate, Origin::Serve, hours(hour)).err(), blocked);
    }
}

#[test]
fn configuration_and_the_grace_period_block_one_account() {
    let listed = || Account { units: vec!["ou-x".into()], ..Account::numbered(id(1)) };
    let skipped = || Account { skip: Some(SkipReason::Suspended), ..listed() };
    let by_id = Selector { ids: [id(1)].into(), ..Selector::default() };
    let by_unit = Selector { ous: ["ou-x".into()].into(), ..Selector::default() };
    let other = Selector { ids: [id(2)].into(), ..Selector::default() };
    let exclude = |exclude: &Selector| Remediation { exclude: exclude.clone(), ..apply() };
    let include = |include: &Selector| Remediation { include: include.clone(), ..apply() };
    use Origin::{Apply, Serve};
    let (old, fresh) = (Some(time("2026-11-24T11:45:00Z")), Some(time("2026-11-24T11:45:01Z")));
    let cases = [
        ("covered", apply(), Some(listed()), Serve, old, None),
        ("included", include(&by_id), Some(listed()), Serve, old, None),
        ("gone", apply(), None, Serve, old, Some(("gone", "not among the accounts"))),
        ("skipped", apply(), Some(skipped()), Serve, old, Some(("skipped", "skipped: suspended"))),
        ("excluded", exclude(&by_id), Some(listed()), Apply, old, Some(("excluded", "exclude"))),
        (
            "excluded by unit",
            exclude(&by_unit),
            Some(listed()),
            Apply,
            old,
            Some(("excluded", "exclude")),
        ),
        (
            "not included",
            include(&other),
            Some(listed()),
            Apply,
            old,
            Some(("not_included", "include")),
        ),
        (
            "fresh",
            apply(),
            Some(listed()),
            Serve,
            fresh,
            Some(("grace", "after 2026-11-24T12:00:01Z")),
        ),
        ("of unknown age", apply(), Some(listed()), Serve, None, Some(("grace", "12:15:00Z"))),
        ("fresh, and a person asks", apply(), Some(listed()), Apply, fresh, None),
    ];
    for (case, remediation, account, origin, open_since, want) in cases {
        let candidate = Candidate { account: account.as_ref(), changes: &[], open_since };
        let blocked = gate::account(&remediation, &candidate, origin, time(NOON)).err();
        let (word, said) = want.unzip();
        assert_eq!(blocked.as_ref().map(Blocked::as_str), word, "case `{case}`");
        if let (Some(blocked), Some(said)) = (blocked, said) {
            assert!(blocked.to_string().contains(said), "case `{case}`: {blocked}");
        }
    }
}

#[test]
fn the_code_of_the_daemon_is_of_the_organization_and_of_what_would_be_written() {
    let code = |yaml: &str| arming_code(&config(yaml), Some("o-example"));
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
    for organization in [None, Some("o-other")] {
        assert_ne!(arming_code(&config(""), organization), plain, "{organization:?}");
    }
    let mut actions = config("");
    actions.remediation.actions.clear();
    assert_ne!(arming_code(&actions, Some("o-example")), plain);
    // How much at once, how fast, where: nothing else would be written.
    let mut limits = config("");
    limits.remediation.max_accounts = 1;
    limits.remediation.grace = Duration::ZERO;
    assert_eq!(arming_code(&limits, Some("o-example")), plain);
}

#[test]
fn the_code_of_a_plan_is_of_everything_in_it_and_begins_with_the_daemons() {
    let (plan, config) = (drifted(3), config(""));
    let code = |plan: &Plan| plan.code(&config, Some("o-example"));
    let daemons = arming_code(&config, Some("o-example"));
    assert_eq!(standing_part(&code(&plan)), daemons);
    assert_eq!(standing_part(&daemons), daemons);
    assert_eq!(code(&plan).len(), 12 + 1 + 16);
    assert_eq!(bound_code(&daemons, &1), bound_code(&daemons, &1));
    // Its own code is no part of it.
    assert_eq!(code(&Plan { arming_code: "0".into(), ..plan.clone() }), code(&plan));
    type Edit = fn(&mut Plan);
    let edits: [(&str, Edit); 8] = [
        ("unknown", |plan| plan.unknown = 1),
        ("selected", |plan| plan.selected = 100_000),
        ("age", |plan| plan.created_at += SignedDuration::from_secs(1)),
        ("severity", |plan| plan.drift_severity = Severity::High),
        ("shard", |plan| plan.sweep.shard = Shard::new(0, 2).unwrap()),
        ("scope", |plan| plan.scope.accounts = [id(1)].into()),
        ("fewer accounts", |plan| drop(plan.accounts.pop())),
        ("another step", |plan| plan.accounts[0].steps.clear()),
    ];
    for (case, edit) in edits {
        let mut edited = plan.clone();
        edit(&mut edited);
        assert_ne!(code(&edited), code(&plan), "case `{case}`");
    }
}
