"""When the disks of a cluster's brokers are full, with retention understood; and which topic fills them."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.advice.advice import Advice
from streamwatch.advice.past import PastHours, hours, is_enough, span, too_little
from streamwatch.catalogue import kafka as k
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import CleanupPolicy, ClusterSnapshot, Topology
from streamwatch.model.metric import Values

FULL: Final = 0.85
"""Of the space: MSK's own alarm. A broker whose disk is full stops."""
SOON_SECONDS: Final = 30 * 86_400.0
"""What is full sooner is advised on."""
PLANNED_SECONDS: Final = 90 * 86_400.0
"""Space is advised for so long."""
_GIB: Final = 2.0**30


@dataclass(frozen=True, slots=True)
class DiskLoad:
    """What one broker has of each topic, and how that grows."""

    bytes: Values
    """By topic."""
    growth: Values
    """By topic, bytes a second until the ceiling."""
    ceiling: Values
    """By topic, bytes; infinite without a limit."""

    def after(self, seconds: float) -> float:
        """Return the bytes after so many seconds."""
        return float(np.minimum(self.bytes + self.growth * seconds, self.ceiling).sum())

    def seconds_until(self, limit: float) -> float:
        """Return in how long there are so many bytes; infinite where there never are."""
        if self.after(0.0) >= limit:
            return 0.0
        grows = self.growth > 0
        bends = distinct(np.append((self.ceiling[grows] - self.bytes[grows]) / self.growth[grows], 0.0))
        for start, end in zip(bends, [*bends[1:].tolist(), math.inf], strict=True):
            now = self.after(float(start))
            slope = float(self.growth[grows & (self.bytes + self.growth * start < self.ceiling)].sum())
            left = (limit - now) / slope if slope > 0 else math.inf
            if float(start) + left <= end:
                return float(start) + left if math.isfinite(left) else math.inf
        return math.inf


def advise_disks(now: ClusterSnapshot, past: PastHours) -> list[Advice]:
    """Return what is to be done about the disks of a cluster that is read from its brokers."""
    topology = now.topology
    if topology is None:
        return []
    spaces = _spaces(now)
    if not spaces or (now.replica_bytes < 0).any():
        return [_unknown(now, "not known: the sizes of the brokers' disks or logs could not be read")]
    rates = [past.day("topic", k.TOPIC_END_OFFSET, (now.cluster, name), "last") for name in topology.topics]
    known = max(rates, key=hours, default=np.zeros(0))
    if not is_enough(known):
        return [_unknown(now, too_little(known))]
    loads = _loads(now, topology, rates, past)
    until = {
        broker: loads[broker].seconds_until(FULL * total - (total - usable - loads[broker].after(0.0)))
        for broker, (total, usable) in spaces.items()
        if broker in loads
    }
    young = sum(not is_enough(each) for each in rates)
    return [_judged(now, topology, loads, spaces, until, young)] if until else []


def _spaces(now: ClusterSnapshot) -> dict[int, tuple[float, float]]:
    """Return the total and usable bytes of each broker's disks; empty where some are not known."""
    spaces: dict[int, tuple[float, float]] = {}
    for each in now.log_dirs:
        if each.total_bytes < 0 or each.usable_bytes < 0:
            return {}
        total, usable = spaces.get(each.broker, (0.0, 0.0))
        spaces[each.broker] = total + each.total_bytes, usable + each.usable_bytes
    return spaces


def _loads(now: ClusterSnapshot, topology: Topology, rates: list[Values], past: PastHours) -> dict[int, DiskLoad]:
    """Return what each broker has of each topic."""
    topics = len(topology.topics)
    of_replica = np.repeat(topology.topic, np.diff(topology.replica_start))
    relative, ratio = _growth(now, topology, rates, past)
    loads = {}
    for broker in distinct(topology.replica).tolist():
        mine = topology.replica == broker
        sizes = np.bincount(of_replica[mine], weights=now.replica_bytes[mine], minlength=topics).astype(np.float64)
        loads[broker] = DiskLoad(sizes, sizes * relative, np.where(sizes > 0, sizes * ratio, 0.0))
    return loads


def _growth(now: ClusterSnapshot, topology: Topology, rates: list[Values], past: PastHours) -> tuple[Values, Values]:
    """Return by which share of its size each topic grows a second, and up to how many times its size."""
    held = np.maximum(now.end_offset - now.start_offset, 0).astype(np.float64)
    records = np.bincount(topology.topic, weights=held, minlength=len(topology.topics))
    partitions = np.diff(topology.topic_start)
    leaders = topology.replica_start[:-1]
    sizes = np.bincount(topology.topic, weights=now.replica_bytes[leaders], minlength=len(topology.topics))
    relative, ratio = np.zeros(len(rates)), np.ones(len(rates))
    for at, rate in enumerate(rates):
        known = rate[~np.isnan(rate)]
        if not len(known) or not records[at]:
            continue
        if now.cleanup_policy[at] == CleanupPolicy.COMPACT:
            relative[at], ratio[at] = _compacted(past, (now.cluster, topology.topics[at])), math.inf
            continue
        came = float(known.mean())
        relative[at] = came / records[at]
        by_time, by_size = now.retention_ms[at], now.retention_bytes[at]
        limits = [math.inf]
        if now.cleanup_policy[at] != CleanupPolicy.NONE:
            limits += [came * float(by_time) / 1000 / records[at]] if by_time >= 0 else []
            limits += [float(by_size) * partitions[at] / sizes[at]] if by_size >= 0 and sizes[at] else []
        ratio[at] = max(1.0, min(limits))
    return relative, ratio


def _compacted(past: PastHours, topic: tuple[str, str]) -> float:
    """Return by which share of its size a compacted topic has grown a second: what it keeps is nobody's retention."""
    sizes = past.day("topic", k.TOPIC_LOG_BYTES, topic, "last")
    known = np.flatnonzero(~np.isnan(sizes))
    if len(known) < 2 or not sizes[known[-1]]:  # noqa: PLR2004 - a first and a last
        return 0.0
    grown = float(sizes[known[-1]] - sizes[known[0]]) / (float(known[-1] - known[0]) * 60.0)
    return max(0.0, grown / float(sizes[known[-1]]))


def _judged(  # noqa: PLR0913, PLR0917 - what the sum is made of
    now: ClusterSnapshot,
    topology: Topology,
    loads: dict[int, DiskLoad],
    spaces: dict[int, tuple[float, float]],
    until: dict[int, float],
    young: int,
) -> Advice:
    first = min(until, key=lambda broker: (until[broker], broker))
    load, (total, usable) = loads[first], spaces[first]
    planned = np.minimum(load.bytes + load.growth * PLANNED_SECONDS, load.ceiling) - load.bytes
    most = int(np.argmax(planned))
    needed = (load.after(PLANNED_SECONDS) + total - usable - load.after(0.0)) / FULL - total
    if until[first] > SOON_SECONDS:
        when = "never" if math.isinf(until[first]) else f"in {span(until[first])}"
        state, action = False, f"nothing: the first disk, of broker {first}, is {FULL:.0%} full {when}"
    else:
        state = True
        action = (
            f"add {max(0.0, needed) / _GIB:,.1f} GiB a broker, or shorten the retention of topic"
            f" {topology.topics[most]}: broker {first} is {FULL:.0%} full in {span(until[first])}"
        )
    sure = "likely, if topics are written as in the last day; expired records go by whole segments, a little later"
    if young:
        sure += f"; of {young} topics there is less than a day of history"
    return Advice(
        about="cluster",
        labels={"kafka_cluster": now.cluster},
        question="disks",
        state="do" if state else "fine",
        action=action,
        sum=(
            f"broker {first}: {total / _GIB:,.1f} GiB, {usable / _GIB:,.1f} usable;"
            f" {load.growth.sum() * 86_400 / _GIB:,.2f} GiB a day come; within 90 d {planned.sum() / _GIB:,.1f} GiB"
            f" more than now, {planned[most] / _GIB:,.1f} of them topic {topology.topics[most]}"
        ),
        data=(f"{k.TOPIC_END_OFFSET.name} over 24 h, retention and sizes of replicas now",),
        sure=sure,
    )


def _unknown(now: ClusterSnapshot, why: str) -> Advice:
    labels = {"kafka_cluster": now.cluster}
    return Advice(about="cluster", labels=labels, question="disks", state="unknown", action=why)
