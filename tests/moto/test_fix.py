"""The commands that findings offer, run with the AWS CLI, put the role right."""

import subprocess

import pytest
from roles import NoRole, cli_environment
from world import ROWS

DRIFTED = [row for row in ROWS if row.state == "drifted"]
# A Deny or a condition is a decision for people: no command is offered that takes it away.
DECIDED = {
    "denied in the same policy",
    "denied in a second policy",
    "allowed from one network",
    "a denying policy attached",
    "trust denied again",
    "trust denied under a condition",
    "trust for this account only",
    "trust for another account only",
}
# What no command is offered for, as it would take away what a person put there on purpose.
BY_HAND = {"the role under another path", "a boundary that cuts the connector", "a boundary that denies it"}


@pytest.mark.parametrize("number, row", list(enumerate(DRIFTED)), ids=lambda value: repr(getattr(value, "name", "")))
def test_the_commands_of_the_findings_mend_the_account(number, row, aws, rolewarden):
    account = f"{333300000000 + number}"  # not of the organization: what is mended here is seen by no other test
    row.role.make(aws, account)
    listed = {"accounts": {"source": "list", "list": [{"id": account}]}}
    before = rolewarden.scan(settings=listed)
    assert before.status == 3, before.err
    commands = dict.fromkeys(line for finding in before.accounts[account]["findings"] for line in finding["fix"])
    if row.name in DECIDED:
        assert not commands
        return
    if row.name in BY_HAND:
        assert not any("boundary" in command or "delete-role " in command for command in commands)
        return
    for command in commands:
        assert command.startswith("aws iam ")
        done = subprocess.run(
            ["sh", "-c", command], env=cli_environment(aws, account), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    after = rolewarden.scan(settings=listed)
    assert after.status == 0, after.out


def test_there_is_something_to_mend():
    assert sum(not isinstance(row.role, NoRole) for row in DRIFTED) > 30
