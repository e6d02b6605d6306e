"""Rules, their unit tests, runbooks and examples hold together, and with the metrics that exist."""

import copy
import os
import pathlib
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import catalogue
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARDS = ROOT / "dashboards"
RULES = DASHBOARDS / "rules"
RUNBOOKS = DASHBOARDS / "runbooks"
RUNBOOK_URL = "https://github.com/rolewarden/rolewarden/blob/main/dashboards/runbooks/{}.md"
SEVERITIES = {"critical", "warning", "info"}

RECORDING_FILE = yaml.safe_load((RULES / "recording.yaml").read_text())
ALERTS_FILE = yaml.safe_load((RULES / "alerts.yaml").read_text())
TEST_FILES = {path.name: yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("tests/*.yaml"))}

RECORDS = [rule for group in RECORDING_FILE["groups"] for rule in group["rules"]]
ALERTS = [rule for group in ALERTS_FILE["groups"] for rule in group["rules"]]
RECORDED = {rule["record"] for rule in RECORDS}
NAMES = sorted({rule["alert"] for rule in ALERTS})


def promtool(*arguments, folder: pathlib.Path = RULES) -> subprocess.CompletedProcess:
    assert shutil.which("promtool"), "promtool is missing: install Debian's package `prometheus`"
    line = ["promtool", *map(str, arguments)]
    return subprocess.run(line, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


def name_of(rule: dict) -> str:
    return f"{rule['alert']}-{rule['labels']['severity']}"


each_alert = pytest.mark.parametrize("rule", ALERTS, ids=name_of)
each_rule = pytest.mark.parametrize("rule", RECORDS + ALERTS, ids=lambda rule: rule.get("record") or name_of(rule))


def cases(alert: str):
    """Every (group of tests, case) of the alert."""
    for file in TEST_FILES.values():
        for group in file["tests"]:
            for case in group.get("alert_rule_test", []):
                if case["alertname"] == alert:
                    yield group, case


def test_promtool_finds_nothing_wrong_with_the_rules():
    done = promtool("check", "rules", "recording.yaml", "alerts.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TEST_FILES)
def test_the_unit_tests_of_the_rules_pass(file):
    done = promtool("test", "rules", file, folder=RULES / "tests")
    assert done.returncode == 0, done.stdout + done.stderr


@each_alert
def test_every_alert_is_tested_firing_and_silent(rule):
    severity = rule["labels"]["severity"]
    found = list(cases(rule["alert"]))
    assert any(not case["exp_alerts"] for _, case in found), "no test where it is silent"
    fires = [alert for _, case in found for alert in case["exp_alerts"] if alert["exp_labels"]["severity"] == severity]
    assert fires, "no test where it fires"
    for alert in fires:
        assert set(alert["exp_annotations"]) == set(rule["annotations"]), "its text is not tested"


@each_alert
def test_every_alert_says_what_is_wrong_what_to_do_and_where_to_read_on(rule):
    assert set(rule["labels"]) == {"severity"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert 10 < len(summary) < 100 and not summary.endswith(".")
    assert re.search(r"\. First [a-z]+ .*\.$", description), "it does not say what to do first"
    for text in (summary, description):
        assert not re.search(r"[\n`<>*]", text), "it is not plain text"
        for label in re.findall(r"\$labels\.(\w+)", text):
            assert label not in ("account_name", "ou"), "text from accounts"
    assert rule["annotations"]["runbook_url"] == RUNBOOK_URL.format(rule["alert"])


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


@each_rule
def test_every_metric_label_and_value_of_a_rule_exists(rule):
    assert catalogue.selectors(rule["expr"]), "it reads nothing"
    assert catalogue.problems(rule["expr"], RECORDED) == []


def test_names_that_do_not_exist_are_found():
    for expression, wrong in [
        ("rolewarden_acounts", "no metric `rolewarden_acounts`"),
        ('rolewarden_accounts{stat="drifted"}', "`rolewarden_accounts` has no label `stat`"),
        ('rolewarden_accounts{state=~"drifted|wrong"}', "`rolewarden_accounts`: `state` is never `wrong`"),
        ("sum by (check) (rolewarden_accounts)", "no series in it has the label `check`"),
        ("job:rolewarden_nothing:sum > 1", "no metric `job:rolewarden_nothing:sum`"),
    ]:
        assert catalogue.problems(expression, RECORDED) == [wrong], expression


def closing(text: str, opening: int) -> int:
    """Where the parenthesis at `opening` closes."""
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise AssertionError(f"unbalanced: {text}")


def replaced_labels(expression: str, labels: set[str]) -> set[str]:
    """Which of a rule's own labels would replace one that the expression's series may still have."""
    kept = set()
    aggregations = [
        (found.end() - 1, closing(expression, found.end() - 1), {name.strip() for name in found[1].split(",")})
        for found in re.finditer(r"\b(?:sum|min|max|count|avg)\s+by\s*\(([^)]*)\)\s*\(", expression)
    ]
    for selector in catalogue.selectors(expression):
        metric = catalogue.by_series().get(selector.name)
        for label in labels & (metric.labels if metric else set()):
            for found in re.finditer(rf"\b{selector.name}\b", expression):
                around = [by for start, end, by in aggregations if start < found.start() < end]
                if not any(label not in by for by in around):
                    kept.add(label)
    return kept


@each_alert
def test_no_label_of_a_rule_replaces_one_of_its_series(rule):
    assert replaced_labels(rule["expr"], set(rule["labels"])) == set()


def test_a_label_that_would_be_replaced_is_found():
    series = "rolewarden_finding_first_seen_timestamp_seconds"
    for expression, kept in [
        (f"{series} > 0", {"severity"}),
        (f"max by (account_id, severity) ({series})", {"severity"}),
        (f"time() - max_over_time({series}[5m]) > 0", {"severity"}),
        (f"max by (account_id) ({series})", set()),
        (f"max by (account_id) (min by (account_id, severity) ({series}))", set()),
    ]:
        assert replaced_labels(expression, {"severity"}) == kept, expression


@pytest.mark.parametrize("file", [RECORDING_FILE, ALERTS_FILE], ids=["recording", "alerts"])
def test_groups_are_evaluated_every_30_seconds(file):
    names = [group["name"] for group in file["groups"]]
    assert len(set(names)) == len(names)
    assert {group["interval"] for group in file["groups"]} == {"30s"}


@pytest.mark.parametrize("rule", RECORDS, ids=lambda rule: rule["record"])
def test_a_recorded_name_is_level_metric_operation_and_is_read_by_an_alert(rule):
    level, metric, operation = rule["record"].split(":")
    levels = set(re.findall(r"\bby\s*\(([^)]*)\)", rule["expr"]))
    assert {level} == {by.replace(", ", "_") for by in levels}
    assert metric.startswith("rolewarden_")
    assert re.fullmatch(r"sum|ratio|ratio_rate\w+|rate\w+", operation)
    assert any(rule["record"] in alert["expr"] for alert in ALERTS)


def test_only_the_alerts_on_absence_name_a_job():
    named = [rule["alert"] for rule in ALERTS if re.search(r"\bjob\s*=", rule["expr"])]
    assert named == ["RolewardenDown", "RolewardenInstanceDown"]


# Mutations: a rule that is changed must fail its unit tests.

OPPOSITE = {">": "<=", "<": ">=", "==": "!=", "<=": ">", ">=": "<"}


def mutations(rule: dict):
    """(what was changed, the changed rule)."""
    expression = rule["expr"]

    def changed(what: str, found: re.Match, new: str):
        mutant = copy.deepcopy(rule)
        mutant["expr"] = expression[: found.start()] + new + expression[found.end() :]
        return f"{what} `{' '.join(found[0].split())}` at {found.start()}", mutant

    for found in re.finditer(r"(?<=\s)(==|<=|>=|>|<)(?=\s)", expression):
        yield changed("opposite of", found, OPPOSITE[found[0]])
    for found in re.finditer(r"(?<![\w\[:.])\d+(\.\d+)?(?![\w\]:.])", expression):
        if float(found[0]) > 1 or "." in found[0]:
            yield changed("half of", found, str(float(found[0]) / 2))
            yield changed("twice", found, str(float(found[0]) * 2))
    for found in re.finditer(r"\{[^}]*\}", expression):
        if "job=" not in found[0]:  # of `up`: without it every program's absence is an alert, or none
            yield changed("without", found, "")
    for found in re.finditer(r"(?:max|last)_over_time\(([^\[\]]+)\[\w+\]((?: offset \w+)?)\)", expression):
        yield changed("at one moment only:", found, found[1] + found[2])
    operands = re.split(r"\n\s+or\n", expression)
    if len(operands) > 1 and all(part.count("(") == part.count(")") for part in operands):
        for number in range(len(operands)):
            mutant = copy.deepcopy(rule)
            mutant["expr"] = "\n or \n".join(operands[:number] + operands[number + 1 :])
            yield f"without operand {number} of or", mutant
    for found in re.finditer(r"\n\s+(?:and|unless) on \([^)]*\)\n", expression):
        mutant = copy.deepcopy(rule)
        mutant["expr"] = expression[: found.start()]
        yield "without what stands after `and` or `unless`", mutant
        mutant = copy.deepcopy(rule)
        mutant["expr"] = expression[found.end() :]
        yield "without what stands before `and` or `unless`", mutant
    if "for" in rule:
        number, unit = re.fullmatch(r"(\d+)([mh])", rule["for"]).groups()
        for what, new in [("half", int(number) * {"m": 60, "h": 3600}[unit] // 2), ("three times", None)]:
            mutant = copy.deepcopy(rule)
            mutant["for"] = f"{new}s" if new is not None else f"{3 * int(number)}{unit}"
            yield f"{what} of the `for`", mutant


def reads(alert: dict, record: str | None) -> bool:
    return record is not None and record in alert["expr"]


def outcome(folder: pathlib.Path, changed: dict, original: dict) -> str:
    """Runs the unit tests that concern one rule, with that rule replaced: `passed` or `failed`."""
    record = original.get("record")
    alerts = [rule for rule in ALERTS if rule["alert"] == original.get("alert") or reads(rule, record)]
    names = {rule["alert"] for rule in alerts}
    records = [rule for rule in RECORDS if rule["record"] == record or any(reads(alert, rule["record"]) for alert in alerts)]
    rules = [changed if rule is original else rule for rule in records + alerts]
    folder.mkdir()
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "mutated", "rules": rules}]}))
    lines = []
    for name, file in TEST_FILES.items():
        groups = []
        for group in copy.deepcopy(file["tests"]):
            kept = [case for case in group.get("alert_rule_test", []) if case["alertname"] in names]
            values = [case for case in group.get("promql_expr_test", []) if record and record in case["expr"]]
            if kept or values:
                groups.append({**group, "alert_rule_test": kept, "promql_expr_test": values})
        if groups:
            tests = {**file, "rule_files": ["rules.yaml"], "tests": groups}
            (folder / name).write_text(yaml.safe_dump(tests))
            lines.append(name)
    done = promtool("test", "rules", *lines, folder=folder)
    if done.returncode == 0:
        return "passed"
    text = done.stdout + done.stderr
    assert re.search(r"alertname: |expr: |same labelset|many-to-many|duplicate series", text), f"no mutant, but nonsense: {text}"
    return "failed"


def test_a_rule_that_is_changed_fails_its_unit_tests(tmp_path):
    """Each comparison turned round, each threshold halved and doubled, each matcher, operand, window and `for` changed."""
    work = []
    for rule in RECORDS + ALERTS:
        name = rule.get("record") or name_of(rule)
        work.append((f"{name}, unchanged", rule, rule, "passed"))
        work += [(f"{name}: {what}", mutant, rule, "failed") for what, mutant in mutations(rule)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: outcome(tmp_path / str(job[0]), job[1][1], job[1][2]), enumerate(work))
        wrong = [what for (what, _, _, want), got in zip(work, results) if got != want]
    changed = sum(want == "failed" for *_, want in work)
    print(f"{changed} changes of {len(ALERTS)} alerts and {len(RECORDS)} recorded series, {len(wrong)} not noticed")
    assert changed > 5 * len(ALERTS)
    assert wrong == []
