"""What remote write costs, and what an outage of the receiver does: 10,000 series a cycle to a real Prometheus.

``python tests/bench/bench_remote_write.py [SECONDS]``: the receiver is down for so long (20; an outage is 300).
"""

import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.catalogue.kafka_groups import PARTITION_END_OFFSET
from streamwatch.core.clock import SystemClock
from streamwatch.core.schedule import Schedule
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.encode import Cycle, Encoder, Version
from streamwatch.export.remote_write.service import RemoteWriteService
from streamwatch.model.metric import Keys, Samples
from streamwatch.settings.types import Secret
from tests.real import artefacts
from tests.real.prometheus import free_port, prometheus, query
from tests.waiting import wait_for

SERIES = 10_000
INTERVAL = 5.0
KEYS = Keys(PARTITION_END_OFFSET.labels, [("shop", f"topic-{at // 50}", str(at % 50)) for at in range(SERIES)])


def encoding(version: Version) -> None:
    """Print what a cycle costs to encode and compress."""
    import cramjam  # noqa: PLC0415

    encoder = Encoder({"job": "streamwatch", "instance": "agent:9308"})
    rounds, sizes = 20, []
    for at in range(rounds + 1):
        if at == 1:
            began = time.process_time()  # the first makes the labels
        samples = PARTITION_END_OFFSET.samples(KEYS, np.arange(SERIES, dtype=np.float64) + at)
        for one in encoder.requests(Cycle(1_800_000_000.0 + at, [samples], []), version, 5000):
            sizes += [(len(one.body), len(cramjam.snappy.compress_raw(one.body)))]
    spent = (time.process_time() - began) / rounds
    plain, packed = (sum(one[at] for one in sizes) // (rounds + 1) for at in (0, 1))
    print(f"{version}: {spent * 1000:.1f} ms of CPU a cycle of {SERIES} series, {plain} bytes, {packed} compressed")


def outage(seconds: float) -> None:
    """Print what is lost, and how long it takes to catch up."""
    schedule, counter = Schedule(SystemClock()), iter(range(10**9))
    service = RemoteWriteService(schedule, SystemClock(), lambda: _samples(next(counter)))
    port = free_port()
    config = Config(name="p", url=Secret(f"http://127.0.0.1:{port}/api/v1/write"), interval=INTERVAL)
    service.take([config], {})
    sender = service._senders["p"]
    flag = "--web.enable-remote-write-receiver"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with prometheus(artefacts.prometheus(), folder, {}, flag, port=port):
            schedule.start()
            wait_for(lambda: sender.counts.sent >= 2 * SERIES, 60, "cycles arrive")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        threading.Event().wait(seconds)
        waiting, late = sender.waiting()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        with prometheus(artefacts.prometheus(), folder, {}, flag, port=port) as address:
            began = time.monotonic()
            wait_for(lambda: sender.waiting()[0] <= SERIES, 120, "it has caught up")
            caught = time.monotonic() - began
            schedule.stop(5.0)
            service.stop(5.0)
            stored = query(address, f"sum(count_over_time({PARTITION_END_OFFSET.name}[1h]))")[0]["value"][1]
    counts = sender.counts
    print(f"down for {seconds:g} s: {waiting} samples waited, {late:.0f} s, {memory / 1024:.1f} MiB more memory")
    print(f"caught up in {caught:.1f} s after it was back (its pause included); {counts.failures} attempts failed")
    print(f"sent {counts.sent}, stored {stored}, dropped {counts.dropped}, refused {counts.refused}")


def _samples(at: int) -> list[Samples]:
    return [PARTITION_END_OFFSET.samples(KEYS, np.arange(SERIES, dtype=np.float64) + at)]


if __name__ == "__main__":
    encoding("1.0")
    encoding("2.0")
    outage(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
