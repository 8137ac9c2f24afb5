"""Materialized views of Redshift that read streams, known by four statements that each warehouse is asked.

A statement costs, so a warehouse is asked at its ``interval`` only. In between, what is written to the streams is
followed from the snapshot of their own source: whether nothing was left to read is known some minutes later.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.log import reading
from streamwatch.sources.problems import problem
from streamwatch.sources.readers.config import RedshiftDatabase, RedshiftViews
from streamwatch.sources.readers.kcl_judge import Follow, RegionStreams, followed
from streamwatch.sources.readers.redshift_judge import WarehouseAnswer, WarehouseViews
from streamwatch.sources.readers.redshift_rows import MOST_ROWS, Scan, errors, refreshes, scans, statements, views
from streamwatch.sources.readers.redshift_statements import (
    Rows,
    StatementFailed,
    StatementRound,
    StillRunning,
    WarehouseStatements,
)

T = TypeVar("T")
LOOK_SECONDS: Final = 60.0
"""How often what is known of the streams is taken; a warehouse is asked more rarely."""
_READ_SECONDS: Final = 45.0
_LATE_SECONDS: Final = 60.0
"""Rows of the last minute are left to the next answer: some may still come."""
_KEPT_INTERVALS: Final = 2.5
_SCANS, _REFRESHES, _ERRORS = "sys_stream_scan_states", "sys_mv_refresh_history", "sys_stream_scan_errors"
_VIEWS = "svv_mv_info"


class RedshiftSource:
    """Reads the warehouses of one account. ``read`` and ``close`` may be called from any thread, one read a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, with whom, and who knows of streams
        self,
        name: str,
        config: RedshiftViews,
        access: AwsAccess,
        region: str,
        clock: Clock,
        accounts: Accounts,
        streams: Callable[[], StreamsSnapshot | None],
        follow: Follow,
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: of this source.
            config: which warehouses, and how often.
            access: who the agent is there.
            region: of warehouses that do not say theirs.
            clock: what time it is.
            accounts: the sessions that sources share.
            streams: returns what was last read of the account's streams.
            follow: gets the streams that are read.

        """
        self.name = name
        self._clock, self._streams, self._follow = clock, streams, follow
        self._closed = threading.Event()
        self._caller = SourceCalls(accounts.get(access), clock, self._closed.wait)
        self._warehouses = [
            _Asked(warehouse, config, warehouse.region or region, self._caller, clock)
            for warehouse in config.warehouses
        ]
        self._known = {warehouse.region: RegionStreams() for warehouse in self._warehouses}

    def read(self) -> ReadersSnapshot:
        """Ask the warehouses whose time has come, all at once; what could not be read is one of the problems."""
        reading(self.name)
        taken_at, started = self._clock.now(), self._clock.monotonic()
        now = self._streams()
        for region, streams in self._known.items():
            streams.take(now, region)
        with ThreadPoolExecutor(len(self._warehouses), "redshift") as pool:  # one that sleeps costs the others nothing
            list(pool.map(lambda warehouse: warehouse.read(started + _READ_SECONDS), self._warehouses))
        readers = [
            reader for warehouse in self._warehouses for reader in warehouse.readers(self._known[warehouse.region])
        ]
        self._follow(followed(readers))
        return ReadersSnapshot(
            source=self.name,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            readers=tuple(readers) if any(warehouse.is_read for warehouse in self._warehouses) else None,
            problems=tuple(wrong for warehouse in self._warehouses for wrong in warehouse.problems),
            calls=self._caller.counts(),
        )

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()


class _Asked:
    """One warehouse, and how far it is with its answers."""

    def __init__(
        self, of: RedshiftDatabase, config: RedshiftViews, region: str, caller: SourceCalls, clock: Clock
    ) -> None:
        self.region = region
        self.problems: list[Problem] = []
        """What is not known now."""
        self._interval, self._clock = config.interval, clock
        self._statements = WarehouseStatements(of, region, caller, clock)
        self._known = WarehouseViews(of.name, of.database, region, of.kafka_cluster)
        self._round: StatementRound | None = None
        self._asked_at = float("-inf")
        self._counted_until: float | None = None
        self._why = ""
        """Why nothing is known of its views, where that is so."""

    @property
    def is_read(self) -> bool:
        """Whether what is known of its views holds."""
        age = self._clock.now() - self._known.read_at
        return not self._why and age <= _KEPT_INTERVALS * self._interval

    def readers(self, streams: RegionStreams) -> Iterable[Reader]:
        """Return its views."""
        if self.is_read:
            return self._known.readers(streams, self._interval)
        return self._known.unread(streams, self._why or "it has not answered for long")

    def read(self, deadline: float) -> None:
        """Ask, where it is time, or go on asking."""
        now = self._clock.now()
        if self._round is None:
            if 0 <= now - self._asked_at < self._interval:
                return
            until = now - _LATE_SECONDS
            since = until if self._counted_until is None else self._counted_until
            self._round = StatementRound(statements(since, until), since, until)
            self._asked_at = now
        try:
            self._statements.go_on(self._round, deadline)
        except StillRunning as error:
            self.problems = [problem("region", error, f"redshift: {error}")]
            return
        done, self._round = self._round, None
        self._take(done)

    def _take(self, done: StatementRound) -> None:
        self.problems = []
        try:
            with taken_apart(f"redshift-data in {self.region}"):
                progress = self._whole(scans(_rows(done, _SCANS)))
        except SourceError as error:
            self._why = str(error)
            self.problems = [problem("region", error, f"redshift: {error}")]
            if not isinstance(error, StatementFailed):  # what did not run has not cost, and may be tried soon
                self._asked_at = float("-inf")
            return
        self._why, self._counted_until = "", done.until
        self._known.take(
            WarehouseAnswer(
                progress,
                self._part(done, _REFRESHES, refreshes),
                self._part(done, _ERRORS, errors),
                self._part(done, _VIEWS, views),
            ),
            self._clock.now(),
        )

    def _part(self, done: StatementRound, name: str, understood: Callable[[Rows], T]) -> T | None:
        """Return one of the answers that a reader can be without; None where there is none."""
        try:
            with taken_apart(f"redshift-data in {self.region}"):
                return understood(_rows(done, name))
        except SourceError as error:
            self.problems.append(problem("reader", error, f"redshift: {error}"))
            return None

    def _whole(self, rows: Sequence[Scan]) -> Sequence[Scan]:
        """Return what is whole of an answer: one that is cut may have a part of its last view only."""
        if len(rows) <= MOST_ROWS:
            return rows
        why = f"redshift: {self._known.name} scans more than {MOST_ROWS} shards and partitions: the rest is not known"
        self.problems.append(Problem("region", "budget", why))
        return [scan for scan in rows if scan.view != rows[-1].view]


def _rows(done: StatementRound, name: str) -> Rows:
    answer = done.answers[name]
    if isinstance(answer, SourceError):
        raise answer
    return answer
