"""Four real processes share an organization of 5,000 accounts, and a real Prometheus says whether all are watched."""

import contextlib
import json
import pathlib
import re
import subprocess

import pytest
import yaml
from daemon import BINARY, ROOT, TOKEN, Daemon, Organization, fetch, until
from prometheus import Prometheus, free_address

ACCOUNTS = 5_000
SHARDS = 4
SHARD_ALERTS = 'ALERTS{alertname=~"RolewardenShard.+|RolewardenInstanceDown|RolewardenDown"}'


class Fleet:
    """Shards of one organization, each with a store and an address that it keeps."""

    def __init__(self, folder: pathlib.Path, organization: Organization):
        self.folder = folder
        self.organization = organization
        self.addresses = [free_address() for _ in range(SHARDS + 1)]
        self.shards: dict[int, Daemon] = {}

    def start(self, ordinal: int, total: int):
        folder = self.folder / f"shard-{ordinal}"
        folder.mkdir(exist_ok=True)
        settings = {
            # Patient: this is about who judges an account, not about how fast.
            "sweep": {"every": "1h", "jitter": "0s", "account_timeout": "5m", "attempt_timeout": "1m"},
            "web": {"listen": self.addresses[ordinal], "token": TOKEN},
        }
        flags = ("--shard", str(ordinal), "--total-shards", str(total))
        self.shards[ordinal] = Daemon(folder, self.organization, settings, flags)

    def after_their_sweeps(self) -> "Fleet":
        for ordinal, daemon in self.shards.items():
            until(lambda: self.value(ordinal, "rolewarden_sweeps_total", 'outcome="complete"') == 1, f"shard {ordinal}", 240)
            assert daemon.child.process.poll() is None
        return self

    def kill(self, ordinal: int):
        self.shards[ordinal].child.process.kill()
        self.shards[ordinal].child.process.wait()

    def end(self):
        for daemon in self.shards.values():
            if daemon.child.process.poll() is None:
                daemon.child.end()

    def metrics(self, ordinal: int) -> str:
        status, body = fetch(f"{self.shards[ordinal].url}/metrics")
        assert status == 200
        return body.decode()

    def series(self, ordinal: int, name: str) -> dict[str, float]:
        """Values by what stands in the braces."""
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self.metrics(ordinal), re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def value(self, ordinal: int, name: str, labels: str = "") -> float:
        return self.series(ordinal, name)[labels]

    def states(self, ordinal: int) -> dict[str, str]:
        """The accounts that have a series of their own, and their states."""
        pattern = r'^rolewarden_account_state\{account_id="(\d{12})",state="(\w+)",reason="\w*"\} 1$'
        pairs = re.findall(pattern, self.metrics(ordinal), re.MULTILINE)
        assert len(dict(pairs)) == len(pairs), "an account has two series"
        return dict(pairs)

    def all_states(self) -> dict[str, str]:
        """Of all shards, none of which has an account of another."""
        together: dict[str, str] = {}
        for ordinal in self.shards:
            own = self.states(ordinal)
            assert not together.keys() & own.keys(), "an account is in two shards"
            together |= own
        return together


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Whatever happens, all processes end."""
    folder = tmp_path_factory.mktemp("shards")
    with contextlib.ExitStack() as children:
        organization = Organization(folder, ACCOUNTS, 90)
        children.callback(organization.child.end)
        fleet = Fleet(folder, organization)
        children.callback(fleet.end)
        for ordinal in range(SHARDS):
            fleet.start(ordinal, SHARDS)
        yield fleet.after_their_sweeps()


@pytest.fixture(scope="module")
def prometheus(fleet):
    prometheus = Prometheus(fleet.folder, fleet.addresses[:SHARDS], 2)
    yield prometheus
    prometheus.end()


@pytest.fixture(scope="module")
def whole(fleet) -> dict:
    """What one `rolewarden scan` says of the same organization."""
    daemon = fleet.shards[0]
    done = subprocess.run(
        [BINARY, "scan", "--config", daemon.config, "--format", "json", "--no-progress"],
        env=daemon.environment,
        cwd=fleet.folder,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode in (3, 5), done.stderr.decode()[-2_000:]
    return json.loads(done.stdout)


def selected(whole: dict) -> dict[str, str]:
    return {account["id"]: account["state"] for account in whole["accounts"] if account["state"] != "skipped"}


def test_every_account_is_judged_exactly_once_and_as_one_scan_judges_it(fleet, whole):
    assert whole["summary"]["discovered"] == ACCOUNTS
    assert fleet.all_states() == selected(whole)
    scans = [sum(fleet.series(ordinal, "rolewarden_scans_total").values()) for ordinal in fleet.shards]
    assert sum(scans) == len(selected(whole)), f"scans of each shard: {scans}"
    reports = [daemon.json("/api/v1/report") for daemon in fleet.shards.values()]
    assert [report["sweep"]["shard"] for report in reports] == [{"ordinal": n, "total": SHARDS} for n in range(SHARDS)]
    for key in ("discovered", "selected", "skipped"):
        assert sum(report["summary"][key] for report in reports) == whole["summary"][key]
    for ordinal in fleet.shards:
        assert fleet.value(ordinal, "rolewarden_organization_accounts") == len(selected(whole))
        even = ACCOUNTS / SHARDS
        assert abs(len(fleet.states(ordinal)) - even) < 0.1 * even, "they are about even"


def rule(alert: str) -> str:
    file = yaml.safe_load((ROOT / "dashboards/rules/alerts.yaml").read_text())
    (expression,) = [rule["expr"] for group in file["groups"] for rule in group["rules"] if rule["alert"] == alert]
    return expression


def test_prometheus_sees_that_all_are_watched_and_that_a_killed_shard_is_missing(fleet, prometheus):
    prometheus.until(f"count(rolewarden_shard_ordinal) == {SHARDS}")
    prometheus.until("sum(job:rolewarden_accounts:sum) == max(rolewarden_organization_accounts)")
    prometheus.until_rules_have_seen_this()
    assert prometheus.now(SHARD_ALERTS).series == [], "the rules are evaluated without their waits"

    fleet.kill(2)
    missing = prometheus.until(rule("RolewardenShardsMissing"), seconds=30)
    assert missing.only() == SHARDS - 1, "so many still answer"
    firing = 'ALERTS{alertstate="firing", alertname="%s"}'
    prometheus.until(firing % "RolewardenShardsMissing", seconds=30)
    down = prometheus.until(firing % "RolewardenInstanceDown", seconds=30)
    assert [one["metric"]["instance"] for one in down.series] == [fleet.addresses[2]]
    assert prometheus.now(rule("RolewardenDown")).series == [], "the others see what is theirs"

    fleet.start(2, SHARDS)
    until(lambda: not prometheus.now(SHARD_ALERTS).series, "it is back, and no alert is left")
    fleet.after_their_sweeps()


def test_a_fifth_shard_takes_its_share_and_moves_nothing_else(fleet, whole):
    before = {ordinal: fleet.states(ordinal) for ordinal in fleet.shards}
    fleet.end()
    for ordinal in range(SHARDS + 1):
        fleet.start(ordinal, SHARDS + 1)
    # At once: what is another's now is not shown again from the store.
    shown = {ordinal: fleet.states(ordinal).keys() for ordinal in before}
    for ordinal, accounts in before.items():
        assert shown[ordinal] <= accounts.keys(), f"shard {ordinal} took accounts of another"
    fleet.after_their_sweeps()
    assert fleet.all_states() == selected(whole)
    moved = fleet.states(SHARDS).keys()
    share = len(selected(whole)) / (SHARDS + 1)
    assert abs(len(moved) - share) < 0.1 * share, f"{len(moved)} moved, not {share}"
    for ordinal, accounts in before.items():
        assert fleet.states(ordinal).keys() == accounts.keys() - moved
        assert fleet.value(ordinal, "rolewarden_org_refresh_failures_total") == 0, "no list that shrank"
        resolved = fleet.series(ordinal, "rolewarden_findings_resolved_total")
        assert not any(resolved.values()), "nobody put anything right"
        assert "in other shards" in fleet.shards[ordinal].child.log.read_text()


def test_a_shard_without_accounts_is_ready_and_sweeps_nothing(tmp_path):
    organization = Organization(tmp_path, 5, 90)
    try:
        config = tmp_path / "scan.yaml"
        config.write_text('accounts: {"source": "organization"}')
        environment = {**organization.environment, "HOME": str(tmp_path)}

        def holds_none(ordinal: int) -> bool:
            line = [BINARY, "scan", "--config", config, "--no-progress", "--shard", str(ordinal), "--total-shards", "1000"]
            done = subprocess.run(line, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
            return done.returncode == 1 and "use fewer shards" in done.stderr

        ordinal = next(filter(holds_none, range(6)))
        daemon = Daemon(tmp_path, organization, flags=("--shard", str(ordinal), "--total-shards", "1000"))
        try:
            daemon.after_its_first_sweep()
            metrics = fetch(f"{daemon.url}/metrics")[1].decode()
            for line in [
                'rolewarden_sweeps_total{outcome="complete"} 1',
                'rolewarden_accounts{state="compliant"} 0',
                'rolewarden_scans_total{outcome="success"} 0',
                f"rolewarden_shard_ordinal {ordinal}",
            ]:
                assert f"\n{line}\n" in metrics, line
            (listed,) = re.findall(r"^rolewarden_organization_accounts (\d+)$", metrics, re.MULTILINE)
            assert int(listed) > 0, "it has the list all the same"
            assert daemon.json("/api/v1/report")["summary"]["discovered"] == 0
            assert "This shard has no account" in fetch(daemon.url)[1].decode()
        finally:
            daemon.child.end()
    finally:
        organization.child.end()
