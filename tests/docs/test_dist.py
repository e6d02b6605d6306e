"""What surrounds the program in a release, with a program that takes no time to build. That the real one has the same bytes
when it is built twice is for `make reproducible`: it takes two release builds."""

import os
import pathlib
import shutil
import subprocess
import tarfile

import pytest
from daemon import ROOT

CARGO = """#!/bin/bash
[ "$1" = build ] || exec {cargo} "$@"
echo built >&2
while [ $# -gt 0 ]; do
    case $1 in --target) target=$2 ;; --target-dir) folder=$2 ;; esac
    shift
done
mkdir -p "$folder/$target/release"
echo "{program}" > "$folder/$target/release/rolewarden"
"""


@pytest.fixture
def clone(tmp_path) -> pathlib.Path:
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True, timeout=60)
    return tmp_path / "clone"


def run(folder: pathlib.Path, script: str, program: str = "a program") -> subprocess.CompletedProcess:
    """Runs a script of a clone with a cargo that makes this program."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "cargo").write_text(CARGO.format(cargo=shutil.which("cargo"), program=program))
    (tools / "cargo").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(folder.parent)}
    return subprocess.run([folder / script], env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_release_is_made_of_a_commit_alone(clone):
    (clone / "src/lib.rs").write_text("// changed")
    done = run(clone, ".ci/dist")
    assert done.returncode == 1, done.stderr
    assert done.stderr == "a release is made of a commit: commit or stash what git status shows\n"


def test_a_program_that_names_its_folder_is_refused(clone):
    done = run(clone, ".ci/dist", program="built in $PWD")
    assert done.returncode == 1
    assert f"names {clone}: it would differ on another machine" in done.stderr


def test_the_archive_has_the_program_its_pages_and_its_bill(clone):
    assert run(clone, ".ci/dist").returncode == 0
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=clone / "target/dist", check=True, timeout=60)
    (archive,) = (clone / "target/dist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        members = {member.name.partition("/")[2]: member for member in opened.getmembers()}
    for name in ["README.md", "LICENSE", "docs/operate.md", "config/rolewarden.example.yaml", "rolewarden.cdx.json"]:
        assert members[name].mode == 0o644, name
    assert members["rolewarden"].mode == 0o755
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, members[""].mtime)}


def test_the_same_commit_gives_the_same_files_in_another_folder(clone):
    done = run(clone, ".ci/reproducible")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("built\n") == 2
    assert "built twice, the same bytes" in done.stdout


def test_two_programs_that_differ_are_told(clone):
    done = run(clone, ".ci/reproducible", program="$RANDOM$RANDOM")
    assert done.returncode != 0
    assert ".tar.gz differ" in done.stdout, done.stdout + done.stderr
