"""Kinesis streams, read from the control plane and from CloudWatch; records are read by probes only, if at all."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.model.cloudwatch import CloudWatchSnapshot, series_of
from streamwatch.model.kinesis import ShardAges, ShardKey, Stream, StreamKey, StreamsSnapshot
from streamwatch.model.metric import CloudWatchMetric, Metric
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.cloudwatch import Budget, CloudWatchReader, WantedSeries
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.kinesis.config import Config
from streamwatch.sources.kinesis.describe import Region
from streamwatch.sources.kinesis.probe import Prober
from streamwatch.sources.log import logger, reading

log = logger(__name__)

_THREADS: Final = 8
_AGE: Final = "GetRecords.IteratorAgeMilliseconds"
_SHARD_AGE: Final = "IteratorAgeMilliseconds"
_CALLS: Final = ("GetRecords.Success", "SampleCount")
_WRITTEN: Final = "IncomingRecords"
_REFUSED: Final = "WriteProvisionedThroughputExceeded"
_REFUSED_SECONDS: Final = 900.0
"""After records of a stream were refused it is asked at every read for so long how many were not."""
_SHARE: Final = 0.5
"""Of the time of a read: the control plane may take so much and leaves the rest to CloudWatch; probes may take so much
of what is left after both."""


class KinesisSource:
    """Reads the streams of one account. ``read`` and ``close`` may be called from any thread, one read at a time."""

    def __init__(self, config: Config, clock: Clock, accounts: Accounts, asked: Sequence[Metric]) -> None:
        """Make the clients' account; nothing is called before the first read.

        Args:
            config: which streams, and how.
            clock: what time it is.
            accounts: the sessions that sources share.
            asked: the metrics of the catalogue that CloudWatch is asked for.

        """
        self.config = config
        self._clock = clock
        self._closed = threading.Event()
        self._caller = SourceCalls(accounts.get(config.access), clock, self._closed.wait)
        self._asked = asked
        self._regions = [Region(config, region, self._caller, clock) for region in config.regions]
        self.budget = Budget(config.cloudwatch.monthly_dollars, clock.now())
        """Of all that the account's entry asks of CloudWatch, whichever source asks."""
        self._cloudwatch = CloudWatchReader(config.cloudwatch, self._caller, clock, self.budget)
        self._notes: tuple[str, ...] = ()
        self._prober = Prober(config.probe, self._caller, clock, self._closed.wait)
        self.last: StreamsSnapshot | None = None
        """What was last read."""
        self._followed: dict[str, frozenset[StreamKey]] = {}
        """By the kind of their readers: the streams of which it is asked at every read how much was written."""
        self._refused_at: dict[StreamKey, float] = {}
        """The newest minute in which a stream refused records."""

    def read(self) -> StreamsSnapshot:
        """Read every region, within the configured deadline; what could not be read is one of the problems."""
        reading(self.config.name)
        taken_at, started = self._clock.now(), self._clock.monotonic()
        deadline = started + self.config.read_seconds
        problems: list[Problem] = []
        streams: list[Stream] | None = None
        without: dict[str, int] = {}
        until = self._share_of(started, deadline)
        with ThreadPoolExecutor(len(self._regions), "kinesis") as pool:  # one that hangs costs the others nothing
            answers = list(pool.map(lambda region: _read(region, until), self._regions))
        for region, (found, wrong) in zip(self._regions, answers, strict=True):
            problems += wrong
            if found is not None:
                streams = (streams or []) + list(found)
                if region.left_out is not None:
                    without[region.region] = region.left_out
        cloudwatch: dict[tuple[str, str], CloudWatchSnapshot] = {}
        ages: dict[ShardKey, ShardAges] = {}
        if streams is not None:
            if self.config.cloudwatch.enabled:
                listed = {
                    region.region
                    for region, (found, _) in zip(self._regions, answers, strict=True)
                    if found is not None
                }
                unknown = _Unknown(listed, streams)
                cloudwatch, wrong = self._cloudwatch.read(list(self._wanted(streams)), deadline, self._is_ours, unknown)
                problems += wrong
                self._note_refusals(cloudwatch, taken_at)
            if self.config.probe.enabled:
                ages, wrong = self._prober.read(streams, self._share_of(self._clock.monotonic(), deadline))
                problems += wrong
        now = self._snapshot(taken_at, started, streams, cloudwatch, ages, problems)
        names = {region.region: region.names for region in self._regions if region.names is not None}
        self.last = self._noted(replace(now, without=without, names=names))
        return self.last

    def follow(self, kind: str, streams: frozenset[StreamKey]) -> None:
        """Ask at every read how much was written to these: what is known of a kind of readers hangs on it."""
        self._followed[kind] = streams

    def want_shards(self, streams: frozenset[StreamKey]) -> None:
        """List the shards of these at the next read: somebody has seen some that the last listing does not have."""
        for region in self._regions:
            for _, _, name in (one for one in streams if one[:2] == (region.account, region.region)):
                region.want_shards(name)

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()

    def _share_of(self, started: float, deadline: float) -> float:
        """Return when a part of the read that begins now has to end; without CloudWatch nobody waits for it."""
        return started + (deadline - started) * (_SHARE if self.config.cloudwatch.enabled else 1.0)

    def _noted(self, now: StreamsSnapshot) -> StreamsSnapshot:
        """Say it in the log when a region has nothing to watch, once."""
        for note in now.notes():
            if note not in self._notes:
                log.warning("%s", note)
        self._notes = now.notes()
        return now

    def _snapshot(  # noqa: PLR0913, PLR0917 - what one read made
        self,
        taken_at: float,
        started: float,
        streams: list[Stream] | None,
        cloudwatch: dict[tuple[str, str], CloudWatchSnapshot],
        ages: dict[ShardKey, ShardAges],
        problems: list[Problem],
    ) -> StreamsSnapshot:
        return StreamsSnapshot(
            source=self.config.name,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            streams=None if streams is None else tuple(streams),
            quotas=tuple(region.quota for region in self._regions if region.quota is not None),
            cloudwatch=cloudwatch,
            by_cloudwatch=self.config.cloudwatch.enabled,
            cost=self._cloudwatch.cost(),
            ages=ages,
            own_calls=self._prober.calls(),
            problems=tuple(problems),
            calls=self._caller.counts(),
        )

    def _wanted(self, streams: Iterable[Stream]) -> Iterable[WantedSeries]:
        """Yield the series to ask CloudWatch for: those of a shard only where they are on."""
        for stream in streams:
            description = stream.description
            for metric in self._asked:
                mapping = metric.cloudwatch
                if mapping is None:
                    continue
                if "shard" in metric.labels:
                    shards = (
                        description.shards if description is not None and self.config.cloudwatch.shard_level else None
                    )
                    is_on = description is not None and mapping.name in description.watched
                    places = [{"shard": shard.id} for shard in shards or () if is_on and shard.is_open]
                elif "consumer" in metric.labels:
                    places = [
                        {"consumer": name}
                        for name in (description.consumers if description is not None else None) or ()
                    ]
                else:
                    places = [{}]
                for place in places:
                    series = series_of(metric, {"stream": stream.name} | place)
                    is_vital = mapping.vital or (not place and self._is_vital_now(stream, mapping))
                    yield WantedSeries(series, stream.region, stream.account, is_vital, metric.kind == "counter")

    def _is_vital_now(self, stream: Stream, mapping: CloudWatchMetric) -> bool:
        """Whether a detail does not wait: it is what another number of this minute is compared with."""
        if (mapping.name, mapping.statistic) == _CALLS:  # where the agent reads: does somebody else?
            return self.config.probe.enabled
        key = (stream.account, stream.region, stream.name)
        is_followed = any(key in some for some in tuple(self._followed.values()))
        return mapping.name == _WRITTEN and (key in self._refused_at or is_followed)

    def _note_refusals(self, cloudwatch: Mapping[tuple[str, str], CloudWatchSnapshot], now: float) -> None:
        """Remember which streams refuse records."""
        for (account, region), known in cloudwatch.items():
            for series, newest in known.readings.items():
                if series.name == _REFUSED and len(series.dimensions) == 1 and newest.value > 0:
                    self._refused_at[account, region, series.dimensions[0][1]] = newest.minute
        for old in [stream for stream, at in self._refused_at.items() if now - at > _REFUSED_SECONDS]:
            del self._refused_at[old]

    def _is_ours(self, wanted: WantedSeries, minute: int) -> bool:
        """Whether a point counts the agent's own probes instead of the readers."""
        if wanted.series.name not in {_AGE, _SHARD_AGE}:
            return False
        name = dict(wanted.series.dimensions).get("StreamName", "")
        return self._prober.is_ours((wanted.account, wanted.region, name), minute)


class _Unknown:
    """What this read could not learn of: whether a series is there, of which nothing was said, nobody knows."""

    def __init__(self, listed: Collection[str], streams: Iterable[Stream]) -> None:
        self._listed = listed
        self._parts: set[tuple[str, str, str]] = set()
        """Region, stream and dimension."""
        for stream in streams:
            known = stream.description
            if known is None or known.shards is None:
                self._parts.add((stream.region, stream.name, "ShardId"))
            if known is None or known.consumers is None:
                self._parts.add((stream.region, stream.name, "ConsumerName"))

    def __call__(self, wanted: WantedSeries) -> bool:
        """Say whether a series is one of those."""
        at = dict(wanted.series.dimensions)
        name = at.get("StreamName", "")
        return wanted.region not in self._listed or any((wanted.region, name, part) in self._parts for part in at)


def _read(region: Region, deadline: float) -> tuple[tuple[Stream, ...] | None, list[Problem]]:
    """Read a region, several of its streams at once."""
    with ThreadPoolExecutor(_THREADS, f"kinesis-{region.region}") as pool:

        def each(do: Callable[[str], None], names: Iterable[str]) -> None:
            list(pool.map(do, names))

        return region.read(deadline, each)
