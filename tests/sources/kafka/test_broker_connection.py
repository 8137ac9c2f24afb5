"""One broker: what happens to it between reads is known without asking."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import SourceUnavailable
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.apis import LIST_GROUPS
from streamwatch.sources.kafka.config import KafkaTls, Pulse
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth
from tests.waiting import wait_for


class Watching:
    """A source on a prepared cluster, and how often it was woken."""

    def __init__(self, cluster: PreparedCluster, **settings: Any) -> None:
        self.woken = 0
        self.event = threading.Event()
        plain: dict[str, Any] = {"connect_timeout": 0.5, "pulse": Pulse(interval=0.1, deadline=0.3)}
        config = Config(name="watched", bootstrap=servers(cluster.bootstrap), **(plain | settings))
        self.source = KafkaSource(config, SystemClock(), self.wake)
        self.source.read()

    def wake(self) -> None:
        self.woken += 1
        self.event.set()

    def up(self) -> list[bool | None]:
        return [broker.up for broker in self.source.read().brokers]


@pytest.fixture
def cluster() -> Iterator[PreparedCluster]:
    with PreparedCluster(Truth({"t": 3})) as found:
        yield found


@pytest.fixture
def watching(cluster: PreparedCluster) -> Iterator[Watching]:
    found = Watching(cluster)
    yield found
    found.source.close()


def test_a_first_read_wakes_nobody(watching: Watching) -> None:
    assert watching.woken == 0


def test_a_broker_that_hangs_is_noticed_by_the_pulse_and_noticed_again_when_it_is_back(
    cluster: PreparedCluster, watching: Watching
) -> None:
    cluster.faults[2].hang = True

    assert watching.event.wait(60)
    assert watching.up() == [True, False, True]
    watching.event.clear()
    cluster.faults[2].hang = False
    assert watching.event.wait(60), "it comes back by itself"
    wait_for(lambda: watching.up() == [True, True, True], 5, "and is up")


def test_a_broker_that_hangs_over_a_slow_request_is_noticed_all_the_same(cluster: PreparedCluster) -> None:
    """Nothing can be asked on a connection before the answer that is due; so the broker is asked on another."""
    patient = Watching(cluster, log_dirs_interval=1.0, request_timeout=0.5)
    try:
        cluster.faults[2].slow = {"DescribeLogDirs"}
        wait_for(lambda: patient.source.read() and cluster.faults[2].held, 10, "the slow question is on its way")
        calm = time.monotonic() + 1
        wait_for(lambda: time.monotonic() > calm, 5, "several deadlines have passed")
        assert patient.woken == 0, "a broker that is busy is not down"
        cluster.faults[2].hang = True
        assert patient.event.wait(25), "long before the slow question's own deadline"
    finally:
        patient.source.close()


@pytest.mark.parametrize(
    "api", ["ListOffsets", "OffsetFetch", "ListGroups", "ListPartitionReassignments", "DescribeShareGroupOffsets"]
)
def test_a_request_that_hangs_alone_is_not_a_broker_that_is_down(api: str) -> None:
    """It may wait for another broker that is dead, for a controller, or for remote storage."""
    truth = Truth({"t": 3}, commits={"g": {("t", 0): 1}}, share={"s": {("t", 0): (1, 1)}}, release=(4, 3))
    with PreparedCluster(truth) as cluster:
        watching = Watching(cluster, request_timeout=0.9)
        try:
            for fault in cluster.faults.values():
                fault.slow = {api}
            now = watching.source.read()
            assert [one.reason for one in now.problems] == ["timeout"] * len(now.problems) != [], now.problems
            assert [broker.up for broker in now.brokers] == [True] * 3
            for fault in cluster.faults.values():
                fault.slow = set()
            wait_for(lambda: not watching.source.read().problems, 5, "all is known again")
            assert watching.woken == 0, "nobody was down"
        finally:
            watching.source.close()


@pytest.mark.parametrize("is_enabled", [True, False])
def test_a_broker_that_is_slower_than_what_is_left_of_a_read_is_not_down(
    cluster: PreparedCluster, *, is_enabled: bool
) -> None:
    """How long a broker may take before it counts as down is the pulse's deadline, however short a read still is."""
    pulse = Pulse(enabled=is_enabled, interval=1.0, deadline=60.0)
    watching = Watching(cluster, request_timeout=0.1, connect_timeout=60.0, pulse=pulse)
    try:
        cluster.faults[2].slow = {"ListOffsets"}
        now = watching.source.read()
        assert now.problems, "it did not answer"
        assert [broker.up for broker in now.brokers] == [True] * 3
        cluster.faults[2].slow = set()
        wait_for(lambda: not any("ListOffsets" in each.detail for each in watching.source.read().problems), 30, "known")
        assert watching.woken == 0, "nobody was down"
    finally:
        watching.source.close()


def test_a_connection_that_is_cut_and_redialled_at_once_is_no_news(
    cluster: PreparedCluster, watching: Watching
) -> None:
    before = cluster.asked["ApiVersions"]
    cluster.cut(2)

    wait_for(lambda: cluster.asked["ApiVersions"] > before, 5, "it was redialled")
    assert watching.up() == [True, True, True]
    assert watching.woken == 0


def test_one_connection_a_broker_is_kept(cluster: PreparedCluster, watching: Watching) -> None:
    for _ in range(5):
        watching.source.read()

    assert cluster.asked["ApiVersions"] == 3
    assert len(cluster._writers) == 3


def test_a_version_that_a_broker_no_longer_offers_is_not_sent(cluster: PreparedCluster, watching: Watching) -> None:
    """As after a release was taken back between the encoding of a request and its turn."""
    connection = watching.source._pool.connections[2]
    version = connection.version(LIST_GROUPS)
    with pytest.raises(SourceUnavailable, match="offers another version of ListGroups"):
        watching.source._run(connection.ask(LIST_GROUPS, version + 1, b"", 1.0))

    assert cluster.not_offered == []
    assert watching.up() == [True, True, True]


@pytest.mark.parametrize("release", [(2, 8), (4, 3)])
def test_another_release_on_the_same_address_is_spoken_to_in_its_own_versions(
    cluster: PreparedCluster, watching: Watching, release: tuple[int, int]
) -> None:
    cluster.truth.release = release
    for broker in cluster.truth.brokers:
        cluster.cut(broker)
    wait_for(lambda: cluster.asked["ApiVersions"] >= 6, 10, "all are dialled again")
    cluster.not_offered.clear()
    wait_for(lambda: watching.source.read().problems == (), 10, "all is well")

    assert cluster.not_offered == []
    assert watching.up() == [True, True, True]


def test_what_is_not_offered_is_logged_once_a_link(cluster: PreparedCluster, caplog: pytest.LogCaptureFixture) -> None:
    cluster.truth.missing = {"DescribeLogDirs", "ListGroups"}
    with caplog.at_level("INFO", logger="streamwatch.sources.kafka.broker_connection"):
        found = Watching(cluster, log_dirs_interval=1.0)
        for _ in range(5):
            found.source.read()
        found.source.close()

    logged = [(one.broker, one.api) for one in caplog.records if one.message == "API not offered"]  # type: ignore[attr-defined]
    assert sorted(logged) == [(b, api) for b in "123" for api in ("DescribeLogDirs", "ListGroups")]
    assert cluster.not_offered == []


def test_the_pulse_can_be_switched_off(cluster: PreparedCluster) -> None:
    quiet = Watching(cluster, pulse=Pulse(enabled=False, interval=0.1))
    try:
        before = cluster.asked["Metadata"]
        calm = time.monotonic() + 0.5
        wait_for(lambda: time.monotonic() > calm, 5, "five intervals have passed")
        assert cluster.asked["Metadata"] == before
    finally:
        quiet.source.close()


def test_closing_ends_the_thread_and_every_connection(cluster: PreparedCluster, watching: Watching) -> None:
    watching.source.close()

    wait_for(lambda: not cluster._writers, 5, "every connection is closed")
    assert not watching.source._thread.is_alive()
    watching.source.close()


def test_a_link_outlives_answers_that_make_no_sense(cluster: PreparedCluster, watching: Watching) -> None:
    for fault in cluster.faults.values():
        fault.garbage = {"ApiVersions", "Metadata"}
    for broker in cluster.truth.brokers:
        cluster.cut(broker)
    wait_for(lambda: watching.up() == [False, False, False], 10, "nobody makes sense")
    for fault in cluster.faults.values():
        fault.garbage = set()

    wait_for(lambda: watching.up() == [True, True, True], 20, "they are dialled again")


def test_a_link_outlives_a_certificate_that_is_gone(cluster: PreparedCluster, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("not a certificate")
    found = Watching(cluster, tls=KafkaTls(ca_file=str(file)))
    try:
        assert found.up() == []
        assert "ca.pem" in found.source.read().problems[0].detail
    finally:
        found.source.close()
