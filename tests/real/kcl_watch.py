"""A reference stream that real KCL workers read, their leases in DynamoDB Local, and the agent's sources of both."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import SystemClock
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.sources.account_config import AccountConfig
from tests.real.amazon import client
from tests.sources.kinesis.watching import config
from tests.waiting import wait_for

SECONDS: Final = 60.0
_KEYS: Final = "access_key_id: AKIDEXAMPLE, secret_access_key: secret"
"""DynamoDB Local shows each access key tables of its own."""
_KCL: Final = "readers: {kcl: {enabled: true, interval: 10s, discover_interval: 10s, probe: {enabled: true}}}"


class KinesisStream:
    """A stream, and records written to its shards."""

    def __init__(self, url: str, name: str, shards: int) -> None:
        self.name = name
        self.kinesis: Any = client("kinesis", url)
        self.identity = ""
        """As KCL writes it into the keys of leases: account, name and when it was made."""
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)

    def settle(self) -> None:
        """Wait until the stream is not being changed."""
        wait_for(self._is_active, SECONDS, f"{self.name} is active")

    def _is_active(self) -> bool:
        try:
            told = self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        except (
            self.kinesis.exceptions.LimitExceededException
        ):  # KCL and the agent ask too, and the rate is the account's
            return False
        account, made = told["StreamARN"].split(":")[4], int(told["StreamCreationTimestamp"].timestamp())
        self.identity = f"{account}:{self.name}:{made}"
        return bool(told["StreamStatus"] == "ACTIVE")

    def shards(self, *, are_open: bool = True) -> list[dict[str, Any]]:
        """Its shards, those that are open at first."""
        every: list[dict[str, Any]] = self.kinesis.list_shards(StreamName=self.name)["Shards"]
        return [one for one in every if not are_open or "EndingSequenceNumber" not in one["SequenceNumberRange"]]

    def put(self, data: str, shards: Sequence[dict[str, Any]]) -> None:
        """Write a record to each of these shards."""
        records = [
            {"Data": data.encode(), "PartitionKey": "k", "ExplicitHashKey": one["HashKeyRange"]["StartingHashKey"]}
            for one in shards
        ]
        self.kinesis.put_records(StreamName=self.name, Records=records)

    def split(self, shard: dict[str, Any]) -> None:
        """Split a shard in the middle."""
        first, last = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        middle = str((first + last) // 2)
        self.kinesis.split_shard(StreamName=self.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)
        self.settle()


@dataclass(frozen=True, slots=True)
class LeaseWatch:
    """The agent's sources of streams and of readers; whoever looks reads both."""

    streams: Any
    readers: Any

    def look(self) -> dict[tuple[str, str | None], Reader]:
        """Read, and return the readers by application and stream."""
        streams = self.streams.read()
        assert isinstance(streams, StreamsSnapshot)
        snapshot = self.readers.read()
        assert isinstance(snapshot, ReadersSnapshot)
        return {(one.name, one.stream): one for one in snapshot.readers or ()}


@contextmanager
def endpoints(kinesis: str, dynamodb: str) -> Iterator[None]:
    """Let AWS's clients, of this process and of those it starts, find the reference, and DynamoDB where it is."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", kinesis)
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb)
        yield


@contextmanager
def lease_watch(kinesis: str, dynamodb: str, interval: float, beyond: float) -> Iterator[LeaseWatch]:
    """The sources as they are by default, but for how often they read; probes are on."""
    with endpoints(kinesis, dynamodb):
        found = _hurried(config("", _KCL, access=_KEYS), interval, beyond)
        streams, readers, *_ = TargetFactory(SystemClock()).targets(found, lambda: None)
        try:
            yield LeaseWatch(streams.source, readers.source)
        finally:
            readers.source.close()
            streams.source.close()


def _hurried(of: AccountConfig, interval: float, beyond: float) -> AccountConfig:
    """Return it with intervals that are shorter than a user's can be."""
    kcl = of.readers.kcl
    kcl = replace(kcl, interval=interval, probe=replace(kcl.probe, beyond=beyond))
    return replace(of, describe_interval=1.0, readers=replace(of.readers, kcl=kcl))
