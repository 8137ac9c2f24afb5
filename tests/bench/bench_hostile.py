"""What hostile requests do to the agent: how long each answer takes, its memory, and how late rules are meanwhile.

``python tests/bench/bench_hostile.py [REQUESTS [SEED]]`` (10,000 by default: some minutes). Wanted: each answered
within 1 s or refused within 10 ms, memory within 50 MB of before, rules on time.
"""

import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from streamwatch.core.clock import SystemClock
from tests.agent_process import Agent, agent
from tests.promql.hostile_requests import request
from tests.waiting import wait_for

CLIENTS = 2
WARM = 30
"""Evaluations after which the agent's memory is what it stays."""
CONFIG = """
kafka: [{name: a, bootstrap: ["127.0.0.1:1"]}]
listen: {address: "127.0.0.1:0"}
rules: {files: ["RULES"], evaluation_interval: 1s}
"""
RULES = """
groups: [{name: g, rules: [{record: r, expr: 'count({__name__=~".+"})'}, {alert: A, expr: 'vector(1)'}]}]
"""


class Clients:
    """Ask, several at a time, and note what came."""

    def __init__(self, address: str, count: int, seed: int) -> None:
        self._address, self._left, self._dice = address, count, random.Random(seed)
        self._lock = threading.Lock()
        self.seconds: dict[int, list[float]] = {}
        self.slowest: list[tuple[float, int, str]] = []
        self.unanswered: Counter[str] = Counter()

    def run(self) -> None:
        threads = [threading.Thread(target=self._ask_all) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _next(self) -> str | None:
        with self._lock:
            self._left -= 1
            return request(self._dice) if self._left >= 0 else None

    def _ask_all(self) -> None:
        while (path := self._next()) is not None:
            begun = time.perf_counter()
            status = self._ask(path)
            took = time.perf_counter() - begun
            with self._lock:
                self.seconds.setdefault(status, []).append(took)
                self.slowest = sorted([*self.slowest, (took, status, path)], reverse=True)[:5]

    def _ask(self, path: str) -> int:
        connection = HTTPConnection(self._address, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            if told["status"] not in {"success", "error"} or (told["status"] == "error" and not told["error"]):
                self.unanswered[f"not Prometheus's JSON: {path[:200]}"] += 1
        except (OSError, HTTPException, ValueError, KeyError) as error:
            self.unanswered[f"{type(error).__name__}: {path[:200]}"] += 1
            return 0
        else:
            return answer.status
        finally:
            connection.close()


class Lateness:
    """Looks all the time how old the last evaluation is."""

    def __init__(self, one: Agent) -> None:
        self._agent, self._over = one, threading.Event()
        self._clock = SystemClock()
        self.worst = 0.0
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            told = json.loads(self._agent.get("/api/v1/rules")[1])
            group = next(group for group in told["data"]["groups"] if group["name"] == "g")
            last = datetime.fromisoformat(group["lastEvaluation"])
            self.worst = max(self.worst, self._clock.now() - last.timestamp())

    def stop(self) -> None:
        self._over.set()
        self._thread.join()


def missed(one: Agent) -> float:
    """Return how many evaluations were due while others took too long."""
    return sum(v for (name, _), v in one.samples().items() if name == "streamwatch_rule_missed_evaluations_total")


def evaluated(one: Agent) -> float:
    """Return how often rules were evaluated."""
    return sum(v for (name, _), v in one.samples().items() if name == "streamwatch_rule_evaluations_total")


def resident_mb(one: Agent) -> float:
    status = Path(f"/proc/{one.process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main(count: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules, config = Path(folder) / "rules.yml", Path(folder) / "agent.yaml"
        rules.write_text(RULES, encoding="utf-8")
        config.write_text(CONFIG.replace("RULES", str(rules)), encoding="utf-8")
        with agent("--config", str(config)) as one:
            wait_for(lambda: evaluated(one) > WARM, 60, "rules to be evaluated")
            before, peak_before = resident_mb(one), one.resident_mb()
            missed_before = missed(one)
            lateness, clients = Lateness(one), Clients(one.address, count, seed)
            begun = time.perf_counter()
            clients.run()
            took = time.perf_counter() - begun
            lateness.stop()
            print(f"{count} requests, seed {seed}, {CLIENTS} at a time: {took:.0f} s")
            for status, seconds in sorted(clients.seconds.items()):
                listed = sorted(seconds)
                middle, last = listed[len(listed) // 2], listed[round(len(listed) * 0.99) - 1]
                print(
                    f"  {status}: {len(listed)}, median {middle * 1e3:.1f} ms, 99 % {last * 1e3:.1f} ms,"
                    f" most {listed[-1]:.3f} s"
                )
            for slow, status, path in clients.slowest:
                print(f"  slow: {slow:.3f} s, {status}: {path[:150]}")
            print(f"  without Prometheus's JSON: {dict(clients.unanswered)}")
            print(
                f"  memory: {before:.0f} MB before, {resident_mb(one):.0f} after, most {one.resident_mb():.0f}"
                f" ({peak_before:.0f} before)"
            )
            print(f"  rules of every 1 s: last evaluation {lateness.worst:.2f} s old at most,", end=" ")
            print(f"{missed(one) - missed_before:g} evaluations missed")


if __name__ == "__main__":
    main(*(int(one) for one in (*sys.argv[1:], *("10000", "1")[len(sys.argv) - 1 :])))
