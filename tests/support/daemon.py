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
TOKEN = "token-of-the-tests-0123456789"

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
        """Ends it, if no test has, and asks that it end well."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        assert status == 0, f"ended with {status}: {self.log.read_text(errors='replace')[-2_000:]}"


def start(line: list, log: pathlib.Path, **how) -> Child:
    with log.open("wb") as out:
        return Child(subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **how), log)


def until(what, why: str, seconds: float = 60, every: float = 0.1):
    """The first answer of `what` that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {why}"
        time.sleep(every)
    return answer


def line_with(child: Child, pattern: str) -> re.Match:
    def found():
        text = child.log.read_text(errors="replace")
        match = re.search(pattern, text)
        assert match or child.process.poll() is None, f"ended: {text[-2_000:]}"
        return match

    try:
        return until(found, f"{child.log} has `{pattern}`", every=0.05)
    except BaseException:
        child.process.kill()
        raise


class Organization:
    """`rolewarden simulate`."""

    def __init__(self, folder: pathlib.Path, accounts: int, right: int):
        line = [BINARY, "simulate", "--listen", "127.0.0.1:0", "--accounts", str(accounts), "--right", str(right)]
        self.child = start(line, folder / "simulator.log")
        line_with(self.child, r"SIMULATOR_PID")
        pairs = re.findall(r"export (\w+)=['\"]?([^'\"\n;]+)", self.child.log.read_text())
        self.environment = {name: value for name, value in pairs if name.startswith("AWS_")}
        self.environment["AWS_EC2_METADATA_DISABLED"] = "true"
        self.control = self.environment["AWS_ENDPOINT_URL"] + "/_simulator"

    def accounts(self) -> list[dict]:
        return json.loads(fetch(f"{self.control}/accounts")[1])

    def change(self, account: str, **what):
        status, body = fetch(f"{self.control}/accounts/{account}", "PATCH", what)
        assert status < 300, body

    def fault(self, **rule):
        status, body = fetch(f"{self.control}/faults", "POST", rule)
        assert status < 300, body


class Daemon:
    """`rolewarden serve`. `settings` are sections of its configuration, beside those it needs here; `flags` are its own."""

    def __init__(self, folder: pathlib.Path, organization: Organization, settings: dict | None = None, flags: tuple[str, ...] = ()):
        self.folder = folder
        self.config = folder / "rolewarden.yaml"
        self.environment = {**organization.environment, "HOME": str(folder)}
        self.settings = {
            "accounts": {"source": "organization"},
            "sweep": {"every": "1h", "jitter": "0s"},
            "store": {"path": str(folder / "rolewarden.db")},
            "web": {"listen": "127.0.0.1:0", "token": TOKEN},
            **(settings or {}),
        }
        self.config.write_text(json.dumps(self.settings))
        line = [BINARY, "serve", "--config", self.config, *flags]
        # Its times are whole seconds.
        self.began = time.time() - 1
        self.child = start(line, folder / "serve.log", env=self.environment, cwd=folder)
        self.address = line_with(self.child, r"listening.*address=\"?([0-9.]+:[0-9]+)")[1]
        self.url = f"http://{self.address}"

    def after_its_first_sweep(self) -> "Daemon":
        def ready():
            assert self.child.process.poll() is None, self.child.log.read_text()[-2_000:]
            return fetch(f"{self.url}/-/ready")[0] == 200

        until(ready, "the daemon is ready", seconds=300)
        return self

    def json(self, path: str) -> dict:
        status, body = fetch(self.url + path)
        assert status == 200, body
        return json.loads(body)

    def post(self, path: str):
        status, body = fetch(self.url + path, "POST", headers={"Authorization": f"Bearer {TOKEN}"})
        assert status < 300, body
