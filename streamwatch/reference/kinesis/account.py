"""All of Kinesis in one account and region: its streams, the rates of its calls, and what is going to happen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.reference.kinesis.errors import ServiceError, in_use, no_consumer, not_active, not_found, too_many
from streamwatch.reference.kinesis.iterators import Iterators
from streamwatch.reference.kinesis.limits import WRITE_BYTES, Bucket
from streamwatch.reference.kinesis.shard import Shard
from streamwatch.reference.kinesis.stream import Consumer, Stream
from streamwatch.reference.kinesis.subscriptions import Subscription
from streamwatch.reference.metrics import Metrics
from streamwatch.reference.timers import Timers

Parameters = Mapping[str, Any]
"""The parameters of a call, by the names of AWS's API: bytes are bytes, times Unix seconds."""
Answer = dict[str, Any]

RATES: Final = {
    "DescribeLimits": 1,
    "DescribeStream": 10,
    "DescribeStreamSummary": 20,
    "DescribeStreamConsumer": 20,
} | dict.fromkeys(
    (
        "AddTagsToStream", "CreateStream", "DecreaseStreamRetentionPeriod", "DeleteStream", "DeregisterStreamConsumer",
        "DisableEnhancedMonitoring", "EnableEnhancedMonitoring", "IncreaseStreamRetentionPeriod", "ListStreamConsumers",
        "ListStreams", "ListTagsForStream", "MergeShards", "RegisterStreamConsumer", "RemoveTagsFromStream",
        "SplitShard", "StartStreamEncryption", "StopStreamEncryption", "UpdateShardCount", "UpdateStreamMode",
        "DescribeAccountSettings", "UpdateAccountSettings", "UpdateStreamWarmThroughput",
    ),
    5,
)  # fmt: skip
"""Calls a second that an account may make; what is not here is limited by stream or shard, or not at all."""


_TIMED: Final = frozenset({"PutRecord", "PutRecords", "GetRecords"})


@dataclass(slots=True)
class AccountLimits:
    """What an account may have, and how long its changes take."""

    shards: int = 20_000
    on_demand_streams: int = 50
    consumers: int = 20
    """Of a stream."""
    advantage_consumers: int = 50
    """Of an on-demand stream of an account with On-demand Advantage."""
    create_seconds: float = 1.0
    """AWS takes about 30 s; a rehearsal need not."""
    update_seconds: float = 1.0


@dataclass(slots=True)
class Commitment:
    """On-demand Advantage: the account's commitment to a minimum of throughput."""

    enabled_at: float | None = None
    """When it was enabled; None where it is off."""
    ends: float | None = None
    """When it is over, once it was disabled within its first day."""


@dataclass(slots=True)
class KinesisFaults:
    """What is broken on purpose."""

    denied: set[str] = field(default_factory=set)
    """Operations that no one may call."""
    throttled: bool = False
    """The control plane refuses every call for its rate."""
    failing: float = 0.0
    """The share of records and calls of the data plane that fail inside AWS."""
    turn: float = 0.0

    def fails(self) -> bool:
        """Whether this one fails: evenly spread, so that a share is a share."""
        self.turn += self.failing
        if self.turn >= 1:
            self.turn -= 1
            return True
        return False


class Kinesis:
    """One account's Kinesis in one region."""

    def __init__(self, account: str, region: str, metrics: Metrics, quotas: AccountLimits | None = None) -> None:
        self.account, self.region = account, region
        self.metrics = metrics
        self.quotas = quotas or AccountLimits()
        self.streams: dict[str, Stream] = {}
        self.iterators = Iterators()
        self.timers = Timers()
        self.subscriptions: dict[tuple[str, str], Subscription] = {}
        """By consumer ARN and shard."""
        self.broken = KinesisFaults()
        self.commitment = Commitment()
        self.about: Stream | None = None
        """The stream that the last call was about."""
        self._rates = {name: Bucket(rate) for name, rate in RATES.items()}
        self._by_id: dict[bytes, Stream] = {}

    def admit(self, operation: str, now: float) -> None:
        """Let time pass, and count a call.

        Raises:
            Refused: nobody may call it, or it was called too often.

        """
        self.timers.run(now)
        if operation in self.broken.denied:
            who = f"User: arn:aws:iam::{self.account}:user/reference is not authorized to perform: kinesis:{operation}"
            why = f"{who} because no identity-based policy allows the kinesis:{operation} action"
            raise ServiceError("AccessDeniedException", why)
        rate = self._rates.get(operation)
        if rate is not None and (self.broken.throttled or not rate.admit(now)):
            raise too_many(f"Rate exceeded for account {self.account}.")

    def arn_of(self, name: str) -> str:
        """Return a stream's ARN."""
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"

    def create(self, name: str, mode: str, shards: int, now: float) -> Stream:
        """Make a stream, which is ACTIVE after its delay."""
        stream = Stream(name, self.arn_of(name), now, self.metrics, mode=mode)
        self.streams[name] = stream
        self._by_id[stream.id] = stream

        def ready(then: float) -> None:
            stream.lay_out(shards, then)
            stream.status = "ACTIVE"

        self.timers.at(now + self.quotas.create_seconds, ready)
        return stream

    def remove(self, stream: Stream, now: float) -> None:
        """Delete a stream; it is gone after a delay."""
        stream.status = "DELETING"

        def gone(_: float) -> None:
            self.streams.pop(stream.name, None)
            self._by_id.pop(stream.id, None)

        self.timers.at(now + self.quotas.update_seconds, gone)

    def change(self, stream: Stream, do: Callable[[float], object], now: float) -> None:
        """Let a stream be UPDATING for a while, and change it at the end."""
        self.want_active(stream)
        stream.status = "UPDATING"

        def done(then: float) -> None:
            do(then)
            if stream.status == "UPDATING":
                stream.status = "ACTIVE"

        self.timers.at(now + self.quotas.update_seconds, done)

    def want_active(self, stream: Stream) -> None:
        """Refuse where the stream is being changed."""
        if stream.status != "ACTIVE":
            raise not_active(stream.name, self.account, stream.status)

    def find(self, parameters: Parameters, now: float) -> Stream:
        """Return the stream that a call means, by name or ARN, trimmed.

        Raises:
            Refused: there is none.

        """
        arn = parameters.get("StreamARN") or parameters.get("ResourceARN")
        name = parameters.get("StreamName")
        if arn is not None:
            if name is not None and not arn.endswith(f"/{name}"):
                raise ServiceError("InvalidArgumentException", "StreamARN and StreamName name different streams.")
            name = arn.rpartition(":stream/")[2]
        if name is None:
            raise ServiceError("InvalidArgumentException", "Either StreamName or StreamARN is required.")
        stream = self.streams.get(name)
        if stream is None or (arn is not None and arn != stream.arn):
            raise not_found(name, self.account)
        stream.trim(now)
        self.about = stream
        return stream

    def by_id(self, identity: bytes) -> Stream | None:
        """Return the stream that an iterator means; None where it was deleted."""
        self.about = self._by_id.get(identity)
        return self.about

    def report_latency(self, operation: str, seconds: float, now: float) -> None:
        """Report to CloudWatch how long a call took that succeeded."""
        if self.about is not None and operation in _TIMED:
            self.about.put_metric(f"{operation}.Latency", seconds * 1000, "Milliseconds", now)

    def has_advantage(self, stream: Stream) -> bool:
        """Whether a stream is one of On-demand Advantage."""
        return stream.mode == "ON_DEMAND" and self.commitment.enabled_at is not None

    def consumer(self, arn: str, now: float) -> tuple[Stream, Consumer]:
        """Return a registered consumer and its stream.

        Raises:
            Refused: there is none.

        """
        stream_arn, _, rest = arn.partition("/consumer/")
        stream = self.find({"StreamARN": stream_arn}, now)
        found = stream.consumers.get(rest.partition(":")[0])
        if found is None or found.arn != arn:
            raise no_consumer(arn)
        return stream, found

    def open_shards(self) -> int:
        """Return how many shards the account has open."""
        return sum(len(stream.open_shards) for stream in self.streams.values() if stream.mode == "PROVISIONED")

    def want_room(self, shards: int) -> None:
        """Refuse where so many more shards are more than the quota."""
        used = self.open_shards()
        if used + shards > self.quotas.shards:
            raise too_many(
                f"This request would exceed the shard limit for the account {self.account} in {self.region}."
                f" Current shard count for the account: {used}. Limit: {self.quotas.shards}."
            )

    def grow(self, stream: Stream, now: float) -> None:
        """Scale an on-demand stream that gets more than half of what it is made for."""
        wanted = stream.wanted_shards(WRITE_BYTES)
        if stream.mode == "ON_DEMAND" and stream.status == "ACTIVE" and wanted > len(stream.open_shards):
            self.change(stream, lambda then: stream.resize(wanted, then), now)

    def take_over(self, consumer: Consumer, shard: Shard, made: Subscription, now: float) -> None:
        """Let a subscription take the place of the one before.

        Raises:
            Refused: the one before is younger than five seconds.

        """
        key = (consumer.arn, shard.id)
        before = self.subscriptions.get(key)
        if before is not None and not before.is_over(now):
            if now - before.began < Subscription.HELD_SECONDS:
                raise in_use(f"Another active subscription exists for this consumer: {consumer.arn}:{shard.id}")
            before.end()
        self.subscriptions[key] = made
