"""`rolewarden check`: what it says offline of an account's authorization details is what a scan says of the account."""

import json
import urllib.parse

import pytest
from program import Program
from world import ROWS

# boto3 and the AWS CLI print parsed documents, in which a doubled member is gone, and no longest session.
NOT_IN_THE_DETAILS = {
    "sessions of twelve hours",
    "trust policy with a doubled member",
    "inline policy with a doubled member",
}
NAMES = [row.name for row in ROWS if not row.skip and row.name not in NOT_IN_THE_DETAILS]
DOCUMENTS = ("AssumeRolePolicyDocument", "PolicyDocument", "Document")


def details(aws, account: str) -> dict:
    """What `aws iam get-account-authorization-details` prints."""
    answer = aws.client("iam", account).get_account_authorization_details()
    answer.pop("ResponseMetadata")
    return json.loads(json.dumps(answer, default=str))


def written(value, as_document):
    """The same details, with each document written another way."""
    if isinstance(value, list):
        return [written(item, as_document) for item in value]
    if isinstance(value, dict):
        return {k: as_document(v) if k in DOCUMENTS else written(v, as_document) for k, v in value.items()}
    return value


def as_text(document) -> str:
    return document if isinstance(document, str) else json.dumps(document)


WAYS = {
    "objects": lambda document: document,
    "text": as_text,
    "percent-encoded": lambda document: urllib.parse.quote(as_text(document), safe=""),
}


@pytest.fixture(scope="module")
def scanned(organization, tmp_path_factory):
    """What a scan says."""
    aws, _rows = organization
    return Program(aws, tmp_path_factory.mktemp("scanned")).scan().accounts


@pytest.fixture(scope="module", params=WAYS)
def checked(request, organization, tmp_path_factory):
    """What `check` says of one file for each account, with documents written in one of three ways."""
    aws, rows = organization
    folder = tmp_path_factory.mktemp("checked")
    files = []
    for row in rows:
        if row.name in NAMES:
            files.append(f"{row.account}.json")
            (folder / files[-1]).write_text(json.dumps(written(details(aws, row.account), WAYS[request.param])))
    return Program(aws, folder).run("check", "--format", "json", *files)


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_offline_and_online_agree(name, rows, scanned, checked):
    def said(accounts: dict) -> tuple:
        account = accounts[rows[name].account]
        return account["state"], {check: result["verdict"] for check, result in account["checks"].items()}

    assert said(checked.accounts) == said(scanned)


def test_offline_calls_nobody_and_counts_every_file(checked):
    assert checked.calls == []
    assert checked.status == 3
    assert checked.report["summary"]["selected"] == len(NAMES)
    assert checked.report["sweep"]["mode"] == "check"


def test_standard_input_is_a_file_too(rows, aws, rolewarden):
    account = rows["tagged"].account
    result = rolewarden.run("check", "--format", "json", "-", stdin=json.dumps(details(aws, account)))
    assert (result.status, list(result.accounts)) == (0, [account]), result.err


def test_two_files_of_one_account_are_judged_from_neither(rows, aws, rolewarden):
    account, other = rows["tagged"].account, rows["the older language version"].account
    for name, of in (("first.json", account), ("second.json", account), ("other.json", other)):
        (rolewarden.folder / name).write_text(json.dumps(details(aws, of)))
    result = rolewarden.run("check", "--format", "json", "first.json", "other.json", "second.json")
    assert (result.status, list(result.accounts)) == (4, [other]), result.err
    assert [entry["file"] for entry in result.report["unread"]] == ["first.json", "second.json"]


def test_what_is_no_such_output_is_an_error_never_a_verdict(rolewarden):
    for text in ["", "{", "[]", '{"Users": []}', '"RoleDetailList"']:
        result = rolewarden.run("check", "--format", "json", "-", stdin=text)
        assert (result.status, result.out) == (1, ""), text
        assert result.err
    assert rolewarden.run("check", "--format", "json", "nowhere.json").status == 1
