"""Which streams are watched, and how."""

import re
from dataclasses import dataclass

from streamwatch.settings.types import Duration, setting
from streamwatch.sources.aws.config import AwsAccess, CloudWatch
from streamwatch.sources.names import Names
from streamwatch.sources.readers.config import Readers


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Reads from the shards themselves, to know the age of their records. It costs a reader's rights and its rate."""

    enabled: bool = setting(
        "whether shards are probed; needs kinesis:GetShardIterator and kinesis:GetRecords, uses up one of each shard's"
        " five reads a second now and then, and shows in the stream's own iterator age",
        default=False,
    )
    interval: Duration = setting("how often a shard is probed", default=300.0, minimum=180)
    shards_per_second: int = setting("at most so many shards a second", default=10, minimum=1, maximum=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams(Names):
    """Which streams to look at: those that some `allow` matches and no `deny` does, with all these `tags`."""

    tags: tuple[str, ...] = setting("tags that a stream must carry, as `key=value` or `key`", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The Kinesis streams of one AWS account, in one region or several."""

    name: str = setting("what this part is called, in the agent's own metrics and messages")
    regions: tuple[str, ...] = setting("AWS regions, as in ['eu-west-1']")
    access: AwsAccess = setting("who the agent is there", default_factory=AwsAccess)
    streams: Streams = setting("streams that are looked at", default_factory=Streams)
    interval: Duration = setting("how often streams are read", default=60.0, minimum=1)
    deadline: Duration | None = setting(
        "how long one read may take; by default four fifths of the interval, and 50s at the most",
        default=None,
        minimum=0.5,
    )
    describe_interval: Duration = setting(
        "how often a stream's shards, retention and consumers are read, while its state does not change",
        default=300.0,
        minimum=10,
    )
    cloudwatch: CloudWatch = setting("what CloudWatch is asked for", default_factory=CloudWatch)
    probe: Probe = setting("reading from the shards", default_factory=Probe)
    readers: Readers = setting("who reads the streams on somebody's behalf", default_factory=Readers)
    consumers_per_stream: int | None = setting(
        "how many registered consumers a stream may have, where that is not AWS's 20 (50 of an on-demand stream, where"
        " the account has On-demand Advantage); given here, the account is not asked",
        default=None,
        minimum=1,
    )
    max_series: int = setting(
        "at most so many series; beyond, the least important are dropped and counted", default=100_000, minimum=100
    )

    def __post_init__(self) -> None:
        if not self.regions:
            raise ValueError("regions: at least one is needed: write ['eu-west-1']")
        for region in self.regions:
            if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", region):
                raise ValueError(f"regions: {region!r} is no AWS region: write it as in 'eu-west-1'")
        if len(set(self.regions)) < len(self.regions):
            twice = next(region for region in self.regions if self.regions.count(region) > 1)
            raise ValueError(f"regions: {twice!r} is there twice: each stream would be counted twice")
        if len(self.regions) > 1 and any(
            warehous is not None and warehous.region is None for warehous in self.readers.redshift.warehouses
        ):
            raise ValueError("readers.redshift.warehouses: region: it is needed, since there are several regions")
        for at, of in enumerate(self.readers.redshift.warehouses):
            if of is not None and of.region is not None and of.region not in self.regions:
                there = ", ".join(self.regions)
                raise ValueError(f"readers.redshift.warehouses[{at}].region: {of.region!r} is none of regions: {there}")
        if self.deadline is not None and self.deadline >= self.interval:
            raise ValueError(f"deadline: {self.deadline:g}s must be shorter than interval, {self.interval:g}s")

    @property
    def read_seconds(self) -> float:
        """How long one read may take."""
        return self.deadline or min(50.0, 0.8 * self.interval)
