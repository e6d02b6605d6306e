"""Drift put right by `plan` and `apply`, by the daemon, and undone by `rollback`: real writes on an IAM nobody here wrote.

What a role was before and is after is read by boto3, byte for byte.
"""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from aws import READS, Aws
from botocore.handlers import json_decode_policies
from program import BINARY, Program, Result
from roles import NAME, TRUST, Role
from world import ROWS, allow, document

DRIFTED = [row for row in ROWS if row.state == "drifted"]
ACTIONS = [
    "create_role",
    "update_trust_policy",
    "put_inline_policy",
    "delete_inline_policy",
    "detach_managed_policy",
    "put_permissions_boundary",
]
# A Deny, a condition and a narrower policy with which the connector works are decisions of people, a boundary is their
# limit; no role is moved or deleted.
LEFT_ALONE = {
    "trust denied again",
    "clusters of one region only",
    "denied in the same policy",
    "denied in a second policy",
    "allowed from one network",
    "a denying policy attached",
    "trust denied under a condition",
    "trust for this account only",
    "trust for another account only",
    "a boundary that cuts the connector",
    "a boundary that denies it",
    "sessions of twelve hours",
    "the role under another path",
}
# moto takes these from CreateRole and refuses them from UpdateAssumeRolePolicy.
REFUSED = {"every action of STS", "trust policy cut short", "trust policy with a Resource"}


def image(aws: Aws, account: str) -> dict | None:
    """The role as IAM has it, documents to the byte; `None`: there is none."""
    iam = aws.client("iam", account)
    iam.meta.events.unregister("after-call.iam", json_decode_policies)
    try:
        role = iam.get_role(RoleName=NAME)["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None
    names = iam.list_role_policies(RoleName=NAME)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]
    return {
        "id": role["RoleId"],
        "path": role["Path"],
        "trust": urllib.parse.unquote(role["AssumeRolePolicyDocument"]),
        "session": role["MaxSessionDuration"],
        "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": role.get("Tags", []),
        "inline": {
            n: urllib.parse.unquote(iam.get_role_policy(RoleName=NAME, PolicyName=n)["PolicyDocument"]) for n in names
        },
        "attached": sorted(policy["PolicyArn"] for policy in attached),
    }


def settings(accounts: list[str], **remediation) -> dict:
    whole = {"mode": "apply", "actions": ACTIONS, "act_on": ["invalid"], "max_accounts": 100, "max_percent": 100}
    return {
        "accounts": {"source": "list", "list": [{"id": account} for account in accounts]},
        "remediation": {**whole, "write_interval": "10ms", **remediation},
    }


class Remedy:
    """The commands, one after the other, with one configuration."""

    def __init__(self, rolewarden: Program, config: dict):
        self.program = rolewarden
        self.config = rolewarden.config(config)
        self.file = rolewarden.folder / "plan.json"

    def run(self, *arguments: str) -> Result:
        return self.program.run(*arguments, "--config", str(self.config))

    def plan(self, *arguments: str) -> dict:
        done = self.run("plan", "--format", "json", "--no-progress", "-o", str(self.file), *arguments)
        assert done.status in (0, 3), done.err
        assert json.loads(done.out) == json.loads(self.file.read_text())
        assert writes(done) == []
        return json.loads(done.out)

    def apply(self, arm: str | None, status: int = 0) -> Result:
        armed = ["--arm", arm] if arm else []
        done = self.run("apply", str(self.file), "--new-store", "--format", "json", *armed)
        assert done.status == status, done.err + done.out
        return done

    def rollback(self, id: str, *arguments: str, status: int = 0) -> Result:
        done = self.run("rollback", id, *arguments)
        assert done.status == status, done.err + done.out
        return done


def writes(done: Result) -> list:
    return [call for call in done.calls if call.operation not in READS]



@pytest.mark.parametrize("number, row", list(enumerate(DRIFTED)), ids=lambda value: repr(getattr(value, "name", "")))
def test_every_drift_is_put_right_by_apply_and_back_by_rollback_to_the_byte(number, row, aws, rolewarden):
    account = f"{444400000000 + number}"
    row.role.make(aws, account)
    before = image(aws, account)
    remedy = Remedy(rolewarden, settings([account]))
    plan = remedy.plan()
    if row.name in LEFT_ALONE:
        steps = [step for planned in plan["accounts"] for step in planned["steps"]]
        assert steps == [] and len(plan["left_alone"]) == 1, plan
        assert writes(remedy.apply(plan["arming_code"])) == []
        assert image(aws, account) == before
        return
    assert plan["left_alone"] == [] and len(plan["accounts"]) == 1
    assert writes(remedy.apply(None, status=1)) == [], "not armed"
    assert writes(remedy.apply("0123456789ab", status=1)) == [], "armed for something else"
    assert image(aws, account) == before

    applied = remedy.apply(plan["arming_code"])
    steps = plan["accounts"][0]["steps"]
    assert len(writes(applied)) == len(steps) > 0
    assert {call.account for call in writes(applied)} == {account}
    assert all(step["outcome"] == "applied" for step in applied.report["accounts"][0]["steps"])
    after = image(aws, account)
    assert json.loads(after["trust"]) == TRUST or "update_trust_policy" not in {step["action"] for step in steps}
    assert rolewarden.scan(settings=json.loads(remedy.config.read_text())).status == 0
    remedy = Remedy(rolewarden, settings([account]))
    empty = remedy.plan()
    assert empty["accounts"] == [], "nothing is left to do"
    again = remedy.run("apply", str(remedy.file), "--new-store", "--format", "json", "--arm", empty["arming_code"])
    assert again.status == 0 and writes(again) == []

    run = applied.report["run"]
    shown = remedy.rollback(run)
    assert writes(shown) == [] and image(aws, account) == after, "without --yes nothing is done"
    if row.name in REFUSED:
        refused = remedy.rollback(run, "--yes", status=4)
        assert "UpdateAssumeRolePolicy" in refused.out and image(aws, account) == after
        return
    undone = remedy.rollback(run, "--yes")
    assert len(writes(undone)) == len(steps)
    assert image(aws, account) == before
    history = json.loads(remedy.run("history", "--changes", "--format", "json").out)["changes"]
    assert len(history) == 2 * len(steps)
    assert {change["outcome"] for change in history} == {"rolled_back", "applied"}


def test_a_boundary_that_is_missing_or_another_is_put_and_taken_back(aws, rolewarden):
    accounts = ["444500000001", "444500000002"]
    whole = document(allow("*"))
    for account in accounts:
        iam = aws.client("iam", account)
        iam.create_policy(PolicyName="Limit", PolicyDocument=json.dumps(whole))
    Role().make(aws, accounts[0])
    Role(boundary=whole).make(aws, accounts[1])
    before = [image(aws, account) for account in accounts]
    assert [one["boundary"] and one["boundary"].rpartition("/")[2] for one in before] == [None, "Boundary"]
    wanted = "arn:aws:iam::${rolewarden:account_id}:policy/Limit"
    remedy = Remedy(rolewarden, settings(accounts) | {"baseline": {"permissions_boundary": wanted}})
    plan = remedy.plan()
    assert [[step["action"] for step in one["steps"]] for one in plan["accounts"]] == [["put_permissions_boundary"]] * 2
    run = remedy.apply(plan["arming_code"]).report["run"]
    assert [image(aws, a)["boundary"] for a in accounts] == [f"arn:aws:iam::{a}:policy/Limit" for a in accounts]
    remedy.rollback(run, "--yes")
    assert [image(aws, account) for account in accounts] == before


def drifted_organization(aws: Aws, first: int) -> tuple[list[str], dict]:
    """Accounts drifted in every way that is put right and can be put back, and one that is right."""
    rows = [row for row in DRIFTED if row.name not in LEFT_ALONE | REFUSED]
    accounts = [f"{first + number}" for number in range(len(rows) + 1)]
    for account, role in zip(accounts, [*(row.role for row in rows), Role()], strict=True):
        role.make(aws, account)
    return accounts, {account: image(aws, account) for account in accounts}


def test_a_drifted_organization_is_brought_to_status_0_and_rolled_back_to_what_it_was(aws, rolewarden):
    accounts, before = drifted_organization(aws, 446600000000)
    config = settings(accounts)
    assert rolewarden.scan(settings=config).status == 3
    remedy = Remedy(rolewarden, config)
    plan = remedy.plan()
    assert len(plan["accounts"]) == len(accounts) - 1
    done = remedy.apply(plan["arming_code"])
    assert done.report["summary"] == {"applied": len(accounts) - 1, "done_already": 0, "left": 0, "failed": 0}
    assert rolewarden.scan(settings=config).status == 0
    assert writes(remedy.apply(plan["arming_code"])) == [], "the same plan again: all is done already"
    remedy = Remedy(rolewarden, config)
    remedy.rollback(done.report["run"], "--yes")
    assert {account: image(aws, account) for account in accounts} == before


def test_a_role_that_somebody_changed_meanwhile_is_neither_written_to_nor_rolled_back(aws, rolewarden):
    account = "444500000003"
    Role(inline={}).make(aws, account)
    remedy = Remedy(rolewarden, settings([account]))
    plan = remedy.plan()
    iam = aws.client("iam", account)
    iam.put_role_policy(RoleName=NAME, PolicyName="theirs", PolicyDocument=json.dumps(document(allow("s3:Get*"))))
    theirs = image(aws, account)
    refused = remedy.apply(plan["arming_code"], status=3)
    assert writes(refused) == [] and image(aws, account) == theirs
    plan = remedy.plan()
    run = remedy.apply(plan["arming_code"]).report["run"]
    iam.put_role_policy(RoleName=NAME, PolicyName="later", PolicyDocument=json.dumps(document(allow("sqs:*"))))
    iam.put_role_policy(RoleName=NAME, PolicyName="theirs", PolicyDocument=json.dumps(document(allow("ec2:*"))))
    moved_on = image(aws, account)
    remedy.rollback(run, "--yes", status=3)
    assert image(aws, account) == moved_on
    remedy.rollback(run, "--yes", "--force")
    forced = image(aws, account)
    assert forced["inline"]["theirs"] == theirs["inline"]["theirs"], "what rolewarden replaced is back"
    assert "later" in forced["inline"], "what others did elsewhere stays"


def test_an_account_that_cannot_be_put_back_does_not_keep_the_others_from_it(aws, rolewarden):
    """IAM refuses the old trust policy of the middle one."""
    roles = [Role(inline={}), next(row.role for row in DRIFTED if row.name == "every action of STS"), Role(inline={})]
    accounts = [f"{447600000000 + number}" for number in range(3)]
    for account, role in zip(accounts, roles, strict=True):
        role.make(aws, account)
    before = [image(aws, account) for account in accounts]
    remedy = Remedy(rolewarden, settings(accounts))
    run = remedy.apply(remedy.plan()["arming_code"]).report["run"]
    remedy.rollback(run, "--yes", status=4)
    after = [image(aws, account) for account in accounts]
    assert [after[0], after[2]] == [before[0], before[2]]
    assert json.loads(after[1]["trust"]) == TRUST


def test_limits_of_a_run_hold_and_the_next_run_goes_on(aws, rolewarden):
    accounts = [f"{447700000000 + number}" for number in range(6)]
    for account in accounts:
        Role(inline={}).make(aws, account)
    config = settings(accounts, max_accounts=2)
    remedy = Remedy(rolewarden, config)
    plan = remedy.plan()
    for done, left in [(2, 4), (4, 2)]:
        report = remedy.apply(plan["arming_code"], status=3).report
        assert (report["summary"]["applied"], report["summary"]["left"]) == (2, left)
        assert sum(bool(image(aws, account)["inline"]) for account in accounts) == done
    remedy.apply(plan["arming_code"])
    assert all(image(aws, account)["inline"] for account in accounts)
    Role(inline={}).make(aws, "447700000009")
    for limit in ("max_percent", "max_accounts"):
        none = Remedy(rolewarden, settings(["447700000009"], **{limit: 0}))
        refused = none.apply(none.plan()["arming_code"], status=1)
        assert writes(refused) == [] and f"remediation.{limit} is 0" in refused.err


def test_nothing_is_written_in_the_modes_off_and_plan_or_with_the_kill_switch(aws, rolewarden):
    account = "444500000004"
    Role(inline={}).make(aws, account)
    before = image(aws, account)
    for mode in ("off", "plan"):
        remedy = Remedy(rolewarden, settings([account], mode=mode))
        plan = remedy.plan()
        done = remedy.apply(plan["arming_code"], status=1)
        assert "remediation.mode" in done.err and writes(done) == []
    switch = rolewarden.folder / "stop"
    switch.touch()
    remedy = Remedy(rolewarden, settings([account], kill_switch=str(switch)))
    plan = remedy.plan()
    done = remedy.apply(plan["arming_code"], status=1)
    assert str(switch) in done.err and writes(done) == []
    assert image(aws, account) == before
    switch.unlink()
    remedy.apply(plan["arming_code"])
    assert image(aws, account)["inline"]


def test_a_plan_that_was_edited_or_is_of_another_baseline_is_refused(aws, rolewarden):
    account = "444500000005"
    Role(inline={}).make(aws, account)
    remedy = Remedy(rolewarden, settings([account]))
    plan = remedy.plan()
    whole = remedy.file.read_text()
    remedy.file.write_text(whole.replace("ssmmessages:OpenDataChannel", "ssmmessages:*"))
    done = remedy.apply(plan["arming_code"], status=1)
    assert "edit" in done.err or "changed" in done.err, done.err
    remedy.file.write_text(whole)
    other = rolewarden.folder / "other.json"
    other.write_text(json.dumps(document(allow("logs:*"))))
    remedy = Remedy(rolewarden, settings([account]) | {"baseline": {"inline_policy": str(other)}})
    done = remedy.apply(plan["arming_code"], status=1)
    assert writes(done) == [] and "baseline" in done.err
    assert image(aws, account)["inline"] == {}


def test_the_armed_daemon_puts_an_organization_right_and_rollback_takes_it_back(aws, rolewarden):
    accounts, before = drifted_organization(aws, 448800000000)
    config = settings(accounts, grace="0s") | {
        "sweep": {"every": "10s", "jitter": "0s"},
        "web": {"listen": "127.0.0.1:0"},
    }
    remedy = Remedy(rolewarden, config)
    code = remedy.plan()["arming_code"]
    log = rolewarden.folder / "serve.log"
    environment = {
        **rolewarden.keys,
        "AWS_ENDPOINT_URL": rolewarden.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(rolewarden.folder),
        "PATH": os.defpath,
    }
    with log.open("wb") as out:
        serve = subprocess.Popen(
            [BINARY, "serve", "--config", remedy.config, "--arm", code],
            env=environment,
            cwd=rolewarden.folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            assert serve.poll() is None and time.monotonic() < deadline, log.read_text()[-3_000:]
            if address := re.search(r"listening.*address=\"?([0-9.]+:[0-9]+)", log.read_text()):
                states = report_of(address[1]).get("summary", {}).get("states", {})
                if states.get("compliant") == len(accounts):
                    break
            time.sleep(0.2)
        page = urllib.request.urlopen(f"http://{address[1]}/api/v1/changes?limit=100", timeout=30)
        changes = json.load(page)["changes"]
        assert {change["account"] for change in changes} == set(accounts[:-1]), "each has a step or two"
        assert {change["outcome"] for change in changes} == {"applied"}
    finally:
        serve.terminate()
        assert serve.wait(timeout=30) == 0, log.read_text()[-3_000:]
    assert rolewarden.scan(settings=config).status == 0
    remedy = Remedy(rolewarden, config)
    for run in dict.fromkeys(change["run"] for change in changes):
        remedy.rollback(run, "--yes")
    assert {account: image(aws, account) for account in accounts} == before


def report_of(address: str) -> dict:
    try:
        with urllib.request.urlopen(f"http://{address}/api/v1/report", timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        return {}  # no sweep has ended yet
