//! Which steps, in which order, and what is left alone.

use super::support::*;
use crate::check::tests::documents::*;
use crate::check::tests::table::TABLE;
use crate::check::tests::{account, config, rules};
use crate::config::{Doubt, Remediation, Selector};
use crate::model::{Action, CheckName, Cluster, Severity, Snapshot, UnknownReason, Usage};
use crate::plan::{Planned, account_plan};

use Action::{
    CreateRole, DeleteInlinePolicy, DetachManagedPolicy, PutInlinePolicy, PutPermissionsBoundary,
    UpdateTrustPolicy,
};

const BOUNDED: &str =
    "baseline: {permissions_boundary: \"arn:aws:iam::${rolewarden:account_id}:policy/boundary\"}";
const STRANGER: &str = r#"{"AWS":"999988887777"}"#;
const NOBODY: &str = r#"{"AWS":"arn:aws:iam::111122223333:role/ci"}"#;

fn excused(accept: &str) -> String {
    format!(
        "exceptions:\n  - {{id: EX-1, accounts: [\"111122223333\"], {accept}, reason: r, owner: o, expires: 2027-01-31}}"
    )
}

/// An exception for the findings of one check under a configuration, by their ids.
fn excused_by_id(yaml: &str, before: &Snapshot, check: CheckName) -> String {
    let judgement = rules(&config(yaml), before).judge(&account(), before, None).unwrap();
    let of_check = judgement.findings.into_iter().filter(|finding| finding.check == check);
    let ids: Vec<String> = of_check.map(|finding| finding.id).collect();
    assert!(!ids.is_empty());
    format!("{yaml}\n{}", excused(&format!("findings: {ids:?}")))
}

/// A role that is wrong in everything.
fn ruin() -> Snapshot {
    role(|r| {
        r.trust_policy = trust_also(STRANGER);
        r.inline = [("one".into(), document(&[CONTROL])), ("two".into(), document(&[LOGS]))].into();
        r.attached = managed(ADMINISTRATOR, Some(ALL));
    })
}

#[test]
fn what_takes_away_comes_before_what_gives_and_the_connector_never_loses_what_it_has() {
    let all = [
        UpdateTrustPolicy,
        PutPermissionsBoundary,
        PutInlinePolicy,
        DeleteInlinePolicy,
        DeleteInlinePolicy,
        DetachManagedPolicy,
    ];
    let other = || {
        let Snapshot::Present(mut role) = ruin() else { panic!() };
        role.boundary = Some((CUSTOM.into(), policy(Some(ALL))));
        Snapshot::Present(role)
    };
    let shut = || {
        role(|r| {
            r.trust_policy = document(&[]);
            r.inline.clear();
        })
    };
    let cases: [(&str, &str, Snapshot, &[Action]); 8] = [
        ("absent", BOUNDED, Snapshot::Absent, &[CreateRole, PutInlinePolicy]),
        ("strangers come in, no boundary", BOUNDED, ruin(), &all),
        (
            "strangers come in, another boundary",
            BOUNDED,
            other(),
            &[
                UpdateTrustPolicy,
                PutInlinePolicy,
                DeleteInlinePolicy,
                DeleteInlinePolicy,
                DetachManagedPolicy,
                PutPermissionsBoundary,
            ],
        ),
        (
            "the connector is kept out",
            "",
            role(|r| {
                r.trust_policy =
                    document(&[r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}"#]);
                r.inline.clear();
            }),
            &[PutInlinePolicy, UpdateTrustPolicy],
        ),
        ("one policy is replaced", "", role(|r| inline(r, &[WILDCARD])), &[PutInlinePolicy]),
        (
            "what is right already is not put again",
            "",
            role(|r| {
                r.inline.insert("more".into(), document(&[LOGS]));
            }),
            &[DeleteInlinePolicy],
        ),
        (
            "what delivers the permissions is detached once they are inline",
            "",
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, Some(INLINE));
            }),
            &[PutInlinePolicy, DetachManagedPolicy],
        ),
        ("invalid, and told to act", "", shut(), &[UpdateTrustPolicy, PutInlinePolicy]),
    ];
    for (case, yaml, before, want) in cases {
        let plan = steps(yaml, &before, &everything_undone());
        let got: Vec<Action> = plan.steps.iter().map(|step| step.write.action()).collect();
        assert_eq!(got, want, "case `{case}`");
        assert!(plan.remaining.is_empty(), "case `{case}`: {:?}", plan.remaining);
        assert_eq!(plan.role_id.is_none(), before == Snapshot::Absent, "case `{case}`");
        assert_eq!(plan.snapshot_digest, before.digest(), "case `{case}`");
    }
}

#[test]
fn what_may_not_be_done_is_left_alone_and_says_why() {
    let default = Remediation::default;
    let selector = |id: &str| Selector { ids: [id.parse().unwrap()].into(), ..Selector::default() };
    let stricter = r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#;
    let strangers = |condition: &str| {
        let ssm = format!(
            r#"{{"Effect":"Allow","Principal":{{"Service":"ssm.amazonaws.com"}},"Action":"sts:AssumeRole","Condition":{condition}}}"#
        );
        let stranger =
            format!(r#"{{"Effect":"Allow","Principal":{STRANGER},"Action":"sts:AssumeRole"}}"#);
        role(|r| r.trust_policy = document(&[&ssm, &stranger]))
    };
    let stranger = || role(|r| r.trust_policy = trust_also(STRANGER));
    let cases: Vec<(&str, String, Snapshot, Remediation, &str)> = vec![
        (
            "no action",
            String::new(),
            stranger(),
            only(&[PutInlinePolicy]),
            "trust-policy: remediation.actions does not have update_trust_policy",
        ),
        (
            "no actions",
            String::new(),
            Snapshot::Absent,
            only(&[]),
            "role-exists: remediation.actions does not have create_role",
        ),
        (
            "half a role",
            String::new(),
            Snapshot::Absent,
            only(&[CreateRole]),
            "role-exists: remediation.actions does not have put_inline_policy",
        ),
        (
            "a stricter trust policy",
            String::new(),
            role(|r| r.trust_policy = trust_if(stricter)),
            everything(),
            "trust-policy: left to people: the trust policy holds a condition (statement 1 allows sts:AssumeRole only if aws:SourceAccount is 111122223333); rolewarden changes that only with `conditional` in remediation.act_on",
        ),
        (
            "strangers beside a stricter one",
            String::new(),
            strangers(stricter),
            everything(),
            "trust-policy: left to people: the trust policy holds a condition (statement 1 allows sts:AssumeRole only if aws:SourceAccount is 111122223333); rolewarden changes that only with `conditional` in remediation.act_on",
        ),
        (
            "forbidden",
            "baseline: {presence: forbidden}".into(),
            role(|_| {}),
            everything(),
            "the configuration forbids the role, and rolewarden never deletes a role: delete it by hand",
        ),
        (
            "another path",
            String::new(),
            role(|r| r.arn.path = "/team/".into()),
            everything(),
            "role-exists: rolewarden never deletes a role, not even to create it again at another path",
        ),
        (
            "a service-linked role",
            String::new(),
            role(|r| {
                r.arn.path = "/aws-service-role/x.amazonaws.com/".into();
                r.trust_policy = trust(STRANGER);
            }),
            everything(),
            "it is a service-linked role: only its service changes it",
        ),
        (
            "invalid",
            String::new(),
            role(|r| r.trust_policy = "{}".into()),
            default(),
            "trust-policy: the document is not well-formed; rolewarden replaces it only with `invalid` in remediation.act_on",
        ),
        (
            "invalid, inline",
            String::new(),
            role(|r| r.inline.values_mut().for_each(|text| "{}".clone_into(text))),
            default(),
            "inline-policy: the document is not well-formed; rolewarden replaces it only with `invalid` in remediation.act_on",
        ),
        (
            "long sessions",
            String::new(),
            role(|r| r.max_session_seconds = Some(43_200)),
            everything(),
            "role-attributes: rolewarden does not change session durations and tags",
        ),
        (
            "a required policy",
            "checks: {attached-policies: {required: [\"arn:aws:iam::aws:policy/x\"]}}".into(),
            role(|_| {}),
            everything(),
            "attached-policies: rolewarden never attaches a policy",
        ),
        (
            "more attached, by default",
            String::new(),
            role(|r| r.attached = managed(ADMINISTRATOR, Some(ALL))),
            default(),
            "attached-policies: remediation.actions does not have detach_managed_policy",
        ),
        (
            "more inline, by default",
            String::new(),
            role(|r| {
                r.inline.insert("more".into(), document(&[LOGS]));
            }),
            default(),
            "inline-policy: remediation.actions does not have delete_inline_policy",
        ),
        (
            "delivered by what must go",
            String::new(),
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, Some(INLINE));
            }),
            only(&[DetachManagedPolicy]),
            "without it the connector would lose permissions that nothing else grants",
        ),
        (
            "excluded",
            String::new(),
            stranger(),
            Remediation { exclude: selector("111122223333"), ..everything() },
            "remediation.exclude names it",
        ),
        (
            "not included",
            String::new(),
            stranger(),
            Remediation { include: selector("999988887777"), ..everything() },
            "remediation.include does not name it",
        ),
        (
            "one step would touch what is excused",
            excused_by_id(
                // As severe as the finding about the inline policy, it is told there alone.
                "checks: {inline-policy: {severity: low}}",
                &role(|r| inline(r, &[CHANNELS])),
                CheckName::EffectivePermissions,
            ),
            role(|r| inline(r, &[CHANNELS])),
            everything(),
            "inline-policy: exception EX-1 covers effective-permissions, which put_inline_policy would change",
        ),
    ];
    for (case, yaml, before, remediation, want) in cases {
        match planned(&yaml, &before, &remediation) {
            Ok(Planned::LeftAlone { why, .. }) => {
                assert!(why.contains(want), "case `{case}`: {why}");
            }
            other => panic!("case `{case}`: {other:?}"),
        }
    }
}

#[test]
fn what_is_right_or_excused_or_below_the_severity_has_no_plan() {
    let stranger = || role(|r| r.trust_policy = trust_also(STRANGER));
    let cases: Vec<(&str, String, Severity, Snapshot)> = vec![
        ("right", String::new(), Severity::Low, role(|_| {})),
        ("optional", "baseline: {presence: optional}".into(), Severity::Low, Snapshot::Absent),
        ("excused", excused("accept: {principals: [\"999988887777\"]}"), Severity::Low, stranger()),
        ("excused, absent", excused("accept: {absent: true}"), Severity::Low, Snapshot::Absent),
        ("below", String::new(), Severity::Critical, role(|r| r.inline.clear())),
    ];
    for (case, yaml, severity, before) in cases {
        let mut config = config(&yaml);
        config.checks.drift_severity = severity;
        let rules = rules(&config, &before);
        let planned = account_plan(&rules, &account(), &before, None, &everything());
        assert_eq!(planned, Ok(Planned::Nothing), "case `{case}`");
    }
}

#[test]
fn a_policy_that_is_put_for_what_the_connector_needs_may_leave_beside_it_what_is_too_mild_to_be_drift()
 {
    let mut config =
        config("checks: {inline-policy: {severity: low}, effective-permissions: {severity: high}}");
    config.checks.drift_severity = Severity::High;
    let before = role(|r| r.inline = [("logs".into(), document(&[LOGS]))].into());
    let rules = rules(&config, &before);
    let put = only(&[PutInlinePolicy]);
    let planned = account_plan(&rules, &account(), &before, None, &put);
    let Ok(Planned::Steps(plan)) = planned else { panic!("{planned:?}") };
    assert_eq!(
        plan.steps.iter().map(|step| step.write.action()).collect::<Vec<_>>(),
        [PutInlinePolicy]
    );
    assert_eq!(plan.remaining, []);
    let again = account_plan(&rules, &account(), &after(&plan, &before), None, &put);
    assert_eq!(again, Ok(Planned::Nothing));
}

#[test]
fn an_excused_finding_stays_as_it_is_beside_one_that_is_put_right() {
    let before = role(|r| {
        r.trust_policy = trust_also(STRANGER);
        r.attached = managed(ADMINISTRATOR, Some(ALL));
    });
    let plan = steps(
        &excused("accept: {attached_policies: [\"arn:aws:iam::aws:policy/AdministratorAccess\"]}"),
        &before,
        &everything(),
    );
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].write.action(), UpdateTrustPolicy);
    let Snapshot::Present(role) = after(&plan, &before) else { panic!() };
    assert!(role.attached.contains_key(ADMINISTRATOR));
}

#[test]
fn what_was_not_decided_is_acted_on_only_where_configuration_says_so() {
    let spent =
        "unknown: undecided: inline-policy: the comparison spent its work budget; no claim is made";
    let row = TABLE.iter().find(|row| row.want == [spent]).unwrap();
    let before = (row.snapshot)();
    let untold = planned(row.yaml, &before, &Remediation::default()).unwrap_err();
    assert_eq!(untold.reason, UnknownReason::Undecided);
    // The policy denies as well, which is a decision of its own.
    let act_on = [Doubt::Undecided, Doubt::Deny].into();
    let told = Remediation { act_on, ..Remediation::default() };
    let plan = steps(row.yaml, &before, &told);
    assert_eq!(
        plan.steps.iter().map(|step| step.write.action()).collect::<Vec<_>>(),
        [PutInlinePolicy]
    );
}

#[test]
fn a_role_that_clusters_need_is_made_and_what_they_name_stays() {
    let yaml = "baseline: {presence: when-connected, regions: [us-east-1]}";
    let cluster = |role: &str| Cluster {
        region: "us-east-1".into(),
        name: "a".into(),
        role_arn: format!("arn:aws:iam::111122223333:role/{role}"),
        status: "ACTIVE".into(),
    };
    let used = |clusters, roles| Usage { clusters: Some(clusters), roles };
    let plan = |usage: &Usage| {
        let rules = rules(&config(yaml), &Snapshot::Absent);
        let creating = only(&[CreateRole, PutInlinePolicy]);
        account_plan(&rules, &account(), &Snapshot::Absent, Some(usage), &creating)
    };
    assert_eq!(plan(&used(vec![], [].into())), Ok(Planned::Nothing));
    let needs = used(vec![cluster("AmazonEKSConnectorAgentRole")], [].into());
    let Ok(Planned::Steps(made)) = plan(&needs) else { panic!() };
    assert_eq!(made.steps.len(), 2);
    assert!(made.remaining.is_empty(), "{:?}", made.remaining);
    let other = used(
        vec![cluster("other")],
        [("other".to_owned(), role(|r| r.arn.name = "other".into()))].into(),
    );
    let Ok(Planned::Steps(made)) = plan(&other) else { panic!() };
    assert!(made.remaining[0].why.contains("left to people"), "{:?}", made.remaining);
}

#[test]
fn steps_say_what_they_do_and_hostile_text_stays_text() {
    let before = role(|r| {
        r.inline = [
            ("a".into(), document(&[LOGS])),
            ("b\u{1b}[31m\n\u{202e}".into(), "\u{1b}]0;x\u{7} no policy\u{202e}".into()),
        ]
        .into();
        r.trust_policy = trust_also(NOBODY);
    });
    let mut plan = steps("", &before, &everything());
    plan.name = String::new();
    for step in &plan.steps {
        let raw = |c: char| crate::model::is_dangerous(c) && c != '\n';
        assert!(!step.summary.contains(raw) && !step.diff.contains(raw), "{step:?}");
        assert!(!step.summary.contains('\n'), "{step:?}");
    }
    let said = |n: usize| plan.steps[n].summary.as_str();
    assert_eq!(
        said(0),
        "replace the trust policy: arn:aws:iam::111122223333:role/ci may assume the role"
    );
    assert!(
        said(1).starts_with("put the inline policy AmazonEKSConnectorAgentPolicy: "),
        "{}",
        said(1)
    );
    assert_eq!(said(2), "delete the inline policy a");
    assert!(
        plan.steps[2].diff.lines().all(|line| line.starts_with("- ")),
        "{}",
        plan.steps[2].diff
    );
}
