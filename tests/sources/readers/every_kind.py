"""An account with a reader of every kind, and the agent with all its sources of them, on one clock."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from streamwatch.reference.aws.lambda_poller import Poller
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

Known = frozenset[tuple[str, ...]]
"""Names of metrics, each with the labels of which a value is known."""
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
    three_pages: int = 250
    """So many of them are three pages."""
    paged: int = 0
    """Which of the operations has them."""
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
        more=", most_tables: 1000",
        asks_cloudwatch=False,
    ),
    Kind("lambda", "functions", "lambda", ("ListEventSourceMappings",)),
    Kind("firehose", "firehose", "firehose", ("ListDeliveryStreams",), ("DescribeDeliveryStream",)),
    Kind("msk_connect", "msk_connect", "kafkaconnect", ("ListConnectors",), ("DescribeConnector",)),
    Kind("dms", "dms", "dms", _DMS, paged=1),
    Kind("pipes", "pipes", "pipes", ("ListPipes",), ("DescribePipe",)),
    Kind("flink", "flink", "kinesisanalyticsv2", ("ListApplications",), ("DescribeApplication",), three_pages=120),
    Kind("msk_replicator", "msk_replicator", "kafka", ("ListReplicators",), ("DescribeReplicator",)),
    Kind(
        "redshift",
        "redshift",
        "redshift-data",
        (),
        ("ExecuteStatement", "DescribeStatement", "GetStatementResult"),
        paged=2,
        more=", warehouses: [{workgroup: analytics, database: dev}]",
        asks_cloudwatch=False,
    ),
)


def _make(cloud: Cloud, now: float) -> list[Any]:
    """Make one of each; return what lives."""
    streams = cloud.kinesis()
    kcl = KclApplication(cloud, "app", "s", now)
    kcl.worker("worker-1")
    mapping = cloud.lambdas().add("bill", {"EventSourceArn": STREAM}, now)
    start = {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}
    return [
        kcl,
        Poller(cloud, mapping, Function(), "s", now, is_fan_out=False),
        cloud.firehose().of_stream("lake", StreamPoller(streams, "s"), now),
        cloud.beside(MskConnect).create("sink", {"topics": "orders"}, BROKERS, now),
        cloud.beside(Dms).of_stream("task", streams, "s"),
        cloud.beside(Dms).of_stream("serverless", streams, "s", serverless=True),
        cloud.beside(Pipes).create("pipe", STREAM, start, now, StreamPoller(streams, "s")),
        cloud.beside(Flink).create("flink", {"source": {"stream.arn": STREAM}}, StreamPoller(streams, "s")),
    ]


def _copying(cloud: Cloud, now: float) -> Replicator:
    return cloud.beside(MskReplicator).of_msk("copy", *CLUSTERS, now)


def _view(cloud: Cloud, _: float) -> MaterializedView:
    return cloud.beside(Redshift).create("analytics").view("clicks", "s", StreamPoller(cloud.kinesis(), "s"))


def three_pages(cloud: Cloud, now: float) -> None:
    """Make so many of each kind that their listings have three pages."""
    cloud.kinesis().create("s", "PROVISIONED", 1, now)
    cloud.kinesis().timers.run(now)
    start = {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}
    warehouse = cloud.beside(Redshift).create("analytics")
    for at in range(250):
        name = f"x{at:03d}"
        cloud.dynamodb().create(name, "leaseKey", now)
        cloud.lambdas().add(name, {"EventSourceArn": STREAM}, now)
        cloud.firehose().of_stream(name, StreamPoller(cloud.kinesis(), "s"), now)
        cloud.beside(MskConnect).create(name, {"topics": "orders"}, BROKERS, now)
        cloud.beside(Dms).of_stream(name, cloud.kinesis(), "s")
        cloud.beside(Pipes).create(name, STREAM, start, now)
        cloud.beside(MskReplicator).of_msk(name, *CLUSTERS, now)
        warehouse.view(name, "s").scan_topic(1, at, now)
        if at < 120:
            cloud.beside(Flink).create(name, {"source": {"stream.arn": STREAM}})


class Everything:
    """The account."""

    def __init__(self, aws: ReferenceAws, time: Time) -> None:
        self.aws, self.time = aws, time
        self._do("CreateStream", StreamName="s", ShardCount=1)
        time.advance(30)
        self._readers: list[Any] = aws.do(_make)
        self._copying: Replicator = aws.do(_copying)
        self._view: MaterializedView = aws.do(_view)
        self.accounts = Accounts(time)
        of = config(aws.url).access
        self.accounts._known[of] = Account(of, time, 1)

    def _do(self, operation: str, **given: Any) -> None:
        def run(cloud: Cloud, now: float) -> None:
            cloud.kinesis().timers.run(now)
            OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)

        self.aws.do(run)

    def live(self, seconds: float = 60) -> None:
        """Let all of them read and write what is written every three seconds."""
        until = self.time.now() + seconds
        while self.time.now() < until:
            self._do("PutRecords", StreamName="s", Records=[{"Data": b"x", "PartitionKey": "k"}])
            self.time.advance(2)
            self.aws.do(self._read_all)
            self.time.advance(1)  # a shard allows five calls a second, and these were five
            self.aws.do(self._read_later)

    def _read_all(self, _: Cloud, now: float) -> None:
        self._copying.produce(now)
        for one in self._readers:
            one.live(now)

    def _read_later(self, _: Cloud, now: float) -> None:
        self._copying.live(now)
        self._view.refresh(now)

    def fault(self, fault: str, /, **given: Any) -> None:
        """Break something."""
        self.aws.do(lambda cloud, now: faults.apply(cloud, now, fault, given))


class Agent:
    """All sources of one account's readers."""

    def __init__(self, aws: ReferenceAws, time: Time, accounts: Accounts | None = None) -> None:
        self._time, self._lock = time, Lock()
        factory = TargetFactory(time)
        factory._accounts = accounts
        settings = ", ".join(f"{one.setting}: {{enabled: true{one.more}}}" for one in KINDS)
        self.config = config(aws.url, f"readers: {{{settings}}}")
        streams, *readers = factory.targets(self.config, lambda: None)
        self._streams, self._readers = streams, {one.kind: one for one in readers}
        for each in (streams, *readers):
            source: Any = each.source
            source._caller.wait = self._wait
        self.snapshots: dict[str, ReadersSnapshot] = {}
        self.began: dict[str, ReadersSnapshot] = {}
        """Of a first read, where that is to be told from the others."""
        self.known: dict[str, Known] = {}

    def _wait(self, seconds: float) -> None:
        with self._lock:
            self._time.advance(max(0.0, seconds))

    def read(self) -> None:
        """Read streams and all kinds, and collect."""
        self._streams.source.read()
        for kind, watched in self._readers.items():
            snapshot: Any = watched.source.read()
            self.snapshots[kind] = snapshot
            samples = [one for each in watched.collectors.values() for one in each.collect(snapshot)]
            rows = [(one.metric.name, *row) for one in samples if one.metric in METRICS for row in one.known()]
            self.known[kind] = frozenset(rows)

    def names(self, metric: str, kind: str) -> set[str]:
        """The last label of a metric, where it is known of a kind."""
        return {row[-1] for row in self.known[kind] if row[0] == metric}

    def problems(self, kind: str) -> set[tuple[str, str]]:
        """What could not be learnt of a kind: scopes and reasons."""
        return {(one.scope, one.reason) for one in self.snapshots[kind].problems}

    def close(self) -> None:
        """End all."""
        for one in (self._streams, *self._readers.values()):
            one.source.close()


def twisted(of: Any) -> Any:
    """An answer of the same form in which nothing is what it should be."""
    if isinstance(of, Mapping):
        return {name: value if name == "ResponseMetadata" else twisted(value) for name, value in of.items()}
    if isinstance(of, list):
        return [twisted(one) for one in of]
    return of if isinstance(of, bool) else 7 if isinstance(of, str) else "nonsense"


def hollow(of: Any) -> Any:
    """An answer whose lists have as many members, in which nothing is."""
    if isinstance(of, Mapping):
        return {name: value if name == "ResponseMetadata" else hollow(value) for name, value in of.items()}
    return [{} for _ in of] if isinstance(of, list) else of


@contextmanager
def answering(account: Account, operation: str, how: Callable[[Any], Any]) -> Iterator[None]:
    """Let an operation answer what only looks like an answer."""
    ask = account.ask

    def answered(service: str, region: str, called: str, parameters: Mapping[str, Any]) -> Any:
        answer = ask(service, region, called, parameters)
        return how(answer) if called == operation else answer

    account.ask = answered  # type: ignore[method-assign, assignment]  # as AWS would answer
    try:
        yield
    finally:
        del account.ask


@contextmanager
def everything() -> Iterator[Everything]:
    """An account with one of each."""
    time = Time()
    with cloud(time) as aws:
        yield Everything(aws, time)
