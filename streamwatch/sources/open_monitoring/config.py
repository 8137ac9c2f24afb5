"""Which pages are scraped."""

from dataclasses import dataclass

from streamwatch.settings.types import Duration, HostPort, Size, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerExporters:
    """The exporters of one broker, where their addresses do not follow from the broker's."""

    broker: int = setting("the broker's id", minimum=0)
    jmx: HostPort | None = setting("its JMX exporter", default=None)
    node: HostPort | None = setting("its node exporter", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The brokers' exporters: request times, queues, threads, network, processors; what the protocol does not have."""

    jmx_port: int = setting("port of every broker's JMX exporter; 0: there is none", default=11001, minimum=0)
    node_port: int = setting("port of every broker's node exporter; 0: there is none", default=11002, minimum=0)
    targets: tuple[BrokerExporters, ...] = setting(
        "addresses by broker, instead of the brokers' hosts and these ports", default=()
    )
    path: str = setting("path of the pages", default="/metrics")
    interval: Duration = setting("how often the pages are scraped (AWS advises 60s or more)", default=60.0, minimum=1)
    timeout: Duration = setting("how long a page may take, whole", default=10.0, minimum=0.1)
    max_page: Size = setting("the largest page that is read to its end, unpacked", default=32 * 2**20, minimum=2**16)
    topics: bool = setting("whether traffic by broker and topic is read from the pages", default=True)
    app_logs_mount: str = setting("where the brokers' application logs are mounted", default="/")

    def __post_init__(self) -> None:
        if not (self.jmx_port or self.node_port or self.targets):
            raise ValueError("jmx_port: neither a port nor targets: there is nothing to scrape")
