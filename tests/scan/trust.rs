//! Trust policies of real accounts, judged offline: who may come, how bad that is, and whether a condition can hold.

use serde_json::{Value, json};

use crate::support::{Lab, right_world};

const OWN: &str = "111122223333";
const SSM: &str =
    r#"{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}"#;
const ACCEPT: &str = "checks: {trust-policy: {accept_conditions: [aws:SourceAccount, aws:SourceArn, aws:SourceOrgID, aws:SourceOrgPaths]}}\n";

/// What `aws iam get-account-authorization-details` prints of an account whose role is right but for its trust policy.
fn export(account: &str, statements: &[String]) -> String {
    let statements: Vec<Value> =
        statements.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let inline: Value =
        serde_json::from_str(include_str!("../../config/baseline/eks-connector-agent-policy.json"))
            .unwrap();
    json!({
        "UserDetailList": [], "GroupDetailList": [], "Policies": [],
        "RoleDetailList": [{
            "Path": "/", "RoleName": "AmazonEKSConnectorAgentRole", "RoleId": "AROAEXAMPLEEXAMPLE000",
            "Arn": format!("arn:aws:iam::{account}:role/AmazonEKSConnectorAgentRole"),
            "CreateDate": "2024-05-01T10:00:00+00:00",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            "InstanceProfileList": [], "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {},
            "RolePolicyList": [{"PolicyName": "AmazonEKSConnectorAgentPolicy", "PolicyDocument": inline}],
        }],
    })
    .to_string()
}

/// The finding about the trust policy, and the exit status.
fn judge(lab: &Lab, config: &str, account: &str, statements: &[String]) -> (Option<Value>, i32) {
    lab.file("c.yaml", config);
    lab.file("account.json", export(account, statements));
    let run = lab.run(&["check", "--config", "c.yaml", "account.json", "--format", "json"]);
    let report = run.json();
    let findings = report["accounts"][0]["findings"].as_array().unwrap().clone();
    let trust = findings.into_iter().find(|finding| finding["check"] == "trust-policy");
    (trust, run.status.unwrap())
}

fn lab() -> Lab {
    Lab::new(right_world().0)
}

/// The baseline's statement under a condition.
fn ssm_if(condition: &str) -> Vec<String> {
    vec![
        SSM.replace(
            r#""sts:AssumeRole"}"#,
            &format!(r#""sts:AssumeRole","Condition":{condition}}}"#),
        ),
    ]
}

#[test]
fn a_condition_that_never_holds_locks_the_connector_out() {
    let lab = lab();
    let cases = [
        (
            "another account",
            r#"{"StringEquals":{"aws:SourceAccount":"999988887777"}}"#,
            "another account",
        ),
        (
            "a number that lost its zero",
            r#"{"StringEquals":{"aws:SourceAccount":12345678901}}"#,
            "12 digits",
        ),
        ("dashes", r#"{"StringEquals":{"aws:SourceAccount":"1111-2222-3333"}}"#, "12 digits"),
        ("a plain star", r#"{"StringEquals":{"aws:SourceAccount":"1111*"}}"#, "plain characters"),
        ("an operator for ARNs", r#"{"ArnLike":{"aws:SourceAccount":"111122223333"}}"#, "operator"),
        (
            "an operator for numbers",
            r#"{"NumericEquals":{"aws:SourceAccount":111122223333}}"#,
            "operator",
        ),
        (
            "an ARN of five fields",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:111122223333"}}"#,
            "six fields",
        ),
        ("no ARN at all", r#"{"ArnLike":{"aws:SourceArn":"111122223333"}}"#, "six fields"),
        (
            "another service",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111122223333:*"}}"#,
            "another service",
        ),
        (
            "the cluster's ARN",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:eks:*:111122223333:cluster/*"}}"#,
            "another service",
        ),
        (
            "another partition",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws-cn:ssm:*:111122223333:*"}}"#,
            "another partition",
        ),
        (
            "an ARN of another account",
            r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:ssm:eu-west-1:999988887777:*"}}"#,
            "another account",
        ),
        (
            "a region of another partition",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:us-gov-west-1:111122223333:*"}}"#,
            "no region of this partition",
        ),
        (
            "a zone for a region",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:eu-west-1a:111122223333:*"}}"#,
            "no region of this partition",
        ),
        (
            "an ARN without a resource",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:111122223333:"}}"#,
            "six fields",
        ),
        (
            "an ARN with plain stars",
            r#"{"StringEquals":{"aws:SourceArn":"arn:aws:ssm:*:111122223333:*"}}"#,
            "plain characters",
        ),
        (
            "a path without the root",
            r#"{"ForAnyValue:StringLike":{"aws:SourceOrgPaths":"o-exampleorgid/ou-ab12-11111111/*"}}"#,
            "aws:SourceOrgPaths",
        ),
        ("a boolean", r#"{"Bool":{"aws:SourceAccount":"111122223333"}}"#, "operator"),
        (
            "two tests of one key",
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:eu-west-1:111122223333:*"},"StringLike":{"aws:SourceArn":"arn:aws:ssm:us-*"}}"#,
            "contradict",
        ),
        (
            "a value and its absence",
            r#"{"StringEquals":{"aws:RequestedRegion":"eu-west-1"},"Null":{"aws:RequestedRegion":"true"}}"#,
            "contradict",
        ),
        (
            "another organization",
            r#"{"StringEquals":{"aws:SourceOrgID":"o-otherorgid000"}}"#,
            "another organization",
        ),
        (
            "no organization's id",
            r#"{"StringEquals":{"aws:SourceOrgID":"r-ab12"}}"#,
            "organization",
        ),
        (
            "another organization's paths",
            r#"{"ForAnyValue:StringLike":{"aws:SourceOrgPaths":"o-otherorgid000/*"}}"#,
            "another organization",
        ),
        (
            "a key that services do not send",
            r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
            "carries no aws:PrincipalOrgID",
        ),
        (
            "a negation of what it always is",
            r#"{"StringNotEquals":{"aws:SourceAccount":"111122223333"}}"#,
            "never",
        ),
    ];
    for accept in ["", ACCEPT] {
        let config = format!("accounts: {{organization_id: o-exampleorgid}}\n{accept}");
        for (case, condition, why) in cases {
            let account = if case.contains("zero") { "012345678901" } else { OWN };
            let (finding, status) = judge(&lab, &config, account, &ssm_if(condition));
            let finding = finding.unwrap_or_else(|| panic!("case `{case}`: no finding"));
            let summary = finding["summary"].as_str().unwrap();
            assert_eq!(
                (&finding["verdict"], &finding["severity"]),
                (&json!("missing"), &json!("high")),
                "case `{case}`: {summary}"
            );
            assert!(
                summary.contains("never holds") && summary.contains(why),
                "case `{case}`: {summary}"
            );
            assert_eq!((status, finding["fix"].as_array().unwrap().len()), (3, 0), "case `{case}`");
        }
    }
}

#[test]
fn hardening_is_accepted_only_where_it_can_hold_and_keeps_other_accounts_out() {
    let lab = lab();
    let cases = [
        (r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#, true),
        (r#"{"StringEquals":{"AWS:sourceaccount":["111122223333"]}}"#, true),
        (r#"{"StringEquals":{"aws:SourceAccount":"${aws:ResourceAccount}"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:${aws:ResourceAccount}:*"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:*:ssm:*:111122223333:*"}}"#, true),
        (r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:ssm:eu-west-1:111122223333:*"}}"#, true),
        (r#"{"StringLike":{"aws:SourceArn":"arn:aws:ssm:eu-west-1:111122223333:*"}}"#, true),
        (r#"{"StringEquals":{"aws:SourceOrgID":"o-exampleorgid"}}"#, true),
        (r#"{"ForAnyValue:StringLike":{"aws:SourceOrgPaths":"o-exampleorgid/r-ab12/*"}}"#, true),
        (
            r#"{"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:*:*"}}"#,
            true,
        ),
        // `*` crosses colons: another account's resource may hold this account's number.
        (r#"{"StringLike":{"aws:SourceArn":"arn:aws:ssm:*:111122223333:*"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:*:*"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:${aws:SourceAccount}:*"}}"#, false),
        (r#"{"StringLike":{"aws:SourceAccount":"*"}}"#, false),
        (r#"{"StringLike":{"aws:SourceAccount":"1111222233??"}}"#, false),
        (r#"{"StringEquals":{"aws:SourceAccount":["111122223333","999988887777"]}}"#, false),
        (r#"{"StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}}"#, false),
        (r#"{"ForAllValues:StringEquals":{"aws:SourceAccount":"111122223333"}}"#, false),
        (r#"{"StringNotEquals":{"aws:SourceAccount":"999988887777"}}"#, false),
        (r#"{"ForAnyValue:StringLike":{"aws:SourceOrgPaths":"o-*"}}"#, false),
        (
            r#"{"StringEquals":{"aws:SourceAccount":"111122223333","aws:RequestedRegion":"eu-west-1"}}"#,
            false,
        ),
        (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, false),
    ];
    let config = format!("accounts: {{organization_id: o-exampleorgid}}\n{ACCEPT}");
    for (condition, accepted) in cases {
        let (finding, status) = judge(&lab, &config, OWN, &ssm_if(condition));
        let finding = finding.unwrap_or_else(|| panic!("case {condition}: no finding"));
        let want = if accepted { ("info", 0) } else { ("medium", 3) };
        let got = (finding["severity"].as_str().unwrap(), status);
        assert_eq!(got, want, "case {condition}: {}", finding["summary"]);
        assert_eq!(finding["verdict"], "conditional", "case {condition}");
        assert_eq!(
            finding["fix"],
            json!([]),
            "case {condition}: a fix would take the condition away"
        );
    }
}

#[test]
fn an_organization_that_is_not_known_is_said_to_be_so() {
    let lab = lab();
    let condition = r#"{"StringEquals":{"aws:SourceOrgID":"o-exampleorgid"}}"#;
    let (finding, status) = judge(&lab, ACCEPT, OWN, &ssm_if(condition));
    let summary = finding.unwrap()["summary"].as_str().unwrap().to_owned();
    assert!(summary.contains("set accounts.organization_id"), "{summary}");
    assert_eq!(status, 3);
}

/// A statement beside the baseline's.
fn allow(principal: &str, action: &str, condition: &str) -> String {
    let condition = match condition {
        "" => String::new(),
        block => format!(r#","Condition":{block}"#),
    };
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"{action}"{condition}}}"#)
}

/// A row: the principal, the action, the condition, the severity, what the summary says, and what it must not say.
type Grant = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// Stands in no summary.
const NOTHING: &str = "§";
const ROLE: &str = "sts:AssumeRole";
const WEB: &str = "sts:AssumeRoleWithWebIdentity";
const GRANTS: &[Grant] = &[
    (r#"{"AWS":"*"}"#, ROLE, "", "critical", "anyone in the world", "if "),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}}"#,
        "critical",
        "anyone in the world",
        NOTHING,
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"sts:ExternalId":"s3cret"}}"#,
        "high",
        "who knows the external id",
        NOTHING,
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringLike":{"sts:ExternalId":"*"}}"#,
        "critical",
        "anyone in the world",
        "knows",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
        "high",
        "organization o-exampleorgid",
        "world",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalOrgID":"o-otherorgid000"}}"#,
        "critical",
        "organization o-otherorgid000",
        "world",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}"#,
        "medium",
        "this account",
        "world",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalAccount":"999988887777"}}"#,
        "critical",
        "account 999988887777",
        "world",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#,
        "high",
        "aws:SourceIp is in 192.0.2.0/24",
        NOTHING,
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/ops"}}"#,
        "medium",
        "role/ops",
        "world",
    ),
    (r#"{"AWS":"999988887777"}"#, ROLE, "", "critical", "anyone in account 999988887777", "if "),
    (
        r#"{"AWS":"999988887777"}"#,
        ROLE,
        r#"{"StringEquals":{"sts:ExternalId":"s3cret"}}"#,
        "high",
        "if sts:ExternalId is s3cret",
        NOTHING,
    ),
    (
        r#"{"AWS":"999988887777"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
        "high",
        "if aws:PrincipalOrgID",
        NOTHING,
    ),
    (
        r#"{"AWS":"999988887777"}"#,
        ROLE,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        "high",
        "aws:MultiFactorAuthPresent",
        NOTHING,
    ),
    (r#"{"AWS":"111122223333"}"#, ROLE, "", "high", "anyone in this account", "if "),
    (
        r#"{"AWS":"111122223333"}"#,
        ROLE,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/ops"}}"#,
        "medium",
        "role/ops",
        "anyone",
    ),
    (
        r#"{"AWS":"arn:aws:iam::111122223333:role/ci"}"#,
        ROLE,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        "medium",
        "role/ci",
        "anyone",
    ),
    (r#"{"AWS":"AROAEXAMPLEDELETED000"}"#, ROLE, "", "low", "dead entry", "may assume"),
    (r#"{"AWS":"AIDAEXAMPLEDELETED000"}"#, ROLE, "", "low", "dead entry", "may assume"),
    (
        r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
        WEB,
        r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:*/infra:*"}}"#,
        "critical",
        "anyone with an account",
        NOTHING,
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"ArnLike":{"aws:PrincipalArn":"*"}}"#,
        "critical",
        "anyone in the world",
        NOTHING,
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
        "critical",
        "anyone in the world",
        NOTHING,
    ),
    (
        r#"{"Federated":"accounts.google.com"}"#,
        WEB,
        "",
        "critical",
        "anyone with an account at accounts.google.com",
        NOTHING,
    ),
    (
        r#"{"Federated":"cognito-identity.amazonaws.com"}"#,
        WEB,
        "",
        "critical",
        "anyone with an account at cognito",
        NOTHING,
    ),
    (
        r#"{"Federated":"graph.facebook.com"}"#,
        WEB,
        "",
        "critical",
        "anyone with an account",
        NOTHING,
    ),
    (r#"{"Federated":"www.amazon.com"}"#, WEB, "", "critical", "anyone with an account", NOTHING),
    (
        r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
        WEB,
        r#"{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}"#,
        "critical",
        "anyone with an account at token.actions.githubusercontent.com",
        NOTHING,
    ),
    (
        r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
        WEB,
        r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:*"}}"#,
        "critical",
        "anyone with an account",
        NOTHING,
    ),
    (
        r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
        WEB,
        r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/infra:*"}}"#,
        "high",
        "identities of token.actions.githubusercontent.com",
        "anyone",
    ),
    (
        r#"{"Federated":"accounts.google.com"}"#,
        WEB,
        r#"{"StringEquals":{"accounts.google.com:aud":"my-client"}}"#,
        "high",
        "identities of accounts.google.com",
        "anyone",
    ),
    (
        r#"{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"}"#,
        "sts:AssumeRoleWithSAML",
        "",
        "high",
        "identity provider",
        NOTHING,
    ),
    (
        r#"{"Service":"lambda.amazonaws.com"}"#,
        ROLE,
        "",
        "high",
        "the service lambda.amazonaws.com",
        NOTHING,
    ),
    (
        r#"{"Service":"sns.amazonaws.com"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#,
        "medium",
        "if aws:SourceAccount",
        NOTHING,
    ),
    (
        r#"{"AWS":"999988887777"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#,
        "low",
        "never",
        "may assume",
    ),
    // No one stranger stands for all: patterns and Denies that keep one out keep nobody out.
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringLike":{"aws:PrincipalAccount":"1*"}}"#,
        "critical",
        "anyone in the world",
        "this account",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringNotLike":{"aws:PrincipalAccount":"9*"}}"#,
        "critical",
        "anyone in the world",
        "this account",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::1*:root"}}"#,
        "critical",
        "anyone in the world",
        "this account",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringLike":{"aws:PrincipalOrgID":"o-e*"}}"#,
        "critical",
        "anyone in the world",
        "in organization",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringLike":{"sts:ExternalId":"*z*"}}"#,
        "critical",
        "anyone in the world",
        "knows",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}"#,
        "high",
        "organization o-exampleorgid",
        "world",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}"#,
        "medium",
        "this account",
        "world",
    ),
    (
        r#"{"AWS":"*"}"#,
        ROLE,
        r#"{"StringEquals":{"aws:PrincipalAccount":"*"}}"#,
        "low",
        "never",
        "may assume",
    ),
    (
        r#"{"Federated":"arn:aws:iam::222233334444:saml-provider/x"}"#,
        "sts:AssumeRoleWithSAML",
        "",
        "critical",
        "identity provider",
        NOTHING,
    ),
    (
        r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}"#,
        WEB,
        r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:myorg*"}}"#,
        "critical",
        "anyone with an account",
        NOTHING,
    ),
    (r#"{"Federated":"*"}"#, WEB, "", "critical", "anyone in the world", NOTHING),
];

#[test]
fn a_grant_is_told_by_whom_its_conditions_let_in() {
    let lab = lab();
    let config = "accounts: {organization_id: o-exampleorgid}\n";
    for (principal, action, condition, severity, says, never_says) in GRANTS {
        let case = format!("{principal} {condition}");
        let statements = [SSM.to_owned(), allow(principal, action, condition)];
        let (finding, status) = judge(&lab, config, OWN, &statements);
        let finding = finding.unwrap_or_else(|| panic!("case {case}: no finding"));
        let summary = finding["summary"].as_str().unwrap();
        assert_eq!((&finding["verdict"], status), (&json!("excess"), 3), "case {case}");
        assert_eq!(finding["severity"], *severity, "case {case}: {summary}");
        assert!(summary.contains(says), "case {case}: {summary}");
        assert!(!summary.contains(never_says), "case {case}: {summary}");
        let offers = finding["fix"].as_array().unwrap().len();
        assert_eq!(
            offers,
            usize::from(condition.is_empty()),
            "case {case}: a fix removes no condition"
        );
        for witness in finding["witnesses"].as_array().unwrap() {
            let block: Value = serde_json::from_str(condition).unwrap_or(Value::Null);
            assert_eq!(witness["conditions"], block, "case {case}");
        }
    }
}

#[test]
fn a_deny_is_named_and_no_fix_removes_it() {
    let lab = lab();
    let deny = |principal: &str, condition: &str| {
        allow(principal, "sts:AssumeRole", condition).replace("Allow", "Deny")
    };
    let ssm = r#"{"Service":"ssm.amazonaws.com"}"#;
    let cases = [
        (vec![SSM.to_owned(), deny(ssm, "")], "missing", "high", "a Deny forbids"),
        (vec![deny(r#"{"AWS":"*"}"#, "")], "missing", "high", "a Deny forbids"),
        (
            vec![
                SSM.to_owned(),
                allow(r#"{"AWS":"999988887777"}"#, "sts:AssumeRole", ""),
                deny(ssm, ""),
            ],
            "missing_and_excess",
            "critical",
            "a Deny forbids",
        ),
        (
            vec![
                SSM.to_owned(),
                deny(ssm, r#"{"StringNotEquals":{"aws:SourceAccount":"111122223333"}}"#),
            ],
            "conditional",
            "medium",
            "unless aws:SourceAccount is not 111122223333",
        ),
        (
            vec![
                SSM.to_owned(),
                deny(ssm, r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#),
            ],
            "missing",
            "high",
            "never holds",
        ),
    ];
    for (statements, verdict, severity, says) in cases {
        let (finding, _) = judge(&lab, "{}", OWN, &statements);
        let finding = finding.unwrap_or_else(|| panic!("case {statements:?}: no finding"));
        let summary = finding["summary"].as_str().unwrap();
        let got = (finding["verdict"].as_str().unwrap(), finding["severity"].as_str().unwrap());
        assert_eq!(got, (verdict, severity), "case {statements:?}: {summary}");
        assert!(summary.contains(says), "case {statements:?}: {summary}");
        assert_eq!(finding["fix"], json!([]), "case {statements:?}");
    }
}

/// A key that says `info` hides no grant that reaches beyond the account, and none whose reach is not known.
#[test]
fn no_severity_key_hides_who_comes_from_outside() {
    let lab = lab();
    let config =
        "accounts: {organization_id: o-exampleorgid}\nchecks: {trust-policy: {severity: info}}\n";
    let deny = allow(
        r#"{"AWS":"999999999999"}"#,
        "sts:AssumeRole",
        r#"{"Bool":{"aws:PrincipalIsAWSService":"false"}}"#,
    );
    let all = allow(r#"{"AWS":"*"}"#, "sts:AssumeRole", "");
    let cases = [
        ("the world", vec![SSM.to_owned(), all.clone()]),
        (
            "the world but one account",
            vec![SSM.to_owned(), all.clone(), deny.replace("Allow", "Deny")],
        ),
        ("no policy", vec![SSM.to_owned(), all.replace("Effect", "effect")]),
        (
            "a service that acts for others",
            vec![
                SSM.to_owned(),
                allow(
                    r#"{"Service":"ec2.amazonaws.com"}"#,
                    "sts:AssumeRole",
                    r#"{"StringEquals":{"aws:SourceAccount":"222233334444"}}"#,
                ),
            ],
        ),
    ];
    for account in [OWN, "999999999999"] {
        for (case, statements) in &cases {
            let (finding, status) = judge(&lab, config, account, statements);
            assert_eq!(status, 3, "case `{case}` in {account}: {finding:?}");
            let severity = finding.unwrap()["severity"].as_str().unwrap().to_owned();
            assert!(
                ["critical", "high"].contains(&severity.as_str()),
                "case `{case}` in {account}: {severity}"
            );
        }
    }
}
