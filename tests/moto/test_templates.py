"""The roles, written down three times: printed by `rolewarden iam`, made by CloudFormation, made by Terraform. All the same."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from aws import Aws
from program import Program
from roles import ROOT
from templates import CLOUDFORMATION, HUB, ORGANIZATION, TERRAFORM, as_variables, role_of, same, snake, stack

ACTIONS = [
    "create_role",
    "update_trust_policy",
    "put_inline_policy",
    "delete_inline_policy",
    "detach_managed_policy",
    "put_permissions_boundary",
    "create_service_linked_role",
]
LIMIT = "arn:aws:iam::${rolewarden:account_id}:policy/Limit"
KEPT = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/SecurityAudit"]
MEMBER = {"HubRoleArn": HUB, "OrganizationId": ORGANIZATION}
MEMBER_FLAGS = ["--hub-role", HUB, "--organization-id", ORGANIZATION]
SECRET = "a-secret-external-id"

# What is configured, and what of it the templates are told: flags, parameters.
CASES = {
    "hub: the defaults": ("hub", {}, [], {}),
    "hub: units, tags, remediation": (
        "hub",
        {
            "accounts": {"include": {"ous": ["ou-ab12-11111111"]}},
            "remediation": {"mode": "plan", "exclude": {"tags": {"team": ["x"]}}},
        },
        ["--runs-on", "ecs"],
        {"RunsOn": "ecs", "OrganizationalUnits": "true", "Tags": "true", "RemediateRole": "rolewarden-remediate"},
    ),
    "hub: a list, a way through roles, the own account by its role": (
        "hub",
        {
            "accounts": {"source": "list", "list": [{"id": "111122223333"}]},
            "access": {
                "own_account": "assume",
                "via": ["arn:aws:iam::222222222222:role/first", "arn:aws:iam::333333333333:role/second"],
            },
        },
        ["--runs-on", "pod-identity", "--session-tags"],
        {
            "RunsOn": "pod-identity",
            "SessionTags": "true",
            "ListAccounts": "false",
            "ScanRole": "",
            "NamedRoleArns": "arn:aws:iam::222222222222:role/first",
            "OwnAccount": "assume",
        },
    ),
    "hub: Pod Identity, accounts that are in no organization": (
        "hub",
        {"accounts": {"source": "list", "list": [{"id": "111122223333"}]}},
        ["--runs-on", "pod-identity", "--session-tags"],
        {"RunsOn": "pod-identity", "SessionTags": "true", "ListAccounts": "false", "InOrganization": "false"},
    ),
    "hub: irsa, another role for some accounts": (
        "hub",
        {
            "accounts": {"organization_role_arn": "arn:aws:iam::999999999999:role/lister"},
            "access": {
                "scan_role": "/team/scan",
                "overrides": {"444444444444": {"scan_role_arn": "arn:aws:iam::444444444444:role/special"}},
            },
            "baseline": {"presence": "when-connected", "regions": ["eu-west-1"]},
        },
        ["--runs-on", "irsa", "--oidc-provider", "oidc.example.com/id/ABC", "--service-account", "watch:warden"],
        {
            "RunsOn": "irsa",
            "OidcProvider": "oidc.example.com/id/ABC",
            "ServiceAccount": "watch:warden",
            "ListAccounts": "false",
            "ScanRole": "team/scan",
            "NamedRoleArns": "arn:aws:iam::999999999999:role/lister,arn:aws:iam::444444444444:role/special",
            "WhenConnected": "true",
        },
    ),
    "hub: the service-linked role, no documents of managed policies": (
        "hub",
        {"checks": {"service-linked-role": {"enabled": True}, "effective-permissions": {"enabled": False}}},
        [],
        {"ServiceLinkedRole": "true", "ReadManagedPolicies": "false"},
    ),
    "scan: the defaults": ("scan", {}, MEMBER_FLAGS, MEMBER),
    "scan: no organization": (
        "scan",
        {"accounts": {"source": "list", "list": [{"id": "111122223333"}]}},
        ["--hub-role", HUB],
        {"HubRoleArn": HUB},
    ),
    "scan: an external id, session tags, another role": (
        "scan",
        {
            "access": {"external_id": SECRET, "scan_role": "team/reader"},
            "baseline": {"role_name": "Watched"},
            "checks": {"service-linked-role": {"enabled": True}},
        },
        [*MEMBER_FLAGS, "--session-tags"],
        {
            **MEMBER,
            "ExternalId": SECRET,
            "SessionTags": "true",
            "RoleName": "reader",
            "RolePath": "/team/",
            "TargetRoleName": "Watched",
            "ServiceLinkedRole": "true",
        },
    ),
    "scan: an external id without an organization": (
        "scan",
        {"accounts": {"source": "list", "list": [{"id": "111122223333"}]}, "access": {"external_id": SECRET}},
        ["--hub-role", HUB, "--session-tags"],
        {"HubRoleArn": HUB, "ExternalId": SECRET, "SessionTags": "true"},
    ),
    "scan: when connected, no documents of managed policies": (
        "scan",
        {
            "baseline": {"presence": "when-connected", "regions": ["eu-west-1"]},
            "checks": {"effective-permissions": {"enabled": False}},
        },
        MEMBER_FLAGS,
        {**MEMBER, "WhenConnected": "true", "ReadManagedPolicies": "false"},
    ),
    "remediate: the defaults": ("remediate", {}, MEMBER_FLAGS, MEMBER),
    "remediate: everything": (
        "remediate",
        {
            "access": {"external_id": SECRET, "remediate_role": "team/writer"},
            "baseline": {"path": "/team/", "permissions_boundary": LIMIT, "required_tags": {"team": "platform"}},
            "checks": {"attached-policies": {"required": KEPT[:1], "allowed": KEPT[1:]}},
            "remediation": {"mode": "apply", "actions": ACTIONS},
        },
        MEMBER_FLAGS,
        {
            **MEMBER,
            "ExternalId": SECRET,
            "RoleName": "writer",
            "RolePath": "/team/",
            "TargetRolePath": "/team/",
            "CreateRole": "true",
            "DeleteInlinePolicy": "true",
            "DetachManagedPolicy": "true",
            "KeptPolicies": ",".join(KEPT),
            "PutPermissionsBoundary": "true",
            "PermissionsBoundaryArn": "arn:aws:iam::*:policy/Limit",
            "RequiredTags": "true",
            "CreateServiceLinkedRole": "true",
        },
    ),
    "remediate: deletions only": (
        "remediate",
        {"remediation": {"mode": "plan", "actions": ["delete_inline_policy", "detach_managed_policy"]}},
        MEMBER_FLAGS,
        {
            **MEMBER,
            "UpdateTrustPolicy": "false",
            "PutInlinePolicy": "false",
            "DeleteInlinePolicy": "true",
            "DetachManagedPolicy": "true",
        },
    ),
    "remediate: no way back, a boundary that is not put, an action without one": (
        "remediate",
        {
            "baseline": {"permissions_boundary": LIMIT},
            "remediation": {"mode": "plan", "actions": ["create_role", "put_inline_policy"]},
        },
        [*MEMBER_FLAGS, "--without-rollback", "--session-tags"],
        {
            **MEMBER,
            "CreateRole": "true",
            "UpdateTrustPolicy": "false",
            "PermissionsBoundaryArn": "arn:aws:iam::*:policy/Limit",
            "Rollback": "false",
            "SessionTags": "true",
        },
    ),
    "remediate: a boundary to be put that nobody configured": (
        "remediate",
        {"remediation": {"mode": "plan", "actions": ["update_trust_policy", "put_permissions_boundary"]}},
        MEMBER_FLAGS,
        {**MEMBER, "PutInlinePolicy": "false", "PutPermissionsBoundary": "true"},
    ),
}
ACCOUNTS = {case: f"{555500000000 + number}" for number, case in enumerate(CASES)}
DEFAULT_NAMES = {identity: f"rolewarden-{identity}" for identity in ("hub", "scan", "remediate")}


@pytest.fixture(scope="module")
def place():
    """A moto of its own: these roles would meet others."""
    aws = Aws()
    yield aws
    aws.close()


def printed(place, folder, case: str) -> dict:
    """What `rolewarden iam` prints, with the gaps filled in as the templates fill them."""
    identity, settings, flags, _parameters = CASES[case]
    program = Program(place, folder)
    hub = ["--hub-role", f"arn:aws:iam::{ACCOUNTS[case]}:role/rolewarden-hub"] if identity == "hub" else []
    done = program.run("iam", identity, "--config", str(program.config(settings)), *flags, *hub)
    assert done.status == 0, done.err
    assert done.calls == [], "nothing is asked of AWS"
    assert SECRET not in done.out + done.err
    whole = json.loads(done.out.replace("<EXTERNAL_ID>", SECRET))
    assert not re.search("<[A-Z_]+>", json.dumps(whole)), "nothing else was left open"
    whole.pop("also", None)
    return whole


@pytest.mark.parametrize("case", CASES)
def test_cloudformation_makes_the_role_that_is_printed(case, place, tmp_path):
    identity, _settings, _flags, parameters = CASES[case]
    stack(place, ACCOUNTS[case], identity, parameters)
    made = role_of(place, ACCOUNTS[case], parameters.get("RoleName", DEFAULT_NAMES[identity]))
    assert same(made) == same(printed(place, tmp_path, case))


# Terraform.


def terraform(*words: str, folder, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["terraform", *words],
        cwd=folder,
        env={**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def terraformed(place, tmp_path_factory):
    """Every case as a module of one root, applied to moto. Each role's name ends in its account, as all live in one."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on the PATH: THE TERRAFORM MODULES ARE NOT TESTED")
    folder = tmp_path_factory.mktemp("terraform")
    modules = {}
    for case, (identity, _settings, _flags, parameters) in CASES.items():
        variables = as_variables(parameters)
        variables["role_name"] = f"{variables.get('role_name', DEFAULT_NAMES[identity])}-{ACCOUNTS[case]}"
        modules[f"case-{ACCOUNTS[case]}"] = {"source": str(TERRAFORM / identity), **variables}
    provider = {
        "region": "us-east-1",
        "access_key": "testing",
        "secret_key": "testing",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
        "endpoints": {"iam": place.url, "sts": place.url},
    }
    root = {"provider": {"aws": provider}, "module": modules}
    (folder / "main.tf.json").write_text(json.dumps(root))
    done = terraform("init", "-input=false", "-no-color", folder=folder)
    if done.returncode != 0:
        why = "terraform init found no AWS provider; offline, TF_CLI_ARGS_init=-plugin-dir=DIR says where one is"
        pytest.skip(f"{why}: THE TERRAFORM MODULES ARE NOT TESTED")
    for words in (["validate"], ["apply", "-auto-approve", "-input=false"]):
        done = terraform(*words, "-no-color", folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("case", CASES)
def test_terraform_makes_the_role_that_is_printed(case, place, terraformed, tmp_path):
    identity, _settings, _flags, parameters = CASES[case]
    name = f"{parameters.get('RoleName', DEFAULT_NAMES[identity])}-{ACCOUNTS[case]}"
    made = role_of(place, "123456789012", name)
    made["role_name"] = made["role_name"].removesuffix(f"-{ACCOUNTS[case]}")
    # The hub's account is the one that Terraform runs in.
    want = json.loads(json.dumps(printed(place, tmp_path, case)).replace(ACCOUNTS[case], "123456789012"))
    assert same(made) == same(want)


def test_terraform_is_written_as_terraform_writes_it(terraformed):
    done = terraform("fmt", "-check", "-recursive", "-no-color", folder=TERRAFORM)
    assert done.returncode == 0, done.stdout


def test_a_second_apply_changes_nothing(terraformed):
    done = terraform("plan", "-detailed-exitcode", "-input=false", "-no-color", folder=terraformed)
    assert done.returncode == 0, done.stdout


def test_the_stack_sets_of_the_readme_are_valid(terraformed, tmp_path):
    blocks = re.findall(r"^```hcl\n(.*?)^```", (TERRAFORM / "README.md").read_text(), re.M | re.S)
    text = "\n".join(blocks).replace('"./deploy/terraform/', f'"{TERRAFORM}/')
    (tmp_path / "main.tf").write_text(text.replace('"./deploy/cloudformation/', f'"{CLOUDFORMATION}/'))
    for words in (["init", "-input=false"], ["validate"]):
        done = terraform(*words, "-no-color", folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "aws_cloudformation_stack_set" in text and "module" in text


# What holds for the texts.


def parameters_of(identity: str) -> dict[str, str]:
    text = (CLOUDFORMATION / f"{identity}-role.yaml").read_text()
    section = re.search(r"^Parameters:\n(.*?)^\w", text, re.M | re.S)[1]
    return dict(re.findall(r"^  (\w+):\n.*?^    Description: ([^\n]+)", section, re.M | re.S))


@pytest.mark.parametrize("identity", ["hub", "scan", "remediate"])
def test_parameters_and_variables_have_the_same_names(identity):
    variables = re.findall(r'^variable "(\w+)"', (TERRAFORM / identity / "variables.tf").read_text(), re.M)
    assert [snake(name) for name in parameters_of(identity)] == variables


@pytest.mark.parametrize("identity", ["hub", "scan", "remediate"])
def test_every_parameter_is_given_by_some_case(identity):
    given = {name for one, _s, _f, parameters in CASES.values() if one == identity for name in parameters}
    assert set(parameters_of(identity)) - given <= {"RoleName", "RolePath", "TargetRoleName"}


def patterns_of(identity: str) -> dict[str, str]:
    text = (CLOUDFORMATION / f"{identity}-role.yaml").read_text()
    section = re.search(r"^Parameters:\n(.*?)^\w", text, re.M | re.S)[1]
    blocks = re.findall(r"^  (\w+):\n((?:    .*\n)+)", section, re.M)
    free = {name: body for name, body in blocks if "AllowedValues" not in body}
    return {name: (re.search(r"^    AllowedPattern: (.*)$", body, re.M) or [None, None])[1] for name, body in free.items()}


@pytest.mark.parametrize("identity", ["hub", "scan", "remediate"])
def test_no_name_takes_a_wildcard(identity):
    """A wildcard in a name is one in the policy: `ArnEquals` and `Resource` obey it. In ARNs of policies `*` is every account."""
    patterns = patterns_of(identity)
    assert all(patterns.values()), patterns
    right = {
        "RoleName": ["rolewarden-hub", "a" * 64],
        "TargetRoleName": ["AmazonEKSConnectorAgentRole"],
        "RolePath": ["/", "/team/sub/"],
        "TargetRolePath": ["/", "/team/"],
        "OidcProvider": ["oidc.eks.eu-west-1.amazonaws.com/id/ABC"],
        "ServiceAccount": ["rolewarden:rolewarden"],
        "ScanRole": ["", "rolewarden-scan", "team/rolewarden-scan"],
        "RemediateRole": ["", "team/sub/writer"],
        "NamedRoleArns": ["", "arn:aws-cn:iam::111122223333:role/team/via"],
        "HubRoleArn": [HUB],
        "KeptPolicies": ["", "arn:aws:iam::aws:policy/job-function/Billing", "arn:aws:iam::*:policy/Limit"],
        "PermissionsBoundaryArn": ["", "arn:aws:iam::*:policy/Limit"],
        "ExternalId": ["", SECRET],
        "OrganizationId": ["", ORGANIZATION],
    }
    for name, pattern in patterns.items():
        for value in right[name]:
            assert re.fullmatch(pattern, value), f"{name}: {value}"
            for odd in ("*", "?", "${aws:username}", " ", "\n"):
                for at in {0, len(value) // 2, len(value)}:
                    bad = value[:at] + odd + value[at:]
                    assert not re.fullmatch(pattern, bad), f"{name}: {bad!r}"


@pytest.mark.parametrize("identity", ["hub", "scan", "remediate"])
def test_terraform_refuses_what_cloudformation_refuses(identity):
    text = (TERRAFORM / identity / "variables.tf").read_text()
    blocks = dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.M | re.S))
    for name, pattern in patterns_of(identity).items():
        block = blocks[snake(name)]
        # A regular expression of Terraform repeats 1000 times at most: a longer text's length is checked apart.
        if long := re.fullmatch(r"\^\((\[.*\])\{2,1224\}\)\?\$", pattern):
            assert f'regex("^{long[1]}+$", ' in block and ">= 2" in block and "<= 1224" in block, name
        else:
            assert f'regex("{pattern}", ' in block, name


def test_cfn_lint_has_nothing_to_say():
    files = sorted(str(path) for path in CLOUDFORMATION.glob("*.yaml"))
    assert len(files) == 3
    done = subprocess.run([pathlib.Path(sys.executable).with_name("cfn-lint"), *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_external_id_is_not_shown_by_cloudformation():
    for identity in ("scan", "remediate"):
        text = (CLOUDFORMATION / f"{identity}-role.yaml").read_text()
        assert re.search(r"^  ExternalId:\n(?:    .*\n)*?    NoEcho: true$", text, re.M), identity


@pytest.mark.parametrize("identity", ["hub", "scan", "remediate"])
def test_the_commands_at_a_templates_head_are_those_of_the_aws_cli(identity, place, tmp_path):
    """The AWS CLI takes each: a stack is made, of a stack set the request is checked, which needs an organization to be sent."""
    head = (CLOUDFORMATION / f"{identity}-role.yaml").read_text().partition("AWSTemplateFormatVersion")[0]
    text = "\n".join(line.removeprefix("#").strip() for line in head.splitlines())
    commands = re.findall(r"^aws (?:.*\\\n)*.*$", text, re.M)
    assert len(commands) == (1 if identity == "hub" else 3)
    for command in commands:
        script = command.replace("\\\n", " ")
        assert f"--template-body file://deploy/cloudformation/{identity}-role.yaml" in script or "instances" in script
        script += " --generate-cli-skeleton output" if "stack-set" in script else ""
        done = subprocess.run(
            ["sh", "-c", script.replace("aws ", f"{sys.executable} -m awscli ", 1)],
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "HOME": str(tmp_path),
                "AWS_ENDPOINT_URL": place.url,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, script + done.stderr
