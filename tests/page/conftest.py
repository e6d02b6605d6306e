"""Two organizations with their daemons, and one browser, for all tests."""

import pytest
from browser import Browser, Tab
from daemon import HOSTILE, Daemon, Organization


def watched(folder, accounts: int, right: int, prepare) -> tuple[Organization, Daemon]:
    organization = Organization(folder, accounts, right)
    prepare(organization)
    return organization, Daemon(folder, organization).after_its_first_sweep()


def hostile_names(organization: Organization):
    for n, account in enumerate(organization.accounts()[: 3 * len(HOSTILE)]):
        organization.change(account["id"], name=HOSTILE[n % len(HOSTILE)])


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """Five accounts."""
    organization, daemon = watched(tmp_path_factory.mktemp("few"), 5, 20, lambda _: None)
    yield daemon
    daemon.child.end()
    organization.child.end()


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """10,000 accounts, the first of which have names that attack the page."""
    organization, daemon = watched(tmp_path_factory.mktemp("many"), 10_000, 90, hostile_names)
    yield daemon
    daemon.child.end()
    organization.child.end()


@pytest.fixture(scope="session")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def tab(browser):
    """Opens tabs that end with the test."""
    tabs = []

    def new(**how) -> Tab:
        tabs.append(Tab(browser, **how))
        return tabs[-1]

    yield new
    for tab in tabs:
        tab.close()
