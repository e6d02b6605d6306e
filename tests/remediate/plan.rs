//! `rolewarden plan`: what it prints and saves, how it ends, and that it writes nothing to AWS.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rolewarden::model::AccountId;
use rolewarden::plan::{Plan, from_json};
use rolewarden::simulator::{Kind, Operation};
use serde_json::Value;

use crate::lab::{Lab, ORGANIZATION, QUICK, Run, world_of};

/// A right one, one without the role, one that strangers may assume, one with a second inline policy, one that cannot be
/// read, and one whose trust is stricter.
const KINDS: [Kind; 6] = [
    Kind::GuideCli,
    Kind::Absent,
    Kind::ForeignAccount,
    Kind::ExtraInline,
    Kind::AssumeDenied,
    Kind::OwnSourceAccount,
];

fn lab() -> (Lab, Vec<AccountId>) {
    let (world, ids) = world_of(&KINDS);
    let actions = "remediation: {actions: [create_role, update_trust_policy, put_inline_policy]}\n";
    (Lab::new(world).config(&format!("{ORGANIZATION}{QUICK}{actions}")), ids)
}

/// The plan, and that no write reached the server and the remediation role was not assumed.
#[track_caller]
fn plan_of(lab: &Lab, run: &Run) -> Plan {
    let writes = [
        Operation::CreateRole,
        Operation::PutRolePolicy,
        Operation::DeleteRolePolicy,
        Operation::UpdateAssumeRolePolicy,
        Operation::DetachRolePolicy,
    ];
    for write in writes {
        assert_eq!(lab.calls().of(write), 0, "{write:?}: {run}");
    }
    from_json(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn a_plan_has_steps_for_what_may_be_put_right_and_reasons_for_the_rest() {
    let (lab, ids) = lab();
    let run = lab.run(&["plan", "--format", "json"]).ends(5);
    let plan = plan_of(&lab, &run);
    let steps: Vec<(&str, Vec<&str>)> = plan
        .accounts
        .iter()
        .map(|a| (a.account.as_str(), a.steps.iter().map(|s| s.write.action().as_str()).collect()))
        .collect();
    // Fewest steps first.
    assert_eq!(
        steps,
        [
            (ids[2].as_str(), vec!["update_trust_policy"]),
            (ids[1].as_str(), vec!["create_role", "put_inline_policy"]),
        ],
        "{run}"
    );
    let stricter = format!(
        "trust-policy: left to people: the trust policy holds a condition (statement 1 allows sts:AssumeRole only if aws:SourceAccount is {}); rolewarden changes that only with `conditional` in remediation.act_on",
        ids[5]
    );
    let left: Vec<(&AccountId, &str)> =
        plan.left_alone.iter().map(|left| (&left.account, left.why.as_str())).collect();
    let mut want = [
        (&ids[3], "inline-policy: remediation.actions does not have delete_inline_policy"),
        (&ids[5], stricter.as_str()),
    ];
    want.sort();
    assert_eq!(left, want, "{run}");
    assert_eq!((plan.selected, plan.unknown), (8, 1), "{run}");
    assert_eq!((plan.arming_code.len(), plan.accounts_per_run), (12 + 1 + 16, 1));
    assert!(plan.accounts.iter().all(|account| account.remaining.is_empty()), "{run}");
    // The commands of withheld steps, and of those only.
    for left in &plan.left_alone {
        let commands =
            left.fix.iter().filter(|command| command.contains("update-assume-role-policy"));
        assert_eq!(
            (left.fix.len(), commands.count()),
            if left.account == ids[5] { (1, 1) } else { (0, 0) }
        );
    }
}

#[test]
fn the_text_reads_like_terraforms_and_ends_with_how_to_apply_it() {
    let (lab, ids) = lab();
    let run = lab.run(&["plan", "-o", "p l.json"]).ends(5);
    let text = &run.stdout;
    for words in [
        "  ~ update_trust_policy: replace the trust policy: anyone in account",
        "  + create_role: create the role AmazonEKSConnectorAgentRole",
        "  + put_inline_policy: put the inline policy AmazonEKSConnectorAgentPolicy",
        "      +         \"ssmmessages:CreateDataChannel\",",
        "In diffs, - is what the role has now and + is what the step writes.",
        "LEFT ALONE  2 accounts",
        "      aws iam update-assume-role-policy --role-name AmazonEKSConnectorAgentRole",
        "Plan: 2 to create, 1 to update, 0 to delete in 2 accounts; 0 findings remain.",
        "INCOMPLETE: 1 of 8 accounts could not be judged; nothing is planned for it",
        "Nothing was changed, and nothing is armed: this is a plan.",
        "remediation.mode is off",
        "One run changes at most 1 of them",
        "  rolewarden serve --arm ",
    ] {
        assert!(text.contains(words), "expected `{words}` in {run}");
    }
    let path = lab.path("p l.json");
    let plan = from_json(&fs::read_to_string(&path).unwrap()).unwrap();
    let last = text.trim_end().lines().last().unwrap();
    let code = &plan.arming_code;
    assert_eq!(
        last.trim(),
        format!("rolewarden apply 'p l.json' --config rolewarden.yaml --arm {code}")
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(lab.names(), ["p l.json", "rolewarden.yaml"]);
    for id in [&ids[0], &ids[4]] {
        assert!(!text.contains(id.as_str()), "{id} is not planned for: {run}");
    }
    assert!(!text.contains('\u{1b}'), "colours go to terminals only: {run}");
    let colored = lab.run(&["plan", "--color", "always"]).ends(5);
    assert!(colored.stdout.contains("\u{1b}["), "{colored}");
}

#[test]
fn the_exit_status_is_that_of_a_scan() {
    let (lab, ids) = lab();
    let [right, absent, foreign, denied] = [0, 1, 2, 4].map(|i: usize| ids[i].as_str());
    let cases: [(&str, &[&str], i32, &str); 6] = [
        ("right", &["--account", right], 0, "No changes: no account is drifted."),
        (
            "drift",
            &["--account", absent],
            3,
            "Plan: 2 to create, 0 to update, 0 to delete in 1 account;",
        ),
        ("unknown", &["--account", denied], 4, "No changes: no account is drifted."),
        ("both", &["--account", denied, "--account", foreign], 5, "Plan: 0 to create, 1 to update"),
        ("severity", &["--account", absent, "--fail-on", "critical"], 0, "No changes"),
        (
            "left out",
            &["--account", absent, "--account", right, "--exclude-account", absent],
            0,
            "No changes",
        ),
    ];
    for (case, args, status, words) in cases {
        let args: Vec<&str> = ["plan"].iter().chain(args).copied().collect();
        let run = lab.run(&args).ends(status);
        assert!(run.stdout.contains(words), "case `{case}`: {run}");
    }
}

#[test]
fn what_cannot_be_planned_is_said_before_anything_is_done() {
    let (lab, _) = lab();
    lab.run(&["plan", "--format", "ndjson"]).fails(1, &["a plan is one object"]);
    lab.run(&["plan", "-o", "no/such/folder"]).fails(1, &["cannot write the plan to"]);
    lab.run(&["plan", "--account", "000000000000"]).fails(1, &["no such account"]);
    assert_eq!(lab.calls().of(Operation::GetRole), 0);
}

#[test]
fn hostile_names_are_shown_not_obeyed() {
    let (mut world, ids) = world_of(&[Kind::ExtraInline]);
    let evil = "evil\u{1b}[2J\u{202e}\n name";
    world.accounts.get_mut(&ids[0]).unwrap().name = evil.to_owned();
    let yaml = format!("{ORGANIZATION}{QUICK}");
    let lab = Lab::new(world).config(&yaml);
    for args in [&["plan"][..], &["plan", "--format", "json"], &["plan", "--verbose"]] {
        let run = lab.run(args).ends(3);
        assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{run}");
        assert!(
            run.stdout.contains("evil\\u{1b}") || run.stdout.contains("evil\\\\u{1b}"),
            "{run}"
        );
    }
    let json: Value = serde_json::from_str(&lab.run(&["plan", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["schema"], "rolewarden.plan/v1");
}
