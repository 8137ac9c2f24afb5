"""A stream with an application of the KCL on the reference AWS, and the agent's own sources of both, on one clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

from streamwatch.agent.targets import Target, TargetFactory
from streamwatch.catalogue import readers as r
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.kcl import KclApplication, Version
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.stream import Stream
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

Row = tuple[str, ...]
KCL: Final = "readers: {kcl: {enabled: true%s}}\n    cloudwatch: {monthly_dollars: 1000000}"


class Agent:
    """Both sources, read again and again; to wait lets the time pass."""

    def __init__(self, aws: ReferenceAws, time: Time, more: str = "") -> None:
        self.aws, self.time = aws, time
        self._lock = Lock()
        wiring = TargetFactory(time)
        self._streams, self._readers = wiring.targets(config(aws.url, KCL % more), lambda: None)
        source: Any = self._readers.source
        source._caller.wait = self._wait
        self.streams: StreamsSnapshot
        self.snapshot: ReadersSnapshot
        self.samples: list[Samples] = []

    def _wait(self, seconds: float) -> None:
        with self._lock:
            self.time.advance(max(0.0, seconds))

    def read(self, *, streams: bool = True) -> ReadersSnapshot:
        """Read streams, then readers, and collect."""
        if streams:
            found: Any = self._streams.source.read()
            self.streams = found
        snapshot: Any = self._readers.source.read()
        self.snapshot = snapshot
        self.samples = self.collected(self._readers, snapshot)
        return self.snapshot

    @staticmethod
    def collected(watched: Target, now: ReadersSnapshot) -> list[Samples]:
        """All samples of a snapshot."""
        every = [*watched.collectors.values(), *watched.about]
        return [one for each in every for one in each.collect(now)]

    @property
    def reader(self) -> Reader:
        """The only reader."""
        assert self.snapshot.readers is not None
        (found,) = self.snapshot.readers
        return found

    def all(self, metric: Metric) -> dict[Row, float]:
        """What is known of a metric, by the labels after the reader's that are there."""
        return {
            tuple(filter(None, row[8:])): v
            for one in self.samples
            if one.metric is metric
            for row, v in one.known().items()
        }

    def value(self, metric: Metric, *row: str) -> float | None:
        """One value; None where it is not known."""
        return self.all(metric).get(row)

    def leases(self) -> dict[str, float]:
        """Leases by state."""
        return {row[0]: v for row, v in self.all(r.LEASES).items()}

    def problems(self) -> set[tuple[str, str]]:
        """What could not be learnt: scopes and reasons."""
        return {(one.scope, one.reason) for one in self.snapshot.problems}

    def close(self) -> None:
        """End both."""
        self._readers.source.close()
        self._streams.source.close()


class World:
    """A stream, its application, and the agent."""

    def __init__(self, aws: ReferenceAws, time: Time, shards: int = 1, version: Version = "2", **given: Any) -> None:
        self.aws, self.time = aws, time
        self.call("CreateStream", StreamName="s", ShardCount=shards)
        time.advance(30)

        def make(cloud: Cloud, now: float) -> KclApplication:
            return KclApplication(cloud, "app", "s", now, version, given.get("read_units", 0))

        self.app = aws.do(make)
        self.agent = Agent(aws, time, given.get("more", ""))

    def call(self, operation: str, **given: Any) -> Any:
        """Call an operation of Kinesis."""

        def run(cloud: Cloud, now: float) -> Any:
            cloud.kinesis().timers.run(now)
            answer = OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)
            return answer

        return self.aws.do(run)

    def stream(self) -> Stream:
        """The stream."""
        found: Stream = self.aws.do(lambda cloud, _: cloud.kinesis().streams["s"])
        return found

    def put(self, *keys: str) -> None:
        """Write a record for each key."""
        if keys:
            self.call("PutRecords", StreamName="s", Records=[{"Data": b"x", "PartitionKey": one} for one in keys])

    def live(self, seconds: float, *keys: str, every: float = 3.0) -> None:
        """Let time pass: records are written, then the application lives, every few seconds."""
        until = self.time.now() + seconds
        while self.time.now() < until:
            self.put(*keys)
            self.aws.do(lambda _, now: self.app.live(now))
            self.time.advance(min(every, until - self.time.now()))

    def minute(self, *keys: str) -> ReadersSnapshot:
        """Let a minute pass, and read."""
        self.live(60, *keys)
        return self.agent.read()

    def truth(self) -> dict[str, float]:
        """The lag of each shard that is being read."""
        self.app.now = self.time.now()
        return {one.id: self.app.lag(one) for one in self.stream().shards.values()}


@contextmanager
def world(**given: Any) -> Iterator[World]:
    """A world; its application has no worker."""
    time = Time()
    with cloud(time) as aws:
        found = World(aws, time, **given)
        try:
            yield found
        finally:
            found.agent.close()
