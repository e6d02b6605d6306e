"""The examples for Prometheus, Alertmanager and Grafana's provisioning: sound, and they do what they say."""

import json
import re
import shutil
import subprocess
import urllib.parse

import pytest
import yaml
from daemon import ROOT, fetch, start, until
from prometheus import free_address
from test_rules import ALERTS, DASHBOARDS, NAMES, RULES, promtool

PROMETHEUS = yaml.safe_load((DASHBOARDS / "prometheus.yaml").read_text())
ALERTMANAGER = yaml.safe_load((DASHBOARDS / "alertmanager.yaml").read_text())


def scrape(job: str) -> dict:
    return next(config for config in PROMETHEUS["scrape_configs"] if config["job_name"] == job)


def test_promtool_finds_nothing_wrong_with_the_example_of_prometheus():
    done = promtool("check", "config", "prometheus.yaml", folder=DASHBOARDS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_of_prometheus_loads_all_rules_and_leaves_room_for_large_organizations():
    assert {DASHBOARDS / name for name in PROMETHEUS["rule_files"]} == set(RULES.glob("*.yaml"))
    job = scrape("rolewarden")
    assert job["scrape_interval"] == "60s"
    # 3 series an account and one a finding, at the limits the daemon has by default.
    web = yaml.safe_load((ROOT / "config/rolewarden.example.yaml").read_text())["web"]
    assert job["sample_limit"] > 3 * web["max_account_series"] + 2 * web["max_finding_series"] + 5_000
    assert int(job["body_size_limit"].removesuffix("MB")) * 1e6 > 100 * job["sample_limit"]
    assert scrape("prometheus") and scrape("alertmanager") and PROMETHEUS["alerting"]["alertmanagers"]


def test_alertmanager_names_only_alerts_and_severities_that_exist():
    text = (DASHBOARDS / "alertmanager.yaml").read_text()
    named = set(re.findall(r"Rolewarden\w+", text))
    assert named and named <= set(NAMES)
    assert set(re.findall(r'severity = "(\w+)"', text)) <= {rule["labels"]["severity"] for rule in ALERTS}


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    """Debian's Alertmanager with the example; gives the address of its API."""
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    assert program, "no alertmanager: install Debian's package prometheus-alertmanager"
    folder, address = tmp_path_factory.mktemp("alertmanager"), free_address()
    line = [
        program,
        f"--config.file={DASHBOARDS / 'alertmanager.yaml'}",
        f"--storage.path={folder}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    child = start(line, folder / "log", cwd=folder)

    def ready():
        assert child.process.poll() is None, child.log.read_text()
        try:
            return fetch(f"http://{address}/-/ready")[0] == 200
        except OSError:
            return False

    until(ready, "Alertmanager is ready")
    yield f"http://{address}/api/v2/alerts"
    child.end()


def tell(address: str, *alerts: dict):
    assert fetch(address, "POST", [{"labels": labels} for labels in alerts], {"Content-Type": "application/json"})[0] == 200


def known(address: str, job: str) -> list[dict]:
    query = urllib.parse.urlencode({"filter": f'job="{job}"'})
    return json.loads(fetch(f"{address}?{query}")[1])


def labels(rule: dict, job: str) -> dict:
    return {"alertname": rule["alert"], "severity": rule["labels"]["severity"], "job": job}


def test_every_alert_reaches_the_receiver_of_its_severity(alertmanager):
    tell(alertmanager, *(labels(rule, "routed") for rule in ALERTS))

    def all_known():
        alerts = known(alertmanager, "routed")
        return alerts if len(alerts) == len(ALERTS) else None

    receivers = {"critical": "pager", "warning": "team", "info": "notes"}
    for alert in until(all_known, "Alertmanager knows all alerts"):
        assert [receiver["name"] for receiver in alert["receivers"]] == [receivers[alert["labels"]["severity"]]], alert


DRIFT = {"RolewardenCriticalDrift", "RolewardenHighDrift", "RolewardenDriftOverdue"}


@pytest.mark.parametrize(
    ("source", "silenced"),
    [
        (("RolewardenDriftSpike", "critical"), DRIFT),
        (("RolewardenDown", "critical"), DRIFT | {"RolewardenAccountUnscannable", "RolewardenAccountSetShrank"}),
        (("RolewardenInstanceDown", "critical"), set()),
        (
            ("RolewardenShardsMissing", "critical"),
            {"RolewardenInstanceDown", "RolewardenShardCoverageIncomplete", "RolewardenAccountSetShrank"},
        ),
        (
            ("RolewardenCoverageLow", "critical"),
            {"RolewardenAccountUnscannable", "RolewardenComplianceLow", "RolewardenCoverageLow"},
        ),
        (("RolewardenCoverageLow", "warning"), set()),
        (("RolewardenComplianceLow", "warning"), set()),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else str(len(value)),
)
def test_an_alert_silences_what_it_explains_and_nothing_else(alertmanager, source, silenced):
    """All alerts but other sources, of the same job and of another one."""
    name, severity = source
    alerts = ["RolewardenDriftSpike", "RolewardenDown", "RolewardenShardsMissing", "RolewardenCoverageLow"]
    sources = {(alert, "critical") for alert in alerts}
    pairs = {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS} - sources | {source}
    job = f"{name}-{severity}"
    for one in (job, f"not-{job}"):
        others = pairs if one == job else pairs - sources
        tell(alertmanager, *({"alertname": alert, "severity": level, "job": one} for alert, level in others))

    def quiet(job: str) -> set[str]:
        return {alert["labels"]["alertname"] for alert in known(alertmanager, job) if alert["status"]["inhibitedBy"]}

    until(lambda: len(known(alertmanager, job)) == len(pairs), "Alertmanager knows all alerts")
    until(lambda: quiet(job) == silenced, f"{name} silences {silenced}", seconds=20)
    assert quiet(f"not-{job}") == set()


def test_amtool_finds_nothing_wrong_with_the_example_of_alertmanager():
    program = shutil.which("amtool")
    assert program, "no amtool: install Debian's package prometheus-alertmanager"
    done = subprocess.run([program, "check-config", DASHBOARDS / "alertmanager.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_is_given_a_data_source_with_the_scrape_interval():
    (source,) = yaml.safe_load((DASHBOARDS / "provisioning/datasources/rolewarden.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus" and re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", source["uid"])
    assert source["jsonData"]["timeInterval"] == scrape("rolewarden")["scrape_interval"]


def test_grafana_is_given_boards_that_cannot_be_changed_or_lost_in_the_browser():
    (provider,) = yaml.safe_load((DASHBOARDS / "provisioning/dashboards/rolewarden.yaml").read_text())["providers"]
    assert provider["type"] == "file" and provider["allowUiUpdates"] is False and provider["disableDeletion"] is True
    assert provider["options"]["path"] in (DASHBOARDS / "README.md").read_text(), "the README copies boards there"
