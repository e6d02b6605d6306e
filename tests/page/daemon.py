"""A simulated organization and the daemon that watches it, as a user starts them."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ROLEWARDEN_BIN", ROOT / "target/release/rolewarden")).resolve()
TOKEN = "page-tests-token-0123456789"

# Whatever runs sets `hacked`.
HOSTILE = [
    "<script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "' onmouseover='window.hacked=1' autofocus onfocus='window.hacked=1",
    "</textarea></title></style><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    '<a href="javascript:window.hacked=1">click</a>',
    '<iframe src="https://attacker.example/"></iframe>',
    '<link rel=stylesheet href="//attacker.example/x.css">',
    '<meta http-equiv=refresh content="0;url=https://attacker.example/">',
    "<base href=https://attacker.example/>",
    "<!--",
    "\u202egnp.exe \u2066abc",
    "{{constructor.constructor('window.hacked=1')()}}",
    "=cmd|'/c calc'!A0",
    "مرحبا بالعالم 日本語 👩‍👩‍👧‍👦",
    "w" * 500,
]


def fetch(address: str, method: str = "GET", body: object = None, headers: dict | None = None) -> tuple[int, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@dataclasses.dataclass
class Child:
    """A process that said where it listens."""

    process: subprocess.Popen
    log: pathlib.Path

    def end(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0, self.log.read_text()[-2_000:]


def line_with(log: pathlib.Path, process: subprocess.Popen, pattern: str) -> re.Match:
    deadline = time.monotonic() + 60
    while True:
        text = log.read_text(errors="replace")
        if found := re.search(pattern, text):
            return found
        assert process.poll() is None, f"ended: {text[-2_000:]}"
        assert time.monotonic() < deadline, f"never said {pattern}: {text[-2_000:]}"
        time.sleep(0.05)


class Organization:
    """`rolewarden simulate`."""

    def __init__(self, folder: pathlib.Path, accounts: int, right: int):
        log = folder / "simulator.log"
        line = [BINARY, "simulate", "--listen", "127.0.0.1:0", "--accounts", str(accounts), "--right", str(right)]
        with log.open("wb") as out:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.child = Child(process, log)
        line_with(log, process, r"SIMULATOR_PID")
        pairs = re.findall(r"export (\w+)=['\"]?([^'\"\n;]+)", log.read_text())
        self.environment = {name: value for name, value in pairs if name.startswith("AWS_")}
        self.control = self.environment["AWS_ENDPOINT_URL"] + "/_simulator"

    def accounts(self) -> list[dict]:
        return json.loads(fetch(f"{self.control}/accounts")[1])

    def change(self, account: str, **what):
        status, body = fetch(f"{self.control}/accounts/{account}", "PATCH", what)
        assert status < 300, body


class Daemon:
    """`rolewarden serve`, after its first sweep."""

    def __init__(self, folder: pathlib.Path, organization: Organization):
        config = folder / "rolewarden.yaml"
        settings = {
            "accounts": {"source": "organization"},
            "sweep": {"every": "1h", "jitter": "0s"},
            "store": {"path": str(folder / "rolewarden.db")},
            "web": {"listen": "127.0.0.1:0", "token": TOKEN},
        }
        config.write_text(json.dumps(settings))
        log = folder / "serve.log"
        environment = {**organization.environment, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder)}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [BINARY, "serve", "--config", config],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.child = Child(process, log)
        self.folder = folder
        address = line_with(log, process, r"listening.*address=\"?([0-9.]+:[0-9]+)")[1]
        self.url = f"http://{address}"
        deadline = time.monotonic() + 300
        while fetch(f"{self.url}/-/ready")[0] != 200:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2_000:]
            time.sleep(0.1)

    def json(self, path: str) -> dict:
        status, body = fetch(self.url + path)
        assert status == 200, body
        return json.loads(body)
