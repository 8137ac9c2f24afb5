"""What MSK told is known until it is twice its interval old, whichever call it refuses, for a moment or for long."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from streamwatch.agent.targets import Target
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.model.metric import Metric
from streamwatch.reference.aws import faults
from tests.real.reference_clients import KafkaPython
from tests.sources.msk.house import House, read, told


@dataclass(frozen=True)
class Part:
    """One part of what is known, by the call that tells it."""

    operation: str
    metric: Metric
    interval: int
    """How often it is asked for (s)."""
    kept: int
    """How long it is known without an answer (s)."""
    step: int = 60
    """How often its source is read (s)."""
    at: Callable[[list[Target]], Target] = lambda parts: parts[-1]


def topics(parts: list[Target]) -> Target:
    """Partitions by MSK's calls."""
    return next(one for one in parts if one.kind == "topics")


PARTS = [
    Part("DescribeClusterV2", m.CLUSTER_STATE, 60, 120),
    Part("ListClusterOperationsV2", m.OPERATIONS, 60, 120),
    Part("ListMetrics", b.HANDLER_IDLE, 3600, 7200, 600),
    Part("ListTopics", k.PARTITIONS, 30, 60, 30, topics),
    Part("ListNodes", k.BROKER_INFO, 600, 1200, 30, topics),
    Part("DescribeTopicPartitions", k.PARTITIONS, 300, 600, 30, topics),
]


class Eyes:
    """One source, read again and again."""

    def __init__(self, house: House, part: Part) -> None:
        house.cluster.operations.append(
            {"OperationArn": "arn:1", "OperationState": "UPDATE_IN_PROGRESS", "OperationType": "REBOOT_NODE"}
        )
        self._house, self._part = house, part
        self._watched = part.at(
            house.parts("cluster: shop, metrics: all, topics: {}, cloudwatch: {detail_interval: 60s}")
        )
        self.known: dict[str, float] = {}
        self.problems: list[str] = []

    def read(self) -> "Eyes":
        """Let a step pass, MSK measure in its last minute, and read."""
        last = min(self._part.step, 60)
        self._house.time.advance(self._part.step - last)
        self._house.aws.measure_msk()
        self._house.time.advance(last)
        now, samples = read(self._watched)
        self.known = told(samples, self._part.metric)
        self.problems = [one.detail for one in now.problems]
        return self

    def calls(self) -> int:
        """How often the call of the part was made."""
        source: Any = self._watched.source
        caller = source._caller if self._watched.kind == "cloudwatch" else source._control._caller
        return Counter({one.operation: one.calls for one in caller.counts()})[self._part.operation]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.operation)
def test_one_refusal_takes_nothing_away_and_is_asked_again_at_the_next_read(house: House, part: Part) -> None:
    eyes = Eyes(house, part).read()
    known = eyes.known
    assert set(known) != set()
    for _ in range(0, part.interval - part.step, part.step):
        assert eyes.read().problems == []
    calls = eyes.calls()
    house.aws.do(partial(faults.throttle, operation=part.operation))
    eyes.read()

    assert eyes.known.keys() == known.keys()
    assert all(part.operation in one for one in eyes.problems)
    assert len(eyes.problems) == 1
    assert eyes.calls() == calls + 1
    house.aws.do(partial(faults.throttle, operation=part.operation, on=False))
    eyes.read()
    assert eyes.known.keys() == known.keys()
    assert eyes.problems == []
    assert eyes.calls() > calls + 1


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.operation)
def test_a_lasting_refusal_is_shown_and_takes_away_what_is_twice_its_interval_old(house: House, part: Part) -> None:
    eyes = Eyes(house, part).read()
    known = eyes.known
    house.aws.do(partial(faults.deny, operation=part.operation))
    for passed in range(part.step, part.kept + 1, part.step):
        eyes.read()
        assert eyes.known.keys() == known.keys(), passed
        assert bool(eyes.problems) == (passed >= part.interval), passed
    for _ in range(3):
        eyes.read()
        assert eyes.known.keys().isdisjoint(known) or part.metric is k.BROKER_INFO
        assert any(part.operation in one for one in eyes.problems)
    house.aws.do(partial(faults.deny, operation=part.operation, on=False))
    eyes.read()

    assert eyes.known.keys() == known.keys()
    assert eyes.problems == []


def test_where_the_brokers_are_is_asked_until_it_is_answered_and_then_known_for_good(house: House) -> None:
    house.aws.do(partial(faults.deny, operation="GetBootstrapBrokers"))
    protocol = house.parts("cluster: shop", "")[0]
    for _ in range(2):
        assert "GetBootstrapBrokers" in read(protocol)[0].problems[0].detail
    house.aws.do(partial(faults.deny, operation="GetBootstrapBrokers", on=False))
    assert read(protocol)[0].problems == ()
    house.aws.do(partial(faults.deny, operation="GetBootstrapBrokers"))

    now, samples = read(protocol)
    assert now.problems == ()
    assert told(samples, k.BROKER_UP) == {"1": 1, "2": 1, "3": 1}


@pytest.mark.parametrize("part", [PARTS[0], PARTS[3]], ids=lambda part: part.operation)
def test_a_cluster_that_cannot_be_looked_for_is_known_by_the_arn_it_had(house: House, part: Part) -> None:
    eyes = Eyes(house, part).read()
    known = eyes.known
    house.aws.do(partial(faults.deny, operation="ListClustersV2"))

    assert eyes.read().known == known
    assert eyes.problems == []


def test_a_cluster_that_is_gone_is_known_no_longer(house: House) -> None:
    eyes = Eyes(house, PARTS[1]).read()
    assert eyes.known == {"REBOOT_NODE": 1}
    house.aws.do(lambda cloud, _: cloud.msk().clusters.clear())

    assert eyes.read().known == {}
    assert "NotFoundException" in eyes.problems[0]


def test_a_new_topic_that_cannot_be_described_hides_the_others_only_when_it_is_not_new(house: House) -> None:
    eyes = Eyes(house, PARTS[3]).read()
    known = eyes.known
    house.aws.do(partial(faults.throttle, operation="DescribeTopicPartitions"))
    KafkaPython(house.kafka.bootstrap).produce("newest", ["a"])
    for _ in range(3):
        assert eyes.read().known == known, "as it was a minute ago, as everything that MSK tells"
        assert eyes.problems != []
    assert eyes.read().known == {}
    house.aws.do(partial(faults.throttle, operation="DescribeTopicPartitions", on=False))

    assert eyes.read().known == {"": known[""] + 3}
