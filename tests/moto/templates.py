"""The templates and modules of `deploy/`: rendered, and put beside what `rolewarden iam` prints."""

import ast
import json
import re

from roles import ROOT

CLOUDFORMATION = ROOT / "deploy/cloudformation"
TERRAFORM = ROOT / "deploy/terraform"
HUB = "arn:aws:iam::111122223333:role/team/rolewarden-hub"
ORGANIZATION = "o-exampleorgid"


def stack(aws, account: str, identity: str, parameters: dict[str, str], name: str | None = None):
    """Creates the stack of a template in an account, as CloudFormation of moto understands it."""
    body = (CLOUDFORMATION / f"{identity}-role.yaml").read_text()
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client = aws.client("cloudformation", account)
    client.create_stack(
        StackName=name or f"rolewarden-{identity}",
        TemplateBody=body,
        Parameters=given,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )


def role_of(aws, account: str, name: str) -> dict:
    """A role as `rolewarden iam` prints one."""
    iam = aws.client("iam", account)
    role = iam.get_role(RoleName=name)["Role"]
    names = iam.list_role_policies(RoleName=name)["PolicyNames"]
    role = {
        "role_name": role["RoleName"],
        "role_path": role["Path"],
        "trust_policy": role["AssumeRolePolicyDocument"],
        "policies": {n: iam.get_role_policy(RoleName=name, PolicyName=n)["PolicyDocument"] for n in names},
    }
    return without_gaps(role)


def without_gaps(value):
    """moto writes `AWS::NoValue` as null where CloudFormation leaves it out, and documents of stacks as Python does."""
    if isinstance(value, str) and value.startswith("{'"):
        value = ast.literal_eval(value)
    if isinstance(value, dict):
        return {key: without_gaps(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_gaps(item) for item in value if item is not None]
    return value


def same(value):
    """A document whose order means nothing any more: lists sorted, a scalar as a list of one."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            return [value]
        return same(parsed) if isinstance(parsed, dict) else [value]
    if isinstance(value, list):
        return sorted((item if isinstance(item, str) else same(item) for item in value), key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, dict):
        return {key: same(item) for key, item in value.items()}
    return value


def snake(name: str) -> str:
    """The name of a Terraform variable, from that of a CloudFormation parameter."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def as_variables(parameters: dict[str, str]) -> dict[str, object]:
    lists = {"KeptPolicies", "NamedRoleArns"}
    switch = {"true": True, "false": False}
    return {
        snake(key): value.split(",") if key in lists else switch.get(value, value) for key, value in parameters.items()
    }
