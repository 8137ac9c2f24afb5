"""Prints what one look of ``top`` costs the agent's processor: ``python tests/bench/bench_top.py``."""

import statistics
import sys
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.cli.top import overview
from streamwatch.cli.top.queries import Selection, expressions
from streamwatch.cli.top.views import LISTINGS
from streamwatch.model.metric import Keys, Metric
from streamwatch.promql.evaluate import Options, evaluate
from streamwatch.promql.parse import parse
from streamwatch.samples.history import History

THINGS: Final = 10_000
PARTITIONS: Final = 20.0
LOOKS: Final = 5
TICKS: Final = 20
SECONDS: Final = 15
START: Final = 1_000_000.0
TOPIC_METRICS: Final = (
    k.TOPIC_PARTITIONS, k.TOPIC_REPLICATION, k.TOPIC_MIN_ISR, k.TOPIC_OFFLINE, k.TOPIC_UNDER_REPLICATED,
    k.TOPIC_END_OFFSET, k.TOPIC_LOG_BYTES, k.TOPIC_RETENTION_SECONDS,
)  # fmt: skip
GROUP_METRICS: Final = (g.GROUP_LAG, g.GROUP_LAG_SECONDS, g.GROUP_MEMBERS, g.GROUP_IDLE_MEMBERS)
GROUP_TOPIC_METRICS: Final = (
    g.GROUP_TOPIC_LAG, g.GROUP_TOPIC_COMMITTED, g.GROUP_TOPIC_EXPIRES, g.GROUP_TOPIC_LOST, g.GROUP_TOPIC_WANTED,
)  # fmt: skip


def filled() -> History:
    """Five minutes of 10,000 topics of 20 partitions, and of as many groups."""
    rng = np.random.default_rng(1)
    names = [f"{at:05}" for at in range(THINGS)]
    topics = Keys(k.TOPIC, [("shop", f"topic-{name}") for name in names])
    groups = Keys(k.GROUP, [("shop", f"group-{name}") for name in names])
    pairs = Keys(k.GROUP_TOPIC, [("shop", f"group-{name}", f"topic-{name}") for name in names])
    states = Keys(g.GROUP_STATE.labels, [("shop", f"group-{name}", "classic", "Stable") for name in names])
    reading = Keys(g.GROUP_TOPIC_STATE.labels, [("shop", f"group-{n}", f"topic-{n}", "reading") for n in names])
    families: list[tuple[Keys, tuple[Metric, ...]]] = [
        (topics, TOPIC_METRICS), (groups, GROUP_METRICS), (pairs, GROUP_TOPIC_METRICS),
        (states, (g.GROUP_STATE,)), (reading, (g.GROUP_TOPIC_STATE,)),
    ]  # fmt: skip
    history = History({"job": "streamwatch", "instance": "bench"}, round(TICKS * SECONDS * 1000))
    for tick in range(TICKS):
        values = rng.random(THINGS) * PARTITIONS + tick
        samples = [metric.samples(keys, values) for keys, metrics in families for metric in metrics]
        history.append("shop", samples, START + tick * SECONDS)
    return history


def main() -> None:
    """Look at each view a few times; print the median."""
    history, now = filled(), round((START + (TICKS - 1) * SECONDS) * 1000)
    options = Options(most_samples=5_000_000, most_held=300_000, is_passing=True)
    looks = {"overview": overview.questions()}
    for view in ("topics", "groups"):
        for what, request in (
            ("the worst", Selection()), ("by a column", Selection(sort="size" if view == "topics" else "lag")),
            ("with a filter", Selection(filter="001")),
        ):  # fmt: skip
            looks[f"{view}, {what}"] = expressions(LISTINGS[view], request)
    for what, asked in looks.items():
        seconds = []
        for _ in range(LOOKS):
            started = process_time()
            for expr in asked.values():
                evaluate(parse(expr), history, now, options)
            seconds.append(process_time() - started)
        print(f"{what:24} {statistics.median(seconds) * 1000:6.0f} ms, {len(asked)} expressions")


if __name__ == "__main__":
    main()
