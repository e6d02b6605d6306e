"""`rolewarden scan` over the whole organization in moto, told apart by its report, its exit status and its calls."""

import json
import re
import stat

import pytest
from aws import MANAGEMENT, READS, REQUEST_ID, denied
from program import Program
from roles import ROOT
from world import ANY, ROWS, Row

NAMES = [row.name for row in ROWS] + ["the management account"]
PLAIN = "made by the guide's CLI steps"


@pytest.fixture(scope="module")
def whole(organization, tmp_path_factory):
    """One scan of everything, with nothing configured."""
    aws, _rows = organization
    return Program(aws, tmp_path_factory.mktemp("whole")).scan()


def finding_of(account: dict, check: str) -> dict:
    """The worst finding of a check."""
    return next(finding for finding in account["findings"] if finding["check"] == check)


# What the scan says.


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_each_account_is_judged_as_its_row_says(name, rows, whole):
    row: Row = rows[name]
    account = whole.accounts[row.account]
    if row.skip:
        assert (account["state"], account["skip_reason"]) == ("skipped", row.skip)
        return
    assert account["state"] == row.state
    assert set(account["checks"]) == set(row.expected())
    for check, (verdict, severity) in row.expected().items():
        given = account["checks"][check]["verdict"]
        assert given != "equivalent" if verdict == ANY else given == verdict, check
        if severity:
            assert finding_of(account, check)["severity"] == severity, check


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_findings_agree_with_the_checks_and_prove_what_they_say(name, rows, whole):
    row: Row = rows[name]
    if row.skip:
        return
    account = whole.accounts[row.account]
    claims_nothing = ("equivalent", "undecided")
    failed = {check for check, result in account["checks"].items() if result["verdict"] not in claims_nothing}
    found = {finding["check"] for finding in account["findings"]}
    # Where the inline policies alone keep the connector from working, their finding says so for both.
    said = {"effective-permissions"} if "inline-policy" in found else set()
    assert found <= failed <= found | said
    for finding in account["findings"]:
        assert finding["id"] and finding["summary"]
        if finding["check"] in ("trust-policy", "inline-policy"):
            sides = {witness["side"] for witness in finding["witnesses"]}
            if finding["verdict"] in ("missing", "excess", "conditional"):
                assert finding["verdict"] in sides
            if finding["verdict"] == "missing_and_excess":
                assert {"missing", "excess"} <= sides


def test_a_witness_names_the_foreigner(rows, whole):
    account = whole.accounts[rows["another account, by its root"].account]
    witnesses = finding_of(account, "trust-policy")["witnesses"]
    assert {
        "principal": {"type": "AWS", "value": "arn:aws:iam::999988887777:root"},
        "action": "sts:AssumeRole",
        "side": "excess",
        "conditions": None,
    } in witnesses


def test_the_summary_counts_what_the_accounts_say(rows, whole):
    summary = whole.report["summary"]
    states = [row.state for row in rows.values()]
    assert summary["discovered"] == len(rows)
    assert summary["skipped"] == states.count("skipped")
    assert summary["selected"] == len(rows) - states.count("skipped")
    assert summary["states"] == {
        "compliant": states.count("compliant"),
        "drifted": states.count("drifted"),
        "exempt": 0,
        "not_applicable": 0,
        "unknown": 0,
    }
    severities = [finding["severity"] for account in whole.accounts.values() for finding in account.get("findings", [])]
    assert summary["findings"] == {s: severities.count(s) for s in ("critical", "high", "medium", "low", "info")}
    assert whole.report["sweep"]["complete"] is True
    assert whole.status == 3


def test_two_scans_give_the_same_findings(whole, rolewarden):
    def findings(result):
        return {(id, f["id"]) for id, account in result.accounts.items() for f in account.get("findings", [])}

    assert findings(rolewarden.scan()) == findings(whole)
    ids = [finding["id"] for account in whole.accounts.values() for finding in account.get("findings", [])]
    assert len(set(ids)) == len(ids)


# What it calls.


def test_nothing_but_reads_is_called(whole):
    assert {call.operation for call in whole.calls} <= READS


def test_a_compliant_account_costs_one_session_and_four_reads(rows, whole):
    calls = [call.operation for call in whole.calls if call.account == rows[PLAIN].account]
    assert sorted(calls) == [
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "sts:AssumeRole",
    ]


def test_a_closed_account_is_not_touched(rows, whole):
    assert [call for call in whole.calls if call.account == rows["closed last week"].account] == []


def test_the_own_account_is_read_directly(whole):
    assert "sts:AssumeRole" not in {call.operation for call in whole.calls if call.account == MANAGEMENT}


# Exit statuses.


def test_status_0_when_all_selected_accounts_are_right(rows, rolewarden):
    result = rolewarden.scan("--account", rows[PLAIN].account, "--account", rows["tagged"].account)
    assert result.status == 0, result.err
    judged = [id for id, account in result.accounts.items() if account["state"] != "skipped"]
    assert sorted(judged) == sorted([rows[PLAIN].account, rows["tagged"].account])


def test_status_4_when_an_account_cannot_be_entered(rows, aws, rolewarden):
    lost = rows["tagged"].account
    aws.break_call = lambda call: denied("no") if call.account == lost and call.operation == "sts:AssumeRole" else None
    result = rolewarden.scan("--account", rows[PLAIN].account, "--account", lost)
    assert result.status == 4, result.err
    error = result.accounts[lost]["error"]
    assert result.accounts[lost]["state"] == "unknown"
    assert (error["reason"], error["operation"], error["code"]) == ("assume_denied", "sts:AssumeRole", "AccessDenied")
    assert error["request_id"] == REQUEST_ID
    assert error["hint"]
    assert result.accounts[rows[PLAIN].account]["state"] == "compliant"
    assert result.report["sweep"]["complete"] is False


def test_status_5_when_drift_stands_beside_an_unknown_account(rows, aws, rolewarden):
    lost, drifted = rows["tagged"].account, rows["an action forgotten"].account
    aws.break_call = lambda call: "reset" if call.account == lost and call.operation == "iam:ListRolePolicies" else None
    result = rolewarden.scan("--account", drifted, "--account", lost)
    assert result.status == 5, result.err
    assert result.accounts[lost]["error"]["reason"] == "network"
    assert "checks" not in result.accounts[lost]
    assert result.accounts[drifted]["state"] == "drifted"


@pytest.mark.parametrize(
    "operation", ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]
)
def test_no_read_may_fail_without_the_account_being_unknown(operation, rows, aws, rolewarden):
    lost = rows[PLAIN].account
    aws.break_call = lambda call: denied("no") if call.account == lost and call.operation == operation else None
    result = rolewarden.scan("--account", lost)
    assert result.status == 4, result.err
    assert result.accounts[lost]["error"]["reason"] == "access_denied"
    assert result.accounts[lost]["error"]["operation"] == operation


def test_status_1_when_the_accounts_cannot_be_listed(aws, rolewarden):
    aws.break_call = lambda call: denied("no") if call.operation.startswith("organizations:") else None
    result = rolewarden.scan()
    assert result.status == 1
    assert result.out == ""
    assert "organizations:" in result.err


def test_status_1_when_aws_does_not_answer(rolewarden):
    rolewarden.endpoint = "http://127.0.0.1:1"
    result = rolewarden.scan()
    assert result.status == 1
    assert result.out == ""
    assert result.err


def test_an_overridden_endpoint_is_said_even_when_all_is_well(rows, rolewarden):
    result = rolewarden.scan("--account", rows[PLAIN].account)
    assert result.status == 0
    assert rolewarden.endpoint in result.err


def test_status_1_when_no_account_is_selected(rows, rolewarden):
    only = rows[PLAIN].account
    result = rolewarden.scan("--account", only, "--exclude-account", only)
    assert result.status == 1
    assert "no account" in result.err


def test_status_1_names_every_mistake_of_a_configuration(rolewarden):
    result = rolewarden.scan(settings={"sweep": {"concurency": 3}, "accounts": {"source": "guess"}})
    assert result.status == 1
    assert "concurency" in result.err and "concurrency" in result.err and "guess" in result.err
    assert result.calls == []


def test_status_2_for_a_flag_that_does_not_exist(rolewarden):
    assert rolewarden.scan("--fix-everything").status == 2


def test_fail_on_ignores_what_is_less_severe(rows, rolewarden):
    high, critical = rows["an action forgotten"].account, rows["everyone, beside the service"].account
    assert rolewarden.scan("--account", high, "--fail-on", "critical").status == 0
    assert rolewarden.scan("--account", high, "--fail-on", "high").status == 3
    assert rolewarden.scan("--account", critical, "--fail-on", "critical").status == 3


def test_an_excluded_account_is_skipped_and_not_touched(rows, rolewarden):
    left_out = rows["an action forgotten"].account
    result = rolewarden.scan("--exclude-account", left_out, "--account", rows[PLAIN].account, "--account", left_out)
    assert result.status == 0, result.err
    assert (result.accounts[left_out]["state"], result.accounts[left_out]["skip_reason"]) == ("skipped", "excluded")
    assert [call for call in result.calls if call.account == left_out] == []


# Configuration that changes what is right.


def scanned(rolewarden, row: Row, **settings) -> dict:
    return rolewarden.scan("--account", row.account, settings=settings).accounts[row.account]


def test_an_accepted_condition_on_this_account_is_no_drift(rows, rolewarden):
    checks = {"trust-policy": {"accept_conditions": ["aws:SourceAccount"]}}
    own = scanned(rolewarden, rows["trust for this account only"], checks=checks)
    assert own["checks"]["trust-policy"]["verdict"] == "conditional"
    assert finding_of(own, "trust-policy")["severity"] == "info"
    assert own["state"] == "compliant"
    foreign = scanned(rolewarden, rows["trust for another account only"], checks=checks)
    assert finding_of(foreign, "trust-policy")["severity"] == "high"
    assert foreign["state"] == "drifted"


def test_an_attachment_may_be_required(rows, rolewarden):
    arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    account = scanned(rolewarden, rows[PLAIN], checks={"attached-policies": {"required": [arn]}})
    assert account["checks"]["attached-policies"]["verdict"] == "missing"
    assert account["checks"]["attached-policies"]["missing"] == [arn]


def test_a_managed_policy_may_be_accepted_in_place_of_an_inline_one(rows, rolewarden):
    row = rows["Terraform: a managed policy instead"]
    account = scanned(rolewarden, row, checks={"inline-policy": {"accept_managed": True}})
    assert (account["state"], account["findings"]) == ("compliant", [])


def test_tags_and_a_boundary_may_be_required(rows, rolewarden):
    tags = {"required_tags": {"team": "platform"}}
    assert scanned(rolewarden, rows["tagged"], baseline=tags)["state"] == "compliant"
    assert scanned(rolewarden, rows[PLAIN], baseline=tags)["checks"]["role-attributes"]["verdict"] == "missing"
    boundary = {"permissions_boundary": "arn:aws:iam::${rolewarden:account_id}:policy/Boundary"}
    assert scanned(rolewarden, rows["a boundary that allows all"], baseline=boundary)["state"] == "compliant"
    assert scanned(rolewarden, rows[PLAIN], baseline=boundary)["checks"]["role-attributes"]["verdict"] == "missing"


def test_longer_sessions_may_be_allowed(rows, rolewarden):
    longer = {"max_session_duration": "12h"}
    assert scanned(rolewarden, rows["sessions of twelve hours"], baseline=longer)["state"] == "compliant"


def test_an_absent_role_may_be_fine(rows, rolewarden):
    assert scanned(rolewarden, rows["no role"], baseline={"presence": "optional"})["state"] == "not_applicable"


def test_an_exception_excuses_until_its_day(rows, rolewarden):
    row = rows["an action forgotten"]
    found = [finding["id"] for finding in scanned(rolewarden, row)["findings"]]

    def excused_until(day: str) -> dict:
        excuse = {"id": "EX-1", "accounts": [row.account], "reason": "moving", "owner": "team", "expires": day}
        excuse["findings"] = found
        return scanned(rolewarden, row, exceptions=[excuse])

    excused = excused_until("2999-12-31")
    assert excused["state"] == "exempt"
    assert {finding["exception"] for finding in excused["findings"]} == {"EX-1"}
    assert excused_until("2020-01-31")["state"] == "drifted"


def test_accounts_may_come_from_a_list(rows, rolewarden):
    accounts = {"source": "list", "list": [{"id": rows[PLAIN].account, "name": "from the list"}]}
    result = rolewarden.scan(settings={"accounts": accounts})
    assert result.status == 0, result.err
    assert [account["name"] for account in result.accounts.values()] == ["from the list"]
    assert not [call for call in result.calls if call.operation.startswith("organizations:")]


# Outputs.


def test_an_output_file_is_private_whole_and_the_only_result(rows, rolewarden):
    file = rolewarden.folder / "report.json"
    file.write_text("old")
    result = rolewarden.scan("--account", rows[PLAIN].account, "--output", str(file))
    assert (result.status, result.out) == (0, ""), result.err
    assert json.loads(file.read_text())["schema"] == "rolewarden.report/v1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in rolewarden.folder.iterdir()) == ["report.json", "rolewarden.yaml"]


def test_an_output_file_of_a_failed_run_keeps_its_old_text(aws, rolewarden):
    file = rolewarden.folder / "report.json"
    file.write_text("old")
    aws.break_call = lambda call: denied("no") if call.operation.startswith("organizations:") else None
    assert rolewarden.scan("--output", str(file)).status == 1
    assert file.read_text() == "old"


def test_ndjson_is_the_same_report_line_by_line(whole, rolewarden):
    result = rolewarden.scan(format="ndjson")
    first, *accounts = [json.loads(line) for line in result.out.splitlines()]
    assert first["summary"] == whole.report["summary"]
    assert [(a["id"], a["state"]) for a in accounts] == [(a["id"], a["state"]) for a in whole.report["accounts"]]
    assert result.status == 3


def test_the_text_for_people_names_every_drifted_account_and_obeys_none(rows, rolewarden):
    result = rolewarden.scan(format="text")
    assert result.status == 3
    for row in rows.values():
        if row.state == "drifted":
            assert row.account in result.out, row.name
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", result.out + result.err)


def test_secrets_do_not_reach_logs_or_reports(rows, rolewarden):
    rolewarden.keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "very-secret-key"}
    settings = {"access": {"external_id": "very-secret-external-id"}, "log": {"level": "trace"}}
    result = rolewarden.scan("--account", rows[PLAIN].account, settings=settings)
    assert result.status == 0, result.err
    assert "very-secret" not in result.out + result.err
