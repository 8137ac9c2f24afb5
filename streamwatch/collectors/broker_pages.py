"""From the pages of the brokers' exporters to samples."""

import math
from collections.abc import Mapping

import numpy as np

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue.exporter_mappings import (
    AGENT,
    CPU_SECONDS,
    DISK_FREE,
    DISK_SIZE,
    HEAP_MOST,
    HEAP_USED,
    MAPPINGS,
    ExporterSeries,
)
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.pages import Page, PagesSnapshot

Row = tuple[str, ...]
Rows = dict[Metric, dict[Row, float]]

_MODES = ("user", "system", "iowait", "idle")


class PageCollector:
    """Tells what the pages say of each broker; one whose page could not be had is left out."""

    def __init__(self, *, topics: bool, app_logs_mount: str) -> None:
        self._mappings = [one for one in MAPPINGS if topics or one.metric not in {b.TOPIC_BYTES_IN, b.TOPIC_BYTES_OUT}]
        self._app_logs_mount = app_logs_mount
        self._cpu: dict[int, dict[str, float]] = {}
        self._keys = KeysCache()

    def collect(self, now: PagesSnapshot) -> list[Samples]:
        """Return all samples."""
        rows: Rows = {}
        for broker in now.brokers:
            place = (now.cluster, str(broker.broker))
            is_agent = broker.jmx is not None and _is_agent(broker.jmx)
            for mapping in self._mappings:
                page = broker.jmx if mapping.page == "jmx" else broker.node
                if page is not None and (is_agent or not mapping.of_exporter):
                    _take(rows, mapping, page, place)
            if broker.jmx is not None:
                _put(rows, b.HEAP_AFTER_GC, place, _heap(broker.jmx))
            if broker.node is not None:
                self._host(rows, broker.broker, broker.node, place)
            else:
                self._cpu.pop(broker.broker, None)
        self._keys.turn()
        return [
            metric.samples(self._keys.of(metric.labels, tuple(found)), np.fromiter(found.values(), dtype=np.float64))
            for metric, found in rows.items()
        ]

    def _host(self, rows: Rows, broker: int, page: Page, place: Row) -> None:
        _put(rows, b.ROOT_DISK, place, _disk(page, "/"))
        _put(rows, b.APP_LOGS_DISK, place, _disk(page, self._app_logs_mount))
        seconds: dict[str, float] = {}
        for labels, value in page.get(CPU_SECONDS, ()):
            mode = labels.get("mode", "")
            seconds[mode] = seconds.get(mode, 0.0) + value
        before = self._cpu.get(broker)
        self._cpu[broker] = seconds
        if before is None or not seconds:
            return
        spent = {mode: value - before.get(mode, 0.0) for mode, value in seconds.items()}
        total = sum(spent.values())
        if total > 0 and min(spent.values()) >= 0:  # else the host was started anew
            for mode in _MODES:
                _put(rows, b.CPU, (*place, mode), spent.get(mode, 0.0) / total)


class ScrapeCollector:
    """Tells what scraping has cost."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: PagesSnapshot) -> list[Samples]:
        """Return the totals by broker and page."""
        self._keys.turn()
        keys = self._keys.of(c.SCRAPED, [(now.source, scrape.broker, scrape.page) for scrape in now.scrapes])
        columns = {
            c.PAGES: [float(scrape.scrapes) for scrape in now.scrapes],
            c.PAGE_FAILURES: [float(scrape.failures) for scrape in now.scrapes],
            c.PAGE_SECONDS: [scrape.seconds for scrape in now.scrapes],
            c.PAGE_BYTES: [float(scrape.received_bytes) for scrape in now.scrapes],
        }
        return [metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()]


def _is_agent(page: Page) -> bool:
    """Say whether the exporter runs in the broker's own JVM, so that its process metrics are the broker's."""
    name, wanted = AGENT
    return any(wanted.items() <= labels.items() for labels, _ in page.get(name, ()))


def _take(rows: Rows, mapping: ExporterSeries, page: Page, place: Row) -> None:
    for labels, value in page.get(mapping.name, ()):
        if not _fits(mapping, labels):
            continue
        ours = {own: labels.get(theirs, "") for theirs, own in mapping.labels.items()} | dict(mapping.fixed)
        if "topic" in mapping.labels and not ours["topic"]:
            continue  # the total of all topics
        if mapping.page == "node" and labels.get("device") == "lo":
            continue
        row = (*place, *(ours[name] for name in mapping.metric.labels[2:]))
        found = rows.setdefault(mapping.metric, {})
        scaled = value * mapping.scale
        if row in found:
            scaled = found[row] + scaled if mapping.fold == "sum" else max(found[row], scaled)
        found[row] = scaled


def _fits(mapping: ExporterSeries, labels: Mapping[str, str]) -> bool:
    return all(labels.get(name, "") == value for name, value in mapping.where.items()) and all(
        labels.get(name) in some for name, some in mapping.among.items()
    )


def _heap(page: Page) -> float:
    """Return the share of the heap in use after a collection, of all pools that are collected and bounded."""
    used = most = 0.0
    for names in zip(HEAP_USED, HEAP_MOST, strict=True):
        used_by, most_of = ({labels.get("name", ""): value for labels, value in page.get(name, ())} for name in names)
        for pool, size in most_of.items():
            if size > 0 and pool in used_by:
                used, most = used + used_by[pool], most + size
    return used / most if most else math.nan


def _disk(page: Page, mount: str) -> float:
    """Return the used share of a volume; NaN where it is not on the page."""

    def of(name: str) -> float:
        return next((v for labels, v in page.get(name, ()) if labels.get("mountpoint") == mount), math.nan)

    size = of(DISK_SIZE)
    return 1 - of(DISK_FREE) / size if size else math.nan


def _put(rows: Rows, metric: Metric, row: Row, value: float) -> None:
    if not math.isnan(value):
        rows.setdefault(metric, {})[row] = value
