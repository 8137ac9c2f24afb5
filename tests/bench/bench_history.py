"""What it costs to keep 200,000 partitions over time, while nothing comes and goes, and while topics do.

    python tests/bench/bench_history.py [PARTITIONS]

Five metrics of each partition, one of which moves, for 60 ticks of a second. Then 60 groups of which one a second is
another, and two expressions that look back to an hour of them at each tick. Prints processor time of a tick in
milliseconds, that of a query over a range, and what is held; asserts nothing.
"""

import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.catalogue import METRICS
from streamwatch.model.metric import Keys, Samples
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.parse import parse
from streamwatch.samples.history import History

TICKS, KEPT_MS, OF_A_TOPIC = 90, 60_000, 20
LABELS = ("kafka_cluster", "topic", "partition")
OF_PARTITIONS = [metric for metric in METRICS if metric.labels == LABELS and metric.kind == "gauge"][:5]


def ticks(partitions: int, *, churns: bool) -> Iterator[list[Samples]]:
    """Yield samples; where topics come and go, one of each does every tick."""
    steady: Keys | None = None
    for tick in count():
        if steady is None or churns:
            names = [*range(1, partitions // OF_A_TOPIC), partitions + tick if churns else 0]
            rows = [("shop", f"topic-{name}", str(at)) for name in names for at in range(OF_A_TOPIC)]
            steady = Keys(LABELS, rows)
        still = np.zeros(len(steady))
        yield [metric.samples(steady, still if at else still + tick) for at, metric in enumerate(OF_PARTITIONS)]


def measure(partitions: int, *, churns: bool) -> None:
    """Print one line."""
    history, asked = History(keep_ms=KEPT_MS), parse(f"sum(rate({OF_PARTITIONS[0].name}[10s]))")
    spent, queried = [], []
    for tick, samples in zip(range(TICKS), ticks(partitions, churns=churns), strict=False):
        started = time.process_time()
        history.append("shop", samples, tick)
        spent.append(time.process_time() - started)
        if tick >= TICKS - 3:
            started = time.process_time()
            evaluate(asked, history, tick * 1000)
            queried.append(time.process_time() - started)
    what = "a topic comes and goes" if churns else "nothing comes or goes"
    median, query = 1000 * np.median(spent[10:]), 1000 * np.median(queried)
    size = history.size()[1] / 2**20
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
    print(f"{partitions} partitions, {what}: {median:.1f} ms a tick, {query:.0f} ms a query", end=", ")
    print(f"history {size:.0f} MiB, RSS {resident:.0f} MiB", flush=True)


def look_back(minutes: int = 60) -> None:
    """Print what a second costs of groups that come and go, each five minutes."""
    metric = next(each for each in METRICS if each.name == "kafka_group_members")
    history, spent = History(keep_ms=KEPT_MS), time.process_time()
    history.need({metric.name: 3_600_000})
    asked = [parse(f"max_over_time({metric.name}[1h]) {which}") for which in ("< 0", "== 2")]
    for second in range(1, minutes * 60 + 1):
        rows = [*(("shop", f"group-{at}") for at in range(40)), *(("shop", f"new-{second + at}") for at in range(20))]
        values = np.array([float((second // 7 + at) % 2) for at in range(len(rows))])
        history.append("shop", [metric.samples(Keys(metric.labels, rows), values)], second)
        for each in asked:
            evaluate(each, history, second * 1000)
        if second % 300 == 0:
            cost, spent = 1000 * (time.process_time() - spent) / 300, time.process_time()
            held = history.size()[1] / 2**20
            print(f"one of 60 groups a second is another, minute {second // 60}: {cost:.1f} ms", end=" ")
            print(f"to keep a tick and look back to an hour of them twice, history {held:.1f} MiB", flush=True)


def main() -> None:
    partitions = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    measure(partitions, churns=False)
    measure(partitions, churns=True)
    look_back()


if __name__ == "__main__":
    main()
