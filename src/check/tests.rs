//! Every check, verdict, severity and state, through the one public door: a configuration and a role in, a judgement out.

mod accepted;
pub(crate) mod documents;
mod linked;
mod shell;
pub(crate) mod table;
mod usage;

use std::collections::BTreeSet;
use std::path::Path;

use documents::*;
use table::{Row, TABLE, too_hard, too_long};

use super::*;

const PINNED: &str = include_str!("tests/pinned-trust-policy.json");

pub(crate) fn config(yaml: &str) -> Config {
    config_with(yaml, &[("/pinned.json", PINNED)])
}

/// A configuration, and the files it names.
fn config_with(yaml: &str, files: &[(&str, &str)]) -> Config {
    let text = format!("accounts: {{source: organization}}\n{yaml}");
    let read = |path: &Path| {
        let named = files.iter().find(|(name, _)| path.to_str() == Some(name));
        named.map(|(_, text)| (*text).to_owned()).ok_or(std::io::ErrorKind::NotFound.into())
    };
    Config::from_text(&text, "c.yaml", Path::new("/"), &|_| None, &read).unwrap()
}

pub(crate) fn account() -> Account {
    Account::numbered(ACCOUNT.parse().unwrap())
}

/// The rules on 24 November 2026, in the partition of the role.
pub(crate) fn rules(config: &Config, snapshot: &Snapshot) -> Rules {
    let partition = match snapshot {
        Snapshot::Absent => Partition::default(),
        Snapshot::Present(role) => role.arn.partition.clone(),
    };
    Rules::new(config, partition, Some("o-exampleorgid".to_owned()), "2026-11-24".parse().unwrap())
}

fn judge(yaml: &str, snapshot: &Snapshot) -> Result<Judgement, ScanError> {
    rules(&config(yaml), snapshot).judge(&account(), snapshot, None)
}

/// The judgement in lines: the state (or why there is none), then each finding.
fn said(result: &Result<Judgement, ScanError>) -> Vec<String> {
    match result {
        Err(error) => vec![format!("unknown: {}: {}", error.reason.as_str(), error.message)],
        Ok(judgement) => {
            let finding = |f: &Finding| {
                let excused = f.exception.as_ref().map_or(String::new(), |id| format!(" ({id})"));
                let (check, verdict, severity) =
                    (f.check.as_str(), f.verdict.as_str(), f.severity.as_str());
                format!("{check} {verdict} {severity}{excused}: {}", f.summary)
            };
            let state = judgement.state.as_str().to_owned();
            std::iter::once(state).chain(judgement.findings.iter().map(finding)).collect()
        }
    }
}

fn findings(row: &Row) -> Vec<Finding> {
    judge(row.yaml, &(row.snapshot)()).map_or(Vec::new(), |judgement| judgement.findings)
}

#[test]
fn every_role_is_judged_as_the_table_says() {
    let labels: BTreeSet<&str> = TABLE.iter().map(|row| row.case).collect();
    assert_eq!(labels.len(), TABLE.len(), "every case has its own label");
    let mut wrong = Vec::new();
    for row in TABLE {
        let said = said(&judge(row.yaml, &(row.snapshot)()));
        if said != row.want {
            wrong.push(format!("case `{}`\n  is   {said:#?}\n  want {:#?}", row.case, row.want));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules remember which documents they found equivalent; whom they judged before must not be seen in what they say.
#[test]
fn a_role_is_judged_the_same_whatever_was_judged_before() {
    let accounts = [account(), Account::numbered("999988887777".parse().unwrap())];
    let mut kept: BTreeMap<(&str, Partition), Rules> = BTreeMap::new();
    for _ in 0..2 {
        for row in TABLE {
            let snapshot = (row.snapshot)();
            let new = || rules(&config(row.yaml), &snapshot);
            let kept = kept.entry((row.yaml, new().partition)).or_insert_with(new);
            for account in &accounts {
                let got = kept.judge(account, &snapshot, None);
                let want = new().judge(account, &snapshot, None);
                assert_eq!(got, want, "case `{}` in {}", row.case, account.id);
            }
        }
    }
}

/// All checks but those that look beside the role, which have tables of their own.
fn of_the_role() -> impl Iterator<Item = CheckName> {
    let beside = [CheckName::ConnectorUsage, CheckName::ServiceLinkedRole];
    CheckName::ALL.into_iter().filter(move |check| !beside.contains(check))
}

#[test]
fn the_table_has_every_check_every_verdict_every_severity_and_every_state() {
    let judgements: Vec<Judgement> =
        TABLE.iter().filter_map(|row| judge(row.yaml, &(row.snapshot)()).ok()).collect();
    for check in of_the_role() {
        let failed = |j: &Judgement| j.findings.iter().any(|f| f.check == check);
        assert!(judgements.iter().any(failed), "no finding of {}", check.as_str());
    }
    for verdict in Verdict::ALL {
        let has = |j: &Judgement| j.checks.values().any(|c| c.verdict == verdict);
        let found = judgements.iter().any(has);
        assert!(found, "no {}", verdict.as_str());
    }
    for severity in Severity::ALL {
        let has = |j: &Judgement| j.findings.iter().any(|f| f.severity == severity);
        assert!(judgements.iter().any(has), "no {}", severity.as_str());
    }
    for state in AccountState::ALL {
        let found = judgements.iter().any(|j| j.state == state);
        assert_eq!(found, state != AccountState::Unknown, "{}", state.as_str());
    }
}

#[test]
fn summaries_are_one_plain_line_and_the_worst_comes_first() {
    for row in TABLE {
        let findings = findings(row);
        assert!(findings.is_sorted_by(|a, b| a.severity >= b.severity), "case `{}`", row.case);
        for finding in findings {
            let text = &finding.summary;
            assert!(!text.contains(char::is_control), "case `{}`: {text:?}", row.case);
            assert!(!text.starts_with(char::is_uppercase) || text.starts_with("AROA"), "{text}");
            assert!(!text.ends_with('.') && !text.contains("  "), "case `{}`: {text}", row.case);
            let raw = |c: char| c.is_control() && c != '\n';
            assert!(!finding.diff.contains(raw), "case `{}`: {:?}", row.case, finding.diff);
        }
    }
}

#[test]
fn the_commands_of_a_finding_remove_it() {
    for row in TABLE {
        let snapshot = (row.snapshot)();
        let rules = rules(&config(row.yaml), &snapshot);
        for finding in findings(row).into_iter().filter(|f| !f.fix.is_empty()) {
            let mut fixed = snapshot.clone();
            for command in &finding.fix {
                shell::run(command, &mut fixed);
            }
            // What stays undecided is no finding.
            let left = rules.judge(&account(), &fixed, None).map_or(Vec::new(), |j| j.findings);
            let still = left.iter().any(|f| f.id == finding.id);
            assert!(
                !still,
                "case `{}`: {} stays after {:?}",
                row.case, finding.summary, finding.fix
            );
        }
    }
}

#[test]
fn the_commands_of_all_findings_one_after_the_other_leave_nothing_to_do() {
    for row in TABLE {
        let mut snapshot = (row.snapshot)();
        let rules = rules(&config(row.yaml), &snapshot);
        let next = |snapshot: &Snapshot| {
            let findings =
                rules.judge(&account(), snapshot, None).map_or(Vec::new(), |j| j.findings);
            findings.into_iter().find(|f| !f.fix.is_empty())
        };
        let mut rounds = 0;
        while let Some(finding) = next(&snapshot) {
            finding.fix.iter().for_each(|command| shell::run(command, &mut snapshot));
            rounds += 1;
            assert!(rounds < 10, "case `{}` goes round in circles: {}", row.case, finding.summary);
        }
    }
}

#[test]
fn findings_have_ids_of_their_own_that_change_with_what_they_are_about() {
    let ids = |yaml: &str, snapshot: &Snapshot, account: &Account| -> Vec<String> {
        let judgement = rules(&config(yaml), snapshot).judge(account, snapshot, None).unwrap();
        judgement.findings.into_iter().map(|f| f.id).collect()
    };
    for row in TABLE {
        let ids: Vec<String> = findings(row).into_iter().map(|f| f.id).collect();
        let distinct: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "case `{}`", row.case);
        assert!(ids.iter().all(|id| id.len() == 16), "case `{}`", row.case);
    }
    let trusting = |who: &str| role(|r| r.trust_policy = trust_also(who));
    let (one, other) = (r#"{"AWS":"999988887777"}"#, r#"{"AWS":"888877776666"}"#);
    let (here, there) = (account(), Account::numbered("444455556666".parse().unwrap()));
    assert_ne!(ids("", &trusting(one), &here), ids("", &trusting(other), &here));
    assert_ne!(ids("", &trusting(one), &here), ids("", &trusting(one), &there));
}

#[test]
fn a_condition_on_the_organization_is_accepted_only_where_the_organization_is_known() {
    let yaml = "checks: {trust-policy: {accept_conditions: [aws:SourceOrgID]}}";
    let condition = r#"{"StringEquals":{"aws:SourceOrgID":"o-exampleorgid"}}"#;
    let snapshot = role(|r| r.trust_policy = trust_if(condition));
    for (organization, want) in [
        (Some("o-exampleorgid"), Severity::Info),
        // It never holds there: the connector is locked out.
        (Some("o-anotherorgid"), Severity::High),
        (None, Severity::Medium),
    ] {
        let today = "2026-11-24".parse().unwrap();
        let rules =
            Rules::new(&config(yaml), Partition::default(), organization.map(str::to_owned), today);
        let judgement = rules.judge(&account(), &snapshot, None).unwrap();
        assert_eq!(judgement.findings[0].severity, want, "organization {organization:?}");
    }
}

#[test]
fn a_check_that_is_switched_off_leaves_no_trace() {
    let broken = role(|r| {
        r.trust_policy = trust_also(r#"{"AWS":"*"}"#);
        r.inline.clear();
        r.attached = managed(ADMINISTRATOR, Some(ALL));
        r.max_session_seconds = Some(43_200);
        r.arn.path = "/elsewhere/".to_owned();
        r.boundary = Some((BOUNDARY.to_owned(), policy(Some(NOTHING))));
    });
    let all = judge("", &broken).unwrap();
    for check in of_the_role() {
        let yaml = format!("checks: {{{}: {{enabled: false}}}}", check.as_str());
        let judgement = judge(&yaml, &broken).unwrap();
        assert!(all.checks.contains_key(&check) && all.findings.iter().any(|f| f.check == check));
        assert!(!judgement.checks.contains_key(&check), "{yaml}");
        let others: Vec<&Finding> = all.findings.iter().filter(|f| f.check != check).collect();
        assert_eq!(judgement.findings.iter().collect::<Vec<_>>(), others, "{yaml}");
    }
}

#[test]
fn a_connector_that_cannot_work_is_told_once_and_no_setting_hides_it() {
    let low = "checks: {inline-policy: {severity: low}}";
    let off = "checks: {inline-policy: {enabled: false}}";
    let (policies, effective) = (CheckName::InlinePolicy, CheckName::EffectivePermissions);
    let snapshot = role(|r| inline(r, &[CHANNELS]));
    for (yaml, want) in [
        ("", vec![(policies, Severity::High)]),
        (low, vec![(effective, Severity::High), (policies, Severity::Low)]),
        (off, vec![(effective, Severity::High)]),
    ] {
        let judgement = judge(yaml, &snapshot).unwrap();
        let got: Vec<_> = judgement.findings.iter().map(|f| (f.check, f.severity)).collect();
        assert_eq!(got, want, "{yaml}");
        assert!(judgement.findings[0].summary.contains("the connector cannot work"), "{yaml}");
        assert!(!judgement.findings[0].fix.is_empty(), "{yaml}");
        let verdict = judgement.checks[&effective].verdict;
        assert_eq!(verdict, Verdict::Missing, "the check says it whatever finding tells it");
    }
}

#[test]
fn the_details_of_a_check_name_what_it_looked_at() {
    let snapshot = role(|r| r.attached = managed(ADMINISTRATOR, Some(ALL)));
    let yaml = "checks: {attached-policies: {required: [\"arn:aws:iam::aws:policy/x\"]}}";
    let checks = judge(yaml, &snapshot).unwrap().checks;
    let json = serde_json::to_value(&checks).unwrap();
    assert_eq!(json["inline-policy"]["policies"][0], "AmazonEKSConnectorAgentPolicy");
    assert_eq!(json["attached-policies"]["extra"][0], ADMINISTRATOR);
    assert_eq!(json["attached-policies"]["missing"][0], "arn:aws:iam::aws:policy/x");
}

#[test]
fn an_absent_role_has_one_check_and_the_arn_it_should_have() {
    let judgement = judge("baseline: {path: /team/}", &Snapshot::Absent).unwrap();
    assert_eq!(judgement.checks.len(), 1);
    assert_eq!(
        judgement.role_arn,
        "arn:aws:iam::111122223333:role/team/AmazonEKSConnectorAgentRole"
    );
}
