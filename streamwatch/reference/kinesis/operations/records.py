"""Records: put, found and read."""

from typing import Any, Final

from streamwatch.reference.kinesis import errors, sequence
from streamwatch.reference.kinesis.account import Answer, Kinesis, Parameters
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.iterators import Iterator
from streamwatch.reference.kinesis.limits import MOST_BYTES_A_CALL, MOST_RECORDS_A_CALL
from streamwatch.reference.kinesis.operations.shards import describe_shard, find
from streamwatch.reference.kinesis.shard import HASHES, Record, Shard, hash_of
from streamwatch.reference.kinesis.stream import Stream

_MOST_REQUEST_BYTES: Final = 10 * 2**20
_AUTO: Final = "AUTO"
"""Records go to the shards evenly; keys are optional and decide nothing."""
_INTERNAL: Final = "Internal service failure."


def _writable(kinesis: Kinesis, parameters: Parameters, now: float) -> Stream:
    stream = kinesis.find(parameters, now)
    if stream.status in {"CREATING", "DELETING"}:
        raise errors.not_found(stream.name, kinesis.account)
    return stream


def _size(stream: Stream, parameters: Parameters) -> int:
    """Return what a record counts; refuse one that is too large, or that has no key where it needs one."""
    key = parameters.get("PartitionKey", "")
    if not key and stream.distribution != _AUTO:
        why = "Value 'null' at 'partitionKey' failed to satisfy constraint: Member must not be null"
        raise ServiceError("ValidationException", f"1 validation error detected: {why}")
    size = len(parameters["Data"]) + len(key.encode())
    if size > stream.most_record_kib * 1024:
        why = f"Record of {size} bytes is larger than the stream's maximum of {stream.most_record_kib} KiB."
        raise ServiceError("ValidationException", why)
    return size


def _target(stream: Stream, parameters: Parameters) -> Shard:
    if stream.distribution == _AUTO:
        return stream.shard_in_turn()
    explicit = parameters.get("ExplicitHashKey")
    if explicit is None:
        return stream.shard_for(hash_of(parameters["PartitionKey"]))
    if int(explicit) >= HASHES:
        raise errors.invalid(f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. {explicit}")
    return stream.shard_for(int(explicit))


def put(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """PutRecord."""
    stream = _writable(kinesis, parameters, now)
    size, shard = _size(stream, parameters), _target(stream, parameters)
    _want_order(kinesis, stream, parameters.get("SequenceNumberForOrdering"), now)
    fails = kinesis.broken.fails()
    admitted = not fails and shard.writes.admit(size, now)
    stream.put_metric("PutRecord.Success", float(admitted), "Count", now)
    stream.put_metric("WriteProvisionedThroughputExceeded", float(not (fails or admitted)), "Count", now)
    stream.put_shard_metric(shard, "WriteProvisionedThroughputExceeded", float(not (fails or admitted)), "Count", now)
    if fails:
        raise ServiceError("InternalFailureException", _INTERNAL, 500)
    if not admitted:
        raise errors.throttled(shard.id, stream.name, kinesis.account)
    record = shard.append(parameters.get("PartitionKey", ""), parameters["Data"], size, now)
    stream.put_metric("PutRecord.Bytes", size, "Bytes", now)
    _incoming(kinesis, stream, {shard: (1, size)}, now)
    answer = {"ShardId": shard.id, "SequenceNumber": str(record.number)}
    return answer | _encryption(stream)


def _want_order(kinesis: Kinesis, stream: Stream, number: str | None, now: float) -> None:
    """Refuse a SequenceNumberForOrdering that is none, or of a time to come."""
    if number is None:
        return
    found = sequence.read(int(number))
    if found is None or found.written > now:
        raise errors.invalid(
            f"ExclusiveMinimumSequenceNumber {number} used in PutRecord on stream {stream.name} under account"
            f" {kinesis.account} is invalid."
        )


def put_many(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """PutRecords: each record by itself; those that were refused come back with a code."""
    stream = _writable(kinesis, parameters, now)
    given_records = parameters["Records"]
    sizes = [_size(stream, one) for one in given_records]
    if sum(sizes) > _MOST_REQUEST_BYTES:
        raise errors.invalid("Records size exceeds 10 MB limit")
    targets = [_target(stream, one) for one in given_records]
    taken: dict[Shard, tuple[int, int]] = {}
    refused: dict[Shard, int] = {}
    failed = 0
    answers: list[dict[str, Any]] = []
    for one, size, shard in zip(given_records, sizes, targets, strict=True):
        if kinesis.broken.failing and kinesis.broken.fails():
            failed += 1
            answers.append({"ErrorCode": "InternalFailure", "ErrorMessage": _INTERNAL})
        elif shard.writes.admit(size, now):
            record = shard.append(one.get("PartitionKey", ""), one["Data"], size, now)
            count, total = taken.get(shard, (0, 0))
            taken[shard] = (count + 1, total + size)
            answers.append({"SequenceNumber": str(record.number), "ShardId": shard.id})
        else:
            refused[shard] = refused.get(shard, 0) + 1
            error = errors.throttled(shard.id, stream.name, kinesis.account)
            answers.append({"ErrorCode": error.code, "ErrorMessage": str(error)})
    throttled = sum(refused.values())
    successful = len(answers) - failed - throttled
    stream.put_metric("PutRecords.Success", float(successful > 0), "Count", now)
    stream.put_metric("PutRecords.Bytes", sum(total for _, total in taken.values()), "Bytes", now)
    for name, value in (
        ("TotalRecords", len(answers)),
        ("SuccessfulRecords", successful),
        ("FailedRecords", failed),
        ("ThrottledRecords", throttled),
    ):
        stream.put_metric(f"PutRecords.{name}", value, "Count", now)
    stream.put_metric("WriteProvisionedThroughputExceeded", throttled, "Count", now)
    for shard in {*taken, *refused}:
        stream.put_shard_metric(shard, "WriteProvisionedThroughputExceeded", refused.get(shard, 0), "Count", now)
    _incoming(kinesis, stream, taken, now)
    return {"FailedRecordCount": failed + throttled, "Records": answers} | _encryption(stream)


def _incoming(kinesis: Kinesis, stream: Stream, taken: dict[Shard, tuple[int, int]], now: float) -> None:
    if not taken:
        return
    size = sum(total for _, total in taken.values())
    stream.put_metric("IncomingBytes", size, "Bytes", now)
    stream.put_metric("IncomingRecords", sum(count for count, _ in taken.values()), "Count", now)
    for shard, (count, total) in taken.items():
        stream.put_shard_metric(shard, "IncomingBytes", total, "Bytes", now)
        stream.put_shard_metric(shard, "IncomingRecords", count, "Count", now)
    if stream.mode == "ON_DEMAND":
        stream.count_traffic(size, now)
        kinesis.grow(stream, now)


def _encryption(stream: Stream) -> Answer:
    return {} if stream.key is None else {"EncryptionType": "KMS"}


def iterator(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """GetShardIterator."""
    stream = kinesis.find(parameters, now)
    shard = find(kinesis, stream, parameters["ShardId"])
    after = position(
        stream,
        shard,
        parameters["ShardIteratorType"],
        parameters.get("StartingSequenceNumber"),
        parameters.get("Timestamp"),
        now,
    )
    if not shard.iterators.admit(now):
        raise errors.throttled(shard.id, stream.name, kinesis.account)
    return {"ShardIterator": kinesis.iterators.write(Iterator(stream.id, shard.index, after, now))}


def position(  # noqa: PLR0913, PLR0917 - as many as AWS asks for
    stream: Stream, shard: Shard, kind: str, number: str | None, when: float | None, now: float
) -> int:
    """Return the sequence number after which to read; raises Refused where the arguments do not say."""
    by_number = kind in {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"}
    if by_number != (number is not None) and kind != "AT_TIMESTAMP":
        raise errors.invalid(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2)"
            " TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified"
            f" {kind} and {'no' if number is None else 'also a'} StartingSequenceNumber."
        )
    if number is not None:
        at = _numbered(stream, shard, number)
        if by_number:
            return at - 1 if kind == "AT_SEQUENCE_NUMBER" else at
    if kind == "AT_TIMESTAMP":
        if when is None:
            why = "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP."
            raise errors.invalid(f"{why} Current request has no timestamp parameter.")
        if when > now:
            raise errors.invalid(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."
                f" timestampInMillis: {when * 1000:.0f}, currentTimestampInMillis: {now * 1000:.0f}"
            )
        return shard.before_time(when)
    return shard.last_number if kind == "LATEST" else sequence.LEAST


def _numbered(stream: Stream, shard: Shard, number: str) -> int:
    """Return a StartingSequenceNumber; refuse one that is none, or of another shard, stream or time."""
    at = int(number)
    found = sequence.read(at)
    account = stream.arn.split(":")[4]
    what = (
        f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard.id} in stream {stream.name} under"
        f" account {account} is invalid"
    )
    if found is None:
        raise errors.invalid(f"{what}.")
    if found.shard != shard.index:
        named = f"shardId-{found.shard:012d}"
        raise errors.invalid(
            f"Invalid StartingSequenceNumber. It encodes {named}, while it was used in a call to a shard with"
            f" {shard.id}"
        )
    if not found.version:
        raise ServiceError("InternalFailure", "", 500)
    beyond = at > (shard.last_number if shard.ending is None else shard.ending)
    if beyond or at < shard.starting or found.made != shard.born or not sequence.is_sequence_number(at):
        raise errors.invalid(f"{what} because it did not come from this stream.")
    return at


def get(kinesis: Kinesis, parameters: Parameters, now: float) -> Answer:
    """GetRecords."""
    place = kinesis.iterators.read(parameters["ShardIterator"], now)
    stream = kinesis.by_id(place.stream)
    shard = stream.shards.get(f"shardId-{place.shard:012d}") if stream is not None else None
    if stream is None or shard is None:
        raise errors.no_shard(f"shardId-{place.shard:012d}", stream.name if stream else "?", kinesis.account)
    if parameters.get("StreamARN", stream.arn) != stream.arn:
        raise errors.invalid(f"The ShardIterator is not of the stream {parameters['StreamARN']}.")
    stream.trim(now)
    fails = kinesis.broken.fails()
    admitted = not fails and shard.reads.admit(now)
    stream.put_metric("GetRecords.Success", float(admitted), "Count", now)
    stream.put_metric("ReadProvisionedThroughputExceeded", float(not (fails or admitted)), "Count", now)
    stream.put_shard_metric(shard, "ReadProvisionedThroughputExceeded", float(not (fails or admitted)), "Count", now)
    if fails:
        raise ServiceError("InternalFailureException", _INTERNAL, 500)
    if not admitted:
        raise errors.throttled(shard.id, stream.name, kinesis.account)
    index = shard.after(place.after)
    records, size = _page(shard, index, parameters.get("Limit", MOST_RECORDS_A_CALL))
    shard.reads.used(size, now)
    at_end = index + len(records) >= len(shard.records)
    behind = int(_behind(stream, shard, records, index, now) * 1000)
    _outgoing(stream, shard, (len(records), size), behind, now)
    encryption = None if stream.key is None else "KMS"
    answer: Answer = {
        "Records": [describe_record(record, encryption) for record in records],
        "MillisBehindLatest": behind,
    }
    if at_end and not shard.is_open:
        answer["ChildShards"] = [describe_child(one) for one in stream.children_of(shard)]
        return answer
    after = records[-1].number if records else max(place.after, sequence.LEAST)
    answer["NextShardIterator"] = kinesis.iterators.write(Iterator(stream.id, shard.index, after, now))
    return answer


def _page(shard: Shard, index: int, limit: int) -> tuple[list[Record], int]:
    """Return the records from a place on that fit into one call, and their size."""
    page = shard.records[index : index + min(limit, MOST_RECORDS_A_CALL)]
    total = sum(one.size for one in page)
    while page and total > MOST_BYTES_A_CALL and len(page) > 1:
        total -= page.pop().size
    return page, total


def _behind(stream: Stream, shard: Shard, records: list[Record], index: int, now: float) -> float:
    """Return how far the reader is behind: the age of the last record it got, or of the one it will get."""
    if index + len(records) >= len(shard.records):
        return 0.0
    return now - records[-1].arrived if records else stream.behind(shard, index, now)


def _outgoing(stream: Stream, shard: Shard, page: tuple[int, int], behind: int, now: float) -> None:
    count, size = page
    stream.put_metric("GetRecords.Bytes", size, "Bytes", now)
    stream.put_metric("GetRecords.Records", count, "Count", now)
    stream.put_metric("GetRecords.IteratorAgeMilliseconds", behind, "Milliseconds", now)
    stream.put_shard_metric(shard, "OutgoingBytes", size, "Bytes", now)
    stream.put_shard_metric(shard, "OutgoingRecords", count, "Count", now)
    stream.put_shard_metric(shard, "IteratorAgeMilliseconds", behind, "Milliseconds", now)


def describe_child(shard: Shard) -> dict[str, Any]:
    """Return a shard as the answer at the end of its parent names it."""
    whole = describe_shard(shard)
    return {"ShardId": shard.id, "ParentShards": list(shard.parents), "HashKeyRange": whole["HashKeyRange"]}


def describe_record(record: Record, encryption: str | None) -> dict[str, Any]:
    """Return a record as AWS gives it."""
    answer = {
        "SequenceNumber": str(record.number),
        "ApproximateArrivalTimestamp": record.arrived,
        "Data": record.data,
        "PartitionKey": record.partition_key,
    }
    return answer if encryption is None else answer | {"EncryptionType": encryption}


OPERATIONS: Final = {
    "PutRecord": put,
    "PutRecords": put_many,
    "GetShardIterator": iterator,
    "GetRecords": get,
}
