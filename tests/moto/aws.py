"""An AWS that nobody of this project wrote: moto's server, with a recorder in front of it.

The recorder notes every call with the account it concerns, and can break calls on purpose. It knows the account of an
assumed session because it saw the `AssumeRole` that made it.
"""

import dataclasses
import io
import json
import logging
import re
import socket
import threading
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

MANAGEMENT = "123456789012"  # the account that moto gives to keys it does not know
REGION = "us-east-1"
REQUEST_ID = "11111111-2222-3333-4444-555555555555"  # of a broken call
READS = {
    "eks:DescribeCluster",
    "eks:ListClusters",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListParents",
    "organizations:ListRoots",
    "organizations:ListTagsForResource",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
}


@dataclasses.dataclass(frozen=True)
class Call:
    """One request: `iam:GetRole` in account `111122223333`."""

    account: str
    operation: str
    parameters: dict[str, str] = dataclasses.field(default_factory=dict, compare=False)
    caller: str = dataclasses.field(default="", compare=False)  # the role it was called as; empty: keys of nobody's role


class Aws:
    """moto on a free port of the loopback interface."""

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.calls: list[Call] = []
        self.break_call: Callable[[Call], object] = lambda _call: None
        self._account_of_key: dict[str, str] = {}
        self._role_of_key: dict[str, str] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()

    def client(self, service: str, account: str = MANAGEMENT):
        """A boto3 client that reads and writes this account, by moto's own header."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="seed",
            aws_secret_access_key="seed",
            config=Config(retries={"max_attempts": 0}),
        )

        def name_account(request, **_kwargs):
            request.headers["x-moto-account-id"] = account

        client.meta.events.register("before-send", name_account)
        return client

    def enforce_permissions(self, on: bool):
        """Makes moto check signatures and identity policies, as AWS does."""
        body = b"0" if on else b"inf"
        urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=body, headers={"Content-Type": "text/plain"})
        ).close()

    def counted(self, account: str) -> Counter:
        """How often each operation was called for an account."""
        return Counter(call.operation for call in self.calls if call.account == account)

    def _answer(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        call = self._call(environ, body)
        if call is None:
            return self._moto(environ, start_response)
        self.calls.append(call)
        match self.break_call(call):
            case None:
                pass
            case "refuse":
                message = f"User: {call.caller or 'nobody'} is not authorized to perform: {call.operation}"
                return as_aws_refuses(call, message, start_response)
            case "reset":
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                return []
            case status, text:
                start_response(status, [("Content-Type", "text/xml"), ("x-amzn-requestid", REQUEST_ID)])
                return [text.encode()]
        heard = []
        answer = b"".join(self._moto(environ, lambda *head: heard.append(head)))
        if heard[-1][0].startswith("403") and (refused := re.search(rb"User: \S+ is not authorized [^<\"]+", answer)):
            return as_aws_refuses(call, refused[0].decode(), start_response)
        start_response(*heard[-1])
        if call.operation == "sts:AssumeRole" and (key := re.search(rb"<AccessKeyId>(\w+)<", answer)):
            self._account_of_key[key[1].decode()] = call.account
            self._role_of_key[key[1].decode()] = call.parameters["RoleArn"].rpartition("/")[2]
        return [answer]

    def _call(self, environ, body: bytes) -> Call | None:
        scope = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if scope is None:
            return None
        key, service = scope.groups()
        form = urllib.parse.parse_qs(body.decode("utf-8", "replace"))
        name = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2] or form.get("Action", ["?"])[0]
        account = environ.get("HTTP_X_MOTO_ACCOUNT_ID") or self._account_of_key.get(key, MANAGEMENT)
        if name == "AssumeRole":
            account = form["RoleArn"][0].split(":")[4]
        if service == "eks":
            name = "DescribeCluster" if re.search(r"^/clusters/[^/]+$", environ["PATH_INFO"]) else "ListClusters"
        parameters = {name: values[0] for name, values in form.items()}
        return Call(account, f"{service}:{name}", parameters, self._role_of_key.get(key, ""))


def as_aws_refuses(call: Call, message: str, start_response) -> list[bytes]:
    """A refusal, by moto for one, in the shape that AWS gives it: moto's own differs from service to service."""
    if call.operation.startswith(("iam:", "sts:")):
        status, text = denied(message)
        headers = [("Content-Type", "text/xml"), ("x-amzn-requestid", REQUEST_ID)]
    else:
        status = "400 Bad Request" if call.operation.startswith("organizations:") else "403 Forbidden"
        text = json.dumps({"__type": "AccessDeniedException", "message": message})
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-errortype", "AccessDeniedException")]
    start_response(status, headers)
    return [text.encode()]


def denied(message: str):
    """What IAM and STS answer to a call that is not allowed."""
    return (
        "403 Forbidden",
        f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>"
        f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
    )
