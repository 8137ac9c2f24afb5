"""What is out of proportion, and no alert: a partition that gets more than the others, a broker that is slower."""

from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka_groups as g
from streamwatch.dashboards.panel import RATE

_TIMES: Final = 3
"""As much as each of the others has: what is less is how load varies."""
_SOME: Final = 1
"""Records a second: a partition that gets fewer is not hot, however few the others get."""
_LONG_SECONDS: Final = 0.05
"""For an answer: a broker that takes less is not slow, however quick the others are."""


def answer_seconds() -> str:
    """Return how long the brokers of each cluster take for an answer to the agent, as PromQL."""
    each = " / ".join(f"sum by (source, broker) (rate({one.name}[{RATE}]))" for one in (a.REQUEST_SECONDS, a.REQUESTS))
    return f'label_replace({each}, "kafka_cluster", "$1", "source", "(.+)")'


def _times(each: str, by: str, least: float) -> str:
    """Return how many times as much each has as the others on average; where they have nothing that is infinite."""
    others = f"(sum by ({by}) ({each}) - on ({by}) group_right () {each})"
    mean = f"{others} / on ({by}) group_left () ((count by ({by}) ({each}) > 1) - 1)"
    return f"({each} > {least}) / ({mean}) > {_TIMES}"


def _partitions() -> str:
    each = f"max by (kafka_cluster, topic, partition) (deriv({g.PARTITION_END_OFFSET.name}[{RATE}]))"
    words = "Partition $1 gets far more records than the others of its topic: its keys are uneven"
    return f'label_replace({_times(each, "kafka_cluster, topic", _SOME)}, "sentence", "{words}", "partition", "(.+)")'


def _brokers() -> str:
    each = f"max by (kafka_cluster, broker) ({answer_seconds()})"
    words = "Broker $1 takes far longer to answer than the others"
    return f'label_replace({_times(each, "kafka_cluster", _LONG_SECONDS)}, "sentence", "{words}", "broker", "(.+)")'


def uneven() -> str:
    """Return what is out of proportion, and how many times, as PromQL: a sentence is a label."""
    return f"{_partitions()} or {_brokers()}"
