"""Programs that the tests need, and how what is deployed is run here: with the same arguments, at other places."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml
from daemon import BINARY, ROOT, Child, Organization, fetch, line_with, start, until

DEPLOY = ROOT / "deploy"
VERSION = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def program(name: str, package: str = "") -> pathlib.Path:
    """A wheel's program, or Debian's."""
    wheel = pathlib.Path(sys.executable).parent / name
    found = wheel if wheel.exists() else shutil.which(name)
    assert found, f"no {name}: install {f'Debian package {package}' if package else 'tests/deploy/requirements.txt'}"
    return pathlib.Path(found)


def run(*line: object, **how) -> subprocess.CompletedProcess:
    return subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **how)


def rolewarden(*arguments: object, environment: dict | None = None, **how) -> subprocess.CompletedProcess:
    """With no other environment than this."""
    return run(BINARY, *arguments, env={"PATH": os.environ["PATH"], **(environment or {})}, **how)


def moved(value: object, places: dict[str, str]) -> object:
    """A copy in which texts name other places."""
    if isinstance(value, dict):
        return {moved(key, places): moved(inner, places) for key, inner in value.items()}
    if isinstance(value, list):
        return [moved(inner, places) for inner in value]
    if isinstance(value, str):
        for there, here in places.items():
            value = value.replace(there, here)
    return value


def configured(text: str, folder: pathlib.Path, store: str) -> pathlib.Path:
    """A configuration that ships, with its store in a folder, and listening on loopback."""
    settings = yaml.safe_load(text)
    assert settings["store"]["path"].startswith(store + "/"), "the store is where it can be written"
    settings["store"]["path"] = settings["store"]["path"].replace(store, str(folder))
    settings["web"]["listen"] = "127.0.0.1:0"
    path = folder / "rolewarden.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


class Served:
    """A daemon that was started as it is deployed, perhaps by another program."""

    def __init__(
        self, line: list, folder: pathlib.Path, environment: dict, organization: Organization | None = None, under: tuple = ()
    ):
        aws = organization.environment if organization else {}
        whole = {"PATH": os.environ["PATH"], **aws, **environment}
        self.child: Child = start([*under, BINARY, *line], folder / "serve.log", env=whole, cwd=folder)
        address = line_with(self.child, r"listening.*address\"?[=:]\"?([0-9.]+:[0-9]+)")[1]
        self.url = f"http://{address}"

    def ready(self) -> "Served":
        def answered():
            assert self.child.process.poll() is None, self.child.log.read_text()[-2_000:]
            return fetch(f"{self.url}/-/ready")[0] == 200

        until(answered, "the daemon is ready")
        return self
