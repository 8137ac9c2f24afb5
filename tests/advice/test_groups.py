"""Advice on groups: each one as it comes, as it is not needed, and as it is not known; and what comes of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from streamwatch.advice.advice import Advice
from streamwatch.advice.groups import advise_groups
from streamwatch.advice.past import STEP_SECONDS, PastHours
from streamwatch.archive.archive import Archive
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.collectors.topics import TopicCollector
from streamwatch.core.clock import ManualClock
from tests.advice.hours import Hours
from tests.snapshots import group, snapshot, topology

BILLING = ("test", "billing")
NAN = float("nan")


@dataclass(frozen=True)
class Case:
    """A group, and its last minutes."""

    members: int = 3
    partitions: int = 12
    lag: Sequence[float] = (1_000_000.0,) * 60
    """By the minute."""
    produced: float = 600.0
    before: int | None = None
    """How many members there were until two minutes ago."""
    hot: bool = False
    """One partition has all of the lag."""
    committed: bool = True
    read: Sequence[float] = ()
    """Records a second by which its positions moved, by the minute."""


def growing(a_second: float, start: float = 1_000_000.0) -> Sequence[float]:
    return [start + a_second * 60 * minute for minute in range(60)]


def advised(case: Case) -> Advice:
    hours = Hours()
    members = [float(case.members)] * 60
    if case.before is not None:
        members[:-2] = [float(case.before)] * 58
    hours.put("group", g.GROUP_MEMBERS, BILLING, members)
    hours.put("group", g.GROUP_LAG, BILLING, case.lag)
    hours.put("topic", k.TOPIC_END_OFFSET, ("test", "orders"), case.produced, 1)
    hours.put("group", g.GROUP_TOPIC_COMMITTED, BILLING, case.read)
    lags = [0 if case.hot and at else 100 for at in range(case.partitions)]
    now = snapshot(
        {"orders": [(1, (1,), (1,))] * case.partitions},
        groups=[group("billing", members=case.members)],
        end={("orders", at): 1000 for at in range(case.partitions)},
        commits={("billing", "orders", at): 1000 - lag for at, lag in enumerate(lags)} if case.committed else {},
    )
    [found] = advise_groups(now, hours.past())
    return found


CASES = {
    "keeps up": (Case(lag=(10_000.0,) * 60), "fine", "nothing: it keeps up, 10,000 records behind"),
    "catches up by itself": (Case(lag=growing(-600, 3_000_000)), "fine", "nothing: it will have caught up in"),
    "stands still": (Case(), "do", "run 6 members instead of 3: it will have caught up in 27.8 min"),
    "falls behind": (Case(lag=growing(300, 0)), "do", "run 12 members instead of 3: it will have caught up in"),
    "too few partitions": (
        Case(partitions=4, lag=growing(300, 5e6)), "do",
        "read faster, or have more partitions: 4 partitions are too few for an hour: 23 members would be needed",
    ),
    "a hot partition": (
        Case(lag=growing(-100, 2_000_000), hot=True), "do", "run 12 members instead of 3: it will have caught up in",
    ),
    "reads nothing": (Case(lag=growing(600, 0)), "do", "find out why its members read nothing"),
    "has read nothing for minutes": (
        Case(read=[*[700.0] * 54, *[0.0] * 6]), "do", "find out why its members read nothing",
    ),
    "reads again": (Case(read=[*[700.0] * 50, *[0.0] * 8, 700.0, 700.0]), "do", "run 6 members instead of 3"),
    "nothing came for minutes": (
        Case(lag=(12.0,) * 60, read=[*[700.0] * 54, *[0.0] * 6]), "fine", "nothing: it keeps up, 12 records behind",
    ),
    "members came": (
        Case(before=2), "unknown", "not known yet: 110 s of history with as many members as now, needs 5 min",
    ),
    "too little": (Case(lag=(5.0,) * 3), "unknown", "not known yet: 2.83 min of history, needs 5 min"),
    "no history": (Case(lag=()), "unknown", "not known yet: 0 s of history, needs 5 min"),
    "no commit": (Case(committed=False), "unknown", "not known: the group has committed nothing"),
    "unknown rate": (Case(produced=NAN), "unknown", "not known: how much is written to topic orders"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "state", "action"), CASES.values(), ids=CASES)
def test_members(case: Case, state: str, action: str) -> None:
    found = advised(case)
    assert (found.state, found.action[: len(action)]) == (state, action), found
    assert bool(found.sum) == bool(found.sure) == bool(found.data) == (state != "unknown")


def test_the_sum_has_its_numbers_and_units() -> None:
    assert advised(Case()).sum == (
        "1,000,000 records wait, 600.0 a second come, 3 members on 12 partitions read 600.0 a second: drained never;"
        " within an hour needs 877.8 a second"
    )


def test_a_group_without_members_or_one_that_shares_partitions_gets_no_advice() -> None:
    groups = [group("a", members=0), group("b", members=None), group("c", type="share")]
    assert advise_groups(snapshot({"orders": [(1, (1,), (1,))]}, groups=groups), Hours().past()) == []


@dataclass(frozen=True)
class Story:
    """Members that each read so much a second at most, of partitions that are handed out evenly."""

    partitions: int
    members: int
    speed: float
    produced: float
    lag: float
    skew: float = 1.0
    """How much more of the lag the first partition has than the others."""


class Consuming:
    """The group, and as much of the agent as reads it, in time that the test makes."""

    STEP = 30.0

    def __init__(self, story: Story) -> None:
        self.story, self.members = story, story.members
        self.clock = ManualClock(1_800_000_000.0)
        self.archive = Archive(2**20, self.clock)
        self._shape = topology({"orders": [(1, (1,), (1,))] * story.partitions})
        self._collectors = (TopicCollector(), GroupCollector(EndOffsetHistory(3600, 30)))
        weights = np.array([story.skew, *[1.0] * (story.partitions - 1)])
        self.lag = story.lag * weights / weights.sum()
        self._end = self.lag.copy()
        self.commits_every = 1
        """So many steps."""
        self._steps, self._committed = 0, np.zeros(story.partitions)

    def step(self) -> None:
        """Let producers write, members read, and the agent see it; it archives what it saw until it reads again."""
        self.clock.advance(STEP_SECONDS)
        came = self.story.produced / self.story.partitions * self.STEP
        self._end += came
        self.lag += came
        for member in range(self.members):
            mine, left = self.lag[member :: self.members], self.story.speed * self.STEP
            for at in np.argsort(mine):  # each partition its fair share of what is left
                read = min(mine[at], left / (len(mine) - list(np.argsort(mine)).index(at)))
                mine[at] -= read
                left -= read
        if self._steps % self.commits_every == 0:
            self._committed = self._end - self.lag
        self._steps += 1
        self.now = snapshot(
            {}, of=self._shape, groups=[group("billing", members=self.members)],
            end={("orders", at): round(end) for at, end in enumerate(self._end)},
            commits={("billing", "orders", at): round(offset) for at, offset in enumerate(self._committed)},
            taken_at=self.clock.now(), offsets_at=self.clock.now(), offsets_monotonic=self.clock.monotonic(),
        )  # fmt: skip
        samples = [each for collector in self._collectors for each in collector.collect(self.now)]
        read_at = self.clock.now()
        self.archive.take("test", samples, read_at)
        for _ in range(round(self.STEP / STEP_SECONDS) - 1):
            self.clock.advance(STEP_SECONDS)
            self.archive.take("test", samples, read_at)

    def write(self, records: float) -> None:
        """Let so many records come at once."""
        self._end += records / self.story.partitions
        self.lag += records / self.story.partitions

    def advice(self) -> Advice:
        [found] = advise_groups(self.now, PastHours(self.archive.curve, self.clock.now() + 10))
        return found


STORIES = {
    "even": Story(12, 3, 200.0, 500.0, 900_000.0),
    "members do not divide the partitions": Story(20, 4, 300.0, 1_200.0, 1_500_000.0),
    "falls behind": Story(24, 4, 200.0, 1_000.0, 1_000_000.0),
    "one partition has a third of it": Story(10, 2, 400.0, 700.0, 1_500_000.0, skew=4.5),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_members_that_are_added_as_advised_have_drained_the_group_in_the_time_that_was_said(story: Story) -> None:
    group = Consuming(story)
    for _ in range(20):
        group.step()
    advice = group.advice()
    found = re.fullmatch(r"run (\d+) members instead of \d+: it will have caught up in ([\d.]+) (min|h)", advice.action)
    assert found is not None, advice
    said = float(found[2]) * {"min": 60, "h": 3600}[found[3]]

    group.members, since = int(found[1]), group.clock.now()
    while group.lag.sum() > story.produced * group.STEP:
        group.step()
        assert group.clock.now() - since < 1.2 * said
    assert group.clock.now() - since > 0.8 * said
    assert group.advice().state == "fine"


def test_a_group_that_has_stood_for_minutes_is_to_be_looked_at_and_not_to_be_made_larger() -> None:
    story = STORIES["falls behind"]
    group = Consuming(story)
    for _ in range(40):
        group.step()
    assert group.advice().action.startswith("run ")
    group.story = replace(story, speed=0.0)
    for _ in range(12):
        group.step()
    advice = group.advice()
    assert (advice.state, advice.sure) == ("do", "measured"), advice
    assert advice.action == "find out why its members read nothing: more of them would not help"
    assert "read 0.0 a second: drained never" in advice.sum
    assert advice.sum.endswith("; nothing committed for 6 min")
    assert advice.data[1:] == ("kafka_group_topic_committed_offset over 6 min",)


@pytest.mark.parametrize(("steps", "said"), [(4, "2 min"), (7, "3.5 min")])
def test_it_is_so_after_two_minutes_of_a_group_that_committed_all_the_while(steps: int, said: str) -> None:
    group = Consuming(STORIES["falls behind"])
    for _ in range(20):
        group.step()
    assert group.advice().action.startswith("run ")
    group.story = replace(group.story, speed=0.0)
    for _ in range(steps):
        group.step()
    advice = group.advice()
    assert advice.action == "find out why its members read nothing: more of them would not help", advice
    assert advice.sure == "likely: it has stopped committing, and before that did at each read"
    assert advice.sum.endswith(f"; nothing committed for {said}")
    group.story = replace(group.story, speed=200.0)
    group.step()
    assert group.advice().action.startswith("run ")


def test_a_group_that_commits_seldom_is_not_one_that_stands() -> None:
    group = Consuming(STORIES["falls behind"])
    group.commits_every = 7
    found = set()
    for at in range(80):
        group.step()
        if at > 10:
            found.add(group.advice().action.split()[0])
    assert found <= {"run", "not", "read", "nothing:"}, found


def test_of_a_group_that_commits_as_seldom_as_that_it_is_a_guess() -> None:
    group = Consuming(STORIES["falls behind"])
    group.commits_every = 14
    for _ in range(14 * 4 - 1):
        group.step()
    advice = group.advice()
    assert advice.action.startswith("find out why its members read nothing"), advice
    assert advice.sure.startswith("a guess: it has committed nothing for 6."), advice


def test_a_group_to_which_much_has_come_this_moment_does_not_stand() -> None:
    group = Consuming(replace(STORIES["falls behind"], speed=2000.0))
    for _ in range(20):
        group.step()
    group.story = replace(group.story, produced=0.0, speed=0.0)
    for _ in range(8):
        group.step()
    group.write(2_000_000)
    group.step()
    assert not group.advice().action.startswith("find out"), group.advice()
