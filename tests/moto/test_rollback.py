"""A created role names its change, and a rollback deletes that role only: on an IAM nobody here wrote."""

import json

import pytest
from aws import Aws
from roles import NAME, Role
from test_remediate import Remedy, image, settings, writes
from world import allow, document

THEIRS = document(allow("s3:GetObject"))


def description(aws: Aws, account: str) -> str:
    return aws.client("iam", account).get_role(RoleName=NAME)["Role"].get("Description", "")


def created(aws: Aws, rolewarden, account: str) -> tuple[Remedy, str]:
    """An account whose role a run created; the run."""
    remedy = Remedy(rolewarden, settings([account]))
    applied = remedy.apply(remedy.plan()["arming_code"])
    return remedy, applied.report["run"]


def history(remedy: Remedy) -> list[dict]:
    return json.loads(remedy.run("history", "--changes", "--format", "json").out)["changes"]


def test_a_created_role_names_its_change_and_is_deleted_by_its_rollback(aws, rolewarden):
    account = "449000000001"
    remedy, run = created(aws, rolewarden, account)
    (create,) = (change for change in history(remedy) if change["action"] == "create_role")
    assert description(aws, account) == f"rolewarden/change/{create['id']}"
    assert rolewarden.scan(settings=json.loads(remedy.config.read_text())).status == 0
    remedy = Remedy(rolewarden, settings([account]))
    assert remedy.plan()["accounts"] == [], "a description is no drift"
    remedy.rollback(run, "--yes")
    assert image(aws, account) is None
    undone = [change["action"] for change in history(remedy) if change["origin"] == "rollback"]
    assert sorted(undone) == ["delete_inline_policy", "delete_role"]


def edit(iam, what: str) -> None:
    if what == "its inline policy edited":
        name = iam.list_role_policies(RoleName=NAME)["PolicyNames"][0]
        iam.put_role_policy(RoleName=NAME, PolicyName=name, PolicyDocument=json.dumps(THEIRS))
    elif what == "another inline policy":
        iam.put_role_policy(RoleName=NAME, PolicyName="theirs", PolicyDocument=json.dumps(THEIRS))
    elif what == "a tag":
        iam.tag_role(RoleName=NAME, Tags=[{"Key": "owner", "Value": "them"}])
    elif what == "a description":
        iam.update_role(RoleName=NAME, Description="ours now", MaxSessionDuration=3600)
    else:
        assert what == "an attachment"
        arn = iam.create_policy(PolicyName="Theirs", PolicyDocument=json.dumps(THEIRS))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=NAME, PolicyArn=arn)


EDITS = ["its inline policy edited", "another inline policy", "a tag", "a description", "an attachment"]


@pytest.mark.parametrize("number, what", list(enumerate(EDITS)))
def test_a_created_role_that_somebody_extended_is_not_touched_by_a_forced_rollback(number, what, aws, rolewarden):
    account = f"{449000000010 + number}"
    remedy, run = created(aws, rolewarden, account)
    edit(aws.client("iam", account), what)
    extended = image(aws, account)
    for flags in (["--force"], ["--yes"], ["--force", "--yes"]):
        done = remedy.rollback(run, *flags, status=3)
        assert writes(done) == [] and image(aws, account) == extended, flags


def test_undoing_a_rollback_takes_the_code_of_its_preview(aws, rolewarden):
    account = "449000000020"
    Role(inline={}).make(aws, account)
    before = image(aws, account)
    remedy, run = created(aws, rolewarden, account)
    after = image(aws, account)
    remedy.rollback(run, "--yes")
    assert image(aws, account) == before
    back = history(remedy)[0]["run"]
    shown = remedy.rollback(back)
    code = shown.out.rstrip().rpartition("--arm ")[2]
    assert writes(remedy.rollback(back, "--yes", status=1)) == []
    assert writes(remedy.rollback(back, "--yes", "--arm", "0123456789ab", status=1)) == []
    remedy.rollback(back, "--yes", "--arm", code)
    assert image(aws, account) == after
