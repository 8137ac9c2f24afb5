"""Producers and consumers on streams, by a real client library (boto3), that take orders while they run.

    python -m streamwatch.reference.streams_load ENDPOINT_URL [--rate RECORDS_PER_SECOND]

Orders come as lines of JSON on standard input: ``{"order": "pace", "stream": "purchases", "seconds": 0.05}``.
It ends when its standard input does.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from streamwatch.reference.orders import serve

log = logging.getLogger("load")

STREAMS: Final = {"purchases": 4, "clickstream": 2}
"""Names and shards."""
FAN_OUT: Final = "clickstream"
"""This one is read by a registered consumer; the others by polling."""
CONSUMER: Final = "dashboard"
REGION: Final = "us-east-1"
_BODY_BYTES: Final = 500
_TICKS_A_SECOND: Final = 5
_MOST_A_CALL: Final = 500
_RETRY_SECONDS: Final = 1.0
_END_SECONDS: Final = 5.0
_SETTLE_SECONDS: Final = 30.0


def client(url: str) -> Any:  # noqa: ANN401 - botocore makes its class as it runs
    """Return a client that does not retry: what was refused is refused."""
    options = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10, max_pool_connections=20)
    return boto3.session.Session(aws_access_key_id="load", aws_secret_access_key="load").client(  # noqa: S106 - the reference's
        "kinesis", endpoint_url=url, region_name=REGION, config=options
    )


@dataclass(slots=True)
class StreamFlow:
    """How one stream is written and read; changed by orders."""

    stream: str
    rate: float
    size: int = _BODY_BYTES
    hot: float = 0.0
    """The share of the records that have all the same key."""
    pace: float = 0.0
    """Seconds that the reader takes for a record."""
    polls: float = 1.0
    """Reads a second and shard, of each reader."""
    readers: list["ShardPoller"] = field(default_factory=list)


class StreamLoad:
    """All flows."""

    def __init__(self, url: str, rate: float) -> None:
        self._kinesis = client(url)
        self._flows = {name: StreamFlow(name, rate) for name in STREAMS}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._produce, args=(flow,)) for flow in self._flows.values()]

    def start(self) -> None:
        """Make the streams, and begin."""
        for name, shards in STREAMS.items():
            self._patiently(partial(self._make, name, shards))
        for thread in self._threads:
            thread.start()
        for flow in self._flows.values():
            self._set_readers(flow, 1)

    def stop(self) -> None:
        """End all threads."""
        self._ended.set()
        readers = [reader for flow in self._flows.values() for reader in flow.readers]
        for reader in readers:
            reader.ended.set()
        for thread in [*self._threads, *(reader.thread for reader in readers)]:
            thread.join(_END_SECONDS)

    def obey(self, order: dict[str, Any]) -> None:
        """Do what an order says; raises KeyError or ValueError for one that makes no sense."""
        name, flow = order.pop("order"), self._flows[order["stream"]]
        if name == "rate":
            flow.rate = float(order["records_per_second"])
        elif name == "size":
            flow.size = int(order["bytes"])
        elif name == "hot":
            flow.hot = float(order["share"])
        elif name == "pace":
            flow.pace = float(order["seconds"])
        elif name == "polls":
            flow.polls = float(order["per_second"])
        elif name == "readers":
            self._set_readers(flow, int(order["count"]), order.get("start", "LATEST"))
        else:
            raise ValueError(f"{name!r} is no order: rate, size, hot, pace, polls or readers")

    def _make(self, name: str, shards: int) -> None:
        try:
            self._kinesis.create_stream(StreamName=name, ShardCount=shards)
        except self._kinesis.exceptions.ResourceInUseException:
            return
        self._until(lambda: self._summary(name)["StreamStatus"] == "ACTIVE")
        self._kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["ALL"])
        if name == FAN_OUT:
            arn = self._summary(name)["StreamARN"]
            self._kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=CONSUMER)

    def _summary(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return found

    def _until(self, holds: Callable[[], bool]) -> None:
        for _ in range(int(_SETTLE_SECONDS / 0.2)):
            if holds() or self._ended.wait(0.2):
                return

    def _patiently(self, do: Callable[[], None]) -> None:
        while not self._ended.is_set():
            try:
                do()
            except (BotoCoreError, ClientError) as error:
                log.info("not yet: %s", error)
                self._ended.wait(_RETRY_SECONDS)
            else:
                return

    def _produce(self, flow: StreamFlow) -> None:
        sent, owed = 0, 0.0
        while not self._ended.wait(1 / _TICKS_A_SECOND):
            owed = min(owed + flow.rate / _TICKS_A_SECOND, 4.0 * _MOST_A_CALL)
            while owed >= 1 and not self._ended.is_set():
                count = min(int(owed), _MOST_A_CALL)
                owed -= count
                records = []
                for number in range(sent, sent + count):
                    is_hot = number % 100 < flow.hot * 100
                    records.append({"Data": b"x" * flow.size, "PartitionKey": "hot" if is_hot else str(number)})
                sent += count
                try:
                    self._kinesis.put_records(StreamName=flow.stream, Records=records)
                except (BotoCoreError, ClientError) as error:
                    log.info("not put: %s", error)

    def _set_readers(self, flow: StreamFlow, count: int, start: str = "LATEST") -> None:
        while len(flow.readers) > count:
            flow.readers.pop().ended.set()
        while len(flow.readers) < count:
            reader = (
                Subscriber(self._kinesis, flow, start)
                if flow.stream == FAN_OUT
                else ShardPoller(self._kinesis, flow, start)
            )
            flow.readers.append(reader)
            reader.thread.start()


class ShardPoller:
    """An application that polls every shard of a stream, in a thread; it looks for new shards when one ends."""

    def __init__(self, kinesis: Any, flow: StreamFlow, start: str) -> None:  # noqa: ANN401
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self._kinesis, self._flow, self._start = kinesis, flow, start
        self._iterators: dict[str, str | None] = {}

    def _run(self) -> None:
        start = self._start
        while not self.ended.is_set():
            try:
                self._find(start)
                start = "TRIM_HORIZON"  # shards that appear later are read from their beginning
                for shard in list(self._iterators):
                    self._read(shard)
            except (BotoCoreError, ClientError) as error:
                log.info("not read: %s", error)
            self.ended.wait(1 / self._flow.polls)

    def _find(self, start: str) -> None:
        if self._iterators and None not in self._iterators.values():
            return
        for shard in self._kinesis.list_shards(StreamName=self._flow.stream)["Shards"]:
            name, is_open = shard["ShardId"], "EndingSequenceNumber" not in shard["SequenceNumberRange"]
            if name not in self._iterators and (is_open or start == "TRIM_HORIZON"):
                found = self._kinesis.get_shard_iterator(
                    StreamName=self._flow.stream, ShardId=name, ShardIteratorType=start
                )
                self._iterators[name] = found["ShardIterator"]

    def _read(self, shard: str) -> None:
        place = self._iterators[shard]
        if place is None or self.ended.is_set():
            return
        most = 10_000 if not self._flow.pace else max(1, int(1 / self._flow.pace))
        try:
            found = self._kinesis.get_records(ShardIterator=place, Limit=most)
        except self._kinesis.exceptions.ExpiredIteratorException:
            del self._iterators[shard]
            return
        except ClientError as error:
            log.info("refused: %s", error)
            return
        if self._flow.pace:
            self.ended.wait(self._flow.pace * len(found["Records"]))
        self._iterators[shard] = found.get("NextShardIterator")


class Subscriber(ShardPoller):
    """A registered consumer: every shard pushes to a thread of its own."""

    def _run(self) -> None:
        threads: dict[str, threading.Thread] = {}
        while not self.ended.is_set():
            try:
                arn = self._arn()
                for shard in self._kinesis.list_shards(StreamName=self._flow.stream)["Shards"]:
                    name = shard["ShardId"]
                    if name not in threads or not threads[name].is_alive():
                        threads[name] = threading.Thread(target=self._subscribe, args=(arn, name))
                        threads[name].start()
            except (BotoCoreError, ClientError, LookupError) as error:
                log.info("not subscribed: %s", error)
            self.ended.wait(5 * _RETRY_SECONDS)
        for thread in threads.values():
            thread.join(_END_SECONDS)

    def _arn(self) -> str:
        stream = self._kinesis.describe_stream_summary(StreamName=self._flow.stream)["StreamDescriptionSummary"]
        for consumer in self._kinesis.list_stream_consumers(StreamARN=stream["StreamARN"])["Consumers"]:
            if consumer["ConsumerStatus"] == "ACTIVE":
                return str(consumer["ConsumerARN"])
        raise LookupError("the consumer is not active yet")

    def _subscribe(self, arn: str, shard: str) -> None:
        try:
            events = self._kinesis.subscribe_to_shard(
                ConsumerARN=arn, ShardId=shard, StartingPosition={"Type": "LATEST"}
            )["EventStream"]
            with_end = iter(events)
            while not self.ended.is_set():
                event = next(with_end, None)
                if event is None:
                    break
                self.ended.wait(self._flow.pace * len(event["SubscribeToShardEvent"]["Records"]))
            events.close()
        except Exception as error:  # noqa: BLE001 - botocore lets through whatever broke the stream; it is made anew
            log.info("not subscribed: %s", error)


def main() -> None:
    """Run until standard input ends."""
    serve(StreamLoad, "endpoint URL", "Producers and consumers on streams.")


if __name__ == "__main__":
    main()
