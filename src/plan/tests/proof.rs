//! Whatever a role is like: the steps end well, a second plan has none, and undoing them gives the role back.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::support::*;
use crate::check::tests::documents::*;
use crate::check::tests::table::TABLE;
use crate::check::tests::{account, config, rules};
use crate::config::{Doubt, Remediation};
use crate::model::{
    AccountState, Action, CheckName, ManagedPolicy, Role, Snapshot, Verdict, Write,
};
use crate::plan::Planned;

/// Everything but the documents of managed policies, which a write cannot know.
fn known(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    if let Snapshot::Present(role) = &mut snapshot {
        let forget = |policy: &mut ManagedPolicy| *policy = ManagedPolicy::default();
        role.attached.values_mut().for_each(forget);
        role.boundary.iter_mut().for_each(|(_, policy)| forget(policy));
    }
    snapshot
}

/// The documents that a write replaces, deletes or detaches.
fn touched(write: &Write, now: &Snapshot) -> Vec<String> {
    let Snapshot::Present(role) = now else { return Vec::new() };
    let unread = || "\"Effect\":\"Deny\"".to_owned();
    let managed = |policy: &ManagedPolicy| policy.document.clone().unwrap_or_else(unread);
    match write {
        Write::UpdateTrustPolicy { .. } => vec![role.trust_policy.clone()],
        Write::PutInlinePolicy { name, .. } | Write::DeleteInlinePolicy { name } => {
            role.inline.get(name).cloned().into_iter().collect()
        }
        // What AdministratorAccess holds is known without its document.
        Write::DetachManagedPolicy { arn } if *arn == ADMINISTRATOR => {
            role.attached.get(arn).and_then(|policy| policy.document.clone()).into_iter().collect()
        }
        Write::DetachManagedPolicy { arn } => {
            role.attached.get(arn).map(managed).into_iter().collect()
        }
        Write::PutPermissionsBoundary { .. } => {
            role.boundary.as_ref().map(|(_, policy)| managed(policy)).into_iter().collect()
        }
        Write::CreateRole { .. }
        | Write::DeleteRole
        | Write::AttachManagedPolicy { .. }
        | Write::DeletePermissionsBoundary
        | Write::CreateServiceLinkedRole { .. } => panic!("not of a role that is there: {write:?}"),
    }
}

fn documents(role: &Role) -> Vec<&String> {
    let attached = role.attached.values().filter_map(|policy| policy.document.as_ref());
    role.inline.values().chain(attached).collect()
}

/// By its text: every document of these tests spells a decision like this.
fn holds_a_decision(text: &str) -> bool {
    text.contains("\"Effect\":\"Deny\"") || text.contains("\"Condition\":{\"")
}

/// The three promises about one role.
fn prove(case: &str, yaml: &str, before: &Snapshot, remediation: &Remediation) {
    let rules = rules(&config(yaml), before);
    let drifted = matches!(
        rules.judge(&account(), before, None),
        Ok(judgement) if judgement.state == AccountState::Drifted
    );
    let plan = match planned(yaml, before, remediation) {
        Ok(Planned::Steps(plan)) => plan,
        Ok(Planned::Nothing) => return assert!(!drifted, "case `{case}`: drift without a plan"),
        Ok(Planned::LeftAlone { why, .. }) => {
            return assert!(!why.is_empty() && !why.contains("  "), "case `{case}`: {why}");
        }
        Err(error) => return assert!(!drifted, "case `{case}`: {error}"),
    };
    let after = after(&plan, before);
    let assessed = rules.assess(&account(), &after, None).unwrap();
    let left: BTreeSet<(CheckName, &str)> = assessed
        .findings
        .iter()
        .filter(|f| f.exception.is_none() && f.severity >= config(yaml).checks.drift_severity)
        .map(|f| (f.check, f.summary.as_str()))
        .collect();
    let said: BTreeSet<(CheckName, &str)> =
        plan.remaining.iter().map(|r| (r.check, r.finding.as_str())).collect();
    assert_eq!(left, said, "case `{case}`");
    assert!(plan.remaining.iter().all(|r| !r.why.is_empty()), "case `{case}`");
    for step in &plan.steps {
        assert!(remediation.actions.contains(&step.write.action()), "case `{case}`");
        assert!(!matches!(step.write, Write::DeleteRole), "case `{case}`");
        assert!(!step.diff.is_empty(), "case `{case}`: {}", step.summary);
        assert!(!step.summary.contains(char::is_control), "case `{case}`");
    }
    let again = planned(yaml, &after, remediation);
    if let Ok(Planned::Steps(again)) = again {
        panic!("case `{case}`, a second time: {:#?}\nafter {:#?}", again.steps, plan.steps);
    }
    assert_eq!(known(&undone(&plan, &after)), known(before), "case `{case}`");
}

#[test]
fn the_steps_for_every_role_of_the_table_end_well_and_can_be_taken_back() {
    let mut planned_cases = 0;
    for row in TABLE {
        let before = (row.snapshot)();
        prove(row.case, row.yaml, &before, &everything());
        prove(row.case, row.yaml, &before, &everything_undone());
        let planned = planned(row.yaml, &before, &everything_undone());
        planned_cases += usize::from(matches!(planned, Ok(Planned::Steps(_))));
    }
    assert!(planned_cases > TABLE.len() / 2, "only {planned_cases} of {}", TABLE.len());
}

#[test]
fn they_do_so_too_where_little_may_be_done() {
    for row in TABLE {
        let before = (row.snapshot)();
        prove(row.case, row.yaml, &before, &Remediation::default());
        for action in Action::CONFIGURABLE {
            prove(row.case, row.yaml, &before, &only(&[action]));
        }
    }
}

#[test]
fn with_all_actions_only_what_no_action_is_for_remains() {
    for row in TABLE {
        let planned = planned(row.yaml, &(row.snapshot)(), &everything_undone());
        let Ok(Planned::Steps(plan)) = planned else { continue };
        for left in &plan.remaining {
            let fine = match left.check {
                CheckName::RoleExists | CheckName::RoleAttributes => true,
                // What is allowed or required, or a boundary, takes away.
                CheckName::EffectivePermissions => true,
                CheckName::AttachedPolicies => left.finding.contains("required"),
                CheckName::TrustPolicy
                | CheckName::InlinePolicy
                | CheckName::ConnectorUsage
                | CheckName::ServiceLinkedRole => left.why.contains("exception"),
            };
            assert!(fine, "case `{}`: {left:?}", row.case);
        }
    }
}

const CONTROL_IF: &str = r#"{"Effect":"Allow","Action":"ssmmessages:CreateControlChannel","Resource":"arn:aws:eks:*:*:cluster/*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-central-1"}}}"#;
const CONTROL_HERE: &str = r#"{"Effect":"Allow","Action":"ssmmessages:CreateControlChannel","Resource":"arn:aws:eks:*:111122223333:cluster/*"}"#;
const STATEMENTS: [&str; 8] =
    [CONTROL, CHANNELS, DENY_CONTROL, DENY_SOMETIMES, LOGS, WILDCARD, CONTROL_IF, CONTROL_HERE];
const PRINCIPALS: [&str; 5] = [
    r#"{"Service":"ssm.amazonaws.com"}"#,
    r#"{"Service":"ec2.amazonaws.com"}"#,
    r#"{"AWS":"999988887777"}"#,
    r#"{"AWS":"*"}"#,
    r#"{"Federated":"cognito-identity.amazonaws.com"}"#,
];
const CONDITIONS: [&str; 3] = [
    "",
    r#","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#,
    r#","Condition":{"StringEquals":{"aws:SourceAccount":"999988887777"}}"#,
];
const CONFIGURATIONS: [&str; 6] = [
    "",
    "checks: {inline-policy: {accept_managed: true}}",
    "baseline: {permissions_boundary: \"arn:aws:iam::${rolewarden:account_id}:policy/boundary\"}",
    "baseline: {required_tags: {team: platform}}\nchecks: {attached-policies: {allowed: [\"arn:aws:iam::111122223333:policy/connector\"]}}",
    "checks: {inline-policy: {enabled: false}}",
    "checks: {effective-permissions: {enabled: false}, trust-policy: {severity: low}}\nexceptions:\n  - {id: EX-1, accounts: [\"111122223333\"], accept: {attached_policies: [\"arn:aws:iam::aws:policy/AdministratorAccess\"]}, reason: r, owner: o, expires: 2027-01-31}",
];

fn some(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(list)
}

/// Several statements, or what is no policy.
fn any_document() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => prop::collection::vec(some(&STATEMENTS), 1..4).prop_map(|list| document(&list)),
        1 => Just("{\"Version\":\"2012-10-17\"}".to_owned()),
        3 => Just(INLINE.to_owned()),
    ]
}

fn any_trust() -> impl Strategy<Value = String> {
    let effect = prop_oneof![6 => Just("Allow"), 1 => Just("Deny")];
    let statement =
        (effect, some(&PRINCIPALS), some(&CONDITIONS)).prop_map(|(effect, who, condition)| {
            format!(
                r#"{{"Effect":"{effect}","Principal":{who},"Action":"sts:AssumeRole"{condition}}}"#
            )
        });
    prop_oneof![
        9 => prop::collection::vec(statement, 1..4).prop_map(|list| {
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            document(&list)
        }),
        3 => Just(TRUST.to_owned()),
        1 => Just("{}".to_owned()),
    ]
}

prop_compose! {
    fn any_role()(
        trust in any_trust(),
        inline in prop::collection::btree_map(
            some(&["AmazonEKSConnectorAgentPolicy", "eks-connector-agent", "zz"]), any_document(), 0..4),
        attached in prop::collection::btree_map(
            some(&[ADMINISTRATOR, CUSTOM]), prop::option::weighted(0.8, any_document()), 0..3),
        boundary in prop::option::weighted(0.3, (some(&[BOUNDARY, CUSTOM]), any_document())),
        session in prop::sample::select(vec![3_600_u32, 43_200]),
        path in prop::sample::select(vec!["/", "/team/"]),
    ) -> Snapshot {
        role(|r: &mut Role| {
            r.trust_policy = trust;
            r.inline = inline.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
            r.attached = attached
                .into_iter()
                .flat_map(|(arn, text)| managed(arn, text.as_deref()))
                .collect();
            r.boundary = boundary.map(|(arn, text)| (arn.to_owned(), policy(Some(&text))));
            r.max_session_seconds = Some(session);
            r.arn.path = path.to_owned();
        })
    }
}

fn any_remediation() -> impl Strategy<Value = Remediation> {
    let actions =
        prop::sample::subsequence(Action::CONFIGURABLE.to_vec(), 0..=Action::CONFIGURABLE.len());
    let all = vec![Doubt::Invalid, Doubt::Undecided, Doubt::Deny, Doubt::Conditional];
    let doubts = prop::sample::subsequence(all, 0..=4);
    (actions, doubts).prop_map(|(actions, doubts)| Remediation {
        actions: actions.into_iter().collect(),
        act_on: doubts.into_iter().collect(),
        ..Remediation::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// The three promises hold for roles nobody thought of, whatever may be done.
    #[test]
    fn any_plan_ends_well(
        yaml in some(&CONFIGURATIONS), before in any_role(), remediation in any_remediation(),
    ) {
        prove("any", yaml, &before, &remediation);
        prove("any", yaml, &before, &everything());
        prove("any", yaml, &before, &everything_undone());
    }

    /// The rule itself, told by the documents' text alone: no step replaces, deletes or detaches one that holds a Deny or a
    /// condition, and none leaves a condition without effect.
    #[test]
    fn no_step_undoes_a_decision(yaml in some(&CONFIGURATIONS), before in any_role()) {
        if let Ok(Planned::Steps(plan)) = planned(yaml, &before, &everything()) {
            let mut now = before.clone();
            for step in &plan.steps {
                let touched = touched(&step.write, &now);
                prop_assert!(touched.iter().all(|text| !holds_a_decision(text)), "{:?}", step.summary);
                now = step.write.applied_to(&now, &place(&plan));
            }
            let rules = rules(&config(yaml), &before);
            let allows = |snapshot| rules.allows_baseline(&account(), snapshot).unwrap();
            let Snapshot::Present(role) = &now else { panic!() };
            if !allows(&before) && allows(&now) {
                for text in documents(role) {
                    prop_assert!(!text.contains("aws:RequestedRegion"), "{:#?}", plan.steps);
                }
            }
        }
    }

    /// No role on the way is too open, or too little for the connector, where it was neither before nor after: check by check.
    #[test]
    fn no_role_on_the_way_is_worse_than_before_and_after(
        yaml in some(&CONFIGURATIONS), before in any_role(), remediation in any_remediation(),
    ) {
        if let Ok(Planned::Steps(plan)) = planned(yaml, &before, &remediation) {
            let rules = rules(&config(yaml), &before);
            let wrong = |snapshot: &Snapshot| {
                let verdicts = rules.assess(&account(), snapshot, None).unwrap().verdicts;
                let is = |check, wrong: &[Verdict]| wrong.contains(&verdicts[&check]);
                // What is no strict document, or was not decided, may be anything.
                let excess = [
                    Verdict::Excess,
                    Verdict::MissingAndExcess,
                    Verdict::Invalid,
                    Verdict::Undecided,
                ];
                [
                    is(CheckName::TrustPolicy, &excess),
                    is(CheckName::InlinePolicy, &excess),
                    is(CheckName::AttachedPolicies, &excess),
                    is(CheckName::EffectivePermissions, &[Verdict::Missing, Verdict::Undecided]),
                ]
            };
            let (start, end) = (wrong(&before), wrong(&after(&plan, &before)));
            let mut now = before.clone();
            for step in &plan.steps {
                now = step.write.applied_to(&now, &place(&plan));
                for (n, is) in wrong(&now).into_iter().enumerate() {
                    prop_assert!(!is || start[n] || end[n], "check {n}: {:?}", step.summary);
                }
            }
        }
    }
}
