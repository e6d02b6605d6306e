"""What `make dist` refuses. That it makes the same bytes twice is for `make reproducible`: it takes two release builds."""

import os
import subprocess

from daemon import ROOT


def test_a_release_is_made_of_a_commit_alone(tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True, timeout=60)
    (clone / "src/lib.rs").write_text("// changed")
    # Where it does not refuse, it does not build either.
    path = f"{tmp_path}:{os.environ['PATH']}"
    (tmp_path / "cargo").write_text("#!/bin/sh\necho built >&2\nexit 9\n")
    (tmp_path / "cargo").chmod(0o755)
    done = subprocess.run(
        [clone / ".ci/dist"], env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == "a release is made of a commit: commit or stash what git status shows\n"
    subprocess.run(["git", "checkout", "--quiet", "."], cwd=clone, check=True, timeout=60)
    done = subprocess.run(
        [clone / ".ci/dist"], env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (9, "built\n"), "a clean clone is built"
