"""Event source mappings on the reference AWS, pollers that read real records, and the agent's own sources."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from streamwatch.agent.targets import TargetFactory
from streamwatch.catalogue import readers as r
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.lambda_poller import Poller
from streamwatch.reference.aws.lambdas import EventSourceMapping, Function, Lambda
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

Row = tuple[str, ...]
STREAM: Final = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
MSK: Final = "arn:aws:kafka:us-east-1:123456789012:cluster/shop/0c5a1d2e-1"
QUEUE: Final = "arn:aws:sqs:us-east-1:123456789012:failures"
_SETTINGS: Final = "readers: {functions: {enabled: true%s}}\n    cloudwatch: {monthly_dollars: %s}"


class World:
    """A stream, its functions, and the agent."""

    def __init__(self, aws: ReferenceAws, time: Time, shards: int, settings: str, regions: str) -> None:
        self.aws, self.time = aws, time
        self.call("CreateStream", StreamName="s", ShardCount=shards)
        time.advance(30)
        self.pollers: list[Poller] = []
        of = config(aws.url, settings, regions=regions)
        self._streams, self.target = TargetFactory(time).targets(of, lambda: None)
        source: Any = self.target.source
        self.source = source
        self.source._caller.wait = lambda seconds: time.advance(max(0.0, seconds))
        self.snapshot: ReadersSnapshot
        self.samples: list[Samples] = []

    def call(self, operation: str, **given: Any) -> Any:
        """Call an operation of Kinesis."""

        def run(cloud: Cloud, now: float) -> Any:
            cloud.kinesis().timers.run(now)
            answer = OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)
            return answer

        return self.aws.do(run)

    @property
    def house(self) -> Lambda:
        """Where the mappings are."""
        found: Lambda = self.aws.do(lambda cloud, _: cloud.lambdas())
        return found

    def map(self, function: str, source: dict[str, Any] | None = None, **given: Any) -> EventSourceMapping:
        """Make a mapping, of the stream where nothing else is said."""
        where = {"EventSourceArn": STREAM} if source is None else source
        made: EventSourceMapping = self.aws.do(lambda cloud, now: cloud.lambdas().add(function, where, now, **given))
        return made

    def poll(self, function: str = "bill", **given: Any) -> Poller:
        """Make a mapping on the stream with a poller that runs."""
        is_fan_out = given.pop("is_fan_out", False)
        source = {"EventSourceArn": f"{STREAM}/consumer/fast:1700000000"} if is_fan_out else None
        mapping = self.map(function, source, **given)

        def make(cloud: Cloud, now: float) -> Poller:
            return Poller(cloud, mapping, Function(), "s", now, is_fan_out=is_fan_out)

        found: Poller = self.aws.do(make)
        self.pollers.append(found)
        return found

    def put(self, *keys: str, data: bytes = b"x") -> None:
        """Write a record for each key."""
        if keys:
            self.call("PutRecords", StreamName="s", Records=[{"Data": data, "PartitionKey": one} for one in keys])

    def live(self, seconds: float, *keys: str) -> None:
        """Let time pass; every three seconds records are written, and a second later shards are polled."""
        until = self.time.now() + seconds
        while self.time.now() < until:
            self.put(*keys)
            self.time.advance(min(1.0, until - self.time.now()))
            self.aws.do(self._poll_all)
            self.time.advance(max(0.0, min(2.0, until - self.time.now())))

    def _poll_all(self, _: Cloud, now: float) -> None:
        for one in self.pollers:
            one.live(now)

    def read(self) -> ReadersSnapshot:
        """Read streams, then mappings, and collect."""
        self._streams.source.read()
        snapshot: Any = self.source.read()
        self.snapshot = snapshot
        every = [*self.target.collectors.values(), *self.target.about]
        self.samples = [one for each in every for one in each.collect(snapshot)]
        return self.snapshot

    def minute(self, *keys: str) -> ReadersSnapshot:
        """Let a minute pass, and read."""
        self.live(60, *keys)
        return self.read()

    def minutes(self, count: int, *keys: str) -> None:
        """Let minutes pass, and read after each."""
        for _ in range(count):
            self.minute(*keys)

    @property
    def reader(self) -> Reader:
        """The only reader."""
        assert self.snapshot.readers is not None
        (found,) = self.snapshot.readers
        return found

    def all(self, metric: Metric) -> dict[Row, float]:
        """What is known of a metric, by its labels after account and region that are there."""
        return {
            tuple(filter(None, row[2:])): v
            for one in self.samples
            if one.metric is metric
            for row, v in one.known().items()
        }

    def value(self, metric: Metric, name: str = "bill", *row: str) -> float | None:
        """One value of a function; None where it is not known."""
        at = ("s", "lambda", name) if metric in r.METRICS else ()
        return self.all(metric).get(tuple(filter(None, (*at, *row))))

    def names(self, metric: Metric, label: str) -> set[str]:
        """Every value of a label."""
        at = metric.labels.index(label)
        return {row[at] for one in self.samples if one.metric is metric for row in one.known()}

    def problems(self) -> set[tuple[str, str]]:
        """What could not be learnt: scopes and reasons."""
        return {(one.scope, one.reason) for one in self.snapshot.problems}

    def close(self) -> None:
        """End both."""
        self.source.close()
        self._streams.source.close()


@contextmanager
def world(shards: int = 1, more: str = "", dollars: int = 1_000_000, regions: str = "us-east-1") -> Iterator[World]:
    """A world without functions."""
    time = Time()
    with cloud(time) as aws:
        found = World(aws, time, shards, _SETTINGS % (more, dollars), regions)
        try:
            yield found
        finally:
            found.close()
