"""Organizations with everything the boards show, their daemons, and a Prometheus for each."""

import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import subprocess
import time

import figures
import pytest
from daemon import BINARY, HOSTILE, Daemon, Organization
from prometheus import Prometheus

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclasses.dataclass
class Watched:
    """An organization, its daemon, and the Prometheus that scrapes it."""

    organization: Organization
    daemon: Daemon
    prometheus: Prometheus


@contextlib.contextmanager
def watched(folder: pathlib.Path, accounts: int, settings: dict, prepare=lambda _: None, seconds: int = 1):
    """Whatever happens, all three end."""
    with contextlib.ExitStack() as children:
        organization = Organization(folder, accounts, 63)
        children.callback(organization.child.end)
        prepare(organization)
        daemon = Daemon(folder, organization, settings)
        children.callback(daemon.child.end)
        prometheus = Prometheus(folder, [daemon.address], seconds)
        children.callback(prometheus.end)
        yield Watched(organization, daemon, prometheus)


def day(offset: int) -> str:
    return (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=offset)).isoformat()


def exception(name: str, account: str, accept: dict, days: int) -> dict:
    return {
        "id": name,
        "accounts": [account],
        "accept": accept,
        "reason": "until it is replaced",
        "owner": "team-payments",
        "expires": day(days),
    }


CHECKS = {"attached_policies": "attached-policies", "attributes": "role-attributes", "principals": "trust-policy"}


def checks(exception: dict) -> set[str]:
    """The checks whose findings an exception may cover."""
    return {CHECKS[key] for key in exception["accept"]}


class Story(Watched):
    """Drift of every severity, accounts unknown for many reasons, exceptions of every state, and a few minutes of
    history: findings that opened and that were resolved in every way a rolewarden that writes nothing sees."""

    def __init__(self, world: Watched, by_kind: dict[str, list[str]]):
        super().__init__(**vars(world))
        # Two critical findings, of which one is excused.
        self.drifted = by_kind["everyone"][0]
        self.exempt = by_kind["long-session"][0]
        self.unknown = by_kind["assume-denied"][0]
        self.compliant = by_kind["eksctl"][0]
        self.by_kind = by_kind

    def unfold(self):
        sweeps = 'rolewarden_sweeps_total{outcome="complete"}'
        self.prometheus.until(f"{sweeps} >= 1")
        self.organization.change(self.by_kind["wildcard-action"][0], kind="eksctl")
        self.organization.change(self.by_kind["guide-cli"][1], kind="everyone")
        self.organization.change(self.by_kind["narrowed-resource"][0], state="SUSPENDED")
        for resolution in ["external", "account_left"]:
            self.prometheus.until(f'sum(rolewarden_findings_resolved_total{{resolution="{resolution}"}}) > 0')
        self.daemon.settings["exceptions"].append(
            exception("EX-LATER", self.by_kind["boundary"][0], {"attributes": ["permissions_boundary"]}, 30)
        )
        self.daemon.config.write_text(json.dumps(self.daemon.settings))
        self.daemon.post("/-/reload")
        self.prometheus.until('sum(rolewarden_findings_resolved_total{resolution="exempt"}) > 0')
        # And one more that finds what the one before has found.
        done = self.prometheus.now(sweeps).only()
        self.prometheus.until(f"{sweeps} >= {done + 1}")
        self.prometheus.until_rules_have_seen_this()
        # Prometheus writes alerts from a group's third evaluation on.
        self.prometheus.until('ALERTS{alertname="RolewardenCriticalDrift", alertstate="firing"}')

    def daemon_lived(self) -> float:
        """At most so many seconds: nothing it saw is older."""
        return time.time() - self.daemon.began

    def scan(self) -> dict:
        """What `rolewarden scan` says of the same organization under the same configuration."""
        done = subprocess.run(
            [BINARY, "scan", "--config", self.daemon.config, "--format", "json", "--no-progress"],
            env=self.daemon.environment,
            cwd=self.daemon.folder,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 5, f"drift, and incomplete: {done.returncode} {done.stderr.decode()[-2_000:]}"
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    kinds: dict[str, list[str]] = {}
    exceptions = []

    def prepare(organization: Organization):
        for account in organization.accounts():
            kinds.setdefault(account["kind"], []).append(account["id"])
        organization.change(kinds["everyone"][0], role={"attached": [ADMINISTRATOR]})
        for n, account in enumerate(kinds["guide-cloudformation"] + kinds["terraform-inline"]):
            organization.change(account, name=HOSTILE[n % len(HOSTILE)])
        organization.fault(operation="ListRolePolicies", calls="5..15", fault="throttled")
        exceptions.extend(
            [
                exception("EX-PART", kinds["everyone"][0], {"attached_policies": [ADMINISTRATOR]}, 90),
                exception("EX-SOON", kinds["long-session"][0], {"attributes": ["max_session_duration"]}, 3),
                exception("EX-OVER", kinds["extra-service"][0], {"principals": ["ec2.amazonaws.com"]}, -1),
            ]
        )

    settings = {
        "accounts": {"source": "organization", "refresh": "10s"},
        "sweep": {"every": "10s", "jitter": "0s", "stale_after": "60s"},
        "exceptions": exceptions,
    }
    with watched(folder, 80, settings, prepare) as world:
        story = Story(world, kinds)
        story.unfold()
        yield story


def pytest_terminal_summary(terminalreporter):
    if not figures.LINES:
        return
    terminalreporter.section("dashboards and rules against a real Prometheus")
    for line in figures.LINES:
        terminalreporter.write_line(line)
    if path := os.environ.get("ROLEWARDEN_FIGURES"):
        pathlib.Path(path).write_text("\n".join(figures.LINES) + "\n")
