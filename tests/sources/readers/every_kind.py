"""An account with a reader of every kind, and the agent with all its sources of them, on one clock."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Final

from streamwatch.agent.targets import TargetFactory
from streamwatch.catalogue import METRICS
from streamwatch.model.reader import ReadersSnapshot
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dms import Dms
from streamwatch.reference.aws.flink import Flink
from streamwatch.reference.aws.kcl import KclApplication
from streamwatch.reference.aws.lambda_poller import POISON, Poller
from streamwatch.reference.aws.lambdas import Function
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.msk_replicator import MskReplicator, Replicator
from streamwatch.reference.aws.pipes import Pipes
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.aws.redshift import MaterializedView, Redshift
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.sources.aws.session import Account, Accounts
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

Known = Mapping[tuple[str, ...], float]
"""What is known, by the metric's name and the labels."""
STREAM: Final = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
CLUSTERS: Final = (
    "arn:aws:kafka:us-east-1:123456789012:cluster/shop/1-2-3",
    "arn:aws:kafka:us-east-1:123456789012:cluster/spare/1-2-3",
)
BROKERS: Final = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"


@dataclass(frozen=True)
class Kind:
    """A kind of readers, and the operations that its source calls."""

    name: str
    setting: str
    service: str
    listings: tuple[str, ...]
    describes: tuple[str, ...] = ()
    more: str = ""
    """Of its configuration."""
    asks_cloudwatch: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def operations(self) -> tuple[str, ...]:
        """All of them, but for CloudWatch's."""
        return (*self.listings, *self.describes)


_DMS: Final = ("DescribeEndpoints", "DescribeReplicationTasks", "DescribeReplications", "DescribeReplicationInstances")
KINDS: Final = (
    Kind(
        "kcl",
        "kcl",
        "dynamodb",
        ("ListTables",),
        ("DescribeTable", "Scan"),
        asks_cloudwatch=False,
    ),
    Kind("lambda", "functions", "lambda", ("ListEventSourceMappings",)),
    Kind("firehose", "firehose", "firehose", ("ListDeliveryStreams",), ("DescribeDeliveryStream",)),
    Kind("msk_connect", "msk_connect", "kafkaconnect", ("ListConnectors",), ("DescribeConnector",)),
    Kind("dms", "dms", "dms", _DMS),
    Kind("pipes", "pipes", "pipes", ("ListPipes",), ("DescribePipe",)),
    Kind("flink", "flink", "kinesisanalyticsv2", ("ListApplications",), ("DescribeApplication",)),
    Kind("msk_replicator", "msk_replicator", "kafka", ("ListReplicators",), ("DescribeReplicator",)),
    Kind(
        "redshift",
        "redshift",
        "redshift-data",
        (),
        ("ExecuteStatement", "DescribeStatement", "GetStatementResult"),
        more=", warehouses: [{workgroup: analytics, database: dev}]",
        asks_cloudwatch=False,
    ),
)
NAMES: Final = tuple(one.name for one in KINDS)
_IN_CATALOGUE: Final = frozenset(METRICS)
"""To be looked up in: the tuple is compared with, one metric after the other."""


def _make(cloud: Cloud, now: float, at: str) -> list[Any]:
    """Make one of each, on a stream of their own; return what lives."""
    streams, stream = cloud.kinesis(), f"s{at}"
    source = {"EventSourceArn": STREAM + at}
    kcl = KclApplication(cloud, f"app{at}", stream, now)
    kcl.worker("worker-1")
    mapping = cloud.lambdas().add(f"bill{at}", source, now)
    start = {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}
    properties = {"source": {"stream.arn": STREAM + at}}
    return [
        kcl,
        Poller(cloud, mapping, Function(), stream, now, is_fan_out=False),
        cloud.firehose().of_stream(f"lake{at}", StreamPoller(streams, stream), now),
        cloud.beside(MskConnect).create(f"sink{at}", {"topics": "orders"}, BROKERS, now),
        cloud.beside(Dms).of_stream(f"task{at}", streams, stream),
        cloud.beside(Dms).of_stream(f"serverless{at}", streams, stream, serverless=True),
        cloud.beside(Pipes).create(f"pipe{at}", STREAM + at, start, now, StreamPoller(streams, stream)),
        cloud.beside(Flink).create(f"flink{at}", properties, StreamPoller(streams, stream)),
    ]


def _make_late(cloud: Cloud, now: float, at: str) -> tuple[Replicator, MaterializedView]:
    """Make what reads a second later: a shard allows five calls a second, and those were five."""
    house = cloud.beside(Redshift)
    warehouse = house.warehouses.get("analytics") or house.create("analytics")
    return (
        cloud.beside(MskReplicator).of_msk(f"copy{at}", *CLUSTERS, now),
        warehouse.view(f"clicks{at}", f"s{at}", StreamPoller(cloud.kinesis(), f"s{at}")),
    )


class AgentClock:
    """The time of an agent whose waiting takes none of the world's: what it reads is of one moment."""

    def __init__(self, time: Time) -> None:
        self._time, self._lock = time, Lock()
        self._waited = 0.0

    def now(self) -> float:
        """Return the wall clock, in seconds since 1970."""
        return self._time.now() + self._waited

    def monotonic(self) -> float:
        """Return a clock that does not go back within a read."""
        return self._time.monotonic() + self._waited

    def wait(self, seconds: float) -> None:
        """Let time pass for the agent alone."""
        with self._lock:
            self._waited += max(0.0, seconds)

    def begin(self) -> None:
        """Begin a read at the world's time."""
        self._waited = 0.0


class Everything:
    """The account, with so many of each kind."""

    def __init__(self, aws: ReferenceAws, time: Time, count: int = 1) -> None:
        self.aws, self.time = aws, time
        names = ["", *map(str, range(1, count))]
        self._streams = [f"s{at}" for at in names]
        for stream in self._streams:
            self._do("CreateStream", StreamName=stream, ShardCount=1)
            time.advance(2)  # no two are of one second, by which the KCL's are known
        time.advance(60 - time.now() % 60)
        self._readers = [one for at in names for one in aws.do(partial(_make, at=at))]
        late = [aws.do(partial(_make_late, at=at)) for at in names]
        self._copying = [one for one, _ in late]
        self._views = [one for _, one in late]
        self.clock = AgentClock(time)
        self.accounts = Accounts(self.clock)
        of = config(aws.url).access
        self.account = Account(of, self.clock, 1)
        self.accounts._known[of] = self.account

    def _do(self, operation: str, **given: Any) -> None:
        def run(cloud: Cloud, now: float) -> None:
            cloud.kinesis().timers.run(now)
            OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)

        self.aws.do(run)

    def live(self, seconds: float = 60) -> None:
        """Let all of them read and write what is written every ten seconds."""
        until = self.time.now() + seconds
        while self.time.now() < until:
            for stream in self._streams:
                self._do("PutRecords", StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}])
            self.time.advance(6)
            self.aws.do(self._read_all)
            self.time.advance(4)
            self.aws.do(self._read_later)

    def _read_all(self, _: Cloud, now: float) -> None:
        for one in self._copying:
            one.produce(now)
        for one in self._readers:
            one.live(now)

    def _read_later(self, _: Cloud, now: float) -> None:
        for one in self._copying:
            one.live(now)
        for view in self._views:
            view.refresh(now)

    def stall(self) -> None:
        """Let none of them get any further, though records come: each as its kind does."""
        self._readers[0].hung_shards.add("shardId-000000000000")
        self._do("PutRecords", StreamName="s", Records=[{"Data": POISON, "PartitionKey": "k"}])
        self._views = []
        self.fault("hose", name="lake", stalled=True)
        self.fault("connector", name="sink", failed=1)
        for task in ("task", "serverless"):
            self.fault("replication", name=task, stalled=True)
        self.fault("pipe", name="pipe", failing=True)
        self.fault("flink", name="flink", stalled=True)
        self.fault("replicator", name="copy", stalled=True)

    def fault(self, fault: str, /, **given: Any) -> None:
        """Break something."""
        self.aws.do(lambda cloud, now: faults.apply(cloud, now, fault, given))


class Agent:
    """All sources of one account's readers."""

    def __init__(self, url: str, clock: AgentClock, accounts: Accounts | None = None) -> None:
        self._clock = clock
        factory = TargetFactory(clock)
        factory._accounts = accounts
        settings = ", ".join(f"{one.setting}: {{enabled: true{one.more}}}" for one in KINDS)
        self.config = config(url, f"readers: {{{settings}}}")
        streams, *readers = factory.targets(self.config, lambda: None)
        self._streams, self._readers = streams, {one.kind: one for one in readers}
        for each in (streams, *readers):
            source: Any = each.source
            source._caller.wait = clock.wait
        self.snapshots: dict[str, ReadersSnapshot] = {}
        self.began: dict[str, ReadersSnapshot] = {}
        """Of a first read, where that is to be told from the others."""
        self.known: dict[str, Known] = {}

    def read(self, kinds: Collection[str] = NAMES) -> None:
        """Read streams and these kinds, each at the world's time, and collect."""
        self._clock.begin()
        self._streams.source.read()
        for kind, watched in self._readers.items():
            if kind not in kinds:
                continue
            self._clock.begin()
            snapshot: Any = watched.source.read()
            self.snapshots[kind] = snapshot
            samples = [one for each in watched.collectors.values() for one in each.collect(snapshot)]
            self.known[kind] = {
                (one.metric.name, *row): value
                for one in samples
                if one.metric in _IN_CATALOGUE
                for row, value in one.known().items()
            }

    def names(self, metric: str, kind: str) -> set[str]:
        """The last label of a metric, where it is known of a kind."""
        return {row[-1] for row in self.known[kind] if row[0] == metric}

    def calls(self, kind: str) -> dict[str, int]:
        """How often each operation was called for a kind."""
        return {one.operation: one.calls for one in self.snapshots[kind].calls}

    def close(self) -> None:
        """End all."""
        for one in (self._streams, *self._readers.values()):
            one.source.close()


@contextmanager
def everything(count: int = 1) -> Iterator[Everything]:
    """An account with so many of each."""
    time = Time()
    with cloud(time) as aws:
        yield Everything(aws, time, count)
