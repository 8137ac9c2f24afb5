"""Reads everything of one kind that AWS runs beside streams and topics: one listing a read, descriptions in turn."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError, SourceThrottled
from streamwatch.model.cloudwatch import CloudWatchSnapshot
from streamwatch.model.kinesis import StreamKey, StreamsSnapshot
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.model.snapshot import Problem, Reason
from streamwatch.sources.aws.cloudwatch import CloudWatchReader, WantedSeries
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.config import CloudWatch as CloudWatchConfig
from streamwatch.sources.aws.errors import NotInTurn, NotThere, taken_apart
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.log import reading
from streamwatch.sources.problems import problem, reason_of
from streamwatch.sources.readers.attached import (
    Api,
    Attachable,
    Described,
    Listed,
    distinct,
    numbers,
    reader,
    series_of,
    unread,
    without_its_stream,
)
from streamwatch.sources.readers.clusters import WatchedClusters
from streamwatch.sources.readers.config import Attached

_SHARE: Final = 0.8
"""Of the interval: so long a read may take."""
_DISCOVERY_SHARE: Final = 0.6
"""Of that, so much: the rest is CloudWatch's."""
_KEPT_INTERVALS: Final = 2.5
"""A description that cannot be renewed is believed for so many intervals."""


class AttachedSource:
    """Reads one kind in one account. ``read`` and ``close`` may be called from any thread, one read a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, with whom, and who knows of streams
        self,
        name: str,
        kind: Attachable,
        config: Attached,
        access: AwsAccess,
        regions: Sequence[str],
        cloudwatch: CloudWatchConfig,
        clock: Clock,
        accounts: Accounts,
        streams: Callable[[], StreamsSnapshot | None],
        clusters: Callable[[], WatchedClusters],
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: of this source.
            kind: what is read.
            config: which of them, and how.
            access: who the agent is there.
            regions: where.
            cloudwatch: how CloudWatch is asked; the budget is the kind's own.
            clock: what time it is.
            accounts: the sessions that sources share.
            streams: returns what was last read of the account's streams.
            clusters: returns the Kafka clusters that the configuration names.

        """
        self.name = name
        self._kind, self._config, self._clock = kind, config, clock
        self._streams, self._clusters = streams, clusters
        self._closed = threading.Event()
        self._caller = SourceCalls(accounts.get(access), clock, self._closed.wait)
        self._regions = [_Region(kind, config, region, self._caller, clock) for region in regions]
        budget = replace(cloudwatch, monthly_dollars=config.monthly_dollars)
        self._cloudwatch = CloudWatchReader(budget, self._caller, clock)
        self._asks = cloudwatch.enabled

    def read(self) -> ReadersSnapshot:
        """Read every region, within four fifths of the interval; what could not be read is one of the problems."""
        reading(self.name)
        taken_at, started = self._clock.now(), self._clock.monotonic()
        seconds = min(50.0, _SHARE * self._config.interval)
        with ThreadPoolExecutor(len(self._regions), self._kind.kind) as pool:  # one that hangs costs the others nothing
            list(pool.map(lambda region: region.read(started + _DISCOVERY_SHARE * seconds), self._regions))
        problems = [wrong for region in self._regions for wrong in region.problems]
        known: Mapping[tuple[str, str], CloudWatchSnapshot] = {}
        if self._asks:
            wanted = [one for region in self._regions for one in self._wanted(region)]
            known, wrong = self._cloudwatch.read(wanted, started + seconds, lambda *_: False)
            problems += wrong
        streams = self._streams()
        readers = [one for region in self._regions for one in self._readers(region, known, streams)]
        return ReadersSnapshot(
            source=self.name,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            readers=tuple(readers) if any(one.is_listed for one in self._regions) else None,
            problems=tuple(problems),
            calls=self._caller.counts(),
            cost=self._cloudwatch.cost(),
        )

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()

    def _wanted(self, region: "_Region") -> Iterable[WantedSeries]:
        for one in region.described():
            for measure in self._kind.measures(one):
                series = series_of(self._kind, one, measure)
                yield WantedSeries(series, region.name, one.account, measure.vital, measure.is_counter)

    def _readers(
        self,
        region: "_Region",
        cloudwatch: Mapping[tuple[str, str], CloudWatchSnapshot],
        streams: StreamsSnapshot | None,
    ) -> Iterable[Reader]:
        kind, retention, clusters = self._kind.kind, _retention(streams), self._clusters()
        for one in region.described(streams):
            known = cloudwatch.get((one.account, region.name), CloudWatchSnapshot())
            kept = None if one.stream is None or one.is_writer else retention.get((one.place, region.name, one.stream))
            yield reader(kind, region.name, one, numbers(self._kind, one, known.readings.get), kept, clusters)
        for name, why in region.unread():
            yield unread(kind, name, region.name, region.account, why)


@dataclass(slots=True)
class _Known:
    """One that was listed."""

    listed: Listed
    described: Described | None = None
    described_at: float = float("-inf")
    stream_since: float = float("inf")
    """Since when it reads or writes the stream that it does."""
    tried_at: float = float("-inf")
    why: str = "it was not described yet"
    """Why it is not described, where it is not."""
    failed: Reason | None = None
    """Why the last try to describe it failed; None where it did not."""
    is_foreign: bool = False
    """Whether it reads no stream and no topic."""
    waits: bool = False
    """Whether it was refused in such a way that api again soon does not help."""


class _Region:
    """All of one kind in one region."""

    def __init__(self, kind: Attachable, config: Attached, name: str, caller: SourceCalls, clock: Clock) -> None:
        self.name = name
        self.problems: list[Problem] = []
        """What the last read could not learn."""
        self.is_listed = False
        """Whether it is known which there are."""
        self._kind, self._config, self._caller, self._clock = kind, config, caller, clock
        self._known: dict[str, _Known] = {}

    def read(self, deadline: float) -> None:
        """List, and describe what is due."""
        self.problems = []
        api = Api(self._kind.service, self.name, self._caller, deadline)
        try:
            with taken_apart(f"{self._kind.service} in {self.name}"):
                listed = self._kind.listed(api)
        except SourceError as error:
            self.is_listed = False
            self.problems = [problem("region", error, f"{self._kind.kind}: {error}")]
            return
        self.is_listed = True
        keys = {one.key: one for one in distinct(one for one in listed if self._config.names.admits(one.name))}
        for gone in self._known.keys() - keys.keys():
            del self._known[gone]
        due = [known for known in (self._follow(one) for one in keys.values()) if self._is_due(known)]
        self._describe(sorted(due, key=lambda known: known.tried_at), api, deadline)

    def described(self, streams: StreamsSnapshot | None = None) -> list[Described]:
        """Return those whose description is known, and not too old, with what streams say of them."""
        if not self.is_listed:
            return []
        oldest = self._clock.now() - _KEPT_INTERVALS * self._config.discover_interval
        return [
            self._beside(known.described, known.stream_since, streams)
            for known in self._in_order()
            if known.described is not None and known.described_at >= oldest
        ]

    def _beside(self, of: Described, since: float, streams: StreamsSnapshot | None) -> Described:
        """Return one as it is beside the streams: those that were listed before it had its stream say nothing of it."""
        names = streams.names.get(self.name) if streams is not None and streams.taken_at >= since else None
        return of if names is None else without_its_stream(of, self.name, names)

    def unread(self) -> list[tuple[str, str]]:
        """Return the names of the others, and why nothing is known of them."""
        if not self.is_listed:
            return []
        known = {one.name for one in self.described()}
        others = [one for one in self._in_order() if one.listed.name not in known]
        return [(one.listed.name, one.why) for one in others if not one.is_foreign]

    @property
    def account(self) -> str:
        """Whose they are, as far as any description says it."""
        return next((one.described.account for one in self._known.values() if one.described is not None), "")

    def _in_order(self) -> list[_Known]:
        return sorted(self._known.values(), key=lambda one: one.listed.name)

    def _follow(self, listed: Listed) -> _Known:
        known = self._known.setdefault(listed.key, _Known(listed))
        if (known.listed.version, known.listed.name) != (listed.version, listed.name):
            known.tried_at, known.waits = float("-inf"), False
        known.listed = listed
        return known

    def _is_due(self, known: _Known) -> bool:
        if known.tried_at > known.described_at and not known.waits:
            return True
        return not 0 <= self._clock.now() - known.tried_at < self._config.discover_interval

    def _describe(self, due: Sequence[_Known], api: Api, deadline: float) -> None:
        """Describe as many as there is time for, the longest waiting first."""
        left = list(due)
        while left and self._clock.monotonic() < deadline:
            known = left.pop(0)
            try:
                with taken_apart(f"{self._kind.service} {known.listed.name} in {self.name}"):
                    described = self._kind.described(api, known.listed)
            except NotThere:
                self._known.pop(known.listed.key, None)
                continue
            except NotInTurn:
                left.append(known)
                break
            except SourceError as error:
                known.tried_at, known.waits = self._clock.now(), isinstance(error, SourceDenied)
                known.why, known.failed = str(error), reason_of(error)
                if isinstance(error, SourceThrottled):
                    break  # the others at the next read
                continue
            if _stream(known.described) != _stream(described):
                known.stream_since = self._clock.now()
            known.described = described
            known.is_foreign, known.failed = known.described is None, None
            known.described_at = known.tried_at = self._clock.now()
        self._note(left)

    def _note(self, left: Sequence[_Known]) -> None:
        """Name what failed, as long as it was not tried again: a right that is missing is not tried at every read."""
        kind = self._kind.kind
        failed: dict[Reason, list[str]] = {}
        for one in self._known.values():
            if one.failed is not None:
                failed.setdefault(one.failed, []).append(f"{one.listed.name}: {one.why}")
        self.problems += [Problem("reader", reason, f"{kind} {of[0]}", len(of)) for reason, of in failed.items()]
        late = [one.listed.name for one in left if one.described is None and not one.is_foreign]
        if late:
            why = f"{kind}: {len(late)} in {self.name} are not described yet, {late[0]} for example"
            self.problems.append(Problem("reader", "budget", why, len(late)))


def _stream(of: Described | None) -> str | None:
    return None if of is None else of.stream_arn


def _retention(now: StreamsSnapshot | None) -> dict[StreamKey, float]:
    """Return for how long streams keep their records."""
    return {
        (one.account, one.region, one.name): one.description.retention_seconds
        for one in (now.streams if now is not None else None) or ()
        if one.description is not None and one.description.retention_seconds is not None
    }
