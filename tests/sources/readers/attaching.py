"""What AWS runs beside streams and topics, on the reference AWS, and the agent's own sources of it, on one clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

from streamwatch.agent.targets import TargetFactory
from streamwatch.catalogue import METRICS
from streamwatch.catalogue import readers as r
from streamwatch.model.finding import Finding
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.readers.attached_doctor import examine
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

Row = tuple[str, ...]
CLUSTER: Final = "arn:aws:kafka:us-east-1:123456789012:cluster/shop/1-2-3"


class World:
    """A stream called ``s``, one kind that is switched on, and the agent."""

    def __init__(self, aws: ReferenceAws, time: Time, kind: str, more: str = "") -> None:
        self.aws, self.time, self.kind = aws, time, kind
        self._lock = Lock()
        self.config = config(aws.url, f"readers: {{{kind}: {{enabled: true{more}}}}}")
        self._streams, self._readers = TargetFactory(time).targets(self.config, lambda: None)
        source: Any = self._readers.source
        self.caller: SourceCalls = source._caller
        self.caller.wait = self._wait
        self.snapshot: ReadersSnapshot
        self.samples: list[Samples] = []
        self.call("CreateStream", StreamName="s", ShardCount=1)
        time.advance(60)

    def _wait(self, seconds: float) -> None:
        with self._lock:
            self.time.advance(max(0.0, seconds))

    def call(self, operation: str, **given: Any) -> Any:
        """Call an operation of Kinesis."""

        def run(cloud: Cloud, now: float) -> Any:
            cloud.kinesis().timers.run(now)
            answer = OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)
            return answer

        return self.aws.do(run)

    def put(self) -> None:
        """Write a record."""
        self.call("PutRecords", StreamName="s", Records=[{"Data": b"x", "PartitionKey": "k"}])

    def poller(self) -> StreamPoller:
        """Who reads the stream."""
        found: StreamPoller = self.aws.do(lambda cloud, _: StreamPoller(cloud.kinesis(), "s"))
        return found

    def fault(self, fault: str, /, **given: Any) -> None:
        """Break something."""
        self.aws.do(lambda cloud, now: faults.apply(cloud, now, fault, given))

    def read(self, *, streams: bool = False) -> ReadersSnapshot:
        """Read, and collect."""
        if streams:
            self._streams.source.read()
        snapshot: Any = self._readers.source.read()
        self.snapshot = snapshot
        every = [*self._readers.collectors.values(), *self._readers.about]
        self.samples = [one for each in every for one in each.collect(self.snapshot)]
        return self.snapshot

    @property
    def readers(self) -> dict[str, Reader]:
        """What the last read gave, by name."""
        assert self.snapshot.readers is not None
        return {one.name: one for one in self.snapshot.readers}

    def all(self, metric: Metric) -> dict[Row, float]:
        """What is known of a metric, by the labels after account and region that are there."""
        return {
            tuple(filter(None, row[2:])): v
            for one in self.samples
            if one.metric is metric
            for row, v in one.known().items()
        }

    def value(self, metric: Metric, *more: str) -> float | None:
        """One value of the only reader; None where it is not known."""
        (reader,) = self.readers.values()
        reads = (reader.stream, reader.cluster, reader.topic, reader.group)
        return self.all(metric).get(tuple(one for one in (*reads, reader.kind, reader.name, *more) if one))

    def reads(self) -> Row:
        """Cluster, topic and group of the only reader, by its labels."""
        (row,) = (row for one in self.samples if one.metric is r.STATE for row in one.known())
        return row[3:6]

    def known(self) -> set[str]:
        """Names of the metrics of which any value is known."""
        return {one.metric.name for one in self.samples if one.metric in METRICS and one.known()}

    def problems(self) -> set[tuple[str, str]]:
        """What could not be learnt: scopes and reasons."""
        return {(one.scope, one.reason) for one in self.snapshot.problems}

    def calls(self, operation: str) -> int:
        """How often an operation was called."""
        return sum(one.calls for one in self.snapshot.calls if one.operation == operation)

    def findings(self) -> dict[str, Finding]:
        """What the check-up says, by step."""
        of, clock = self.config, Time(self.aws.clock())
        found = examine(of.readers, of.access, of.regions, clock, cloudwatch=of.cloudwatch.enabled)
        return {one.step: one for one in found}

    def close(self) -> None:
        """End both."""
        self._readers.source.close()
        self._streams.source.close()


@contextmanager
def world(kind: str, more: str = "") -> Iterator[World]:
    """A world with one kind."""
    time = Time()
    with cloud(time) as aws:
        found = World(aws, time, kind, more)
        try:
            yield found
        finally:
            found.close()
