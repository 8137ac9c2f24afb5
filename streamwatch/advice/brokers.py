"""How many brokers a cluster needs to do its work without one of them."""

import math
from typing import Final

import numpy as np

from streamwatch.advice.advice import Advice, of_cluster
from streamwatch.advice.past import PastHours, is_enough, p99, too_little
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.newest_samples import NewestSamples

BUSY_MOST: Final = 0.7
"""Of the time of the request handlers: below 0.3 idle MSK alarms."""


def advise_brokers(now: ClusterSnapshot, samples: NewestSamples, past: PastHours) -> list[Advice]:
    """Return what is to be done about the number of brokers: by partitions, and by what their threads do."""
    if now.topology is None or not now.brokers:
        return []
    return [_by_partitions(now, samples), _by_threads(now, past)]


def _by_partitions(now: ClusterSnapshot, samples: NewestSamples) -> Advice:
    count, replicas = len(now.brokers), 0 if now.topology is None else len(now.topology.replica)
    limit, where = _limit(now.cluster, samples)
    if not limit:
        return of_cluster(now.cluster, "partitions", "not known: how many partitions a broker may hold")
    needed = 1 + math.ceil(replicas / limit)
    holders = "1 broker holds" if needed == 2 else f"{needed - 1:,} brokers hold"  # noqa: PLR2004 - it, and another
    text = (
        f"{replicas:,} replicas, {limit:,.0f} a broker at most ({where}): {holders} them, and one may"
        f" be lost: {needed}; {count} there"
    )
    data = f"replicas in the last read; {m.PARTITIONS_LIMIT.name}" if where.startswith("AWS") else "the last read"
    return of_cluster(
        now.cluster, "partitions", _words(count, needed), text, (data,), "measured", is_enough=count >= needed
    )


def _limit(cluster: str, samples: NewestSamples) -> tuple[float, str]:
    """Return how many replicas a broker may hold, and who says so; 0 where nobody does."""
    by_msk = samples.values(m.PARTITIONS_LIMIT).get((cluster, "recommended"))
    if by_msk:
        return by_msk, "AWS's table of instance types"
    uses, counts = samples.values(k.BROKER_PARTITIONS_LIMIT), samples.values(k.BROKER_PARTITIONS)
    limits = [counts[row] / use for row, use in uses.items() if row[0] == cluster and use > 0 and row in counts]
    return (max(limits) if limits else 0.0), "`partitions_per_broker`"


def _by_threads(now: ClusterSnapshot, past: PastHours) -> Advice:
    count = len(now.brokers)
    busy = np.zeros(0)
    for broker in now.brokers:
        idle = past.day("broker", b.HANDLER_IDLE, (now.cluster, str(broker.id)), "last")
        if not is_enough(idle):
            why = f"{too_little(idle)} of broker {broker.id}'s request handlers"
            return of_cluster(now.cluster, "threads", why)
        busy = 1 - idle if not len(busy) else busy + 1 - idle
    needed = 1 + max(1, math.ceil(p99(busy) / BUSY_MOST))
    text = (
        f"p99 minute {p99(busy):.2f} brokers' request handlers busy, {BUSY_MOST:.2f} of each at most: {needed - 1}"
        f" brokers, and one may be lost: {needed}; {count} there"
    )
    sure = "likely: work is taken to move evenly to the others"
    data = (f"{b.HANDLER_IDLE.name} over 24 h",)
    return of_cluster(now.cluster, "threads", _words(count, needed), text, data, sure, is_enough=count >= needed)


def _words(count: int, needed: int) -> str:
    if count >= needed:
        return f"nothing: {count} brokers do their work without one of them"
    return f"have {needed} brokers instead of {count}, or larger ones: without one the others are too few"
