"""The script one would write instead of rolewarden: boto3, a thread pool, and a comparison of parsed JSON.

It does what such scripts do when they are written well: one session, so that the API models are read once, and a lock
around it, as sessions are not thread-safe; one STS client with a connection for every thread; an IAM client from each
account's credentials; policies compared as values rather than as text. It prints one line of JSON, and one line an
account whose role is not right.
"""

import argparse
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROLE = "AmazonEKSConnectorAgentRole"
POLICY = "AmazonEKSConnectorAgentPolicy"


def canonical(document):
    """A policy without layout, order and Sids; single values and lists of one are the same."""

    def value(item):
        if isinstance(item, dict):
            return {key: value(inner) for key, inner in item.items() if key != "Sid"}
        items = item if isinstance(item, list) else [item]
        return sorted((value(inner) if isinstance(inner, dict) else inner for inner in items), key=str)

    return value(document)


class Scan:
    def __init__(self, threads, trust, policy):
        self.config = Config(max_pool_connections=threads, retries={"mode": "standard", "max_attempts": 4})
        self.trust, self.policy = canonical(trust), canonical(policy)
        self.session, self.lock = boto3.Session(), threading.Lock()
        self.sts = self.session.client("sts", config=self.config)
        self.own_account = self.sts.get_caller_identity()["Account"]

    def accounts(self):
        client = self.session.client("organizations", config=self.config)
        client.describe_organization()
        pages = client.get_paginator("list_accounts").paginate()
        return [account["Id"] for page in pages for account in page["Accounts"] if account["State"] == "ACTIVE"]

    def client(self, account):
        if account == self.own_account:
            with self.lock:
                return self.session.client("iam", config=self.config)
        credentials = self.sts.assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/rolewarden-scan",
            RoleSessionName="boto3-scan",
            DurationSeconds=3600,
        )["Credentials"]
        with self.lock:
            return self.session.client(
                "iam",
                config=self.config,
                aws_access_key_id=credentials["AccessKeyId"],
                aws_secret_access_key=credentials["SecretAccessKey"],
                aws_session_token=credentials["SessionToken"],
            )

    def check(self, account):
        """What is wrong in one account; nothing where all is well."""
        try:
            iam = self.client(account)
            role = iam.get_role(RoleName=ROLE)["Role"]
            inline = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
            attached = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
            policies = [iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"] for name in inline]
        except (BotoCoreError, ClientError) as error:
            return [str(error)]
        problems = []
        if canonical(role["AssumeRolePolicyDocument"]) != self.trust:
            problems.append("trust policy differs")
        if [canonical(policy) for policy in policies] != [self.policy]:
            problems.append("inline policy differs")
        if attached:
            problems.append("managed policies are attached")
        return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--concurrency", type=int, default=64, metavar="THREADS")
    parser.add_argument("--trust", type=argparse.FileType(), required=True, help="the trust policy the role should have")
    parser.add_argument("--policy", type=argparse.FileType(), required=True, help="the inline policy it should have")
    arguments = parser.parse_args()
    scan = Scan(arguments.concurrency, json.load(arguments.trust), json.load(arguments.policy))
    accounts = scan.accounts()
    wrong = 0
    with ThreadPoolExecutor(arguments.concurrency) as pool:
        for account, problems in zip(accounts, pool.map(scan.check, accounts)):
            if problems:
                wrong += 1
                print(f"{account}: {'; '.join(problems)}")
    print(json.dumps({"accounts": len(accounts), "wrong": wrong}))


if __name__ == "__main__":
    main()
