"""What AWS refuses, as calls to whatever poses as Kinesis at an address: the code it answers with, if it refuses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from streamwatch.reference.kinesis import sequence
from streamwatch.reference.kinesis.shard import HASHES
from tests.waiting import wait_for

INVALID, VALIDATION, NONE = "InvalidArgumentException", "ValidationException", "taken"
_THROTTLED: Final = "ProvisionedThroughputExceededException"
_FIRST: Final = "shardId-000000000000"
_JSON: Final = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "Kinesis_20131202.ListStreams"}
_SECONDS: Final = 30.0


class Asker:
    """Asks the Kinesis at an address."""

    def __init__(self, url: str) -> None:
        self.url = url
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, inject_host_prefix=False)
        self._session = boto3.session.Session("AKIAANY", "any")
        self._config = config
        self.kinesis = self.client(config)
        self.stream = ""
        self._made = 0

    def client(self, config: Config) -> Any:
        """Return a client."""
        return self._session.client("kinesis", endpoint_url=self.url, region_name="us-east-1", config=config)

    def make(self) -> None:
        """Make a stream for the next call to be about: what is taken changes no other case."""
        self._made += 1
        self.stream = f"refusals-{self._made}"
        self.kinesis.create_stream(StreamName=self.stream, ShardCount=2)
        wait_for(self._is_active, _SECONDS, "the stream is active")

    def _is_active(self) -> bool:
        summary = self.kinesis.describe_stream_summary(StreamName=self.stream)["StreamDescriptionSummary"]
        return bool(summary["StreamStatus"] == "ACTIVE")

    def code(self, operation: str, **given: Any) -> str:
        """Return what a call is refused with."""
        return self._code(self.kinesis, operation, given)

    def unsigned(self, operation: str) -> str:
        """Return what a call without a signature is refused with."""
        return self._code(self.client(self._config.merge(Config(signature_version=UNSIGNED))), operation, {})

    @staticmethod
    def _code(client: Any, operation: str, given: dict[str, Any]) -> str:
        try:
            getattr(client, operation)(**given)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            named = str(error.response["Error"]["Code"])
            return named if status < 500 else f"HTTP {status}"
        except BotoCoreError:
            return "no answer"
        return NONE

    def status(self, method: str, headers: dict[str, str], body: bytes = b"") -> str:
        """Return the status of a plain request."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, "/", body, headers)
            return f"HTTP {connection.getresponse().status}"
        except OSError:
            return "no answer"
        finally:
            connection.close()

    def iterator(self, kind: str, **given: Any) -> str:
        """Return what a GetShardIterator is refused with."""
        return self.code("get_shard_iterator", StreamName=self.stream, ShardId=_FIRST, ShardIteratorType=kind, **given)

    def starting(self) -> int:
        """Return the number at which the first shard begins."""
        (first, *_) = self.kinesis.list_shards(StreamName=self.stream)["Shards"]
        return int(first["SequenceNumberRange"]["StartingSequenceNumber"])


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that AWS refuses."""

    what: str
    code: str
    """How AWS does it."""
    ask: Callable[[Asker], str]


def _tag(text: str) -> Callable[[Asker], str]:
    return lambda asker: asker.code("add_tags_to_stream", StreamName=asker.stream, Tags={"a": text})


def _split(at: int) -> Callable[[Asker], str]:
    return lambda asker: asker.code(
        "split_shard", StreamName=asker.stream, ShardToSplit=_FIRST, NewStartingHashKey=str(at)
    )


def _ordered(number: int) -> Callable[[Asker], str]:
    return lambda asker: asker.code(
        "put_record", StreamName=asker.stream, Data=b"", PartitionKey="k", SequenceNumberForOrdering=str(number)
    )


def _place(by: Callable[[int], int], kind: str = "AT_SEQUENCE_NUMBER") -> Callable[[Asker], str]:
    return lambda asker: asker.iterator(kind, StartingSequenceNumber=str(by(asker.starting())))


def _retain(operation: str, hours: int) -> Callable[[Asker], str]:
    name = f"{operation}_stream_retention_period"
    return lambda asker: asker.code(name, StreamName=asker.stream, RetentionPeriodHours=hours)


def _put(count: int, size: int) -> Callable[[Asker], str]:
    records = [{"Data": b"x" * size, "PartitionKey": "k"} for _ in range(count)]

    def put(asker: Asker) -> str:
        try:
            answers = [
                one
                for start in range(0, count, 500)
                for one in asker.kinesis.put_records(StreamName=asker.stream, Records=records[start : start + 500])[
                    "Records"
                ]
            ]
        except (ClientError, BotoCoreError) as error:
            return type(error).__name__
        return next((str(one["ErrorCode"]) for one in answers if "ErrorCode" in one), NONE)

    return put


def _read_often(asker: Asker) -> str:
    at = asker.kinesis.get_shard_iterator(StreamName=asker.stream, ShardId=_FIRST, ShardIteratorType="LATEST")
    codes = [asker.code("get_records", ShardIterator=at["ShardIterator"]) for _ in range(6)]
    return next((one for one in codes if one != NONE), NONE)


def _read_a_token(asker: Asker) -> str:
    page = asker.kinesis.list_shards(StreamName=asker.stream, MaxResults=1)
    if "NextToken" not in page:
        return NONE
    return asker.code("list_shards", StreamName=asker.stream, NextToken=page["NextToken"])


def _ask_often(asker: Asker) -> str:
    codes = [asker.code("describe_limits") for _ in range(2)]
    return next((one for one in codes if one != NONE), NONE)


def _arn(asker: Asker) -> str:
    summary = asker.kinesis.describe_stream_summary(StreamName=asker.stream)["StreamDescriptionSummary"]
    return str(summary["StreamARN"])


def _read_another(asker: Asker) -> str:
    place = {"StreamName": asker.stream, "ShardId": _FIRST, "ShardIteratorType": "LATEST"}
    at = asker.kinesis.get_shard_iterator(**place)["ShardIterator"]
    asker.make()
    return asker.code("get_records", ShardIterator=at, StreamARN=_arn(asker))


def _filter(**wanted: object) -> Callable[[Asker], str]:
    return lambda asker: asker.code("list_shards", StreamName=asker.stream, ShardFilter=wanted)


REFUSALS: Final = (
    Refusal("no signature", "MissingAuthenticationTokenException", lambda asker: asker.unsigned("list_streams")),
    Refusal("GET", "HTTP 403", lambda asker: asker.status("GET", {})),
    Refusal("PUT", "HTTP 403", lambda asker: asker.status("PUT", _JSON, b"{}")),
    Refusal("POST of another content type", "HTTP 404",
            lambda asker: asker.status("POST", _JSON | {"Content-Type": "text/plain"}, b"{}")),
    Refusal("a body that is no JSON", "HTTP 400", lambda asker: asker.status("POST", _JSON, b"{")),
    Refusal("no shards for a provisioned stream", INVALID,
            lambda asker: asker.code("create_stream", StreamName=f"{asker.stream}x")),
    Refusal("a name with a space", VALIDATION,
            lambda asker: asker.code("create_stream", StreamName="x y", ShardCount=1)),
    Refusal("a stream that exists", "ResourceInUseException",
            lambda asker: asker.code("create_stream", StreamName=asker.stream, ShardCount=1)),
    Refusal("AUTO distribution for a provisioned stream", INVALID,
            lambda asker: asker.code("create_stream", StreamName=f"{asker.stream}x", ShardCount=1,
                                     RecordDistributionStrategy="AUTO")),
    *(Refusal(f"a tag with {name}", INVALID, _tag(f"a{text}b"))
      for name, text in (("`;`", ";"), ("`,`", ","), ("a tab", "\t"), ("a newline", "\n"), ("`%`", "%"))),
    Refusal("51 tags of a new stream", INVALID,
            lambda asker: asker.code("create_stream", StreamName=f"{asker.stream}x", ShardCount=1,
                                     Tags=dict.fromkeys(map(str, range(51)), ""))),
    Refusal("a retention of 23 h", INVALID, _retain("decrease", 23)),
    Refusal("a retention of 8,761 h", INVALID, _retain("increase", 8761)),
    *(Refusal(f"SplitShard at hash key {at}", INVALID, _split(at)) for at in (0, 1)),
    Refusal("SplitShard at the last hash key", INVALID, _split(HASHES // 2 - 1)),
    Refusal("SplitShard outside the shard", INVALID, _split(HASHES // 2 + 5)),
    Refusal("a merge of a shard with itself", INVALID,
            lambda asker: asker.code("merge_shards", StreamName=asker.stream, ShardToMerge=_FIRST,
                                     AdjacentShardToMerge=_FIRST)),
    Refusal("a count of shards above double", INVALID,
            lambda asker: asker.code("update_shard_count", StreamName=asker.stream, TargetShardCount=5,
                                     ScalingType="UNIFORM_SCALING")),
    Refusal("NextToken beside StreamName", INVALID, _read_a_token),
    *(Refusal(f"a NextToken of no kind, {operation}", INVALID, ask) for operation, ask in (
        ("ListStreams", lambda asker: asker.code("list_streams", NextToken="none")),
        ("ListStreamConsumers",
         lambda asker: asker.code("list_stream_consumers", StreamARN=_arn(asker), NextToken="none")))),
    Refusal("AFTER_SHARD_ID without a ShardId", INVALID, _filter(Type="AFTER_SHARD_ID")),
    Refusal("AT_TIMESTAMP without a Timestamp, ListShards", INVALID, _filter(Type="AT_TIMESTAMP")),
    Refusal("FROM_TIMESTAMP without a Timestamp", INVALID, _filter(Type="FROM_TIMESTAMP")),
    Refusal("an iterator beside the ARN of another stream", INVALID, _read_another),
    Refusal("DeregisterStreamConsumer with an ARN alone", INVALID,
            lambda asker: asker.code("deregister_stream_consumer", StreamARN=_arn(asker))),
    Refusal("a policy that is no JSON", INVALID,
            lambda asker: asker.code("put_resource_policy", ResourceARN=_arn(asker), Policy="none")),
    Refusal("LATEST with a StartingSequenceNumber", INVALID, _place(lambda at: at, "LATEST")),
    Refusal("TRIM_HORIZON with a StartingSequenceNumber", INVALID, _place(lambda at: at, "TRIM_HORIZON")),
    Refusal("AT_SEQUENCE_NUMBER without one", INVALID, lambda asker: asker.iterator("AT_SEQUENCE_NUMBER")),
    Refusal("AT_TIMESTAMP of a time to come", INVALID,
            lambda asker: asker.iterator("AT_TIMESTAMP", Timestamp=datetime(2200, 1, 1, tzinfo=UTC))),
    Refusal("a sequence number of another shard", INVALID, _place(lambda at: at + (1 << 4))),
    Refusal("a sequence number of another time", INVALID, _place(lambda at: at - (1 << 148))),
    Refusal("a sequence number of no kind", INVALID, _place(lambda at: at + 2)),
    Refusal("a SequenceNumberForOrdering of no kind", INVALID, _ordered(3 << 184)),
    Refusal("a SequenceNumberForOrdering of a time to come", INVALID,
            _ordered(sequence.number_of(sequence.first_of(2**32, 0), 0, 2**32, 2**33))),
    Refusal("a hash key of 2^128", INVALID,
            lambda asker: asker.code("put_record", StreamName=asker.stream, Data=b"", PartitionKey="k",
                                     ExplicitHashKey=str(HASHES))),
    Refusal("no partition key", VALIDATION, lambda asker: asker.code("put_record", StreamName=asker.stream, Data=b"")),
    Refusal("a record of more than 1 MiB", VALIDATION,
            lambda asker: asker.code("put_record", StreamName=asker.stream, Data=b"x" * 2**20, PartitionKey="k")),
    Refusal("501 records", VALIDATION,
            lambda asker: asker.code("put_records", StreamName=asker.stream,
                                     Records=[{"Data": b"", "PartitionKey": "k"}] * 501)),
    Refusal("an iterator that nobody made", INVALID,
            lambda asker: asker.code("get_records", ShardIterator="AAAAAAAAAAEAAAA")),
)  # fmt: skip
"""Of arguments, and of who asks."""

LIMITS: Final = (
    Refusal("1,001 records in a second", _THROTTLED, _put(1001, 1)),
    Refusal("more than 1 MiB in a second", _THROTTLED, _put(3, 2**19)),
    Refusal("six reads in a second", _THROTTLED, _read_often),
    Refusal("DescribeLimits twice in a second", "LimitExceededException", _ask_often),
)
"""Of what comes too fast: asked while the time of the reference stands still."""


def answers(asker: Asker, cases: tuple[Refusal, ...]) -> Iterator[tuple[Refusal, str]]:
    """Yield how each case is answered."""
    for case in cases:
        asker.make()
        yield case, case.ask(asker)
