"""Decisions of people stand with every action allowed: quarantined, hardened and narrowed roles, on moto's IAM.

The roles are those of the exports in `tests/cases/policy`. Each is made, planned, applied, and read back to the byte.
"""

import json

import pytest
from aws import Aws
from roles import NAME, ROOT
from test_remediate import ACTIONS, Remedy, image, settings, writes

KINDS = ("quarantine-", "hardening-", "narrowed-", "conditional-")
# The connector works nowhere with these: that is a mistake and no limit, and it is remediated.
BROKEN = {"narrowed-to-another-account", "narrowed-to-two-regions-that-never-meet"}
FILES = sorted(path for path in (ROOT / "tests/cases/policy").glob("*.json") if path.name.startswith(KINDS))
EVERY_ACTION = [*ACTIONS, "create_service_linked_role"]


def make(aws: Aws, account: str, export: dict):
    """The role of an export, its account's number replaced."""
    iam = aws.client("iam", account)
    role = export["RoleDetailList"][0]
    number = role["Arn"].split(":")[4]

    def here(document) -> str:
        return json.dumps(document).replace(number, account)

    def managed(arn: str) -> str:
        policy = next((policy for policy in export["Policies"] if policy["Arn"] == arn), None)
        if policy is None:
            return arn  # AWS's own, which moto has
        document = next(v["Document"] for v in policy["PolicyVersionList"] if v["IsDefaultVersion"])
        name = arn.rpartition("/")[2]
        return iam.create_policy(PolicyName=name, PolicyDocument=here(document))["Policy"]["Arn"]

    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    extra = {"PermissionsBoundary": managed(boundary)} if boundary else {}
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=here(role["AssumeRolePolicyDocument"]), **extra)
    for policy in role["RolePolicyList"]:
        document = here(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=NAME, PolicyName=policy["PolicyName"], PolicyDocument=document)
    for policy in role["AttachedManagedPolicies"]:
        iam.attach_role_policy(RoleName=NAME, PolicyArn=managed(policy["PolicyArn"]))


@pytest.mark.parametrize("number, path", list(enumerate(FILES)), ids=lambda value: getattr(value, "stem", ""))
def test_with_every_action_nothing_is_written_to_a_role_that_people_limited(number, path, aws, rolewarden):
    account = f"{449900000000 + number}"
    make(aws, account, json.loads(path.read_text()))
    before = image(aws, account)
    remedy = Remedy(rolewarden, settings([account], actions=EVERY_ACTION, act_on=["invalid", "undecided"]))
    plan = remedy.plan()
    if path.stem in BROKEN:
        assert [step["action"] for one in plan["accounts"] for step in one["steps"]] == ["put_inline_policy"], plan
        return
    assert plan["accounts"] == [], plan
    assert writes(remedy.apply(plan["arming_code"])) == []
    assert image(aws, account) == before
    (left,) = plan["left_alone"]
    assert "left to people" in left["why"] and "in remediation.act_on" in left["why"], left
    assert left["fix"] and all(command.startswith("aws iam ") for command in left["fix"]), left
    text = remedy.run("plan", "--no-progress").out
    assert all(command in text for command in left["fix"]), text


def test_both_words_undo_what_one_of_them_does_not(aws, rolewarden):
    account = "449900000900"
    iam = aws.client("iam", account)
    service = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    statements = [
        {**service, "Condition": {"StringEquals": {"aws:SourceAccount": account}}},
        {**service, "Effect": "Deny", "Principal": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=document)
    for act_on in ([], ["deny"], ["conditional"]):
        remedy = Remedy(rolewarden, settings([account], act_on=act_on))
        plan = remedy.plan()
        steps = [step for one in plan["accounts"] for step in one["steps"]]
        assert "update_trust_policy" not in [step["action"] for step in steps], act_on
        assert image(aws, account)["trust"] == document
    remedy = Remedy(rolewarden, settings([account], act_on=["deny", "conditional"]))
    plan = remedy.plan()
    assert writes(remedy.apply(plan["arming_code"]))
    assert "Condition" not in image(aws, account)["trust"]
    assert rolewarden.scan(settings=json.loads(remedy.config.read_text())).status == 0
