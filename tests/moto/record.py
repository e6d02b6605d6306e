"""Records what moto answers to every call of a scan, for the Rust tests that cut these answers at every byte.

    .venv/bin/python tests/moto/record.py tests/faults/answers

One file an answer, as it came over the wire but for keys and tokens and for a session that never ends. Made again only
when moto's version changes.
"""

import json
import pathlib
import re
import sys

import boto3
from aws import MANAGEMENT, REGION, Aws

ROLE = "AmazonEKSConnectorAgentRole"
INLINE = "AmazonEKSConnectorAgentPolicy"
SECRETS = re.compile(rb"<(AccessKeyId|SecretAccessKey|SessionToken)>[^<]*</\1>")
EXPIRATION = re.compile(rb"<Expiration>[^<]*</Expiration>")
BASELINE = pathlib.Path(__file__).parents[2] / "config" / "baseline"


def main(folder: pathlib.Path) -> None:
    aws = Aws()
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "secret"}

    def client(service: str, credentials: dict[str, str]):
        made = boto3.client(service, region_name=REGION, endpoint_url=aws.url, **credentials)

        def save(response_dict, operation_model, **_):
            if saving:
                kind = "json" if service == "organizations" else "xml"
                body = SECRETS.sub(rb"<\1>EXAMPLE</\1>", response_dict["body"])
                body = EXPIRATION.sub(b"<Expiration>2099-12-31T23:59:59Z</Expiration>", body)
                name = operation_model.name + of
                (folder / f"{name}.{response_dict['status_code']}.{kind}").write_bytes(body)

        made.meta.events.register("before-parse", save)
        return made

    saving, of = False, ""
    organizations = client("organizations", keys)
    organizations.create_organization(FeatureSet="ALL")
    member = organizations.create_account(AccountName="payments", Email="payments@example.com")
    account = member["CreateAccountStatus"]["AccountId"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="prod")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "team", "Value": "payments"}])

    sts = client("sts", keys)
    saving = True
    folder.mkdir(parents=True, exist_ok=True)
    sts.get_caller_identity()
    session = sts.assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/rolewarden-scan", RoleSessionName="rolewarden"
    )["Credentials"]
    organizations.describe_organization()
    organizations.list_accounts()
    organizations.list_roots()
    for of, parent in (("Root", root), ("Unit", unit)):
        organizations.list_organizational_units_for_parent(ParentId=parent)
        organizations.list_accounts_for_parent(ParentId=parent)
    of = ""
    organizations.list_tags_for_resource(ResourceId=account)

    iam = client(
        "iam",
        {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        },
    )
    for read in (iam.get_role, iam.list_role_policies, iam.list_attached_role_policies):
        refused(iam, read, RoleName=ROLE)
    refused(iam, iam.get_role_policy, RoleName=ROLE, PolicyName=INLINE)

    saving = False
    trust = (BASELINE / "eks-connector-agent-trust-policy.json").read_text()
    inline = (BASELINE / "eks-connector-agent-policy.json").read_text()
    document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    policy = iam.create_policy(PolicyName="wide", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_role(
        RoleName=ROLE,
        AssumeRolePolicyDocument=trust,
        Description="of the connector",
        PermissionsBoundary=policy,
        Tags=[{"Key": "team", "Value": "payments"}],
    )
    iam.put_role_policy(RoleName=ROLE, PolicyName=INLINE, PolicyDocument=inline)
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=policy)

    saving = True
    iam.get_role(RoleName=ROLE)
    iam.list_role_policies(RoleName=ROLE)
    iam.list_attached_role_policies(RoleName=ROLE)
    iam.get_role_policy(RoleName=ROLE, PolicyName=INLINE)
    iam.get_policy(PolicyArn=policy)
    iam.get_policy_version(PolicyArn=policy, VersionId="v1")
    (folder / "account.txt").write_text(f"{account} {MANAGEMENT}\n")
    aws.close()


def refused(iam, read, **arguments) -> None:
    try:
        read(**arguments)
    except iam.exceptions.NoSuchEntityException:
        return
    raise AssertionError("moto has a role before it was made")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
