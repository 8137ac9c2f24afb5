"""Lives of counters: whatever is asked when, a total is what was written since the read before it was first wanted.

``STREAMWATCH_LIVES`` sets how many lives are tried.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from streamwatch.core.errors import SourceThrottled
from streamwatch.model.cloudwatch import Series
from streamwatch.sources.aws.cloudwatch import CloudWatchReader, WantedSeries
from streamwatch.sources.aws.config import CloudWatch
from tests.reference.kinesis.acting import NOON, Time
from tests.sources.publishing import LATEST, Published

LIVES = int(os.environ.get("STREAMWATCH_LIVES", "200"))


@dataclass
class Written(Published):
    """One series: what CloudWatch says of each minute, and from when on."""

    wanted: WantedSeries
    is_wanted: bool = True
    wanted_at: float = 0.0
    begins: int | None = None
    """The minute of the read before it was first wanted, or of the agent's beginning."""
    answered: bool = False
    highest: float = 0.0

    def live(self, minute: int, random: Random, late: int) -> None:
        """Write something in a minute, or nothing, and let it be published."""
        if random.random() < 0.3:
            return
        self.publish(minute, random, late)


class Late:
    """A CloudWatch that is late, repeats itself, corrects itself, and is throttled now and then; it keeps no time."""

    def __init__(self, series: list[Written], time: Time, random: Random) -> None:
        self._series = {one.wanted.series: one for one in series}
        self._time, self._random = time, random
        self.most_points = 0

    def wait(self, _: float) -> None:
        """Wait for nothing."""

    def pages(self, _: str, region: str, __: str, given: dict[str, Any], **___: Any) -> Iterator[dict[str, Any]]:
        """Answer GetMetricData."""
        now, random = self._time.now(), self._random
        start, end = given["StartTime"].timestamp(), given["EndTime"].timestamp()
        asked = {one["Id"]: self._series[_series(one["MetricStat"])] for one in given["MetricDataQueries"]}
        assert {one.wanted.region for one in asked.values()} == {region}
        self.most_points = max(self.most_points, len(asked) * int(end - start) // 60)
        refused = random.random()
        pages: list[list[dict[str, Any]]] = [[], []]
        for name, one in asked.items():
            points = one.points(start, end, now)
            half = random.randint(0, len(points))
            again = points[:half] if random.random() < 0.3 else []
            is_broken = random.random() < 0.05
            pages[0].append(_result(name, points[:half], "PartialData"))
            pages[1].append(_result(name, again + points[half:], "InternalError" if is_broken else "Complete"))
            one.answered = not is_broken and refused >= 0.1
        if refused < 0.05:
            raise SourceThrottled("GetMetricData: Throttling")
        yield {"MetricDataResults": pages[0]}
        if refused < 0.1:
            raise SourceThrottled("GetMetricData: Throttling")
        yield {"MetricDataResults": pages[1]}


def _series(stat: dict[str, Any]) -> Series:
    metric = stat["Metric"]
    dimensions = tuple((one["Name"], one["Value"]) for one in metric["Dimensions"])
    return Series(metric["Namespace"], metric["MetricName"], stat["Stat"], dimensions)


def _result(name: str, points: list[tuple[int, float]], status: str) -> dict[str, Any]:
    times = [datetime.fromtimestamp(at, UTC) for at, _ in points]
    return {"Id": name, "Timestamps": times, "Values": [value for _, value in points], "StatusCode": status}


class Life:
    """Some series, a CloudWatch, and an agent that is made anew now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.time = Time(NOON + random.randint(0, 3600))
        self.series = [
            Written(
                WantedSeries(
                    Series("AWS/Kinesis", "IncomingRecords", "Sum", (("StreamName", f"s{number}"),)),
                    random.choice(("eu-west-1", "us-east-1")), "1", random.random() < 0.5, is_counter=True,
                ),
                is_wanted=random.random() < 0.7,
            )
            for number in range(random.randint(1, 6))
        ]  # fmt: skip
        self.late = random.choice((0, 120, 600, 1800, LATEST))
        self.cloud = Late(self.series, self.time, random)
        self.config = CloudWatch(monthly_dollars=random.choice((100, 100, 1, 0)))
        self.lived = int(self.time.now()) // 60 * 60
        self.unlisted: set[str] = set()
        """Regions of which nobody knows what is there."""
        self.begin()

    def begin(self) -> None:
        """Begin with a new agent."""
        caller: Any = self.cloud
        self.reader = CloudWatchReader(self.config, caller, self.time)
        if self.config.monthly_dollars == 1:
            self.reader._budget.spend(3330)  # a day's worth was saved: not to wait for it to be used up
        self.read_at = self.time.now()
        for one in self.series:
            one.begins, one.highest, one.answered = None, 0.0, False

    def step(self) -> None:
        """Let time pass, something be written, and the agent read."""
        random = self.random
        for one in self.series:
            if random.random() < 0.05:
                one.is_wanted = not one.is_wanted
        if random.random() < 0.1:
            self.unlisted ^= {random.choice(("eu-west-1", "us-east-1"))}
        passed = random.choice((60, 60, 60, 60, 61, 59, 130, 400, random.choice((60, 3600, 4 * 3600, 20 * 3600))))
        self.time.advance(passed)
        now = self.time.now()
        while self.lived < now // 60 * 60:
            for one in self.series:
                one.live(self.lived, random, self.late)
            self.lived += 60
        self.read(now)

    def read(self, now: float) -> None:
        """Read, and compare."""
        for one in self.series:
            one.answered = False
            is_unlisted = one.wanted.region in self.unlisted
            if one.begins is not None and is_unlisted:
                one.wanted_at = now
            elif one.is_wanted and not is_unlisted:
                one.wanted_at = now
                if one.begins is None:
                    one.begins = int(max(self.read_at, now // 60 * 60 - 600)) // 60 * 60
            elif now - one.wanted_at > 3600:
                one.begins, one.highest = None, 0.0  # forgotten
        self.read_at = now
        wanted = [one.wanted for one in self.series if one.is_wanted and one.wanted.region not in self.unlisted]
        self.random.shuffle(wanted)
        known, _ = self.reader.read(wanted, 1e12, lambda *_: False, lambda one: one.region in self.unlisted)
        for one in self.series:
            told = known.get((one.wanted.account, one.wanted.region))
            reading = None if told is None else told.readings.get(one.wanted.series)
            if one.answered:
                assert one.begins is not None
                assert reading is not None
                one.highest = max(one.highest, sum(value for _, value in one.points(one.begins, now, now)))
            if reading is not None:
                assert reading.total == one.highest, one.wanted.series


@pytest.mark.parametrize("part", range(10))
def test_a_total_is_what_was_written_since_it_may_have_come(part: int) -> None:
    for seed in range(part, LIVES, 10):
        life = Life(seed)
        for _ in range(life.random.randint(10, 80)):
            if life.random.random() < 0.02:
                life.begin()
            try:
                life.step()
            except AssertionError as error:
                error.add_note(f"life {seed}")
                raise
        assert life.cloud.most_points <= 100_800
