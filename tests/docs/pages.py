"""The examples of a page: blocks that a comment above them says to run, or to keep as a file.

    <!-- file: rolewarden.yaml -->      the block is written to this file of the page's folder
    <!-- run: simulate -->              the block is typed into bash, in an organization of `rolewarden simulate`

In a block that is run, lines that begin with `$ ` are typed and the others are what they print to standard output. `…` stands
for some text in a line, or for any lines where it is one.
"""

import dataclasses
import pathlib
import re

MARKED = re.compile(
    r"^(?P<indent> *)<!-- (?P<verb>file|run): (?P<what>\S+) -->\n+(?P=indent)```\w+\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S
)


@dataclasses.dataclass
class Block:
    """What a comment is about, with the comment's words."""

    verb: str
    what: str
    text: str

    def commands(self) -> list[tuple[str, list[str]]]:
        """Each command with the lines that it prints."""
        found: list[tuple[str, list[str]]] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            else:
                assert found, f"a line before the first command: {line}"
                found[-1][1].append(line)
        return found


def blocks(page: pathlib.Path) -> list[Block]:
    """Every marked block, in the order of the page."""
    found = [
        Block(match["verb"], match["what"], re.sub(f"(?m)^{match['indent']}", "", match["text"]))
        for match in MARKED.finditer(page.read_text())
    ]
    comments = re.findall(r"^ *<!-- (?:file|run):", page.read_text(), re.M)
    assert len(found) == len(comments), f"{page}: a comment without a block below it"
    return found


def prints(want: list[str], got: list[str]) -> bool:
    """Whether lines are as a page shows them."""
    if not want:
        return not got
    if want[0] == "…":
        return any(prints(want[1:], got[skipped:]) for skipped in range(len(got) + 1))
    pattern = ".*".join(re.escape(part) for part in want[0].split("…"))
    return bool(got) and re.fullmatch(pattern, got[0]) is not None and prints(want[1:], got[1:])
