"""Event source mappings of AWS Lambda, listed once a read and region; CloudWatch tells how far behind they are."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.cloudwatch import CloudWatchSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.cloudwatch import Budget, CloudWatchReader, WantedSeries
from streamwatch.sources.aws.config import AwsAccess, CloudWatch
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.page_tokens import PageTokens
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.log import reading
from streamwatch.sources.problems import problem
from streamwatch.sources.readers.clusters import WatchedClusters
from streamwatch.sources.readers.config import Functions
from streamwatch.sources.readers.lambda_judge import MappingHistory, judged, series, shared
from streamwatch.sources.readers.lambda_rows import MalformedMapping, MappingRow, read

_SHARE: Final = 0.8
_LISTING_SHARE: Final = 0.5
"""Of the time of a read; the rest is CloudWatch's."""
_MOST_PAGES: Final = 200


class LambdaSource:
    """Reads the mappings of one account. ``read`` and ``close`` may be called from any thread, one read at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, with whom, and who knows of streams
        self,
        name: str,
        config: Functions,
        cloudwatch: CloudWatch,
        access: AwsAccess,
        regions: Sequence[str],
        clock: Clock,
        accounts: Accounts,
        streams: Callable[[], StreamsSnapshot | None],
        budget: Budget,
        clusters: Callable[[], WatchedClusters],
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: of this source.
            config: which functions, and how.
            cloudwatch: whether CloudWatch is asked, and how often.
            access: who the agent is there.
            regions: where.
            clock: what time it is.
            accounts: the sessions that sources share.
            streams: returns what was last read of the account's streams.
            budget: what CloudWatch may cost, together with the streams.
            clusters: returns the Kafka clusters that the configuration names.

        """
        self.name = name
        self._config = config
        self._clock = clock
        self._regions = tuple(regions)
        self._closed = threading.Event()
        self._caller = SourceCalls(accounts.get(access), clock, self._closed.wait)
        self._streams = streams
        self._asks = config.metrics and cloudwatch.enabled
        self._cloudwatch = CloudWatchReader(cloudwatch, self._caller, clock, budget)
        self._named = {one.source: one.kafka_cluster for one in config.clusters}
        self._clusters = clusters
        self._following: dict[tuple[str, str], MappingHistory] = {}

    def read(self) -> ReadersSnapshot:
        """List every region and ask CloudWatch, within four fifths of the interval."""
        reading(self.name)
        began, started = self._clock.now(), self._clock.monotonic()
        seconds = min(50.0, _SHARE * self._config.interval)
        until = started + seconds * (_LISTING_SHARE if self._asks else 1.0)
        with ThreadPoolExecutor(len(self._regions), "lambda") as pool:  # one that hangs costs the others nothing
            answers = list(pool.map(lambda region: self._list(region, until), self._regions))
        rows = {region: found for region, (found, _) in zip(self._regions, answers, strict=True) if found is not None}
        problems = [wrong for _, some in answers for wrong in some]
        self._follow(rows, began)
        known: dict[tuple[str, str], CloudWatchSnapshot] | None = None
        if self._asks and rows:
            known, wrong = self._cloudwatch.read(list(self._wanted(rows)), started + seconds, lambda *_: False)
            problems += wrong
        readers = [one for region, found in rows.items() for one in self._readers(region, found, known, began)]
        return ReadersSnapshot(
            source=self.name,
            taken_at=began,
            read_seconds=self._clock.monotonic() - started,
            readers=tuple(readers) if rows else None,
            problems=tuple(problems),
            calls=self._caller.counts(),
            cost=self._cloudwatch.cost(),
        )

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()

    def _list(self, region: str, deadline: float) -> tuple[list[MappingRow] | None, list[Problem]]:
        """Return the mappings of a region, None where they are not known; and what could not be learnt."""
        rows: list[MappingRow] = []
        odd: list[str] = []
        try:
            with taken_apart(f"lambda ListEventSourceMappings in {region}"):
                for described in self._mappings(region, deadline):
                    try:
                        row = read(described)
                    except MalformedMapping as error:
                        odd.append(str(error))
                        continue
                    if row.source != "other" and self._config.names.admits(row.function):
                        rows.append(row)
        except SourceError as error:
            return None, [problem("region", error, str(error))]
        wrong = [Problem("reader", "misread", f"lambda in {region}: {odd[0]}", len(odd))] if odd else []
        return rows, wrong

    def _mappings(self, region: str, deadline: float) -> Iterator[Any]:
        parameters: dict[str, Any] = {"MaxItems": 100}
        tokens = PageTokens(f"lambda ListEventSourceMappings in {region}", _MOST_PAGES)
        while True:
            answer = self._caller.call(
                "lambda",
                region,
                "ListEventSourceMappings",
                parameters,
                wants=("EventSourceMappings",),
                deadline=deadline,
            )
            yield from answer["EventSourceMappings"]
            marker = answer.get("NextMarker")
            if not marker:
                return
            tokens.follow(marker)
            parameters["Marker"] = marker

    def _follow(self, rows: Mapping[str, Sequence[MappingRow]], now: float) -> None:
        for region, found in rows.items():
            for row in found:
                self._following.setdefault((region, row.uuid), MappingHistory(now)).take(row, now)
            there = {row.uuid for row in found}
            for gone in [key for key in self._following if key[0] == region and key[1] not in there]:
                del self._following[gone]

    def _readers(
        self,
        region: str,
        rows: Sequence[MappingRow],
        known: Mapping[tuple[str, str], CloudWatchSnapshot] | None,
        now: float,
    ) -> Iterator[Reader]:
        among, retentions, clusters = shared(rows), self._retentions(region), self._clusters()
        for row in rows:
            if row.source == "dynamodb":
                continue
            described = None if known is None else known.get((row.account, region), CloudWatchSnapshot()).readings
            following = self._following[region, row.uuid]
            retention = retentions.get((row.stream_account, row.stream))
            yield judged(row, region, following, described, among, retention, self._called(row, clusters), now)

    def _called(self, row: MappingRow, clusters: WatchedClusters) -> str | None:
        """Return what the agent calls the Kafka cluster of a mapping: as the settings of functions say, if they do."""
        named = (self._named[one] for one in (row.cluster, *row.bootstrap) if one in self._named)
        return next(named, None) or clusters.called(row.named)

    def _retentions(self, region: str) -> dict[tuple[str, str], float]:
        """Return how long streams keep records, by account and name, where it is known."""
        now = self._streams()
        streams = [one for one in (now.streams if now is not None else None) or () if one.region == region]
        return {
            (one.account, one.name): one.description.retention_seconds
            for one in streams
            if one.description is not None and one.description.retention_seconds is not None
        }

    def _wanted(self, rows: Mapping[str, Sequence[MappingRow]]) -> Iterator[WantedSeries]:
        clusters = self._clusters()
        for region, found in rows.items():
            among = shared(found)
            for row in found:
                if row.source == "dynamodb":
                    continue
                has_group_lag = self._called(row, clusters) in clusters.by_brokers
                for one in series(row, is_alone=among.is_alone(row), has_group_lag=has_group_lag):
                    yield WantedSeries(one.series, region, row.account, one.is_vital, one.is_counter)
