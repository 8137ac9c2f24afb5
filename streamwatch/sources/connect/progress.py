"""How far source connectors are: what they committed, which no group has."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceMisread, SourceUnavailable, SourceUnsupported
from streamwatch.model.connect import Connector, Mirror, Progress
from streamwatch.model.snapshot import Problem
from streamwatch.sources.connect.mirrors import LARGEST, Odd, copied, groups, pairs
from streamwatch.sources.connect.rest import CONFLICT, NOT_FOUND, Rest
from streamwatch.sources.problems import problem

_UNITS: Final[Mapping[str, float]] = {"ts_usec": 1e-6, "ts_ms": 1e-3, "ts_sec": 1.0}
"""Times in Debezium's offsets, in seconds: PostgreSQL's, and others'."""


class _Rebalances(SourceError):
    """The workers put the question off."""


class ProgressReader:
    """Asks one worker for the progress of connectors, one after the other, until its time is up."""

    def __init__(self, rest: Rest, clock: Clock, seconds: float) -> None:
        self._rest, self._clock = rest, clock
        self._until = clock.monotonic() + seconds

    def read(self, connectors: Iterable[Connector]) -> tuple[tuple[Connector, ...], tuple[Problem, ...]]:
        """Return the connectors with what is known of their progress, and what is not known."""
        found, failed = list[Connector](), list[SourceError]()
        left = 0
        for connector in connectors:
            if connector.progress is None:
                found.append(connector)
                continue
            if self._clock.monotonic() >= self._until or any(isinstance(why, SourceUnavailable) for why in failed):
                left += 1
                found.append(connector)
                continue
            try:
                found.append(replace(connector, progress=self._progress(connector.name, connector.progress)))
            except _Rebalances:
                found.append(connector)
            except SourceError as error:
                failed.append(error)
                found.append(connector)
        return tuple(found), tuple(_problems(failed, left))

    def _progress(self, name: str, before: Progress) -> Progress:
        path = f"/connectors/{quote(name, safe='')}"
        try:
            if before.mirror is None:
                return Progress(_changed_at(self._ask(f"{path}/offsets")))
            return Progress(mirror=self._mirror(path, before.mirror))
        except Odd as why:
            raise SourceMisread(f"{self._rest.address}: progress of connector {name!r}: {why}") from None

    def _mirror(self, path: str, before: Mirror) -> Mirror:
        tasks = self._ask(f"{path}/tasks")
        if before.is_copying:
            return replace(before, topics=copied(before, tasks, self._ask(f"{path}/offsets")))
        return replace(before, groups=groups(tasks))

    def _ask(self, path: str) -> Any:  # noqa: ANN401 - whatever was answered
        answer = self._rest.get(path, self._until - self._clock.monotonic())
        if answer.status == CONFLICT:
            raise _Rebalances(path)
        if answer.status == NOT_FOUND:
            raise SourceUnsupported(f"{self._rest.address}{path}: not found: Kafka Connect 3.5 or later is needed")
        return answer.body


def _problems(failed: list[SourceError], left: int) -> Iterator[Problem]:
    if failed:
        yield problem("connector", failed[0], str(failed[0]), len(failed))
    if left:
        yield Problem("connector", "budget", "no time was left to ask for the progress of more connectors", left)


def _changed_at(offsets: Any) -> float | None:  # noqa: ANN401 - the same
    """Return the time in Debezium's offsets, the earliest of several databases; None where it has none."""
    times = [
        float(at[key]) * unit
        for _, at in pairs(offsets)
        for key, unit in _UNITS.items()
        if isinstance(at.get(key), int) and 0 < at[key] < LARGEST
    ]
    return min(times, default=None)
