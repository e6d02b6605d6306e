"""Grafana's classic dashboard model, as far as these boards need it, and the rules they all keep.

- Every panel, query, variable and annotation asks the data source that is chosen on the board.
- Purple means "we do not know" and nothing else. A stat is purple until a number says otherwise, and an empty answer
  says "no data", never that all is well.
- A stat and a table ask for this moment. A range would show the last number of a dead exporter as if it were today's.
"""

import dataclasses
import json

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNKNOWN = "purple"
STATE_COLOURS = {
    "compliant": "green",
    "drifted": "red",
    "exempt": "blue",
    "unknown": UNKNOWN,
    "not_applicable": "#808080",
}
SEVERITY_COLOURS = {
    "critical": "dark-red",
    "high": "dark-orange",
    "medium": "dark-yellow",
    "low": "light-yellow",
    "info": "text",
}
# The ground of a number that is neither good nor bad.
NEUTRAL = "#5a6270"
NO_DATA = "no data"
NO_ROWS = "no rows: nothing to list, or no data"
RUNBOOKS = "https://github.com/rolewarden/rolewarden/blob/main/dashboards/runbooks"
OVERVIEW, ACCOUNT, HEALTH = "rolewarden-overview", "rolewarden-account", "rolewarden-health"

# More than 30 years: the age of a timestamp of 0.
NEVER = {"type": "range", "options": {"from": 1e9, "to": None, "result": {"text": "never", "color": UNKNOWN, "index": 0}}}

Step = tuple[float, str]


@dataclasses.dataclass
class Query:
    expr: str
    legend: str = ""
    colour: str = ""
    # Thresholds of this number alone, beside others in the same tile.
    steps: tuple[Step, ...] = ()


@dataclasses.dataclass
class Column:
    """A column of a table: a label, or `Value`."""

    field: str
    title: str
    unit: str = ""
    width: int = 0
    steps: tuple[Step, ...] = ()
    mappings: tuple[dict, ...] = ()
    links: tuple[dict, ...] = ()


@dataclasses.dataclass
class Panel:
    width: int
    body: dict
    # Set where a link leads to the panel: then the number is part of addresses that people keep.
    id: int = 0


@dataclasses.dataclass
class Row:
    """Lines of panels, each line of one height, under a title. A closed row asks nothing until it is opened."""

    title: str
    lines: list[tuple[int, list[Panel]]]
    closed: bool = False


def link(title: str, url: str, new_tab: bool = False) -> dict:
    return {"title": title, "url": url, "targetBlank": new_tab}


def board_link(title: str, uid: str, panel: int = 0, **variables: str) -> dict:
    """A link to a board of ours, or to one panel of it alone, that keeps time, data source and job."""
    kept = ["${__url_time_range}", "${datasource:queryparam}", "${job:queryparam}", "${rolewarden_url:queryparam}"]
    view = [f"viewPanel={panel}"] if panel else []
    return link(title, f"/d/{uid}?" + "&".join(kept + [f"var-{k}={v}" for k, v in variables.items()] + view))


# Account numbers are 12 digits. No other text of an account may stand in a link as it is.
TO_ACCOUNT = (
    board_link("This account", ACCOUNT, account='${__data.fields["Account"]}'),
    link("rolewarden's own page of it", '${rolewarden_url}/accounts/${__data.fields["Account"]}', new_tab=True),
)


def values(texts: dict[object, tuple[str, str]]) -> dict:
    """A value mapping: value to text and colour."""
    options = {str(value): {"text": text, "color": colour, "index": n} for n, (value, (text, colour)) in enumerate(texts.items())}
    return {"type": "value", "options": options}


SEVERITY = values({f"{n} {name}": (name, colour) for n, (name, colour) in enumerate(SEVERITY_COLOURS.items(), start=1)})


def thresholds(steps: tuple[Step, ...]) -> dict:
    first = {"color": UNKNOWN, "value": None}
    return {"mode": "absolute", "steps": [first] + [{"color": colour, "value": value} for value, colour in steps]}


def override(kind: str, options: str, **properties: object) -> dict:
    """Properties of the fields that match. `__` in a name stands for a dot."""
    listed = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": kind, "options": options}, "properties": listed}


def fixed(colour: str) -> dict:
    return {"mode": "fixed", "fixedColor": colour}


def colours(queries: list[Query], by_name: dict[str, str]) -> list[dict]:
    named = {query.legend: query.colour for query in queries if query.colour} | by_name
    return [override("byName", name, color=fixed(colour)) for name, colour in named.items()]


def targets(queries: list[Query], **kind: object) -> list[dict]:
    return [
        {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "refId": chr(ord("A") + n),
            **kind,
        }
        for n, query in enumerate(queries)
    ]


def listed(queries: str | Query | list[Query]) -> list[Query]:
    if isinstance(queries, str):
        return [Query(queries)]
    return [queries] if isinstance(queries, Query) else queries


def panel(kind: str, title: str, description: str, asks: list[dict], defaults: dict, overrides: list, options: dict) -> dict:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": asks,
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": options,
    }


NOW = {"instant": True, "range": False}
LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def stat(
    width: int,
    title: str,
    description: str,
    queries: str | Query | list[Query],
    unit: str = "none",
    steps: tuple[Step, ...] = (),
    mappings: tuple[dict, ...] = (),
    links: tuple[dict, ...] = (),
    decimals: int | None = None,
) -> Panel:
    """One number, or a few, on its colour. Queries with legends show them beside their numbers."""
    queries = listed(queries)
    defaults = {
        "color": {"mode": "thresholds"},
        "links": list(links),
        "mappings": list(mappings),
        "noValue": NO_DATA,
        "thresholds": thresholds(steps),
        "unit": unit,
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": LAST,
        "textMode": "value_and_name" if queries[0].legend else "value",
    }
    overrides = colours(queries, {})
    overrides += [override("byName", query.legend, thresholds=thresholds(query.steps)) for query in queries if query.steps]
    return Panel(width, panel("stat", title, description, targets(queries, **NOW), defaults, overrides, options))


def within(
    width: int, title: str, description: str, value: str, limit: str, links: tuple[dict, ...] = (), unit: str = "s"
) -> Panel:
    """A number of each job on green while it is within a limit that is itself a series, on red beyond it.

    Thresholds of Grafana are constants, and an interval is configured: so the query decides, and names the colour.
    """
    queries = [
        Query(f"{value} <= on (job) {limit}", "on time", "green"),
        Query(f"{value} > on (job) {limit}", "overdue", "red"),
    ]
    return stat(width, title, description, queries, unit, mappings=(NEVER,), links=links)


def bars(
    width: int,
    title: str,
    description: str,
    query: Query,
    steps: tuple[Step, ...] = (),
    by_name: dict[str, str] | None = None,
    by_pattern: dict[str, str] | None = None,
    links: tuple[dict, ...] = (),
) -> Panel:
    """A horizontal bar for each series, as the query sorts them."""
    defaults = {
        "color": {"mode": "thresholds"},
        "links": list(links),
        "min": 0,
        "noValue": NO_ROWS,
        "thresholds": thresholds(steps),
        "unit": "none",
    }
    overrides = colours([query], by_name or {})
    overrides += [override("byRegexp", name, color=fixed(colour)) for name, colour in (by_pattern or {}).items()]
    options = {
        "displayMode": "basic",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "orientation": "horizontal",
        "reduceOptions": LAST,
        "showUnfilled": True,
        "valueMode": "color",
    }
    return Panel(width, panel("bargauge", title, description, targets([query], **NOW), defaults, overrides, options))


def table(
    width: int, title: str, description: str, expr: str, columns: list[Column], sort: tuple[tuple[str, bool], ...], id: int = 0
) -> Panel:
    """One query as rows. Columns stand as listed, and labels that are not listed are left out.

    `sort` names columns with "descending".
    """
    overrides = []
    for column in columns:
        properties: dict[str, object] = {}
        if column.unit:
            properties |= {"unit": column.unit}
        if column.width:
            properties |= {"custom__width": column.width}
        if column.steps:
            properties |= {"thresholds": thresholds(column.steps)}
        if column.mappings:
            properties |= {"mappings": list(column.mappings)}
        if column.steps or column.mappings:
            properties |= {"custom__cellOptions": {"type": "color-text"}, "color": {"mode": "thresholds"}}
        if column.links:
            properties |= {"links": list(column.links)}
        if properties:
            overrides.append(override("byName", column.title, **properties))
    # A column that is not named stays where it is: hide what the queries carry beside what is listed.
    hidden = {"Time", "Value", "job"} - {column.field for column in columns}
    organize = {
        "excludeByName": {field: True for field in sorted(hidden)},
        "indexByName": {column.field: n for n, column in enumerate(columns)},
        "renameByName": {column.field: column.title for column in columns},
    }
    defaults = {
        "color": {"mode": "thresholds"},
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True, "inspect": False},
        "noValue": NO_ROWS,
        "thresholds": thresholds(()),
        "unit": "none",
    }
    options = {
        "cellHeight": "sm",
        "footer": {"countRows": False, "fields": "", "reducer": ["sum"], "show": False},
        "showHeader": True,
        "sortBy": [{"displayName": name, "desc": descending} for name, descending in sort],
    }
    asks = targets([Query(expr)], format="table", **NOW)
    body = panel("table", title, description, asks, defaults, overrides, options)
    body["transformations"] = [{"id": "organize", "options": organize}]
    return Panel(width, body, id)


def graph(
    width: int,
    title: str,
    description: str,
    queries: str | Query | list[Query],
    unit: str,
    style: str = "line",
    stacked: bool = False,
    by_name: dict[str, str] | None = None,
    negative: str = "",
    links: tuple[dict, ...] = (),
    every: str = "",
    most: float | None = None,
) -> Panel:
    """Lines or bars over time. `negative` is a pattern of names that are drawn below zero; `every` is the least step.

    Colours that are not given come from Grafana's palette, in which the first six hold no purple.
    """
    queries = listed(queries)
    custom = {
        "axisPlacement": "auto",
        "drawStyle": style,
        "fillOpacity": 80 if style == "bars" else 60 if stacked else 10,
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
    }
    defaults = {"color": {"mode": "palette-classic"}, "custom": custom, "links": list(links), "unit": unit}
    if not negative:
        defaults["min"] = 0
    if most is not None:
        defaults["max"] = most
    overrides = colours(queries, by_name or {})
    if negative:
        overrides.append(override("byRegexp", negative, custom__transform="negative-Y"))
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    body = panel("timeseries", title, description, targets(queries, range=True), defaults, overrides, options)
    if every:
        body["interval"] = every
    return Panel(width, body)


def timeline(width: int, title: str, description: str, query: Query, mappings: tuple[dict, ...]) -> Panel:
    # With the colour mode `thresholds` the legend would show the steps instead of the mappings.
    defaults = {
        "color": {"mode": "palette-classic"},
        "custom": {"fillOpacity": 80, "lineWidth": 0},
        "mappings": list(mappings),
        "noValue": NO_DATA,
        "unit": "none",
    }
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.9,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return Panel(width, panel("state-timeline", title, description, targets([query], range=True), defaults, [], options))


ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}


def variable(kind: str, name: str, label: str, description: str, **rest: object) -> dict:
    return {"type": kind, "name": name, "label": label, "description": description, "hide": 0, "skipUrlSync": False, **rest}


def query_variable(name: str, label: str, description: str, query: str, all_value: str = "", regex: str = "") -> dict:
    """A variable of what Prometheus answers. With `all_value` several may be chosen, and all are from the start."""
    return variable(
        "query",
        name,
        label,
        description,
        allValue=all_value or None,
        current=ALL if all_value else {},
        datasource=DATASOURCE,
        definition=query,
        includeAll=bool(all_value),
        multi=bool(all_value),
        options=[],
        query={"query": query, "refId": name},
        refresh=2,
        regex=regex,
        sort=1,
    )


def choice_variable(name: str, label: str, description: str, choices: tuple[str, ...]) -> dict:
    options = [{"selected": True, "text": "All", "value": "$__all"}]
    options += [{"selected": False, "text": choice, "value": choice} for choice in choices]
    return variable(
        "custom",
        name,
        label,
        description,
        allValue=".+",
        current=ALL,
        includeAll=True,
        multi=True,
        options=options,
        query=",".join(choices),
    )


def text_variable(name: str, label: str, description: str, text: str) -> dict:
    chosen = {"selected": True, "text": text, "value": text}
    return variable("textbox", name, label, description, current=chosen, options=[chosen], query=text)


SOURCE_AND_JOB = [
    variable(
        "datasource",
        "datasource",
        "Data source",
        "The Prometheus that scrapes rolewarden.",
        current={},
        includeAll=False,
        multi=False,
        options=[],
        query="prometheus",
        refresh=1,
        regex="",
    ),
    query_variable("job", "Job", "The scrape job: one for each organization.", "label_values(rolewarden_build_info, job)", ".+"),
]
ROLEWARDEN_URL = text_variable(
    "rolewarden_url",
    "rolewarden",
    "Where rolewarden's own pages are: its listen address as a browser reaches it.",
    "http://127.0.0.1:9797",
)


def annotation(name: str, colour: str, expr: str, title: str, text: str) -> dict:
    """Off until chosen: events that are frequent cover every graph."""
    return {
        "datasource": DATASOURCE,
        "enable": False,
        "expr": expr,
        "hide": False,
        "iconColor": colour,
        "name": name,
        "step": "60s",
        "tagKeys": "",
        "textFormat": text,
        "titleFormat": title,
        "useValueForTime": False,
    }


ANNOTATIONS = [
    annotation(
        "Remediations applied",
        "green",
        'sum by (action) (increase(rolewarden_remediations_total{job=~"$job", outcome="applied"}[$__rate_interval])) > 0',
        "Remediation applied",
        "{{action}}",
    ),
    annotation(
        "New drift",
        "red",
        'sum by (check, severity) (increase(rolewarden_findings_opened_total{job=~"$job"}[$__rate_interval])) > 0',
        "New drift",
        "{{severity}}: {{check}}",
    ),
    annotation(
        "Configuration reloaded",
        "blue",
        'changes(rolewarden_config_last_reload_success_timestamp_seconds{job=~"$job"}[$__rate_interval]) > 0',
        "Configuration loaded",
        "{{instance}}",
    ),
]


def placed(rows: list[Row]) -> list[dict]:
    """Panels with their numbers and places: line under line, with no gap."""
    panels: list[dict] = []
    y, number = 0, 0

    def numbered() -> int:
        nonlocal number
        number += 1
        return number

    for row in rows:
        inside: list[dict] = []
        header = {
            "type": "row",
            "title": row.title,
            "id": numbered(),
            "collapsed": row.closed,
            "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
            "panels": inside if row.closed else [],
        }
        y += 1
        for height, line in row.lines:
            x = 0
            for part in line:
                place = {"h": height, "w": part.width, "x": x, "y": y}
                inside.append({**part.body, "id": part.id or numbered(), "gridPos": place})
                x += part.width
            y += height
        panels.append(header)
        panels += [] if row.closed else inside
    return panels


def board(uid: str, title: str, description: str, variables: list[dict], links: list[dict], rows: list[Row]) -> dict:
    others = {
        "type": "dashboards",
        "title": "rolewarden",
        "tags": ["rolewarden"],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "The other boards",
        "url": "",
    }
    return {
        "annotations": {"list": ANNOTATIONS},
        "description": description,
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [others, *links],
        "liveNow": False,
        "panels": placed(rows),
        "refresh": "1m",
        "schemaVersion": 39,
        "tags": ["rolewarden"],
        "templating": {"list": [*SOURCE_AND_JOB, *variables, ROLEWARDEN_URL]},
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "timezone": "utc",
        "title": title,
        "uid": uid,
        "version": 1,
        "weekStart": "",
    }


def outer_link(title: str, tooltip: str, url: str) -> dict:
    """A link in the head of a board that leaves Grafana."""
    return {
        "type": "link",
        "title": title,
        "tooltip": tooltip,
        "url": url,
        "icon": "external link",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": True,
    }


def text_of(model: dict) -> str:
    return json.dumps(model, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
