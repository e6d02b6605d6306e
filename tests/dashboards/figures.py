"""Figures that the tests of this folder find: said at the end, and kept in the file that ROLEWARDEN_FIGURES names."""

LINES: list[str] = []


def say(line: str = ""):
    LINES.append(line)
