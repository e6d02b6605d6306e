"""The bill of materials: valid, the same each time, and what Cargo.lock says."""

import json
import os
import subprocess
import tomllib

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from daemon import ROOT

TARGET = "x86_64-unknown-linux-gnu"
EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


def made(environment: dict[str, str], folder=ROOT) -> str:
    """What `.ci/sbom` prints."""
    kept = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    line = [ROOT / ".ci/sbom", TARGET]
    done = subprocess.run(line, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def text() -> str:
    return made(EPOCH)


@pytest.fixture
def bill(text) -> dict:
    return json.loads(text)


def test_it_is_valid(text):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_validator_finds_mistakes(bill):
    bill["components"][0]["scope"] = "sometimes"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is not None


def test_it_is_the_same_each_time_and_names_no_folder_of_this_machine(text, tmp_path):
    assert made(EPOCH, tmp_path) == text
    assert str(ROOT) not in text
    assert os.path.expanduser("~") + "/" not in text


def test_its_only_time_is_that_of_the_commit(bill):
    assert bill["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert "serialNumber" not in bill
    assert "timestamp" not in json.loads(made({}))["metadata"]


def test_every_crate_has_its_licence_and_the_hash_of_the_lock_file(bill):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock}
    assert len(bill["components"]) > 150
    for component in bill["components"]:
        (digest,) = component["hashes"]
        assert digest == {"alg": "SHA-256", "content": checksums[component["name"], component["version"]]}
        assert component["licenses"][0]["expression"], component["name"]


def test_what_is_linked_is_there_and_what_only_tests_use_is_not(bill):
    scopes = {component["name"]: component["scope"] for component in bill["components"]}
    for name in ["tokio", "rustls", "aws-lc-sys", "libsqlite3-sys", "aws-sdk-iam"]:
        assert scopes[name] == "required", name
    # Procedural macros run while it is built; proptest and divan are for tests; cc and cmake are for build scripts.
    assert scopes["serde_derive"] == scopes["syn"] == "excluded"
    assert not {"proptest", "divan", "cc", "cmake"} & set(scopes)


def test_every_dependency_is_one_of_the_components(bill):
    known = {component["bom-ref"] for component in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    edges = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
    assert set(edges) == known
    assert {need for needs in edges.values() for need in needs} <= known
    reached, todo = set(), [bill["metadata"]["component"]["bom-ref"]]
    while todo:
        ref = todo.pop()
        if ref not in reached:
            reached.add(ref)
            todo.extend(edges[ref])
    assert reached == known, "nothing stands beside the program"
