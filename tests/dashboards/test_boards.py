"""The boards as files: what Grafana loads without a word and then shows wrongly, or not at all."""

import json
import pathlib
import re
import subprocess
import urllib.parse

import catalogue
import grafana_foundation_sdk.cog.encoder
import grafana_foundation_sdk.cog.plugins
import grafana_foundation_sdk.models.dashboard
import labels
import promql
import pytest
import queries
import yaml
from board import DATASOURCE, NO_DATA, NO_ROWS, RUNBOOKS, STATE_COLOURS, UNKNOWN, text_of
from boards import BOARDS

grafana_foundation_sdk.cog.plugins.register_default_plugins()

UIDS = ("rolewarden-overview", "rolewarden-account", "rolewarden-health")
FILES = queries.boards()
PANELS = [(uid, panel) for uid, board in FILES.items() for panel in queries.all_panels(board)]
SHOWN = [(uid, panel) for uid, panel in PANELS if panel["type"] != "row"]
QUERIES = list(queries.queries())

# Panels of numbers that are themselves all there is to see.
NO_LIST_BEHIND = {
    "Auto-remediation",
    "Circuit breaker",
    "Stopped by hand",
    "Accounts out of scope",
    "Series left out, by kind",
    "AWS calls of the last sweep",
}


def name(case: object) -> str | None:
    """Names a test's case by what it is about."""
    if isinstance(case, dict):
        return case["title"]
    return str(case) if isinstance(case, queries.Query) else None


each_board = pytest.mark.parametrize(("uid", "board"), FILES.items(), ids=name)
each_panel = pytest.mark.parametrize(("uid", "panel"), SHOWN, ids=name)
each_query = pytest.mark.parametrize("query", QUERIES, ids=name)


def of_type(*types: str) -> pytest.MarkDecorator:
    found = [(uid, panel) for uid, panel in SHOWN if panel["type"] in types]
    assert found
    return pytest.mark.parametrize(("uid", "panel"), found, ids=name)


def walk(node: object, path: str = ""):
    """Every value inside, with its path."""
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, f"{path}/{key}")
    elif isinstance(node, list):
        for n, value in enumerate(node):
            yield from walk(value, f"{path}/{n}")


def all_thresholds(panel: dict) -> list[list[dict]]:
    return [value["steps"] for _, value in walk(panel) if isinstance(value, dict) and value.get("mode") == "absolute"]


def links(board: dict) -> list[dict]:
    """Everything with an address in a board: links of its head, of panels, of fields."""
    return [value for _, value in walk(board) if isinstance(value, dict) and value.get("url")]


# The files


def test_the_files_are_what_the_source_makes():
    made = {f"{board['uid']}.json": text_of(board) for board in BOARDS}
    there = {path.name: path.read_text(encoding="utf-8") for path in queries.DASHBOARDS.glob("*.json")}
    assert made.keys() == there.keys()
    differ = [file for file in made if made[file] != there[file]]
    assert not differ, f"run `make dashboards`: {differ}"


def test_the_boards_have_the_addresses_that_others_link_to():
    assert {path.stem for path in queries.DASHBOARDS.glob("*.json")} == set(FILES) == set(UIDS)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) for uid in FILES)


@each_board
def test_a_board_opens_as_it_should(uid, board):
    kept = {key: board[key] for key in ("id", "schemaVersion", "tags", "timezone", "refresh", "time", "editable")}
    assert kept == {
        "id": None,
        "schemaVersion": 39,
        "tags": ["rolewarden"],
        "timezone": "utc",
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "editable": False,
    }
    assert board["title"].startswith("rolewarden / ") and board["description"]
    (others,) = [link for link in board["links"] if link["type"] == "dashboards"]
    assert others["tags"] == ["rolewarden"] and others["includeVars"] and others["keepTime"]


@each_board
def test_grafanas_own_schema_knows_every_field(uid, board):
    # Fields of the Prometheus data source in annotations, and of how variables are saved, are not part of the schema.
    beyond = r"/id|/annotations/list/\d+/(step|tagKeys|textFormat|titleFormat|useValueForTime)"
    beyond += r"|/templating/list/\d+/(definition|allValue)"
    read = grafana_foundation_sdk.models.dashboard.Dashboard.from_json(board)
    again = json.loads(json.dumps(read, cls=grafana_foundation_sdk.cog.encoder.JSONEncoder))
    kept = dict(walk(again))
    lost = [path for path, value in walk(board) if not isinstance(value, dict | list) and kept.get(path, "lost") != value]
    assert [path for path in lost if not re.fullmatch(beyond, path)] == []


@each_board
def test_no_data_source_is_hard_wired(uid, board):
    text = json.dumps(board)
    assert "__inputs" not in board and "__requires" not in board and "${DS_" not in text and "-- " not in text
    sources = {path: value for path, value in walk(board) if path.endswith("/datasource")}
    assert all(value == DATASOURCE for value in sources.values()), sources
    asking = [panel for panel in queries.all_panels(board) if panel["type"] != "row"]
    asking += [target for panel in asking for target in panel["targets"]]
    asking += board["annotations"]["list"] + [v for v in board["templating"]["list"] if v["type"] == "query"]
    assert all(part["datasource"] == DATASOURCE for part in asking)
    (variable,) = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
    assert (variable["name"], variable["query"], variable["current"]) == ("datasource", "prometheus", {})


@each_board
def test_annotations_are_off_until_they_are_chosen(uid, board):
    assert len(board["annotations"]["list"]) == 3
    assert not any(annotation["enable"] for annotation in board["annotations"]["list"])


# Places and texts


@each_board
def test_ids_are_unique_over_closed_rows_too(uid, board):
    ids = [panel["id"] for panel in queries.all_panels(board)]
    assert len(ids) == len(set(ids)) and all(number > 0 for number in ids)


@each_board
def test_panels_neither_overlap_nor_leave_gaps(uid, board):
    cells: dict[tuple[int, int], str] = {}
    for panel in queries.all_panels(board):
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["h"] > 0 and place["w"] > 0, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in cells, f"`{panel['title']}` covers `{cells[x, y]}`"
                cells[x, y] = panel["title"]
    height = 1 + max(y for _, y in cells)
    empty = [(x, y) for x in range(24) for y in range(height) if (x, y) not in cells]
    assert not empty, f"Grafana would push panels up into {empty[:5]}"


@each_board
def test_closed_rows_hold_their_panels_and_open_rows_hold_none(uid, board):
    for row in board["panels"]:
        if row["type"] == "row":
            assert bool(row["panels"]) == row["collapsed"], row["title"]
        else:
            assert "panels" not in row


@each_board
def test_titles_name_one_panel_each(uid, board):
    titles = [panel["title"] for panel in queries.all_panels(board)]
    # A row may be called like the table in it.
    shown = [panel["title"] for panel in queries.all_panels(board) if panel["type"] != "row"]
    assert all(titles) and len(shown) == len(set(shown))


@each_panel
def test_every_panel_says_what_it_shows(uid, panel):
    assert len(panel["description"]) > 20 and panel["description"].endswith(".")


@each_panel
def test_numbers_have_a_unit(uid, panel):
    units = [value for path, value in walk(panel) if path.endswith("/unit")]
    units += [p["value"] for _, p in walk(panel) if isinstance(p, dict) and p.get("id") == "unit"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    # `short` would round 1,234 accounts to 1.2 K.
    assert set(units) <= {"none", "s", "percentunit", "bytes", "reqps", "cps"}


# What is not known


@of_type("stat", "bargauge", "table")
def test_without_a_number_a_panel_is_purple_and_does_not_reassure(uid, panel):
    assert panel["fieldConfig"]["defaults"]["noValue"] == (NO_DATA if panel["type"] == "stat" else NO_ROWS)
    scales = all_thresholds(panel)
    assert scales
    for steps in scales:
        assert steps[0] == {"color": UNKNOWN, "value": None}
        rest = [step["value"] for step in steps[1:]]
        assert rest == sorted(rest) and None not in rest
    assert panel["fieldConfig"]["defaults"]["color"] == {"mode": "thresholds"}


@of_type("stat", "bargauge", "table")
def test_a_panel_of_now_asks_for_now(uid, panel):
    # A range would show the last number of a dead exporter.
    assert all(target["instant"] and not target["range"] for target in panel["targets"])
    assert all((target.get("format") == "table") == (panel["type"] == "table") for target in panel["targets"])


@of_type("stat")
def test_a_stat_does_not_show_names_alone(uid, panel):
    # With no answer the text mode `name` is blank.
    assert panel["options"]["textMode"] in ("value", "value_and_name")


@each_query
def test_no_query_makes_a_number_of_nothing(query):
    assert not re.search(r"\bvector\s*\(|\babsent", query.expr)


def coloured(panel: dict) -> list[tuple[str, str]]:
    """Names with the colours they are given: by overrides and by value mappings."""
    pairs = []
    for override in panel["fieldConfig"]["overrides"]:
        for given in override["properties"]:
            if given["id"] == "color" and "fixedColor" in given["value"]:
                pairs.append((override["matcher"]["options"], given["value"]["fixedColor"]))
    pairs += [(value["text"], value["color"]) for _, value in walk(panel) if isinstance(value, dict) and "text" in value]
    return pairs


@each_panel
def test_states_have_their_colours_and_purple_means_unknown(uid, panel):
    for text, colour in coloured(panel):
        state = text.replace(" ", "_")
        assert STATE_COLOURS.get(state, colour) == colour, text
        if colour == UNKNOWN:
            # `failed` is a scan that left an account without a judgement.
            assert text in ("unknown", "never") or (text, panel["title"]) == ("failed", "Accounts of the last sweep"), text
    for steps in all_thresholds(panel):
        if UNKNOWN in [step["color"] for step in steps[1:]]:
            assert panel["title"] == "Not verified, by reason"


def test_a_state_panel_knows_every_state_of_the_catalogue():
    states = catalogue.catalogue()["rolewarden_account_state"].values["state"]
    assert states == set(STATE_COLOURS) == set(promql.STATES)
    for title in ("State", "State over time"):
        (panel,) = [panel for _, panel in SHOWN if panel["title"] == title]
        shown = {text.replace(" ", "_"): colour for text, colour in coloured(panel)}
        assert shown == STATE_COLOURS, title


def test_filters_offer_every_value_of_the_catalogue():
    values = catalogue.catalogue()[promql.FIRST_SEEN].values
    offered = {
        v["name"]: v["query"].split(",") for v in FILES["rolewarden-overview"]["templating"]["list"] if v["type"] == "custom"
    }
    assert {label: set(choices) for label, choices in offered.items()} == {
        label: set(values[label]) for label in ("severity", "check")
    }
    assert offered["severity"] == list(promql.SEVERITIES)


# Links


@each_board
def test_links_between_boards_lead_somewhere(uid, board):
    for link in links(board):
        url = link["url"]
        if not url.startswith("/"):
            continue
        path, _, query = url.partition("?")
        assert path.startswith("/d/") and path[3:] in FILES, url
        target = FILES[path[3:]]
        variables = {v["name"] for v in target["templating"]["list"]}
        kept = re.findall(r"\$\{(\w+):queryparam\}", query)
        given = [part.partition("=")[0][4:] for part in query.split("&") if part.startswith("var-")]
        assert {"datasource", "job"} <= set(kept) and "${__url_time_range}" in query, url
        assert set(kept) | set(given) <= variables, url
        if found := re.search(r"viewPanel=(\d+)", query):
            assert int(found[1]) in [panel["id"] for panel in queries.all_panels(target) if panel["type"] != "row"], url


@each_board
def test_variables_in_links_and_queries_are_on_the_board(uid, board):
    variables = {v["name"] for v in board["templating"]["list"]}
    texts = [link["url"] for link in links(board)]
    for text in texts:
        assert set(re.findall(r"\$\{(\w+)", text)) - variables <= {"__url_time_range", "__data", "__field"}, text
    # Queries: an unknown variable is an error of `substituted`, so here only what nobody uses.
    used = " ".join([query.source for query in QUERIES if query.board == uid] + texts)
    assert [v for v in variables if not re.search(rf"\$\{{?{v}\b", used) and v != "datasource"] == []


@each_board
def test_links_carry_no_text_of_accounts(uid, board):
    for link in links(board):
        fields = re.findall(r"__data\.fields\[([^\]]*)\]", link["url"])
        assert set(fields) <= {'"Account"', '"Alert"', '"Check"'}, link["url"]
        for text in re.findall(r"\$\{(__field[^}]*)\}", link["url"]):
            assert text.endswith(":percentencode"), link["url"]
        address = urllib.parse.urlsplit(re.sub(r"\$\{[^}]*\}", "x", link["url"]))
        assert address.scheme in ("", "https"), link["url"]
    assert not [panel["title"] for panel in queries.all_panels(board) if panel["type"] == "text"]


@of_type("stat", "bargauge")
def test_a_number_leads_to_the_list_behind_it(uid, panel):
    assert bool(panel["fieldConfig"]["defaults"].get("links")) != (panel["title"] in NO_LIST_BEHIND)


def test_an_account_leads_to_its_board_and_to_its_own_page():
    columns = [o for _, panel in SHOWN for o in panel["fieldConfig"]["overrides"] if o["matcher"]["options"] == "Account"]
    assert columns
    for column in columns:
        (urls,) = [[link["url"] for link in p["value"]] for p in column["properties"] if p["id"] == "links"]
        assert [url.partition("?")[0] for url in urls] == [
            "/d/rolewarden-account",
            '${rolewarden_url}/accounts/${__data.fields["Account"]}',
        ]
    head = [link["url"] for link in FILES["rolewarden-account"]["links"]]
    assert any(url.startswith("${rolewarden_url}/accounts/${account:") for url in head)
    assert any("cloudtrail" in url and "ResourceName=${role:percentencode}" in url for url in head)


def test_the_choice_of_an_account_shows_its_name_and_gives_its_number():
    (variable,) = [v for v in FILES["rolewarden-account"]["templating"]["list"] if v["name"] == "account"]
    pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    hostile = ["prod", "", 'x",account_name="999999999999  root', 'a",account_id="999999999999"', "}", "<script>"]
    for account_name in hostile:
        # How Grafana writes a series of query_result: labels in order, values as they are.
        text = f'{{account_id="123456789012",account_name="123456789012  {account_name}"}} 1 1795000000000'
        found = pattern.search(text)
        assert found["value"] == "123456789012" and found["text"] == f"123456789012  {account_name}", text


def test_alerts_and_runbooks_that_boards_name_are_those_of_the_rules():
    groups = yaml.safe_load((queries.DASHBOARDS / "rules/alerts.yaml").read_text())["groups"]
    alerts = {rule["alert"]: rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"]}
    for uid, board in FILES.items():
        named = {word for _, text in walk(board) if isinstance(text, str) for word in re.findall(r"\bRolewarden[A-Z]\w+", text)}
        assert named <= set(alerts), uid
    assert {url.rpartition("/")[0] for url in alerts.values()} == {RUNBOOKS}


# Queries


@each_query
def test_a_query_names_metrics_labels_and_values_that_exist(query):
    assert catalogue.problems(query.expr) == []


@each_query
def test_a_query_joins_and_groups_by_labels_that_are_there(query):
    labels.labels(query.expr)


def test_a_label_that_is_not_there_is_found():
    cases = {
        "sum by (job, outcome) (rolewarden_accounts)": None,
        "sum by (job, state) (sum by (job) (rolewarden_accounts))": "state",
        "sum by (job) (rolewarden_accounts) / on (state) rolewarden_accounts": "state",
        "rolewarden_accounts * on (job) group_left (ou) rolewarden_build_info": "ou",
        "sum by (job) (rolewarden_accounts) / sum(rolewarden_accounts)": "job",
        "histogram_quantile(0.5, sum by (le) (rolewarden_accounts))": "le",
    }
    for expr, missing in cases.items():
        with pytest.raises(labels.NoSuchLabel, match=missing or "outcome"):
            labels.labels(expr)
    assert labels.labels("max by (job, state) (rolewarden_accounts) and on (job) up") == {"job", "state"}
    assert labels.labels('label_replace(sum(up), "kind", "a", "", "")') == {"kind"}


@each_query
def test_rates_use_the_rate_interval_of_the_data_source(query):
    ranges = re.findall(r"\[([^\]]*)\]", query.source.replace("[0-9]", ""))
    assert all(text == "$__rate_interval" or (text == "$__range" and query.instant) for text in ranges), ranges
    assert bool(ranges) == bool(re.search(r"\b(rate|irate|increase|changes|\w+_over_time)\b", query.source))


@each_query
def test_a_query_asks_for_the_job_that_is_chosen(query):
    for selector in catalogue.selectors(query.source):
        ours = selector.name.startswith("rolewarden_") and not (query.kind == "variable" and query.place == "job")
        assert not ours or ("job", "=~", "$job") in selector.matchers, selector


@each_panel
def test_legends_name_labels_that_the_query_leaves(uid, panel):
    for query in QUERIES:
        if (query.board, query.place, query.kind) != (uid, panel["title"], "panel"):
            continue
        (target,) = [target for target in panel["targets"] if target["refId"] == query.ref]
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named <= labels.labels(query.expr)
        if panel["type"] in ("timeseries", "bargauge"):
            # Otherwise two series would carry one name.
            assert labels.labels(query.expr) - {"job", "account_name"} <= named | ({"job"} if "instance" in named else set())


@of_type("table")
def test_a_table_shows_the_columns_that_its_query_gives(uid, panel):
    (query,) = [q for q in QUERIES if (q.board, q.place, q.kind) == (uid, panel["title"], "panel")]
    ((organize,),) = [[t["options"] for t in panel["transformations"] if t["id"] == "organize"]]
    given = labels.labels(query.expr) | {"Value", "Time"}
    shown, hidden = set(organize["renameByName"]), set(organize["excludeByName"])
    assert shown <= given, "columns that the query does not give"
    assert not shown & hidden
    assert given - shown - hidden == set(), "labels that would stand as nameless columns at the end"
    titles = set(organize["renameByName"].values())
    # Overrides and sorting match names after renaming.
    assert {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]} <= titles
    assert {part["displayName"] for part in panel["options"]["sortBy"]} <= titles


def test_every_metric_is_shown_or_left_out_with_a_reason():
    lines = (queries.DASHBOARDS / "source/not-shown.txt").read_text().splitlines()
    left_out = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    expressions = [query.expr for query in QUERIES]
    for path in (queries.DASHBOARDS / "rules").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            expressions += [rule["expr"] for rule in group["rules"]]
    used = {selector.name for expr in expressions for selector in catalogue.selectors(expr)}
    shown = {metric.name for metric in catalogue.catalogue().values() if used & set(metric.series())}
    assert all(left_out.values())
    assert set(catalogue.catalogue()) - shown == set(left_out)


def test_prometheus_takes_every_query(tmp_path: pathlib.Path):
    rules = [{"record": f"query:{n}", "expr": query.expr} for n, query in enumerate(QUERIES)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    checked = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert checked.returncode == 0 and f"{len(QUERIES)} rules found" in checked.stdout, checked.stderr[-2_000:]
