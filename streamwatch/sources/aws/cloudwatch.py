"""Reads CloudWatch: up to 500 metrics a request, only those that the catalogue knows, within a budget.

Vital series (throttling, iterator age) are asked for at every read, the others less often; one that has had no point
for a while sleeps for longer. What is asked is billed by the metric, whether or not it has points, and however many:
so a counter is always asked for as far back as CloudWatch may be late, or as its last answer is old.
"""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.model.cloudwatch import CloudWatchCost, CloudWatchSnapshot, Reading, Series
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.config import CloudWatch as Config
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.minutes import MINUTE, Minutes
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.problems import problem

MOST_QUERIES: Final = 500
DOLLARS_A_METRIC: Final = 0.01 / 1000
MONTH_SECONDS: Final = 30 * 86_400
MOST_POINTS: Final = 100_800
"""CloudWatch gives a request so many points, and the others on further pages."""
POINTS_A_SECOND: Final = 90_000
"""Half of what AWS allows an account and region, counted as AWS does: every minute asked for, with a point or not."""
_LATE_MINUTES: Final = 65
"""A minute of a counter may come, or change, so long after it began, where CloudWatch is in time."""
_MOST_LATE_MINUTES: Final = 12 * 60
"""A region of which nothing new comes is late: by so much at the most, and by what its points cost to ask for."""
_MOST_LATE_POINTS: Final = 5 * POINTS_A_SECOND
_LOOK_BACK_MINUTES: Final = 10
_MOST_BACK_SECONDS: Final = 14 * 24 * 3600
"""CloudWatch keeps minutes for 15 days."""
_KEPT_SECONDS: Final = 3600.0
"""A counter that is not wanted any more is remembered for so long: it goes on if it comes back."""
_GAUGE_KEPT_SECONDS: Final = 600.0
"""And a gauge, which has nothing to go on from but when it is due."""
_QUIET_ASKS: Final = 3
_EARLY_SECONDS: Final = 2.0
"""A series is due a moment before its time: reads are not exact to the second."""


@dataclass(frozen=True, slots=True)
class WantedSeries:
    """A series to ask for."""

    series: Series
    region: str
    account: str
    vital: bool
    is_counter: bool


@dataclass(slots=True)
class _Watched:
    wanted: WantedSeries
    wanted_at: float
    minutes: Minutes
    unknown_at: float = -math.inf
    """When it was last not known whether it is there."""
    asked_at: float = -math.inf
    """When it was last asked for, and answered."""
    interval: float = 0.0
    """How long it was then to wait for its next turn."""
    quiet: int = 0
    own: int = 0
    """Minutes after the newest that is believed which count the agent's own reads."""
    period: int = MINUTE

    def start(self, now: float) -> int:
        """Return the first minute to ask for."""
        newest = _minute(now, self.period)
        start = newest - _LOOK_BACK_MINUTES * self.period
        if self.wanted.is_counter:
            start = min(start, self.minutes.mark)
        return max(start, newest - _MOST_BACK_SECONDS)

    def lost(self, now: float) -> bool:
        """Whether there are minutes that count and are too old to ask for."""
        return self.wanted.is_counter and self.minutes.mark < self.start(now)


class Budget:
    """Dollars that come in evenly; a day's worth may be saved. May be shared by readers, from any thread."""

    def __init__(self, monthly_dollars: float, now: float) -> None:
        self._rate = monthly_dollars / MONTH_SECONDS
        self._most = monthly_dollars / 30
        self._left = self._most
        self._at = now
        self._lock = threading.Lock()

    def metrics(self, now: float) -> int:
        """Return how many metrics may be asked for now."""
        with self._lock:
            self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
            self._at = now
            return max(0, int(self._left / DOLLARS_A_METRIC + 1e-6))

    def spend(self, metrics: int) -> None:
        """Take what so many metrics cost."""
        with self._lock:
            self._left -= metrics * DOLLARS_A_METRIC


class CloudWatchReader:
    """Keeps what is known of every series that is wanted. One read at a time."""

    def __init__(self, config: Config, caller: SourceCalls, clock: Clock, budget: Budget | None = None) -> None:
        self._config = config
        self._period = int(config.period)
        self._caller = caller
        self._clock = clock
        self._watched: dict[tuple[str, str, Series], _Watched] = {}
        self._budget = budget or Budget(config.monthly_dollars, clock.now())
        self._asked = 0
        self._followed_at = clock.now()
        """When it was last known what there is to ask for."""
        self._counters: Counter[str] = Counter()
        """How many series look back, by region."""
        self._newest: dict[str, int] = {}
        """The newest minute of which CloudWatch has had anything, by region."""
        self._points_until: dict[str, float] = {}
        """When the points asked for so far are over, at the rate that is kept, by region; by ``monotonic``."""
        self._unanswered: set[str] = set()
        """Regions that did not answer when they were last asked."""

    def read(
        self,
        wanted: Sequence[WantedSeries],
        deadline: float,
        is_ours: Callable[[WantedSeries, int], bool],
        is_unknown: Callable[[WantedSeries], bool] = lambda _: False,
    ) -> tuple[dict[tuple[str, str], CloudWatchSnapshot], list[Problem]]:
        """Ask for what is due.

        Args:
            wanted: all series that there should be; others are not asked for, and forgotten after a while.
            deadline: monotonic.
            is_ours: says of a gauge and a minute that its point tells of the agent itself, and is not to be believed.
            is_unknown: says of what was wanted, and is not now, that nobody knows whether it is there: its counter
                waits, however long, and goes on.

        Returns:
            What is known, by account and region; and what could not be learnt.

        """
        now = self._clock.now()
        followed = self._follow(wanted, now, is_unknown)
        self._counters = Counter(one.wanted.region for one in followed if one.wanted.is_counter)
        due = [one for one in followed if self._is_due(one, now)]
        due.sort(key=lambda one: (not one.wanted.vital, one.asked_at))
        affordable = self._budget.metrics(now)
        problems = []
        if len(due) > affordable:
            why = f"CloudWatch: {len(due) - affordable} metrics were not asked for: the budget is used up for now"
            problems.append(Problem("cloudwatch", "budget", why, len(due) - affordable))
            due = due[:affordable]
        lost = sum(one.lost(now) for one in due)
        if lost:
            why = f"CloudWatch: {lost} metrics were last answered more than 14 days ago: their counters miss the rest"
            problems.append(Problem("cloudwatch", "timeout", why, lost))
        # A region that hangs is asked last, and once: the others do not wait for it.
        hung: set[str] = set()
        for batch in sorted(_batches(due, now), key=lambda batch: batch[0].wanted.region in self._unanswered):
            region = batch[0].wanted.region
            if region in hung:
                why = f"CloudWatch: {len(batch)} metrics were not asked for: {region} does not answer"
                problems.append(Problem("cloudwatch", "timeout", why, len(batch)))
                continue
            problems += self._ask(batch, now, deadline, is_ours)
            hung |= {region} & self._unanswered
        return self._known(now), problems

    def cost(self) -> CloudWatchCost:
        """Return what asking has cost."""
        return CloudWatchCost(self._asked, self._asked * DOLLARS_A_METRIC)

    def _follow(
        self, wanted: Sequence[WantedSeries], now: float, is_unknown: Callable[[WantedSeries], bool]
    ) -> list[_Watched]:
        """Return what is wanted, with what is known of it; what has not been wanted for long is forgotten."""
        keys: dict[tuple[str, str, Series], WantedSeries] = {}
        for one in wanted:
            keys.setdefault((one.account, one.region, one.series), one)
        followed = []
        first = self._first(now)
        for key, one in keys.items():
            watched = self._watched.get(key)
            if watched is None:
                watched = self._watched[key] = _Watched(one, now, Minutes(first, self._period), period=self._period)
            watched.wanted, watched.wanted_at = one, now
            followed.append(watched)
        self._followed_at = now
        for key, each in list(self._watched.items()):
            if each.wanted_at != now and is_unknown(each.wanted):
                each.unknown_at = now
            kept = _KEPT_SECONDS if each.wanted.is_counter else _GAUGE_KEPT_SECONDS
            if now - max(each.wanted_at, each.unknown_at) > kept:
                del self._watched[key]
        return followed

    def _first(self, now: float) -> int:
        """Return the first minute that counts of what is wanted now, and was not before.

        It may have been there since the last read; and since the agent began nobody else can have counted it.
        """
        newest = _minute(now, self._period)
        since = max(_minute(self._followed_at, self._period), newest - _LOOK_BACK_MINUTES * self._period)
        return min(since, newest)

    def _settled(self, region: str, now: float) -> int:
        """Return the minute before which none changes any more.

        A region of which nothing new comes is late, or has nothing to say; its minutes may change as late as it is.
        What asking for them costs is a bound.
        """
        minute, newest = _minute(now, self._period), self._newest[region]
        late = max(_LATE_MINUTES * self._period, minute - newest)
        most = max(_LATE_MINUTES, min(_MOST_LATE_MINUTES, _MOST_LATE_POINTS // max(1, self._counters[region])))
        return max(newest - late, minute - most * self._period)

    def _interval(self, watched: _Watched) -> float:
        if watched.wanted.vital:
            return 0.0
        quiet = watched.quiet >= _QUIET_ASKS
        interval = self._config.quiet_interval if quiet else self._config.detail_interval
        return interval * self._period / MINUTE

    def _is_due(self, watched: _Watched, now: float) -> bool:
        since = now - watched.asked_at
        return since >= self._interval(watched) - _EARLY_SECONDS or since < 0

    def _ask(
        self, batch: list[_Watched], now: float, deadline: float, is_ours: Callable[[WantedSeries, int], bool]
    ) -> list[Problem]:
        region = batch[0].wanted.region
        end = _minute(now, self._period)
        for one in batch:
            if one.minutes.is_ahead(end):  # of a clock that was wrong
                one.minutes = Minutes(end, self._period)
        start = min(one.start(now) for one in batch)
        self._newest.setdefault(region, end)
        if not self._await_turn(region, len(batch) * (end - start) // self._period, deadline):
            why = f"CloudWatch: {len(batch)} metrics were not asked for before the deadline of the read"
            return [Problem("cloudwatch", "timeout", why, len(batch))]
        self._budget.spend(len(batch))
        self._asked += len(batch)
        self._unanswered.discard(region)
        try:
            with taken_apart(f"cloudwatch GetMetricData in {region}"):
                found = self._points(batch, start, end, deadline)
        except SourceError as error:
            if isinstance(error, SourceUnavailable):
                self._unanswered.add(region)
            return [problem("cloudwatch", error, str(error), len(batch))]
        found = {
            name: [(at, value) for at, value in points if start <= at < end and math.isfinite(value)]
            for name, points in found.items()
        }
        newest = max((at for points in found.values() for at, _ in points), default=start)
        self._newest[region] = max(min(self._newest[region], end), newest)
        settled = self._settled(region, now)
        missing = 0
        for index, one in enumerate(batch):
            points = found.get(f"q{index}")
            if points is None:
                missing += 1
            else:
                _take(one, points, now, settled, is_ours)
                one.interval = self._interval(one)
        if not missing:
            return []
        return [Problem("cloudwatch", "error", f"CloudWatch: no complete data for {missing} metrics", missing)]

    def _await_turn(self, region: str, points: int, deadline: float) -> bool:
        """Wait until so many points may be asked for, a second's worth at once; return whether that is in time."""
        now = self._clock.monotonic()
        until = max(self._points_until.get(region, now), now)
        if max(now, until - 1) >= deadline:
            return False
        if until - now > 1:
            self._caller.wait(until - now - 1)
        self._points_until[region] = until + points / POINTS_A_SECOND
        return True

    def _points(
        self, batch: list[_Watched], start: int, end: int, deadline: float
    ) -> dict[str, list[tuple[int, float]]]:
        """Return the points by query; a query that CloudWatch did not answer completely is left out."""
        found: dict[str, list[tuple[int, float]]] = {}
        broken: set[str] = set()
        params: dict[str, Any] = {
            "MetricDataQueries": [_query(index, one.wanted.series, self._period) for index, one in enumerate(batch)],
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(end, UTC),
            "ScanBy": "TimestampAscending",
        }
        for answer in self._caller.pages(
            "cloudwatch",
            batch[0].wanted.region,
            "GetMetricData",
            params,
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
            longest = 2.5 * max(self._interval(one), one.interval, self._period)
            if one.wanted_at == now and now - one.asked_at <= longest:
                minutes = one.minutes
                known.setdefault((account, region), {})[series] = Reading(
                    one.asked_at, minutes.minute, minutes.value, minutes.total, one.own, self._period
                )
        return {place: CloudWatchSnapshot(readings) for place, readings in known.items()}


def _take(
    watched: _Watched,
    points: Sequence[tuple[int, float]],
    now: float,
    settled: int,
    is_ours: Callable[[WantedSeries, int], bool],
) -> None:
    """Take one complete answer."""
    ours = set() if watched.wanted.is_counter else {at for at, _ in points if is_ours(watched.wanted, at)}
    before, period = watched.minutes.minute, watched.period
    watched.minutes.take([(at, value) for at, value in points if at not in ours], settled)
    newest = watched.minutes.minute
    watched.own = sum(not at <= newest for at in ours)
    is_news = newest >= now - _LOOK_BACK_MINUTES * period or not (math.isnan(newest) or newest <= before)
    watched.quiet = 0 if is_news else watched.quiet + 1
    watched.asked_at = now


def _minute(now: float, period: int) -> int:
    """Return the start of the minute."""
    return int(now // period) * period


def _batches(due: Sequence[_Watched], now: float) -> Iterator[list[_Watched]]:
    """Yield requests' worth of series: of one region each, of like urgency, and that look back alike."""
    alike: dict[tuple[str, bool], list[_Watched]] = {}
    for one in due:
        alike.setdefault((one.wanted.region, one.wanted.vital), []).append(one)
    for ones in alike.values():
        ones.sort(key=lambda one: one.start(now))
        while ones:
            period = ones[0].period
            minutes = (_minute(now, period) - ones[0].start(now)) // period
            most = max(1, min(MOST_QUERIES, MOST_POINTS // minutes))
            yield ones[:most]
            ones = ones[most:]  # noqa: PLW2901 - the rest


def _query(index: int, series: Series, period: int) -> dict[str, Any]:
    metric = {
        "Namespace": series.namespace,
        "MetricName": series.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
    }
    return {"Id": f"q{index}", "MetricStat": {"Metric": metric, "Period": period, "Stat": series.statistic}}
