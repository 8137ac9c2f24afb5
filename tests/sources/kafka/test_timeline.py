"""The search for a record's timestamp, on logs that are not there: how near it comes, and by how many questions."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.sources.kafka.timeline import GRAIN, NOBODY_KNOWS, Fence, Timeline
from streamwatch.sources.kafka.timestamps import Timestamp

NOW = 1_700_000_000_000
DAY = 86_400_000
ENOUGH = np.array([float(GRAIN)])
MOST = 90
"""Questions for one offset, in the worst case."""


@dataclass(frozen=True)
class Log:
    """Records by offset, and what a leader answers."""

    offsets: list[int]
    times: list[int]
    end: int

    def ask(self, timestamp: int) -> tuple[int, int] | None:
        """Return offset and timestamp of the first record that is not older."""
        return next(((o, at) for o, at in zip(self.offsets, self.times, strict=True) if at >= timestamp), None)

    def truth(self, offset: int, *, gappy: bool) -> int:
        """Return the highest timestamp up to the first record at an offset or behind.

        With gaps, that of the first record from there on that is younger than all before, if there is one.
        """
        at = bisect_left(self.offsets, offset)
        before = max(self.times[:at], default=-1)
        if not gappy:
            return max(before, self.times[at])
        return next((time for time in self.times[at:] if time > before), before)


def arr(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


@dataclass
class Search:
    """Looks offsets up in a log, and remembers what it was answered."""

    log: Log
    gappy: bool = False
    largest: bool = True
    """Whether the leader can be asked for the largest timestamp."""
    timeline: Timeline = field(default_factory=Timeline)
    ceiling: int = NOW + 1
    is_answer: bool = False
    questions: int = 0

    def fence(self, offset: int) -> Fence:
        shape = arr(0), arr(offset), arr(self.log.end), arr(self.ceiling)
        return self.timeline.fence(*shape, np.array([self.is_answer]))

    def at(self, offset: int) -> float:
        """Return the timestamp found for an offset."""
        for _ in range(MOST):
            fence = self.fence(offset)
            at, width = fence.decided(arr(offset), np.array([self.gappy]))
            if width[0] <= GRAIN:
                return float(at[0])
            may = np.array([self.largest])
            self.ask(int(fence.question(arr(offset), arr(self.questions), ENOUGH, may)[0]), fence)
        raise AssertionError(f"more than {MOST} questions")

    def ask(self, question: int, fence: Fence) -> None:
        self.questions += 1
        if question == Timestamp.LARGEST:
            most = max(self.log.times)
            self.timeline.add(arr(0), arr(self.log.offsets[self.log.times.index(most)]), arr(most), arr(most))
            self.ceiling, self.is_answer = most + 1, True
            return
        assert fence.below[0] < question < fence.above[0], "an answer to this is known already"
        answer = self.log.ask(question)
        if answer is None:
            self.ceiling, self.is_answer = question, True
        else:
            self.timeline.add(arr(0), arr(answer[0]), arr(question), arr(answer[1]))


STEP = st.integers(0, 3) | st.integers(0, 2000) | st.integers(0, DAY)


@st.composite
def logs(draw: st.DrawFn, *, disorder: bool = False, gaps: bool = False) -> Log:
    """Draw a log of up to 40 records: in the order of their timestamps or not, with offsets left out or not."""
    steps = draw(st.lists(STEP, min_size=1, max_size=40))
    times = [NOW - DAY * 3 - sum(steps) + at for at in accumulate(steps)]
    times = [time + draw(st.sampled_from([0, DAY, 2 * DAY, 3 * DAY])) for time in times[:1]] + times[1:]
    if not disorder:
        times.sort()
    else:
        times = [max(0, time + draw(st.integers(-DAY, DAY))) for time in times]
    first = draw(st.integers(0, 10**12))
    holes = draw(st.lists(st.integers(1, 1000 if gaps else 1), min_size=len(times), max_size=len(times)))
    offsets = list(accumulate(holes, initial=first))
    return Log(offsets[:-1], times, offsets[-1] + draw(st.integers(0, 500 if gaps else 0)))


@given(logs() | logs(disorder=True), st.booleans(), st.data())
def test_it_comes_within_a_second_and_every_answer_is_kept(log: Log, largest: bool, data: st.DataObject) -> None:  # noqa: FBT001
    search = Search(log, largest=largest)
    for offset in data.draw(st.lists(st.sampled_from(log.offsets), min_size=1, max_size=6)):
        at = search.at(offset)
        assert abs(at - log.truth(offset, gappy=False)) <= GRAIN
        questions = search.questions
        assert search.at(offset) == at
        assert search.questions == questions


@given(logs(gaps=True) | logs(gaps=True, disorder=True), st.booleans(), st.data())
def test_an_offset_that_compaction_left_without_a_record_has_the_time_of_the_next(
    log: Log,
    largest: bool,  # noqa: FBT001
    data: st.DataObject,
) -> None:
    search = Search(log, gappy=True, largest=largest)
    for offset in data.draw(st.lists(st.integers(log.offsets[0], log.offsets[-1]), min_size=1, max_size=6)):
        assert abs(search.at(offset) - log.truth(offset, gappy=True)) <= GRAIN


@given(logs(), st.data())
def test_in_an_ordered_log_it_is_the_records_own_timestamp(log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log.offsets) - 1))
    assert abs(Search(log).at(log.offsets[at]) - log.times[at]) <= GRAIN


@given(logs(disorder=True), st.data())
def test_out_of_order_it_is_not_older_than_the_record_and_younger_by_the_disorder_at_most(
    log: Log, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(log.offsets) - 1))
    disorder = max(log.times[: at + 1]) - log.times[at]
    assert -GRAIN <= Search(log).at(log.offsets[at]) - log.times[at] <= disorder + GRAIN


@given(logs(), st.data())
def test_answers_that_contradict_each_other_still_come_to_an_end(log: Log, data: st.DataObject) -> None:
    """A service that only speaks the protocol may answer anything."""
    search, offset = Search(log, largest=False), data.draw(st.sampled_from(log.offsets))
    for asked in range(MOST):
        fence = search.fence(offset)
        if fence.decided(arr(offset), np.array([False]))[1][0] <= GRAIN:
            return
        question = fence.question(arr(offset), arr(asked), ENOUGH, np.array([False]))
        answer = data.draw(st.sampled_from(log.offsets)), data.draw(st.integers(-1, NOW * 2))
        search.timeline.add(arr(0), arr(answer[0]), question, arr(answer[1]))
    raise AssertionError(f"more than {MOST} questions")


def written(kind: str, chance: Random) -> list[int]:
    """Return the timestamps of one log of a week, as applications write them."""
    begin, count = NOW - 7 * DAY, 5000
    if kind == "evenly":
        return [begin + at * 7 * DAY // count for at in range(count)]
    if kind == "by_chance":
        return sorted(chance.randrange(begin, NOW) for _ in range(count))
    if kind == "in_bursts":
        return sorted(
            at + chance.randrange(30) for at in chance.sample(range(begin, NOW), count // 50) for _ in range(50)
        )
    return sorted(begin + int(chance.betavariate(2, 5) * DAY) + DAY * chance.randrange(7) for _ in range(count))


@pytest.mark.parametrize("idle", [0, 3 * DAY], ids=["goes_on", "has_ended"])
@pytest.mark.parametrize(("kind", "most"), [("evenly", 3), ("by_chance", 9), ("in_bursts", 11), ("by_day", 11)])
def test_what_applications_write_takes_few_questions(kind: str, most: int, idle: int) -> None:
    chance = Random(7)
    times = [at - idle for at in written(kind, chance)]
    log = Log(list(range(len(times))), times, len(times))
    asked = []
    for _ in range(100):
        search = Search(log)
        search.at(chance.randrange(log.end))
        asked.append(search.questions)
    assert median(asked) <= most
    assert max(asked) <= 40


def test_of_several_partitions_each_keeps_its_own_answers() -> None:
    timeline = Timeline()
    timeline.add(arr(3, 1), arr(50, 10), arr(0, 0), arr(500, 100))
    timeline.add(arr(1, 2), arr(20, 5), arr(150, 7), arr(200, 9))
    fence = timeline.fence(
        arr(0, 1, 2, 3), arr(15, 15, 15, 15), arr(99, 99, 99, 99), arr(1000, 1000, 1000, 1000), np.zeros(4, dtype=bool)
    )

    assert fence.below.tolist() == [-1, 100, 9, -1]
    assert fence.above.tolist() == [1000, 150, 1000, 0]
    assert fence.above_offset.tolist() == [99, 20, 99, 50]
    assert fence.above_at.tolist() == [NOBODY_KNOWS, 200, NOBODY_KNOWS, 500]

    timeline.renumber(arr(-1, 0, -1, 1))
    assert timeline.fence(
        arr(0, 1), arr(15, 50), arr(99, 99), arr(1000, 1000), np.zeros(2, dtype=bool)
    ).above_offset.tolist() == [20, 50]
    timeline.forget(np.array([True, False]))
    assert len(timeline) == 1


def test_what_groups_have_passed_is_forgotten_but_for_one_answer() -> None:
    timeline = Timeline()
    for offset in range(0, 100, 10):
        timeline.add(arr(1, 2), arr(offset, offset), arr(offset, offset), arr(offset, offset))
    timeline.prune(arr(1), arr(45))

    assert len(timeline) == 6, "40 to 90 of the first partition, nothing of the other"
    assert timeline.fence(arr(1), arr(45), arr(99), arr(1000), np.array([False])).below_offset.tolist() == [40]


def test_the_answers_of_one_partition_are_bounded() -> None:
    timeline = Timeline()
    for offset in range(1000):
        timeline.add(arr(1), arr(offset), arr(offset), arr(offset))
        timeline.prune(arr(1), arr(0))

    assert len(timeline) <= 65
