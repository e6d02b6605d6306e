"""Whether a printed policy permits a call, resource and conditions included: what moto does not look at."""

import fnmatch

from aws import REGION, Call


def resource_of(call: Call) -> str:
    """What AWS authorizes the call on; `-` where the action has no resource, which only `*` covers."""
    service, _, name = call.operation.partition(":")
    given = call.parameters
    if name == "AssumeRole":
        return given["RoleArn"]
    if name == "DescribeCluster":
        return f"arn:aws:eks:{REGION}:{call.account}:cluster/any"
    if service != "iam":
        return "-"
    if name in ("GetPolicy", "GetPolicyVersion"):
        return given["PolicyArn"]
    return f"arn:aws:iam::{call.account}:role{given.get('Path', '/')}{given['RoleName']}"


def permits(document: dict, call: Call) -> bool:
    return any(allows(statement, call) for statement in document["Statement"])


def allows(statement: dict, call: Call) -> bool:
    assert statement["Effect"] == "Allow"
    if call.operation not in several(statement["Action"]):
        return False
    resource = resource_of(call)
    if not any(fnmatch.fnmatchcase(resource, pattern) for pattern in several(statement["Resource"])):
        return False
    given = {
        "iam:PolicyARN": call.parameters.get("PolicyArn"),
        "iam:PermissionsBoundary": call.parameters.get("PermissionsBoundary"),
        # Every account of these tests is in the hub's organization.
        "aws:ResourceOrgID": "${aws:PrincipalOrgID}",
    }
    if call.operation == "iam:DeleteRolePermissionsBoundary":
        # Of this call the key is about the boundary that the role has, which moto's call does not tell.
        given["iam:PermissionsBoundary"] = next(iter(several(statement.get("Condition", {}).get("ArnEquals", {}).get("iam:PermissionsBoundary", []))), None)
    for operator, tests in statement.get("Condition", {}).items():
        for key, patterns in tests.items():
            hit = given[key] is not None and any(fnmatch.fnmatchcase(given[key], p) for p in several(patterns))
            if hit != {"ArnEquals": True, "StringEquals": True, "ArnNotEquals": False}[operator]:
                return False
    return True


def several(value) -> list:
    return value if isinstance(value, list) else [value]


def actions(document: dict) -> set[str]:
    return {action for statement in document["Statement"] for action in several(statement["Action"])}


def without(document: dict, action: str) -> dict:
    """The document with one action taken away."""
    left = []
    for statement in document["Statement"]:
        kept = [one for one in several(statement["Action"]) if one != action]
        left += [{**statement, "Action": kept}] if kept else []
    assert left != document["Statement"], f"{action} is not there to be taken away"
    return {**document, "Statement": left}


def as_moto_understands(document: dict) -> dict:
    """moto knows resources of AssumeRole alone, and no conditions: what is left are the actions."""
    widened = []
    for statement in document["Statement"]:
        enters = "sts:AssumeRole" in several(statement["Action"])
        plain = {name: value for name, value in statement.items() if name != "Condition"}
        widened.append(plain if enters else {**plain, "Resource": "*"})
    return {**document, "Statement": widened}
