"""What it would cost to ask of shards and of partitions in one rule whether a position stands still.

``python -m tests.bench.bench_stuck``: 20 clusters of 5,000 groups, and 300 shards that stand.
"""

import time
from typing import Final

import numpy as np

from streamwatch.catalogue.kafka_groups import GROUP_TOPIC_STATE, GROUP_TOPIC_WANTED
from streamwatch.catalogue.readers import STANDING
from streamwatch.model.metric import Keys
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.nodes import Expr
from streamwatch.promql.parse import parse
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import load
from streamwatch.rules.scope import Scope
from streamwatch.samples.history import History

CLUSTERS, GROUPS, SHARDS = 20, 5_000, 300
STATES: Final = ("reading", "stalled", "stopped", "remainder")
TIMES: Final = 7


def filled() -> History:
    """Return what was read of all of them, once; a group of each cluster is stuck, and each shard."""
    history = History()
    for cluster in map(str, range(CLUSTERS)):
        rows = [(cluster, f"group-{at}", "orders") for at in range(GROUPS)]
        states = Keys(GROUP_TOPIC_STATE.labels, [(*row, state) for row in rows for state in STATES])
        values = np.zeros(len(states.rows))
        values[1] = 200
        wanted = GROUP_TOPIC_WANTED.samples(Keys(GROUP_TOPIC_WANTED.labels, rows), np.ones(len(rows)))
        history.append(cluster, [GROUP_TOPIC_STATE.samples(states, values), wanted], 1000.0)
    shards = Keys(STANDING.labels, [(*("x" for _ in STANDING.labels[1:]), str(at)) for at in range(SHARDS)])
    history.append("account", [STANDING.samples(shards, np.full(SHARDS, 600.0))], 1000.0)
    return history


def milliseconds(expr: Expr, history: History, scope: Scope | None) -> float:
    """Return the processor's time for deciding it, the least of some."""
    took = []
    for _ in range(TIMES):
        began = time.process_time()
        evaluate(expr, history if scope is None else scope.within(history), 1_001_000)
        took.append(time.process_time() - began)
    return min(took) * 1000


def main() -> None:
    """Print what it costs each time that one cluster was read."""
    history = filled()
    rules = [rule for group in load([pack_folder() / "groups.yml"]) for rule in group.rules]
    text = next(rule.text for rule in rules if rule.name == "KafkaGroupStuck")
    names = frozenset({GROUP_TOPIC_STATE.name, GROUP_TOPIC_WANTED.name})
    own = milliseconds(parse(text), history, Scope(frozenset({"3"}), names))
    both = milliseconds(parse(f"({text}) or {STANDING.name} > 300"), history, None)
    print(f"a rule of partitions: {own:.0f} ms; one of partitions and shards: {both:.0f} ms")


if __name__ == "__main__":
    main()
