"""Runbooks: their commands, queries, addresses and links exist."""

import functools
import json
import pathlib
import re
import shlex
import subprocess
import urllib.parse

import catalogue
import pytest
import yaml
from daemon import BINARY, ROOT
from test_rules import RECORDED, promtool

DASHBOARDS = ROOT / "dashboards"
PAGES = [*sorted((DASHBOARDS / "runbooks").glob("*.md")), DASHBOARDS / "README.md"]
OPENAPI = json.loads((ROOT / "src/web/assets/openapi.json").read_text())

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
each_runbook = pytest.mark.parametrize("page", PAGES[:-1], ids=lambda page: page.stem)


def commands(page: pathlib.Path) -> list[list[str]]:
    """What stands in blocks of `sh`, a command a line."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


def queries(page: pathlib.Path) -> list[str]:
    return [command[-1] for command in commands(page) if command[:3] == ["promtool", "query", "instant"]]


@each_runbook
def test_a_runbook_says_what_it_means_how_to_see_it_what_causes_it_and_what_to_do(page):
    text = page.read_text()
    assert re.findall(r"^# (.*)$", text, re.MULTILINE) == [page.stem]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["See", "Causes", "Do"]
    for part in re.split(r"^#+ .*$", text, flags=re.MULTILINE)[1:]:
        assert len(part.strip()) > 40
    assert queries(page) or page.stem in ("RolewardenCriticalDrift", "RolewardenHighDrift")
    assert len(text) < 4_000, "short enough to read at night"


@functools.cache
def help_of(subcommand: tuple[str, ...]) -> str:
    done = subprocess.run([BINARY, *subcommand, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"no command `rolewarden {' '.join(subcommand)}`: {done.stderr}"
    return done.stdout


@each_page
def test_commands_of_rolewarden_exist_with_their_flags(page):
    for command in commands(page):
        if command[0] != "rolewarden":
            continue
        words = command[1:3] if command[1] == "config" else command[1:2]
        for flag in (word for word in command if word.startswith("--")):
            assert re.search(rf"^ +(-\w, )? *{flag}\b", help_of(tuple(words)), re.MULTILINE), " ".join(command)


@each_page
def test_queries_are_promql_over_metrics_that_exist(page, tmp_path):
    for query in queries(page):
        assert catalogue.problems(query, RECORDED) == [], query
    rules = [{"record": "asked", "expr": query} for query in queries(page)]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    done = promtool("check", "rules", "--lint=none", "rules.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def parameters(operation: dict) -> dict[str, dict]:
    found = {}
    for parameter in operation.get("parameters", []):
        if reference := parameter.get("$ref"):
            parameter = OPENAPI["components"]["parameters"][reference.rsplit("/", 1)[1]]
        found[parameter["name"]] = parameter["schema"]
    return found


@each_page
def test_addresses_of_rolewarden_exist_with_their_parameters(page):
    for command in commands(page):
        if command[0] != "curl":
            continue
        (address,) = [urllib.parse.urlsplit(word) for word in command if word.startswith("http://127.0.0.1:9797/")]
        method = command[command.index("--request") + 1].lower() if "--request" in command else "get"
        path = re.sub(r"\b\d{12}\b", "{id}", address.path)
        assert method in OPENAPI["paths"].get(path, {}), " ".join(command)
        assert ("--header" in command) == (method == "post"), "a POST needs the token, and nothing else does"
        known = parameters(OPENAPI["paths"][path][method])
        for name, value in urllib.parse.parse_qsl(address.query):
            assert name in known, " ".join(command)
            schema = known[name]
            if reference := schema.get("$ref"):
                schema = OPENAPI["components"]["schemas"][reference.rsplit("/", 1)[1]]
            assert value in schema.get("enum", [value]), " ".join(command)


@each_page
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@each_page
def test_keys_of_the_configuration_exist(page):
    example = yaml.safe_load((ROOT / "config/rolewarden.example.yaml").read_text())
    for section, key in re.findall(r"`(accounts|access|baseline|sweep|store|web|remediation)\.([a-z_]+)(?:: \w+)?`", page.read_text()):
        assert key in example[section], f"{section}.{key}"
