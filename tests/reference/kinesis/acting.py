"""A Kinesis without a socket, whose time passes when it is told to; and a cloud behind one, asked by boto3."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from streamwatch.core.clock import ManualClock
from streamwatch.reference.aws.cloud import ACCOUNT, REGION, Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.account import AccountLimits, Kinesis
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.stream import Stream
from streamwatch.reference.metrics import Key, Metrics
from streamwatch.sources.aws.botocore_sessions import new_session

NOON = 1_800_000_000.0
"""The start of a minute."""


SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIAANY/20260101/us-east-1/kinesis/aws4_request,"
    f" SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={'0' * 64}"
)
"""An Authorization header that is right in form."""


class Stage:
    """One account's Kinesis, and its time."""

    def __init__(self, quotas: AccountLimits | None = None) -> None:
        self.now = NOON
        self.metrics = Metrics()
        self.kinesis = Kinesis(
            ACCOUNT, REGION, self.metrics, quotas or AccountLimits(create_seconds=0, update_seconds=0)
        )

    def ask(self, operation: str, **given: Any) -> dict[str, Any]:
        """Call an operation; changes are done when it returns."""
        self.kinesis.admit(operation, self.now)
        answer = OPERATIONS[operation](self.kinesis, given, self.now)
        self.kinesis.timers.run(self.now)
        return answer

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.kinesis.timers.run(self.now)

    def stream(self, name: str = "s", shards: int = 1, **given: Any) -> Stream:
        """Make a stream that is ready."""
        self.ask("CreateStream", StreamName=name, ShardCount=shards, **given)
        return self.kinesis.streams[name]

    def put(self, count: int, size: int = 10, name: str = "s", key: str = "k") -> dict[str, Any]:
        """Put records in one call."""
        records = [{"Data": b"x" * size, "PartitionKey": key} for _ in range(count)]
        return self.ask("PutRecords", StreamName=name, Records=records)

    def iterator(self, kind: str = "TRIM_HORIZON", shard: int = 0, name: str = "s", **given: Any) -> str:
        """Return a shard iterator."""
        place = {"StreamName": name, "ShardId": f"shardId-{shard:012d}", "ShardIteratorType": kind}
        found: str = self.ask("GetShardIterator", **place, **given)["ShardIterator"]
        return found

    def minute(self, name: str, statistic: str = "Sum", **dimensions: str) -> float | None:
        """Return what CloudWatch has for the newest minute that is over."""
        end = self.now // 60 * 60
        at = tuple(sorted((dimensions or {"StreamName": "s"}).items()))
        found = self.metrics.points(Key("AWS/Kinesis", name, at), end - 60, end, 60, self.now)
        return found[0][1].statistic(statistic) if found else None


class Time(ManualClock):
    """A clock for both sides of the network: it stands still until it is told to go on."""

    def __init__(self, now: float = NOON) -> None:
        super().__init__(now)
        self._began = now

    @property
    def passed(self) -> float:
        """Seconds that have passed."""
        return self.now() - self._began


@contextmanager
def cloud(time: Time | None = None, **options: Any) -> Iterator[ReferenceAws]:
    """A reference AWS whose changes are quick."""
    quotas = AccountLimits(create_seconds=0.0, update_seconds=0.0)
    if time is not None:
        options["clock"] = time.now
    with ReferenceAws(Cloud(options.pop("logins", None), quotas), **options) as aws:
        yield aws


def client(aws: ReferenceAws, service: str = "kinesis", keys: tuple[str, str] = ("a", "b"), **options: Any) -> Any:
    """A client of boto3 that tries once."""
    own = new_session()
    own.set_credentials(*keys, options.pop("aws_session_token", None))
    session = boto3.session.Session(botocore_session=own)
    signs = {"signature_version": UNSIGNED} if options.pop("unsigned", False) else {}
    config = Config(retries={"total_max_attempts": 1}, read_timeout=60, **signs)
    region = options.pop("region_name", REGION)
    return session.client(service, endpoint_url=aws.url, region_name=region, config=config, **options)


def body(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without what the SDK adds."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
