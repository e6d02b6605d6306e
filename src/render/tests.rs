//! Every format over one report that has each kind of account, and over hostile and large ones.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Format, TextOptions, changes, headline, json as to_json, ndjson, render, text};
use crate::model::{
    AccountReport, AccountResult, AccountState, Changes, CheckName, CheckResult, CheckResults,
    Finding, Report, ScanError, Scope, Severity, Side, SkipReason, SweepInfo, UnknownReason,
    Unread, Verdict, Witness,
};

const TRUST_FIX: &str = "aws iam update-assume-role-policy --role-name AmazonEKSConnectorAgentRole --policy-document '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ssm.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}'";
const TRUST_DIFF: &str = "   \"Effect\": \"Allow\",\n   \"Principal\": {\n-    \"AWS\": \"arn:aws:iam::999988887777:root\"\n+    \"Service\": \"ssm.amazonaws.com\"\n   },\n";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sweep(complete: bool) -> SweepInfo {
    SweepInfo {
        id: "01JDCX3V6Y8M5R9Z4T7K2N1QAB".into(),
        started_at: time("2026-11-23T16:00:00Z"),
        finished_at: time("2026-11-23T16:00:09Z"),
        mode: "scan".into(),
        version: "0.1.0".into(),
        baseline: "eks-connector-agent".into(),
        baseline_digest: "sha256:5f0c1d2e3a4b5968778695a4b3c2d1e0f5f0c1d2e3a4b5968778695a4b3c2d1e"
            .into(),
        config_digest: "sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
            .into(),
        shard: Default::default(),
        complete,
    }
}

fn account(id: &str, name: &str, path: &str, result: AccountResult) -> AccountReport {
    AccountReport { id: id.parse().unwrap(), name: name.into(), path: path.into(), result }
}

fn judged(
    id: &str,
    state: AccountState,
    checks: &[(CheckName, Verdict)],
    findings: Vec<Finding>,
) -> AccountResult {
    let details = |name: CheckName| match name {
        CheckName::InlinePolicy => {
            [("policies".into(), json!(["AmazonEKSConnectorAgentPolicy"]))].into()
        }
        CheckName::AttachedPolicies => {
            [("extra".into(), json!([])), ("missing".into(), json!([]))].into()
        }
        _ => [].into(),
    };
    AccountResult::Judged {
        state,
        role_arn: format!("arn:aws:iam::{id}:role/AmazonEKSConnectorAgentRole"),
        checked_at: time("2026-11-23T16:00:03Z"),
        checks: checks
            .iter()
            .map(|&(c, verdict)| (c, CheckResult { verdict, details: details(c) }))
            .collect::<CheckResults>()
            .into(),
        findings,
    }
}

fn finding(
    id: &str,
    check: CheckName,
    verdict: Verdict,
    severity: Severity,
    summary: &str,
) -> Finding {
    Finding {
        id: id.into(),
        check,
        verdict,
        severity,
        summary: summary.into(),
        witnesses: vec![],
        expected: json!({"Version": "2012-10-17"}),
        actual: json!({"Version": "2008-10-17"}),
        diff: String::new(),
        fix: vec![],
        first_seen: None,
        exception: None,
    }
}

fn lets(principal: &str) -> Witness {
    Witness {
        scope: Scope::Principal { kind: "AWS".into(), value: principal.into() },
        action: "sts:AssumeRole".into(),
        side: Side::Excess,
        outside_baseline_condition: false,
        needs: crate::model::Needs::default(),
    }
}

fn on(action: &str, resource: &str, side: Side) -> Witness {
    Witness {
        scope: Scope::Resource(resource.into()),
        action: action.into(),
        side,
        outside_baseline_condition: false,
        needs: crate::model::Needs::default(),
    }
}

fn denied(id: &str) -> AccountResult {
    AccountResult::Unknown(Box::new(ScanError {
        reason: UnknownReason::AssumeDenied,
        operation: Some("sts:AssumeRole".into()),
        code: Some("AccessDenied".into()),
        request_id: Some(format!("8e6f1d3c-0000-4000-8000-{id}")),
        message: format!("not authorized to assume arn:aws:iam::{id}:role/rolewarden-scan"),
        hint: Some("deploy the member role: rolewarden iam scan".into()),
    }))
}

/// The worst account of the samples: a critical finding with everything a finding can have, and a plain one.
fn payments() -> AccountReport {
    use CheckName::{
        AttachedPolicies, EffectivePermissions, InlinePolicy, RoleExists, TrustPolicy,
    };
    let trust = Finding {
        witnesses: vec![lets("arn:aws:iam::999988887777:root")],
        diff: TRUST_DIFF.into(),
        fix: vec![TRUST_FIX.into()],
        first_seen: Some(time("2026-11-20T16:00:00Z")),
        ..finding(
            "F-trust",
            TrustPolicy,
            Verdict::Excess,
            Severity::Critical,
            "anyone in account 999988887777 may assume the role",
        )
    };
    let inline = Finding {
        witnesses: vec![on("ssmmessages:OpenDataChannel", "*", Side::Missing)],
        ..finding(
            "F-inline",
            InlinePolicy,
            Verdict::Missing,
            Severity::High,
            "the connector cannot open its data channel: the policies of the role never allow \
             ssmmessages:OpenDataChannel on all resources",
        )
    };
    let checks = [
        (RoleExists, Verdict::Equivalent),
        (TrustPolicy, Verdict::Excess),
        (InlinePolicy, Verdict::Missing),
        (AttachedPolicies, Verdict::Equivalent),
        (EffectivePermissions, Verdict::Equivalent),
    ];
    let result = judged("111122223333", AccountState::Drifted, &checks, vec![trust, inline]);
    account("111122223333", "payments", "/prod/payments", result)
}

/// One report with every kind of account, in the words of the contract.
fn sample() -> Report {
    use CheckName::{AttachedPolicies, RoleExists, TrustPolicy};
    let hardened = finding(
        "F-hard",
        TrustPolicy,
        Verdict::Conditional,
        Severity::Info,
        "only for aws:SourceAccount 222233334444",
    );
    let absent =
        finding("F-absent", RoleExists, Verdict::Absent, Severity::Low, "the role does not exist");
    let excused = Finding {
        exception: Some("EX-1".into()),
        ..finding(
            "F-ex",
            AttachedPolicies,
            Verdict::Excess,
            Severity::Medium,
            "a managed policy too many",
        )
    };
    let present = [(RoleExists, Verdict::Equivalent)];
    let gone = [(RoleExists, Verdict::Absent)];
    Report::new(
        sweep(false),
        vec![
            account("888899990000", "sandbox", "/", AccountResult::Skipped(SkipReason::Excluded)),
            account("777788889999", "closed", "/", AccountResult::Skipped(SkipReason::Suspended)),
            account(
                "666677778888",
                "data",
                "/prod",
                judged("666677778888", AccountState::Exempt, &present, vec![excused]),
            ),
            account("555566667777", "", "/legacy", denied("555566667777")),
            account("444455556666", "legacy", "/", denied("444455556666")),
            account(
                "333344445555",
                "lab",
                "/dev",
                judged("333344445555", AccountState::Drifted, &gone, vec![absent]),
            ),
            account(
                "222233334444",
                "shop",
                "/prod",
                judged("222233334444", AccountState::Compliant, &present, vec![hardened]),
            ),
            payments(),
        ],
    )
}

fn options() -> TextOptions {
    TextOptions::default()
}

/// Compares with a file that was read by a person once; `UPDATE_GOLDEN=1` writes it anew, to be read again.
fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render/testdata").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{name} differs; UPDATE_GOLDEN=1 rewrites it. Now:\n{actual}");
}

/// Every field of `want` is in `have`, with the same value; `have` may have more fields.
fn assert_contains(want: &Value, have: &Value, at: &str) {
    match (want, have) {
        (Value::Object(want), Value::Object(have)) => {
            for (key, want) in want {
                let have = have.get(key).unwrap_or_else(|| panic!("{at}.{key} is missing"));
                assert_contains(want, have, &format!("{at}.{key}"));
            }
        }
        (Value::Array(want), Value::Array(have)) => {
            assert_eq!(want.len(), have.len(), "length of {at}");
            for (n, (want, have)) in want.iter().zip(have).enumerate() {
                assert_contains(want, have, &format!("{at}[{n}]"));
            }
        }
        (want, have) => assert_eq!(want, have, "{at}"),
    }
}

#[test]
fn a_format_is_its_name() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
        assert!(render(&sample(), format, options()).unwrap().ends_with('\n'), "{format:?}");
    }
    assert!("xml".parse::<Format>().is_err());
}

#[test]
fn json_has_every_field_of_the_contract() {
    let want: Value = serde_json::from_str(include_str!("testdata/contract.json")).unwrap();
    let have: Value = serde_json::from_str(&to_json(&sample()).unwrap()).unwrap();
    assert_contains(&want, &have, "report");
}

#[test]
fn json_keeps_its_order_and_adds_only_what_is_known() {
    assert_golden("report.json", &to_json(&sample()).unwrap());
}

#[test]
fn ndjson_is_the_same_report_line_by_line() {
    let (report, whole) = (sample(), to_json(&sample()).unwrap());
    let lines: Vec<Value> =
        ndjson(&report).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut whole: Value = serde_json::from_str(&whole).unwrap();
    let accounts = whole.as_object_mut().unwrap().shift_remove("accounts").unwrap();
    assert_eq!(lines[0], whole);
    assert_eq!(Value::Array(lines[1..].to_vec()), accounts);
}

#[test]
fn the_text_report_reads_well() {
    assert_golden("report.txt", &text(&sample(), options()));
    assert_golden("report-color.txt", &text(&sample(), TextOptions { color: true, ..options() }));
    assert_golden(
        "report-narrow-verbose.txt",
        &text(&sample(), TextOptions { width: 60, verbose: true, ..options() }),
    );
}

#[test]
fn colours_change_no_word() {
    let colored = text(&sample(), TextOptions { color: true, ..options() });
    let mut plain = String::new();
    for (n, part) in colored.split("\x1b[").enumerate() {
        plain.push_str(if n == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, text(&sample(), options()));
}

/// A finding with more of everything than is shown.
#[test]
fn long_lists_and_diffs_are_cut_and_say_so() {
    let mut account = payments();
    if let AccountResult::Judged { findings, .. } = &mut account.result {
        findings[1].witnesses =
            (0..9).map(|n| on("s3:GetObject", &format!("res-{n}"), Side::Excess)).collect();
        findings[1].diff = (0..45).map(|n| format!("+line {n}\n")).collect();
    }
    let out = text(&Report::new(sweep(true), vec![account]), options());
    for want in [
        "res-4\n",
        "… 4 more requests: --format json\n",
        "+line 39\n",
        "… 5 more lines: --format json\n",
    ] {
        assert!(out.contains(want), "`{want}` in:\n{out}");
    }
    assert!(!out.contains("res-5") && !out.contains("line 40"), "{out}");
}

#[test]
fn a_witness_is_a_sentence_about_the_role() {
    let principal = |kind: &str, value: &str, side| Witness {
        scope: Scope::Principal { kind: kind.into(), value: value.into() },
        action: "sts:AssumeRole".into(),
        side,
        outside_baseline_condition: false,
        needs: crate::model::Needs::default(),
    };
    let cases = [
        (on("s3:GetObject", "arn:x", Side::Excess), "allows s3:GetObject on arn:x"),
        (on("s3:GetObject", "arn:x", Side::Missing), "lacks s3:GetObject on arn:x"),
        (
            on("s3:GetObject", "arn:x", Side::Conditional),
            "allows s3:GetObject on arn:x only under a condition",
        ),
        (
            Witness { outside_baseline_condition: true, ..on("s3:GetObject", "*", Side::Excess) },
            "allows s3:GetObject on * where the baseline's condition does not hold",
        ),
        (principal("AWS", "*", Side::Excess), "lets anyone (*) call sts:AssumeRole"),
        (
            principal("Service", "x.com", Side::Missing),
            "does not let Service x.com call sts:AssumeRole",
        ),
        (
            principal("Federated", "x", Side::Conditional),
            "lets Federated x call sts:AssumeRole only under a condition",
        ),
    ];
    for (witness, want) in cases {
        let mut account = payments();
        if let AccountResult::Judged { findings, .. } = &mut account.result {
            findings[0].witnesses = vec![witness];
        }
        let out = text(&Report::new(sweep(true), vec![account]), options());
        assert!(out.contains(&format!("\n            {want}\n")), "`{want}` in:\n{out}");
    }
}

#[test]
fn only_a_whole_sweep_without_drift_is_called_ok() {
    let fine = || {
        account(
            "222233334444",
            "shop",
            "/",
            judged("222233334444", AccountState::Compliant, &[], vec![]),
        )
    };
    let unknown = || account("444455556666", "legacy", "/", denied("444455556666"));
    let skipped =
        || account("777788889999", "closed", "/", AccountResult::Skipped(SkipReason::Closed));
    let cases = [
        ("clean", sweep(true), vec![fine()], true, false),
        ("account list cut short", sweep(false), vec![fine()], false, true),
        ("unknown", sweep(false), vec![fine(), unknown()], false, true),
        (
            "unknown in a sweep that claims to be complete",
            sweep(true),
            vec![fine(), unknown()],
            false,
            true,
        ),
        ("drift", sweep(true), vec![fine(), payments()], false, false),
        ("nothing judged", sweep(true), vec![skipped()], false, false),
    ];
    for (case, sweep, accounts, ok, incomplete) in cases {
        let out = text(&Report::new(sweep, accounts), options());
        assert_eq!(out.contains("\nOK:"), ok, "case `{case}`:\n{out}");
        assert_eq!(out.contains("\nINCOMPLETE:"), incomplete, "case `{case}`:\n{out}");
    }
    let clean =
        text(&Report::new(sweep(true), vec![fine()]), TextOptions { color: true, ..options() });
    assert_golden("clean-color.txt", &clean);
}

/// Text of accounts that tries to move the cursor, to forge lines or to break the columns.
#[test]
fn hostile_text_stays_text() {
    let names = [
        "\x1b[31mred\x1b[0m",
        "a\nOK: every selected account was judged",
        "\r\x08over",
        "\u{9b}31m",
        "bidi\u{202e}\u{2066}evil",
        "<script>alert(1)</script>",
        &"long".repeat(50),
        &format!("zalgo{}", "\u{301}".repeat(500)),
        "日本語のアカウント名はとても長いので切られます",
        "tab\tbell\x07",
        "nul\0del\x7f",
        "\u{2028}line\u{2029}paragraph",
    ];
    let mut accounts = Vec::new();
    for (n, name) in names.iter().enumerate() {
        for (base, state) in [
            (100, AccountState::Drifted),
            (200, AccountState::Exempt),
            (300, AccountState::Compliant),
        ] {
            let hostile = Finding {
                witnesses: vec![lets(name), on(name, name, Side::Excess)],
                diff: format!("+{}", name.replace('\n', "")),
                fix: vec![format!("aws iam x --name '{name}'")],
                exception: (state != AccountState::Drifted).then(|| (*name).to_owned()),
                ..finding(name, CheckName::TrustPolicy, Verdict::Excess, Severity::High, name)
            };
            let id = format!("{:012}", base + n);
            accounts.push(account(&id, name, name, judged(&id, state, &[], vec![hostile])));
        }
        let error = ScanError {
            reason: UnknownReason::AwsError,
            operation: Some((*name).into()),
            code: Some((*name).into()),
            request_id: Some((*name).into()),
            message: (*name).into(),
            hint: Some((*name).into()),
        };
        accounts.push(account(
            &format!("{:012}", 400 + n),
            name,
            name,
            AccountResult::Unknown(Box::new(error)),
        ));
    }
    let report = Report::new(
        SweepInfo { id: "\x1b[2J".into(), baseline: "\x1b[2J\n".into(), ..sweep(false) },
        accounts,
    );
    for max_accounts in [0, 3] {
        let out = text(&report, TextOptions { verbose: true, max_accounts, ..options() });
        let bad: Vec<char> =
            out.chars().filter(|c| *c != '\n' && crate::model::is_dangerous(*c)).collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert!(!out.lines().any(|line| line.starts_with("OK:")), "{out}");
    }
    for json in [to_json(&report).unwrap(), ndjson(&report).unwrap()] {
        assert!(!json.contains(|c| c != '\n' && crate::model::is_dangerous(c)));
    }
    let back: Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    for (n, name) in names.iter().enumerate() {
        assert_eq!(back["accounts"][n]["name"], *name);
    }
}

#[test]
fn columns_line_up_for_names_of_every_width() {
    use unicode_width::UnicodeWidthStr;
    let piled = format!("z{}", "\u{301}".repeat(500));
    let names = [
        "",
        "a",
        "日本語",
        "ｆｕｌｌ",
        "été",
        &"x".repeat(200),
        &"宽".repeat(100),
        "\x1b[31m",
        &piled,
    ];
    let accounts = names.iter().enumerate().map(|(n, name)| {
        let id = format!("{n:012}");
        account(&id, name, "/PATH", judged(&id, AccountState::Compliant, &[], vec![]))
    });
    for width in [60, 100, 200] {
        let report = Report::new(sweep(true), accounts.clone().collect());
        let out = text(&report, TextOptions { verbose: true, width, ..options() });
        let at: Vec<usize> = out
            .lines()
            .filter_map(|line| line.split_once("/PATH"))
            .map(|(l, _)| l.width())
            .collect();
        assert_eq!(at.len(), names.len());
        assert!(at.iter().all(|column| *column == at[0]), "width {width}: {at:?}\n{out}");
        assert!(out.lines().all(|line| line.width() <= width.max(80)), "width {width}:\n{out}");
        assert!(
            out.lines().all(|line| line.len() <= 4 * width),
            "marks without width must not pile up:\n{out}"
        );
    }
}

#[test]
fn a_command_to_copy_is_never_broken() {
    let long = format!("aws iam put-role-policy --policy-document '{}'", "x".repeat(9000));
    let mut account = payments();
    if let AccountResult::Judged { findings, .. } = &mut account.result {
        findings[0].fix = vec![long.clone(), "aws iam x '\u{202e}'".into()];
    }
    let out =
        text(&Report::new(sweep(true), vec![account]), TextOptions { width: 50, ..options() });
    assert!(out.lines().any(|line| line.trim_start() == long));
    let lines: Vec<&str> = out.lines().map(str::trim_start).collect();
    let odd = lines.iter().position(|line| *line == "aws iam x '\\u{202e}'").unwrap();
    assert!(
        lines[odd - 1].contains("copy it from --format json"),
        "a command that is not shown as it is says so"
    );
}

fn many(count: u32) -> Report {
    let accounts = (0..count).map(|n| {
        let id = format!("{n:012}");
        let attached = finding(
            "F",
            CheckName::AttachedPolicies,
            Verdict::Excess,
            Severity::Low,
            "AdministratorAccess is attached and is not on the list",
        );
        let result = match n % 10 {
            9 => denied(&id),
            8 => AccountResult::Skipped(SkipReason::Suspended),
            7 => judged(&id, AccountState::Compliant, &[], vec![]),
            // The worst has the highest id, so that the order is seen to be by severity.
            _ if n == count - 4 => payments().result,
            _ => judged(
                &id,
                AccountState::Drifted,
                &[],
                vec![Finding { diff: TRUST_DIFF.into(), ..attached }],
            ),
        };
        account(&id, &format!("account {n}"), "/prod", result)
    });
    Report::new(sweep(false), accounts.collect())
}

#[test]
fn a_large_organization_gets_kinds_then_the_worst_then_a_line_each() {
    assert_golden("many.txt", &text(&many(40), TextOptions { max_accounts: 2, ..options() }));
    let out = text(&many(10_000), options());
    let row = |line: &&str| line.contains("1 finding ");
    assert_eq!(
        out.lines().filter(row).count(),
        7_000 - 20,
        "one line for each account that has no block"
    );
    let all = text(&many(1_000), TextOptions { max_accounts: 0, ..options() });
    assert_eq!(all.lines().filter(|line| line.contains("attached-policies: ")).count(), 699);
}

/// Account 1 opens one finding, keeps one and gets rid of one; 2 is lost, 3 comes back drifted, 4 stays unknown, 5 is new,
/// 6 is excused from now on.
fn two_sweeps() -> [Report; 2] {
    let trust = |id: &str, severity, summary: &str| {
        finding(id, CheckName::TrustPolicy, Verdict::Excess, severity, summary)
    };
    let drifted = |id: &str, findings| judged(id, AccountState::Drifted, &[], findings);
    let ids: Vec<String> = (1..=6).map(|n| format!("{n:012}")).collect();
    let of = |n: usize, name: &str, result| account(&ids[n - 1], name, "/", result);
    let old = |id: &str| trust(id, Severity::High, "an old thing");
    let excused = Finding { exception: Some("E-1".into()), ..old("x") };
    let before = vec![
        of(
            1,
            "one",
            drifted(&ids[0], vec![old("kept"), trust("gone", Severity::Low, "a gone thing")]),
        ),
        of(2, "two", drifted(&ids[1], vec![old("unread")])),
        of(3, "three", denied("3")),
        of(4, "four", denied("4")),
        of(6, "six", drifted(&ids[5], vec![old("x")])),
    ];
    let after = vec![
        of(
            1,
            "one",
            drifted(&ids[0], vec![trust("new", Severity::High, "a new thing"), old("kept")]),
        ),
        of(2, "two", denied("2")),
        of(3, "three", drifted(&ids[2], vec![trust("late", Severity::Critical, "a bad thing")])),
        of(4, "four", denied("4")),
        of(5, "five \u{1b}[31m", judged(&ids[4], AccountState::Compliant, &[], vec![])),
        of(6, "six", judged(&ids[5], AccountState::Exempt, &[], vec![excused])),
    ];
    [Report::new(sweep(false), before), Report::new(sweep(false), after)]
}

#[test]
fn changes_are_told_a_line_each_and_nothing_unread_is_resolved() {
    let [before, after] = two_sweeps();
    let options = TextOptions { width: 80, ..TextOptions::default() };
    let told = changes(&Changes::between(&before, &after), options);
    let lines: Vec<&str> = told.lines().collect();
    let wanted = [
        "  since the sweep before: 2 findings opened, 2 resolved, 1 account not known any",
        "    more, 1 account known again, 1 account still unknown",
        "    +  critical  three  trust-policy: a bad thing",
        "    +  high      one    trust-policy: a new thing",
        "    -  high      six    trust-policy: an old thing",
        "    -  low       one    trust-policy: a gone thing",
        "    ?  unknown   two    assume_denied: ",
        "    =  drifted   three  can be judged again",
    ];
    assert_eq!(lines.len(), wanted.len(), "{told}");
    for (line, want) in lines.iter().zip(wanted) {
        assert!(line.starts_with(want) && line.chars().count() <= 80, "{line}\n{want}");
    }
    let same = Changes::between(&after, &after);
    let nothing =
        "  since the sweep before: 0 findings opened, 0 resolved, 2 accounts still unknown\n";
    assert_eq!(changes(&same, TextOptions::default()), nothing);
}

#[test]
fn the_headline_is_the_head_of_the_report() {
    let [_, after] = two_sweeps();
    let head = headline(&after, TextOptions::default());
    assert!(text(&after, TextOptions::default()).starts_with(&head), "{head}");
}

fn unknown_everywhere(count: u32) -> Report {
    let accounts = (0..count).map(|n| {
        let id = format!("{n:012}");
        account(&id, "", "/", denied(&id))
    });
    Report::new(sweep(false), accounts.collect())
}

#[test]
fn one_cause_in_every_account_is_a_short_block_and_comes_first() {
    let report = unknown_everywhere(287);
    let out = text(&report, options());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[1..3],
        [
            "INCOMPLETE: 287 of 287 accounts could not be judged; nothing is claimed about them",
            "one cause for all 287 selected accounts: look at `access.scan_role` first",
        ]
    );
    assert!(lines.contains(&"  … and 284 more: --format json"), "{out}");
    assert_eq!(out.matches("request 8e6f").count(), 3, "{out}");
    assert!(lines.len() < 20, "{out}");
    let all = text(&report, TextOptions { verbose: true, ..options() });
    assert_eq!(all.matches("request 8e6f").count(), 287, "{all}");
}

#[test]
fn one_cause_is_called_that_only_where_it_holds_for_several_and_for_all() {
    let fine = || {
        account(
            "222233334444",
            "",
            "/",
            judged("222233334444", AccountState::Compliant, &[], vec![]),
        )
    };
    let unknown = |reason| {
        let error = ScanError::new(reason, "m").during("iam:GetRole");
        AccountResult::Unknown(Box::new(error))
    };
    let (one, two) = ("333344445555", "444455556666");
    let of = |reason, other| {
        vec![account(one, "", "/", unknown(reason)), account(two, "", "/", unknown(other))]
    };
    use UnknownReason as R;
    let cases = [
        ("one account", vec![account(one, "", "/", denied(one))], None),
        ("all but one", [of(R::Network, R::Network), vec![fine()]].concat(), None),
        ("two causes", of(R::Network, R::Timeout), None),
        (
            "a cause in one place",
            of(R::Clock, R::Clock),
            Some("look at this machine's clock first"),
        ),
        ("a cause in no one place", of(R::Unstable, R::Unstable), Some("unstable")),
    ];
    for (case, accounts, want) in cases {
        let out = text(&Report::new(sweep(false), accounts), options());
        let line = out.lines().find(|line| line.starts_with("one cause for all"));
        let want = want.map(|look| format!("one cause for all 2 selected accounts: {look}"));
        assert_eq!(line.map(str::to_owned), want, "case `{case}`:\n{out}");
    }
}

#[test]
fn files_that_were_not_judged_end_the_report_and_keep_it_from_being_called_ok() {
    let fine = || {
        account(
            "222233334444",
            "shop",
            "/",
            judged("222233334444", AccountState::Compliant, &[], vec![]),
        )
    };
    let refused =
        |file: &str| Unread { file: file.into(), reason: "is\x1b empty\nOK: all well".into() };
    let report =
        Report::new(sweep(true), vec![fine()]).lacking(vec![refused("a\x1b.json"), refused("-")]);
    assert!(!report.sweep.complete);
    let out = text(&report, options());
    assert!(!out.contains("\nOK:") && !out.contains('\x1b'), "{out}");
    assert!(
        out.contains(
            "\nINCOMPLETE: 2 files were not judged; nothing is claimed about their accounts\n"
        ),
        "{out}"
    );
    let end = "\nNOT JUDGED  2 files: neither compliant nor drifted\n  a\\u{1b}.json: is\\u{1b} empty\\u{a}OK: all well\n  \
               -: is\\u{1b} empty\\u{a}OK: all well\n\n";
    assert!(out.contains(end), "{out}");
    let json: Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    assert_eq!(
        (&json["sweep"]["complete"], &json["unread"][1]["file"]),
        (&json!(false), &json!("-"))
    );
    let lines = ndjson(&report).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["unread"], json["unread"]);
    let whole = to_json(&Report::new(sweep(true), vec![fine()])).unwrap();
    assert!(!whole.contains("unread"), "left out where there are none");
}
