//! The table: a role, the configuration it is judged by, and all that is said about it.

use super::documents::*;
use crate::model::Snapshot;

/// One case.
pub(crate) struct Row {
    pub(crate) case: &'static str,
    /// Configuration beside `accounts`.
    pub(crate) yaml: &'static str,
    pub(crate) snapshot: fn() -> Snapshot,
    /// The state, then every finding: check, verdict, severity, summary.
    pub(crate) want: &'static [&'static str],
}

const fn row(
    case: &'static str,
    yaml: &'static str,
    snapshot: fn() -> Snapshot,
    want: &'static [&'static str],
) -> Row {
    Row { case, yaml, snapshot, want }
}

pub(crate) const TABLE: &[Row] = &[
    // role-exists
    row("the role as the baseline has it", "", || role(|_| {}), &["compliant"]),
    row(
        "an absent role that is required",
        "",
        || Snapshot::Absent,
        &[
            "drifted",
            "role-exists absent high: there is no role AmazonEKSConnectorAgentRole in this account",
        ],
    ),
    row(
        "an absent role, of which much is asked",
        EVERYTHING,
        || Snapshot::Absent,
        &[
            "drifted",
            "role-exists absent high: there is no role AmazonEKSConnectorAgentRole in this account",
        ],
    ),
    row(
        "an absent role that is optional",
        "baseline: {presence: optional}",
        || Snapshot::Absent,
        &["not_applicable"],
    ),
    row(
        "an absent role that is forbidden",
        "baseline: {presence: forbidden}",
        || Snapshot::Absent,
        &["compliant"],
    ),
    row(
        "an absent role where absence is not judged",
        "checks: {role-exists: {enabled: false}}",
        || Snapshot::Absent,
        &["not_applicable"],
    ),
    row(
        "a role that is forbidden",
        "baseline: {presence: forbidden}",
        || role(|r| r.attached = managed(ADMINISTRATOR, None)),
        &[
            "drifted",
            "role-exists excess high: the role AmazonEKSConnectorAgentRole is here, and the configuration forbids it",
        ],
    ),
    row(
        "a role that is forbidden where presence is not judged",
        "baseline: {presence: forbidden}\nchecks: {role-exists: {enabled: false}}",
        || role(|r| r.inline.clear()),
        &[
            "drifted",
            "inline-policy absent high: the role has no inline policy, which is expected to allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*: the connector cannot work",
        ],
    ),
    row(
        "a role at another path",
        "",
        || role(|r| r.arn.path = "/team/".to_owned()),
        &[
            "drifted",
            "role-exists absent medium: the role has path /team/ instead of /. IAM cannot change a path: delete the role and create it again",
        ],
    ),
    row(
        "a role in other case",
        "",
        || role(|r| r.arn.name = "amazonEKSconnectorAgentRole".to_owned()),
        &[
            "drifted",
            "role-exists absent medium: the role is named amazonEKSconnectorAgentRole instead of AmazonEKSConnectorAgentRole. IAM cannot change a name: delete the role and create it again",
        ],
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
        &["compliant"],
    ),
    row(
        "its own account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"111122223333"}"#)),
        &[
            "drifted",
            "trust-policy excess high: anyone in this account (111122223333) may assume the role",
        ],
    ),
    row(
        "a role of its own account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"arn:aws:iam::111122223333:role/ci"}"#)),
        &[
            "drifted",
            "trust-policy excess high: arn:aws:iam::111122223333:role/ci may assume the role",
        ],
    ),
    row(
        "another account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: anyone in account 999988887777 may assume the role",
        ],
    ),
    row(
        "another account is trusted, written with escapes",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"\u0039\u00399988887777"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: anyone in account 999988887777 may assume the role",
        ],
    ),
    row(
        "a user of another account is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"arn:aws:iam::999988887777:user/eve"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: arn:aws:iam::999988887777:user/eve may assume the role",
        ],
    ),
    row(
        "everyone is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &["drifted", "trust-policy excess critical: anyone in the world may assume the role"],
    ),
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
        &["drifted", "trust-policy excess critical: anyone in the world may assume the role"],
    ),
    row(
        "another service is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"Service":"ec2.amazonaws.com"}"#)),
        &["drifted", "trust-policy excess high: the service ec2.amazonaws.com may assume the role"],
    ),
    row(
        "an identity provider is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"Federated":"accounts.google.com"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: anyone with an account at accounts.google.com may assume the role",
        ],
    ),
    row(
        "a canonical user is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"CanonicalUser":"79a59df900b949e5"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: the canonical user 79a59df900b949e5 may assume the role",
        ],
    ),
    row(
        "a deleted role is trusted",
        "",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"AROAEXAMPLEID"}"#)),
        &[
            "drifted",
            "trust-policy excess low: dead entry: AROAEXAMPLEID was deleted, and nothing can assume the role as it",
        ],
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
        &[
            "drifted",
            "trust-policy excess high: the service ssm.amazonaws.com may call sts:TagSession on the role",
        ],
    ),
    row(
        "the service is not trusted, another one is",
        "",
        || role(|r| r.trust_policy = trust(r#"{"Service":"ec2.amazonaws.com"}"#)),
        &[
            "drifted",
            "trust-policy missing_and_excess high: the service ec2.amazonaws.com may assume the role and the service ssm.amazonaws.com may not assume the role",
        ],
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
        &[
            "drifted",
            "trust-policy missing high: a Deny forbids the service ssm.amazonaws.com to assume the role: the connector is locked out; left to people: it holds a Deny",
        ],
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
        &[
            "drifted",
            "trust-policy excess critical: anyone in account 999988887777 may assume the role, the service s00.amazonaws.com may assume the role, the service s01.amazonaws.com may assume the role, the service s02.amazonaws.com may assume the role, the service s03.amazonaws.com may assume the role and 16 more differ",
        ],
    ),
    row(
        "the trust policy is cut off",
        "",
        || role(|r| r.trust_policy = TRUST.chars().take(60).collect()),
        &[
            "drifted",
            "trust-policy invalid high: the trust policy is not one well-formed policy document: line 5, column 9: is not JSON: expected `\"` (control characters must be escaped), found the end",
        ],
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
        &[
            "drifted",
            "trust-policy invalid high: the trust policy is not one well-formed policy document: Statement[1].Principal.AWS: `arn:aws:iam` is an ARN with fewer than six fields; left to people: it holds a Deny",
        ],
    ),
    // trust-policy under conditions
    row(
        "a condition on this account",
        "",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[
            "drifted",
            "trust-policy conditional medium: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333 (checks.trust-policy.accept_conditions: [aws:SourceAccount] accepts it); left to people: it holds a condition",
        ],
    ),
    row(
        "an accepted condition on this account",
        ACCEPT,
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[
            "compliant",
            "trust-policy conditional info: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333, which is an accepted condition",
        ],
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
        &[
            "compliant",
            "trust-policy conditional info: the service ssm.amazonaws.com may assume the role only if AWS:SourceArn is arn:aws:ssm:*:111122223333:*, which is an accepted condition",
        ],
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
        &[
            "drifted",
            "trust-policy missing high: the service ssm.amazonaws.com can never assume the role: its condition never holds, as `*` and `?` are plain characters in aws:SourceArn `arn:aws:ssm:*:111122223333:*` with this operator; the connector is locked out; left to people: it holds a condition",
        ],
    ),
    row(
        "an accepted condition on this organization",
        ACCEPT,
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"StringEquals":{"aws:SourceOrgID":"o-exampleorgid"}}"#)
            })
        },
        &[
            "compliant",
            "trust-policy conditional info: the service ssm.amazonaws.com may assume the role only if aws:SourceOrgID is o-exampleorgid, which is an accepted condition",
        ],
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
        &[
            "drifted",
            "trust-policy conditional medium: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333 and aws:RequestedRegion is eu-west-1; left to people: it holds a condition",
        ],
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
        &[
            "drifted",
            "trust-policy conditional medium: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333 or 999988887777 (it does not keep other accounts out); left to people: it holds a condition",
        ],
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
        &[
            "drifted",
            "trust-policy missing high: the service ssm.amazonaws.com can never assume the role: its condition never holds, as aws:SourceAccount `999988887777` names another account than this one (111122223333); the connector is locked out; left to people: it holds a condition",
        ],
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
        &[
            "drifted",
            "trust-policy missing high: the service ssm.amazonaws.com can never assume the role: its condition never holds, as aws:SourceArn `arn:aws:ssm:*:999988887777:*` names another account than this one (111122223333); the connector is locked out; left to people: it holds a condition",
        ],
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
        &[
            "drifted",
            "trust-policy missing high: the service ssm.amazonaws.com can never assume the role: its condition never holds, as a Deny on aws:SourceAccount always holds; the connector is locked out; left to people: it holds a Deny",
        ],
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
        &[
            "drifted",
            "trust-policy conditional medium: the service ssm.amazonaws.com may assume the role unless aws:SecureTransport is false; left to people: it holds a Deny and a condition",
        ],
    ),
    row(
        "the pin that the baseline asks for",
        PIN,
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &["compliant"],
    ),
    row(
        "no pin, where the baseline asks for one",
        PIN,
        || role(|_| {}),
        &[
            "drifted",
            "trust-policy excess high: the service ssm.amazonaws.com may assume the role without the condition the baseline demands",
        ],
    ),
    row(
        "a pin to another account, where the baseline asks for one",
        PIN,
        || {
            role(|r| {
                r.trust_policy =
                    trust_if(r#"{"StringEquals":{"aws:SourceAccount":"999988887777"}}"#)
            })
        },
        &[
            "drifted",
            "trust-policy missing high: the service ssm.amazonaws.com can never assume the role: its condition never holds, as aws:SourceAccount `999988887777` names another account than this one (111122223333); the connector is locked out; left to people: it holds a condition",
        ],
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
        &["compliant"],
    ),
    row(
        "a permission is missing",
        "",
        || role(|r| inline(r, &[CHANNELS])),
        &[
            "drifted",
            "inline-policy missing high: the inline policy does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example: the connector cannot work",
        ],
    ),
    row(
        "a wildcard allows more",
        "",
        || role(|r| inline(r, &[CONTROL, WILDCARD])),
        &[
            "drifted",
            "inline-policy excess high: the inline policy allows ssmmessages:CreateControlChannel on arn:aws:ssmmessages:us-east-1:111122223333:*, beyond the baseline",
        ],
    ),
    row(
        "one permission is missing and another one in excess",
        "",
        || role(|r| inline(r, &[CONTROL, LOGS])),
        &[
            "drifted",
            "inline-policy missing_and_excess high: the inline policy does not allow ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*: the connector cannot work; the inline policy allows logs:PutLogEvents on arn:aws:logs:us-east-1:111122223333:log-group:example:log-stream:example, beyond the baseline",
        ],
    ),
    row(
        "a permission may be denied",
        "",
        || role(|r| inline(r, &[CONTROL, CHANNELS, DENY_SOMETIMES])),
        &[
            "drifted",
            "inline-policy conditional medium: the inline policy denies ssmmessages:Open* on every resource if aws:SecureTransport is false; left to people: it holds a Deny",
        ],
    ),
    row(
        "no inline policy",
        "",
        || role(|r| r.inline.clear()),
        &[
            "drifted",
            "inline-policy absent high: the role has no inline policy, which is expected to allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*: the connector cannot work",
        ],
    ),
    row(
        "no inline policy under the usual name",
        "",
        || role(|r| r.inline = [("other".to_owned(), document(&[LOGS]))].into()),
        &[
            "drifted",
            "inline-policy missing_and_excess high: the inline policy does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*: the connector cannot work; the inline policy allows logs:PutLogEvents on arn:aws:logs:us-east-1:111122223333:log-group:example:log-stream:example, beyond the baseline",
        ],
    ),
    row(
        "an inline policy that is none",
        "",
        || role(|r| r.inline.values_mut().for_each(|text| text.push('}'))),
        &[
            "drifted",
            "inline-policy invalid high: an inline policy is not one well-formed policy document: AmazonEKSConnectorAgentPolicy: line 24, column 1: is not JSON: expected nothing after the document, found `}`",
        ],
    ),
    row(
        "a Deny in a second policy",
        "",
        || role(|r| drop(r.inline.insert("zz".to_owned(), document(&[DENY_CONTROL])))),
        &[
            "drifted",
            "inline-policy missing medium: the inline policy zz denies ssmmessages:CreateControlChannel on arn:aws:eks:eu-west-1:*:*; the connector works only for clusters of this account except those in eu-west-1; left to people: zz holds a Deny",
        ],
    ),
    row(
        "a second policy with more",
        "",
        || role(|r| drop(r.inline.insert("aa".to_owned(), document(&[LOGS])))),
        &[
            "drifted",
            "inline-policy excess high: the inline policy aa allows logs:PutLogEvents on arn:aws:logs:us-east-1:111122223333:log-group:example:log-stream:example, beyond the baseline",
        ],
    ),
    row(
        "a policy that is too hard to decide",
        "",
        || role(|r| inline(r, &[CONTROL, CHANNELS, &too_hard(), &too_long()])),
        &[
            "unknown: undecided: inline-policy: the comparison spent its work budget; no claim is made",
        ],
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
        &["drifted", "trust-policy excess critical: anyone in the world may assume the role"],
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
        &[
            "drifted",
            "inline-policy absent low: the role has no inline policy, which is expected to allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; the attached connector allows it instead",
            "attached-policies excess low: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it allows nothing beyond the baseline",
        ],
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
        &["compliant"],
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
        &[
            "drifted",
            "inline-policy missing low: the inline policy does not allow ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; the attached connector allows it instead",
            "attached-policies excess low: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it allows nothing beyond the baseline",
        ],
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
        &["compliant"],
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
        &[
            "drifted",
            "inline-policy absent high: the role has no inline policy, which is expected to allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*: the connector cannot work",
            "attached-policies excess low: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it allows nothing beyond the baseline",
        ],
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
        &[
            "unknown: undecided: inline-policy: whether a managed policy allows the rest is not decided",
        ],
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
        &[
            "drifted",
            "attached-policies excess critical: the managed policy AdministratorAccess (arn:aws:iam::aws:policy/AdministratorAccess) is attached and not expected: it allows every action on every resource, such as iam:CreateUser on arn:aws:iam::111122223333:user/example, beyond the baseline",
        ],
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
        &[
            "drifted",
            "inline-policy absent low: the role has no inline policy, which is expected to allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; the attached connector and control allow it instead",
            "attached-policies excess low: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it allows nothing beyond the baseline",
            "attached-policies excess low: the managed policy control (arn:aws:iam::111122223333:policy/control) is attached and not expected: it allows nothing beyond the baseline",
        ],
    ),
    // attached-policies
    row(
        "AdministratorAccess is attached",
        "",
        || role(|r| r.attached = managed(ADMINISTRATOR, Some(ALL))),
        &[
            "drifted",
            "attached-policies excess critical: the managed policy AdministratorAccess (arn:aws:iam::aws:policy/AdministratorAccess) is attached and not expected: it allows every action on every resource, such as iam:CreateUser on arn:aws:iam::111122223333:user/example, beyond the baseline",
        ],
    ),
    row(
        "a policy nobody could read is attached",
        "",
        || role(|r| r.attached = managed(CUSTOM, None)),
        &[
            "drifted",
            "attached-policies excess high: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: its document was not read, and what it allows is not known; left to people: it may hold a Deny",
        ],
    ),
    row(
        "a policy nobody could read is attached, where some may be",
        MANAGED,
        || role(|r| r.attached = managed(CUSTOM, None)),
        &[
            "unknown: undecided: attached-policies: whether an attached policy stays within the baseline is not decided",
        ],
    ),
    row(
        "a harmless policy is attached",
        "",
        || role(|r| r.attached = managed(CUSTOM, Some(&document(&[CHANNELS])))),
        &[
            "drifted",
            "attached-policies excess low: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it allows nothing beyond the baseline",
        ],
    ),
    row(
        "a required policy is attached",
        REQUIRED,
        || role(|r| r.attached = managed(CLUSTER, Some(&document(&[LOGS])))),
        &["compliant"],
    ),
    row(
        "a required policy is not attached",
        REQUIRED,
        || role(|_| {}),
        &[
            "drifted",
            "attached-policies missing high: the required managed policy arn:aws:iam::aws:policy/AmazonEKSClusterPolicy is not attached",
        ],
    ),
    row(
        "another policy is attached than the required one",
        REQUIRED,
        || role(|r| r.attached = managed(ADMINISTRATOR, Some(ALL))),
        &[
            "drifted",
            "attached-policies excess critical: the managed policy AdministratorAccess (arn:aws:iam::aws:policy/AdministratorAccess) is attached and not expected: it allows every action on every resource, such as iam:CreateUser on arn:aws:iam::111122223333:user/example, beyond the baseline",
            "attached-policies missing high: the required managed policy arn:aws:iam::aws:policy/AmazonEKSClusterPolicy is not attached",
        ],
    ),
    row(
        "an allowed policy is attached",
        ALLOWED,
        || role(|r| r.attached = managed(CLUSTER, Some(&document(&[LOGS])))),
        &["compliant"],
    ),
    // effective-permissions
    row(
        "a managed policy denies",
        "",
        || role(|r| r.attached = managed(CUSTOM, Some(&document(&[DENY_CONTROL])))),
        &[
            "drifted",
            "attached-policies excess medium: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it denies ssmmessages:CreateControlChannel on arn:aws:eks:eu-west-1:*:*; left to people: it holds a Deny",
            "effective-permissions missing medium: the connector works only for clusters of this account except those in eu-west-1: the attached policy connector denies ssmmessages:CreateControlChannel on arn:aws:eks:eu-west-1:*:*; left to people: connector holds a Deny",
        ],
    ),
    row(
        "a managed policy denies under a condition",
        "",
        || role(|r| r.attached = managed(CUSTOM, Some(&document(&[DENY_SOMETIMES])))),
        &[
            "drifted",
            "attached-policies excess medium: the managed policy connector (arn:aws:iam::111122223333:policy/connector) is attached and not expected: it denies ssmmessages:Open* on every resource if aws:SecureTransport is false; left to people: it holds a Deny",
            "effective-permissions conditional medium: the attached policy connector denies ssmmessages:Open* on every resource if aws:SecureTransport is false; left to people: connector holds a Deny",
        ],
    ),
    row(
        "a boundary that lets all through",
        "",
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(ALL))))),
        &[
            "compliant",
            "role-attributes excess info: the role has the permissions boundary arn:aws:iam::111122223333:policy/boundary, which the baseline does not ask for",
        ],
    ),
    row(
        "a boundary that cuts",
        "",
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(&document(&[CHANNELS])))))),
        &[
            "drifted",
            "effective-permissions missing high: the connector cannot work: the permissions boundary arn:aws:iam::111122223333:policy/boundary does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example; left to people: a boundary is a limit set on purpose",
            "role-attributes excess info: the role has the permissions boundary arn:aws:iam::111122223333:policy/boundary, which the baseline does not ask for",
        ],
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
        &[
            "drifted",
            "effective-permissions conditional medium: the permissions boundary arn:aws:iam::111122223333:policy/boundary denies ssmmessages:Open* on every resource if aws:SecureTransport is false; left to people: a boundary is a limit set on purpose",
            "role-attributes excess info: the role has the permissions boundary arn:aws:iam::111122223333:policy/boundary, which the baseline does not ask for",
        ],
    ),
    row(
        "a boundary nobody could read",
        "",
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(None)))),
        &[
            "unknown: undecided: effective-permissions: the document of arn:aws:iam::111122223333:policy/boundary is not known",
        ],
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
        &[
            "drifted",
            "effective-permissions missing high: the connector cannot work: the permissions boundary arn:aws:iam::111122223333:policy/boundary does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; it denies every action: the role is quarantined; left to people: a boundary is a limit set on purpose",
            "role-attributes excess info: the role has the permissions boundary arn:aws:iam::111122223333:policy/boundary, which the baseline does not ask for",
        ],
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
        &[
            "drifted",
            "inline-policy absent high: the role has no inline policy, which is expected to allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*: the connector cannot work",
            "effective-permissions missing high: the connector cannot work: the permissions boundary arn:aws:iam::111122223333:policy/boundary does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; it denies every action: the role is quarantined; left to people: a boundary is a limit set on purpose",
            "role-attributes excess info: the role has the permissions boundary arn:aws:iam::111122223333:policy/boundary, which the baseline does not ask for",
        ],
    ),
    row(
        "the required boundary cuts",
        BOUNDED,
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(NOTHING))))),
        &[
            "drifted",
            "effective-permissions missing high: the connector cannot work: the permissions boundary arn:aws:iam::111122223333:policy/boundary does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; it denies every action: the role is quarantined; left to people: a boundary is a limit set on purpose",
        ],
    ),
    row(
        "another boundary than the required one cuts",
        BOUNDED,
        || role(|r| r.boundary = Some((CUSTOM.to_owned(), policy(Some(NOTHING))))),
        &[
            "drifted",
            "effective-permissions missing high: the connector cannot work: the permissions boundary arn:aws:iam::111122223333:policy/connector does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; it denies every action: the role is quarantined; left to people: a boundary is a limit set on purpose",
            "role-attributes missing high: the permissions boundary is arn:aws:iam::111122223333:policy/connector, expected arn:aws:iam::111122223333:policy/boundary; left to people: the boundary holds a Deny or a condition, or its document was not read",
        ],
    ),
    // role-attributes
    row(
        "the required boundary",
        BOUNDED,
        || role(|r| r.boundary = Some((BOUNDARY.to_owned(), policy(Some(ALL))))),
        &["compliant"],
    ),
    row(
        "no boundary where one is required",
        BOUNDED,
        || role(|_| {}),
        &[
            "drifted",
            "role-attributes missing high: the permissions boundary is none, expected arn:aws:iam::111122223333:policy/boundary",
        ],
    ),
    row(
        "sessions are too long",
        "",
        || role(|r| r.max_session_seconds = Some(3_601)),
        &[
            "drifted",
            "role-attributes excess low: sessions of the role may last 3601 seconds, at most 3600 are expected",
        ],
    ),
    row(
        "sessions are as long as they may be",
        "baseline: {max_session_duration: 2h}",
        || role(|r| r.max_session_seconds = Some(7_200)),
        &["compliant"],
    ),
    row(
        "the length of sessions is not known",
        "",
        || role(|r| r.max_session_seconds = None),
        &["compliant"],
    ),
    row(
        "a required tag is missing",
        TAGGED,
        || role(|_| {}),
        &[
            "drifted",
            "role-attributes missing low: the required tag it's and 1 more is missing or has another value",
        ],
    ),
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
        &[
            "drifted",
            "role-attributes missing low: the required tag team is missing or has another value",
        ],
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
        &["compliant"],
    ),
    // Partitions.
    row("a role in China", "", || role_in("aws-cn", |_| {}), &["compliant"]),
    row("a role in GovCloud", "", || role_in("aws-us-gov", |_| {}), &["compliant"]),
    row(
        "a role in China that names another partition",
        "",
        || role_in("aws-cn", |r| r.inline.values_mut().for_each(|text| *text = INLINE.to_owned())),
        &[
            "drifted",
            "inline-policy missing_and_excess high: the inline policy does not allow ssmmessages:CreateControlChannel on arn:aws-cn:eks:cn-north-1:111122223333:cluster/example: the connector cannot work; the inline policy allows ssmmessages:CreateControlChannel on arn:aws:eks:cn-north-1:111122223333:cluster/example, beyond the baseline",
        ],
    ),
    row(
        "another service principal in China",
        "baseline: {service_principals: {aws-cn: ssm.amazonaws.com.cn}}",
        || role_in("aws-cn", |r| r.trust_policy = trust(r#"{"Service":"ssm.amazonaws.com.cn"}"#)),
        &["compliant"],
    ),
    row(
        "the service principal of another partition",
        "baseline: {service_principals: {aws-cn: ssm.amazonaws.com.cn}}",
        || role_in("aws-cn", |_| {}),
        &[
            "drifted",
            "trust-policy missing_and_excess high: the service ssm.amazonaws.com may assume the role and the service ssm.amazonaws.com.cn may not assume the role",
        ],
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
        &["compliant"],
    ),
    row(
        "a required policy that is not attached in China",
        REQUIRED,
        || role_in("aws-cn", |_| {}),
        &[
            "drifted",
            "attached-policies missing high: the required managed policy arn:aws-cn:iam::aws:policy/AmazonEKSClusterPolicy is not attached",
        ],
    ),
    row(
        "a required boundary in China",
        BOUNDED,
        || role_in("aws-cn", |_| {}),
        &[
            "drifted",
            "role-attributes missing high: the permissions boundary is none, expected arn:aws-cn:iam::111122223333:policy/boundary",
        ],
    ),
    // Severities and states.
    row(
        "the configured severity replaces the computed one",
        "checks: {trust-policy: {severity: low}}",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[
            "drifted",
            "trust-policy conditional low: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333 (checks.trust-policy.accept_conditions: [aws:SourceAccount] accepts it); left to people: it holds a condition",
        ],
    ),
    row(
        "a configured severity does not lower trust that reaches beyond the account",
        "checks: {trust-policy: {severity: info}}",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"*"}"#)),
        &["drifted", "trust-policy excess critical: anyone in the world may assume the role"],
    ),
    row(
        "what is accepted stays information",
        "checks: {trust-policy: {severity: critical, accept_conditions: [aws:SourceAccount]}}",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[
            "compliant",
            "trust-policy conditional info: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333, which is an accepted condition",
        ],
    ),
    row(
        "a finding below fail_on",
        "fail_on: medium",
        || role(|r| r.max_session_seconds = Some(43_200)),
        &[
            "compliant",
            "role-attributes excess low: sessions of the role may last 43200 seconds, at most 3600 are expected",
        ],
    ),
    row(
        "a finding at fail_on",
        "fail_on: medium",
        || role(|r| r.trust_policy = trust_if(OWN_ACCOUNT)),
        &[
            "drifted",
            "trust-policy conditional medium: the service ssm.amazonaws.com may assume the role only if aws:SourceAccount is 111122223333 (checks.trust-policy.accept_conditions: [aws:SourceAccount] accepts it); left to people: it holds a condition",
        ],
    ),
    row(
        "a policy of that name in another account is not",
        ALLOWED_OWN,
        || role(|r| r.attached = managed("arn:aws:iam::999988887777:policy/org-logs", Some(ALL))),
        &[
            "drifted",
            "attached-policies excess critical: the managed policy org-logs (arn:aws:iam::999988887777:policy/org-logs) is attached and not expected: it allows every action on every resource, such as iam:CreateUser on arn:aws:iam::111122223333:user/example, beyond the baseline",
        ],
    ),
    row(
        "a policy of every account's own is required",
        REQUIRED_OWN,
        || role(|_| {}),
        &[
            "drifted",
            "attached-policies missing high: the required managed policy arn:aws:iam::111122223333:policy/org-logs is not attached",
        ],
    ),
    row(
        "every finding is excused",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#)),
        &[
            "exempt",
            "trust-policy excess critical (EX-1): anyone in account 999988887777 may assume the role",
        ],
    ),
    row(
        "an exception holds on its last day",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2026-11-24}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#)),
        &[
            "exempt",
            "trust-policy excess critical (EX-1): anyone in account 999988887777 may assume the role",
        ],
    ),
    row(
        "an exception that expired yesterday",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2026-11-23}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: anyone in account 999988887777 may assume the role",
        ],
    ),
    row(
        "an exception for another account",
        "exceptions: [{id: EX-1, accounts: [\"444455556666\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        || role(|r| r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#)),
        &[
            "drifted",
            "trust-policy excess critical: anyone in account 999988887777 may assume the role",
        ],
    ),
    row(
        "only some findings are excused",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        || {
            role(|r| {
                r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#);
                r.max_session_seconds = Some(43_200);
            })
        },
        &[
            "drifted",
            "trust-policy excess critical (EX-1): anyone in account 999988887777 may assume the role",
            "role-attributes excess low: sessions of the role may last 43200 seconds, at most 3600 are expected",
        ],
    ),
    row(
        "a finding is excused, and something is not decided",
        "exceptions: [{id: EX-1, accounts: [\"111122223333\"], accept: {principals: [\"999988887777\"]}, reason: r, owner: o, expires: 2027-01-31}]",
        || {
            role(|r| {
                r.trust_policy = trust_also(r#"{"AWS":"999988887777"}"#);
                r.boundary = Some((BOUNDARY.to_owned(), policy(None)));
            })
        },
        &[
            "unknown: undecided: effective-permissions: the document of arn:aws:iam::111122223333:policy/boundary is not known",
        ],
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
        &[
            "drifted",
            "attached-policies excess critical: the managed policy x'; rm -rf \"$(x)\" `y` \\\\u{a}\\u{1b}[31m\\u{202e} (arn:aws:iam::111122223333:policy/x'; rm -rf \"$(x)\" `y` \\\\u{a}\\u{1b}[31m\\u{202e}) is attached and not expected: it allows every action on every resource, such as iam:CreateUser on arn:aws:iam::111122223333:user/example, beyond the baseline",
            "inline-policy excess high: the inline policy x'; rm -rf \"$(x)\" `y` \\\\u{a}\\u{1b}[31m\\u{202e} allows logs:PutLogEvents on arn:aws:logs:us-east-1:111122223333:log-group:example:log-stream:example, beyond the baseline",
        ],
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
        &[
            "drifted",
            "trust-policy excess high: the service '; rm -rf $(x)\\u{a}\\u{1b}[31m\\u{202e}.amazonaws.com may assume the role",
        ],
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
        &[
            "drifted",
            "inline-policy excess high: the inline policy allows logs:PutLogEvents on '; rm -rf $(x)\\u{a}\\u{1b}[31m\\u{202e}, beyond the baseline",
        ],
    ),
    row(
        "a boundary that would like to be a command",
        "",
        || role(|r| r.boundary = Some((HOSTILE.to_owned(), policy(Some(NOTHING))))),
        &[
            "drifted",
            "effective-permissions missing high: the connector cannot work: the permissions boundary x'; rm -rf \"$(x)\" `y` \\\\u{a}\\u{1b}[31m\\u{202e} does not allow ssmmessages:CreateControlChannel on arn:aws:eks:us-east-1:111122223333:cluster/example and ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel and ssmmessages:OpenDataChannel on arn:aws:ssmmessages:us-east-1:111122223333:*; it denies every action: the role is quarantined; left to people: a boundary is a limit set on purpose",
            "role-attributes excess info: the role has the permissions boundary x'; rm -rf \"$(x)\" `y` \\\\u{a}\\u{1b}[31m\\u{202e}, which the baseline does not ask for",
        ],
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
pub(crate) const ALLOWED_OWN: &str = "checks: {attached-policies: {allowed: [\"arn:aws:iam::${rolewarden:account_id}:policy/org-logs\"]}}";
const REQUIRED_OWN: &str = "checks: {attached-policies: {required: [\"arn:aws:iam::${rolewarden:account_id}:policy/org-logs\"]}}";
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
pub(crate) fn too_hard() -> String {
    format!(r#"{{"Effect":"Allow","Action":"*a{}","Resource":"*"}}"#, "?".repeat(40))
}

/// … and no such text after all: which takes more steps to see than the budget has.
pub(crate) fn too_long() -> String {
    let lengths: Vec<String> = (41..90).map(|n| format!(r#""{}""#, "?".repeat(n))).collect();
    let action = format!(r#"[{},"{}*"]"#, lengths.join(","), "?".repeat(90));
    format!(r#"{{"Effect":"Deny","Action":{action},"Resource":"*"}}"#)
}
