"""Examples of the documents do what they show: each page's are run in a folder and an organization of their own."""

import pathlib
import shutil
import socket
import subprocess

import pytest
from daemon import BINARY, ROOT, Organization
from pages import Block, blocks, prints

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LISTEN = "127.0.0.1:9797"
"""Where the documents let the daemon listen; tests take a port that is free."""
NEEDED = ["bash", "curl", "jq", "sqlite3"]


def free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def run(block: Block, folder: pathlib.Path, environment: dict[str, str]):
    """Types a block into one shell, and compares what each command prints."""
    commands = block.commands()
    mark = "-- status of the command"
    # Job control gives each daemon a number and a group of its own. Whatever a page forgets to end ends with its shell.
    script = "set -m; trap 'kill $(jobs -p) 2>/dev/null' EXIT\n"
    script += "".join(f'{command}\necho "{mark} $?"\n' for command, _ in commands)
    (folder / "script").write_text(script)
    line = ["timeout", "--kill-after=5", "180", "bash", "script"]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        subprocess.run(line, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False)
    printed = (folder / "stdout").read_text()
    said = (folder / "stderr").read_text()[-3_000:]
    for command, want in commands:
        before, found, printed = printed.partition(f"{mark} ")
        assert found, f"`{command}` did not end: {before}{said}"
        status, _, printed = printed.partition("\n")
        assert status == "0", f"`{command}` ended with {status}: {before}{said}"
        got = [line.rstrip() for line in before.splitlines()]
        assert prints(want, got), f"`{command}` printed\n{before}\nand not\n" + "\n".join(want)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_examples_of_a_page_do_what_they_show(page, tmp_path):
    missing = [name for name in NEEDED if not shutil.which(name)]
    assert not missing, f"the examples need {', '.join(missing)}"
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "rolewarden").symlink_to(BINARY)
    folder = tmp_path / "folder"
    folder.mkdir()
    address = free_address()
    # As the documents say it: with the flags that `simulate` has by itself.
    organization = Organization(tmp_path, 300, 63)
    try:
        path = f"{tools}:/usr/local/bin:/usr/bin:/bin"
        environment = {**organization.environment, "HOME": str(folder), "PATH": path, "LC_ALL": "C.UTF-8", "COLUMNS": "100"}
        for block in blocks(page):
            block.text = block.text.replace(LISTEN, address)
            if block.verb == "file":
                (folder / block.what).write_text(block.text)
            else:
                assert block.what == "simulate", f"unknown: run: {block.what}"
                run(block, folder, environment)
    finally:
        organization.child.process.terminate()
        organization.child.process.wait(timeout=30)


def test_what_looks_like_a_session_is_run():
    for page in PAGES:
        shown = page.read_text().count("```console\n")
        marked = [block for block in blocks(page) if block.verb == "run"]
        assert shown == len(marked), f"{page.name}: mark what is typed with `<!-- run: simulate -->`, or make it `sh` or `text`"


def test_a_line_of_output_is_compared_whole():
    assert prints(["a … c", "…", "d"], ["a b c", "x", "y", "d"])
    assert prints(["…", "d"], ["d"])
    for want, got in [([], ["a"]), (["a"], []), (["a"], ["ab"]), (["a.c"], ["abc"]), (["…", "d"], ["d", "e"])]:
        assert not prints(want, got), (want, got)
