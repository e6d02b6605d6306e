"""Every query of every board as Grafana would send it: its variables replaced by what is chosen when a board opens."""

import collections.abc
import dataclasses
import json
import pathlib
import re

DASHBOARDS = pathlib.Path(__file__).resolve().parents[2] / "dashboards"


@dataclasses.dataclass(frozen=True)
class Query:
    """A query of a panel, a variable or an annotation."""

    board: str
    # Title of the panel, or name of the variable or annotation.
    place: str
    # `panel`, `variable` or `annotation`.
    kind: str
    ref: str
    expr: str
    # As it stands in the board.
    source: str
    # Asked for one moment; otherwise over a range.
    instant: bool
    # Type of the panel; empty for others.
    panel_type: str = ""

    def __str__(self) -> str:
        return f"{self.board}: {self.place} ({self.kind} {self.ref})"


def boards() -> dict[str, dict]:
    """The boards by uid, as the files have them."""
    read = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json")))
    return {board["uid"]: board for board in read}


def all_panels(board: dict) -> list[dict]:
    """Panels and rows of a board, those of closed rows included."""
    return [panel for outer in board["panels"] for panel in (outer, *outer.get("panels", []))]


def chosen(board: dict) -> dict[str, str]:
    """What the variables of a board stand for in a query when it opens."""
    values = {}
    for variable in board["templating"]["list"]:
        if variable.get("includeAll"):
            values[variable["name"]] = variable["allValue"]
        elif variable["type"] == "textbox":
            values[variable["name"]] = variable["query"]
    return values


def variable_query(text: str) -> str:
    """The expression whose series a variable's query reads."""
    if found := re.fullmatch(r"label_values\((.+), *(\w+)\)", text, re.DOTALL):
        return f"group by ({found[2]}) ({found[1]})"
    if found := re.fullmatch(r"query_result\((.+)\)", text, re.DOTALL):
        return found[1]
    raise ValueError(f"a variable's query of a kind not known here: {text}")


def substituted(text: str, values: dict[str, str]) -> str:
    """Replaces `$name` and `${name}`, longest names first. A variable without a value is an error."""
    for name in sorted(values, key=len, reverse=True):
        text = re.sub(rf"\$\{{{name}\}}|\${name}\b", lambda _, value=values[name]: value, text)
    if left := re.search(r"\$\{?\w+", text):
        raise ValueError(f"no value for {left[0]} in: {text}")
    return text


def queries(
    account: str = "123456789012", rate_interval: str = "4m", interval: str = "1m", range: str = "24h", **variables: str
) -> collections.abc.Iterator[Query]:
    """All queries. `account` is the account that the account board shows; `variables` are other choices (`job=…`)."""
    for uid, board in boards().items():
        values = chosen(board) | {"account": account} | variables
        values |= {"__rate_interval": rate_interval, "__interval": interval, "__range": range}
        for panel in all_panels(board):
            for target in panel.get("targets", []):
                source = target["expr"]
                expr = substituted(source, values)
                instant = target.get("instant", False)
                yield Query(uid, panel["title"], "panel", target["refId"], expr, source, instant, panel["type"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                source = variable["query"]["query"]
                expr = substituted(variable_query(source), values)
                yield Query(uid, variable["name"], "variable", variable["query"]["refId"], expr, source, True)
        for annotation in board["annotations"]["list"]:
            source = annotation["expr"]
            yield Query(uid, annotation["name"], "annotation", "", substituted(source, values), source, False)
