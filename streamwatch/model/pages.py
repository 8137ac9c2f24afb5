"""What one round of scraping the brokers' exporters saw: of each page, the series that were wanted."""

from collections.abc import Mapping
from dataclasses import dataclass

from streamwatch.model.snapshot import Problem

PageSeries = tuple[Mapping[str, str], float]
"""Labels and value."""
Page = Mapping[str, tuple[PageSeries, ...]]
"""Series by the exporter's own name; a wanted name that is not here was not on the page."""


@dataclass(frozen=True, slots=True)
class BrokerPages:
    """One broker's pages; None for one that could not be had."""

    broker: int
    jmx: Page | None
    node: Page | None


@dataclass(frozen=True, slots=True)
class ScrapeCount:
    """What scraping one page of a broker has cost since the source began."""

    broker: str
    page: str
    scrapes: int
    failures: int
    seconds: float
    received_bytes: int


@dataclass(frozen=True, eq=False, kw_only=True)
class PagesSnapshot:
    """One round over all brokers of a cluster."""

    source: str
    cluster: str
    taken_at: float
    read_seconds: float
    brokers: tuple[BrokerPages, ...]
    """Those that were to be scraped, by id; none where it is not known which there are."""
    problems: tuple[Problem, ...] = ()
    scrapes: tuple[ScrapeCount, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether any page could be had."""
        return any(broker.jmx is not None or broker.node is not None for broker in self.brokers)
