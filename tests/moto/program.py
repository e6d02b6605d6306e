"""rolewarden as a user runs it: a command line, an environment, an exit status."""

import dataclasses
import functools
import json
import os
import pathlib
import subprocess

from aws import REGION, Aws, Call
from roles import ROOT

BINARY = pathlib.Path(os.environ.get("ROLEWARDEN_BIN", ROOT / "target/release/rolewarden")).resolve()


@dataclasses.dataclass
class Result:
    status: int
    out: str
    err: str
    calls: list[Call]

    @functools.cached_property
    def report(self) -> dict:
        assert self.out, f"no report; status {self.status}: {self.err}"
        return json.loads(self.out)

    @functools.cached_property
    def accounts(self) -> dict[str, dict]:
        return {account["id"]: account for account in self.report["accounts"]}


class Program:
    def __init__(self, aws: Aws, folder: pathlib.Path):
        self.aws = aws
        self.folder = folder
        self.keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        self.endpoint = aws.url

    def config(self, settings: dict) -> pathlib.Path:
        """Writes a configuration (JSON is YAML): the whole organization, and what the settings say."""
        whole = {"accounts": {"source": "organization"}}
        for section, value in settings.items():
            whole[section] = {**whole.get(section, {}), **value} if isinstance(value, dict) else value
        path = self.folder / "rolewarden.yaml"
        path.write_text(json.dumps(whole))
        return path

    def scan(self, *arguments: str, settings: dict | None = None, format: str = "json") -> Result:
        config = self.config(settings or {})
        return self.run("scan", "--config", str(config), "--format", format, "--no-progress", *arguments)

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        self.aws.calls.clear()
        environment = {
            **self.keys,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(self.folder),
        }
        done = subprocess.run(
            [BINARY, *arguments],
            env=environment,
            cwd=self.folder,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Result(done.returncode, done.stdout, done.stderr, list(self.aws.calls))
