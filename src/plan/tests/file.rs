//! Plan files: what is written is read back, and nothing else is.

use super::support::*;
use crate::check::tests::config;
use crate::check::tests::documents::*;
use crate::model::{Report, Snapshot, SweepInfo};
use crate::plan::{InvalidPlan, LeftAlone, Plan, from_json, to_json};

/// A plan of these roles, each in an account of its own.
pub(super) fn plan(roles: &[Snapshot]) -> Plan {
    let config = config("");
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    let sweep = SweepInfo {
        id: "01JD".into(),
        started_at: now,
        finished_at: now,
        mode: "scan".into(),
        version: "0.1.0".into(),
        baseline: "eks-connector-agent".into(),
        baseline_digest: crate::check::baseline_digest(&config.baseline),
        config_digest: config.digest.clone(),
        shard: Default::default(),
        complete: true,
    };
    let mut report = Report::new(sweep, Vec::new());
    report.summary.selected = 1_000;
    let mut accounts = Vec::new();
    for (n, role) in roles.iter().enumerate() {
        let mut account = steps("", role, &everything());
        account.account = format!("{:012}", n + 1).parse().unwrap();
        accounts.push(account);
    }
    let left = LeftAlone {
        account: "999999999999".parse().unwrap(),
        name: "left".into(),
        why: "it was asked for".into(),
        fix: vec!["aws iam delete-role".into()],
    };
    Plan::new("01JE".into(), now, &config, &report, accounts, vec![left])
}

fn some() -> Plan {
    let stranger = role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#));
    plan(&[stranger, Snapshot::Absent, role(|r| r.inline.clear())])
}

#[test]
fn a_plan_is_read_back_as_it_was_written() {
    for plan in [some(), plan(&[])] {
        let text = to_json(&plan).unwrap();
        assert!(text.ends_with("}\n") && text.contains("\"schema\": \"rolewarden.plan/v1\""));
        assert_eq!(from_json(&text).unwrap(), plan);
        // Layout is not content: a formatter may have been at it.
        let compact: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(from_json(&compact.to_string()).unwrap(), plan);
    }
}

#[test]
fn what_was_edited_is_refused() {
    let text = to_json(&some()).unwrap();
    let digest = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["digest"].as_str().unwrap().to_owned()
    };
    let edits = [
        ("an account", text.replacen("000000000001", "000000000009", 1)),
        ("a document", text.replacen("sts:AssumeRole", "sts:*", 1)),
        ("the code", text.replacen("\"arming_code\": \"", "\"arming_code\": \"0", 1)),
        ("another digest", text.replace(&digest(&text), &format!("sha256:{}", "0".repeat(64)))),
        ("no digest", text.replace(&format!(",\n  \"digest\": \"{}\"", digest(&text)), "")),
    ];
    for (case, edited) in edits {
        assert_ne!(edited, text, "case `{case}`");
        assert!(matches!(from_json(&edited), Err(InvalidPlan::Edited)), "case `{case}`");
    }
}

#[test]
fn what_is_no_plan_is_refused() {
    let text = to_json(&some()).unwrap();
    let shapes = [
        ("nothing", String::new()),
        ("cut", text.chars().take(text.len() / 2).collect()),
        ("two", format!("{text}{text}")),
        ("more than a plan", text.replacen("{\n", "{\n  \"more\": 1,\n", 1)),
        (
            "another write",
            text.replacen("\"write\": \"create_role\"", "\"write\": \"delete_account\"", 1),
        ),
        ("no number", text.replacen("\"000000000001\"", "\"1\"", 1)),
    ];
    for (case, text) in shapes {
        let read = from_json(&text);
        assert!(matches!(read, Err(InvalidPlan::Shape(_))), "case `{case}`: {read:?}");
    }
    for schema in ["rolewarden.plan/v2", "rolewarden.report/v1", "\\u001b[31m"] {
        let other = text.replacen("rolewarden.plan/v1", schema, 1);
        let error = from_json(&other).unwrap_err();
        assert!(matches!(error, InvalidPlan::Schema(_)), "{error}");
        assert!(!error.to_string().contains('\u{1b}'));
    }
    assert!(matches!(from_json("[]"), Err(InvalidPlan::Schema(_))));
}

#[test]
fn accounts_stand_in_the_order_they_are_changed_in() {
    let two = role(|r| {
        r.inline.insert("more".into(), document(&[LOGS]));
        r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#);
    });
    let plan = plan(&[two, role(|r| r.inline.clear()), role(|r| r.inline.clear())]);
    let order: Vec<(usize, &str)> =
        plan.accounts.iter().map(|a| (a.steps.len(), a.account.as_str())).collect();
    assert_eq!(order, [(1, "000000000002"), (1, "000000000003"), (2, "000000000001")]);
}
