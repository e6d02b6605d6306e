"""The ways people make the role: each makes it in one account and can read it back."""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import urllib.parse

from aws import REGION, Aws

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "AmazonEKSConnectorAgentRole"
INLINE_NAME = "AmazonEKSConnectorAgentPolicy"
TRUST_FILE = ROOT / "config/baseline/eks-connector-agent-trust-policy.json"
INLINE_FILE = ROOT / "config/baseline/eks-connector-agent-policy.json"
TRUST = json.loads(TRUST_FILE.read_text())
INLINE = json.loads(INLINE_FILE.read_text())
ACCOUNT = "${account}"  # in a document: the account the role is made in


def text(document) -> str:
    """A document as it goes over the wire: given text goes as it is."""
    return document if isinstance(document, str) else json.dumps(document)


def parsed(document):
    """A document as it means: text that is no JSON stays text."""
    if not isinstance(document, str):
        return document
    try:
        return json.loads(document)
    except ValueError:
        return document


@dataclasses.dataclass
class Role:
    """A role made through the API, as boto3, Terraform and most tools do."""

    trust: object = dataclasses.field(default_factory=lambda: TRUST)
    inline: dict = dataclasses.field(default_factory=lambda: {INLINE_NAME: INLINE})
    managed: dict = dataclasses.field(default_factory=dict)
    boundary: object = None
    path: str = "/"
    session: int = 3600
    tags: dict = dataclasses.field(default_factory=dict)

    def make(self, aws: Aws, account: str):
        iam = aws.client("iam", account)
        extra = {}
        if self.boundary is not None:
            extra["PermissionsBoundary"] = managed_policy(iam, "Boundary", self.boundary)
        iam.create_role(
            RoleName=NAME,
            AssumeRolePolicyDocument=text(self.trust).replace(ACCOUNT, account),
            Path=self.path,
            MaxSessionDuration=self.session,
            Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
            **extra,
        )
        for name, document in self.inline.items():
            iam.put_role_policy(RoleName=NAME, PolicyName=name, PolicyDocument=text(document))
        for name, document in self.managed.items():
            iam.attach_role_policy(RoleName=NAME, PolicyArn=managed_policy(iam, name, document))

    def read(self, aws: Aws, account: str) -> "Role":
        """The role as the account has it, with documents as they mean."""
        iam = aws.client("iam", account)
        role = iam.get_role(RoleName=NAME)["Role"]
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        inline = iam.list_role_policies(RoleName=NAME)["PolicyNames"]
        attached = iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]
        return Role(
            trust=unquoted(role["AssumeRolePolicyDocument"]),
            inline={n: unquoted(iam.get_role_policy(RoleName=NAME, PolicyName=n)["PolicyDocument"]) for n in inline},
            managed={policy["PolicyName"]: managed_document(iam, policy["PolicyArn"]) for policy in attached},
            boundary=boundary and managed_document(iam, boundary),
            path=role["Path"],
            session=role["MaxSessionDuration"],
            tags={tag["Key"]: tag["Value"] for tag in role.get("Tags", [])},
        )

    def meant(self, account: str) -> "Role":
        """What `read` must give."""
        return Role(
            trust=parsed(text(self.trust).replace(ACCOUNT, account)),
            inline={name: parsed(document) for name, document in self.inline.items()},
            managed={name: parsed(newest(document)) for name, document in self.managed.items()},
            boundary=parsed(newest(self.boundary)),
            path=self.path,
            session=self.session,
            tags=self.tags,
        )


@dataclasses.dataclass
class Versions:
    """A managed policy that was edited: the last version is the default one."""

    documents: tuple


def newest(document):
    return document.documents[-1] if isinstance(document, Versions) else document


def managed_policy(iam, name: str, document) -> str:
    first, *later = document.documents if isinstance(document, Versions) else (document,)
    arn = iam.create_policy(PolicyName=name, PolicyDocument=text(first))["Policy"]["Arn"]
    for version in later:
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text(version), SetAsDefault=True)
    return arn


def managed_document(iam, arn: str):
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return unquoted(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


def unquoted(document):
    """boto3 decodes documents that are JSON, and leaves the others percent-encoded."""
    return parsed(urllib.parse.unquote(document)) if isinstance(document, str) else document


@dataclasses.dataclass
class ByCli(Role):
    """A role made by the guide's steps, with the AWS CLI."""

    def make(self, aws: Aws, account: str):
        trust, inline = f"file://{TRUST_FILE}", f"file://{INLINE_FILE}"
        if self.trust != TRUST:
            trust = text(self.trust)
        if list(self.inline.values()) != [INLINE]:
            inline = text(*self.inline.values())
        aws_cli(aws, account, ["iam", "create-role", "--role-name", NAME, "--assume-role-policy-document", trust])
        put = [
            "iam",
            "put-role-policy",
            "--role-name",
            NAME,
            "--policy-name",
            *self.inline,
            "--policy-document",
            inline,
        ]
        aws_cli(aws, account, put)


def cli_environment(aws: Aws, account: str) -> dict:
    """An environment in which `aws`, from the virtual environment, works in one account of moto."""
    sts = aws.client("sts")
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/operator", RoleSessionName="operator")["Credentials"]
    return {
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.defpath}",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_PAGER": "",
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def aws_cli(aws: Aws, account: str, arguments: list[str]):
    done = subprocess.run(
        ["aws", *arguments], env=cli_environment(aws, account), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"


@dataclasses.dataclass
class ByCloudFormation(Role):
    """A role made by a stack of the guide's template, with the role's name set or left to be generated."""

    role_name: str | None = NAME

    def make(self, aws: Aws, account: str):
        role = {"AssumeRolePolicyDocument": self.trust}
        if self.role_name:
            role["RoleName"] = self.role_name
        resources = {"EKSConnectorAgentRole": {"Type": "AWS::IAM::Role", "Properties": role}}
        for name, document in self.inline.items():
            policy = {"PolicyName": name, "PolicyDocument": document, "Roles": [{"Ref": "EKSConnectorAgentRole"}]}
            resources[name] = {"Type": "AWS::IAM::Policy", "Properties": policy}
        body = json.dumps({"Resources": resources}).replace('"arn:aws:eks:', '{"Fn::Sub": "arn:${AWS::Partition}:eks:')
        body = body.replace('cluster/*"', 'cluster/*"}')
        aws.client("cloudformation", account).create_stack(
            StackName="eks-connector", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"]
        )


@dataclasses.dataclass
class NoRole:
    """An account without a role of that name, perhaps with another one instead."""

    instead: Role | None = None

    def make(self, aws: Aws, account: str):
        if self.instead:
            self.instead.make(aws, account)
