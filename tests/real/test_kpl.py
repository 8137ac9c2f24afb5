"""Amazon's Kinesis Producer Library writes to a reference stream, aggregated; what it wrote is read without it."""

import hashlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.tls import server_context
from tests.real.amazon import client, compiled, is_active
from tests.real.artefacts import kpl_libs
from tests.real.certificates import Authority
from tests.real.conftest import had
from tests.waiting import wait_for

MAGIC: Final = b"\xf3\x89\x9a\xc2"
DIGEST_BYTES: Final = 16
COUNT, KEYS, SHARDS = 2000, 30, 3


class UserRecord(NamedTuple):
    """What an application gave to the library."""

    shard: str
    key: str
    data: bytes
    aggregated: bool


def test_what_the_kpl_aggregates_is_read_once_each_from_the_shard_of_its_key(tmp_path: Path) -> None:
    command = had(lambda: compiled(kpl_libs(), tmp_path, "KplWriter.java"))
    authority = Authority(tmp_path)
    identity = authority.issue("aws")
    with ReferenceAws(tls=server_context(identity.certificate, identity.key)) as aws:
        kinesis = client("kinesis", aws.url, authority.file)
        kinesis.create_stream(StreamName="aggregated", ShardCount=SHARDS)
        wait_for(lambda: is_active(kinesis, "aggregated"), 20, "the stream is active")
        given = (str(aws.port), "aggregated", str(COUNT), str(KEYS), str(tmp_path))
        # Else the native program asks the machine that it runs on for keys and region, which it has been given.
        environment = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}
        ran = subprocess.run(
            [*command, "KplWriter", *given], capture_output=True, text=True, timeout=90, check=False, env=environment
        )
        found = list(_read(kinesis))
        shards = kinesis.list_shards(StreamName="aggregated")["Shards"]

    assert "refused" not in ran.stdout, ran.stdout + ran.stderr
    acknowledged = {int(line.split()[1]): line.split()[2] for line in ran.stdout.splitlines()}
    assert len(acknowledged) == COUNT, ran.stderr
    assert Counter(one.data.decode() for one in found) == Counter(f"record {number}" for number in range(COUNT))
    for one in found:
        number = int(one.data.split()[1])
        assert one.key == f"key-{number % KEYS}"
        assert one.shard == acknowledged[number] == _shard_of(one.key, shards)
    assert sum(one.aggregated for one in found) > COUNT / 2


def _shard_of(key: str, shards: list[dict[str, Any]]) -> str:
    at = int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(), 16)
    ranges = {one["ShardId"]: one["HashKeyRange"] for one in shards}
    (only,) = (
        name
        for name, each in ranges.items()
        if int(each["StartingHashKey"]) <= at <= int(each["EndingHashKey"])
    )  # fmt: skip
    return str(only)


def _read(kinesis: Any) -> Iterator[UserRecord]:
    for one in kinesis.list_shards(StreamName="aggregated")["Shards"]:
        shard = {"StreamName": "aggregated", "ShardId": one["ShardId"]}
        place = kinesis.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        page = kinesis.get_records(ShardIterator=place)
        assert page["MillisBehindLatest"] == 0  # it is all there is
        for record in page["Records"]:
            yield from _user_records(one["ShardId"], record["PartitionKey"], record["Data"])


def _user_records(shard: str, key: str, data: bytes) -> Iterator[UserRecord]:
    """What is in a record of the stream: magic, the protobuf AggregatedRecord, and its MD5."""
    if not data.startswith(MAGIC):
        yield UserRecord(shard, key, data, aggregated=False)
        return
    body = data[len(MAGIC) : -DIGEST_BYTES]
    assert hashlib.md5(body, usedforsecurity=False).digest() == data[-DIGEST_BYTES:]
    fields = list(_fields(body))
    keys = [value.decode() for number, value in fields if number == 1 and isinstance(value, bytes)]
    for number, value in fields:
        if number == 3 and isinstance(value, bytes):
            record = dict(_fields(value))
            index, content = record[1], record[3]
            assert isinstance(index, int)
            assert isinstance(content, bytes)
            yield UserRecord(shard, keys[index], content, aggregated=True)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbers and values of a protobuf message that has only varints and bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, kind = divmod(varint(), 8)
        value = varint()
        if kind == 2:
            at += value
            yield number, message[at - value : at]
        else:
            assert kind == 0
            yield number, value
