"""The image's recipe and the demo of compose, without an engine: what they copy, mount and start is there and works."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import tempfile

import compose_spec
import pytest
import yaml
from daemon import BINARY, ROOT, Organization, fetch, line_with, start, until
from programs import DEPLOY, VERSION, Served, configured, moved, program, rolewarden, run
from prometheus import free_address
from rendered import pod, way

CONTAINER = DEPLOY / "container"
DOCKERFILE = CONTAINER / "Dockerfile"
CARGO = (ROOT / "Cargo.toml").read_text()
COMPOSE = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


def instructions() -> list[list[tuple[str, str]]]:
    """Instructions and their words, by stage; before the first FROM are the arguments of all."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.M).replace("\\\n", " ")
    stages: list[list[tuple[str, str]]] = [[]]
    for line in filter(str.strip, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, rest.strip()))
    return stages


ARGUMENTS, BUILD, FINAL = instructions()


def context() -> list[str]:
    """What the builder is given: .dockerignore leaves everything out but the names that it lets in again."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*" and all(re.fullmatch(r"![\w.-]+", line) for line in lines[1:]), "nothing that is harder to read"
    return [line[1:] for line in lines[1:]]


def copied(stage: list[tuple[str, str]]) -> list[str]:
    """Sources of COPY that come from the context."""
    lines = [shlex.split(words) for word, words in stage if word == "COPY"]
    return [source for line in lines if not line[0].startswith("--") for source in line[:-1]]


def test_hadolint_finds_nothing_wrong_with_the_dockerfile():
    done = run(program("hadolint"), "--no-color", DOCKERFILE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_built_from_what_the_context_holds_and_the_context_holds_no_more():
    assert sorted(copied(BUILD)) == sorted(context())
    assert all((ROOT / name).exists() for name in context())
    assert not copied(FINAL), "the last stage takes from the first"


def test_cargo_finds_its_files_in_the_context():
    for path in re.findall(r'^path = "(.+)"$', CARGO, re.M):
        assert path.split("/")[0] in context(), path
    included = re.compile(r'include_(?:str|bytes)!\(\s*"([^"]+)"')
    for source in (ROOT / "src").rglob("*.rs"):
        if "tests" in source.relative_to(ROOT).parts or source.stem == "tests":
            continue
        shipped = source.read_text().split("#[cfg(test)]")[0]
        for name in included.findall(shipped):
            path = pathlib.Path(os.path.normpath(source.parent / name))
            assert path.exists() and path.relative_to(ROOT).parts[0] in context(), f"{source}: {name}"
    with tempfile.TemporaryDirectory() as folder:
        for name in context():
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, f"{folder}/{name}")
        done = run("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1", cwd=folder)
        assert done.returncode == 0, done.stderr


def test_the_program_is_built_as_this_tree_says():
    images = dict(line.split("=", 1) for word, line in ARGUMENTS if word == "ARG")
    wanted = re.search(r'^rust-version = "(.+)"$', CARGO, re.M)[1]
    # `deploy/container/pin.py` adds digests.
    images = {name: image.partition("@")[0] for name, image in images.items()}
    assert images["BUILD_IMAGE"].startswith(f"docker.io/library/rust:{wanted}-")
    # The libc that it is linked with is the one it runs on.
    assert images["BUILD_IMAGE"].endswith("-bookworm") and images["RUNTIME_IMAGE"] == "gcr.io/distroless/cc-debian12:nonroot"
    (command,) = [words for word, words in BUILD if word == "RUN"]
    assert "cargo build --release --locked --bin rolewarden" in command and "--mount=type=cache" in command
    # build.rs and the program read it while they are compiled.
    assert "ROLEWARDEN_REVISION" in command and "ROLEWARDEN_REVISION" in (ROOT / "build.rs").read_text()
    label = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', DOCKERFILE.read_text()))
    assert label["version"] == VERSION and f"rolewarden:{VERSION} " in DOCKERFILE.read_text()


def test_the_image_has_one_program_no_shell_and_no_root():
    of = dict(FINAL)
    assert of["FROM"] == "${RUNTIME_IMAGE}" and "RUN" not in of and "HEALTHCHECK" not in of
    assert of["USER"] == "65532:65532" and of["STOPSIGNAL"] == "SIGTERM"
    assert yaml.safe_load(of["ENTRYPOINT"]) == ["/rolewarden"]
    one = pod(way("base"))
    assert yaml.safe_load(of["CMD"]) == one.container["args"]
    assert of["WORKDIR"] in [mount["mountPath"] for mount in one.container["volumeMounts"]]
    assert int(of["EXPOSE"]) == one.container["ports"][0]["containerPort"]
    for word, words in FINAL:
        assert word != "COPY" or "--from=build /out/" in re.sub(r"--chown=\S+ ", "", words)


def test_the_program_needs_no_library_that_the_image_lacks():
    done = run(program("readelf", "binutils"), "--dynamic", BINARY)
    needed = set(re.findall(r"Shared library: \[(.+)\]", done.stdout))
    assert "libc.so.6" in needed, done.stderr
    assert needed <= {
        "libc.so.6",
        "libm.so.6",
        "libgcc_s.so.1",
        "libstdc++.so.6",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can make the file systems read-only for a process")
def test_the_daemon_needs_no_privilege_and_no_place_to_write_to_but_its_state(organization: Organization):
    # Not in pytest's folders: other users must not get there.
    with contextlib.ExitStack() as ends:
        folder = pathlib.Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="rolewarden-")))
        binary = shutil.copy(BINARY, folder / "rolewarden")
        state = folder / "state"
        state.mkdir()
        path = configured((CONTAINER / "demo.yaml").read_text(), state, "/var/lib/rolewarden")
        text = path.read_text().replace("external_id: rolewarden-demo", "external_id: null")
        path.write_text(text)
        for place, mode in ((folder, 0o755), (state, 0o700)):
            place.chmod(mode)
        for mine in (state, path):
            os.chown(mine, 65532, 65532)
        line = ["unshare", "--mount", "--propagation", "private", DEPLOY.parent / "tests/deploy/readonly.sh", state, binary]
        environment = {"PATH": os.environ["PATH"], **organization.environment}
        child = start([*line, "serve", "--config", path], folder / "log", env=environment)
        ends.callback(child.end)
        url = f"http://{line_with(child, r'listening.*address.{3}([0-9.:]+)')[1]}"
        until(lambda: fetch(f"{url}/-/ready")[0] == 200, "the daemon is ready")
        assert "process_start_time_seconds" in fetch(f"{url}/metrics")[1].decode()
        assert (state / "rolewarden.db").stat().st_uid == 65532


def test_the_compose_file_is_one():
    compose_spec.PyCompose.from_json(json.dumps(COMPOSE)).validate()
    wrong = {"services": {"one": {"image": "one", "readonly": True}}}
    with pytest.raises(ValueError, match="readonly"):
        compose_spec.PyCompose.from_json(json.dumps(wrong))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_and_pinned(name):
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service and "user" not in service
    assert service["mem_limit"] and service["pids_limit"] and service["stop_grace_period"] == "60s"
    repository, _, tag = service["image"].partition("@")[0].rpartition(":")
    assert repository and (re.fullmatch(r"v?\d+\.\d+\.\d+", tag) or service["image"] == "rolewarden:demo")


def test_only_this_machine_reaches_the_demo():
    owner = "organization"
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in SERVICES[owner]["ports"])
    for name, service in SERVICES.items():
        assert name == owner or (service["network_mode"] == f"service:{owner}" and "ports" not in service), name


def test_what_is_mounted_and_built_is_there():
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source, target, *mode = mount.split(":")
            assert target.startswith("/"), name
            if source.startswith("."):
                assert (CONTAINER / source).exists() and mode == ["ro"], mount
            else:
                assert source in COMPOSE["volumes"] and not mode, mount
    build = SERVICES["organization"]["build"]
    assert (CONTAINER / build["context"]).resolve() == ROOT and ROOT / build["dockerfile"] == DOCKERFILE
    assert re.search(rf"^{build['args']['FEATURES']} = \[", CARGO, re.M)
    assert {word.partition("=")[0] for kind, word in BUILD if kind == "ARG"} >= set(build["args"])


def inside(name: str, path: str) -> pathlib.Path:
    """Where a file of a service's container comes from."""
    for mount in SERVICES[name]["volumes"]:
        source, target, *_ = mount.split(":")
        if source.startswith(".") and (path == target or path.startswith(f"{target}/")):
            return (CONTAINER / source).resolve() / path.removeprefix(target).lstrip("/")
    raise AssertionError(f"{name}: nothing is mounted at {path}")


def test_grafana_finds_its_data_source_its_boards_and_its_first_page():
    environment = SERVICES["grafana"]["environment"]
    assert inside("grafana", environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).exists()
    boards = inside("grafana", "/etc/grafana/provisioning/dashboards/rolewarden.yaml")
    (provider,) = yaml.safe_load(boards.read_text())["providers"]
    assert list(inside("grafana", provider["options"]["path"]).glob("*.json"))
    source = inside("grafana", "/etc/grafana/provisioning/datasources/rolewarden.yaml")
    (prometheus,) = yaml.safe_load(source.read_text())["datasources"]
    # All share one network.
    assert prometheus["url"] == "http://127.0.0.1:9090"


class Demo:
    """The services of rolewarden, started in the order that is hardest, on addresses that are free."""

    def __init__(self, folder: pathlib.Path, ends: contextlib.ExitStack):
        self.simulator = free_address()
        text = inside("rolewarden", "/etc/rolewarden/rolewarden.yaml").read_text()
        # Every minute is long for a test.
        settings = text.replace("every: 1m", "every: 10s").replace("refresh: 1m", "refresh: 10s")
        configured(settings, folder, "/var/lib/rolewarden")
        places = {"/etc/rolewarden": str(folder), "127.0.0.1:9798": self.simulator}
        service = SERVICES["rolewarden"]
        environment = moved(service["environment"], places)
        self.daemon = Served(moved(service["command"], places), folder, environment)
        ends.callback(self.daemon.child.end)
        line = moved(SERVICES["organization"]["command"], places)
        organization = start([BINARY, *line], folder / "simulator.log")
        ends.callback(organization.end)
        self.daemon.ready()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with contextlib.ExitStack() as ends:
        yield Demo(tmp_path_factory.mktemp("demo"), ends)


def test_the_daemon_of_the_demo_waits_for_the_simulator_and_reads_it(demo):
    metrics = fetch(f"{demo.daemon.url}/metrics")[1].decode()
    states = dict(re.findall(r'^rolewarden_accounts\{state="(\w+)"\} (\d+)$', metrics, re.M))
    assert int(states["compliant"]) > 200 and int(states["drifted"]) > 0, states


def test_prometheus_and_alertmanager_start_with_the_arguments_of_the_demo(demo, tmp_path):
    folder = tmp_path / "etc"
    # The data folder must not be inside the mounted one.
    shutil.copytree(inside("prometheus", "/etc/rolewarden"), folder)
    prometheus, alertmanager = free_address(), free_address()
    addresses = {
        "127.0.0.1:9797": demo.daemon.url.removeprefix("http://"),
        "127.0.0.1:9090": prometheus,
        "127.0.0.1:9093": alertmanager,
    }
    path = folder / "prometheus.yaml"
    hastened = {"scrape_interval: 60s": "scrape_interval: 1s", "scrape_timeout: 30s": "scrape_timeout: 1s"}
    path.write_text(moved(path.read_text(), addresses | hastened))
    places = {
        "/etc/rolewarden": str(folder),
        "=/prometheus": f"={tmp_path}/prometheus",
        "=/alertmanager": f"={tmp_path}/alertmanager",
    }
    with contextlib.ExitStack() as ends:
        for name, address in (("prometheus", prometheus), ("alertmanager", alertmanager)):
            line = moved(SERVICES[name]["command"], places)
            package = "prometheus" if name == "prometheus" else "prometheus-alertmanager"
            binary = program(package, package)
            child = start([binary, *line, f"--web.listen-address={address}"], tmp_path / f"{name}.log", cwd=tmp_path)
            ends.callback(child.end)
            until(lambda at=address: ready(at), f"{name} is ready")
        query = f"http://{prometheus}/api/v1/query?query=sum(up)"
        until(lambda: b'"3"' in fetch(query)[1], "Prometheus scrapes rolewarden, Alertmanager and itself")


def ready(address: str) -> bool:
    with contextlib.suppress(OSError):
        return fetch(f"http://{address}/-/ready")[0] == 200
    return False


def test_the_commands_of_the_demo_need_the_feature_that_is_built_in():
    assert rolewarden(SERVICES["organization"]["command"][0], "--help").returncode == 0
