"""Ages at first sight, against the timestamps that the records were given: groups that were behind before we looked."""

from collections.abc import Callable
from contextlib import closing
from random import Random

import pytest
from kafka import KafkaProducer, TopicPartition

from streamwatch.core.clock import SystemClock
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, eyes
from tests.waiting import wait_for

DAY = 86_400.0
COUNT = 5000
POSITIONS = (0, 1, 1234, 3500, COUNT - 1)


def evenly(now: float, chance: Random) -> list[float]:
    """Six days, one record every two minutes or so."""
    return [now - 6 * DAY + at * 6 * DAY / COUNT + chance.random() for at in range(COUNT)]


def in_bursts(now: float, chance: Random) -> list[float]:
    """Fifty records within milliseconds, then nothing for an hour or three."""
    begins = sorted(now - 9 * DAY * chance.random() ** 2 for _ in range(COUNT // 50))
    return [begin + at * 0.0004 for begin in begins for at in range(50)]


def long_ago(now: float, chance: Random) -> list[float]:
    """All within a minute, three weeks ago."""
    return sorted(now - 21 * DAY + 60 * chance.random() for _ in range(COUNT))


def out_of_order(now: float, chance: Random) -> list[float]:
    """As producers that were offline for up to half a day write."""
    return [at - DAY / 2 * chance.random() for at in evenly(now, chance)]


def produce(cluster: KafkaCluster, topic: str, times: list[float]) -> None:
    servers = cluster.internal_bootstrap.split(",")
    with closing(KafkaProducer(bootstrap_servers=servers, linger_ms=20, batch_size=4000)) as producer:
        for at in times:
            producer.send(topic, b"x" * 20, partition=0, timestamp_ms=int(at * 1000))
        producer.flush(timeout=60)


def unread_at(seen: Eyes) -> dict[str, float]:
    """Read once; return when the first unread record was written, by group."""
    now = seen.look()
    assert now.problems == ()
    names = [now.groups.groups[group].name for group in now.commits.group.tolist()]
    return {name: at for name, at in zip(names, now.unread_at.tolist(), strict=True) if at == at}  # noqa: PLR0124 - NaN


def asked(seen: Eyes) -> int:
    """Read once; return how many requests for offsets that took."""
    before = sum(count.requests for count in seen.now.requests if count.api == "ListOffsets") if seen.now else 0
    return sum(count.requests for count in seen.look().requests if count.api == "ListOffsets") - before


@pytest.mark.parametrize("write", [evenly, in_bursts, long_ago, out_of_order], ids=lambda one: one.__name__)
def test_the_first_unread_record_of_a_group_that_was_behind(
    cluster_43: KafkaCluster, write: Callable[[float, Random], list[float]]
) -> None:
    topic = f"times-{write.__name__}"
    times = write(SystemClock().now(), Random(3))
    cluster_43.create_topic(topic, 1, 3, retention_ms=-1, segment_bytes=1_048_576)
    produce(cluster_43, topic, times)
    for position in POSITIONS:
        cluster_43.commit(f"{topic}-{position}", {(topic, 0): position})
    # The highest up to the record; in order, that is its own.
    truth = {f"{topic}-{position}": max(times[: position + 1]) for position in POSITIONS}

    with eyes(cluster_43) as seen:
        for read in range(10):
            found = {name: at for name, at in unread_at(seen).items() if name in truth}
            assert {name: at for name, at in found.items() if abs(at - truth[name]) > 1} == {}
            if read == 0:
                assert found, "one of them at least is known at once"
            if len(found) == len(POSITIONS):
                break
        assert len(found) == len(POSITIONS)
        # Groups of other tests are looked up too: once all are known, a read asks nothing more.
        # Other tests of this cluster leave groups below a log's start: that asks its leader once more.
        most = 3 * len(cluster_43.broker_ids)
        wait_for(lambda: all(asked(seen) <= most for _ in range(3)), 30, "nothing is looked up any more")


def test_a_group_behind_the_logs_start_has_the_age_of_the_first_record_that_is_left(cluster_43: KafkaCluster) -> None:
    times = evenly(SystemClock().now(), Random(5))
    cluster_43.create_topic("times-purged", 1, 3, retention_ms=-1)
    produce(cluster_43, "times-purged", times)
    cluster_43.commit("times-purged", {("times-purged", 0): 100})
    with cluster_43.admin() as admin:
        admin.delete_records({TopicPartition("times-purged", 0): 4000})

    with eyes(cluster_43) as seen:
        assert abs(unread_at(seen)["times-purged"] - times[4000]) <= 1
