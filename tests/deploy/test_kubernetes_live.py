"""What the pods run, run here: their arguments and environment, their configuration, against a simulated organization."""

import contextlib
import json
import pathlib
import urllib.parse

import pytest
from daemon import Organization, fetch
from programs import Served, configured, moved, rolewarden
from rendered import config, kind, pod, way

FOLDER, STATE = "/etc/rolewarden", "/var/lib/rolewarden"


def served(name: str, pod_name: str, folder: pathlib.Path, organization: Organization) -> Served:
    folder.mkdir()
    configured(config(way(name)), folder, STATE)
    line = moved(pod(way(name)).container["args"], {FOLDER: str(folder)})
    return Served(line, folder, pod(way(name)).environment(pod_name), organization)


def scan(name: str, folder: pathlib.Path, organization: Organization, environment: dict | None = None):
    configured(config(way(name)), folder, STATE)
    line = moved(pod(way(name)).container["args"], {FOLDER: str(folder)})
    whole = {**organization.environment, **pod(way(name)).environment("rolewarden-scan-0-x1y2z"), **(environment or {})}
    return rolewarden(*line, environment=whole, cwd=folder)


def records(done) -> list[dict]:
    """A pod's log is both streams: every line is one JSON object."""
    assert all(isinstance(json.loads(line), dict) for line in done.stderr.splitlines()), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ids(accounts: list[dict]) -> list[str]:
    return [account["id"] for account in accounts]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, organization):
    with contextlib.ExitStack() as children:
        daemon = served("base", "rolewarden-5d8f9c7b6-x1y2z", tmp_path_factory.mktemp("base") / "pod", organization)
        children.callback(daemon.child.end)
        yield daemon.ready()


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_the_daemon_answers_its_probes(daemon, probe):
    path = pod(way("base")).container[probe]["httpGet"]["path"]
    assert fetch(daemon.url + path)[0] == 200


def test_the_daemon_is_there_under_the_names_of_its_service_and_no_other(daemon):
    service = kind(way("base"), "Service")["metadata"]
    name = f"{service['name']}.{service['namespace']}.svc.cluster.local"
    port = urllib.parse.urlsplit(daemon.url).port
    status, metrics = fetch(f"{daemon.url}/metrics", headers={"Host": f"{name}:{port}"})
    assert status == 200 and b"rolewarden_accounts{" in metrics
    assert fetch(f"{daemon.url}/", headers={"Host": "rebound.example"})[0] >= 400


def test_the_scan_of_the_cronjob_reports_every_account(organization, tmp_path):
    done = scan("cronjob", tmp_path, organization)
    assert done.returncode == 5, done.stderr
    (sweep, *accounts) = records(done)
    assert sorted(ids(accounts)) == sorted(ids(organization.accounts())) and sweep["summary"]["states"]["drifted"] > 0
    # What deploy/README.md picks from a log.
    assert len([account for account in accounts if account["state"] == "drifted"]) == sweep["summary"]["states"]["drifted"]


def test_a_scan_that_cannot_run_has_a_status_that_is_tried_again(organization, tmp_path):
    done = scan("cronjob", tmp_path, organization, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    (said, _) = kind(way("cronjob"), "CronJob")["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert done.returncode == 1 and 1 not in said["onExitCodes"]["values"]
    assert not done.stdout


def test_the_pods_of_the_job_report_every_account_once_between_them(organization, tmp_path):
    found = []
    for index in range(kind(way("job"), "Job")["spec"]["completions"]):
        folder = tmp_path / str(index)
        folder.mkdir()
        done = scan("job", folder, organization, {"JOB_COMPLETION_INDEX": str(index)})
        assert done.returncode in (0, 3, 4, 5), done.stderr
        found += ids(records(done)[1:])
    assert sorted(found) == sorted(ids(organization.accounts()))


def test_the_pods_of_the_statefulset_watch_every_account_once_between_them(organization, tmp_path):
    name = kind(way("sharded"), "StatefulSet")["metadata"]["name"]
    replicas = kind(way("sharded"), "StatefulSet")["spec"]["replicas"]
    found = []
    with contextlib.ExitStack() as children:
        shards = []
        for number in range(replicas):
            shards.append(served("sharded", f"{name}-{number}", tmp_path / str(number), organization))
            children.callback(shards[-1].child.end)
        for shard in shards:
            report = json.loads(fetch(f"{shard.ready().url}/api/v1/report")[1])
            assert report["summary"]["selected"] > 0
            found += ids(report["accounts"])
    assert sorted(found) == sorted(ids(organization.accounts()))
