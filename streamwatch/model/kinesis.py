"""What one read of the Kinesis streams of an account saw."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatch.model.cloudwatch import CloudWatchCost, CloudWatchSnapshot
from streamwatch.model.snapshot import Problem


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard."""

    id: str
    first: int
    last: int
    """Its hash keys, both ends included."""
    is_open: bool
    """Whether it takes records; a closed one is read until its records expire."""
    parents: tuple[str, ...] = ()
    starting: str = ""
    """The sequence number that it begins with."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the control plane says of a stream."""

    status: str
    mode: str
    """``PROVISIONED`` or ``ON_DEMAND``."""
    retention_seconds: float
    open_shards: int
    shards: tuple[Shard, ...] | None
    """By id; None where they could not be listed."""
    consumers: tuple[str, ...] | None
    """Names of the registered ones (enhanced fan-out); None where they could not be listed."""
    watched: frozenset[str]
    """Shard-level metrics that are on (enhanced monitoring), by CloudWatch's names."""
    distribution: str = "USER_PARTITION_KEY"
    """``AUTO``: records go where there is room, whatever their partition key."""
    channels: int | None = None
    queues: int | None = None
    """None where the API does not say."""
    most_consumers: int | None = None
    """How many consumers may be registered; None where it is not known."""
    listed_at: float = -math.inf
    """When its shards were listed, or a moment before."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream; its description is None where it could not be read."""

    account: str
    region: str
    name: str
    description: Description | None


@dataclass(frozen=True, slots=True)
class ShardAges:
    """What a probe found in a shard; None where there was no record to judge by."""

    probed_at: float
    oldest_seconds: float | None
    """Age of the oldest record."""
    newest_seconds: float | None
    """The newest record is at most so old."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Of one account and region."""

    account: str
    region: str
    open_shards: int
    shard_limit: int


@dataclass(frozen=True, slots=True)
class CallCount:
    """What was asked of one operation of AWS's API since the source began."""

    region: str
    service: str
    operation: str
    calls: int
    failures: int
    throttled: int
    seconds: float


StreamKey = tuple[str, str, str]
"""Account, region, stream."""
ShardKey = tuple[str, str, str, str]
"""Account, region, stream, shard."""


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamsSnapshot:
    """One read of the streams of one account, in one region or several."""

    source: str
    taken_at: float
    read_seconds: float
    streams: tuple[Stream, ...] | None
    """Sorted; None where not one region could be read."""
    quotas: tuple[Quota, ...] = ()
    without: Mapping[str, int] = field(default_factory=dict)
    """Regions that were read and have no stream to watch; how many each has that the configuration leaves out."""
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """All streams that this read listed, watched or not, by region; without regions that were not listed to the end."""
    cloudwatch: Mapping[tuple[str, str], CloudWatchSnapshot] = field(default_factory=dict)
    """By account and region."""
    cost: CloudWatchCost = field(default_factory=CloudWatchCost)
    by_cloudwatch: bool = True
    """Whether CloudWatch is asked at all."""
    ages: Mapping[ShardKey, ShardAges] = field(default_factory=dict)
    own_calls: Mapping[StreamKey, Mapping[int, int]] = field(default_factory=dict)
    """Calls of GetRecords that the agent itself made, at the most, by the minute in which CloudWatch counts them."""
    problems: tuple[Problem, ...] = ()
    calls: tuple[CallCount, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether any region could be read."""
        return self.streams is not None

    def notes(self) -> tuple[str, ...]:
        """What a person should know of regions without a stream to watch; what others have is not guessed."""
        return tuple(
            f"none of the {count} streams in {region} is to be watched: do `streams.allow`, `deny` and `tags` fit?"
            if count
            else f"no streams in {region}; wrong region?"
            for region, count in sorted(self.without.items())
        )
