"""Scrapes all pages of a cluster's brokers at once; one that hangs costs its own share only."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.pages import BrokerPages, Page, PagesSnapshot, ScrapeCount
from streamwatch.model.snapshot import Problem
from streamwatch.settings.types import HostPort
from streamwatch.sources.open_monitoring.config import Config
from streamwatch.sources.open_monitoring.fetch import fetch
from streamwatch.sources.open_monitoring.parse import wanted
from streamwatch.sources.problems import problem

_MOST_AT_ONCE: Final = 64

Hosts = Callable[[], Mapping[int, str]]
"""Returns the brokers' hosts by id, as far as they are known."""


@dataclass(frozen=True, slots=True)
class _Job:
    broker: int
    page: str
    address: HostPort


@dataclass(slots=True)
class _Count:
    scrapes: int = 0
    failures: int = 0
    seconds: float = 0.0
    received_bytes: int = 0


class OpenMonitoringSource:
    """Scrapes the exporters of one cluster. One read at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what, whose, where, when
        self, name: str, cluster: str, config: Config, hosts: Hosts, names: Mapping[str, Collection[str]], clock: Clock
    ) -> None:
        """Prepare; nothing is fetched before the first read.

        Args:
            name: what the source is called.
            cluster: whose brokers they are.
            config: which pages, and how.
            hosts: the brokers, where the configuration does not give their pages' addresses.
            names: the series that are wanted of pages ``jmx`` and ``node``.
            clock: what time it is.

        """
        self.config = config
        self._name, self._cluster = name, cluster
        self._hosts = hosts
        self._patterns = {page: wanted(some) for page, some in names.items()}
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[int, str], _Count] = {}

    def read(self) -> PagesSnapshot:
        """Scrape every page, within the timeout of one."""
        taken_at, started = self._clock.now(), self._clock.monotonic()
        jobs = self._jobs()
        problems: list[Problem] = []
        pages: dict[tuple[int, str], Page] = {}

        def scrape(job: _Job) -> None:
            try:
                pages[job.broker, job.page] = self._scrape(job)
            except SourceError as error:
                problems.append(problem("broker", error, f"broker {job.broker}, {job.page} page: {error}"))

        if jobs:
            with ThreadPoolExecutor(min(_MOST_AT_ONCE, len(jobs)), f"pages {self._cluster}") as pool:
                list(pool.map(scrape, jobs))
        else:
            problems.append(Problem("cluster", "unreachable", "no broker is known yet, whose pages could be scraped"))
        return PagesSnapshot(
            source=self._name,
            cluster=self._cluster,
            taken_at=taken_at,
            read_seconds=self._clock.monotonic() - started,
            brokers=tuple(
                BrokerPages(broker, pages.get((broker, "jmx")), pages.get((broker, "node")))
                for broker in sorted({job.broker for job in jobs})
            ),
            problems=tuple(problems),
            scrapes=self._scrapes(),
        )

    def close(self) -> None:
        """Nothing is held open between reads."""

    def _jobs(self) -> Sequence[_Job]:
        if self.config.targets:
            return [
                _Job(target.broker, page, address)
                for target in self.config.targets
                for page, address in (("jmx", target.jmx), ("node", target.node))
                if address is not None
            ]
        ports = {"jmx": self.config.jmx_port, "node": self.config.node_port}
        return [
            _Job(broker, page, HostPort(host, port))
            for broker, host in sorted(self._hosts().items())
            for page, port in ports.items()
            if port
        ]

    def _scrape(self, job: _Job) -> Page:
        config, started = self.config, self._clock.monotonic()
        received, failed = 0, True
        try:
            found, received = fetch(
                job.address, config.path, self._patterns[job.page], config.timeout, config.max_page, self._clock
            )
            failed = False
        finally:
            with self._lock:
                count = self._counts.setdefault((job.broker, job.page), _Count())
                count.scrapes += 1
                count.failures += failed
                count.seconds += self._clock.monotonic() - started
                count.received_bytes += received
        return {name: tuple(series) for name, series in found.items()}

    def _scrapes(self) -> tuple[ScrapeCount, ...]:
        with self._lock:
            return tuple(
                ScrapeCount(str(broker), page, one.scrapes, one.failures, one.seconds, one.received_bytes)
                for (broker, page), one in sorted(self._counts.items())
            )
