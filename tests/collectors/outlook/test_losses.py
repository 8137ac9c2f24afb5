"""What the loss of a broker or a rack takes along: the columns agree with a model in which the brokers are killed."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.collectors.columns import known
from streamwatch.collectors.outlook.losses import Losses, losses, racks
from streamwatch.collectors.outlook.redundancy import redundancy
from streamwatch.model.kafka import NOT_KNOWN, NOT_SET, ClusterSnapshot, Int64s
from tests.snapshots import snapshot

BROKERS: Final = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class ModelPartition:
    """One partition, as a person would write it down."""

    topic: str
    leader: int
    replicas: Sequence[int]
    isr: Sequence[int]
    min_isr: int
    sizes: Sequence[int]

    @property
    def needed(self) -> int:
        return min(self.min_isr, len(self.replicas))

    def live(self, gone: Collection[int]) -> list[int]:
        """Return the replicas that can lead, in the order in which the controller would choose them."""
        return [broker for broker in self.replicas if broker in self.isr and broker not in gone]

    def spare(self, gone: Collection[int]) -> list[int]:
        return [broker for broker in self.replicas if broker not in self.isr and broker not in gone]

    def writable(self, gone: Collection[int]) -> bool:
        return len(self.live(gone)) >= max(1, self.needed)


def killed(some: Sequence[ModelPartition], down: Collection[int], lost: Collection[int]) -> dict[str, Any]:
    """Kill the brokers, and count."""
    gone = {*down, *lost}
    offline = [one for one in some if one.live(down) and not one.live(gone)]
    stopped = [one for one in some if one.writable(down) and not one.writable(gone)]
    refusing = [one for one in stopped if one.live(gone)]
    leaders = dict.fromkeys(set(BROKERS) - set(lost), 0)
    sizes = dict.fromkeys(leaders, 0)
    for one in some:
        leads = one.leader
        if leads in gone or leads == -1:
            leads = next(iter(one.live(gone)), -1)
        if leads in leaders:
            leaders[leads] += 1
            sizes[leads] += one.sizes[one.replicas.index(leads)]
    return {
        "offline": len(offline),
        "unclean": sum(bool(one.spare(gone)) for one in offline),
        "under_min_isr": len(refusing),
        "stopped_topics": len({one.topic for one in stopped}),
        "degraded": sum(len(one.replicas) > one.needed for one in stopped),
        "leaders": leaders,
        "leader_bytes": sizes,
    }


def counted(found: Losses, sizes: Int64s, domain: int) -> dict[str, Any]:
    """Return the same of the columns."""
    names = ("offline", "unclean", "under_min_isr", "stopped_topics", "degraded")
    leader_bytes = found.succession.carried(known(sizes))
    grids = {"leaders": found.leaders[domain], "leader_bytes": leader_bytes[domain]}
    return {name: getattr(found, name)[domain] for name in names} | {
        name: {broker: value for broker, value in zip(BROKERS, row.tolist(), strict=True) if not math.isnan(value)}
        for name, row in grids.items()
    }


@st.composite
def partitions(draw: st.DrawFn, topic: str, min_isr: int) -> ModelPartition:
    replicas = draw(st.lists(st.sampled_from(BROKERS), min_size=1, unique=True))
    isr = draw(st.lists(st.sampled_from(replicas), unique=True))
    sizes = draw(st.lists(st.integers(0, 1000), min_size=len(replicas), max_size=len(replicas)))
    return ModelPartition(topic, draw(st.sampled_from([-1, *isr])), replicas, isr, min_isr, sizes)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[ModelPartition], list[int], list[str | None]]:
    """Draw partitions, which brokers are down, and the racks of all."""
    some = [
        one
        for topic in draw(st.lists(st.sampled_from("abc"), unique=True))
        for one in draw(st.lists(partitions(topic, draw(st.integers(1, 3))), min_size=1, max_size=4))
    ]
    down = draw(st.lists(st.sampled_from(BROKERS), unique=True))
    return some, down, draw(st.lists(st.sampled_from(["x", "y", None]), min_size=4, max_size=4))


def seen(some: Sequence[ModelPartition], down: Sequence[int], names: Sequence[str | None]) -> ClusterSnapshot:
    topics: dict[str, list[Any]] = {}
    for one in some:
        topics.setdefault(one.topic, []).append((one.leader, one.replicas, one.isr))
    every = snapshot({"t": [(1, BROKERS, BROKERS)]}, down=down).brokers
    in_order = sorted(some, key=lambda one: one.topic)
    sizes = np.array([size for one in in_order for size in one.sizes], dtype=np.int64)
    least = {one.topic: one.min_isr for one in some}
    return snapshot(
        topics,
        brokers=tuple(replace(broker, rack=rack) for broker, rack in zip(every, names, strict=True)),
        min_isr=np.array([least[topic] for topic in sorted(least)], dtype=np.int64),
        replica_bytes=sizes,
    )


def lost_brokers(now: ClusterSnapshot) -> Losses:
    assert now.topology is not None
    places = np.arange(len(now.brokers))
    return losses(redundancy(now, now.topology), places, len(places))


@settings(max_examples=60)
@given(clusters())
def test_every_broker_as_in_a_model_that_kills_it(drawn: tuple[list[ModelPartition], list[int], list[str]]) -> None:
    some, down, names = drawn
    now = seen(some, down, names)
    found = lost_brokers(now)

    for i, broker in enumerate(BROKERS):
        assert counted(found, now.replica_bytes, i) == killed(some, down, {broker})


@settings(max_examples=60)
@given(clusters())
def test_every_rack_as_in_a_model_that_kills_it(drawn: tuple[list[ModelPartition], list[int], list[str]]) -> None:
    some, down, names = drawn
    now = seen(some, down, names)
    assert now.topology is not None
    every, domain = racks(now.brokers)
    found = losses(redundancy(now, now.topology), domain, len(every))

    for i, name in enumerate(every):
        lost = {broker for broker, rack in zip(BROKERS, names, strict=True) if rack == name}
        assert counted(found, now.replica_bytes, i) == killed(some, down, lost)


def test_what_is_not_known_is_not_counted() -> None:
    topics = {"a": [(1, (1, 2), (1, 2))], "b": [(3, (3, 2), (3, 2))]}
    now = snapshot(topics, min_isr=np.array([NOT_SET, 2]), replica_bytes=np.array([5, 5, NOT_KNOWN, 7]))
    found = lost_brokers(now)

    assert found.offline.tolist() == [0, 0, 0]
    assert found.under_min_isr.tolist() == pytest.approx([np.nan, np.nan, 1], nan_ok=True)
    assert found.stopped_topics.tolist() == pytest.approx([np.nan, np.nan, 1], nan_ok=True)
    assert found.degraded.tolist() == pytest.approx([np.nan, np.nan, 0], nan_ok=True), "both replicas are needed"
    leader_bytes = found.succession.carried(known(now.replica_bytes))
    assert leader_bytes[2].tolist() == pytest.approx([5, 7, np.nan], nan_ok=True)
    assert leader_bytes[0].tolist() == pytest.approx([np.nan, 5, np.nan], nan_ok=True)


def test_a_cluster_without_partitions_loses_nothing() -> None:
    now = seen([], [], ["x"] * 4)
    found = lost_brokers(now)
    assert (found.offline.tolist(), found.stopped_topics.tolist()) == ([0] * 4, [0] * 4)
    assert np.nansum(found.leaders) == 0
