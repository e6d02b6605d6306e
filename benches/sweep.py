#!/usr/bin/env python3
"""Measures a sweep beside other clients that make the same calls, and ends with status 1 when an aim is missed.

Every client is a process of its own against the same simulated organization on the same cores. Its time is what the
kernel accounts to it from start to end: start-up, listing, judging and the report included. Rounds are interleaved, so
that a busy moment falls on all; figures are medians, and aims are ratios within one run.

    make bench                                  builds what this needs, runs everything
    benches/sweep.py --only cpu,wall            some parts, with what is built already
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASELINE = ROOT / "config/baseline"
PARTS = ["cpu", "wall", "growth", "memory", "peer"]
# Takes some ten minutes, and has to be asked for.
LONG_PARTS = ["soak"]
# Round trips of one account: AssumeRole, then four reads at once. A wrong guess of the policy's name takes one more.
ROUND_TRIPS = 2
ACCOUNTS_A_PAGE = 20
READS = ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies", "GetRolePolicy"]


class Sample:
    """What one run of one client took."""

    def __init__(self, wall, usage, log):
        self.wall = wall
        self.cpu = usage.ru_utime + usage.ru_stime
        self.system = usage.ru_stime
        self.peak_mib = usage.ru_maxrss / 1024
        self.log = log


class Simulator:
    """`rolewarden simulate` on a port of the system's choice."""

    def __init__(self, options, accounts, latency_ms=0, right_percent=100):
        command = [options.simulator, "simulate", "--listen", "127.0.0.1:0", "--seed", str(options.seed)]
        command += ["--accounts", str(accounts), "--latency", str(latency_ms), "--right", str(right_percent)]
        self.accounts, self.wrong_guesses = accounts, None
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        # Nothing else of the caller's AWS configuration may reach a client.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        self.environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1"}
        for line in self.process.stdout:
            name, _, value = line.removeprefix("export ").strip().partition("=")
            self.environment[name] = value
            if name == "AWS_REGION":
                break
        self.endpoint = self.environment.get("AWS_ENDPOINT_URL") or sys.exit("the simulator did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def take_calls(self):
        """The calls that arrived since the last time, by operation."""
        request = urllib.request.Request(f"{self.endpoint}/_simulator/calls", method="DELETE")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["operations"]

    def check_calls(self, calls, guesses):
        """Those of a scan in which every role is right; the caller's own account is read without AssumeRole.

        Where the inline policy has another name than the guide's, reading it takes one call more: the `guesses` that
        go wrong. All who guess must go wrong equally often.
        """
        pages = -(-self.accounts // ACCOUNTS_A_PAGE)
        expected = {"GetCallerIdentity": 1, "DescribeOrganization": 1, "ListAccounts": pages}
        expected |= {"AssumeRole": self.accounts - 1} | {read: self.accounts for read in READS}
        wrong = calls.get("GetRolePolicy", 0) - self.accounts
        if guesses:
            expected["GetRolePolicy"] += wrong
            self.wrong_guesses = wrong if self.wrong_guesses is None else self.wrong_guesses
        if calls != expected or (guesses and wrong != self.wrong_guesses):
            sys.exit(f"other calls than expected: {calls}, not {expected}")

    def run(self, command, guesses=True, all_right=True):
        """Runs a client to its end, and holds it to the calls it should make where every role is right."""
        self.take_calls()
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": log}
            process = subprocess.Popen(command, env=self.environment, **streams)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            # Not more: what this process holds when it starts a client counts into the client's peak.
            text = log.read(1 << 16)
        if process.returncode not in ([0] if all_right else [3, 4, 5]):
            sys.exit(f"status {process.returncode}: {' '.join(map(str, command))}\n{text[-2000:]}")
        if all_right:
            self.check_calls(self.take_calls(), guesses)
        return Sample(wall, usage, text)


class Bench:
    def __init__(self, options):
        self.options = options
        self.missed = []
        self.folder = pathlib.Path(options.folder)

    def scan(self, concurrency, report="text", log="error"):
        config = self.folder / f"rolewarden-{concurrency}.yaml"
        config.write_text(f"accounts: {{source: organization}}\nsweep: {{concurrency: {concurrency}}}\n")
        options = ["--config", config, "--log-level", log, "--log-format", "json", "--no-progress"]
        return [self.options.rolewarden, "scan", *options, "--format", report]

    def client(self, name, concurrency):
        return [self.options.clients, name, "--concurrency", str(concurrency)]

    def boto3(self, threads):
        trust = BASELINE / "eks-connector-agent-trust-policy.json"
        policy = BASELINE / "eks-connector-agent-policy.json"
        script = ROOT / "benches/peers/boto3_scan.py"
        return [self.options.python, script, "--concurrency", str(threads), "--trust", trust, "--policy", policy]

    def rounds(self, simulator, commands, rounds):
        """Runs each command in turn, `rounds` times; gives the samples by name."""
        samples = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                samples[name].append(simulator.run(command, guesses="boto3" not in name))
        return samples

    def aim(self, name, value, limit, at_least=False):
        """A cell that says whether the aim was reached."""
        reached = value >= limit if at_least else value <= limit
        sign = "≥" if at_least else "≤"
        if not reached:
            self.missed.append(f"{name}: {value:.2f}, aim {sign} {limit}")
        return f"{value:.2f} ({sign} {limit}: {'reached' if reached else 'MISSED'})"

    def cpu(self):
        accounts, concurrency = 2000, 64
        with Simulator(self.options, accounts) as simulator:
            commands = {
                "rolewarden scan": self.scan(concurrency),
                "SDK's floor": self.client("floor", concurrency),
                "bare client": self.client("bare", concurrency),
            }
            samples = self.rounds(simulator, commands, self.options.rounds)
        cost = {name: median(taken, "cpu") for name, taken in samples.items()}
        system = {name: median(taken, "system") for name, taken in samples.items()}
        # Each round's own ratio: what disturbs one round disturbs both sides of it.
        pairs = zip(samples["rolewarden scan"], samples["SDK's floor"])
        ratio = statistics.median(scan.cpu / floor.cpu for scan, floor in pairs)
        floor = statistics.median(f.cpu / b.cpu for f, b in zip(samples["SDK's floor"], samples["bare client"]))
        notes = {
            "rolewarden scan": self.aim("CPU of the scan against the SDK's floor", ratio, 1.2) + " of the floor",
            "SDK's floor": f"{floor:.2f} of the bare client",
            "bare client": "",
        }
        title(f"CPU: {accounts:,} accounts, no latency, {concurrency} in flight")
        row("client", "CPU µs an account", "of it kernel", "accounts/s", "peak MiB", "ratio")
        rule(6)
        for name, taken in samples.items():
            each = 1e6 / accounts
            speed = accounts / median(taken, "wall")
            row(name, f"{cost[name] * each:.0f}", f"{system[name] * each:.0f}", f"{speed:,.0f}", f"{median(taken, 'peak_mib'):.0f}", notes[name])

    def wall(self):
        title("Wall time against the ideal: round trips x latency x accounts / accounts in flight")
        row("latency", "accounts", "in flight", "ideal sweep", "sweep", "ratio", "listing: ideal", "all the rest", "floor in all", "scan in all")
        rule(10)
        for latency_ms, accounts, concurrency in [(20, 2000, 16), (200, 2000, 64)]:
            with Simulator(self.options, accounts, latency_ms) as simulator:
                commands = {"scan": self.scan(concurrency, log="info"), "floor": self.client("floor", concurrency)}
                samples = self.rounds(simulator, commands, max(1, self.options.rounds // 2))
            latency = latency_ms / 1000
            ideal = (ROUND_TRIPS * accounts + simulator.wrong_guesses) * latency / concurrency
            sweep = statistics.median(sweep_seconds(sample.log) for sample in samples["scan"])
            # The pages come one after the other, each with the token of the one before; then two calls about ourselves.
            listing = (-(-accounts // ACCOUNTS_A_PAGE) + 2) * latency
            total, floor = median(samples["scan"], "wall"), median(samples["floor"], "wall")
            ratio = self.aim(f"wall time of the sweep at {latency_ms} ms", sweep / ideal, 1.15)
            cells = [f"{ideal:.2f} s", f"{sweep:.2f} s", ratio, f"{listing:.2f} s", f"{total - sweep:.2f} s", f"{floor:.2f} s", f"{total:.2f} s"]
            row(f"{latency_ms} ms", f"{accounts:,}", str(concurrency), *cells)

    def growth(self):
        concurrency, sizes, each = 64, [100, 1000, 10_000, 20_000], self.options.rounds // 2 + 1
        with contextlib.ExitStack() as running:
            simulators = {size: running.enter_context(Simulator(self.options, size)) for size in sizes}
            taken = {size: [] for size in sizes}
            for _ in range(each):
                for size, simulator in simulators.items():
                    # The small ones are done sooner, and are run more often.
                    for _ in range(min(10, max(1, 10_000 // size))):
                        taken[size].append(simulator.run(self.scan(concurrency)))
        cpu = {size: median(samples, "cpu") for size, samples in taken.items()}
        steps = list(zip(sizes, sizes[1:]))
        more = {high: (cpu[high] - cpu[low]) / (high - low) * 1e6 for low, high in steps}
        mean = statistics.mean(more.values())
        title(f"Growth: CPU by number of accounts, no latency, {concurrency} in flight")
        row("accounts", "rounds", "CPU in all", "CPU µs an account", "of each more", "off their mean", "wall", "peak MiB")
        rule(8)
        for size, samples in taken.items():
            cells = [f"{cpu[size]:.3f} s", f"{cpu[size] / size * 1e6:.0f}"]
            if size in more:
                apart = abs(more[size] / mean - 1)
                cells += [f"{more[size]:.0f}", self.aim(f"cost of an account up to {size:,}", apart, 0.1)]
            else:
                cells += ["", ""]
            cells += [f"{median(samples, 'wall'):.2f} s", f"{median(samples, 'peak_mib'):.0f}"]
            row(f"{size:,}", str(len(samples)), *cells)
        fixed = cpu[sizes[0]] * 1000 - sizes[0] * mean / 1000
        print(f"\nOnce a sweep, whatever its size (start-up, {4 * concurrency} connections): {fixed:.0f} ms.")

    def memory(self):
        accounts, concurrency = 10_000, 64
        title(f"Memory: {accounts:,} accounts, 20 ms, {concurrency} in flight")
        row("accounts that are right", "report", "peak resident MiB")
        rule(3)
        for right, reports in [(100, ["text", "json", "ndjson"]), (50, ["text", "json"])]:
            with Simulator(self.options, accounts, 20, right) as simulator:
                for report in reports:
                    sample = simulator.run(self.scan(concurrency, report), all_right=right == 100)
                    name = f"peak memory, {right} % right, report as {report}"
                    row(f"{right} %", report, self.aim(name, sample.peak_mib, 128))

    def peer(self):
        accounts, concurrency = 1000, 64
        with Simulator(self.options, accounts) as simulator:
            commands = {"rolewarden scan": self.scan(concurrency), "boto3, 64 threads": self.boto3(concurrency)}
            samples = self.rounds(simulator, commands, max(3, self.options.rounds // 2))
        title(f"The script one would write instead: {accounts:,} accounts, no latency, {concurrency} in flight")
        row("client", "CPU ms an account", "accounts/s", "peak MiB", "CPU: times less", "accounts/s: times more")
        rule(6)
        ours, theirs = samples.values()
        less = statistics.median(their.cpu / our.cpu for our, their in zip(ours, theirs))
        more = statistics.median(their.wall / our.wall for our, their in zip(ours, theirs))
        ratios = [self.aim("CPU against boto3", less, 20, at_least=True), self.aim("speed against boto3", more, 10, at_least=True)]
        for (name, taken), notes in zip(samples.items(), [ratios, ["", ""]]):
            speed = accounts / median(taken, "wall")
            row(name, f"{median(taken, 'cpu') / accounts * 1e3:.2f}", f"{speed:,.0f}", f"{median(taken, 'peak_mib'):.0f}", *notes)


    def soak(self):
        accounts, sweeps, settled = 1000, 1000, 50
        title(f"Sweep after sweep in one process: {accounts:,} accounts, no latency, 64 in flight")
        row("sweep", "minutes", "resident MiB", "peak MiB", "threads", "descriptors")
        rule(6)
        with Simulator(self.options, accounts) as simulator:
            command = self.client("soak", 64) + ["--sweeps", str(sweeps), "--every", str(settled)]
            soak = subprocess.Popen(command, env=simulator.environment, stdout=subprocess.PIPE, text=True)
            held = {}
            for line in soak.stdout:
                now = json.loads(line)
                held[now["sweep"]] = now
                memory = [f"{now[name] / 1024:.1f}" for name in ["rss_kib", "peak_kib"]]
                row(str(now["sweep"]), f"{now['seconds'] / 60:.1f}", *memory, str(now["threads"]), str(now["fds"]))
            if soak.wait() != 0:
                sys.exit(f"the soak ended with status {soak.returncode}")
        first, last = held[settled], held[sweeps]
        print(f"\nMiB more after {sweeps:,} sweeps than after {settled}:", end=" ")
        print(self.aim("memory from sweep to sweep", (last["rss_kib"] - first["rss_kib"]) / 1024, 8), end="; ")
        print("threads:", self.aim("threads from sweep to sweep", last["threads"] - first["threads"], 0), end="; ")
        # As many as calls can be under way, and a few of the runtime's own.
        print("descriptors:", self.aim("descriptors from sweep to sweep", last["fds"], 4 * 64 + 32))


def median(samples, field):
    return statistics.median(getattr(sample, field) for sample in samples)


def sweep_seconds(log):
    """From the scan's log: the time from the list of accounts to the last verdict."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    times = {line["message"]: datetime.datetime.fromisoformat(line["timestamp"]) for line in lines}
    return (times["sweep finished"] - times["sweep started"]).total_seconds()


def title(text):
    print(f"\n### {text}\n")


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def rule(columns):
    print("|" + " --- |" * columns)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{time.strftime('%d %B %Y')}, {os.cpu_count()} cores of {names[0] if names else '?'}, {memory:.0f} GiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = ROOT / "target/release"
    parser.add_argument("--only", metavar="PARTS", help=f"parts, joined by commas, of {','.join(PARTS + LONG_PARTS)} [default: all but the last]")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of the comparisons [default: %(default)s]")
    parser.add_argument("--seed", type=int, default=7, help="the organization's [default: %(default)s]")
    parser.add_argument("--rolewarden", default=release / "rolewarden", help="the program to measure")
    parser.add_argument("--simulator", help="the program that simulates [default: the one to measure]")
    parser.add_argument("--clients", default=release / "examples/bench-clients", help="the other Rust clients")
    parser.add_argument("--python", default=ROOT / "target/peers/bin/python", help="a Python that has boto3")
    options = parser.parse_args()
    options.simulator = options.simulator or options.rolewarden
    parts = options.only.split(",") if options.only else PARTS
    strangers = set(parts) - set(PARTS + LONG_PARTS)
    if strangers:
        parser.error(f"no such part: {', '.join(sorted(strangers))}")
    with tempfile.TemporaryDirectory() as options.folder:
        bench = Bench(options)
        print(machine())
        for part in parts:
            getattr(bench, part)()
    print()
    for missed in bench.missed:
        print(f"MISSED: {missed}")
    sys.exit(1 if bench.missed else 0)


if __name__ == "__main__":
    main()
