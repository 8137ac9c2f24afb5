"""How near the brokers of an MSK cluster are to what their instance bears: connections, processors, network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.advice.advice import Advice, of_cluster
from streamwatch.advice.past import PastHours, highest, p99, smooth, too_little
from streamwatch.advice.past import is_enough as has_a_day
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Metric, Values
from streamwatch.model.newest_samples import NewestSamples

CPU_MOST: Final = 0.6
"""Of the processors' time, user and system: AWS's best practices for MSK want less in use, so that the brokers that are
left can do the work of one that is lost."""
CONNECTIONS_MOST: Final = 0.8
"""Of the limit of connections by IAM: AWS's alarm."""
_EXPRESS: Final[Mapping[str, tuple[float, float]]] = {
    "express.m7g.large": (15.6e6, 31.2e6),
    "express.m7g.xlarge": (31.2e6, 62.5e6),
    "express.m7g.2xlarge": (62.5e6, 125e6),
    "express.m7g.4xlarge": (124.9e6, 249.8e6),
    "express.m7g.8xlarge": (250e6, 500e6),
    "express.m7g.12xlarge": (375e6, 750e6),
    "express.m7g.16xlarge": (500e6, 1000e6),
}
"""Bytes a second into and out of an Express broker, for as long as one likes: AWS's quotas of MSK, as AWS's own MCP
server for MSK (awslabs/mcp, cluster_best_practices.py) has them, read 2026-11-28. Of Standard brokers AWS has none."""
_MINUTE: Final = 60.0
_EVENLY: Final = "likely: work is taken to move evenly to the others"


@dataclass(frozen=True, slots=True)
class ClusterDay:
    """A day of all brokers, by the minute."""

    brokers: Mapping[int, Values]

    @property
    def total(self) -> Values:
        """All together; NaN in minutes in which one was not known."""
        summed: Values = np.sum([*self.brokers.values()], axis=0)
        return summed

    @property
    def busiest(self) -> tuple[float, int]:
        """What 99 of 100 minutes of the broker that has most do not exceed, and the broker."""
        return max((p99(day), broker) for broker, day in self.brokers.items())


def advise_instances(now: ClusterSnapshot, samples: NewestSamples, past: PastHours) -> list[Advice]:
    """Return what is to be done about the brokers of a cluster of MSK's; nothing where it is none, or Serverless."""
    about = next(iter(samples.values(m.CLUSTER_INFO, now.cluster)), None)
    if about is None or not now.brokers:
        return []
    kind, _, _, instance, _ = about
    if kind == "serverless":
        return []
    network = _express_network if kind == "express" else _standard_network
    return [_connections(now, samples, past), _processors(now, instance, past), network(now, instance, past)]


def _connections(now: ClusterSnapshot, samples: NewestSamples, past: PastHours) -> Advice:
    count = len(now.brokers)
    limit = samples.values(m.IAM_CONNECTIONS_LIMIT).get((now.cluster, "open"))
    if not limit:
        return of_cluster(now.cluster, "connections", "not known: how many connections by IAM a broker takes")
    if not any(row[1] == "IAM" for row in samples.values(m.CLIENT_CONNECTIONS, now.cluster)):
        why = "not known: no connection by IAM is counted, and AWS's table has no limit of others"
        return of_cluster(now.cluster, "connections", why)
    load = _load(now, m.CLIENT_CONNECTIONS, past)
    if isinstance(load, str):
        return of_cluster(now.cluster, "connections", load)
    peak, (most, busiest) = highest(load.total), load.busiest
    needed = 1 + max(1, math.ceil(peak / limit))
    text = (
        f"{peak:,.0f} connections by IAM at most, {limit:,.0f} a broker: {needed - 1} brokers take them, and one may be"
        f" lost: {needed}; {count} there"
    )
    is_hot = most > CONNECTIONS_MOST * limit
    near = f"{most:,.0f} of {limit:,.0f} connections by IAM"
    data = (f"{m.CLIENT_CONNECTIONS.name} over 24 h; {m.IAM_CONNECTIONS_LIMIT.name}",)
    sure = (
        "at most: clients of a broker that is lost are taken to connect to others anew; the limit is AWS's default,"
        " which max.connections of the listener changes"
    )
    action = _words(count, needed, busiest, near, "have its clients share connections" if is_hot else "")
    is_enough = count >= needed and not is_hot
    return of_cluster(now.cluster, "connections", action, text, data, sure, is_enough=is_enough)


def _processors(now: ClusterSnapshot, instance: str, past: PastHours) -> Advice:
    count = len(now.brokers)
    if ".t3." in instance:
        why = f"not known: {instance} bursts: what it bears is what it has of CPU credits ({m.CPU_CREDITS.name})"
        return of_cluster(now.cluster, "cpu", why)
    load = _load(now, b.CPU, past)
    if isinstance(load, str):
        return of_cluster(now.cluster, "cpu", load)
    busy, (most, busiest) = p99(load.total), load.busiest
    needed = max(2, math.ceil(busy / CPU_MOST), 1 + math.ceil(busy))
    text = (
        f"p99 minute {busy:.2f} brokers' processors busy (user and system), {CPU_MOST:.0%} of each at most with all of"
        f" them and 100% without one: {needed} brokers; {count} there"
    )
    is_hot = most > CPU_MOST
    near = f"{most:.0%} of its processors' time"
    action = _words(count, needed, busiest, near, "move leaders to others" if is_hot else "")
    data = (f"{b.CPU.name} over 24 h",)
    is_enough = count >= needed and not is_hot
    return of_cluster(now.cluster, "cpu", action, text, data, _EVENLY, is_enough=is_enough)


def _express_network(now: ClusterSnapshot, instance: str, past: PastHours) -> Advice:
    count, limits = len(now.brokers), _EXPRESS.get(instance)
    if limits is None:
        why = f"not known: AWS's table, as StreamWatch has it, has no {instance}"
        return of_cluster(now.cluster, "network", why)
    loads = [_load(now, metric, past, is_rate=True) for metric in (b.BYTES_IN, b.BYTES_OUT)]
    known = [load for load in loads if not isinstance(load, str)]
    if len(known) < len(loads):
        return of_cluster(now.cluster, "network", next(load for load in loads if isinstance(load, str)))
    needed = 1 + max(1, *(math.ceil(p99(load.total) / limit) for load, limit in zip(known, limits, strict=True)))
    come, go = (f"{p99(load.total) / 1e6:,.1f}" for load in known)
    most_in, most_out = (f"{limit / 1e6:,.1f}" for limit in limits)
    text = (
        f"p99 minute {come} MB/s in and {go} out, {most_in} and {most_out} a broker of {instance}: {needed - 1} brokers"
        f" carry them, and one may be lost: {needed}; {count} there"
    )
    use, busiest, way = max(
        (load.busiest[0] / limit, load.busiest[1], way)
        for load, limit, way in zip(known, limits, ("in", "out"), strict=True)
    )
    near = f"{use:.0%} of what it may carry {way}"
    action = _words(count, needed, busiest, near, "move leaders to others" if use > 1 else "")
    data = (f"{b.BYTES_IN.name} and {b.BYTES_OUT.name} over 24 h; AWS's table of Express brokers",)
    is_enough = count >= needed and use <= 1
    return of_cluster(now.cluster, "network", action, text, data, _EVENLY, is_enough=is_enough)


def _standard_network(now: ClusterSnapshot, instance: str, past: PastHours) -> Advice:
    """Say whether AWS's network held packets back: how much more an instance carries, MSK does not say."""
    load = _load(now, m.TRAFFIC_SHAPED, past, is_rate=True)
    if isinstance(load, str):
        return of_cluster(now.cluster, "network", load)
    shaped = {broker: float(np.nansum(day)) * _MINUTE for broker, day in load.brokers.items()}
    most = max(shaped, key=lambda broker: (shaped[broker], -broker))
    text = f"{sum(shaped.values()):,.0f} packets held back within 24 h because an allowance of {instance} was used up"
    sure = f"measured by AWS; how much room is left is not known: MSK names no bytes a second for {instance}"
    data = (f"{m.TRAFFIC_SHAPED.name} over 24 h",)
    if round(sum(shaped.values())) == 0:
        action = "nothing: AWS held no packet of any broker back"
        return of_cluster(now.cluster, "network", action, text, data, sure)
    action = f"have more brokers, or larger ones: AWS holds packets back, most of broker {most}: {shaped[most]:,.0f}"
    return of_cluster(now.cluster, "network", action, text, data, sure, is_enough=False)


def _load(now: ClusterSnapshot, metric: Metric, past: PastHours, *, is_rate: bool = False) -> ClusterDay | str:
    """Return a day of all brokers; why it is not known, where it is not."""
    days = {}
    for broker in now.brokers:
        day = past.day("broker", metric, (now.cluster, str(broker.id)), "last")
        if not has_a_day(day):
            return f"{too_little(day)} of broker {broker.id}'s {metric.name}"
        days[broker.id] = smooth(day) if is_rate else day  # CloudWatch's counts of five minutes may come at once
    return ClusterDay(days)


def _words(count: int, needed: int, busiest: int, near: str, remedy: str) -> str:
    if count < needed:
        return f"have {needed} brokers instead of {count}, or larger ones: without one the others are too few"
    if remedy:
        return f"{remedy}: broker {busiest} has {near}, though all together are not too busy"
    return f"nothing: broker {busiest}, which has most, has {near}"
