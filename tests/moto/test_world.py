"""The organization is what its table says: read back with boto3, before rolewarden is asked about it."""

import botocore.exceptions
import pytest
from roles import NAME, NoRole
from world import ROWS


@pytest.mark.parametrize("name", [row.name for row in ROWS], ids=repr)
def test_each_account_holds_the_role_its_row_describes(name, aws, rows):
    row = rows[name]
    if isinstance(row.role, NoRole):
        with pytest.raises(botocore.exceptions.ClientError, match="NoSuchEntity"):
            aws.client("iam", row.account).get_role(RoleName=NAME)
    else:
        assert row.role.read(aws, row.account) == row.role.meant(row.account)


def test_the_table_is_large_and_its_names_are_distinct(rows):
    assert len(rows) == len(ROWS) + 1 >= 60
    assert len({row.account for row in rows.values()}) == len(rows)


def test_every_state_and_every_verdict_of_a_policy_occurs(rows):
    verdicts = {verdict for row in rows.values() for verdict, _severity in row.expected().values()}
    assert {"equivalent", "missing", "excess", "missing_and_excess", "conditional", "absent", "invalid"} <= verdicts
    assert {row.state for row in rows.values()} == {"compliant", "drifted", "skipped"}
