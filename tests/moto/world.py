"""An organization whose accounts hold the role in every way people make it and break it: one row, one sentence.

What a row does not say is right: every check `equivalent`. A check is given as its verdict, or as the verdict and
the severity of its finding. `ANY` stands for any verdict but `equivalent`, where the language leaves it open.
"""

import dataclasses

from aws import MANAGEMENT, Aws
from roles import ACCOUNT, INLINE, INLINE_NAME, TRUST, ByCli, ByCloudFormation, NoRole, Role, Versions

ANY = "any but equivalent"
OTHER = "999988887777"
CHECKS = [
    "role-exists",
    "trust-policy",
    "inline-policy",
    "attached-policies",
    "effective-permissions",
    "role-attributes",
]


@dataclasses.dataclass
class Row:
    """An account: what it is called, how its role is made, and what rolewarden must say about it."""

    name: str
    role: Role | NoRole
    state: str = "compliant"
    exists: object = "equivalent"
    trust: object = "equivalent"
    inline: object = "equivalent"
    attached: object = "equivalent"
    effective: object = "equivalent"
    attributes: object = "equivalent"
    skip: str | None = None
    account: str = ""

    def expected(self) -> dict[str, tuple[str, str | None]]:
        """Verdict and severity by check; an absent role has only `role-exists`."""
        given = [self.exists, self.trust, self.inline, self.attached, self.effective, self.attributes]
        all_checks = {c: g if isinstance(g, tuple) else (g, None) for c, g in zip(CHECKS, given, strict=True)}
        return {"role-exists": all_checks["role-exists"]} if isinstance(self.role, NoRole) else all_checks


def drift(name: str, role: Role | NoRole, **checks) -> Row:
    return Row(name, role, "drifted", **checks)


def document(*statements, **rest) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements), **rest}


def trusts(principal, action="sts:AssumeRole", effect="Allow", **rest) -> dict:
    """One statement of a trust policy."""
    return {"Effect": effect, "Principal": principal, "Action": action, **rest}


def allow(action, resource="*", **rest) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def deny(action, resource="*", **rest) -> dict:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **rest}


def inline(*statements) -> dict:
    return {INLINE_NAME: document(*statements)}


SSM = {"Service": "ssm.amazonaws.com"}
GUIDE = trusts(SSM)
EKS_CLUSTERS = "arn:aws:eks:*:*:cluster/*"
CREATE_CONTROL, CREATE_DATA = "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel"
OPEN_DATA, OPEN_CONTROL = "ssmmessages:OpenDataChannel", "ssmmessages:OpenControlChannel"
DATA_PLANE = [CREATE_DATA, OPEN_DATA, OPEN_CONTROL]
CONTROL = allow(CREATE_CONTROL, EKS_CLUSTERS)
ALL_CHANNELS = [CREATE_CONTROL, *DATA_PLANE]
EVERYTHING = document(allow("*"))


def trusting(*statements) -> Role:
    return Role(trust=document(*statements))


def beside_the_guide(principal, action="sts:AssumeRole", **rest) -> Role:
    """The guide's trust policy with a statement more."""
    return trusting(GUIDE, trusts(principal, action, **rest))


def under_condition(**condition) -> Role:
    return trusting({**GUIDE, "Condition": condition})


def allowing(*statements) -> Role:
    return Role(inline=inline(*statements))


def beside_the_policy(*statements) -> Role:
    """The guide's inline policy, and a second one."""
    return Role(inline={INLINE_NAME: INLINE, "second": document(*statements)})


RIGHT = [
    Row("made by the guide's CLI steps", ByCli()),
    Row(
        "made by the CLI, keys in another order",
        ByCli(
            trust={"Statement": [{"Action": "sts:AssumeRole", **trusts(SSM)}], "Version": "2012-10-17"},
            inline={
                INLINE_NAME: {
                    "Statement": [
                        {"Resource": "*", "Action": [OPEN_CONTROL, CREATE_DATA, OPEN_DATA], "Effect": "Allow"},
                        {"Resource": [EKS_CLUSTERS], "Effect": "Allow", "Action": CREATE_CONTROL},
                    ],
                    "Version": "2012-10-17",
                }
            },
        ),
    ),
    Row(
        "made by the guide's CloudFormation text",
        ByCloudFormation(
            trust=document(trusts(SSM, ["sts:AssumeRole"])),
            inline={
                "EKSConnectorAgentPolicy": document(
                    allow([CREATE_CONTROL], [EKS_CLUSTERS]),
                    allow(DATA_PLANE, ["*"]),
                )
            },
        ),
    ),
    Row(
        "made with eksctl's documents",
        Role(
            trust=document({"Sid": "EKSConnectorAccess", **GUIDE}),
            inline={"eks-connector-agent": document(CONTROL, allow(DATA_PLANE))},
            tags={"alpha.eksctl.io/cluster-name": "on-premises"},
        ),
    ),
    Row(
        "made by Terraform, empty Sids",
        Role(
            trust=document({"Sid": "", **GUIDE}),
            inline={"terraform-20261123": document({"Sid": "", **CONTROL}, {"Sid": "", **allow(DATA_PLANE)})},
            tags={"managed-by": "terraform"},
        ),
    ),
    Row(
        "split in two inline policies",
        Role(inline={"control": document(CONTROL), "data": document(allow(DATA_PLANE))}),
    ),
    Row(
        "one statement for each action",
        allowing(CONTROL, *[allow(action) for action in DATA_PLANE], CONTROL),
    ),
    Row(
        "one statement, not a list",
        Role(
            trust={"Version": "2012-10-17", "Statement": GUIDE},
            inline={
                "control": {"Version": "2012-10-17", "Statement": CONTROL},
                "data": {"Version": "2012-10-17", "Statement": allow(DATA_PLANE)},
            },
        ),
    ),
    Row("the older language version", Role(trust={**TRUST, "Version": "2008-10-17"})),
    Row(
        "actions in other case",
        Role(
            trust=document(trusts(SSM, "STS:assumerole")),
            inline=inline(allow(CREATE_CONTROL.upper(), EKS_CLUSTERS), allow([a.lower() for a in DATA_PLANE])),
        ),
    ),
    Row(
        "narrow resources beside the wide one",
        allowing(allow(CREATE_CONTROL, [EKS_CLUSTERS, "arn:aws:eks:*:*:cluster/prod-*"]), allow(DATA_PLANE)),
    ),
    Row(
        "two halves that make everything",
        allowing(
            CONTROL,
            allow(DATA_PLANE, EKS_CLUSTERS),
            {"Effect": "Allow", "Action": DATA_PLANE, "NotResource": EKS_CLUSTERS},
        ),
    ),
    Row(
        "everything, denied down to the baseline",
        allowing(
            allow("*"),
            {"Effect": "Deny", "NotAction": ALL_CHANNELS, "Resource": "*"},
            {"Effect": "Deny", "Action": CREATE_CONTROL, "NotResource": EKS_CLUSTERS},
        ),
    ),
    Row("a Deny of something else", beside_the_policy(deny("s3:*"))),
    Row("an empty condition block", trusting({**GUIDE, "Condition": {}})),
    Row("the service named twice", trusting(trusts({"Service": ["ssm.amazonaws.com"] * 2}), GUIDE)),
    Row(
        "JSON escapes and white space",
        Role(
            trust='{ "Version":"2012-10-17",\n\t"Statement":[{"Effect":"Allow","Principal":'
            '{"Service":"\\u0073sm.amazonaws.com"},"Action":"sts:\\u0041ssumeRole"}] }'
        ),
    ),
    Row("a boundary that allows all", Role(boundary=EVERYTHING), attributes=("excess", "info")),
    Row("tagged", Role(tags={"team": "platform", "note": "ünïcödé + 100%"})),
    Row("a name \x1b[31mthat\x1b[0m lies\n\u202eedoc", Role()),
]

WRONG_TRUST = [
    drift(
        "another account, by its root",
        beside_the_guide({"AWS": f"arn:aws:iam::{OTHER}:root"}),
        trust=("excess", "critical"),
    ),
    drift("another account, by its number", beside_the_guide({"AWS": OTHER}), trust=("excess", "critical")),
    drift(
        "another account's role",
        beside_the_guide({"AWS": f"arn:aws:iam::{OTHER}:role/deploy"}),
        trust=("excess", "critical"),
    ),
    drift(
        "the organization's first account, by its root",
        beside_the_guide({"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}),
        trust="excess",
    ),
    drift("everyone, beside the service", beside_the_guide({"AWS": "*"}), trust=("excess", "critical")),
    drift("everyone, and so the service too", trusting(trusts({"AWS": "*"})), trust=("excess", "critical")),
    drift("everyone, written bare", beside_the_guide("*"), trust=ANY),
    drift("a deleted principal", beside_the_guide({"AWS": "AROAEXAMPLEEXAMPLE123"}), trust="excess"),
    drift(
        "an identity provider",
        beside_the_guide(
            {"Federated": "arn:aws:iam::111122223333:oidc-provider/example.com"}, "sts:AssumeRoleWithWebIdentity"
        ),
        trust="excess",
    ),
    drift("another service too", beside_the_guide({"Service": "ec2.amazonaws.com"}), trust=("excess", "high")),
    drift(
        "another service instead",
        trusting(trusts({"Service": "ec2.amazonaws.com"})),
        trust=("missing_and_excess", "high"),
    ),
    drift(
        "the service of another partition",
        trusting(trusts({"Service": "ssm.amazonaws.com.cn"})),
        trust=("missing_and_excess", "high"),
    ),
    drift("the service may tag sessions", trusting(trusts(SSM, ["sts:AssumeRole", "sts:TagSession"])), trust="excess"),
    drift("every action of STS", trusting(trusts(SSM, "sts:*")), trust="excess"),
    drift("another way to assume", trusting(trusts(SSM, "sts:AssumeRoleWithSAML")), trust="missing_and_excess"),
    drift("trust denied again", trusting(GUIDE, trusts(SSM, effect="Deny")), trust=("missing", "high")),
    drift(
        "trust denied under a condition",
        trusting(GUIDE, trusts(SSM, effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})),
        trust="conditional",
    ),
    drift(
        "trust for this account only",
        under_condition(StringEquals={"aws:SourceAccount": ACCOUNT}),
        trust=("conditional", "medium"),
    ),
    drift(
        "trust for another account only",
        under_condition(StringEquals={"aws:SourceAccount": OTHER}),
        trust=("missing", "high"),
    ),
    drift("trust policy cut short", Role(trust='{"Version":"2012-10-17","Statement":[{"Effect":'), trust="invalid"),
    drift(
        "trust policy with a doubled member",
        Role(
            trust='{"Version":"2012-10-17","Statement":[],"Statement":[{"Effect":"Allow",'
            '"Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
        ),
        trust="invalid",
    ),
    drift("trust policy with a Resource", trusting({**GUIDE, "Resource": "*"}), trust="invalid"),
]

WRONG_PERMISSIONS = [
    drift(
        "an action forgotten",
        allowing(CONTROL, allow([CREATE_DATA, OPEN_CONTROL])),
        inline=("missing", "high"),
        effective="missing",
    ),
    drift(
        "an action misspelled",
        allowing(CONTROL, allow([CREATE_DATA, "ssmmessages:OpenDataChanel", OPEN_CONTROL])),
        inline="missing_and_excess",
        effective="missing",
    ),
    drift(
        "clusters of one region only",
        allowing(allow(CREATE_CONTROL, "arn:aws:eks:eu-west-1:*:cluster/*"), allow(DATA_PLANE)),
        inline=("missing", "medium"),
        effective="missing",
    ),
    drift(
        "clusters of another partition",
        allowing(allow(CREATE_CONTROL, "arn:aws-cn:eks:*:*:cluster/*"), allow(DATA_PLANE)),
        inline="missing_and_excess",
        effective="missing",
    ),
    drift("control channels on everything", allowing(allow(ALL_CHANNELS)), inline="excess"),
    drift("every action of ssmmessages", allowing(allow("ssmmessages:*")), inline=("excess", "high")),
    drift("a policy more, for all of S3", beside_the_policy(allow("s3:*")), inline=("excess", "high")),
    drift(
        "all but IAM",
        beside_the_policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        inline=("excess", "high"),
    ),
    drift(
        "denied in the same policy",
        allowing(CONTROL, allow(DATA_PLANE), deny(OPEN_DATA)),
        inline=("missing", "high"),
        effective="missing",
    ),
    drift(
        "denied in a second policy", beside_the_policy(deny("ssmmessages:Open*")), inline="missing", effective="missing"
    ),
    drift(
        "allowed from one network",
        allowing(CONTROL, allow(DATA_PLANE, Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})),
        inline=("conditional", "medium"),
        effective="conditional",
    ),
    drift("no permissions at all", Role(inline={}), inline="absent", effective="missing"),
    drift(
        "permissions for something else",
        Role(inline={INLINE_NAME: document(allow("logs:PutLogEvents"))}),
        inline="missing_and_excess",
        effective="missing",
    ),
    drift(
        "inline policy with a doubled member",
        Role(
            inline={
                INLINE_NAME: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*",'
                '"Action":"s3:GetObject","Action":"ssmmessages:OpenDataChannel"}]}'
            }
        ),
        inline="invalid",
        effective="undecided",
    ),
]

WRONG_AROUND_IT = [
    drift(
        "Terraform: a managed policy instead",
        Role(inline={}, managed={INLINE_NAME: INLINE}),
        inline=("absent", "low"),
        attached=("excess", "low"),
    ),
    drift(
        "a managed policy, mended in version 2",
        Role(inline={}, managed={INLINE_NAME: Versions((document(allow("s3:GetObject")), INLINE))}),
        inline=("absent", "low"),
        attached=("excess", "low"),
    ),
    drift(
        "a managed policy, broken in version 2",
        Role(inline={}, managed={INLINE_NAME: Versions((INLINE, document(allow("s3:GetObject"))))}),
        inline="absent",
        attached="excess",
        effective="missing",
    ),
    drift(
        "half inline, half managed",
        Role(inline=inline(CONTROL), managed={"data": document(allow(DATA_PLANE))}),
        inline=("missing", "low"),
        attached=("excess", "low"),
    ),
    drift("an administrator's policy attached", Role(managed={"admin": EVERYTHING}), attached=("excess", "critical")),
    drift(
        "a denying policy attached",
        Role(managed={"guard": document(deny("ssmmessages:*"))}),
        attached="excess",
        effective="missing",
    ),
    drift(
        "a boundary that cuts the connector",
        Role(boundary=document(allow(["logs:*", "s3:*"]))),
        effective=("missing", "high"),
        attributes=("excess", "info"),
    ),
    drift(
        "a boundary that denies it",
        Role(boundary=document(allow("*"), deny("ssmmessages:CreateDataChannel"))),
        effective="missing",
        attributes=("excess", "info"),
    ),
    drift("sessions of twelve hours", Role(session=43200), attributes=("excess", "low")),
    drift("the role under another path", Role(path="/team/"), exists=("absent", "medium")),
    drift("no role", NoRole(), exists=("absent", "high")),
    drift("CloudFormation's generated name", NoRole(instead=ByCloudFormation(role_name=None)), exists="absent"),
]

LEFT_OUT = [
    Row("closed last week", Role(), "skipped", skip="suspended"),
]

ROWS = RIGHT + WRONG_TRUST + WRONG_PERMISSIONS + WRONG_AROUND_IT + LEFT_OUT


def seed(aws: Aws) -> list[Row]:
    """Makes the organization in an empty moto and gives every row its account; the management account is one more."""
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    rows = [dataclasses.replace(row) for row in ROWS]
    for row in rows:
        status = organizations.create_account(AccountName=row.name, Email="root@example.com")["CreateAccountStatus"]
        row.account = status["AccountId"]
        row.role.make(aws, row.account)
        if row.skip == "suspended":
            organizations.close_account(AccountId=row.account)
    management = Row("the management account", Role(), account=MANAGEMENT)
    management.role.make(aws, MANAGEMENT)
    return [*rows, management]
