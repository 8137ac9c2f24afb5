"""Leaders that do not answer: the cluster is read again when others must have taken over."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.schedule import Job, Schedule
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.config import Pulse
from streamwatch.sources.kafka.failover import next_read
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth
from tests.waiting import wait_for

LEADERS = np.array([1, 1, 2, -1], dtype=np.int32)


@pytest.mark.parametrize(
    ("down_since", "now", "wait"),
    [
        ({}, 100.0, None),
        ({3: 100.0}, 100.1, None),  # it leads nothing: others have taken over already
        ({1: 100.0}, 100.0, 9.5),
        ({1: 100.0}, 104.0, 5.5),
        ({1: 100.0, 2: 98.0}, 104.0, 3.5),  # the first session to end counts
        ({1: 100.0}, 109.0, 1.0),
        ({1: 100.0}, 120.0, 1.0),  # not yet: again and again
        ({1: 100.0}, 140.0, None),  # no failover any more: the interval is soon enough
        ({1: 100.0, 2: 10.0}, 104.0, 5.5),
    ],
)
def test_the_next_read_comes_when_a_session_has_ended(
    down_since: dict[int, float], now: float, wait: float | None
) -> None:
    found = next_read(down_since, LEADERS, 9.0, now)
    assert found == (None if wait is None else pytest.approx(wait))


class Watching:
    """A source that is read when it is woken, and what each read said of who leads."""

    def __init__(self, cluster: PreparedCluster, session_timeout: float) -> None:
        config = Config(
            name="watched",
            bootstrap=servers(cluster.bootstrap),
            interval=3600.0,
            deadline=5.0,
            connect_timeout=0.3,
            request_timeout=0.5,
            pulse=Pulse(interval=0.1, deadline=0.2),
            session_timeout=session_timeout,
        )
        self.reads: list[tuple[set[int], set[int]]] = []
        """Which brokers were down, and which of them led something."""
        clock = SystemClock()
        self._schedule = Schedule(clock)
        self.source = KafkaSource(config, clock, lambda: self._schedule.wake("watched"))
        self._schedule.add(Job("watched", 3600.0, self._read))
        self._schedule.start()

    def _read(self) -> None:
        now = self.source.read()
        leaders = set() if now.topology is None else set(now.topology.leader.tolist())
        down = {one.id for one in now.brokers if not one.up}
        self.reads.append((down, down & leaders))

    def close(self) -> None:
        self._schedule.stop(5)
        self.source.close()


@contextmanager
def watching(cluster: PreparedCluster, session_timeout: float) -> Iterator[Watching]:
    found = Watching(cluster, session_timeout)
    try:
        wait_for(lambda: found.reads, 10, "the first read")
        yield found
    finally:
        found.close()


@pytest.fixture
def cluster() -> Iterator[PreparedCluster]:
    with PreparedCluster(Truth({"t": 3})) as found:
        yield found


def test_what_is_said_of_leaders_is_no_older_than_the_end_of_their_session(cluster: PreparedCluster) -> None:
    with watching(cluster, session_timeout=1.0) as found:
        cluster.faults[2].hang = True
        wait_for(lambda: found.reads[-1] == ({2}, {2}), 10, "it is down, and leads")
        cluster.truth.leader["t", 1] = 3  # as a controller would, when the session ends

        wait_for(lambda: found.reads[-1] == ({2}, set()), 10, "somebody else leads, long before the interval")
        wait_for(lambda: found.source._next is None, 5, "and no more reads are brought forward")


def test_it_is_read_again_until_the_leader_is_another(cluster: PreparedCluster) -> None:
    with watching(cluster, session_timeout=0.2) as found:
        cluster.faults[2].hang = True
        wait_for(lambda: found.reads[-1] == ({2}, {2}), 10, "it is down, and leads")
        before = len(found.reads)
        wait_for(lambda: len(found.reads) >= before + 2, 10, "it leads still: the cluster is read again and again")

        cluster.truth.leader["t", 1] = 3
        wait_for(lambda: found.reads[-1] == ({2}, set()), 10, "somebody else leads")


def test_a_broker_that_leads_nothing_brings_no_read_forward(cluster: PreparedCluster) -> None:
    cluster.truth.leader["t", 1] = 3
    with watching(cluster, session_timeout=0.2) as found:
        cluster.faults[2].hang = True
        # On a busy machine a pulse of another broker may be late, and bring a read forward.
        wait_for(
            lambda: found.reads[-1] == ({2}, set()) and found.source._next is None, 10, "it is down, leads nothing"
        )


def test_without_a_controller_nobody_takes_over(cluster: PreparedCluster) -> None:
    cluster.truth.controller = False
    with watching(cluster, session_timeout=0.2) as found:
        cluster.faults[2].hang = True
        wait_for(lambda: found.reads[-1] == ({2}, {2}) and found.source._next is None, 20, "it is down, and leads")
