//! Exceptions: what they accept, exactly that, and what an id covers.

use super::*;
use crate::model::Role;

const CI: &str = "arn:aws:iam::222233334444:role/ci";
const AGENT: &str = "arn:aws:iam::111122223333:policy/agent";
const SAFE: &str = r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#;
const MFA: &str = r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
const PIN_OWN: &str = r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#;
const READ: &str = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"}"#;
const READ_ALL: &str = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
const DELETE: &str =
    r#"{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::logs/*"}"#;
const FIRST_ONLY: &str = r#"{"Effect":"Deny","Action":"ssmmessages:Open*","Resource":"*"}"#;

/// An Allow of `sts:AssumeRole`, perhaps under a condition.
fn lets(principal: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"{condition}}}"#)
}

fn aws(principal: &str, condition: &str) -> String {
    lets(&format!(r#"{{"AWS":"{principal}"}}"#), condition)
}

/// Exceptions for the account: EX-1, EX-2, …, each with what it accepts and its last day.
fn exceptions(list: &[(&str, &str)]) -> String {
    let one = |(n, (covers, expires)): (usize, &(&str, &str))| {
        let id = n + 1;
        format!(
            "{{id: EX-{id}, accounts: [\"111122223333\"], {covers}, reason: r, owner: o, expires: {expires}}}"
        )
    };
    let all: Vec<String> = list.iter().enumerate().map(one).collect();
    format!("exceptions: [{}]", all.join(", "))
}

fn accepting(covers: &str) -> String {
    exceptions(&[(covers, "2027-01-31")])
}

/// The state, then every finding: check, verdict, severity and exception. `files` are what the configuration names.
fn outline(yaml: &str, files: &[(&str, &str)], snapshot: &Snapshot) -> Vec<String> {
    let judgement =
        rules(&config_with(yaml, files), snapshot).judge(&account(), snapshot, None).unwrap();
    let finding = |f: &Finding| {
        let exception = f.exception.as_ref().map_or(String::new(), |id| format!(" ({id})"));
        format!("{} {} {}{exception}", f.check.as_str(), f.verdict.as_str(), f.severity.as_str())
    };
    let state = judgement.state.as_str().to_owned();
    std::iter::once(state).chain(judgement.findings.iter().map(finding)).collect()
}

type Change = Box<dyn FnOnce(&mut Role)>;

fn trusting(statements: &[&str]) -> Change {
    let more: Vec<String> = statements.iter().map(ToString::to_string).collect();
    Box::new(move |r| {
        let ssm = lets(r#"{"Service":"ssm.amazonaws.com"}"#, "");
        let all: Vec<&str> =
            std::iter::once(ssm.as_str()).chain(more.iter().map(String::as_str)).collect();
        r.trust_policy = document(&all);
    })
}

fn allowing(statements: &'static [&'static str]) -> Change {
    Box::new(move |r| inline(r, statements))
}

#[test]
fn a_role_is_judged_against_the_baseline_with_what_is_accepted_beside_it() {
    let ci = aws(CI, "");
    let with = |principal: &str| format!("accept: {{principals: [\"{principal}\"]}}");
    let beside = |statements: &[&str]| [("/beside.json", document(statements))];
    let trust = "accept: {trust_policy: beside.json}";
    let extra = "accept: {inline_policy: beside.json}";
    let (open, drift) = (
        ["exempt", "trust-policy excess critical (EX-1)"],
        ["drifted", "trust-policy excess critical"],
    );
    type Case<'a> = (&'a str, String, Vec<(&'a str, String)>, Change, Vec<&'a str>);
    let cases: Vec<Case<'_>> = vec![
        // principals
        ("an accepted principal", with(CI), vec![], trusting(&[&ci]), open.into()),
        ("not there at all", with(CI), vec![], trusting(&[]), vec!["compliant"]),
        (
            "a whole account, of which one role comes",
            with("222233334444"),
            vec![],
            trusting(&[&ci]),
            open.into(),
        ),
        (
            "one role, and its whole account comes",
            with(CI),
            vec![],
            trusting(&[&aws("222233334444", "")]),
            drift.into(),
        ),
        (
            "another one beside it",
            with(CI),
            vec![],
            trusting(&[&ci, &aws("999988887777", "")]),
            drift.into(),
        ),
        (
            "another call of the same one",
            with(CI),
            vec![],
            trusting(&[&ci.replace("sts:AssumeRole", "sts:*")]),
            drift.into(),
        ),
        (
            "accepted without, there under a condition",
            with(CI),
            vec![],
            trusting(&[&aws(CI, MFA)]),
            vec!["exempt", "trust-policy excess high (EX-1)"],
        ),
        (
            "the accepted one alone: the connector's service is out",
            with(CI),
            vec![],
            Box::new(|r| r.trust_policy = document(&[&aws(CI, "")])),
            vec!["drifted", "trust-policy missing high"],
        ),
        (
            "the account's own number",
            with("arn:aws:iam::${rolewarden:account_id}:role/own"),
            vec![],
            trusting(&[&aws("arn:aws:iam::111122223333:role/own", "")]),
            vec!["exempt", "trust-policy excess high (EX-1)"],
        ),
        (
            "a service",
            with("ec2.amazonaws.com"),
            vec![],
            trusting(&[&lets(r#"{"Service":"ec2.amazonaws.com"}"#, "")]),
            vec!["exempt", "trust-policy excess high (EX-1)"],
        ),
        // trust_policy
        (
            "a grant under its condition",
            trust.into(),
            beside(&[&aws(CI, MFA)]).into(),
            trusting(&[&aws(CI, MFA)]),
            vec!["exempt", "trust-policy excess high (EX-1)"],
        ),
        (
            "the same grant without it",
            trust.into(),
            beside(&[&aws(CI, MFA)]).into(),
            trusting(&[&ci]),
            drift.into(),
        ),
        (
            "the same grant under another",
            trust.into(),
            beside(&[&aws(CI, MFA)]).into(),
            trusting(&[&aws(CI, SAFE)]),
            drift.into(),
        ),
        (
            "the same grant under both, each alone",
            trust.into(),
            beside(&[&aws(CI, MFA)]).into(),
            trusting(&[&aws(CI, MFA), &aws(CI, SAFE)]),
            drift.into(),
        ),
        (
            "a whole document that pins the service",
            trust.into(),
            vec![("/beside.json", trust_if(PIN_OWN))],
            Box::new(|r| r.trust_policy = trust_if(PIN_OWN)),
            vec!["exempt", "trust-policy conditional medium (EX-1)"],
        ),
        (
            "another pin than the accepted one",
            trust.into(),
            vec![("/beside.json", trust_if(PIN_OWN))],
            Box::new(|r| r.trust_policy = trust_if(r#"{"Bool":{"aws:SecureTransport":"true"}}"#)),
            vec!["drifted", "trust-policy conditional medium"],
        ),
        (
            "a pin accepted, opened to the world later",
            trust.into(),
            vec![("/beside.json", trust_if(PIN_OWN))],
            trusting(&[&aws("*", "")]),
            drift.into(),
        ),
        (
            "accepted, and a condition that is not",
            with(CI),
            vec![],
            Box::new(|r| {
                let pinned = lets(r#"{"Service":"ssm.amazonaws.com"}"#, SAFE);
                r.trust_policy = document(&[&pinned, &aws(CI, "")]);
            }),
            vec![
                "drifted",
                "trust-policy excess critical (EX-1)",
                "trust-policy conditional medium",
            ],
        ),
        // inline_policy
        (
            "an accepted permission",
            extra.into(),
            beside(&[READ]).into(),
            allowing(&[CONTROL, CHANNELS, READ]),
            vec!["exempt", "inline-policy excess high (EX-1)"],
        ),
        (
            "a wider one",
            extra.into(),
            beside(&[READ]).into(),
            allowing(&[CONTROL, CHANNELS, READ_ALL]),
            vec!["drifted", "inline-policy excess high"],
        ),
        (
            "a narrower one",
            extra.into(),
            beside(&[READ_ALL]).into(),
            allowing(&[CONTROL, CHANNELS, READ]),
            vec!["exempt", "inline-policy excess high (EX-1)"],
        ),
        (
            "another one beside it",
            extra.into(),
            beside(&[READ]).into(),
            allowing(&[CONTROL, CHANNELS, READ, DELETE]),
            vec!["drifted", "inline-policy excess high"],
        ),
        (
            "a Deny that is accepted",
            extra.into(),
            beside(&[FIRST_ONLY]).into(),
            allowing(&[CONTROL, CHANNELS, FIRST_ONLY]),
            vec!["exempt", "inline-policy missing high (EX-1)"],
        ),
        (
            "a Deny of more",
            extra.into(),
            beside(&[FIRST_ONLY]).into(),
            allowing(&[CONTROL, FIRST_ONLY]),
            vec!["drifted", "inline-policy missing high"],
        ),
        (
            "the accepted Deny is not there",
            extra.into(),
            beside(&[READ, FIRST_ONLY]).into(),
            allowing(&[CONTROL, CHANNELS, READ]),
            vec!["exempt", "inline-policy excess high (EX-1)"],
        ),
        // attached_policies
        (
            "an accepted policy",
            format!("accept: {{attached_policies: [\"{AGENT}\"]}}"),
            vec![],
            Box::new(|r| r.attached = managed(AGENT, Some(ALL))),
            vec!["exempt", "attached-policies excess critical (EX-1)"],
        ),
        (
            "an accepted policy of every account",
            "accept: {attached_policies: [\"arn:aws:iam::${rolewarden:account_id}:policy/agent\"]}"
                .into(),
            vec![],
            Box::new(|r| r.attached = managed(AGENT, Some(ALL))),
            vec!["exempt", "attached-policies excess critical (EX-1)"],
        ),
        (
            "an accepted policy that keeps the connector from working",
            format!("accept: {{attached_policies: [\"{AGENT}\"]}}"),
            vec![],
            Box::new(|r| r.attached = managed(AGENT, Some(NOTHING))),
            vec![
                "drifted",
                "effective-permissions missing high",
                "attached-policies excess medium (EX-1)",
            ],
        ),
        // attributes
        (
            "a longer session",
            "accept: {attributes: [max_session_duration]}".into(),
            vec![],
            Box::new(|r| r.max_session_seconds = Some(43_200)),
            vec!["exempt", "role-attributes excess low (EX-1)"],
        ),
        (
            "another attribute",
            "accept: {attributes: [tags, permissions_boundary]}".into(),
            vec![],
            Box::new(|r| r.max_session_seconds = Some(43_200)),
            vec!["drifted", "role-attributes excess low"],
        ),
        (
            "another path",
            "accept: {attributes: [path]}".into(),
            vec![],
            Box::new(|r| r.arn.path = "/team/".into()),
            vec!["exempt", "role-exists absent medium (EX-1)"],
        ),
        (
            "another name is no other path",
            "accept: {attributes: [path]}".into(),
            vec![],
            Box::new(|r| r.arn.name = "amazoneksconnectoragentrole".into()),
            vec!["drifted", "role-exists absent medium"],
        ),
    ];
    let mut wrong = Vec::new();
    for (case, covers, files, change, want) in cases {
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let got = outline(&accepting(&covers), &files, &role(change));
        if got != want {
            wrong.push(format!("case `{case}`: {got:?}, want {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let absent = accepting("accept: {absent: true}");
    let want = ["exempt", "role-exists absent high (EX-1)"];
    assert_eq!(outline(&absent, &[], &Snapshot::Absent), want);
    assert_eq!(outline(&absent, &[], &role(|_| {})), ["compliant"]);
}

#[test]
fn a_policy_of_every_accounts_own_may_be_allowed_in_every_partition() {
    let arn = |partition: &str| format!("arn:{partition}:iam::111122223333:policy/org-logs");
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let snapshot = role_in(partition, |r| r.attached = managed(&arn(partition), Some(ALL)));
        assert_eq!(outline(table::ALLOWED_OWN, &[], &snapshot), ["compliant"], "case {partition}");
    }
}

/// The story of the issue: an exception for one agent's policy, and AdministratorAccess attached a month later.
#[test]
fn what_is_attached_a_month_later_is_not_covered() {
    let agent = accepting(&format!("accept: {{attached_policies: [\"{AGENT}\"]}}"));
    let both = role(|r| {
        r.attached = managed(AGENT, Some(ALL));
        r.attached.extend(managed(ADMINISTRATOR, Some(ALL)));
    });
    let said = outline(&agent, &[], &both);
    assert_eq!(said[0], "drifted");
    assert_eq!(said.iter().filter(|line| line.ends_with("(EX-1)")).count(), 1, "{said:?}");
    assert_eq!(said.len(), 3, "{said:?}");
    // By the finding's id just so, also when the accepted policy's own document grows.
    let before = role(|r| r.attached = managed(AGENT, Some(INLINE)));
    let ids = ids("", &before);
    let by_id = accepting(&format!("findings: {ids:?}"));
    assert_eq!(outline(&by_id, &[], &before)[0], "exempt");
    assert_eq!(outline(&by_id, &[], &both)[0], "drifted");
    let grown = role(|r| r.attached = managed(AGENT, Some(ALL)));
    assert_eq!(outline(&by_id, &[], &grown)[0], "drifted");
}

fn ids(yaml: &str, snapshot: &Snapshot) -> Vec<String> {
    let judgement = judge(yaml, snapshot).unwrap();
    judgement.findings.into_iter().map(|finding| finding.id).collect()
}

#[test]
fn an_id_covers_what_the_finding_was_about_and_nothing_else() {
    let by_id = |before: &Snapshot| accepting(&format!("findings: {:?}", ids("", before)));
    let ruined = || {
        role(|r| {
            r.trust_policy = trust_also(r#"{"AWS":["222233334444","333344445555"]}"#);
            inline(r, &[CONTROL, CHANNELS, READ]);
            r.attached = managed(AGENT, Some(ALL));
            r.max_session_seconds = Some(7_200);
            r.arn.path = "/team/".to_owned();
        })
    };
    type Further = fn(&mut Role);
    let cases: [(&str, Further, bool); 11] = [
        ("as it was", |_| {}, true),
        (
            "in another order, as IAM stores it",
            |r| {
                r.trust_policy = document(&[
                    &lets(r#"{"AWS":["arn:aws:iam::333344445555:root","222233334444"]}"#, ""),
                    &lets(r#"{"Service":"ssm.amazonaws.com"}"#, ""),
                ]);
                inline(r, &[READ, CHANNELS, CONTROL]);
            },
            true,
        ),
        (
            "under another policy name",
            |r| {
                let text = r.inline.pop_first().unwrap().1;
                r.inline.insert("zzz".into(), text);
            },
            true,
        ),
        (
            "one principal more",
            |r| {
                r.trust_policy =
                    trust_also(r#"{"AWS":["222233334444","333344445555","444455556666"]}"#);
            },
            false,
        ),
        (
            "one principal less",
            |r| r.trust_policy = trust_also(r#"{"AWS":["222233334444"]}"#),
            false,
        ),
        ("open to the world", |r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#), false),
        ("no policy at all", |r| r.trust_policy = "{".into(), false),
        ("one permission more", |r| inline(r, &[CONTROL, CHANNELS, READ, DELETE]), false),
        ("one permission less", |r| inline(r, &[CONTROL, READ]), false),
        ("a longer session", |r| r.max_session_seconds = Some(43_200), false),
        ("another path", |r| r.arn.path = "/other/".into(), false),
    ];
    let yaml = by_id(&ruined());
    for (case, further, covered) in cases {
        let Snapshot::Present(mut now) = ruined() else { panic!() };
        further(&mut now);
        let state = outline(&yaml, &[], &Snapshot::Present(now))[0].clone();
        assert_eq!(state, if covered { "exempt" } else { "drifted" }, "case `{case}`");
    }
    // With another baseline the same role differs in something else.
    let stranger = role(|r| r.trust_policy = trust_also(r#"{"AWS":"222233334444"}"#));
    assert_ne!(ids("", &stranger), ids("baseline: {trust_policy: pinned.json}", &stranger));
    // A forbidden role is another finding with everything it lets in.
    let forbidden = "baseline: {presence: forbidden}";
    let worse = role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#));
    assert_ne!(ids(forbidden, &stranger), ids(forbidden, &worse));
}

#[test]
fn the_part_beyond_is_told_as_it_is_and_no_command_takes_away_what_is_accepted() {
    let yaml = accepting(&format!("accept: {{principals: [\"{CI}\"]}}"));
    let both = role(trusting(&[&aws(CI, ""), &aws("*", "")]));
    let judgement = rules(&config(&yaml), &both).judge(&account(), &both, None).unwrap();
    let [beyond] = judgement.findings.as_slice() else { panic!("{judgement:?}") };
    assert_eq!(beyond.severity, Severity::Critical);
    let end = "; exception EX-1 does not cover this";
    assert!(beyond.summary.ends_with(end), "{}", beyond.summary);
    assert!(beyond.fix.is_empty(), "{:?}", beyond.fix);
    assert!(beyond.expected.to_string().contains(CI), "{}", beyond.expected);
    // The accepted part neither hides nor lowers what is worse, nor raises what is milder.
    let own = role(trusting(&[&aws(CI, ""), &aws("arn:aws:iam::111122223333:role/x", "")]));
    assert_eq!(outline(&yaml, &[], &own), ["drifted", "trust-policy excess high"]);
    // A part that shows only where a condition does not hold is as bad as it is.
    let accepted = document(&[&aws(CI, MFA)]);
    let files = [("/beside.json", accepted.as_str())];
    let tagging =
        lets(r#"{"Service":"ssm.amazonaws.com"}"#, "").replace("AssumeRole", "TagSession");
    let mixed = role(trusting(&[&aws(CI, ""), &tagging]));
    let said = outline(&accepting("accept: {trust_policy: beside.json}"), &files, &mixed);
    assert_eq!(said, ["drifted", "trust-policy excess critical"]);
}

#[test]
fn exceptions_add_up_and_the_one_that_ends_first_is_named() {
    let (one, two) =
        ("accept: {principals: [\"222233334444\"]}", "accept: {principals: [\"333344445555\"]}");
    let both = role(|r| r.trust_policy = trust_also(r#"{"AWS":["222233334444","333344445555"]}"#));
    let first = role(|r| r.trust_policy = trust_also(r#"{"AWS":"222233334444"}"#));
    let (early, late, past) = ("2026-12-31", "2027-12-31", "2026-11-23");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a Snapshot, &'a str);
    let cases: [Case<'_>; 7] = [
        (&[(one, late), (two, early)], &both, "(EX-2)"),
        (&[(one, early), (two, late)], &both, "(EX-1)"),
        (&[(one, late), (two, early)], &first, "(EX-1)"),
        (&[(two, early), (one, late)], &first, "(EX-2)"),
        (&[(one, early), (one, late)], &first, "(EX-2)"),
        (&[(one, late), (two, past)], &both, "critical"),
        (&[(two, late)], &first, "critical"),
    ];
    for (list, snapshot, end) in cases {
        let said = outline(&exceptions(list), &[], snapshot);
        assert!(said[1].ends_with(end) && said.len() == 2, "case {list:?}: {said:?}");
    }
}

/// What cannot be proved to be accepted is not.
#[test]
fn a_comparison_that_is_not_decided_covers_nothing() {
    let conditions: Vec<String> = (0..7)
        .map(|n| {
            let condition =
                format!(r#","Condition":{{"StringEquals":{{"sts:ExternalId":"{n}"}}}}"#);
            aws(CI, &condition)
        })
        .collect();
    let half = |part: &[String]| document(&part.iter().map(String::as_str).collect::<Vec<_>>());
    let (left, right) = (half(&conditions[..4]), half(&conditions[4..]));
    let files = [("/left.json", left.as_str()), ("/right.json", right.as_str())];
    let yaml = exceptions(&[
        ("accept: {trust_policy: left.json}", "2027-01-31"),
        ("accept: {trust_policy: right.json}", "2027-01-31"),
    ]);
    let all: Vec<&str> = conditions.iter().map(String::as_str).collect();
    // All of it is the same statements; six of seven have to be compared, in more worlds than are asked.
    assert_eq!(outline(&yaml, &files, &role(trusting(&all)))[0], "exempt");
    let said = outline(&yaml, &files, &role(trusting(&all[1..])));
    assert_eq!(said[0], "drifted", "{said:?}");
}
