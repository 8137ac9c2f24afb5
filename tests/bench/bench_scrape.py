"""Prints what a page of 100,000 series costs, to render and to scrape: ``python tests/bench/bench_scrape.py``."""

import http.client
import resource
import statistics
import threading
from collections.abc import Callable
from time import perf_counter

import numpy as np

from streamwatch.export.endpoints import Health, endpoints
from streamwatch.export.exposition import Exposition, RenderedExposition
from streamwatch.export.process import Process
from streamwatch.http.server import Config, Server
from streamwatch.model.metric import Keys, Metric, Samples, Tier
from streamwatch.settings.types import HostPort

METRICS = 10
PARTITIONS = 10_000
SCRAPES = 100
LABELS = ("kafka_cluster", "topic", "partition")


def metrics() -> list[Metric]:
    return [
        Metric(
            name=f"kafka_partition_thing_{number}",
            kind="gauge",
            unit="",
            labels=LABELS,
            tier=Tier.PARTITION,
            help="A thing of a partition, told in a sentence of the usual length.",
            question="?",
        )
        for number in range(METRICS)
    ]


def timed(what: str, work: Callable[[], RenderedExposition]) -> RenderedExposition:
    """Run it five times; print the median and the worst."""
    seconds = []
    for _ in range(5):
        begun = perf_counter()
        page = work()
        seconds.append(perf_counter() - begun)
    print(f"{what:<42} {statistics.median(seconds) * 1e3:7.1f} ms, worst {max(seconds) * 1e3:7.1f} ms")
    return page


def render() -> RenderedExposition:
    random = np.random.default_rng(1)
    keys = Keys(LABELS, [("prod", f"orders.events.{n // 50}", str(n % 50)) for n in range(PARTITIONS)])
    defined = metrics()
    foreign = Process().render

    def samples(entities: Keys, *, integral: bool) -> list[Samples]:
        values = random.uniform(0, 1e9, (METRICS, PARTITIONS))
        rows = np.floor(values) if integral else values
        return [metric.samples(entities, row) for metric, row in zip(defined, rows, strict=True)]

    fresh = samples(keys, integral=True)
    page = timed("render, first time", lambda: Exposition().render(fresh, foreign()))
    print(f"  {page.series:,} series, {len(page.text) / 1e6:.1f} MB, gzip {len(page.text_gzip) / 1e6:.2f} MB")
    exposition = Exposition()
    exposition.render(fresh, foreign())
    timed("render, nothing changed", lambda: exposition.render(fresh, foreign()))
    timed("render, all values changed (integers)", lambda: exposition.render(samples(keys, integral=True), foreign()))
    timed("render, all values changed (fractions)", lambda: exposition.render(samples(keys, integral=False), foreign()))
    begun = perf_counter()
    page.openmetrics_gzip  # noqa: B018 - made when it is asked for
    print(f"{'OpenMetrics and its gzip, once a page':<42} {(perf_counter() - begun) * 1e3:7.1f} ms")
    return page


def scrape(port: int, headers: dict[str, str], count: int, seconds: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(count):
        begun = perf_counter()
        connection.request("GET", "/metrics", headers=headers)
        connection.getresponse().read()
        seconds.append(perf_counter() - begun)
    connection.close()


def scrape_in_parallel(port: int, scrapers: int, headers: dict[str, str]) -> None:
    seconds: list[float] = []
    count = SCRAPES if scrapers == 1 else SCRAPES // 5
    threads = [threading.Thread(target=scrape, args=(port, headers, count, seconds)) for _ in range(scrapers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cuts = statistics.quantiles(seconds, n=100)
    how = f"scrape, {scrapers} at once, {'gzip' if headers else 'plain'}"
    print(f"{how:<42} {cuts[49] * 1e3:7.1f} ms p50, {cuts[98] * 1e3:7.1f} ms p99")


def main() -> None:
    page = render()
    server = Server(
        Config(address=HostPort("127.0.0.1", 0)),
        endpoints(page=lambda: page, health=Health, ready=Health, status=lambda: "bench"),
    )
    server.start()
    try:
        for scrapers in (1, 20):
            for headers in ({}, {"Accept-Encoding": "gzip"}):
                scrape_in_parallel(server.port, scrapers, headers)
    finally:
        server.stop()
    print(f"resident at the most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
