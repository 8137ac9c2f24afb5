"""Groups of Java's share consumer (KIP-932) and of Kafka Streams (KIP-1071), beside what Kafka's tools print."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from streamwatch.model.kafka import ClusterSnapshot, Group
from tests.real.amazon import compiled
from tests.real.artefacts import KAFKA_VERSIONS, kafka_libs, streams_libs
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.processes import Server
from tests.real.seeing import eyes
from tests.waiting import wait_for

SECONDS: Final = 60.0
Left = dict[tuple[str, int], tuple[int | None, int | None]]


@pytest.fixture(scope="module")
def share_reader(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a member of a share group."""
    folder = tmp_path_factory.mktemp("share")
    return had(lambda: [*compiled(kafka_libs(KAFKA_VERSIONS[0]), folder, "ShareReader.java"), "ShareReader"])


@pytest.fixture(scope="module")
def streams_counter(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of an application of Kafka Streams."""
    folder = tmp_path_factory.mktemp("streams")
    return had(lambda: [*compiled(streams_libs(), folder, "StreamsCounter.java"), "StreamsCounter"])


@contextmanager
def running(command: list[str], cluster: KafkaCluster, *args: str) -> Iterator[Server]:
    """A member that runs while the context is entered."""
    server = Server(" ".join(args), [*command, cluster.internal_bootstrap, *args], cluster.folder / f"{args[0]}.log")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def the_group(now: ClusterSnapshot, name: str) -> Group | None:
    return next((group for group in now.groups.groups if group.name == name), None)


def left(now: ClusterSnapshot, name: str) -> Left:
    """Return a group's position and lag by topic and partition, as the snapshot's columns have them."""
    group, topology = the_group(now, name), now.topology
    if group is None or topology is None:
        return {}
    found: Left = {}
    for at in np.flatnonzero(now.commits.group == now.groups.groups.index(group)).tolist():
        row, position = int(now.commits.row[at]), int(now.committed[at])
        lag = int(now.end_offset[row]) - max(position, int(now.start_offset[row])) - int(now.completed[at])
        found[topology.topics[topology.topic[row]], int(topology.partition[row])] = (position, lag)
    return found


def known(oracle: Left) -> Left:
    """Return what Kafka's tool prints a number for."""
    return {at: numbers for at, numbers in oracle.items() if numbers != (None, None)}


def test_a_share_group_has_the_members_and_the_lag_that_kafka_prints(
    cluster_43: KafkaCluster, share_reader: list[str]
) -> None:
    cluster_43.create_topic("parcels", 2, 3)
    earliest = ("--add-config", "share.auto.offset.reset=earliest")
    cluster_43.tool("ConfigCommand", "--alter", "--entity-type", "groups", "--entity-name", "packers", *earliest)
    cluster_43.send("parcels", 0, *("accept", "accept", "hold", "accept", "reject", "accept"))

    with eyes(cluster_43) as seen:

        def lag(partition: int) -> int | None:
            return left(seen.look(), "packers").get(("parcels", partition), (None, None))[1]

        def agrees(state: str, members: int) -> None:
            now = seen.look()
            group = the_group(now, "packers")
            assert group is not None
            assert left(now, "packers") == known(cluster_43.share_left("packers"))
            assert (group.type, group.state, group.members) == ("share", state, members)
            assert cluster_43.modern_state("Share", "packers") == (state, members)
            assert now.problems == ()

        with running(share_reader, cluster_43, "packers", "parcels"):
            wait_for(lambda: lag(0) == 1, SECONDS, "one record is in flight, five are done with out of order")
            agrees("Stable", 1)
            assert the_group(seen.look(), "packers") == Group(
                "packers", "share", "Stable", the_coordinator(seen.look()), 1, 0, (("parcels", (0, 1)),),
                frozenset({"parcels"}), "simple",
            )  # fmt: skip
            assert lag(1) is None, "nothing was ever read there: no position"
            cluster_43.send("parcels", 0, *["accept"] * 4)
            assert lag(0) == 5, "in flight and not read yet"
            agrees("Stable", 1)
        with running(share_reader, cluster_43, "packers", "parcels", "accept"):
            wait_for(lambda: lag(0) == 0, SECONDS, "all are done with")
            cluster_43.send("parcels", 1, *["accept"] * 3)
            wait_for(lambda: lag(1) == 0, SECONDS, "also in the other partition")
            assert left(seen.look(), "packers") == known(cluster_43.share_left("packers"))


def the_coordinator(now: ClusterSnapshot) -> int:
    group = the_group(now, "packers")
    return -1 if group is None else group.coordinator


def test_a_share_group_that_was_reset_has_everything_left(cluster_43: KafkaCluster) -> None:
    """No member ever reads: the tool makes the group and its positions."""
    cluster_43.create_topic("letters", 1, 3)
    cluster_43.send("letters", 0, *["accept"] * 7)
    reset = ("--reset-offsets", "--group", "sorters", "--topic", "letters", "--to-earliest", "--execute")
    cluster_43.tool("ShareGroupCommand", *reset)
    with eyes(cluster_43) as seen:
        wait_for(lambda: left(seen.look(), "sorters") == {("letters", 0): (0, 7)}, SECONDS, "all seven are left")
        assert left(seen.look(), "sorters") == known(cluster_43.share_left("sorters"))


def test_a_streams_group_has_the_members_and_the_lag_that_kafka_prints(
    cluster_43: KafkaCluster, streams_counter: list[str], tmp_path: Path
) -> None:
    """Two subtopologies of two tasks each, and a thread more than tasks."""
    cluster_43.create_topic("words", 2, 3)
    between = "counter-by-value-repartition"
    for partition in range(2):
        cluster_43.send("words", partition, "a", "b")
    with eyes(cluster_43) as seen:

        def lags() -> dict[tuple[str, int], int | None]:
            return {at: lag for at, (_, lag) in left(seen.look(), "counter").items()}

        with running(streams_counter, cluster_43, "counter", "words", "5", str(tmp_path)):
            wait_for(lambda: set(lags().values()) == {0} and len(lags()) >= 3, SECONDS, "it has committed")
            wait_for(lambda: cluster_43.modern_state("Streams", "counter") == ("Stable", 5), SECONDS, "all have joined")
            group = the_group(seen.look(), "counter")
            assert group is not None
            assert (group.type, group.state, group.members, group.idle_members) == ("streams", "Stable", 5, 1)
            assert group.assigned == ((between, (0, 1)), ("words", (0, 1)))
            assert group.subscribed == {"words", between}
            cluster_43.send("words", 1, "hold", "c", "d")
            cluster_43.send("words", 0, "e")
            expected = {("words", 0): 0, ("words", 1): 3}
            wait_for(lambda: lags().items() >= expected.items(), SECONDS, "one thread stands, the others go on")
            wait_for(lambda: set(lags().values()) == {0, 3}, SECONDS, "also behind the repartition topic")
            assert lags().items() <= cluster_43.streams_left("counter").items()
            assert seen.look().problems == ()
