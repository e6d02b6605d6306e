"""Debian's Prometheus, scraping daemons on loopback with the rules that ship, its HTTP API, and who it tells."""

import dataclasses
import datetime
import http.server
import json
import pathlib
import shutil
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml
from daemon import ROOT, Child, line_with, start, until

PROGRAM = shutil.which("prometheus")
EXAMPLE = ROOT / "dashboards/prometheus.yaml"
RULES = sorted((ROOT / "dashboards/rules").glob("*.yaml"))


@dataclasses.dataclass
class Answer:
    """What a query gave: series, each with its labels and one value or several."""

    series: list[dict]
    warnings: list[str]
    seconds: float
    samples: int

    def values(self) -> list[float]:
        """All values that are numbers."""
        pairs = [pair for one in self.series for pair in one.get("values") or [one["value"]]]
        return [float(value) for _, value in pairs if value != "NaN"]

    def only(self) -> float:
        assert len(self.series) == 1, f"one series is wanted: {self.series}"
        return float(self.series[0]["value"][1])

    def by(self, *labels: str) -> dict:
        """Values by these labels, which must tell the series apart; one label alone is no tuple."""
        rows = {}
        for one in self.series:
            key = tuple(one["metric"].get(label, "") for label in labels)
            key = key[0] if len(labels) == 1 else key
            assert key not in rows, f"two series for {key}"
            rows[key] = float(one["value"][1])
        return rows


class Refused(AssertionError):
    """The query could not be evaluated."""


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Alertmanager:
    """Takes alerts as Alertmanager does, and keeps them: without one, Prometheus' own alerts would complain."""

    def __init__(self):
        self.alerts: dict[str, dict] = {}
        kept = self.alerts

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                alerts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kept.update({json.dumps(alert["labels"], sort_keys=True): alert for alert in alerts})
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def example(address: str, daemons: list[str], alertmanager: str, seconds: int) -> dict:
    """The scrape example that ships, for the daemons here: other addresses, other intervals, nothing else."""
    targets = {"rolewarden": daemons, "prometheus": [address]}
    config = yaml.safe_load(EXAMPLE.read_text())
    config["global"] |= {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{seconds}s", "evaluation_interval": f"{seconds}s"}
    (told,) = config["alerting"]["alertmanagers"]
    told["static_configs"] = [{"targets": [alertmanager]}]
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in targets]
    assert len(config["scrape_configs"]) == len(targets), "the example scrapes rolewarden and Prometheus itself"
    for job in config["scrape_configs"]:
        job |= {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{seconds}s"}
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    return config


def hastened(path: pathlib.Path, folder: pathlib.Path, seconds: int) -> pathlib.Path:
    """The rules that ship, evaluated often and without their waits: `promtool test rules` has those."""
    rules = yaml.safe_load(path.read_text())
    for group in rules["groups"]:
        group["interval"] = f"{seconds}s"
        for rule in group["rules"]:
            rule.pop("for", None)
    copy = folder / f"rules-{path.name}"
    copy.write_text(yaml.safe_dump(rules))
    return copy


class Prometheus:
    def __init__(self, folder: pathlib.Path, daemons: list[str], seconds: int = 1):
        assert PROGRAM, "no prometheus: install Debian's package prometheus"
        self.alertmanager = Alertmanager()
        address = free_address()
        config = example(address, daemons, self.alertmanager.address, seconds)
        config["rule_files"] = [str(hastened(path, folder, seconds)) for path in RULES]
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.child: Child = start(
            [
                PROGRAM,
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address={address}",
            ],
            folder / "prometheus.log",
            cwd=folder,
        )
        self.url = f"http://{address}/api/v1"
        line_with(self.child, "Server is ready to receive web requests")
        self.began = time.time()

    def api(self, path: str, **form) -> dict:
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{self.url}/{path}", data=data), timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(f"{form.get('query', path)}: {json.load(error).get('error')}") from None

    def ask(self, path: str, **form) -> Answer:
        began = time.monotonic()
        answer = self.api(path, stats="all", **form)
        data = answer["data"]
        assert data["resultType"] in ("vector", "matrix"), f"{form['query']}: {data['resultType']}"
        samples = data["stats"]["samples"]["totalQueryableSamples"]
        return Answer(data["result"], answer.get("warnings", []), time.monotonic() - began, samples)

    def now(self, query: str) -> Answer:
        """The value at this moment."""
        return self.ask("query", query=query, time=f"{time.time():.3f}")

    def graph(self, query: str, step: float = 1) -> Answer:
        """All values since Prometheus started."""
        return self.ask("query_range", query=query, start=f"{self.began:.3f}", end=f"{time.time():.3f}", step=str(step))

    def until(self, query: str, seconds: float = 60) -> Answer:
        """Waits until the query has an answer."""

        def answered():
            answer = self.now(query)
            return answer if answer.series else None

        return until(answered, query, seconds)

    def rules(self) -> list[dict]:
        return [rule for group in self.api("rules")["data"]["groups"] for rule in group["rules"]]

    def until_rules_have_seen_this(self, seconds: float = 30):
        now = datetime.datetime.now(datetime.UTC)

        def seen():
            return all(datetime.datetime.fromisoformat(rule["lastEvaluation"]) > now for rule in self.rules())

        until(seen, "every rule was evaluated once more", seconds)

    def end(self):
        try:
            self.child.end()
        finally:
            self.alertmanager.end()
