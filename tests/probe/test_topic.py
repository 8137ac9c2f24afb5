"""Which partition stands for which broker, and what the topic lacks: pure functions, in tables."""

from collections.abc import Mapping

import pytest

from streamwatch.probe.topic import Missing, ProbePartition, ProbeTopic, covers, missing
from streamwatch.sources.kafka.metadata import Registered


def topic(
    leaders: dict[int, int], replicas: Mapping[int, tuple[int, ...]] | None = None, *, brokers: int = 3
) -> ProbeTopic:
    """Return a topic by the leaders of its partitions; all replicas are in sync."""
    every = replicas or {index: (leader,) for index, leader in leaders.items()}
    return ProbeTopic(
        brokers=tuple(Registered(number, "host", number, f"rack-{number}") for number in range(1, brokers + 1)),
        controller=1,
        code=0,
        partitions=tuple(
            ProbePartition(index, leader, every[index], frozenset(every[index])) for index, leader in leaders.items()
        ),
    )


PREFERRED = {0: (1, 2), 1: (2, 3), 2: (3, 1)}


@pytest.mark.parametrize(
    ("leaders", "before", "after"),
    [
        ({0: 1, 1: 2, 2: 3}, {}, {1: 0, 2: 1, 3: 2}),
        ({0: 1, 1: -1, 2: 3}, {1: 0, 2: 1, 3: 2}, {1: 0, 2: 1, 3: 2}),  # nobody leads it: it is still broker 2's loss
        ({0: 1, 1: 3, 2: 3}, {1: 0, 2: 1, 3: 2}, {1: 0, 3: 2}),  # broker 3 took over: 2 is not covered
        ({0: 1, 1: 3, 2: 1}, {1: 0, 2: 1, 3: 2}, {1: 0, 3: 1}),
        ({0: 1, 1: -1, 2: 3}, {}, {1: 0, 2: 1, 3: 2}),  # nobody ever led it: its first replica should
        ({0: 1, 1: 2}, {3: 2}, {1: 0, 2: 1}),  # the partition is gone
        ({}, {1: 0}, {}),
    ],
)
def test_each_broker_has_the_partition_that_it_leads(
    leaders: dict[int, int], before: dict[int, int], after: dict[int, int]
) -> None:
    assert covers(topic(leaders, PREFERRED), before) == after


@pytest.mark.parametrize(
    ("state", "lacks"),
    [
        (topic({0: 1, 1: 2, 2: 3}, PREFERRED), Missing()),
        (topic({}), Missing(((1, 2, 3), (2, 3, 1), (3, 1, 2)))),
        (topic({0: 1, 1: 2, 2: 3}, PREFERRED, brokers=4), Missing(((4, 1, 2),))),
        (topic({0: 1, 1: 3, 2: 3}, PREFERRED), Missing((), (1,))),
        (
            topic({0: 1, 1: 1}, {0: (1, 2), 1: (1, 3)}),
            Missing(((2, 3, 1), (3, 1, 2))),
        ),  # brokers prefer to lead nothing
    ],
)
def test_what_a_topic_lacks(state: ProbeTopic, lacks: Missing) -> None:
    assert missing(state, 3) == lacks


def test_replicas_are_in_other_racks_first() -> None:
    brokers = tuple(Registered(number, "host", number, rack) for number, rack in enumerate("aaabb", 1))
    assert missing(ProbeTopic(brokers, 1, 3, ()), 3).assignments[0] == (1, 4, 2)
