"""Reads the workers of one Kafka Connect cluster; one that is down costs its own share where others answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.model.connect import Connector, ConnectSnapshot, ConnectWorker
from streamwatch.model.snapshot import Problem
from streamwatch.sources.connect.config import Config
from streamwatch.sources.connect.parse import LISTING, connectors, worker
from streamwatch.sources.connect.progress import ProgressReader
from streamwatch.sources.connect.rest import CONFLICT, NOT_FOUND, OK, Rest
from streamwatch.sources.log import logger, reading
from streamwatch.sources.problems import problem

log = logger(__name__)

_MOST_AT_ONCE: Final = 16
_MOST_ASKED: Final = 3
"""Workers that are asked of the connectors in one read: each may take as long as its timeout."""
_MOST_LINES: Final = 20
"""Of the log, for what failed since the last read."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """What the workers say of the connectors."""

    connectors: tuple[Connector, ...] | None
    is_rebalancing: bool | None
    problems: tuple[Problem, ...]


class ConnectSource:
    """Reads one Kafka Connect cluster. One read at a time."""

    def __init__(self, config: Config, clock: Clock) -> None:
        """Prepare; nothing is asked before the first read."""
        self.config = config
        self._clock = clock
        self._rests = [Rest(url, config, clock) for url in config.urls]
        self._first = 0
        """The worker that knew of the connectors last: it is asked first."""
        self._failures: frozenset[tuple[str, int | None]] = frozenset()

    def read(self) -> ConnectSnapshot:
        """Ask every worker who it is, and one of them for all connectors."""
        reading(self.config.name)
        taken_at, started = self._clock.now(), self._clock.monotonic()
        with ThreadPoolExecutor(min(_MOST_AT_ONCE, len(self._rests)), f"connect {self.config.name}") as pool:
            asked = list(pool.map(_who, self._rests))
        workers = [one for one, _ in asked]
        foreign = list(_foreign(workers))
        able = [at for at, one in enumerate(workers) if one.is_up is not False and one not in foreign]
        listing = self._listing(able)
        if listing.connectors is not None:
            spare = self.config.interval - (self._clock.monotonic() - started)
            reader = ProgressReader(self._rests[self._first], self._clock, min(self.config.timeout, spare))
            some, more = reader.read(listing.connectors)
            listing = replace(listing, connectors=some, problems=(*listing.problems, *more))
        found = ConnectSnapshot(
            source=self.config.name,
            kafka_cluster=self.config.kafka_cluster,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            workers=tuple(workers),
            connectors=listing.connectors,
            is_rebalancing=listing.is_rebalancing,
            problems=(
                *(one for _, one in asked if one is not None),
                *(Problem("worker", "foreign", f"{one.address}: it uses another Kafka cluster") for one in foreign),
                *listing.problems,
            ),
        )
        self._note(found)
        return found

    def close(self) -> None:
        """Nothing is held open between reads."""

    def _listing(self, able: list[int]) -> _Listing:
        """Ask for the connectors: first who knew them last, then others, until one knows."""
        order = sorted(able, key=lambda at: (at - self._first) % len(self._rests))
        states, problems = set[int](), list[Problem]()
        for at in order[:_MOST_ASKED]:
            rest = self._rests[at]
            try:
                answer = rest.get(LISTING)
                if answer.status in {NOT_FOUND, CONFLICT}:
                    states.add(answer.status)
                    continue
                found, odd = connectors(rest.address, answer.body, self.config)
            except SourceError as error:
                problems.append(problem("worker", error, str(error)))
                continue
            self._first = at
            return _Listing(found, is_rebalancing=False, problems=(*problems, *odd))
        if CONFLICT in states:
            return _Listing(None, is_rebalancing=True, problems=tuple(problems))
        if NOT_FOUND in states:
            detail = "the workers answer with HTTP status 404: either they have just been started, or `urls` is wrong"
            problems.append(Problem("worker", "misread", detail))
        return _Listing(None, is_rebalancing=None, problems=tuple(problems))

    def _note(self, now: ConnectSnapshot) -> None:
        """Say it in the log when a task or a connector has failed, once."""
        if now.connectors is None:
            return
        failed = now.failures()
        known = frozenset((one.name, task.id if task else None) for one, task in failed)
        fresh = [(one, task) for one, task in failed if (one.name, task.id if task else None) not in self._failures]
        for one, task in fresh[:_MOST_LINES]:
            facts = {"connector": one.name, "task": task.id if task else "", "trace": task.trace if task else one.trace}
            log.warning("a task failed, and is not restarted by itself", extra=facts)
        if len(fresh) > _MOST_LINES:
            log.warning("%d more tasks failed", len(fresh) - _MOST_LINES)
        self._failures = known


def _who(rest: Rest) -> tuple[ConnectWorker, Problem | None]:
    """Ask a worker who it is."""
    try:
        answer = rest.get("/")
        if answer.status != OK:  # it rebalances, or has not started yet
            return ConnectWorker(rest.address, True if answer.status == CONFLICT else None), None
        return worker(rest.address, answer.body), None
    except SourceError as error:
        is_up = False if isinstance(error, SourceUnavailable) else None
        return ConnectWorker(rest.address, is_up), problem("worker", error, str(error))


def _foreign(workers: list[ConnectWorker]) -> Iterator[ConnectWorker]:
    """Yield the workers of another Kafka cluster than that of the first that says."""
    ids = [one.kafka_cluster_id for one in workers if one.kafka_cluster_id]
    yield from (one for one in workers if one.kafka_cluster_id and one.kafka_cluster_id != ids[0])
