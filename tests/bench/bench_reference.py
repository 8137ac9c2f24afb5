"""What the reference cluster costs: start, throughput of a stated client, memory, many brokers, many partitions.

    python tests/bench/bench_reference.py

Prints figures, asserts nothing. Each part runs in a process of its own; the client (confluent-kafka) in this one.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

RECORDS, SIZE = 200_000, 100


@contextmanager
def cluster(*args: str) -> Iterator[tuple[str, int]]:
    """Run a cluster; yield its bootstrap servers and its process id."""
    command = [sys.executable, "-m", "streamwatch", "reference", "kafka", "--control", "127.0.0.1:0", *args]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def memory(pid: int) -> str:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return f"{int(lines['VmHWM'].split()[0]) / 1024:.0f} MB"


def first_metadata(bootstrap: str) -> float:
    began = time.monotonic()
    AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=60)
    return time.monotonic() - began


def make(bootstrap: str, topics: int, partitions: int) -> float:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    began = time.monotonic()
    futures = admin.create_topics([NewTopic(f"t{i}", partitions, 3) for i in range(topics)], operation_timeout=60)
    for future in futures.values():
        future.result(60)
    return time.monotonic() - began


def start(brokers: int) -> None:
    began = time.monotonic()
    with cluster("--brokers", str(brokers)) as (bootstrap, pid):
        listening = time.monotonic() - began
        asked = first_metadata(bootstrap)
        print(f"{brokers} brokers: listening {listening:.2f} s after the command, metadata {asked:.3f} s later, "
              f"{memory(pid)}", flush=True)  # fmt: skip


def throughput() -> None:
    with cluster() as (bootstrap, pid):
        make(bootstrap, 1, 6)
        producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 5, "log_level": 0})
        began = time.monotonic()
        for _ in range(RECORDS):
            while True:
                try:
                    producer.produce("t0", b"x" * SIZE)
                    break
                except BufferError:
                    producer.poll(0.01)
        producer.flush()
        produced = time.monotonic() - began
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest"})
        consumer.subscribe(["t0"])
        first: Any = None
        read = 0
        while read < RECORDS:
            batch = consumer.consume(10_000, 1.0)
            first = first or (time.monotonic() if batch else None)
            read += len(batch)
        consumed = time.monotonic() - first
        consumer.close()
        print(f"confluent-kafka, {RECORDS:,} records of {SIZE} bytes, 6 partitions RF 3:", flush=True)
        print(f"  produced with acks=all at {RECORDS / produced:,.0f}/s, consumed at {RECORDS / consumed:,.0f}/s, "
              f"{memory(pid)}", flush=True)  # fmt: skip


def many_partitions() -> None:
    with cluster() as (bootstrap, pid):
        made = make(bootstrap, 400, 50)
        asked = first_metadata(bootstrap)
        idle = cpu_seconds(pid)
        time_of_idling(5.0)
        print(f"20,000 partitions RF 3 on 3 brokers: made in {made:.1f} s, metadata of all in {asked:.2f} s, "
              f"idle {(cpu_seconds(pid) - idle) / 5:.1%} of a core, {memory(pid)}", flush=True)  # fmt: skip


def cpu_seconds(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / 100


def time_of_idling(seconds: float) -> None:
    subprocess.run(["sleep", str(seconds)], check=True)


def main() -> None:
    for brokers in (3, 50):
        start(brokers)
    throughput()
    many_partitions()
    print(f"(this client: {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f} s of CPU)")


if __name__ == "__main__":
    main()
