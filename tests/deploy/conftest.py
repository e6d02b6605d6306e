"""One simulated organization for all that is run."""

import contextlib

import pytest
from daemon import Organization


@pytest.fixture(scope="session")
def organization(tmp_path_factory):
    """40 accounts, among them drifted and unknown ones: a scan ends with status 5."""
    organization = Organization(tmp_path_factory.mktemp("organization"), 40, 63)
    with contextlib.ExitStack() as children:
        children.callback(organization.child.end)
        yield organization
