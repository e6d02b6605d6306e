"""The printed policies, proved: with exactly these rolewarden works, with one action fewer it says which one is missing.

The roles are made by the CloudFormation templates, and moto enforces what they allow.
"""

import contextlib
import json
import re

import pytest
from aws import REGION, Aws, Call
from botocore.exceptions import ClientError
from permits import actions, as_moto_understands, permits, without
from program import Program
from roles import INLINE, INLINE_NAME, NAME, ROOT, TRUST, Role
from templates import role_of, same, stack
from test_remediate import ACTIONS, Remedy
from world import allow, document, trusts

DOCUMENTATION = ROOT / "docs/permissions.md"
MANAGEMENT = "777700000000"  # of an organization beside the one of the other tests
HUB_ROLE = f"arn:aws:iam::{MANAGEMENT}:role/rolewarden-hub"
BOUNDARY = "arn:aws:iam::${rolewarden:account_id}:policy/Boundary"
TAGS = {"team": "platform"}
DEFAULT_ACTIONS = ["update_trust_policy", "put_inline_policy"]
EVERYTHING = document(allow("*"))
WRITES = {
    "remediation": {
        "mode": "apply",
        "actions": ACTIONS,
        "max_accounts": 100,
        "max_percent": 100,
        "write_interval": "10ms",
        "verify_timeout": "2s",
    }
}
SCANS = {"baseline": {"permissions_boundary": BOUNDARY, "required_tags": TAGS}}
CONNECTED = {"baseline": {**SCANS["baseline"], "presence": "when-connected", "regions": [REGION]}}
READS = ["iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"]
MANAGED = ["iam:GetPolicy", "iam:GetPolicyVersion"]
CLUSTERS = ["eks:ListClusters", "eks:DescribeCluster"]
UNITS = [
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListAccountsForParent",
]


class Place:
    """An organization whose accounts drifted each in a way of its own, and rolewarden's roles in it."""

    def __init__(self, aws: Aws):
        self.aws = aws
        organizations = aws.client("organizations", MANAGEMENT)
        organizations.create_organization(FeatureSet="ALL")
        root = organizations.list_roots()["Roots"][0]["Id"]
        self.sandbox = organizations.create_organizational_unit(ParentId=root, Name="sandbox")["OrganizationalUnit"]["Id"]
        self.accounts = {"own": MANAGEMENT}
        for name in ("created", "trust", "inline", "attached", "boundary", "sandbox"):
            status = organizations.create_account(AccountName=name, Email="root@example.com")["CreateAccountStatus"]
            self.accounts[name] = status["AccountId"]
        organizations.move_account(
            AccountId=self.accounts["sandbox"], SourceParentId=root, DestinationParentId=self.sandbox
        )
        for account in self.accounts.values():
            aws.client("iam", account).create_policy(PolicyName="Boundary", PolicyDocument=json.dumps(EVERYTHING))
        for account in (MANAGEMENT, self.accounts["trust"]):
            eks = aws.client("eks", account)
            network = {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}
            eks.create_cluster(name="own", roleArn=f"arn:aws:iam::{account}:role/x", resourcesVpcConfig=network)
        self.make_roles()

    def make_roles(self):
        """The templates' roles, and the hub's keys."""
        stack(self.aws, MANAGEMENT, "hub", {"OrganizationalUnits": "true", "Tags": "true", "RemediateRole": "rolewarden-remediate"})
        member = {"HubRoleArn": HUB_ROLE, "OrganizationId": "o-exampleorgid"}
        writes = {
            "CreateRole": "true",
            "DeleteInlinePolicy": "true",
            "DetachManagedPolicy": "true",
            "PutPermissionsBoundary": "true",
            "PermissionsBoundaryArn": "arn:aws:iam::*:policy/Boundary",
            "RequiredTags": "true",
        }
        for account in self.members:
            stack(self.aws, account, "scan", member)
            stack(self.aws, account, "remediate", {**member, **writes})
        self.made = {"hub": role_of(self.aws, MANAGEMENT, "rolewarden-hub")}
        for identity in ("scan", "remediate"):
            self.made[identity] = role_of(self.aws, self.members[0], f"rolewarden-{identity}")
        session = self.aws.client("sts", MANAGEMENT).assume_role(RoleArn=HUB_ROLE, RoleSessionName="rolewarden")["Credentials"]
        self.keys = {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }

    @property
    def members(self) -> list[str]:
        return [account for account in self.accounts.values() if account != MANAGEMENT]

    def drift(self):
        """Every account's role as it drifted."""
        stranger = {**TRUST, "Statement": [*TRUST["Statement"], trusts({"AWS": "*"})]}
        extra = allow("s3:Get*")
        drifted = {
            "own": Role(),
            # moto takes a signature over text with spaces for a wrong one.
            "trust": Role(trust=compact(stranger)),
            "inline": Role(inline={INLINE_NAME: INLINE, "second": compact(document(extra))}),
            "attached": Role(managed={"Extra": document(extra)}),
            "boundary": Role(),
            "sandbox": Role(),
        }
        for name, account in self.accounts.items():
            iam = self.aws.client("iam", account)
            remove(iam, f"arn:aws:iam::{account}:policy/Extra")
            if name in drifted:
                role = drifted[name]
                role.tags = TAGS
                role.make(self.aws, account)
                if name != "boundary":
                    arn = f"arn:aws:iam::{account}:policy/Boundary"
                    iam.put_role_permissions_boundary(RoleName=NAME, PermissionsBoundary=arn)

    def emptied(self, name: str):
        """An account's role without its permissions, where it was absent."""
        account = self.accounts[name]
        role = Role(inline={})
        role.tags = TAGS
        role.make(self.aws, account)
        arn = f"arn:aws:iam::{account}:policy/Boundary"
        self.aws.client("iam", account).put_role_permissions_boundary(RoleName=NAME, PermissionsBoundary=arn)

    @contextlib.contextmanager
    def allowing(self, **documents: dict):
        """Only what these documents allow, by identity (hub, scan, remediate): their actions, as moto judges them."""
        for identity, policy in documents.items():
            accounts = [MANAGEMENT] if identity == "hub" else self.members
            for account in accounts:
                name = f"rolewarden-{identity}"
                text = json.dumps(as_moto_understands(policy))
                self.aws.client("iam", account).put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=text)
        self.aws.enforce_permissions(True)
        try:
            yield
        finally:
            self.aws.enforce_permissions(False)

    @contextlib.contextmanager
    def holding_to(self, **documents: dict):
        """The same, resources and conditions included, by a judge of our own. moto cannot judge calls of EKS at all."""

        def judge(call: Call):
            policy = documents.get(call.caller.removeprefix("rolewarden-"))
            free = call.operation == "sts:GetCallerIdentity" or policy is None
            return None if free or permits(policy, call) else "refuse"

        self.aws.break_call = judge
        try:
            yield
        finally:
            self.aws.break_call = lambda _call: None


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"))


def remove(iam, policy: str):
    """The role and the managed policy, if they are there."""
    absent = contextlib.suppress(iam.exceptions.NoSuchEntityException)
    with absent:
        for attached in iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=NAME, PolicyArn=attached["PolicyArn"])
        for name in iam.list_role_policies(RoleName=NAME)["PolicyNames"]:
            iam.delete_role_policy(RoleName=NAME, PolicyName=name)
        iam.delete_role(RoleName=NAME)
    with absent:
        iam.delete_policy(PolicyArn=policy)


@pytest.fixture(scope="module")
def made():
    aws = Aws()
    yield Place(aws)
    aws.close()


@pytest.fixture
def place(made) -> Place:
    made.drift()
    return made


@pytest.fixture
def rolewarden(place, tmp_path) -> Program:
    program = Program(place.aws, tmp_path)
    program.keys = place.keys
    return program


def selecting(place, settings: dict) -> dict:
    """A configuration that leaves accounts out by unit and by tag, so that both have to be read."""
    exclude = {"ous": [place.sandbox], "tags": {"scan": ["never"]}}
    return {"accounts": {"exclude": exclude}, **settings}


def printed(rolewarden: Program, settings: dict) -> dict[str, dict]:
    """The policies of the three identities with this configuration."""
    config = str(rolewarden.config(settings))
    documents = {}
    for identity in ("hub", "scan", "remediate"):
        done = rolewarden.run("iam", identity, "--document", "policy", "--config", config)
        assert done.status == 0, done.err
        documents[identity] = json.loads(done.out)
    return documents


def judged(result) -> dict:
    """What a scan says, but for its time and its id."""
    return {
        id: (account["state"], account.get("checks"), [f["id"] for f in account.get("findings", [])], account.get("error"))
        for id, account in result.accounts.items()
    }


# Reading.


def held_by(place, action: str):
    return place.holding_to if action in CLUSTERS else place.allowing


@pytest.mark.parametrize(
    "settings, judge",
    [({**SCANS, **WRITES}, "allowing"), ({**SCANS, **WRITES}, "holding_to"), (CONNECTED, "holding_to")],
    ids=["as moto judges", "resources included", "when connected"],
)
def test_a_scan_with_the_printed_policies_finds_what_a_scan_with_every_right_finds(settings, judge, place, rolewarden):
    settings = selecting(place, settings)
    free = rolewarden.scan(settings=settings)
    with getattr(place, judge)(**printed(rolewarden, settings)):
        held = rolewarden.scan(settings=settings)
    assert held.status == free.status == 3, held.err
    assert judged(held) == judged(free)
    assert "unknown" not in {account["state"] for account in held.accounts.values()}


def test_the_templates_roles_allow_what_is_printed_for_this_configuration(place, rolewarden):
    for identity, policy in printed(rolewarden, selecting(place, {**SCANS, **WRITES})).items():
        assert same(place.made[identity]["policies"][f"rolewarden-{identity}"]) == same(policy), identity


@pytest.mark.parametrize("action", [*READS, *MANAGED, *CLUSTERS])
def test_without_one_action_of_the_scan_role_accounts_are_unknown_and_the_hint_names_it(action, place, rolewarden):
    settings = selecting(place, CONNECTED if action in CLUSTERS else SCANS)
    policies = printed(rolewarden, settings)
    policies["scan"] = without(policies["scan"], action)
    with held_by(place, action)(**policies):
        result = rolewarden.scan(settings=settings)
    unknown = [account for account in result.accounts.values() if account["state"] == "unknown"]
    assert unknown and result.status in (4, 5), result.out
    for account in unknown:
        assert account["error"]["reason"] == "access_denied"
        assert f"`{action}`" in account["error"]["hint"] and "rolewarden iam scan" in account["error"]["hint"]


@pytest.mark.parametrize("action", [*READS, *MANAGED, *CLUSTERS])
def test_without_one_of_them_at_the_hub_its_own_account_is_unknown(action, place, rolewarden):
    settings = selecting(place, CONNECTED if action in CLUSTERS else SCANS)
    policies = printed(rolewarden, settings)
    policies["hub"] = without(policies["hub"], action)
    with held_by(place, action)(**policies):
        result = rolewarden.scan(settings=settings)
    error = result.accounts[MANAGEMENT]["error"]
    assert f"`{action}`" in error["hint"] and "rolewarden iam hub" in error["hint"]
    others = {a["state"] for id, a in result.accounts.items() if id != MANAGEMENT}
    assert "unknown" not in others


@pytest.mark.parametrize("action", ["organizations:ListAccounts", *UNITS, "organizations:ListTagsForResource"])
def test_without_one_call_of_the_listing_nothing_is_scanned(action, place, rolewarden):
    settings = selecting(place, SCANS)
    policies = printed(rolewarden, settings)
    policies["hub"] = without(policies["hub"], action)
    with place.allowing(**policies):
        result = rolewarden.scan(settings=settings)
    assert (result.status, result.out) == (1, "")
    assert f"`{action}`" in result.err and "rolewarden iam hub" in result.err


def test_without_the_description_of_the_organization_its_management_account_is_not_known(place, rolewarden):
    """A scan that need not know goes on and says so; one that leaves the management account out fails."""
    action = "organizations:DescribeOrganization"
    policies = printed(rolewarden, selecting(place, SCANS))
    policies["hub"] = without(policies["hub"], action)
    with place.allowing(**policies):
        warned = rolewarden.scan(settings=selecting(place, SCANS))
        refused = rolewarden.scan(settings={"accounts": {"management_account": "skip"}, **SCANS})
    assert warned.status == 3 and "organization not described" in warned.err
    assert refused.status == 1 and f"`{action}`" in refused.err


def test_without_the_right_to_enter_every_member_is_unknown(place, rolewarden):
    settings = selecting(place, SCANS)
    policies = printed(rolewarden, settings)
    policies["hub"] = without(policies["hub"], "sts:AssumeRole")
    with place.allowing(**policies):
        result = rolewarden.scan(settings=settings)
    members = [a for id, a in result.accounts.items() if id != MANAGEMENT and a["state"] != "skipped"]
    assert len(members) == 5
    for account in members:
        assert account["error"]["reason"] == "assume_denied"
        assert "`sts:AssumeRole`" in account["error"]["hint"] and "rolewarden iam scan" in account["error"]["hint"]


def test_units_and_tags_are_not_asked_for_where_nothing_is_selected_by_them(place, rolewarden):
    policies = printed(rolewarden, SCANS)
    assert actions(policies["hub"]).isdisjoint([*UNITS, "organizations:ListTagsForResource"])
    with place.allowing(**policies):
        result = rolewarden.scan(settings=SCANS)
    assert result.status == 3, result.err


def test_the_scan_role_writes_nothing(place, rolewarden):
    account = place.accounts["inline"]
    arn = f"arn:aws:iam::{account}:policy/Boundary"
    trust = json.dumps(TRUST)
    with place.allowing(**printed(rolewarden, selecting(place, SCANS))):
        session = as_role(place, account, "rolewarden-scan")
        writes = {
            "create_role": {"AssumeRolePolicyDocument": trust},
            "update_assume_role_policy": {"PolicyDocument": trust},
            "put_role_policy": {"PolicyName": "x", "PolicyDocument": trust},
            "delete_role_policy": {"PolicyName": INLINE_NAME},
            "attach_role_policy": {"PolicyArn": arn},
            "detach_role_policy": {"PolicyArn": arn},
            "put_role_permissions_boundary": {"PermissionsBoundary": arn},
            "delete_role_permissions_boundary": {},
            "tag_role": {"Tags": [{"Key": "a", "Value": "b"}]},
            "delete_role": {},
        }
        for name, arguments in writes.items():
            with pytest.raises(ClientError) as refused:
                getattr(session, name)(RoleName=NAME, **arguments)
            assert refused.value.response["Error"]["Code"] == "AccessDenied", name


def as_role(place: Place, account: str, role: str):
    """An IAM client that is this role, entered from the hub."""
    import boto3

    def client(service: str, **keys):
        return boto3.client(service, endpoint_url=place.aws.url, region_name=REGION, **keys)

    hub = {name.lower(): value for name, value in place.keys.items()}
    answer = client("sts", **hub).assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="test")
    session = answer["Credentials"]
    return client(
        "iam",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


# Writing.


def writing(place, chosen: list[str]) -> dict:
    remediation = {**WRITES["remediation"], "actions": chosen}
    return selecting(place, {**SCANS, "remediation": remediation})


@pytest.mark.parametrize("judge", ["allowing", "holding_to"], ids=["as moto judges", "resources included"])
@pytest.mark.parametrize("chosen", [ACTIONS, DEFAULT_ACTIONS], ids=["every action", "the default ones"])
def test_what_is_printed_is_enough_to_put_right_and_to_roll_back(chosen, judge, place, rolewarden):
    settings = writing(place, chosen)
    policies = printed(rolewarden, settings)
    remedy = Remedy(rolewarden, settings)
    if chosen == DEFAULT_ACTIONS:
        place.emptied("created")
    with getattr(place, judge)(**policies):
        plan = remedy.plan()
        done = remedy.apply(plan["arming_code"])
        assert {step["action"] for account in plan["accounts"] for step in account["steps"]} == set(chosen)
        assert done.report["summary"]["failed"] == 0 and done.report["summary"]["applied"] == len(plan["accounts"])
        if chosen == ACTIONS:
            assert rolewarden.scan(settings=settings).status == 0
            remedy = Remedy(rolewarden, settings)
        remedy.rollback(done.report["run"], "--yes")


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:PutRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
    ],
)
def test_without_one_action_a_step_fails_and_the_hint_names_it(action, place, rolewarden):
    settings = writing(place, ACTIONS)
    policies = printed(rolewarden, settings)
    policies["remediate"] = without(policies["remediate"], action)
    remedy = Remedy(rolewarden, settings)
    with place.allowing(**policies):
        plan = remedy.plan()
        done = remedy.run("apply", str(remedy.file), "--new-store", "--format", "json", "--arm", plan["arming_code"])
    assert done.status in (4, 5), done.err + done.out
    assert f"`{action}`" in done.out and "rolewarden iam remediate" in done.out


@pytest.mark.parametrize(
    "action, chosen",
    [
        ("iam:DeleteRole", ACTIONS),
        ("iam:AttachRolePolicy", ACTIONS),
        ("iam:DeleteRolePermissionsBoundary", ACTIONS),
        ("iam:DeleteRolePolicy", DEFAULT_ACTIONS),
        ("iam:PutRolePolicy", ["delete_inline_policy"]),
    ],
)
def test_without_one_action_of_rollback_it_fails_and_names_it(action, chosen, place, rolewarden):
    settings = writing(place, chosen)
    policies = printed(rolewarden, settings)
    remedy = Remedy(rolewarden, settings)
    if chosen == DEFAULT_ACTIONS:
        place.emptied("created")
    with place.allowing(**policies):
        done = remedy.apply(remedy.plan()["arming_code"])
    with place.allowing(remediate=without(policies["remediate"], action)):
        undone = remedy.run("rollback", done.report["run"], "--yes", "--format", "json")
    assert undone.status in (4, 5), undone.err + undone.out
    assert f"`{action}`" in undone.out + undone.err and "rolewarden iam remediate" in undone.out + undone.err


# Not by moto: it makes tagged roles without asking for TagRole, and names the service-linked role otherwise than AWS.
# `tests/remediate/permissions.rs` takes these two away in the simulator.
ELSEWHERE = {"iam:TagRole", "iam:CreateServiceLinkedRole"}


def test_every_printed_action_was_taken_away_by_one_of_these_tests(place, rolewarden):
    everything = writing(place, [*ACTIONS, "create_service_linked_role"])
    everything["baseline"] = CONNECTED["baseline"]
    policies = printed(rolewarden, everything)
    marks = {
        name: {value if isinstance(value, str) else value[0] for value in mark.args[1]}
        for name, test in globals().items()
        if name.startswith("test_without")
        for mark in getattr(test, "pytestmark", [])
        if mark.name == "parametrize"
    }
    lists = {"organizations:DescribeOrganization", "sts:AssumeRole"}  # in tests of their own
    taken = set().union(*marks.values()) | lists
    assert actions(policies["hub"]) | actions(policies["scan"]) <= taken
    assert actions(policies["remediate"]) <= taken | ELSEWHERE
    proof = (ROOT / "tests/remediate/permissions.rs").read_text()
    assert all(action in proof for action in ELSEWHERE)


# The command itself, and the page that shows its output.


def test_without_a_configuration_the_defaults_are_printed_and_it_is_said(rolewarden):
    done = rolewarden.run("iam", "scan")
    assert done.status == 0 and "no configuration" in done.err and done.calls == []
    assert "<HUB_ACCOUNT_ID>" in done.err and "--hub-role" in done.err and "<ORGANIZATION_ID>" in done.err
    off = rolewarden.run("iam", "remediate")
    assert off.status == 0 and "remediation.mode is off" in off.err


def test_the_configuration_of_the_folder_is_the_one_in_force(rolewarden):
    (rolewarden.folder / "rolewarden.yaml").write_text("access: {scan_role: team/watch}\n")
    done = rolewarden.run("iam", "scan")
    assert done.status == 0 and "no configuration" not in done.err
    assert (done.report["role_path"], done.report["role_name"]) == ("/team/", "watch")


def test_one_document_alone_is_what_the_aws_cli_takes(place, rolewarden):
    flags = ["--hub-role", HUB_ROLE, "--organization-id", "o-exampleorgid"]
    iam = place.aws.client("iam", "666600000000")
    texts = {which: rolewarden.run("iam", "scan", *flags, "--document", which) for which in ("trust", "policy")}
    assert all(done.status == 0 for done in texts.values())
    iam.create_role(RoleName="by-hand", AssumeRolePolicyDocument=texts["trust"].out)
    iam.put_role_policy(RoleName="by-hand", PolicyName="scan", PolicyDocument=texts["policy"].out)
    whole = json.loads(rolewarden.run("iam", "scan", *flags).out)
    by_hand = role_of(place.aws, "666600000000", "by-hand")
    assert by_hand["trust_policy"] == whole["trust_policy"]
    assert by_hand["policies"]["scan"] == whole["policies"]["rolewarden-scan"]


@pytest.mark.parametrize(
    "flag, value",
    [
        ("--hub-role", "rolewarden-hub"),
        ("--organization-id", "r-ab12"),
        ("--partition", "amazon"),
        ("--document", "both"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(flag, value, rolewarden):
    done = rolewarden.run("iam", "scan", flag, value)
    assert done.status == 2 and done.out == ""
    assert value in done.err and re.search("expected|possible values", done.err), done.err


def test_the_documents_of_the_page_are_those_that_are_printed(rolewarden):
    """Each block is headed by the command that prints it."""
    text = DOCUMENTATION.read_text()
    blocks = re.findall(r"^<!-- (rolewarden iam [^>]*) -->\n```json\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) >= 4
    for command, block in blocks:
        done = rolewarden.run(*command.split()[1:])
        assert done.status == 0, done.err
        assert json.loads(block) == json.loads(done.out), command
