"""What a week of the archive costs: memory, file, time of a step, of a page's curves, and of reading it at the start.

    python tests/bench/bench_archive.py [GROUPS TOPICS STREAMS BROKERS [SECONDS]]

By default 100 groups, 50 topics, 20 streams of ten shards with a reader each, 6 brokers and ten connectors, a read
every 10 s for a week. All values change with every read.
"""

import resource
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.archive.keeper import WRITE_SECONDS
from streamwatch.archive.numbers import LABELS, NUMBERS
from streamwatch.archive.rings import LEVELS, ROW_BYTES
from streamwatch.core.clock import ManualClock
from streamwatch.model.metric import Keys, Metric, Samples

WEEK = 7 * 86_400
STEP = 10
BUDGET = 64 * 2**20
SHARDS = 10
"""Of a stream, whose shard-level metrics are on."""
CONNECTORS = 10


def resident_mb() -> float:
    """Memory that the process holds now."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def peak_mb() -> float:
    """The most memory that it held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def keys_of(counts: dict[str, int]) -> dict[Metric, Keys]:
    """The series of every metric that is archived, two for each entity where it has more labels."""
    found = {}
    for number in NUMBERS:
        count = counts[number.entity]
        own = len(LABELS[number.entity])
        more = len(number.metric.labels) - own
        if number.entity == "cluster" and more:
            continue  # it is of brokers or topics, which have it, too
        rows = [(*("shop",) * (own - 1), f"{number.entity}-{at:04}", *("x",) * more) for at in range(count)]
        found[number.metric] = Keys(number.metric.labels, rows)
    return found


def main() -> None:
    """Let a week pass."""
    given = [int(each) for each in sys.argv[1:]] + [100, 50, 20, 6, WEEK][len(sys.argv) - 1 :]
    groups, topics, streams, brokers, seconds = given
    counts = {"cluster": 1, "broker": brokers, "group": groups, "topic": topics, "stream": streams, "reader": streams}
    counts |= {"shard": SHARDS * streams, "connect": 1, "connector": CONNECTORS}
    keys, rng = keys_of(counts), np.random.default_rng(1)
    clock, before = ManualClock(1_800_000_000.0), resident_mb()
    archive = Archive(BUDGET, clock)
    takes: list[float] = []
    writes: list[float] = []
    written = 0
    totals = {metric: np.zeros(len(each)) for metric, each in keys.items()}

    def samples() -> list[Samples]:
        for metric, each in keys.items():
            totals[metric] = totals[metric] + rng.integers(0, 100, len(each))
        return [metric.samples(each, totals[metric]) for metric, each in keys.items()]

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.archive"
        file = ArchiveFile(path, archive)
        largest, last_write = 0, clock.now()
        for _ in range(seconds // STEP):
            now = samples()
            started = process_time()
            archive.take("shop", now, clock.now())
            takes.append(process_time() - started)
            clock.advance(STEP)
            if clock.now() - last_write >= WRITE_SECONDS:
                size, started, last_write = file.size, perf_counter(), clock.now()
                file.write(clock.now())
                writes.append(perf_counter() - started)
                written += file.size - size if file.size > size else file.size
                largest = max(largest, file.size)
        after = resident_mb()
        curves, numbers = [], [number for number in NUMBERS if number.entity == "group"]
        for level in LEVELS:
            started = perf_counter()
            for number in numbers:
                archive.curve(number, ("shop", "group-0007"), level.span_seconds)
            curves.append((perf_counter() - started) * 1e3)
        again, started = Archive(BUDGET, clock), process_time()
        ArchiveFile(path, again).load()
        loaded = process_time() - started
        rows = archive.rows()
        assert again.rows() == rows
        file.close()
    held = f"{rows} numbers, {rows * ROW_BYTES / 2**20:.1f} MiB of {BUDGET / 2**20:.0f}"
    print(f"{held}; the process grew by {after - before:.0f} MiB, at most it held {peak_mb():.0f} MiB")
    print(f"a step of all: {statistics.median(takes) * 1e3:.1f} ms of CPU, worst {max(takes) * 1e3:.0f} ms")
    print(f"a write: {statistics.median(writes) * 1e3:.1f} ms, worst {max(writes) * 1e3:.0f} ms (all of it anew)")
    print(f"the file: {largest / 2**20:.1f} MiB at most; {written / 2**20 * 86_400 / seconds:.0f} MiB written a day")
    print(f"read at the start: {loaded:.2f} s of CPU")
    figures = ", ".join(f"{each:.2f}" for each in curves)
    print(f"the {len(numbers)} curves of a group over an hour, a day, a week: {figures} ms")


if __name__ == "__main__":
    main()
