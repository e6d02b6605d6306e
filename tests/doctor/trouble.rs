//! Organizations in which something is missing.

use rolewarden::model::AccountId;
use rolewarden::simulator::{Fault, On, Operation, Rule, State, World};
use serde_json::json;

use crate::support::{Lab, ORGANIZATION};
use crate::world::{REMEDIATE, SCAN, causes, check, doctor, missing, right, role};

const EXTERNAL_ID: &str = "the-right-one";
const CONFIG: &str = "access: {external_id: the-right-one, session_duration: 2h}\n\
    sweep: {account_timeout: 5s, attempt_timeout: 500ms, max_attempts: 2}\n";

/// Sixteen accounts beside management and hub, eleven kinds of trouble.
fn troubled() -> (World, Vec<AccountId>) {
    let (mut world, ids) = right(16);
    for role in world.access.everywhere.values_mut() {
        role.external_id = Some(EXTERNAL_ID.to_owned());
        role.max_session = 43_200;
    }
    let fault = |world: &mut World, n: usize, on, fault| {
        world.accounts.get_mut(&ids[n]).unwrap().faults = vec![Rule::always(on, fault)];
    };
    role(&mut world, &ids[0], SCAN, missing);
    role(&mut world, &ids[1], SCAN, missing);
    for n in [2, 3, 4] {
        role(&mut world, &ids[n], SCAN, |role| {
            role.allows.retain(|action| {
                !["iam:GetRolePolicy", "iam:GetPolicy"].contains(&action.as_str())
            });
        });
    }
    fault(&mut world, 5, On::Only(Operation::GetRole), Fault::ScpDenied);
    fault(&mut world, 6, On::Only(Operation::AssumeRole), Fault::RcpDenied);
    fault(&mut world, 7, On::Iam, Fault::Throttled);
    world.accounts.get_mut(&ids[8]).unwrap().state = State::Suspended;
    role(&mut world, &ids[9], REMEDIATE, missing);
    role(&mut world, &ids[10], SCAN, |role| role.external_id = None);
    role(&mut world, &ids[11], SCAN, |role| role.max_session = 3600);
    fault(&mut world, 12, On::Only(Operation::GetRole), Fault::Hangs);
    fault(&mut world, 13, On::Only(Operation::ListRolePolicies), Fault::Reset);
    fault(&mut world, 14, On::Only(Operation::AssumeRole), Fault::RegionDisabled);
    (world, ids)
}

#[test]
fn every_kind_of_trouble_is_named_with_its_accounts_and_what_mends_it() {
    let (world, ids) = troubled();
    let lab = Lab::new(world).config(&format!("{ORGANIZATION}{CONFIG}"));
    let run = doctor(&lab, &["--remediation", "--log-level", "error"]).ends(4);
    let report = run.json();
    let (scan, remediate) = ("scan_role", "remediate_role");
    // The worst first, then the most frequent.
    let wanted: [(&str, &str, &[usize], &str, &str); 13] = [
        ("assume_denied", scan, &[0, 1], "sts:AssumeRole", "scan-role.yaml as a StackSet"),
        ("session_too_long", scan, &[11], "sts:AssumeRole", "access.session_duration"),
        ("region_disabled", scan, &[14], "sts:AssumeRole", "activate STS"),
        ("rcp_denied", scan, &[6], "sts:AssumeRole", "resource control policy"),
        ("not_allowed", scan, &[2, 3, 4], "iam:GetPolicy,iam:GetRolePolicy", "rolewarden iam scan"),
        ("scp_denied", scan, &[5], "iam:GetRole", "service control policy"),
        ("throttled", scan, &[7], "", "sweep.concurrency"),
        ("timeout", scan, &[12], "", "sweep.attempt_timeout"),
        ("network", scan, &[13], "", "proxy"),
        ("assume_denied", remediate, &[9], "sts:AssumeRole", "remediate-role.yaml"),
        ("region_disabled", remediate, &[14], "sts:AssumeRole", "activate STS"),
        ("rcp_denied", remediate, &[6], "sts:AssumeRole", "resource control policy"),
        ("external_id_not_asked", scan, &[10], "sts:AssumeRole", "sts:ExternalId"),
    ];
    let lines: Vec<String> = wanted
        .iter()
        .map(|(cause, part, accounts, calls, _)| {
            format!("{cause} {part} {} {calls}", accounts.len()).trim().to_owned()
        })
        .collect();
    assert_eq!(causes(&report), lines, "{run}");
    for ((cause, _, accounts, _, remedy), entry) in
        wanted.iter().zip(report["causes"].as_array().unwrap())
    {
        let mut named: Vec<&str> = accounts.iter().map(|n| ids[*n].as_str()).collect();
        named.sort_unstable();
        assert_eq!(entry["accounts"], json!(named), "{cause}");
        assert!(entry["remedy"].as_str().unwrap().contains(remedy), "{cause}: {entry:#}");
        assert_eq!(entry["warning"], *cause == "external_id_not_asked", "{cause}");
    }
    assert_eq!(
        report["summary"],
        json!({"discovered": 18, "selected": 17, "skipped": 1, "ok": 3, "warning": 1, "incomplete": 13, "not_asked": 0})
    );
    assert_eq!(
        (&report["schema"], &report["outcome"]),
        (&json!("rolewarden.doctor/v1"), &json!("incomplete"))
    );
    let suspended =
        report["accounts"].as_array().unwrap().iter().find(|a| a["id"] == ids[8].as_str()).unwrap();
    assert_eq!(
        (&suspended["status"], &suspended["skip_reason"]),
        (&json!("skipped"), &json!("suspended"))
    );
    assert!(!run.stdout.contains(EXTERNAL_ID), "the external id is a secret: {run}");
}

#[test]
fn the_text_says_the_same_and_is_short_unless_asked_to_be_verbose() {
    let (mut world, ids) = right(9);
    for id in &ids[..7] {
        role(&mut world, id, SCAN, missing);
    }
    let lab = Lab::new(world);
    let run = lab.run(&["doctor"]).ends(4);
    let mut denied = ids[..7].to_vec();
    denied.sort();
    for words in [
        "INCOMPLETE: something is missing in at least one account",
        "11 accounts: 4 fine, 7 lacking something",
        "assume_denied  7 accounts  scan role",
        "calls: sts:AssumeRole",
        "fix: deploy `rolewarden-scan`: deploy/cloudformation/scan-role.yaml as a StackSet",
        denied[2].as_str(),
        "and 4 more (--verbose names them)",
        "nothing was written to AWS",
    ] {
        assert!(run.stdout.contains(words), "`{words}`: {run}");
    }
    assert!(!run.stdout.contains(denied[3].as_str()), "{run}");
    let run = lab.run(&["doctor", "--verbose"]).ends(4);
    assert!(!run.stdout.contains("more (--verbose"), "{run}");
    for id in ids {
        assert_eq!(run.stdout.matches(id.as_str()).count(), 1, "{id}: {run}");
    }
    assert!(run.stdout.contains("FINE  4 accounts"), "{run}");
}

#[test]
fn with_everything_there_the_status_is_zero() {
    let (world, ids) = right(3);
    let lab = Lab::new(world);
    let report = doctor(&lab, &["--remediation"]).ends(0).json();
    assert_eq!((&report["outcome"], &report["complete"]), (&json!("ok"), &json!(true)));
    assert_eq!((&report["summary"]["ok"], &report["causes"]), (&json!(5), &json!([])));
    assert_eq!(check(&report, "endpoints").0, "warning", "a warning is no failure");
    let one = doctor(&lab, &["--account", ids[1].as_str()]).ends(0).json();
    assert_eq!((&one["summary"]["ok"], &one["summary"]["skipped"]), (&json!(1), &json!(4)));
    let others = doctor(&lab, &["--exclude-account", ids[1].as_str()]).ends(0).json();
    assert_eq!(others["summary"]["ok"], 4);
}

#[test]
fn the_remediation_role_is_asked_for_only_where_remediation_may_act() {
    let (mut world, ids) = right(3);
    world.access.everywhere.values_mut().for_each(|role| role.max_session = 3600);
    for id in &ids {
        role(&mut world, id, REMEDIATE, missing);
    }
    let mut lab = Lab::new(world);
    let asked = |lab: &Lab, args: &[&str]| causes(&doctor(lab, args).json());
    assert_eq!(asked(&lab, &[]), Vec::<String>::new(), "nobody wants remediation");
    assert_eq!(asked(&lab, &["--remediation"]), ["assume_denied remediate_role 3 sts:AssumeRole"]);
    for mode in ["plan", "apply"] {
        let only = format!("remediation: {{mode: {mode}, include: {{ids: [\"{}\"]}}}}\n", ids[0]);
        lab.set_config(&format!("{ORGANIZATION}{only}"));
        assert_eq!(asked(&lab, &[]), ["assume_denied remediate_role 1 sts:AssumeRole"], "{mode}");
    }
}
