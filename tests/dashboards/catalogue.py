"""The metrics that exist, read from docs/metrics.md, and the selectors of a PromQL expression."""

import dataclasses
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PREFIX = "rolewarden_"

# Labels that Prometheus adds to every series of a target.
TARGET_LABELS = frozenset({"job", "instance"})

# Metrics of other programs that boards and rules may use, with the labels they may use. `process_*` stands in the
# catalogue.
FOREIGN = {
    "up": set(),
    "scrape_duration_seconds": set(),
    "scrape_samples_scraped": set(),
    "scrape_samples_post_metric_relabeling": set(),
    "scrape_series_added": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "account_id", "check", "exception_id"},
    "prometheus_notifications_alertmanagers_discovered": set(),
    "prometheus_notifications_dropped_total": set(),
    "prometheus_notifications_errors_total": {"alertmanager"},
    "prometheus_notifications_sent_total": {"alertmanager"},
    "alertmanager_notifications_failed_total": {"integration"},
    "alertmanager_notifications_total": {"integration"},
}


@dataclasses.dataclass(frozen=True)
class Metric:
    name: str
    kind: str
    labels: frozenset[str]
    # The closed set of values of a label; labels with other values are not in here.
    values: dict[str, frozenset[str]]

    def series(self) -> list[str]:
        """Names its series have."""
        if self.kind == "histogram":
            return [self.name + suffix for suffix in ("_bucket", "_sum", "_count")]
        return [self.name]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@functools.cache
def catalogue() -> dict[str, Metric]:
    """Every metric by its name."""
    text = (ROOT / "docs/metrics.md").read_text()
    tables, _, values = text.partition("\n## Values of labels\n")
    # (label, metric or None for all) -> values
    closed: dict[tuple[str, str | None], frozenset[str]] = {}
    for line in re.findall(r"^\| `.*\|$", values, re.MULTILINE):
        label, known, of = _cells(line)[:3]
        if re.fullmatch(r"`[^`]+`(, `[^`]+`)*", known):
            for name in _quoted(of) or [None]:
                closed[_quoted(label)[0], name] = frozenset(_quoted(known))
    metrics = {}
    for line in re.findall(r"^\| `.*\|$", tables, re.MULTILINE):
        name, kind, labels = _cells(line)[:3]
        name, labels = _quoted(name)[0], frozenset(_quoted(labels))
        short = name.removeprefix(PREFIX)
        sets = {label: closed.get((label, short), closed.get((label, None))) for label in labels}
        metrics[name] = Metric(name, kind, labels, {label: known for label, known in sets.items() if known})
    assert metrics, "docs/metrics.md has no tables of metrics"
    return metrics


@functools.cache
def by_series() -> dict[str, Metric]:
    """Every metric by the names of its series: a histogram has three."""
    return {series: metric for metric in catalogue().values() for series in metric.series()}


@dataclasses.dataclass(frozen=True)
class Selector:
    """`name{label="value"}` as it stands in an expression."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


_KEYWORDS = {"and", "or", "unless", "offset", "bool", "atan2", "inf", "nan", "by", "without", "on", "ignoring"}
_KEYWORDS |= {"group_left", "group_right", "start", "end"}
_VARIABLE = re.compile(r"^label_values\((.*),\s*\w+\s*\)$", re.DOTALL)
_COMMENT = re.compile(r"#[^\n\"]*$", re.MULTILINE)
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_MADE = re.compile(r'\bcount_values\s*(?:by\s*\([^()]*\))?\s*\(\s*"(\w+)"')
_RANGE = re.compile(r"\[[^\]\"]*\]")
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_NUMBER = re.compile(r"(?<![\w:.])\d[\w.]*")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"')
_SELECTOR = re.compile(r'([a-zA-Z_:][\w:]*)\s*(?:\{((?:"(?:\\.|[^"\\])*"|[^{}"])*)\}|(\())?')


def grouping_labels(expression: str) -> set[str]:
    """Labels named in `by`, `on`, `group_left`, …"""
    return {name.strip() for names in _GROUPING.findall(expression) for name in names.split(",") if name.strip()}


def selectors(expression: str) -> list[Selector]:
    """The series an expression reads. Variables of Grafana may stand in strings and ranges."""
    bare = _VARIABLE.sub(r"\1", expression.strip())
    bare = _COMMENT.sub("", bare)
    bare = _RANGE.sub(" ", _GROUPING.sub(" ", bare))
    found = []
    position = 0
    while position < len(bare):
        if skipped := _TEXT.match(bare, position) or _NUMBER.match(bare, position):
            position = skipped.end()
            continue
        match = _SELECTOR.match(bare, position)
        if not match:
            position += 1
            continue
        name, inside, call = match.groups()
        if call is None and name.lower() not in _KEYWORDS:
            found.append(Selector(name, tuple(_MATCHER.findall(inside or ""))))
        position = match.end()
    return found


def _admits(op: str, pattern: str, values: frozenset[str]) -> list[str]:
    """What of a matcher no value of the closed set answers to."""
    if "$" in pattern:  # a variable of Grafana
        return []
    if op in ("=", "!="):
        return [] if pattern in values | {""} else [pattern]
    parts = pattern.split("|")
    return [part for part in parts if not any(re.fullmatch(part, value) for value in values)]


def problems(expression: str, recorded: frozenset[str] | set[str] = frozenset()) -> list[str]:
    """What the expression names that does not exist. `recorded` are names of recording rules."""
    wrong = []
    known_labels = {*TARGET_LABELS, *_MADE.findall(expression)}
    for selector in selectors(expression):
        if selector.name in recorded:
            known_labels |= set(grouping_labels(expression))
            continue
        if selector.name in FOREIGN:
            labels, values = FOREIGN[selector.name], {}
        elif metric := by_series().get(selector.name):
            labels = metric.labels | ({"le"} if selector.name.endswith("_bucket") else set())
            values = metric.values
        else:
            wrong.append(f"no metric `{selector.name}`")
            continue
        known_labels |= set(labels)
        for label, op, value in selector.matchers:
            if label not in labels | TARGET_LABELS:
                wrong.append(f"`{selector.name}` has no label `{label}`")
            elif label in values:
                wrong += [f"`{selector.name}`: `{label}` is never `{part}`" for part in _admits(op, value, values[label])]
    wrong += [f"no series in it has the label `{label}`" for label in grouping_labels(expression) - known_labels]
    return wrong
