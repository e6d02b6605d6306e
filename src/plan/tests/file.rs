//! Plan files: what is written is read back, and nothing else is.

use super::support::*;
use crate::check::tests::config;
use crate::check::tests::documents::*;
use crate::model::{Report, Severity, Snapshot, SweepInfo};
use crate::plan::{InvalidPlan, LeftAlone, Made, Plan, Scope, from_json, to_json};

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
    let made = Made {
        id: "01JE".into(),
        at: now,
        config: &config,
        organization: None,
        scope: Scope::default(),
    };
    Plan::new(made, &report, accounts, vec![left])
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
        (
            "an action that is not the write's",
            text.replacen("\"action\": \"create_role\"", "\"action\": \"put_inline_policy\"", 1),
        ),
        ("no action", text.replacen("\"action\": \"create_role\",", "", 1)),
        ("more than a step", text.replacen("\"summary\"", "\"more\": 1, \"summary\"", 1)),
        ("no number", text.replacen("\"000000000001\"", "\"1\"", 1)),
    ];
    for (case, shape) in &shapes {
        assert_ne!(*shape, text, "case `{case}`");
    }
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
    let order: Vec<(Severity, usize, &str)> =
        plan.accounts.iter().map(|a| (a.severity, a.steps.len(), a.account.as_str())).collect();
    let worst = (Severity::Critical, 2, "000000000001");
    let rest = |id| (Severity::High, 1, id);
    assert_eq!(order, [worst, rest("000000000002"), rest("000000000003")]);
}

#[test]
fn a_step_in_json_has_the_action_of_its_write_beside_it() {
    let value: serde_json::Value = serde_json::from_str(&to_json(&some()).unwrap()).unwrap();
    let mut seen = 0;
    for (account, planned) in value["accounts"].as_array().unwrap().iter().zip(some().accounts) {
        for (step, planned) in account["steps"].as_array().unwrap().iter().zip(planned.steps) {
            assert_eq!(step["action"], planned.write.action().as_str());
            assert_eq!(step["write"], serde_json::to_value(&planned.write).unwrap());
            seen += 1;
        }
    }
    assert!(seen >= 4, "{seen}");
}
