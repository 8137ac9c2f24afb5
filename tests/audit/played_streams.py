"""The stories of streams on one clock with the agent: seconds pass when they are told to, and the load is a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from streamwatch.agent.config import parse
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import ACCOUNT, REGION, Cloud
from streamwatch.reference.kinesis.account import Kinesis
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.operations.consumers import subscribe
from streamwatch.reference.kinesis.subscriptions import Subscription
from streamwatch.reference.scenarios import ScenarioStep
from streamwatch.reference.streams_load import CONSUMER, FAN_OUT, STREAMS
from tests.audit.audited_agent import AuditedAgent
from tests.reference.kinesis.acting import Time, cloud

_CONFIG: Final = """
kinesis:
  - name: streams
    regions: [us-east-1]
    access: {{endpoint_url: '{at}', access_key_id: a, secret_access_key: b}}
    cloudwatch: {{detail_interval: 60s, monthly_dollars: 1000000}}
    readers: {{functions: {{enabled: true}}}}
"""
_BODY: Final = b"x" * 500
_MOST_A_CALL: Final = 500
_RATE: Final = 50.0
WARM_SECONDS: Final = 360
"""CloudWatch says that nobody reads after three minutes: all is known then."""


@dataclass
class Polling:
    """An application that polls every shard of a stream, as ``ShardPoller`` of the load does."""

    stream: str
    start: str
    at: float
    """When it reads next."""
    iterators: dict[str, str | None] = field(default_factory=dict)

    def live(self, kinesis: Kinesis, until: float, flow: "Flow") -> None:
        """Read as often as there is time for."""
        while self.at < until:
            self._find(kinesis)
            for shard, place in list(self.iterators.items()):
                if place is not None:
                    self.at += flow.pace * self._read(kinesis, shard, place, flow)
            self.at += 1 / flow.polls

    def _find(self, kinesis: Kinesis) -> None:
        if self.iterators and None not in self.iterators.values():
            return
        for shard in kinesis.streams[self.stream].shards.values():
            if shard.id not in self.iterators and (shard.is_open or self.start == "TRIM_HORIZON"):
                place = {"StreamName": self.stream, "ShardId": shard.id, "ShardIteratorType": self.start}
                self.iterators[shard.id] = OPERATIONS["GetShardIterator"](kinesis, place, self.at)["ShardIterator"]
        self.start = "TRIM_HORIZON"  # shards that appear later are read from their beginning

    def _read(self, kinesis: Kinesis, shard: str, place: str, flow: "Flow") -> int:
        """Read a shard once; return how many records came."""
        most = 10_000 if not flow.pace else max(1, int(1 / flow.pace))
        try:
            found = OPERATIONS["GetRecords"](kinesis, {"ShardIterator": place, "Limit": most}, self.at)
        except ServiceError:
            return 0
        self.iterators[shard] = found.get("NextShardIterator")
        return len(found["Records"])


@dataclass
class Subscribed:
    """A registered consumer on every shard of a stream."""

    arn: str
    stream: str
    on: dict[str, Subscription] = field(default_factory=dict)

    def live(self, kinesis: Kinesis, now: float) -> None:
        """Take what is pushed."""
        for shard in kinesis.streams[self.stream].shards:
            held = self.on.get(shard)
            if held is None or held.is_over(now):
                place = {"ConsumerARN": self.arn, "ShardId": shard, "StartingPosition": {"Type": "LATEST"}}
                held = self.on[shard] = subscribe(kinesis, place, now)
            while held.next_event(now) is not None:
                pass


@dataclass
class Flow:
    """How one stream is written and read; changed by the orders of a story."""

    stream: str
    rate: float = _RATE
    hot: float = 0.0
    pace: float = 0.0
    polls: float = 1.0
    sent: int = 0
    readers: list[Polling] = field(default_factory=list)

    def write(self, kinesis: Kinesis, now: float) -> None:
        """Write a second's records."""
        left = int(self.rate)
        while left > 0:
            count = min(left, _MOST_A_CALL)
            left -= count
            keys = ("hot" if at % 100 < self.hot * 100 else str(at) for at in range(self.sent, self.sent + count))
            self.sent += count
            records = [{"Data": _BODY, "PartitionKey": key} for key in keys]
            OPERATIONS["PutRecords"](kinesis, {"StreamName": self.stream, "Records": records}, now)

    def obey(self, step: ScenarioStep, now: float) -> None:
        """Do what an order of a story says."""
        given = step.parameters
        if step.name == "readers":
            count, start = int(given["count"]), str(given.get("start", "LATEST"))
            self.readers = self.readers[:count]
            self.readers += [Polling(self.stream, start, now) for _ in range(count - len(self.readers))]
        elif step.name == "rate":
            self.rate = float(given["records_per_second"])
        elif step.name == "polls":
            self.polls = float(given["per_second"])
        elif step.name == "pace":
            self.pace = float(given["seconds"])
        else:
            assert step.name == "hot", step.name
            self.hot = float(given["share"])


class StreamWorld:
    """The streams of the stories under their load, and an agent that watches them."""

    def __init__(self, aws: Any, time: Time) -> None:
        self.aws, self.time = aws, time
        self.flows = {name: Flow(name) for name in STREAMS}
        for name, shards in STREAMS.items():
            self._call("CreateStream", StreamName=name, ShardCount=shards)
            time.advance(2)
            self.aws.do(Cloud.pass_time)
            self._call("EnableEnhancedMonitoring", StreamName=name, ShardLevelMetrics=["ALL"])
        arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{FAN_OUT}"
        made = self._call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=CONSUMER)
        time.advance(2)
        self.aws.do(Cloud.pass_time)
        self._subscribed = Subscribed(made["Consumer"]["ConsumerARN"], FAN_OUT)
        self.flows["purchases"].readers = [Polling("purchases", "LATEST", time.now())]
        config = parse(_CONFIG.format(at=aws.url), "stories", Path())
        self.agent = AuditedAgent(config, time, lambda seconds: time.advance(max(0.0, seconds)))

    def perform(self, step: ScenarioStep) -> None:
        """Do a step of a story."""
        if step.on == "streams":
            self.flows[step.parameters["stream"]].obey(step, self.time.now())
        else:
            self.aws.do(lambda cloud, now: faults.apply(cloud, now, step.name, step.parameters))

    def second(self) -> None:
        """Let a second pass in which everybody writes and reads."""
        self.aws.do(self._live)
        self.time.advance(1.0)
        self.aws.do(Cloud.pass_time)

    def _live(self, cloud: Cloud, now: float) -> None:
        kinesis = cloud.kinesis()
        for flow in self.flows.values():
            flow.write(kinesis, now)
            for reader in flow.readers:
                reader.live(kinesis, now + 1.0, flow)
        self._subscribed.live(kinesis, now)

    def _call(self, operation: str, **given: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.aws.do(lambda cloud, now: OPERATIONS[operation](cloud.kinesis(), given, now))
        return found


@contextmanager
def stream_world() -> Iterator[StreamWorld]:
    """Make one, whose agent is closed at the end."""
    time = Time()
    with cloud(time) as aws:
        world = StreamWorld(aws, time)
        try:
            yield world
        finally:
            world.agent.close()
