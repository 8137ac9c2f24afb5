"""What the reference Kinesis costs beside other emulators: records a second of one thin client, start, memory.

    python tests/bench/bench_kinesis.py

Prints figures, asserts nothing. Requests are built before the clock runs, and answers are searched, not parsed, so
that the servers are measured and not an SDK. The reference keeps AWS's limits: the stream has so many shards that no
record is refused (192 take 192,000 records a second), and each shard is read once. How many were refused is printed.
"""

import http.client
import json
import re
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.real.emulators import EMULATORS, Emulator, running
from tests.real.processes import free_ports
from tests.waiting import wait_for

RECORDS, SIZE, A_CALL, SHARDS = 100_000, 100, 500, 192
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAANY/20260101/us-east-1/kinesis/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={'0' * 64}",
}
_PROGRAM = """
import sys
from threading import Event
from streamwatch.reference.aws.server import ReferenceAws
with ReferenceAws(port=int(sys.argv[1])):
    Event().wait()
"""


def reference(folder: Path) -> AbstractContextManager[Emulator]:
    (port,) = free_ports(1)
    return running("reference", [sys.executable, "-c", _PROGRAM, str(port)], port, folder)


class Thin:
    """A client of one connection that neither signs nor parses."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def call(self, operation: str, body: bytes) -> bytes:
        headers = {**_HEADERS, "X-Amz-Target": f"Kinesis_20131202.{operation}"}
        self._connection.request("POST", "/", body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{operation}: {said.decode(errors='replace')[:300]}")
        return said

    def ask(self, operation: str, **given: object) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.call(operation, json.dumps(given).encode()) or b"{}")
        return found


def batches() -> list[bytes]:
    data = b64encode(b"x" * SIZE).decode()
    return [
        json.dumps({
            "StreamName": "bench",
            "Records": [{"Data": data, "PartitionKey": f"key-{i}"} for i in range(start, start + A_CALL)],
        }).encode()
        for start in range(0, RECORDS, A_CALL)
    ]  # fmt: skip


def put(client: Thin) -> tuple[float, int]:
    """Return how long it took, and how many were refused."""
    refused, bodies = 0, batches()
    began = time.monotonic()
    for body in bodies:
        said = client.call("PutRecords", body)
        refused += said.count(b'"ErrorCode":"')
    return time.monotonic() - began, refused


def get(client: Thin) -> tuple[float, int]:
    """Return how long it took to read everything, and how many records that were."""
    places: list[str] = []
    for shard in range(SHARDS):
        start = {"StreamName": "bench", "ShardId": f"shardId-{shard:012d}", "ShardIteratorType": "TRIM_HORIZON"}
        places.append(str(client.ask("GetShardIterator", **start)["ShardIterator"]))
    bodies = [json.dumps({"ShardIterator": place}).encode() for place in places]
    began = time.monotonic()
    read = sum(len(re.findall(rb'"SequenceNumber"', client.call("GetRecords", body))) for body in bodies)
    return time.monotonic() - began, read


def active(client: Thin) -> bool:
    told = client.ask("DescribeStreamSummary", StreamName="bench")["StreamDescriptionSummary"]
    return isinstance(told, dict) and told["StreamStatus"] == "ACTIVE"


def memory(pid: int) -> float:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return int(lines["VmRSS"].split()[0]) / 1024


@contextmanager
def started(start: Callable[[Path], AbstractContextManager[Emulator]]) -> Iterator[tuple[Emulator, float]]:
    with tempfile.TemporaryDirectory() as folder:
        server = start(Path(folder))  # downloaded by now
        began = time.monotonic()
        with server as emulator:
            yield emulator, time.monotonic() - began


def measure(name: str, start: Callable[[Path], AbstractContextManager[Emulator]]) -> None:
    with started(start) as (emulator, seconds):
        client, empty = Thin(emulator.url), memory(emulator.pid)
        client.ask("CreateStream", StreamName="bench", ShardCount=SHARDS)
        wait_for(lambda: active(client), 30, "the stream is active")
        put_seconds, refused = put(client)
        get_seconds, read = get(client)
        kept = RECORDS - refused
        print(f"| {name} | {kept / put_seconds:,.0f} | {read / get_seconds:,.0f} | {refused} | {seconds:.2f} | "
              f"{empty:.0f} | {memory(emulator.pid):.0f} |", flush=True)  # fmt: skip
        if read != kept:
            print(f"  ({name}: {read} of {kept} records were read)", flush=True)


def main() -> None:
    print(f"{RECORDS:,} records of {SIZE} bytes, {A_CALL} a PutRecords, {SHARDS} shards, one connection\n")
    print("| | put/s | got/s | refused | start s | MB empty | MB full |\n|---|---|---|---|---|---|---|", flush=True)
    for name, start in {"reference": reference, **EMULATORS}.items():
        measure(name, start)


if __name__ == "__main__":
    main()
