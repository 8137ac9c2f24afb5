"""Whether a group reads too slowly, or gets more than it did."""

from collections.abc import Sequence

import numpy as np
import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.incidents.decide import decide
from streamwatch.incidents.incident import Incident
from streamwatch.incidents.known import Known
from streamwatch.incidents.pace import GroupPace, Steps, pace
from streamwatch.model.metric import Samples
from tests.incidents.knowing import alert, kind, samples

UNKNOWN = float("nan")
AT = ("shop", "billing")
LATE = alert("KafkaGroupLagging", kafka_cluster="shop", group="billing")
ALIKE = [50.0] * 20


def steps(
    lag: Sequence[float],
    written: Sequence[float] = ALIKE,
    read: Sequence[float] | None = None,
    members: Sequence[float] | None = None,
) -> Steps:
    """Return steps of 10 s: until the tenth the group kept pace."""
    lag, count = [0.0] * (20 - len(lag)) + [*lag], 20
    return Steps(
        10.0,
        np.array(lag),
        np.array(written),
        np.array(read or [10.0] * count),
        np.array(members or [2.0] * count),
    )


GROWS = [400.0 * at for at in range(1, 11)]
"""Ten steps in which 40 records a second more come than are read."""


def decided(of: GroupPace | None, *more: Samples) -> Incident:
    known = [samples(g.GROUP_MEMBERS, {AT: 2.0}), samples(g.GROUP_TOPIC_WANTED, {(*AT, "orders"): 1.0}), *more]
    (incident,) = decide(Known([LATE], known, pace=lambda *_: of))
    return incident


def test_a_group_that_reads_less_than_comes_while_no_more_comes_than_before_is_slow() -> None:
    found = pace(steps(GROWS))
    assert found is not None
    assert (found.read, found.comes, found.came) == (10.0, 50.0, 50.0)
    incident = decided(found)
    assert incident.id == "slow_reader:shop/billing"
    assert incident.sentence == (
        "Group billing of shop reads more slowly than records come: 10 of 50 records a second (1 group)."
    )
    assert incident.evidence == (
        "before it fell behind, 50 records a second came",
        "it has 2 members, as before",
    )


def test_a_group_that_gets_more_than_it_did_is_not_slow_its_producers_write_more() -> None:
    found = pace(steps(GROWS, written=[50.0] * 10 + [90.0] * 10))
    assert found is not None
    incident = decided(found)
    assert incident.id == "producers:shop/billing"
    assert incident.sentence == (
        "Producers write more than group billing of shop reads: 90 records a second (1 group)."
    )
    assert incident.evidence[0] == "it reads 50 of 90 records a second"


def test_rates_are_written_as_people_write_them() -> None:
    incident = decided(GroupPace(1014.0, 1_500_000.0, 1_400_000.0, 20, 2.0, 2.0))
    assert "1,010 of 1,500,000 records a second" in incident.sentence
    assert incident.evidence[0] == "before it fell behind, 1,400,000 records a second came"


def test_a_group_with_fewer_members_than_before_lost_them() -> None:
    found = pace(steps(GROWS, members=[4.0] * 10 + [2.0] * 10))
    assert found is not None
    incident = decided(found)
    assert incident.id == "members_lost:shop/billing"
    assert incident.sentence.startswith("Group billing of shop has fewer members, 2 instead of 4, and does not keep up")


def test_between_the_two_neither_is_said() -> None:
    found = pace(steps(GROWS, written=[50.0] * 10 + [70.0] * 10))
    assert found is not None
    assert kind(decided(found)) == ""
    lately = pace(steps(GROWS, written=[UNKNOWN] * 7 + [50.0] * 3 + [90.0] * 10))
    assert lately is not None
    assert kind(decided(lately)) == "", "who knows three steps only knows nothing of what producers do"


@pytest.mark.parametrize(
    "of",
    [
        steps(GROWS, read=[10.0] * 11 + [0.0] * 9),
        steps([4000.0] * 10),
        steps([400.0 * at for at in range(10, 0, -1)]),
        steps([*GROWS[:5], *[UNKNOWN] * 5]),
        steps([UNKNOWN] * 20),
        steps(GROWS, written=[UNKNOWN] * 10 + [50.0] * 10),
        steps(GROWS, written=[50.0] * 10 + [UNKNOWN] * 10),
        steps(GROWS, written=[30.0] * 20),
        steps([1.0]),
        steps(np.linspace(3000.0, 4000.0, 20).tolist()),
    ],
    ids=[
        "it stands", "it jumped: set back, or all at once", "it catches up", "nothing is known lately",
        "nothing is known", "what came before is not known", "nor what comes", "more grows than comes",
        "only just", "it never kept pace",
    ],
)  # fmt: skip
def test_where_it_does_not_fall_behind_steadily_or_too_little_is_known_nothing_is_said(of: Steps) -> None:
    assert pace(of) is None
    assert kind(decided(pace(of))) == ""


@pytest.mark.parametrize(
    "more",
    [
        [samples(g.GROUP_MEMBERS, {AT: 0.0})],
        [samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0})],
        [samples(g.GROUP_TOPIC_STATE, {(*AT, "orders", "stalled"): 1.0, (*AT, "orders", "late"): 2.0})],
        [
            samples(g.GROUP_TOPIC_STATE, {(*AT, "orders", "late"): 3.0}),
            samples(g.GROUP_TOPIC_LAG, {(*AT, "orders"): 100.0}),
            samples(g.GROUP_TOPIC_MAX_LAG, {(*AT, "orders"): 90.0}),
        ],
    ],
    ids=["no members", "a broker is down", "it stands in one", "one partition has it all"],
)
def test_where_something_else_may_be_the_matter_a_group_is_not_slow(more: list[Samples]) -> None:
    slow = GroupPace(10.0, 50.0, 50.0, 10, 2.0, 2.0)
    given = [each for each in more if each.metric is g.GROUP_MEMBERS] or [samples(g.GROUP_MEMBERS, {AT: 2.0})]
    rest = [each for each in more if each.metric is not g.GROUP_MEMBERS]
    wanted = samples(g.GROUP_TOPIC_WANTED, {(*AT, "orders"): 1.0})
    (incident,) = decide(Known([LATE], [*given, wanted, *rest], pace=lambda *_: slow))
    assert kind(incident) == ""
