"""Whether a group reads too slowly, or gets more than it did."""

from collections.abc import Sequence

import numpy as np
import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.incidents.decide import decide
from streamwatch.incidents.incident import Incident
from streamwatch.incidents.known import Known
from streamwatch.incidents.pace import CommitStop, GroupPace, Steps, commit_stop, pace
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


def decided(of: GroupPace | CommitStop | None, *more: Samples) -> Incident:
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


WHOLE = [0.0] * 20 + [500.0 * at for at in range(1, 31)]
"""Of fifty steps, in which nothing is read in the last thirty, what waits."""


def fifty(read: Sequence[float], lag: Sequence[float] = WHOLE) -> Steps:
    return Steps(10.0, np.array(lag), np.full(50, 50.0), np.array(read), np.full(50, 2.0))


def test_a_group_that_committed_all_the_while_and_has_stopped_to_stands() -> None:
    stop = commit_stop(fifty([50.0] * 20 + [0.0] * 30))
    assert stop == CommitStop(300.0)
    assert pace(fifty([50.0] * 20 + [0.0] * 30)) is None
    reading = samples(g.GROUP_TOPIC_STATE, {(*AT, "orders", "reading"): 6.0})
    stable = samples(g.GROUP_STATE, {(*AT, "classic", "Stable"): 1.0})
    incident = decided(stop, reading, stable)
    assert incident.id == "reader_stands:shop/billing"
    assert incident.sentence == (
        "Group billing of shop has stopped committing, though records come and its members are there (1 group)."
    )
    assert incident.evidence == ("it has committed nothing for 5 min",)
    assert incident.runbook == "KafkaGroupStuck"


@pytest.mark.parametrize(
    "of",
    [
        fifty([50.0] * 39 + [0.0] * 11),
        fifty([50.0] * 6 + [0.0] * 12 + [50.0] * 8 + [0.0] * 24),
        fifty([UNKNOWN] * 15 + [50.0] * 5 + [0.0] * 30),
        fifty([0.0] * 50),
        fifty([UNKNOWN] * 50),
        fifty([50.0] * 20 + [0.0] * 20 + [UNKNOWN] * 10),
        fifty([50.0] * 20 + [0.0] * 24 + [UNKNOWN] * 3 + [0.0] * 3),
        fifty([50.0] * 20 + [0.0] * 30, [0.0] * 50),
        fifty([50.0] * 20 + [0.0] * 30, [0.0] * 47 + [500.0] * 3),
        fifty([50.0] * 20 + [0.0] * 29 + [50.0]),
    ],
    ids=[
        "only just", "it commits seldom", "too little is known of before", "nothing is known of before",
        "nothing is known", "nor of late", "in part of late", "nothing comes", "it came this moment", "it reads again",
    ],
)  # fmt: skip
def test_where_a_group_may_read_or_have_nothing_to_read_it_has_not_stopped(of: Steps) -> None:
    assert commit_stop(of) is None


@pytest.mark.parametrize(
    "more",
    [
        samples(g.GROUP_MEMBERS, {AT: 0.0}),
        samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0}),
        samples(g.GROUP_STATE, {(*AT, "classic", "PreparingRebalance"): 1.0}),
        samples(k.TOPIC_UNDECIDED_SECONDS, {("shop", "orders"): 90.0}),
    ],
    ids=["no members", "a broker is down", "it rebalances", "a transaction is open"],
)
def test_where_something_else_may_be_why_it_commits_nothing_that_is_not_said(more: Samples) -> None:
    known = [samples(g.GROUP_TOPIC_WANTED, {(*AT, "orders"): 1.0}), more]
    known += [] if more.metric is g.GROUP_MEMBERS else [samples(g.GROUP_MEMBERS, {AT: 2.0})]
    (incident,) = decide(Known([LATE], known, pace=lambda *_: CommitStop(300.0)))
    assert kind(incident) == ""
