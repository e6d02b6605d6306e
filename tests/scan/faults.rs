//! Faults: an account that could not be read is unknown, for the right reason, and nothing else suffers.

use rolewarden::simulator::{Fault, On, Operation, Rule};
use serde_json::Value;

use crate::support::{HASTY, Lab, ORGANIZATION, Run, account, right_world, state};

/// The sweep of five accounts, one of which meets the fault.
fn sweep_with(rule: Rule) -> (Run, Value, Value) {
    let (mut world, victim) = right_world();
    world.accounts.get_mut(&victim).unwrap().faults = vec![rule];
    let lab = Lab::new(world).config(&format!("{ORGANIZATION}{HASTY}"));
    let run = lab.scan(&["--log-level", "error"]);
    let report = run.json();
    let entry = account(&report, &victim).clone();
    for other in report["accounts"].as_array().unwrap() {
        assert!(other["id"] == victim.as_str() || other["state"] == "compliant", "{run}");
    }
    (run, report, entry)
}

const ASSUME: On = On::Only(Operation::AssumeRole);
const GET_ROLE: On = On::Only(Operation::GetRole);
const LIST_INLINE: On = On::Only(Operation::ListRolePolicies);
const GET_INLINE: On = On::Only(Operation::GetRolePolicy);
const LIST_ATTACHED: On = On::Only(Operation::ListAttachedRolePolicies);

/// Where, what, the reason, the code AWS gave, and whether the answer carried a request id.
type Case = (On, Fault, &'static str, Option<&'static str>, bool);

fn holds(cases: &[Case]) {
    for (on, fault, reason, code, has_id) in cases.iter().copied() {
        let (run, report, entry) = sweep_with(Rule::always(on, fault));
        let case = format!("{fault:?} on {on:?}: {entry}");
        assert_eq!(run.status, Some(4), "{case} {run}");
        assert_eq!(entry["state"], "unknown", "{case}");
        let error = &entry["error"];
        assert_eq!(error["reason"], reason, "{case}");
        assert_eq!(error["code"].as_str(), code, "{case}");
        if let On::Only(operation) = on {
            let prefix = if operation == Operation::AssumeRole { "sts" } else { "iam" };
            assert_eq!(error["operation"], format!("{prefix}:{}", operation.as_str()), "{case}");
        }
        let id = error["request_id"].as_str().unwrap_or_default();
        assert_eq!(id.starts_with("51300000-"), has_id, "{case}");
        for field in ["message", "hint"] {
            assert!(error[field].as_str().is_some_and(|text| text.len() > 10), "{field} of {case}");
        }
        assert_eq!(report["sweep"]["complete"], false, "{case}");
        assert_eq!(report["summary"]["states"]["unknown"], 1, "{case}");
    }
}

#[test]
fn a_refused_or_failing_call_makes_the_account_unknown() {
    use Fault as F;
    holds(&[
        (ASSUME, F::Denied, "assume_denied", Some("AccessDenied"), true),
        (ASSUME, F::ScpDenied, "scp_denied", Some("AccessDenied"), true),
        (ASSUME, F::Throttled, "throttled", Some("Throttling"), true),
        (ASSUME, F::ServerError, "aws_error", Some("InternalFailure"), true),
        (ASSUME, F::ExpiredToken, "aws_error", Some("ExpiredToken"), true),
        (GET_ROLE, F::Denied, "access_denied", Some("AccessDenied"), true),
        (GET_ROLE, F::ScpDenied, "scp_denied", Some("AccessDenied"), true),
        (GET_ROLE, F::Throttled, "throttled", Some("Throttling"), true),
        (GET_ROLE, F::ServerError, "aws_error", Some("ServiceFailure"), true),
        (GET_ROLE, F::ExpiredToken, "aws_error", Some("ExpiredToken"), true),
        (LIST_INLINE, F::Denied, "access_denied", Some("AccessDenied"), true),
        (LIST_ATTACHED, F::Denied, "access_denied", Some("AccessDenied"), true),
        (GET_INLINE, F::Denied, "access_denied", Some("AccessDenied"), true),
        (GET_INLINE, F::Error(418, "NeverHeardOf"), "aws_error", Some("NeverHeardOf"), true),
    ]);
}

#[test]
fn an_answer_that_cannot_be_believed_makes_the_account_unknown() {
    use Fault as F;
    holds(&[
        (ASSUME, F::Malformed, "malformed_response", None, true),
        (ASSUME, F::HtmlPage, "malformed_response", None, true),
        (ASSUME, F::WrongAccount, "wrong_account", None, false),
        (ASSUME, F::Without("SessionToken"), "malformed_response", None, false),
        (GET_ROLE, F::Malformed, "malformed_response", None, true),
        (GET_ROLE, F::HtmlPage, "malformed_response", None, true),
        (GET_ROLE, F::WrongAccount, "wrong_account", None, false),
        (GET_ROLE, F::Without("AssumeRolePolicyDocument"), "malformed_response", None, true),
        (GET_ROLE, F::Without("Arn"), "malformed_response", None, true),
        (LIST_INLINE, F::Malformed, "malformed_response", None, true),
        (LIST_INLINE, F::HtmlPage, "malformed_response", None, true),
        (LIST_INLINE, F::TruncatedWithoutMarker, "malformed_response", None, false),
        // A list that is not there is not an empty one.
        (LIST_INLINE, F::Without("PolicyNames"), "malformed_response", None, true),
        (LIST_INLINE, F::Without("IsTruncated"), "malformed_response", None, true),
        (LIST_ATTACHED, F::Without("AttachedPolicies"), "malformed_response", None, true),
        (LIST_ATTACHED, F::Without("IsTruncated"), "malformed_response", None, true),
        (LIST_ATTACHED, F::Malformed, "malformed_response", None, true),
        (LIST_ATTACHED, F::TruncatedWithoutMarker, "malformed_response", None, false),
        (GET_INLINE, F::Malformed, "malformed_response", None, true),
        (GET_INLINE, F::Without("PolicyDocument"), "malformed_response", None, true),
        (GET_INLINE, F::HtmlPage, "malformed_response", None, true),
    ]);
}

#[test]
fn a_call_that_is_never_answered_in_full_makes_the_account_unknown() {
    use Fault as F;
    holds(&[
        (ASSUME, F::Hangs, "timeout", None, false),
        (GET_ROLE, F::Hangs, "timeout", None, false),
        (LIST_ATTACHED, F::Hangs, "timeout", None, false),
    ]);
    // Where a body broke off is told in several ways; what counts is that nothing is believed of it.
    for (on, at) in
        [(ASSUME, 40), (GET_ROLE, 0), (GET_ROLE, 400), (LIST_INLINE, 90), (LIST_ATTACHED, 120)]
    {
        let (run, _, entry) = sweep_with(Rule::always(on, F::CutBody(at)));
        let case = format!("cut at {at} on {on:?}: {entry}");
        assert_eq!((run.status, &entry["state"]), (Some(4), &Value::from("unknown")), "{case}");
        let reason = entry["error"]["reason"].as_str().unwrap();
        assert!(["network", "malformed_response"].contains(&reason), "{case}");
        assert!(entry["error"]["hint"].is_string(), "{case}");
    }
}

#[test]
fn a_wrong_clock_is_called_by_its_name() {
    holds(&[
        (ASSUME, Fault::ClockSkew(86_400), "clock", Some("SignatureDoesNotMatch"), true),
        (GET_ROLE, Fault::ClockSkew(86_400), "clock", Some("SignatureDoesNotMatch"), true),
    ]);
}

#[test]
fn a_fault_that_passes_leaves_no_trace() {
    use Fault as F;
    let rules = [
        Rule::first(1, On::Iam, F::Throttled),
        Rule::first(1, ASSUME, F::ServerError),
        Rule::first(1, GET_ROLE, F::ExpiredToken),
        Rule::first(1, LIST_ATTACHED, F::Hangs),
        Rule::first(1, GET_ROLE, F::CutBody(0)),
    ];
    for rule in rules {
        let (run, report, entry) = sweep_with(rule.clone());
        assert_eq!(
            (run.status, &entry["state"]),
            (Some(0), &Value::from("compliant")),
            "{rule:?}: {entry}"
        );
        assert_eq!(report["sweep"]["complete"], true, "{rule:?}");
    }
}

#[test]
fn an_organization_that_cannot_be_listed_ends_the_scan() {
    use Fault as F;
    let describe = On::Only(Operation::DescribeOrganization);
    let list = On::Only(Operation::ListAccounts);
    let identity = On::Only(Operation::GetCallerIdentity);
    let cases: &[(On, Fault, &[&str])] = &[
        (list, F::Denied, &["organizations:ListAccounts", "AccessDeniedException", "hint: "]),
        (list, F::Throttled, &["organizations:ListAccounts", "TooManyRequestsException", "hint: "]),
        (list, F::ServerError, &["organizations:ListAccounts", "InternalFailure", "hint: "]),
        (list, F::Hangs, &["organizations:ListAccounts", "in time", "hint: "]),
        (list, F::Malformed, &["organizations:ListAccounts", "hint: "]),
        (list, F::HtmlPage, &["organizations:ListAccounts", "hint: "]),
        (list, F::CutBody(60), &["organizations:ListAccounts", "hint: "]),
        (list, F::ClockSkew(86_400), &["organizations:ListAccounts", "clock"]),
        (list, F::ExpiredToken, &["organizations:ListAccounts", "ExpiredTokenException", "hint: "]),
        (describe, F::NotInUse, &["AWSOrganizationsNotInUseException", "source: list"]),
        (identity, F::Denied, &["sts:GetCallerIdentity", "AccessDenied", "hint: "]),
        (identity, F::Hangs, &["sts:GetCallerIdentity", "in time", "hint: "]),
        (identity, F::HtmlPage, &["sts:GetCallerIdentity", "hint: "]),
    ];
    for (on, fault, words) in cases {
        let (mut world, _) = right_world();
        world.faults = vec![Rule::always(*on, *fault)];
        let lab = Lab::new(world).config(&format!("{ORGANIZATION}{HASTY}"));
        let run = lab.scan(&["--log-level", "off"]).fails(1, words);
        assert!(run.stderr.starts_with("error: "), "{fault:?}: {run}");
        assert_eq!(lab.calls().of(Operation::AssumeRole), 0, "{fault:?}");
    }
}

#[test]
fn a_role_that_changes_with_every_read_is_unstable() {
    let (mut world, victim) = right_world();
    world.accounts.get_mut(&victim).unwrap().change = rolewarden::simulator::Change::EveryRead;
    let lab = Lab::new(world);
    let run = lab.scan(&[]).ends(4);
    let report = run.json();
    assert_eq!(state(&report, &victim), "unknown", "{run}");
    assert_eq!(account(&report, &victim)["error"]["reason"], "unstable", "{run}");
}
