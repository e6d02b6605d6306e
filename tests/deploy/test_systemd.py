"""deploy/systemd: systemd's own checks, and what the units start, started here with the same arguments."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import stat

import pytest
from daemon import BINARY, Organization, until
from programs import DEPLOY, Served, configured, moved, program, rolewarden, run

SYSTEMD = DEPLOY / "systemd"
PROGRAM = "/usr/local/bin/rolewarden"
FOLDER, STATE, TEXTFILE = "/etc/rolewarden", "/var/lib/rolewarden", "/var/lib/prometheus/node-exporter"
SERVICES = ["rolewarden", "rolewarden-scan"]
UNITS = ["rolewarden.service", "rolewarden-scan.service", "rolewarden-scan.timer"]
every_service = pytest.mark.parametrize("name", SERVICES)

# The lines that FAULTS 4 names, and those that go with them. An exposure alone would let one be traded for another.
HARDENED = {
    "DynamicUser": "yes",
    "UMask": "0077",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "SystemCallArchitectures": "native",
    "MemoryDenyWriteExecute": "yes",
    "LimitCORE": "0",
    "MemoryMax": "512M",
    "StateDirectoryMode": "0700",
}


def settings(unit: str) -> dict[str, list[str]]:
    """Every key of a unit with its values, in order."""
    found: dict[str, list[str]] = {}
    text = (SYSTEMD / unit).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def command(unit: str, key: str = "ExecStart") -> list[str]:
    (line,) = settings(unit)[key]
    return shlex.split(line)


def installed(folder: pathlib.Path) -> list[pathlib.Path]:
    """Copies of the units that name the program of this tree: systemd looks whether it is there."""
    paths = []
    for unit in UNITS:
        path = folder / unit
        path.write_text((SYSTEMD / unit).read_text().replace(PROGRAM, str(BINARY)))
        paths.append(path)
    return paths


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    done = run(program("systemd-analyze", "systemd"), "verify", "--man=no", *installed(tmp_path))
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr


def test_systemd_would_find_a_key_that_it_does_not_know(tmp_path):
    path = installed(tmp_path)[0]
    path.write_text(path.read_text().replace("DynamicUser=", "DynamicUsers="))
    assert "DynamicUsers" in run(program("systemd-analyze", "systemd"), "verify", "--man=no", path).stderr


@every_service
def test_the_exposure_is_small(name):
    line = [program("systemd-analyze", "systemd"), "security", "--offline=true", "--no-pager"]
    # In tenths: it fails above 1.5.
    done = run(*line, "--threshold=15", SYSTEMD / f"{name}.service")
    assert done.returncode == 0, done.stdout + done.stderr
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
    assert exposure <= 1.5


@every_service
def test_the_promised_hardening_is_there(name):
    unit = settings(f"{name}.service")
    assert {key: values[-1] for key, values in unit.items() if key in HARDENED} == HARDENED
    # The dynamic user's folder is where it works.
    assert unit["StateDirectory"] == [name] and unit["WorkingDirectory"] == [f"%S/{name}"]


def test_both_services_are_hardened_alike():
    ours = {"LoadCredential", "ReadWritePaths", "SupplementaryGroups", "StateDirectory", "WorkingDirectory", "ProcSubset"}
    started = {"Type", "ExecStart", "ExecReload", "SuccessExitStatus", "RestartPreventExitStatus", "Restart", "RestartSec"}
    times = {"WatchdogSec", "TimeoutStartSec", "StartLimitIntervalSec", "StartLimitBurst", "Description", "WantedBy"}
    daemon, scan = (
        {key: values for key, values in settings(f"{name}.service").items() if key not in ours | started | times}
        for name in SERVICES
    )
    # The scan has no readers to render for.
    assert daemon["SystemCallFilter"].pop() == "setpriority"
    assert daemon == scan and len(daemon) > 30


def allowed() -> set[str]:
    """The system calls that a unit's filters let through."""
    listed = run(program("systemd-analyze", "systemd"), "syscall-filter", "--no-pager").stdout
    groups: dict[str, set[str]] = {}
    for line in listed.splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.strip(), set())
        elif (name := line.strip()) and not name.startswith("#") and groups:
            group.add(name)

    def members(name: str) -> set[str]:
        return set().union(*(members(inner) for inner in groups[name])) if name in groups else {name}

    calls: set[str] = set()
    for line in settings("rolewarden.service")["SystemCallFilter"]:
        chosen = set().union(*(members(name) for name in line.removeprefix("~").split()))
        calls = calls - chosen if line.startswith("~") else calls | chosen
    return calls


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, organization):
    """The daemon as the unit starts it, with somebody who listens where systemd would."""
    with contextlib.ExitStack() as ends:
        daemon = Notifying(tmp_path_factory.mktemp("systemd"), organization)
        ends.callback(daemon.end)
        yield daemon


class Notifying:
    def __init__(self, folder: pathlib.Path, organization: Organization):
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(folder / "notify"))
        self.notified.settimeout(30)
        configured((SYSTEMD / "rolewarden.yaml").read_text(), folder, STATE)
        line = moved(command("rolewarden.service"), {FOLDER: str(folder)})
        assert line[0] == PROGRAM
        environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"}
        self.served = Served(line[1:], folder, environment, organization)

    def hears(self, state: str):
        """Whatever else is said before it."""

        def said():
            return state in self.notified.recv(4096).decode().splitlines()

        until(said, f"systemd is told `{state}`", seconds=30, every=0)

    def end(self):
        self.served.child.end()
        self.notified.close()


def test_the_daemon_tells_systemd_what_the_unit_waits_for(daemon):
    unit = settings("rolewarden.service")
    assert unit["Type"] == ["notify"] and unit["WatchdogSec"]
    daemon.hears("READY=1")
    daemon.hears("WATCHDOG=1")
    reload = moved(command("rolewarden.service", "ExecReload"), {"$MAINPID": str(daemon.served.child.process.pid)})
    assert run(*reload).returncode == 0
    daemon.hears("RELOADING=1")
    daemon.hears("READY=1")


def test_the_daemon_tells_that_it_stops_and_ends_well(daemon):
    process = daemon.served.ready().child.process
    process.send_signal(signal.SIGTERM)
    daemon.hears("STOPPING=1")
    assert process.wait(timeout=30) == 0


def test_no_system_call_is_made_that_the_filter_forbids(tmp_path, organization):
    configured((SYSTEMD / "rolewarden.yaml").read_text(), tmp_path, STATE)
    strace = [program("strace", "strace"), "-f", "-qq", "-c", "-o"]
    line = moved(command("rolewarden.service"), places(tmp_path))
    served = Served(line[1:], tmp_path, {}, organization, under=(*strace, tmp_path / "daemon")).ready()
    traced = served.child.process.pid
    (daemon,) = pathlib.Path(f"/proc/{traced}/task/{traced}/children").read_text().split()
    os.kill(int(daemon), signal.SIGTERM)
    assert served.child.process.wait(timeout=30) == 0
    line = [*strace, tmp_path / "scan", BINARY, *moved(scan_line(), places(tmp_path))[1:]]
    done = run(*line, env={"PATH": os.environ["PATH"], **organization.environment}, cwd=tmp_path)
    assert done.returncode == 5, done.stderr
    for name, made in (("daemon", {"listen", "fsync"}), ("scan", {"connect", "fchmod"})):
        calls = {line.split()[-1] for line in (tmp_path / name).read_text().splitlines()[2:-2]}
        # SQLite calls fchown for root alone, which the unit's user is not.
        assert made <= calls and not calls - allowed() - {"fchown"}, name
    assert "mount" not in allowed() and "fchown" not in allowed()


def scan_line() -> list[str]:
    return command("rolewarden-scan.service")


def places(folder: pathlib.Path) -> dict[str, str]:
    return {FOLDER: str(folder), TEXTFILE: str(folder), "%S/rolewarden-scan": str(folder)}


def scan(folder: pathlib.Path, environment: dict):
    configured((SYSTEMD / "rolewarden.yaml").read_text(), folder, STATE)
    return rolewarden(*moved(scan_line(), places(folder))[1:], environment=environment, cwd=folder)


def test_the_scan_leaves_a_report_and_metrics_and_drift_is_no_failure(tmp_path, organization):
    done = scan(tmp_path, organization.environment)
    unit = settings("rolewarden-scan.service")
    assert unit["SuccessExitStatus"] == ["3 4 5"] and done.returncode == 5, done.stderr
    assert not done.stdout
    assert json.loads((tmp_path / "report.json").read_text())["summary"]["states"]["drifted"] > 0
    metrics = tmp_path / "rolewarden.prom"
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o644
    checked = run("sh", "-c", f"{program('promtool', 'prometheus')} check metrics < {metrics}")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert unit["ReadWritePaths"] == [TEXTFILE] and f"{TEXTFILE}/rolewarden.prom" in scan_line()


def test_a_scan_that_cannot_run_is_a_failure_and_the_metrics_say_so(tmp_path, organization):
    done = scan(tmp_path, organization.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert done.returncode == 1 and not (tmp_path / "report.json").exists()
    assert 'rolewarden_last_sweep_outcome{outcome="failed"} 1' in (tmp_path / "rolewarden.prom").read_text()


def test_the_timer_is_one_and_catches_up():
    timer = settings("rolewarden-scan.timer")
    assert timer["Persistent"] == ["yes"]
    done = run(program("systemd-analyze", "systemd"), "calendar", "--iterations=2", *timer["OnCalendar"])
    assert done.returncode == 0, done.stderr


def test_the_configuration_is_sound_also_with_the_secrets_that_the_units_hand_on(tmp_path):
    text = (SYSTEMD / "rolewarden.yaml").read_text()
    named = re.findall(r"\$\{file:/run/credentials/(\S+)/(\S+)\}", text)
    assert [unit for unit, _ in named] == ["rolewarden.service"] * 2
    assert [name for _, name in named] == settings("rolewarden.service")["LoadCredential"]
    assert settings("rolewarden-scan.service")["LoadCredential"] == [named[0][1]]
    for _, name in named:
        (tmp_path / name).write_text("a-secret-of-the-tests-0123456789\n")
    switched_on = re.sub(r"#(\w+: \$\{file)", r"\1", text).replace("/run/credentials/rolewarden.service", str(tmp_path))
    for content, count in ((text, 0), (switched_on, 2)):
        path = tmp_path / "rolewarden.yaml"
        path.write_text(content)
        assert len(re.findall(r"^ *\w+: \$\{file", content, re.M)) == count
        done = rolewarden("config", "check", "--config", path)
        assert done.returncode == 0, done.stderr


class Cron:
    """The line of the crontab, run as cron runs it: by /bin/sh, and what it prints is mailed."""

    def __init__(self, folder: pathlib.Path, organization: Organization):
        self.folder = folder
        configured((SYSTEMD / "rolewarden.yaml").read_text(), folder, STATE)
        lines = [line for line in (SYSTEMD / "crontab.example").read_text().splitlines() if line and line[0] != "#"]
        *self.variables, line = lines
        *when, self.line = line.split(" ", 5)
        assert len(when) == 5 and "%" not in self.line, "cron takes % for the end of the line"
        self.here = {FOLDER: str(folder), STATE: str(folder), TEXTFILE: str(folder), PROGRAM: str(BINARY)}
        self.environment = {"PATH": "/usr/bin:/bin", **organization.environment}

    def mail(self, *more: str) -> str:
        line = moved(self.line, self.here).replace(" || ", " ".join(["", *more, "|| "]))
        done = run("/bin/sh", "-c", line, env=self.environment, cwd=self.folder)
        return done.stdout + done.stderr


@pytest.fixture
def cron(tmp_path, organization):
    return Cron(tmp_path, organization)


def test_cron_mails_drift_and_nothing_while_all_is_well(cron, organization):
    assert {"SHELL=/bin/sh", "MAILTO=security@example.com"} == set(cron.variables)
    report = cron.folder / "report.json"
    assert cron.mail() == f"rolewarden scan: status 5, see {report}\n"
    assert json.loads(report.read_text())["summary"]["states"]["drifted"] > 0 and (cron.folder / "rolewarden.prom").exists()
    right = next(account["id"] for account in organization.accounts() if account["kind"] == "eksctl")
    assert cron.mail("--account", right) == ""


def test_cron_says_why_a_scan_could_not_run_and_that_one_still_runs(cron):
    cron.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    said = cron.mail()
    assert "error: " in said and "status 1, " in said
    held = ["flock", str(cron.folder / "scan.lock"), "/bin/sh", "-c"]
    assert shutil.which("flock"), "util-linux has it"
    done = run(*held, moved(cron.line, cron.here), env=cron.environment, cwd=cron.folder)
    assert "status 75, " in done.stdout
