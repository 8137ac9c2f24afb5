"""What deciding costs: every shipped rule over 10,000 and 200,000 series; beside a real Prometheus on the same page.

``python tests/bench/bench_rules.py``; a Prometheus is had as the tests have it, and left out where it cannot be.
"""

import json
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import numpy as np

from streamwatch.catalogue import METRICS
from streamwatch.core.clock import SystemClock
from streamwatch.export.endpoints import Health, endpoints
from streamwatch.export.exposition import Exposition, RenderedExposition
from streamwatch.http.server import Config, Server
from streamwatch.model.metric import Keys, Samples, Tier
from streamwatch.promql.evaluate import LOOKBACK_MS
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import GroupState
from streamwatch.rules.load import load
from streamwatch.rules.rule import horizons
from streamwatch.samples.history import History
from streamwatch.settings.types import HostPort
from tests.real import artefacts

STEP = 15
TICKS = 45
PROMETHEUS_SECONDS = 150


def world(series: int) -> list[tuple[Keys, list[int]]]:
    """Return keys of a cluster with about so many series, and which metrics there are of each."""
    listed = [one for one in METRICS if one.name.startswith("kafka_")]
    names = sorted({(one.labels, one.tier) for one in listed}, key=lambda one: (one[1], one[0]))
    pairs = max(1, round(series / 10.6))
    sizes = {Tier.CLUSTER: 1, Tier.BROKER: 6, Tier.TOPIC: pairs // 20, Tier.GROUP: pairs // 20, Tier.GROUP_TOPIC: pairs}
    found = []
    for labels, tier in names:
        if tier not in sizes:
            continue
        rows = [tuple(_value(label, at) for label in labels) for at in range(max(1, sizes[tier]))]
        at = [
            number for number, one in enumerate(METRICS) if (one.labels, one.tier) == (labels, tier) and one in listed
        ]
        found.append((Keys(labels, rows), at))
    return found


def _value(label: str, at: int) -> str:
    return {"kafka_cluster": "shop", "topic": f"topic-{at % 997}"}.get(label, f"{label}-{at}")


def ticks(series: int) -> Iterator[list[Samples]]:
    """Yield what is said, tick after tick; nothing is wrong."""
    known, dice = world(series), np.random.default_rng(1)
    counters = {
        number: dice.integers(0, 10_000, len(keys)).astype(np.float64)
        for keys, numbers in known
        for number in numbers
        if METRICS[number].kind == "counter" or "offset" in METRICS[number].name
    }
    calm = {"kafka_broker_up": 1.0, "kafka_active_controllers": 1.0, "kafka_group_topic_expires_seconds": 1e6}
    while True:
        said = []
        for keys, numbers in known:
            for number in numbers:
                metric = METRICS[number]
                if number in counters:
                    counters[number] = counters[number] + dice.integers(1, 100, len(keys))
                    values = counters[number]
                else:
                    values = np.full(len(keys), calm.get(metric.name, 0.5 if "idle" in metric.name else 0.0))
                said.append(metric.samples(keys, values))
        yield said


def ours(series: int) -> None:
    """Print what a round of all rules costs the agent."""
    groups = load(sorted(pack_folder().glob("*.yml")))
    history, clock = History({"job": "streamwatch", "instance": "bench"}), SystemClock()
    needs: dict[str, int] = {}
    for rule in (rule for group in groups for rule in group.rules):
        for name, back in horizons(rule.expr, LOOKBACK_MS).items():
            needs[name] = max(needs.get(name, 0), back)
    history.need(needs)
    states = [
        GroupState(group, clock) for group in sorted(groups, key=lambda one: one.name != "streamwatch.parameters")
    ]
    append, rounds = [], []
    for tick, said in zip(range(TICKS), ticks(series), strict=False):
        begun = time.process_time()
        history.append("shop", said, tick * STEP)
        append.append(time.process_time() - begun)
        begun = time.process_time()
        for state in states:
            state.evaluate(history, tick * STEP * 1000)
        rounds.append(time.process_time() - begun)
    errors = {rule.rule.name: rule.error for state in states for rule in state.rules if rule.error}
    count, held = history.size()
    rules, peak = sum(len(group.rules) for group in groups), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:>8} series, {rules} rules: {1000 * np.median(rounds[5:]):7.1f} ms CPU a round", end="")
    print(f" (first {1000 * rounds[0]:.0f}, worst since {1000 * max(rounds[5:]):.0f})", end="")
    print(f", {1000 * np.median(append):.1f} ms to take in, history {held / 2**20:.1f} MiB, peak RSS {peak:.0f} MiB")
    for name, error in errors.items():
        print(f"  error of {name}: {error}")


def theirs(series: int) -> None:
    """Print what the same rules over the same page cost a Prometheus."""
    exposition, said = Exposition(), ticks(series)

    def render() -> RenderedExposition:
        return exposition.render(next(said))

    server = Server(
        Config(address=HostPort("127.0.0.1", 0)), endpoints(page=render, health=Health, ready=Health, status=str)
    )
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "global": {"scrape_interval": f"{STEP}s", "evaluation_interval": f"{STEP}s"},
            "rule_files": [str(path) for path in pack_folder().glob("*.yml")],
            "scrape_configs": [{"job_name": "streamwatch", "static_configs": [{"targets": [server.address]}]}],
        }
        (Path(folder) / "p.yml").write_text(json.dumps(config))
        port = server.port + 1
        command = [
            str(artefacts.prometheus()), f"--config.file={folder}/p.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ]  # fmt: skip
        with subprocess.Popen(command) as prometheus:
            try:
                threading.Event().wait(PROMETHEUS_SECONDS)
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    text = answer.read().decode()
                figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
                last = [
                    float(v) for k, v in figures.items() if k.startswith("prometheus_rule_group_last_duration_seconds")
                ]
                memory = float(figures["process_resident_memory_bytes"]) / 2**20
                cpu = float(figures["process_cpu_seconds_total"])
                print(
                    f"  Prometheus beside it: {1000 * sum(last):.1f} ms a round (wall), RSS {memory:.0f} MiB, "
                    f"{cpu:.1f} s CPU in {PROMETHEUS_SECONDS} s, scrapes included"
                )
            finally:
                prometheus.terminate()
                server.stop()


if __name__ == "__main__":
    for size in (10_000, 200_000):
        ours(size)
        try:
            theirs(size)
        except Exception as error:  # noqa: BLE001 - a bench without its rival is still one
            print(f"  Prometheus: left out: {error}")
