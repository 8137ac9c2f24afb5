"""Reads CloudWatch: up to 500 metrics a request, only those that the catalogue knows, within a budget.

Vital series (throttling, iterator age) are asked for at every read, the others less often; one that has had no point
for a while sleeps for longer. What is asked is billed by the metric, whether or not it has points.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.clock import Clock
from streamwatch.errors import SourceError
from streamwatch.model.cloudwatch import CloudWatchCost, CloudWatchSnapshot, Reading, Series
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.config import CloudWatch as Config
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.minutes import MINUTE, Minutes
from streamwatch.sources.aws.session import Caller
from streamwatch.sources.problems import problem

MOST_QUERIES: Final = 500
DOLLARS_A_METRIC: Final = 0.01 / 1000
MONTH_SECONDS: Final = 30 * 86_400
_LOOK_BACK_SECONDS: Final = 10 * MINUTE
_MOST_BACK_SECONDS: Final = 3 * 3600
_QUIET_ASKS: Final = 3
_MOST_PAGES: Final = 20
_EARLY_SECONDS: Final = 2.0
"""A series is due a moment before its time: reads are not exact to the second."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A series to ask for."""

    series: Series
    region: str
    account: str
    vital: bool


@dataclass(slots=True)
class _Watched:
    wanted: Wanted
    minutes: Minutes = field(default_factory=Minutes)
    asked_at: float = -math.inf
    quiet: int = 0


class Budget:
    """Dollars that come in evenly; a day's worth may be saved."""

    def __init__(self, monthly_dollars: float, now: float) -> None:
        self._rate = monthly_dollars / MONTH_SECONDS
        self._most = monthly_dollars / 30
        self._left = self._most
        self._at = now

    def metrics(self, now: float) -> int:
        """Return how many metrics may be asked for now."""
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        return int(self._left / DOLLARS_A_METRIC + 1e-6)

    def spend(self, metrics: int) -> None:
        """Take what so many metrics cost."""
        self._left -= metrics * DOLLARS_A_METRIC


class CloudWatchReader:
    """Keeps what is known of every series that is wanted. One read at a time."""

    def __init__(self, config: Config, caller: Caller, clock: Clock) -> None:
        self._config = config
        self._caller = caller
        self._clock = clock
        self._watched: dict[tuple[str, str, Series], _Watched] = {}
        self._budget = Budget(config.monthly_dollars, clock.now())
        self._asked = 0

    def read(
        self, wanted: Sequence[Wanted], deadline: float, ignore: Callable[[Series, int], bool]
    ) -> tuple[dict[tuple[str, str], CloudWatchSnapshot], list[Problem]]:
        """Ask for what is due.

        Args:
            wanted: all series that there should be; others are forgotten.
            deadline: monotonic.
            ignore: says of a series and a minute that its point is not to be believed.

        Returns:
            What is known, by account and region; and what could not be learnt.

        """
        now = self._clock.now()
        keys = {(one.account, one.region, one.series): one for one in wanted}
        for gone in self._watched.keys() - keys.keys():
            del self._watched[gone]
        for key, one in keys.items():
            if key not in self._watched:
                self._watched[key] = _Watched(one)
        due = [one for one in self._watched.values() if self._is_due(one, now)]
        due.sort(key=lambda one: (not one.wanted.vital, one.asked_at))
        affordable = self._budget.metrics(now)
        problems = []
        if len(due) > affordable:
            why = f"CloudWatch: {len(due) - affordable} metrics were not asked for: the budget is used up for now"
            problems.append(Problem("cloudwatch", "budget", why, len(due) - affordable))
            due = due[:affordable]
        for batch in _batches(due):
            problems += self._ask(batch, now, deadline, ignore)
        return self._known(now), problems

    def cost(self) -> CloudWatchCost:
        """Return what asking has cost."""
        return CloudWatchCost(self._asked, self._asked * DOLLARS_A_METRIC)

    def _interval(self, one: _Watched) -> float:
        if one.wanted.vital:
            return 0.0
        quiet = one.quiet >= _QUIET_ASKS
        return self._config.quiet_interval if quiet else self._config.detail_interval

    def _is_due(self, one: _Watched, now: float) -> bool:
        return now - one.asked_at >= self._interval(one) - _EARLY_SECONDS

    def _ask(
        self, batch: list[_Watched], now: float, deadline: float, ignore: Callable[[Series, int], bool]
    ) -> list[Problem]:
        oldest = min(one.asked_at for one in batch)
        start = max(min(oldest, now) - _LOOK_BACK_SECONDS, now - _MOST_BACK_SECONDS) // MINUTE * MINUTE
        end = now // MINUTE * MINUTE
        self._budget.spend(len(batch))
        self._asked += len(batch)
        try:
            with taken_apart(f"cloudwatch GetMetricData in {batch[0].wanted.region}"):
                found = self._points(batch, start, end, deadline)
        except SourceError as error:
            return [problem("cloudwatch", error, str(error), len(batch))]
        missing = 0
        for index, one in enumerate(batch):
            points = found.get(f"q{index}")
            if points is None:
                missing += 1
                continue
            believed = [(at, value) for at, value in points if not ignore(one.wanted.series, at)]
            one.quiet = 0 if one.minutes.take(believed, start) else one.quiet + 1
            one.asked_at = now
        if not missing:
            return []
        return [Problem("cloudwatch", "error", f"CloudWatch: no complete data for {missing} metrics", missing)]

    def _points(
        self, batch: list[_Watched], start: float, end: float, deadline: float
    ) -> dict[str, list[tuple[int, float]]]:
        """Return the points by query; a query that CloudWatch did not answer completely is left out."""
        found: dict[str, list[tuple[int, float]]] = {}
        broken: set[str] = set()
        given: dict[str, Any] = {
            "MetricDataQueries": [_query(index, one.wanted.series) for index, one in enumerate(batch)],
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(end, UTC),
            "ScanBy": "TimestampAscending",
        }
        for answer in self._caller.pages(
            "cloudwatch",
            batch[0].wanted.region,
            "GetMetricData",
            given,
            wants=("MetricDataResults",),
            deadline=deadline,
        ):
            for result in answer["MetricDataResults"]:
                pairs = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
                found.setdefault(result["Id"], []).extend((int(at.timestamp()), float(value)) for at, value in pairs)
                if result.get("StatusCode") in {"InternalError", "Forbidden"}:
                    broken.add(result["Id"])
        return {name: points for name, points in found.items() if name not in broken}

    def _known(self, now: float) -> dict[tuple[str, str], CloudWatchSnapshot]:
        """Return what was answered, and not too long ago."""
        known: dict[tuple[str, str], dict[Series, Reading]] = {}
        for (account, region, series), one in self._watched.items():
            longest = 2.5 * max(self._interval(one), MINUTE)
            if now - one.asked_at <= longest:
                told = one.minutes
                known.setdefault((account, region), {})[series] = Reading(
                    one.asked_at, told.minute, told.value, told.total
                )
        return {place: CloudWatchSnapshot(readings) for place, readings in known.items()}


def _batches(due: Sequence[_Watched]) -> Iterator[list[_Watched]]:
    """Yield requests' worth of series: of one region each, and of like urgency."""
    by_region: dict[tuple[str, bool], list[_Watched]] = {}
    for one in due:
        by_region.setdefault((one.wanted.region, one.wanted.vital), []).append(one)
    for ones in by_region.values():
        for start in range(0, len(ones), MOST_QUERIES):
            yield ones[start : start + MOST_QUERIES]


def _query(index: int, series: Series) -> dict[str, Any]:
    metric = {
        "Namespace": series.namespace,
        "MetricName": series.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
    }
    return {"Id": f"q{index}", "MetricStat": {"Metric": metric, "Period": MINUTE, "Stat": series.statistic}}
