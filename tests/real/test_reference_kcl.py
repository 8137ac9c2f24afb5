"""Amazon's own Kinesis Client Library reads reference streams that are split, merged and resized under load.

KCL waits up to 30 s before it makes its table of leases: all applications are started at once, and waited for together.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from streamwatch.reference.aws.server import ReferenceAws
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.kcl import Worker, dynamodb
from tests.reference.streams.acting import client, cloud
from tests.waiting import wait_for

KEYS: Final = 40
_GAP_SECONDS: Final = 0.04
KINDS: Final = [(version, kind) for version in artefacts.KCL_VERSIONS for kind in ("polling", "fan-out")]
SHARED: Final = "shared-stream"


class Producer:
    """Puts numbered records, each key's in order, until it is stopped."""

    def __init__(self, kinesis: Any, stream: str) -> None:
        self.sent: dict[str, list[int]] = {f"key{number}": [] for number in range(KEYS)}
        self._kinesis, self._stream = kinesis, stream
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(_GAP_SECONDS):
            key = f"key{number % KEYS}"
            self._kinesis.put_record(StreamName=self._stream, Data=str(number).encode(), PartitionKey=key)
            self.sent[key].append(number)
            number += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@dataclass
class House:
    """What all tests share."""

    aws: ReferenceAws
    kinesis: Any
    leases: str
    workers: dict[str, Worker]
    """By their stream."""
    folder: Path

    def worker(self, version: str, kind: str, stream: str, name: str) -> Worker:
        """A worker of the application that is called as its stream."""
        return Worker(version, self.folder, name, self.aws.url, self.leases, stream, stream, kind)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    had(artefacts.dynamodb_libs)
    for version in artefacts.KCL_VERSIONS:
        had(lambda version=version: artefacts.kcl_libs(version))  # type: ignore[misc]
    folder = tmp_path_factory.mktemp("kcl")
    with ExitStack() as stack:
        aws, leases = stack.enter_context(cloud()), stack.enter_context(dynamodb(folder))
        made = House(aws, client(aws), leases, {}, folder)
        for version, kind in [*KINDS, (artefacts.KCL_VERSIONS[0], SHARED)]:
            stream = kind if kind == SHARED else f"stream-{version}-{kind}"
            made.kinesis.create_stream(StreamName=stream, ShardCount=4 if kind == SHARED else 2)
            how = "polling" if kind == SHARED else kind
            made.workers[stream] = stack.enter_context(made.worker(version, how, stream, stream))
        yield made


def settled(kinesis: Any, stream: str) -> None:
    def active() -> bool:
        told = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        return bool(told["StreamStatus"] == "ACTIVE")

    wait_for(active, 10, "the stream is active")


def reshard(house: House, stream: str, worker: Worker) -> None:
    """Split, merge and resize, each after what the last one made is read."""
    kinesis = house.kinesis

    def opened() -> list[str]:
        settled(kinesis, stream)
        return house.aws.do(lambda cloud, _: [one.id for one in cloud.kinesis().streams[stream].open_shards])

    kinesis.split_shard(StreamName=stream, ShardToSplit=opened()[0], NewStartingHashKey=str(2**126))
    worker.wait_for_leases(set(opened()))
    shards = opened()
    kinesis.merge_shards(StreamName=stream, ShardToMerge=shards[1], AdjacentShardToMerge=shards[2])
    worker.wait_for_leases(set(opened()))
    kinesis.update_shard_count(StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    worker.wait_for_leases(set(opened()))


def in_order(lines: list[list[str]]) -> dict[str, list[int]]:
    """The numbers of each key, as they were read; what was read again after a lost lease counts once."""
    found: dict[str, list[int]] = {}
    for _, key, number in lines:
        numbers = found.setdefault(key, [])
        if int(number) not in numbers:
            numbers.append(int(number))
    return found


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_kcl_reads_every_record_of_a_stream_that_is_resharded(house: House, version: str, kind: str) -> None:
    stream = f"stream-{version}-{kind}"
    worker = house.workers[stream]
    with Producer(house.kinesis, stream) as producer:
        worker.wait_for_leases({"shardId-000000000000", "shardId-000000000001"})
        reshard(house, stream, worker)
    total = sum(map(len, producer.sent.values()))
    worker.wait_for(lambda: len({line[2] for line in worker.lines("record")}) >= total, f"all {total} records")

    assert in_order(worker.lines("record")) == {key: sent for key, sent in producer.sent.items() if sent}


def test_two_workers_share_the_leases(house: House) -> None:
    every = {f"shardId-{index:012d}" for index in range(4)}
    one = house.workers[SHARED]
    one.wait_for_leases(every)
    with house.worker(artefacts.KCL_VERSIONS[0], "polling", SHARED, "two") as two:
        two.wait_for(
            lambda: one.leases() | two.leases() == every and len(one.leases()) == len(two.leases()) == 2,
            "two of the four leases",
        )
