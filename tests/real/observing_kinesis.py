"""One script of calls to a Kinesis, whichever: what it answers, made comparable."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.waiting import wait_for

MANY: Final = 2**128
_SECONDS: Final = 20.0
_KEYS: Final = [f"key-{i}" for i in range(60)] + ["", "ä", "日本語", "x" * 256][1:]
_NEVER: Final = "4" * 56
_PAST, _FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def client(url: str) -> Any:
    """Return a client that neither checks nor repeats."""
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, inject_host_prefix=False)
    keys = {"aws_access_key_id": "AKIAANY", "aws_secret_access_key": "any"}
    return boto3.client("kinesis", endpoint_url=url, region_name="us-east-1", config=config, **keys)


def code(call: Callable[..., Any], *args: Any, **given: Any) -> str:
    """Return the error of a call."""
    try:
        call(*args, **given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError:
        return "no answer"
    return "none"


class Observer:
    """What is seen, by name."""

    def __init__(self, kinesis: Any) -> None:
        self._kinesis = kinesis
        self.seen: dict[str, Any] = {}

    def all(self) -> dict[str, Any]:
        """Play the script."""
        self._make("a", 4)
        self._see_routing("a")
        self._see_iterators("a")
        self._see_resharding("a")
        self._see_settings("a")
        self._see_errors("a")
        return self.seen

    def _make(self, name: str, shards: int) -> None:
        self._kinesis.create_stream(StreamName=name, ShardCount=shards)
        self._settle(name)
        self.seen["shards of equal ranges"] = self._shards(name)
        ranges = [one["HashKeyRange"] for one in self._listed(name)]
        self.seen["their borders"] = [int(one["EndingHashKey"]) for one in ranges]

    def _settle(self, name: str) -> None:
        def active() -> bool:
            told = self._kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            return bool(told["StreamStatus"] == "ACTIVE")

        wait_for(active, _SECONDS, f"{name} is active")

    def _shards(self, name: str, **more: Any) -> list[Any]:
        return [_shard(one) for one in self._kinesis.list_shards(StreamName=name, **more)["Shards"]]

    def _see_routing(self, name: str) -> None:
        records = [{"Data": key.encode(), "PartitionKey": key} for key in _KEYS]
        borders = [MANY * i // 4 + d for i in range(5) for d in (-9, 9) if 0 <= MANY * i // 4 + d < MANY]
        explicit = [{"Data": b"e", "PartitionKey": "e", "ExplicitHashKey": str(one)} for one in borders]
        put = self._kinesis.put_records(StreamName=name, Records=records + explicit)
        self.seen["put, none failed"] = put["FailedRecordCount"]
        where = [one["ShardId"] for one in put["Records"]]
        self.seen["shards of keys"] = dict(zip(_KEYS, where, strict=False))
        self.seen["shards of explicit hash keys"] = dict(zip(borders, where[len(_KEYS) :], strict=True))
        one = self._kinesis.put_record(StreamName=name, Data=b"\x00\xff", PartitionKey="alone")
        self.seen["shard of one"] = one["ShardId"]
        read = {shard["ShardId"]: self._read(name, shard["ShardId"]) for shard in self._listed(name)}
        self.seen["records by shard"] = {
            shard: [(one["PartitionKey"], one["Data"]) for one in got] for shard, (got, _) in read.items()
        }
        numbers = [[int(one["SequenceNumber"]) for one in got] for got, _ in read.values()]
        self.seen["sequence numbers rise"] = all(each == sorted(set(each)) for each in numbers)
        self.seen["at the tip"] = [last["MillisBehindLatest"] for _, last in read.values()]

    def _listed(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._kinesis.list_shards(StreamName=name)["Shards"]
        return found

    def _iterator(self, name: str, shard: str, kind: str, **more: Any) -> str:
        start = {"StreamName": name, "ShardId": shard, "ShardIteratorType": kind}
        return str(self._kinesis.get_shard_iterator(**start, **more)["ShardIterator"])

    def _read(self, name: str, shard: str, kind: str = "TRIM_HORIZON", **more: Any) -> tuple[list[Any], Any]:
        """Read until the tip or the end; return the records and the last answer."""
        place: str | None = self._iterator(name, shard, kind, **more)
        read: list[Any] = []
        last: Any = None
        for _ in range(3):  # an emulator may give an end with an empty page of its own
            last = self._kinesis.get_records(ShardIterator=place)
            read += last["Records"]
            place = last.get("NextShardIterator")
            if place is None:
                break
        return read, last

    def _see_iterators(self, name: str) -> None:
        shard = "shardId-000000000001"
        whole, _ = self._read(name, shard)
        at = [one["SequenceNumber"] for one in whole]

        def count(kind: str, **more: Any) -> int:
            return len(self._read(name, shard, kind, **more)[0])

        def third(kind: str) -> list[int]:
            read, _ = self._read(name, shard, kind, StartingSequenceNumber=at[2])
            return [at.index(one["SequenceNumber"]) for one in read][:2]

        self.seen["at and after a number"] = third("AT_SEQUENCE_NUMBER"), third("AFTER_SEQUENCE_NUMBER")
        self.seen["after the last"] = count("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=at[-1])
        zero = {"StartingSequenceNumber": "0"}
        self.seen["at the number 0"] = code(self._iterator, name, shard, "AT_SEQUENCE_NUMBER", **zero)
        start = self._listed(name)[1]["SequenceNumberRange"]["StartingSequenceNumber"]
        self.seen["at the shard's first number"] = count("AT_SEQUENCE_NUMBER", StartingSequenceNumber=start) - len(at)
        self.seen["latest"] = count("LATEST")
        self.seen["at a time long ago"] = count("AT_TIMESTAMP", Timestamp=_PAST) - len(at)
        late = self._iterator(name, shard, "LATEST")
        records = [{"Data": b"late", "PartitionKey": "l", "ExplicitHashKey": str(MANY // 4)}]
        self._kinesis.put_records(StreamName=name, Records=records)
        after = [one["Data"] for one in self._kinesis.get_records(ShardIterator=late)["Records"]]
        self.seen["put after latest"] = after
        again = [one["Data"] for one in self._kinesis.get_records(ShardIterator=late)["Records"]]
        self.seen["an iterator may be used again"] = again
        first = self._iterator(name, shard, "TRIM_HORIZON")
        page = self._kinesis.get_records(ShardIterator=first, Limit=2)
        rest = self._kinesis.get_records(ShardIterator=page["NextShardIterator"])["Records"]
        self.seen["a page of two and the rest"] = len(page["Records"]), len(rest) - len(at)

    def _see_resharding(self, name: str) -> None:
        self._kinesis.split_shard(
            StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(MANY // 8)
        )
        self._settle(name)
        self.seen["after a split"] = self._shards(name)
        pair = {"ShardToMerge": "shardId-000000000002", "AdjacentShardToMerge": "shardId-000000000003"}
        self._kinesis.merge_shards(StreamName=name, **pair)
        self._settle(name)
        self.seen["after a merge"] = self._shards(name)
        for closed in ("shardId-000000000000", "shardId-000000000002"):
            records, last = self._read(name, closed)
            end = {"iterator": last.get("NextShardIterator"), "records": len(records)}
            end["children"] = sorted(
                (one["ShardId"], sorted(one["ParentShards"]), _share(one["HashKeyRange"]["StartingHashKey"]))
                for one in last.get("ChildShards", [])
            )
            self.seen[f"the end of {closed}"] = end
        routed = self._kinesis.put_record(StreamName=name, Data=b"r", PartitionKey="r", ExplicitHashKey="999")
        self.seen["routed to a child"] = routed["ShardId"]
        for kind in ("AT_LATEST", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON"):
            shards = self._kinesis.list_shards(StreamName=name, ShardFilter={"Type": kind})["Shards"]
            self.seen[f"shards {kind}"] = [one["ShardId"] for one in shards]
        after = {"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000003"}
        self.seen["shards after the fourth"] = len(self._shards(name, ShardFilter=after))
        self._see("shards in pages", lambda: self._pages(name))
        told = self._kinesis.describe_stream(StreamName=name, Limit=4)["StreamDescription"]
        self.seen["described in pages"] = [one["ShardId"] for one in told["Shards"]], told["HasMoreShards"]
        self._see("scaled to two", lambda: self._scaled(name, 2))

    def _see(self, what: str, get: Callable[[], Any]) -> None:
        """Look at something that an emulator may not have at all."""
        try:
            self.seen[what] = get()
        except (ClientError, KeyError) as error:
            self.seen[what] = type(error).__name__

    def _pages(self, name: str) -> list[list[str]]:
        page = self._kinesis.list_shards(StreamName=name, MaxResults=3)
        rest = self._kinesis.list_shards(NextToken=page["NextToken"])
        return [[one["ShardId"] for one in part["Shards"]] for part in (page, rest)]

    def _scaled(self, name: str, count: int) -> list[Any]:
        self._kinesis.update_shard_count(StreamName=name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        self._settle(name)
        return sorted(_shard(one)["range"] for one in self._listed(name) if _shard(one)["open"])

    def _see_settings(self, name: str) -> None:
        kinesis = self._kinesis
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        shown = ("RetentionPeriodHours", "OpenShardCount", "ConsumerCount", "EncryptionType", "StreamModeDetails")
        self.seen["summary"] = {one: summary.get(one) for one in shown}
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
        self._settle(name)
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        self.seen["retention"] = summary["RetentionPeriodHours"]
        kinesis.add_tags_to_stream(StreamName=name, Tags={"b": "2", "a": "1", "c": ""})
        kinesis.remove_tags_from_stream(StreamName=name, TagKeys=["c", "none"])
        self.seen["tags"] = kinesis.list_tags_for_stream(StreamName=name)["Tags"]
        self._see("monitoring", lambda: self._watched(name))
        listed = kinesis.list_streams()
        self.seen["streams"] = listed["StreamNames"], listed["HasMoreStreams"]

    def _watched(self, name: str) -> tuple[list[str], list[str]]:
        watched = self._kinesis.enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=["IncomingBytes"])
        self._settle(name)
        return watched["CurrentShardLevelMetrics"], watched["DesiredShardLevelMetrics"]

    def _see_errors(self, name: str) -> None:
        for what, call, given in _wrong(self._kinesis, name):
            self.seen[f"error: {what}"] = found = code(call, **given)
            if found == "none":
                self._settle(name)


def _wrong(kinesis: Any, name: str) -> Iterable[tuple[str, Callable[..., Any], dict[str, Any]]]:
    """Yield calls that are refused: what is wrong, the call, and what it is given."""
    here, closed = {"StreamName": name}, "shardId-000000000000"
    found = [one for one in kinesis.list_shards(**here)["Shards"] if _shard(one)["open"]]
    opened, upper, *_ = (one["ShardId"] for one in sorted(found, key=lambda one: _shard(one)["range"]))
    record = {"Data": b"d", "PartitionKey": "k"}
    of_opened, of_closed = {**here, "ShardId": opened}, {**here, "ShardId": closed}
    at = {"ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    yield "no such stream", kinesis.describe_stream_summary, {"StreamName": "none"}
    yield "put to no such stream", kinesis.put_record, {"StreamName": "none", **record}
    yield "a stream of that name", kinesis.create_stream, {**here, "ShardCount": 1}
    yield "no shards", kinesis.create_stream, {"StreamName": "b", "ShardCount": 0}
    yield "a name with a space", kinesis.create_stream, {"StreamName": "b c", "ShardCount": 1}
    yield "no name", kinesis.create_stream, {"ShardCount": 1}
    yield "no partition key", kinesis.put_record, {**here, "Data": b"d"}
    yield "an empty partition key", kinesis.put_record, {**here, **record, "PartitionKey": ""}
    yield "a partition key of 257", kinesis.put_record, {**here, **record, "PartitionKey": "k" * 257}
    yield "a hash key of 2^128", kinesis.put_record, {**here, **record, "ExplicitHashKey": str(MANY)}
    yield "a hash key of -1", kinesis.put_record, {**here, **record, "ExplicitHashKey": "-1"}
    yield "a record too large", kinesis.put_record, {**here, **record, "Data": b"d" * (2**20 + 1)}
    yield "501 records", kinesis.put_records, {**here, "Records": [record] * 501}
    yield "0 records", kinesis.put_records, {**here, "Records": []}
    yield "no such shard", kinesis.get_shard_iterator, {
        **here, "ShardId": "shardId-000000000099", "ShardIteratorType": "LATEST",
    }  # fmt: skip
    yield "an unknown type", kinesis.get_shard_iterator, {**of_opened, "ShardIteratorType": "NEWEST"}
    yield "no number", kinesis.get_shard_iterator, {**of_opened, **at}
    yield "a wrong number", kinesis.get_shard_iterator, {**of_opened, **at, "StartingSequenceNumber": _NEVER}
    yield "a number of letters", kinesis.get_shard_iterator, {**of_opened, **at, "StartingSequenceNumber": "abc"}
    yield "no time", kinesis.get_shard_iterator, {**of_opened, "ShardIteratorType": "AT_TIMESTAMP"}
    yield "a time to come", kinesis.get_shard_iterator, {
        **of_opened, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": _FUTURE,
    }  # fmt: skip
    yield "a closed shard may be read", kinesis.get_shard_iterator, {**of_closed, "ShardIteratorType": "TRIM_HORIZON"}
    yield "an iterator of letters", kinesis.get_records, {"ShardIterator": "letters"}
    place = kinesis.get_shard_iterator(**of_opened, ShardIteratorType="LATEST")["ShardIterator"]
    yield "a limit of 10001", kinesis.get_records, {"ShardIterator": place, "Limit": 10_001}
    yield "a limit of 0", kinesis.get_records, {"ShardIterator": place, "Limit": 0}
    yield from _wrong_reshardings(kinesis, here, opened, upper)
    keep, longer = kinesis.decrease_stream_retention_period, kinesis.increase_stream_retention_period
    yield "a retention of 23 h", keep, {**here, "RetentionPeriodHours": 23}
    yield "a retention of 8761 h", longer, {**here, "RetentionPeriodHours": 8761}
    yield "decreased to more", keep, {**here, "RetentionPeriodHours": 72}
    yield "increased to less", longer, {**here, "RetentionPeriodHours": 24}
    yield "51 tags", kinesis.add_tags_to_stream, {**here, "Tags": {f"t{i}": "v" for i in range(51)}}
    yield "an unknown metric", kinesis.enable_enhanced_monitoring, {**here, "ShardLevelMetrics": ["Bytes"]}
    yield "delete no such stream", kinesis.delete_stream, {"StreamName": "none"}
    token = {"NextToken": "token"}  # one emulator ends here
    yield "a token and a name", kinesis.list_shards, {**here, **token}
    yield "no token", kinesis.list_shards, token
    yield "listed of no name", kinesis.list_shards, {}


def _wrong_reshardings(
    kinesis: Any, here: dict[str, Any], opened: str, upper: str
) -> Iterable[tuple[str, Callable[..., Any], dict[str, Any]]]:
    closed, split = "shardId-000000000000", {**here, "ShardToSplit": opened}
    yield "a split outside", kinesis.split_shard, {**split, "NewStartingHashKey": str(MANY - 1)}
    yield "a split at the start", kinesis.split_shard, {**split, "NewStartingHashKey": "0"}
    yield "a split of a closed shard", kinesis.split_shard, {
        **here, "ShardToSplit": closed, "NewStartingHashKey": "5",
    }  # fmt: skip
    yield "a split of no shard", kinesis.split_shard, {
        **here, "ShardToSplit": "shardId-000000000099", "NewStartingHashKey": "5",
    }  # fmt: skip
    merge = {**here, "ShardToMerge": opened}
    yield "a merge with itself", kinesis.merge_shards, {**merge, "AdjacentShardToMerge": opened}
    yield "a merge with a closed one", kinesis.merge_shards, {**merge, "AdjacentShardToMerge": closed}
    yield "scaled to five times", kinesis.update_shard_count, {
        **here, "TargetShardCount": 10, "ScalingType": "UNIFORM_SCALING",
    }  # fmt: skip
    yield "a merge named from above", kinesis.merge_shards, {
        **here, "ShardToMerge": upper, "AdjacentShardToMerge": opened,
    }  # fmt: skip


def _shard(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": one["ShardId"],
        "range": tuple(_share(one["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending")),
        "open": "EndingSequenceNumber" not in one["SequenceNumberRange"],
        "parents": (one.get("ParentShardId"), one.get("AdjacentParentShardId")),
    }


def _share(hash_key: str) -> float:
    """Return where a hash key is in the whole range, apart from what rounding does to it."""
    return round(int(hash_key) / MANY, 9)
