"""The organization in moto, once for all tests, and the program under test."""

import pytest
from aws import Aws
from program import Program
from world import Row, seed


@pytest.fixture(scope="session")
def organization() -> tuple[Aws, list[Row]]:
    aws = Aws()
    yield aws, seed(aws)
    aws.close()


@pytest.fixture
def aws(organization) -> Aws:
    """moto as it is between tests: nothing broken, nothing enforced."""
    aws, _rows = organization
    yield aws
    aws.break_call = lambda _call: None
    aws.enforce_permissions(False)


@pytest.fixture
def rows(organization) -> dict[str, Row]:
    _aws, rows = organization
    return {row.name: row for row in rows}


@pytest.fixture
def rolewarden(aws, tmp_path) -> Program:
    return Program(aws, tmp_path)
