"""Amazon's own Kinesis Producer Library (a native program, over TLS) writes to a reference stream, aggregated."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from streamwatch.reference.kafka.tls import server_context
from tests.real import artefacts
from tests.real.certificates import Authority
from tests.real.conftest import had
from tests.reference.streams.acting import cloud

COUNT = 2000
MAGIC = b"\xf3\x89\x9a\xc2"
_WRITER = Path(__file__).parent / "java_clients" / "KplWriter.java"


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message that has numbers and bytes only."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            yield key >> 3, data[at : at + value]
            at += value
        else:
            yield key >> 3, value


def user_records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Partition keys and data of the records that a record of the stream holds."""
    assert data[:4] == MAGIC
    body, digest = data[4:-16], data[-16:]
    assert hashlib.md5(body).digest() == digest  # noqa: S324 - the format's
    keys = [value.decode() for number, value in fields(body) if number == 1]
    for number, value in fields(body):
        if number == 3:
            told = dict(fields(value))
            yield keys[told[1]], told[3]


def test_kpl_writes_every_record_once_and_aggregated(tmp_path: Path) -> None:
    java, libs = had(lambda: artefacts.program("java")), had(artefacts.kpl_libs)
    identity = Authority(tmp_path).issue("endpoint")
    context = server_context(Path(identity.certificate), Path(identity.key))
    with cloud(tls=context) as aws:
        kinesis = boto3.session.Session("a", "b").client(
            "kinesis", endpoint_url=aws.url, region_name="us-east-1", verify=str(tmp_path / "test-ca.pem")
        )
        kinesis.create_stream(StreamName="stream", ShardCount=2)
        command = [
            java,
            "-XX:TieredStopAtLevel=1",
            "-cp",
            f"{libs}/*",
            str(_WRITER),
            str(aws.port),
            "stream",
            str(COUNT),
        ]
        # What is not on loopback is not asked: the machine it might run on, for example.
        alone = os.environ | {"AWS_EC2_METADATA_DISABLED": "true"}
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=alone)
        assert f"written {COUNT}" in ran.stdout, ran.stderr[-3000:]
        found: list[tuple[str, bytes]] = []
        whole = 0
        for shard in kinesis.list_shards(StreamName="stream")["Shards"]:
            place = {"StreamName": "stream", "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            at = kinesis.get_shard_iterator(**place)["ShardIterator"]
            for record in kinesis.get_records(ShardIterator=at)["Records"]:
                whole += 1
                if record["Data"][:4] == MAGIC:
                    found += user_records(record["Data"])
                else:
                    found.append((record["PartitionKey"], record["Data"]))

    assert sorted(found) == sorted((f"key{number % 50}", str(number).encode()) for number in range(COUNT))
    assert whole < COUNT / 2  # the first ones go out before it knows the shards, and cannot be aggregated
