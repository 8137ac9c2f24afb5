"""What is sent, read back by Google's protobuf library."""

import math
from collections.abc import Mapping

import numpy as np
import pytest

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka as k
from streamwatch.export.remote_write.encode import Cycle, Encoder, Ending, Version
from streamwatch.model.metric import Keys, Samples
from tests.export.remote_write.decode import Point, read_1, read_2

AT = 1_800_000_000.25
KEYS = Keys(k.BROKER, [("orders", "1"), ("orders", "2"), ("zoë", "")])


def leaders(*values: float, keys: Keys = KEYS) -> Samples:
    return k.BROKER_LEADERS.samples(keys, np.array(values))


def sent(
    cycle: Cycle, version: Version, most: int = 1000, labels: Mapping[str, str] | None = None
) -> list[list[Point]]:
    read = read_1 if version == "1.0" else read_2
    found = list(Encoder(labels or {}).requests(cycle, version, most))
    points = [read(one.body) for one in found]
    assert [one.samples for one in found] == [len(one) for one in points]
    return points


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_series_arrive_with_their_labels_sorted_and_their_values(version: Version) -> None:
    cycle = Cycle(AT, [leaders(7.0, -0.5, math.inf), a.BUILD_INFO.sample(1.0, version="1")], [])
    (points,) = sent(cycle, version, labels={"job": "streamwatch", "version": "theirs"})

    name = k.BROKER_LEADERS.name
    assert [one.labels for one in points] == [
        {"__name__": name, "kafka_cluster": "orders", "broker": "1", "job": "streamwatch", "version": "theirs"},
        {"__name__": name, "kafka_cluster": "orders", "broker": "2", "job": "streamwatch", "version": "theirs"},
        {"__name__": name, "kafka_cluster": "zoë", "job": "streamwatch", "version": "theirs"},
        {"__name__": a.BUILD_INFO.name, "version": "1", "job": "streamwatch"},
    ], "an empty label is none, and a series' own counts more"
    assert [one.order for one in points] == [tuple(sorted(one.labels)) for one in points]
    assert [one.value for one in points] == [7.0, -0.5, math.inf, 1.0]
    assert {one.at_ms for one in points} == {round(AT * 1000)}
    if version == "2.0":
        assert (points[0].kind, points[0].help, points[0].unit) == ("gauge", k.BROKER_LEADERS.help, "partitions")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_what_is_not_known_is_not_sent_and_what_has_ended_is_marked(version: Version) -> None:
    (points,) = sent(Cycle(AT, [leaders(7.0, math.nan, math.nan)], [(k.BROKER_UP, ("orders", "9"))]), version)

    assert [(one.labels["broker"], one.bits) for one in points] == [
        ("1", 0x401C000000000000), ("9", 0x7FF0000000000002),
    ]  # fmt: skip
    assert points[1].labels["__name__"] == k.BROKER_UP.name


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_requests_have_so_many_samples_and_are_the_same_again(version: Version) -> None:
    keys = Keys(k.BROKER, [("orders", str(at)) for at in range(25)])
    cycle = Cycle(AT, [leaders(*range(25), keys=keys)], [])
    encoder = Encoder({})
    first = [one.body for one in encoder.requests(cycle, version, 10)]

    assert [len(one) for one in sent(cycle, version, 10)] == [10, 10, 5]
    assert [one.body for one in encoder.requests(cycle, version, 10)] == first
    assert [one.value for part in sent(cycle, version, 10) for one in part] == list(range(25))


def test_what_ends_is_told_once() -> None:
    ending = Ending()
    assert ending.next([leaders(1.0, 2.0, 3.0)])[1] == []
    assert ending.next([leaders(1.0, 2.5, 3.0)])[1] == []
    assert ending.next([leaders(1.0, math.nan, 3.0)])[1] == [(k.BROKER_LEADERS, ("orders", "2"))]
    assert ending.next([leaders(1.0, math.nan, 3.0)])[1] == []
    fewer = Keys(k.BROKER, [("orders", "1")])
    assert ending.next([leaders(1.0, keys=fewer)])[1] == [(k.BROKER_LEADERS, ("zoë", ""))]
    assert ending.next([])[1] == [(k.BROKER_LEADERS, ("orders", "1"))]
    assert ending.next([])[1] == []


def test_a_series_that_two_tell_is_sent_once() -> None:
    other = Keys(k.BROKER, [("orders", "2"), ("orders", "3")])
    some, _ = Ending().next([leaders(1.0, 2.0, 3.0), leaders(20.0, 30.0, keys=other)])

    assert {row: value for one in some for row, value in one.known().items()} == {
        ("orders", "1"): 1.0, ("orders", "2"): 2.0, ("zoë", ""): 3.0, ("orders", "3"): 30.0,
    }  # fmt: skip
