//! The table: a role, the configuration it is judged by, and all that is said about it.

use super::documents::*;
use crate::model::Snapshot;

/// One case.
pub(super) struct Row {
    pub(super) case: &'static str,
    /// Configuration beside `accounts`.
    pub(super) yaml: &'static str,
    pub(super) snapshot: fn() -> Snapshot,
    /// The state, then every finding: check, verdict, severity, summary.
    pub(super) want: &'static [&'static str],
}

const fn row(
    case: &'static str,
    yaml: &'static str,
    snapshot: fn() -> Snapshot,
    want: &'static [&'static str],
) -> Row {
    Row { case, yaml, snapshot, want }
}

pub(super) const TABLE: &[Row] = &[
    // role-exists
    row("the role as the baseline has it", "", || role(|_| {}), &[]),
    row("an absent role that is required", "", || Snapshot::Absent, &[]),
    row("an absent role, of which much is asked", EVERYTHING, || Snapshot::Absent, &[]),
    row(
        "an absent role that is optional",
        "baseline: {presence: optional}",
        || Snapshot::Absent,
        &[],
    ),
    row(
        "an absent role that is forbidden",
        "baseline: {presence: forbidden}",
        || Snapshot::Absent,
        &[],
    ),
    row(
        "an absent role where absence is not judged",
        "checks: {role-exists: {enabled: false}}",
        || Snapshot::Absent,
        &[],
    ),
    row(
        "a role that is forbidden",
        "baseline: {presence: forbidden}",
        || role(|r| r.attached = managed(ADMINISTRATOR, None)),
        &[],
    ),
    row(
        "a role that is forbidden where presence is not judged",
        "baseline: {presence: forbidden}\nchecks: {role-exists: {enabled: false}}",
        || role(|r| r.inline.clear()),
        &[],
    ),
    row("a role at another path", "", || role(|r| r.arn.path = "/team/".to_owned()), &[]),
    row(
        "a role in other case",
        "",
        || role(|r| r.arn.name = "amazonEKSconnectorAgentRole".to_owned()),
        &[],
    ),
    // trust-policy
    row(
        "the same trust in other words",
        "",
        || {
            role(|r| {
                r.trust_policy = r#"{"Statement":{"Sid":"x","Action":["STS:assumeRole"],"Principal":{"Service":"ssm.amazonaws.com"},"Effect":"Allow"}}"#.to_owned()
            })
        },
        &[],
    ),
    row(
        "its own account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"111122223333"}"#)),
        &[],
    ),
    row(
        "a role of its own account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"arn:aws:iam::111122223333:role/ci"}"#)),
        &[],
    ),
    row(
        "another account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#)),
        &[],
    ),
    row(
        "another account is trusted, written with escapes",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"\u0039\u003999988887777"}"#)),
        &[],
    ),
    row(
        "a user of another account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"arn:aws:iam::999988887777:user/eve"}"#)),
        &[],
    ),
    row("everyone is trusted", "", || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)), &[]),
    row(
        "everyone is trusted, and a Sid names an account",
        "",
        || {
            role(|r| {
                r.trust_policy = trust_and(
                    r#"{"Sid":"for999999999999","Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}"#,
                )
            })
        },
        &[],
    ),
    row(
        "another service is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"Service":"ec2.amazonaws.com"}"#)),
        &[],
    ),
    row(
        "an identity provider is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"Federated":"accounts.google.com"}"#)),
        &[],
    ),
    row(
        "a canonical user is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"CanonicalUser":"79a59df900b949e5"}"#)),
        &[],
    ),
    row(
        "a deleted role is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"AROAEXAMPLEID"}"#)),
        &[],
    ),
    row(
        "another action is trusted to the service",
        "",
        || {
            role(|r| {
                r.trust_policy = trust_and(
                    r#"{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:TagSession"}"#,
                )
            })
        },
        &[],
    ),
    row(
        "the service is not trusted, another one is",
        "",
        || role(|r| r.trust_policy = trust(r#"{"Service":"ec2.amazonaws.com"}"#)),
        &[],
    ),
    row(
        "the service is denied",
        "",
        || {
            role(|r| {
                r.trust_policy =
                    trust_and(r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:*"}"#)
            })
        },
        &[],
    ),
    row(
        "the worst of many is told first",
        "",
        || {
            let services: Vec<String> =
                (0..20).map(|n| format!(r#""s{n:02}.amazonaws.com""#)).collect();
            let who = format!(r#"{{"Service":[{}],"AWS":"999988887777"}}"#, services.join(","));
            role(|r| r.trust_policy = trust_also(&who))
        },
        &[],
    ),
    row(
        "the trust policy is cut off",
        "",
        || role(|r| r.trust_policy = TRUST.chars().take(60).collect()),
        &[],
    ),
    row(
        "the trust policy says what AWS leaves undefined",
        "",
        || {
            role(|r| {
                r.trust_policy = trust_and(
                    r#"{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam"},"Action":"sts:AssumeRole"}"#,
                )
            })
        },
        &[],
    ),
    // trust-policy under conditions
    row(
        "a condition on this account",
        "",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[],
    ),
    row(
        "an accepted condition on this account",
        ACCEPT,
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[],
    ),
    row(
        "an accepted condition on an ARN of this account",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"ArnEquals":{"AWS:SourceArn":"arn:aws:ssm:*:111122223333:*"}}"#)
            })
        },
        &[],
    ),
    row(
        "a pattern in a test that knows none",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"StringEquals":{"aws:SourceArn":"arn:aws:ssm:*:111122223333:*"}}"#)
            })
        },
        &[],
    ),
    row(
        "an accepted condition on this organization",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy = trust_if(r#"{"StringEquals":{"aws:SourceOrgID":"o-example"}}"#)
            })
        },
        &[],
    ),
    row(
        "a condition that is not accepted beside one that is",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy = trust_if(
                    r#"{"StringEquals":{"aws:SourceAccount":"111122223333","aws:RequestedRegion":"eu-west-1"}}"#,
                )
            })
        },
        &[],
    ),
    row(
        "an accepted condition on several accounts",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy = trust_if(
                    r#"{"StringEquals":{"aws:SourceAccount":["111122223333","999988887777"]}}"#,
                )
            })
        },
        &[],
    ),
    row(
        "a condition on another account",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"StringEquals":{"aws:SourceAccount":"999988887777"}}"#)
            })
        },
        &[],
    ),
    row(
        "a condition on an ARN of another account",
        "",
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"ArnLike":{"aws:SourceArn":"arn:aws:ssm:*:999988887777:*"}}"#)
            })
        },
        &[],
    ),
    row(
        "a Deny under a condition",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy = trust_and(
                    r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"*","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}"#,
                )
            })
        },
        &[],
    ),
    row(
        "a useless Allow for another account beside one that works sometimes",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy = document(&[
                    r#"{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}"#,
                    r#"{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"999988887777"}}}"#,
                    r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
                ])
            })
        },
        &[],
    ),
    row(
        "the pin that the baseline asks for",
        PIN,
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[],
    ),
    row("no pin, where the baseline asks for one", PIN, || role(|_| {}), &[]),
    row(
        "a pin to another account, where the baseline asks for one",
        PIN,
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"StringEquals":{"aws:SourceAccount":"999988887777"}}"#)
            })
        },
        &[],
    ),
    // inline-policy
    row(
        "the same permissions in two policies",
        "",
        || {
            role(|r| {
                inline(r, &[CONTROL]);
                r.inline.insert("other".to_owned(), document(&[CHANNELS]));
            })
        },
        &[],
    ),
    row("a permission is missing", "", || role(|r| inline(r, &[CHANNELS])), &[]),
    row("a wildcard allows more", "", || role(|r| inline(r, &[CONTROL, WILDCARD])), &[]),
    row(
        "one permission is missing and another one in excess",
        "",
        || role(|r| inline(r, &[CONTROL, LOGS])),
        &[],
    ),
    row(
        "a permission may be denied",
        "",
        || role(|r| inline(r, &[CONTROL, CHANNELS, DENY_SOMETIMES])),
        &[],
    ),
    row("no inline policy", "", || role(|r| r.inline.clear()), &[]),
    row(
        "no inline policy under the usual name",
        "",
        || role(|r| r.inline = [("other".to_owned(), document(&[LOGS]))].into()),
        &[],
    ),
    row(
        "an inline policy that is none",
        "",
        || role(|r| r.inline.values_mut().for_each(|text| text.push('}'))),
        &[],
    ),
    row(
        "a Deny in a second policy",
        "",
        || role(|r| drop(r.inline.insert("zz".to_owned(), document(&[DENY_CONTROL])))),
        &[],
    ),
    row(
        "a second policy with more",
        "",
        || role(|r| drop(r.inline.insert("aa".to_owned(), document(&[LOGS])))),
        &[],
    ),
    row(
        "a policy that is too hard to decide",
        "",
        || role(|r| inline(r, &[CONTROL, CHANNELS, &too_hard(), &too_long()])),
        &[],
    ),
    row(
        "a policy that is too hard to decide, and everyone is trusted",
        "",
        || {
            role(|r| {
                inline(r, &[CONTROL, CHANNELS, &too_hard(), &too_long()]);
                r.trust_policy = trust_also(r#"{"AWS":"*"}"#);
            })
        },
        &[],
    ),
    // delivered by managed policies
    row(
        "the permissions come from a managed policy",
        "",
        || {
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, Some(INLINE));
            })
        },
        &[],
    ),
    row(
        "the permissions come from a managed policy, as they may",
        MANAGED,
        || {
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, Some(INLINE));
            })
        },
        &[],
    ),
    row(
        "half of the permissions comes from a managed policy",
        "",
        || {
            role(|r| {
                inline(r, &[CONTROL]);
                r.attached = managed(CUSTOM, Some(&document(&[CHANNELS])));
            })
        },
        &[],
    ),
    row(
        "half of the permissions comes from a managed policy, as it may",
        MANAGED,
        || {
            role(|r| {
                inline(r, &[CONTROL]);
                r.attached = managed(CUSTOM, Some(&document(&[CHANNELS])));
            })
        },
        &[],
    ),
    row(
        "only half of the permissions is there, in a managed policy",
        MANAGED,
        || {
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, Some(&document(&[CHANNELS])));
            })
        },
        &[],
    ),
    row(
        "the permissions may come from a managed policy nobody could read",
        MANAGED,
        || {
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, None);
            })
        },
        &[],
    ),
    row(
        "the permissions come from AdministratorAccess",
        MANAGED,
        || {
            role(|r| {
                r.inline.clear();
                r.attached = managed(ADMINISTRATOR, Some(ALL));
            })
        },
        &[],
    ),
    row(
        "the permissions come from two managed policies",
        "",
        || {
            role(|r| {
                r.inline.clear();
                r.attached = managed(CUSTOM, Some(&document(&[CHANNELS])));
                r.attached.extend(managed(
                    "arn:aws:iam::111122223333:policy/control",
                    Some(&document(&[CONTROL])),
                ));
            })
        },
        &[],
    ),
    // attached-policies
    row(
        "AdministratorAccess is attached",
        "",
        || role(|r| r.attached = managed(ADMINISTRATOR, Some(ALL))),
        &[],
    ),
    row(
        "a policy nobody could read is attached",
        "",
        || role(|r| r.attached = managed(CUSTOM, None)),
        &[],
    ),
    row(
        "a policy nobody could read is attached, where some may be",
        MANAGED,
        || role(|r| r.attached = managed(CUSTOM, None)),
        &[],
    ),
    row(
        "a harmless policy is attached",
        "",
        || role(|r| r.attached = managed(CUSTOM, Some(&document(&[CHANNELS])))),
        &[],
    ),
    row(
        "a required policy is attached",
        REQUIRED,
        || role(|r| r.attached = managed(CLUSTER, Some(&document(&[LOGS])))),
        &[],
    ),
    row("a required policy is not attached", REQUIRED, || role(|_| {}), &[]),
    row(
        "another policy is attached than the required one",
        REQUIRED,
        || role(|r| r.attached = managed(ADMINISTRATOR, Some(ALL))),
        &[],
    ),
    row(
        "an allowed policy is attached",
        ALLOWED,
        || role(|r| r.attached = managed(CLUSTER, Some(&document(&[LOGS])))),
        &[],
    ),
    // effective-permissions
    row(
        "a managed policy denies",
        "",
        || role(|r| r.attached = managed(CUSTOM, Some(&document(&[DENY_CONTROL])))),
        &[],
    ),
    row(
        "a managed policy denies under a condition",
        "",
        || role(|r| r.attached = managed(CUSTOM, Some(&document(&[DENY_SOMETIMES])))),
        &[],
    ),
    row(
        "a boundary that lets all through",
        "",
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(ALL))))),
        &[],
    ),
    row(
        "a boundary that cuts",
        "",
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(&document(&[CHANNELS])))))),
        &[],
    ),
    row(
        "a boundary that cuts under a condition",
        "",
        || {
            role(|r| {
                r.boundary = Some((
                    BOUNDARY.to_owned(),
                    policy(Some(&document(&[CONTROL, CHANNELS, DENY_SOMETIMES]))),
                ))
            })
        },
        &[],
    ),
    row(
        "a boundary nobody could read",
        "",
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(None)))),
        &[],
    ),
    row(
        "a boundary that cuts, and a policy nobody could read",
        MANAGED,
        || {
            role(|r| {
                r.attached = managed(CUSTOM, None);
                r.boundary = Some((BOUNDARY.to_owned(), policy(Some(NOTHING))));
            })
        },
        &[],
    ),
    row(
        "a boundary that cuts, and no policy at all",
        "",
        || {
            role(|r| {
                r.inline.clear();
                r.boundary = Some((BOUNDARY.to_owned(), policy(Some(NOTHING))));
            })
        },
        &[],
    ),
    row(
        "the required boundary cuts",
        BOUNDED,
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(NOTHING))))),
        &[],
    ),
    row(
        "another boundary than the required one cuts",
        BOUNDED,
        || role(|r| r.boundary = Some((CUSTOM.to_owned(), policy(Some(NOTHING))))),
        &[],
    ),
    // role-attributes
    row(
        "the required boundary",
        BOUNDED,
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(ALL))))),
        &[],
    ),
    row("no boundary where one is required", BOUNDED, || role(|_| {}), &[]),
    row("sessions are too long", "", || role(|r| r.max_session_seconds = Some(3_601)), &[]),
    row(
        "sessions are as long as they may be",
        "baseline: {max_session_duration: 2h}",
        || role(|r| r.max_session_seconds = Some(7_200)),
        &[],
    ),
    row("the length of sessions is not known", "", || role(|r| r.max_session_seconds = None), &[]),
    row("a required tag is missing", TAGGED, || role(|_| {}), &[]),
    row(
        "a required tag has another value",
        TAGGED,
        || {
            role(|r| {
                r.tags = [
                    ("team".to_owned(), "x".to_owned()),
                    ("it's".to_owned(), "a,b=c \"d\"".to_owned()),
                ]
                .into()
            })
        },
        &[],
    ),
    row(
        "required tags and others",
        TAGGED,
        || {
            role(|r| {
                r.tags = [
                    ("team".to_owned(), "platform".to_owned()),
                    ("it's".to_owned(), "a,b=c \"d\"".to_owned()),
                    ("x".to_owned(), "y".to_owned()),
                ]
                .into()
            })
        },
        &[],
    ),
    // Partitions.
    row("a role in China", "", || role_in("aws-cn", |_| {}), &[]),
    row("a role in GovCloud", "", || role_in("aws-us-gov", |_| {}), &[]),
    row(
        "a role in China that names another partition",
        "",
        || role_in("aws-cn", |r| r.inline.values_mut().for_each(|text| *text = INLINE.to_owned())),
        &[],
    ),
    row(
        "another service principal in China",
        "baseline: {service_principals: {aws-cn: ssm.amazonaws.com.cn}}",
        || role_in("aws-cn", |r| r.trust_policy = trust(r#"{"Service":"ssm.amazonaws.com.cn"}"#)),
        &[],
    ),
    row(
        "the service principal of another partition",
        "baseline: {service_principals: {aws-cn: ssm.amazonaws.com.cn}}",
        || role_in("aws-cn", |_| {}),
        &[],
    ),
    row(
        "a required policy in China",
        REQUIRED,
        || {
            role_in("aws-cn", |r| {
                r.attached = managed(
                    "arn:aws-cn:iam::aws:policy/AmazonEKSClusterPolicy",
                    Some(&document(&[LOGS])),
                )
            })
        },
        &[],
    ),
    row(
        "a required policy that is not attached in China",
        REQUIRED,
        || role_in("aws-cn", |_| {}),
        &[],
    ),
    row("a required boundary in China", BOUNDED, || role_in("aws-cn", |_| {}), &[]),
    // Severities and states.
    row(
        "the configured severity replaces the computed one",
        "checks: {trust-policy: {severity: low}}",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &[],
    ),
    row(
        "what is accepted stays information",
        "checks: {trust-policy: {severity: critical, accept_conditions: [aws:SourceAccount]}}",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[],
    ),
    row(
        "a finding below fail_on",
        "fail_on: medium",
        || role(|r| r.max_session_seconds = Some(43_200)),
        &[],
    ),
    row(
        "a finding at fail_on",
        "fail_on: medium",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[],
    ),
    row(
        "every finding is excused",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], checks: [trust-policy], reason: r, owner: o, expires: 2027-01-31}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &[],
    ),
    row(
        "an exception holds on its last day",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], checks: [trust-policy], reason: r, owner: o, expires: 2026-11-24}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &[],
    ),
    row(
        "an exception that expired yesterday",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], checks: [trust-policy], reason: r, owner: o, expires: 2026-11-23}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &[],
    ),
    row(
        "an exception for another account",
        "exceptions: [{id: EX-1, accounts: [\"444455556666\"], checks: [trust-policy], reason: r, owner: o, expires: 2027-01-31}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &[],
    ),
    row(
        "only some findings are excused",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], checks: [trust-policy], reason: r, owner: o, expires: 2027-01-31}]",
        || {
            role(|r| {
                r.trust_policy = trust_also(r#"{"AWS":"*"}"#);
                r.max_session_seconds = Some(43_200);
            })
        },
        &[],
    ),
    row(
        "a finding is excused, and something is not decided",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], checks: [trust-policy], reason: r, owner: o, expires: 2027-01-31}]",
        || {
            role(|r| {
                r.trust_policy = trust_also(r#"{"AWS":"*"}"#);
                r.boundary = Some((BOUNDARY.to_owned(), policy(None)));
            })
        },
        &[],
    ),
    // Hostile names.
    row(
        "names that would like to be commands",
        "",
        || {
            role(|r| {
                r.inline.insert(HOSTILE.to_owned(), document(&[LOGS]));
                r.inline.insert("--profile=evil".to_owned(), document(&[CONTROL]));
                r.attached =
                    managed(&format!("arn:aws:iam::111122223333:policy/{HOSTILE}"), Some(ALL));
            })
        },
        &[],
    ),
    row(
        "principals that would like to be commands",
        "",
        || {
            role(|r| {
                r.trust_policy =
                    trust_also(r#"{"Service":"'; rm -rf $(x)\n\u001b[31m\u202e.amazonaws.com"}"#)
            })
        },
        &[],
    ),
    row(
        "resources that would like to be commands",
        "",
        || {
            role(|r| {
                inline(
                    r,
                    &[
                        CONTROL,
                        CHANNELS,
                        r#"{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"'; rm -rf $(x)\n\u001b[31m\u202e"}"#,
                    ],
                )
            })
        },
        &[],
    ),
    row(
        "a boundary that would like to be a command",
        "",
        || role(|r| r.boundary = Some((HOSTILE.to_owned(), policy(Some(NOTHING))))),
        &[],
    ),
];

const CLUSTER: &str = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";
const HOSTILE: &str = "x'; rm -rf \"$(x)\" `y` \\\n\u{1b}[31m\u{202e}";
const OWN_ACCOUNT: &str = r#"{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#;
const ACCEPT: &str = "checks: {trust-policy: {accept_conditions: [aws:SourceAccount, aws:SourceArn, aws:SourceOrgID]}}";
const PIN: &str = "baseline: {trust_policy: pinned.json}";
const MANAGED: &str = "checks: {inline-policy: {accept_managed: true}}";
const REQUIRED: &str =
    "checks: {attached-policies: {required: [\"arn:aws:iam::aws:policy/AmazonEKSClusterPolicy\"]}}";
const ALLOWED: &str =
    "checks: {attached-policies: {allowed: [\"arn:aws:iam::aws:policy/AmazonEKSClusterPolicy\"]}}";
const BOUNDED: &str =
    "baseline: {permissions_boundary: \"arn:aws:iam::${rolewarden:account_id}:policy/boundary\"}";
const TAGGED: &str = r#"baseline: {required_tags: {team: platform, "it's": "a,b=c \"d\""}}"#;
const EVERYTHING: &str = r#"
baseline:
  path: /team/
  inline_policy_name: connector
  permissions_boundary: "arn:aws:iam::${rolewarden:account_id}:policy/boundary"
  required_tags: {"it's": "a,b=c \"d\""}
checks: {attached-policies: {required: ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]}}
"#;

/// Every text of at least 25 characters whose 25th from the end is an `a`, …
fn too_hard() -> String {
    format!(r#"{{"Effect":"Allow","Action":"*a{}","Resource":"*"}}"#, "?".repeat(24))
}

/// … and no such text after all: which takes more steps to see than the budget has.
fn too_long() -> String {
    let lengths: Vec<String> = (25..60).map(|n| format!(r#""{}""#, "?".repeat(n))).collect();
    let action = format!(r#"[{},"{}*"]"#, lengths.join(","), "?".repeat(60));
    format!(r#"{{"Effect":"Deny","Action":{action},"Resource":"*"}}"#)
}
