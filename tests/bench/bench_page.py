"""Prints what one look at the agent's own page costs: ``python tests/bench/bench_page.py``."""

import gzip
import resource
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.catalogue import agent
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.export.web_page.render import Renderer
from streamwatch.export.web_page.sample_index import Read
from streamwatch.export.web_page.view import view
from streamwatch.model.kinesis import Description, Shard, Stream, StreamsSnapshot
from streamwatch.model.metric import Keys, Metric, Samples
from tests.snapshots import group, snapshot

NOW = 1003.0
LOOKS = 10
WIDTH = 20
HASH_KEYS = 2**128


def cluster(partitions: int, brokers: int, groups: int) -> tuple[Read, list[Samples]]:
    """A cluster of which one broker is down, and what is said of it."""

    def place(at: int) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
        replicas = tuple(1 + (at + step) % brokers for step in range(3))
        return replicas[0], replicas, replicas

    topics = {f"topic-{t:05}": [place(t + p) for p in range(WIDTH)] for t in range(partitions // WIDTH)}
    names = [f"group-{at:05}" for at in range(groups)]
    commits = {(name, f"topic-{at % len(topics):05}", p): 5 for at, name in enumerate(names) for p in range(WIDTH)}
    now = snapshot(
        topics, down=[1], groups=[group(one) for one in names], commits=commits,
        end={(topic, p): 10 for _, topic, p in commits},
    )  # fmt: skip
    said = [*ClusterCollector(4000).collect(now), *GroupCollector(EndOffsetHistory(3600, 15)).collect(now)]
    return Read("test", "test", "kafka", 15.0, now), [*said, agent.SOURCE_UP.sample(1.0, source="test")]


def streams(count: int, shards: int) -> tuple[Read, list[Samples]]:
    """Streams with shards, and what is said of them."""
    width = HASH_KEYS // shards
    each = tuple(Shard(f"shardId-{n:012}", n * width, (n + 1) * width - 1, is_open=True) for n in range(shards))
    described = Description("ACTIVE", "PROVISIONED", 86_400.0, shards, each, (), frozenset({"IncomingBytes"}))
    some = tuple(Stream("1", "eu-west-1", f"stream-{at:04}", described) for at in range(count))
    rows = [(one.account, one.region, one.name) for one in some]
    by_stream = Keys(s.BEING_READ.labels, rows)
    by_shard = Keys(h.SHARD_WRITE_BYTES_USE.labels, [(*row, shard.id) for row in rows for shard in each])

    def said(metric: Metric, keys: Keys, value: float) -> Samples:
        return metric.samples(keys, np.full(len(keys), value))

    known = [said(one, by_stream, 0.4) for one in (s.WRITE_RECORDS_USE, s.WRITE_BYTES_USE, s.READ_BYTES_USE)]
    known += [said(s.BEING_READ, by_stream, 1.0), said(s.ITERATOR_AGE, by_stream, 60.0)]
    known += [said(s.RETENTION, by_stream, 86_400.0), said(s.OPEN_SHARDS, by_stream, float(shards))]
    uses = (h.SHARD_WRITE_BYTES_USE, h.SHARD_WRITE_RECORDS_USE, h.SHARD_READ_BYTES_USE)
    known += [said(one, by_shard, 0.3) for one in uses]
    last = StreamsSnapshot(source="test", taken_at=1000.0, read_seconds=1.0, streams=some)
    return Read("test", "test", "kinesis", 60.0, last), [*known, agent.SOURCE_UP.sample(1.0, source="test")]


def look(what: str, read: Read, said: Sequence[Samples]) -> None:
    """Look ten times; print the median and the worst, and how large the page is."""
    renderer, seconds, body = Renderer(), [], b""
    for _ in range(LOOKS):
        begun = perf_counter()
        body = renderer.render(view("bench", [read], {"test": said}, [], [], 0, NOW)).body
        seconds.append(perf_counter() - begun)
    small = len(gzip.compress(body, 1))
    print(
        f"{what:<52} {statistics.median(seconds) * 1e3:7.1f} ms, worst {max(seconds) * 1e3:7.1f} ms,"
        f" {len(body) / 1e3:6.0f} kB ({small / 1e3:.0f} kB gzip)"
    )


def main() -> None:
    """Look at small and large."""
    look("3 brokers, 200 partitions, 10 groups", *cluster(200, 3, 10))
    look("30 brokers, 10,000 partitions, 1,000 groups", *cluster(10_000, 30, 1000))
    look("60 brokers, 200,000 partitions, 2,000 groups", *cluster(200_000, 60, 2000))
    look("10 streams of 10 shards", *streams(10, 10))
    look("500 streams of 20 shards", *streams(500, 20))
    print(f"peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
