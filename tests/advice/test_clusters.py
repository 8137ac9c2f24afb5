"""Advice on disks and brokers: each one as it comes, as it is not needed, and as it is not known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from streamwatch.advice.advice import Advice
from streamwatch.advice.brokers import advise_brokers
from streamwatch.advice.disks import DiskLoad, advise_disks
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.model.kafka import NOT_KNOWN, CleanupPolicy, LogDir
from streamwatch.model.metric import Samples
from streamwatch.model.newest_samples import NewestSamples
from tests.advice.hours import Hours
from tests.snapshots import snapshot

GIB = 2**30
DAY = 86_400
RECORDS = 1_000_000
"""That each topic holds, of one KiB each on one of the brokers."""


@dataclass(frozen=True)
class Disks:
    """Two brokers with a replica of one partition each; of topics what comes a day, as a share of what there is."""

    comes: Sequence[float] = (1.0,)
    retention_days: float = math.inf
    retention_bytes: float = -1
    policy: CleanupPolicy = CleanupPolicy.DELETE
    total: float = 20 * RECORDS * 1024
    hours: float = 24
    dirs: bool = True
    sizes: bool = True
    compacted: float = 0.0
    """By which share of its size a compacted topic grew in the day."""


def disks(case: Disks) -> Advice:
    hours, names = Hours(), [f"t{at}" for at in range(len(case.comes))]
    size, count = RECORDS * 1024, len(names)
    for name, share in zip(names, case.comes, strict=True):
        hours.put("topic", k.TOPIC_END_OFFSET, ("test", name), share * RECORDS / DAY, case.hours)
        grown = [size * (1 - case.compacted * (1 - at / 1439)) for at in range(1440)]
        hours.put("topic", k.TOPIC_LOG_BYTES, ("test", name), grown)
    usable = int(case.total) - count * size
    now = snapshot(
        {name: [(1, (1, 2), (1, 2))] for name in names},
        end={(name, 0): RECORDS for name in names},
        start={(name, 0): 0 for name in names},
        replica_bytes=np.full(2 * count, size if case.sizes else NOT_KNOWN, dtype=np.int64),
        log_dirs=tuple(LogDir(at, "/d", int(case.total), usable, 0, online=True) for at in (1, 2)) if case.dirs else (),
        retention_ms=np.full(count, -1 if math.isinf(case.retention_days) else case.retention_days * DAY * 1000).astype(
            np.int64
        ),
        retention_bytes=np.full(count, case.retention_bytes).astype(np.int64),
        cleanup_policy=np.full(count, case.policy),
    )
    [found] = advise_disks(now, hours.past())
    return found


DISKS = {
    "for ever": (Disks(), "do", "add 83.0 GiB a broker, or shorten the retention of topic t0: broker 1 is"),
    "retention in time": (Disks(retention_days=7), "fine", "nothing: the first disk, of broker 1, is 85% full never"),
    "retention too late": (Disks(retention_days=20), "do", "add 3.4 GiB a broker"),
    "retention by size": (Disks(retention_bytes=5 * RECORDS * 1024), "fine", "nothing"),
    "far away": (Disks((0.1,)), "fine", "nothing: the first disk, of broker 1, is 85% full in 160 d"),
    "nothing comes": (Disks((0.0,)), "fine", "nothing: the first disk, of broker 1, is 85% full never"),
    "nothing is deleted": (Disks(policy=CleanupPolicy.NONE, retention_days=7), "do", "add"),
    "compacted, steady": (Disks(policy=CleanupPolicy.COMPACT, retention_days=7), "fine", "nothing"),
    "compacted, and grows": (Disks(policy=CleanupPolicy.COMPACT, compacted=0.9), "do", "add"),
    "the topic that grows most": (
        Disks((0.1, 2.0)), "do",
        "add 195.2 GiB a broker, or shorten the retention of topic t1: broker 1 is 85% full in 7.14 d",
    ),
    "full": (Disks(total=1.1 * RECORDS * 1024), "do", "add"),
    "too little": (Disks(hours=3), "unknown", "not known yet: 3 h of history, needs 24 h"),
    "disks not known": (Disks(dirs=False), "unknown", "not known: the sizes of the brokers' disks or logs"),
    "logs not known": (Disks(sizes=False), "unknown", "not known: the sizes of the brokers' disks or logs"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "state", "action"), DISKS.values(), ids=DISKS)
def test_disks(case: Disks, state: str, action: str) -> None:
    found = disks(case)
    assert (found.state, found.action[: len(action)]) == (state, action), found
    assert bool(found.sum) == bool(found.sure) == bool(found.data) == (state != "unknown")


@pytest.mark.parametrize("days", [1, 5, 12, 40])
def test_the_day_on_which_a_disk_is_full_is_the_one_on_which_topics_have_grown_so_far(days: int) -> None:
    """Three topics with ceilings of their own, day after day."""
    load = DiskLoad(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.1]) / DAY, np.array([6.0, 12.0, math.inf]))
    limit = min(1.0 + days, 6.0) + min(2.0 + 0.5 * days, 12.0) + 3.0 + 0.1 * days
    assert load.seconds_until(limit) == pytest.approx(days * DAY)


@dataclass(frozen=True)
class Brokers:
    """Brokers with so many replicas each, whose request handlers are so idle."""

    count: int = 3
    replicas: int = 30
    idle: float = 0.7
    hours: float = 24
    by_msk: float = math.nan
    by_setting: float = math.nan


def brokers(case: Brokers) -> dict[str, Advice]:
    hours, ids = Hours(), list(range(1, case.count + 1))
    for broker in ids:
        hours.put("broker", b.HANDLER_IDLE, ("test", str(broker)), case.idle, case.hours)
    samples: list[Samples] = [m.PARTITIONS_LIMIT.sample(case.by_msk, kafka_cluster="test", bound="recommended")]
    for name in map(str, ids):
        use = case.replicas / case.by_setting
        samples.append(k.BROKER_PARTITIONS_LIMIT.sample(use, kafka_cluster="test", broker=name))
        samples.append(k.BROKER_PARTITIONS.sample(float(case.replicas), kafka_cluster="test", broker=name))
    now = snapshot({"t": [(1, tuple(ids), tuple(ids))] * case.replicas})
    return {each.question: each for each in advise_brokers(now, NewestSamples(samples), hours.past())}


BROKERS = {
    "by MSK, enough": (Brokers(by_msk=50), "partitions", "fine", "nothing: 3 brokers do their work without one"),
    "by MSK, too few": (Brokers(by_msk=40), "partitions", "do", "have 4 brokers instead of 3"),
    "by the setting": (Brokers(by_setting=40), "partitions", "do", "have 4 brokers instead of 3"),
    "by nobody": (Brokers(), "partitions", "unknown", "not known: how many partitions a broker may hold"),
    "idle": (Brokers(), "threads", "fine", "nothing: 3 brokers do their work without one of them"),
    "busy": (Brokers(idle=0.4), "threads", "do", "have 4 brokers instead of 3"),
    "much too little": (Brokers(hours=1 / 30), "threads", "unknown", "not known yet: 2 min of history, needs 24 h of"),
    "too little": (Brokers(hours=3), "threads", "unknown", "not known yet: 3 h of history, needs 24 h of broker 1's"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "question", "state", "action"), BROKERS.values(), ids=BROKERS)
def test_brokers(case: Brokers, question: str, state: str, action: str) -> None:
    found = brokers(case)[question]
    assert (found.state, found.action[: len(action)]) == (state, action), found
    assert bool(found.sum) == bool(found.sure) == bool(found.data) == (state != "unknown")


@pytest.mark.parametrize(("limit", "words"), [(40, ": 3 brokers hold them"), (90, ": 1 broker holds them")])
def test_how_many_brokers_hold_all_replicas(limit: float, words: str) -> None:
    assert words in brokers(Brokers(by_msk=limit))["partitions"].sum
