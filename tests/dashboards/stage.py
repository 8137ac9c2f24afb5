"""The stage on which every panel is looked at: all that there is to see, an agent, and a real Prometheus.

The reference has everything: a cluster with exporters that is MSK's, streams, load on both, and readers of the streams.
Kafka Connect is a service of the tests.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import boto3
import yaml

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from streamwatch.demo.agent import MINUTE
from streamwatch.demo.hurried import hurried
from streamwatch.demo.pager import Pager
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.reference.aws import lambda_faults
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dms import Dms, ReplicationTask
from streamwatch.reference.aws.firehose import Hose
from streamwatch.reference.aws.kcl import KclApplication
from streamwatch.reference.aws.msk_connect import MskConnect, MskConnector
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import LoadProcess
from streamwatch.reference.scenarios import ScenarioStep
from tests.real.prometheus import free_port, prometheus, query
from tests.sources.connect.service import Service, running, served
from tests.waiting import wait_for

CONFIG = """
kafka:
  - name: shop
    bootstrap: [{kafka}]
    interval: 1s
    deadline: 900ms
    log_dirs_interval: 1s
    granularity: partition
    stalled_after: {stalled:g}s
    open_monitoring: {{interval: 2s, targets: [{targets}]}}
    msk: {{cluster: shop, region: us-east-1, interval: 10s, metrics: all, access: {access}}}
kinesis:
  - name: streams
    regions: [us-east-1]
    interval: 5s
    describe_interval: 10s
    access: {access}
    cloudwatch: {{detail_interval: 60s, period: 5s}}
    readers:
      kcl: {{enabled: true, interval: 10s, discover_interval: 10s}}
      functions: {{enabled: true, interval: 10s}}
      firehose: {{enabled: true, interval: 10s, discover_interval: 10s}}
      msk_connect: {{enabled: true, interval: 10s, discover_interval: 10s}}
      dms: {{enabled: true, interval: 10s, discover_interval: 10s}}
connect: [{{name: sinks, kafka_cluster: shop, urls: ['{connect}'], interval: 5s, timeout: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s, state: '{rules}/state.db'}}
notify: {{webhook: [{{name: pager, url: '{pager}'}}], group_interval: 1s}}
remote_write: [{{name: prometheus, url: 'http://{receiver}/api/v1/write', interval: 5s}}]
"""


class Readers:
    """A reader of each kind on the purchases, once a second, for as long as they are entered."""

    def __init__(self, aws: ReferenceAws) -> None:
        self._aws = aws
        self._app: KclApplication | None = None
        self._task: ReplicationTask | None = None
        self._others: list[Hose | MskConnector] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(1.0):
            self._aws.do(self._live)

    def _make(self, cloud: Cloud, now: float) -> tuple[KclApplication, ReplicationTask]:
        app = KclApplication(cloud, "billing", "purchases", now)
        app.worker("worker-1")
        hose = cloud.firehose().of_stream("lake", StreamPoller(cloud.kinesis(), "purchases"), now, buffer_seconds=10)
        lambda_faults.map_function(cloud, now, stream="purchases", function="audit")
        self._others = [hose, cloud.beside(MskConnect).create("sink", {"topics": "orders"}, "b:9092", now)]
        return app, cloud.beside(Dms).of_stream("changes", cloud.kinesis(), "purchases")

    def _live(self, cloud: Cloud, now: float) -> None:
        stream = cloud.kinesis().streams.get("purchases")
        if self._app is None and stream is not None and stream.shards:
            self._app, self._task = self._make(cloud, now)
        if self._app is None or self._task is None:
            return
        self._task.change(now)
        for one in (self._app, self._task, *self._others):
            one.live(now)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a stage is like."""

    brokers: int = 3
    hurry: float = 20
    """How many times shorter everything is that rules wait for, and look back over."""
    tasks: Sequence[str] = ("RUNNING", "FAILED", "UNASSIGNED")
    """States of the tasks of a connector."""
    without: Collection[str] = ()
    """Alerts whose rules are not evaluated."""
    has_readers: bool = True
    """Whether there is a reader of each kind on the purchases, beside the load's own."""


@dataclass
class Stage:
    """What there is to see, and who looks."""

    kafka: ReferenceKafka
    aws: ReferenceAws
    load: LoadProcess
    streams: LoadProcess
    endpoint: str
    """The URL of the streams."""
    prometheus: str
    agent: str

    def warm(self) -> None:
        """Heat a shard and a partition, and fill a disk."""
        self.load.order(ScenarioStep(0, "", "hot", {"topic": "clicks", "partition": 0, "times": 10}))
        self.streams.order(ScenarioStep(0, "", "hot", {"stream": "purchases", "share": 0.95}))
        # Hot by bytes: as many records would be hard on a slow machine.
        self.streams.order(ScenarioStep(0, "", "rate", {"stream": "purchases", "records_per_second": 60}))
        self.streams.order(ScenarioStep(0, "", "size", {"stream": "purchases", "bytes": 15_000}))
        self.kafka.do(lambda site, now: faults.fill_disk(site, now, broker=1, to=0.3, within=300.0))
        keys = {"aws_access_key_id": "agent", "aws_secret_access_key": "agent", "region_name": "us-east-1"}
        with closing(boto3.client("kinesis", endpoint_url=self.endpoint, **keys)) as client:
            client.get_waiter("stream_exists").wait(
                StreamName="purchases", WaiterConfig={"Delay": 1, "MaxAttempts": 90}
            )
            client.put_record(StreamName="purchases", Data=b"alone", PartitionKey="alone")  # it puts many a call

    def delay(self) -> None:
        """Let a group fall behind, and catch up."""
        self.kafka.do(lambda site, now: faults.stall_group(site, now, group="orders-readers"))
        lag = 'kafka_group_lag{group="orders-readers"}'
        late = 500
        wait_for(lambda: any(float(one["value"][1]) > late for one in query(self.prometheus, lag)), 60, "it is late")
        self.kafka.do(lambda site, now: faults.stall_group(site, now, group="orders-readers", on=False))

    def kill(self) -> None:
        """Stop a broker."""
        self.kafka.do(lambda site, now: faults.stop(site, now, broker=2))


def _leave_out(path: Path, alerts: Collection[str]) -> None:
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    for group in told["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in alerts]
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")


@contextmanager
def stage(folder: Path, binary: Path, scene: Scene = Scene()) -> Iterator[Stage]:
    """Set it up in a folder, with a Prometheus of this program."""
    rules = folder / "rules"
    rules.mkdir()
    hurried(rules, scene.hurry)
    for path in rules.glob("*.yml"):
        _leave_out(path, scene.without)
    port = free_port()
    with ExitStack() as stack:
        kafka = stack.enter_context(ReferenceKafka(Spec(brokers=scene.brokers, settings=HURRIED_SETTINGS)))
        aws = stack.enter_context(ReferenceAws(Cloud(minute=MINUTE)))
        aws.add_msk(kafka, "shop", "PER_BROKER")
        pages = [f"{{broker: {id_}, jmx: '{jmx}', node: '{node}'}}" for id_, (jmx, node) in kafka.serve_pages().items()]
        load = stack.enter_context(LoadProcess(kafka.bootstrap, 50))
        streams = stack.enter_context(LoadProcess(aws.url, 50, "streams_load"))
        if scene.has_readers:
            stack.enter_context(Readers(aws))
        sinks = stack.enter_context(served(Service({"sink": running(*scene.tasks)})))
        pager = stack.enter_context(Pager())
        told = {
            "kafka": kafka.bootstrap,
            "targets": ", ".join(pages),
            "access": f"{{endpoint_url: '{aws.url}', access_key_id: agent, secret_access_key: agent}}",
            "rules": rules,
            "stalled": 600 / scene.hurry,
            "pager": pager.url,
            "connect": sinks,
            "receiver": f"127.0.0.1:{port}",
        }
        app = App(parse(CONFIG.format(**told), "test", folder), SystemClock())
        app.start()
        stack.callback(app.stop)
        scraped = [{"job_name": "streamwatch", "static_configs": [{"targets": [app.address]}]}]
        at = stack.enter_context(prometheus(binary, folder / "prometheus", {"scrape_configs": scraped}))
        receives = "--web.enable-remote-write-receiver"
        stack.enter_context(prometheus(binary, folder / "receiver", {}, receives, port=port))
        yield Stage(kafka, aws, load, streams, aws.url, at, app.address)
