"""Findings about records that go too early, never go, or that nobody adds to."""

from dataclasses import replace
from typing import Final

import numpy as np

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.model.kafka import NOT_SET, CleanupPolicy
from tests.audit.knowing import ANSWERED, DAY, NOW, WELL, Values, facts, observed, only, outcomes, read, unknown

PAIR: Final = ("shop", "billing", "orders")


def lag(seconds: float | None, *, lost: float = 0.0, wanted: float = 1.0, kept: float | None = 7 * DAY) -> Values:
    return {
        g.GROUP_TOPIC_LAG: {PAIR: 10.0},
        g.GROUP_TOPIC_WANTED: {PAIR: wanted},
        **({} if seconds is None else {g.GROUP_TOPIC_LAG_SECONDS: {PAIR: seconds}}),
        **({} if kept is None else {k.TOPIC_RETENTION_SECONDS: {("shop", "orders"): kept}}),
        **({g.GROUP_TOPIC_LOST: {PAIR: lost}} if lost else {}),
    }


def test_retention_that_is_long_enough() -> None:
    assert observed("retention-short", facts(values=lag(3 * DAY))) == []
    assert observed("retention-short", facts(values=lag(6 * DAY, wanted=0.0))) == [], "nobody waits for it"
    assert observed("retention-short", facts(values=lag(6 * DAY, kept=float("inf")))) == []
    compacted = read({"orders": [WELL]}, cleanup_policy=np.array([CleanupPolicy.COMPACT]))
    assert observed("retention-short", facts(compacted, lag(6 * DAY))) == [], "nothing is deleted by its age"


def test_retention_that_is_short() -> None:
    found = only("retention-short", facts(values=lag(4 * DAY)))
    assert (found.severity, found.target) == ("warning", "shop/orders")
    assert found.evidence == ("group billing is 4 d behind, and retention.ms keeps 7 d: 57%",)
    assert found.remedy.endswith(f"--add-config retention.ms={14 * 86_400_000}")
    assert only("retention-short", facts(values=lag(6 * DAY))).severity == "critical"


def test_records_that_a_group_lost() -> None:
    found = only("retention-short", facts(values=lag(None, lost=120.0)))
    assert (found.severity, found.evidence) == (
        "critical",
        ("120 records were deleted before group billing read them",),
    )


def test_lag_that_is_not_known() -> None:
    (why,) = unknown("retention-short", facts(values=lag(None)))
    assert why.startswith("of 1 group and topic: how old")
    assert len(unknown("retention-short", facts(values=lag(4 * DAY, kept=None)))) == 1


def test_a_topic_that_keeps_all() -> None:
    for_ever = np.array([-1])
    now = read({"orders": [WELL]}, retention_ms=for_ever, replica_bytes=np.full(3, 2**30))
    found = only("unbounded-topic", facts(now))
    assert found.evidence == ("retention.ms and retention.bytes are both -1", "it stores 3.0 GiB")
    assert observed("unbounded-topic", facts(replace(now, retention_bytes=np.array([2**30])))) == []
    assert observed("unbounded-topic", facts(replace(now, cleanup_policy=np.array([CleanupPolicy.COMPACT])))) == []
    found = only("unbounded-topic", facts(replace(now, cleanup_policy=np.array([CleanupPolicy.NONE]))))
    assert found.remedy.endswith("--add-config cleanup.policy=delete,retention.ms=604800000")
    now = read({"orders": [WELL]}, cleanup_policy=np.array([NOT_SET]))
    assert unknown("unbounded-topic", facts(now)) == ["cleanup.policy of 1 topic is not known"]


COMPACTED: Final = read({"orders": [WELL]}, cleanup_policy=np.array([CleanupPolicy.COMPACT]))
_UNSEEN: Final = "whether the log cleaners of brokers 1, 2 and 3 gave partitions up"


def test_compaction_that_goes_on() -> None:
    assert observed("compaction-stopped", facts()) == [], "nothing is to be compacted"
    (why,) = unknown("compaction-stopped", facts(COMPACTED))
    assert why.startswith(_UNSEEN)


def test_compaction_without_a_cleaner() -> None:
    off = replace(ANSWERED, brokers={1: {"log.cleaner.enable": "false"}, 2: {"log.cleaner.enable": "true"}})
    found, _ = outcomes("compaction-stopped", facts(COMPACTED, settings=off))
    assert (found.target, getattr(found, "severity", "")) == ("shop", "critical")
    first, second = unknown("compaction-stopped", facts(COMPACTED, settings=None))
    assert (first, second[: len(_UNSEEN)]) == ("whether log.cleaner.enable is on: its brokers are not asked", _UNSEEN)


def test_topics_that_the_cleaner_never_takes() -> None:
    for setting, value in (("min.cleanable.dirty.ratio", "1.0"), ("min.compaction.lag.ms", str(90 * 86_400_000))):
        odd = replace(ANSWERED, topics={"orders": {setting: value}})
        found, _ = outcomes("compaction-stopped", facts(COMPACTED, settings=odd))
        assert (found.target, getattr(found, "severity", "")) == ("shop/orders", "warning")


def test_partitions_without_writers() -> None:
    now = read({"orders": [WELL, WELL]}, replica_bytes=np.full(6, 2**20))
    settings = replace(ANSWERED, newest={("orders", 0): NOW - 88 * DAY, ("orders", 1): NOW - DAY})
    found = only("no-writers", facts(now, settings=settings))
    assert found.evidence == (
        "the newest record of 1 of 2 partitions is 88 d old: 0",
        "they take 3.0 MiB, all replicas counted",
    )
    settings = replace(ANSWERED, newest={("orders", 0): NOW - 88 * DAY, ("orders", 1): NOW - 40 * DAY})
    found = only("no-writers", facts(now, settings=settings))
    assert found.evidence[0] == "the newest record of 2 of 2 partitions is 40 d old"
    assert found.remedy.startswith("kafka-topics.sh --bootstrap-server host1:9092 --delete --topic orders")


def test_writers_of_which_nothing_is_known() -> None:
    assert observed("no-writers", facts()) == []
    (why,) = unknown("no-writers", facts(settings=None))
    assert why.endswith("its brokers are not asked")
    (why,) = unknown("no-writers", facts(settings=replace(ANSWERED, is_looked_up=False)))
    assert "brokers before Kafka 3.0 do not say it" in why


def test_partitions_that_a_log_cleaner_gave_up_are_found_where_pages_count_them() -> None:
    now = read({"orders": [WELL]}, cleanup_policy=np.array([CleanupPolicy.COMPACT]))
    values: Values = {b.UNCLEANABLE: {("shop", "1"): 0.0, ("shop", "2"): 2.0, ("shop", "3"): 0.0}}
    found = only("compaction-stopped", facts(now, values))

    assert found.severity == "critical"
    assert found.evidence == ("the log cleaner of broker 2 gave up 2 partitions",)
    values = {b.UNCLEANABLE: {("shop", "1"): 0.0}}
    assert unknown("compaction-stopped", facts(now, values)) == [
        "whether the log cleaners of brokers 2 and 3 gave partitions up: no JMX page has uncleanable-partitions-count"
    ]
