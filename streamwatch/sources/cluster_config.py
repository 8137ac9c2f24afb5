"""One Kafka cluster, and the sources that it has: its own protocol, MSK, and its brokers' exporters."""

from dataclasses import dataclass
from typing import Literal

from streamwatch.model.metric import Kind
from streamwatch.settings.types import Duration, setting
from streamwatch.sources.kafka.config import Config as Kafka
from streamwatch.sources.msk.config import Config as Msk
from streamwatch.sources.open_monitoring.config import Config as OpenMonitoring
from streamwatch.sources.probe_config import KafkaProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """Which source counts for one metric, where several sources have it."""

    metric: str = setting("the metric's name")
    sources: tuple[Kind, ...] = setting(
        "kinds of sources, the most trusted first; others are not believed: `kafka` (the protocol), `pages` (open"
        " monitoring), `topics` (MSK's topic calls), `cloudwatch`"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig(Kafka):
    """One Kafka cluster: Apache Kafka 2.8 or later, Amazon MSK, or what speaks its protocol."""

    granularity: Literal["topic", "partition"] = setting(
        "`partition` adds series for each partition, and for each group and partition", default="topic"
    )
    max_series: int = setting(
        "at most so many series from this cluster; beyond, the least important are dropped and counted",
        default=100_000,
        minimum=100,
    )
    partitions_per_broker: int = setting(
        "how many partition replicas a broker should hold at most (MSK's limits: docs/metrics.md)",
        default=4000,
        minimum=1,
    )
    stalled_after: Duration = setting(
        "a group is stalled in a partition when its position stands for so long while records come; twice the default"
        " `max.poll.interval.ms` of consumers, within which one that lives polls, and commits what it has read",
        default=600.0,
        minimum=1,
    )
    groups_wanted_for: Duration = setting(
        "a group is waited for, and paged about, for so long after a member asked for the topic or its commit moved",
        default=86400.0,
        minimum=1,
    )
    open_monitoring: OpenMonitoring | None = setting(
        "the brokers' JMX and node exporters (MSK: open monitoring); left out, they are not scraped", default=None
    )
    msk: Msk | None = setting("the cluster as Amazon MSK knows it; left out, AWS is not asked", default=None)
    protocol: bool = setting(
        "whether the brokers are asked themselves; false where the agent cannot reach them: then `msk.topics` has"
        " the partitions, and CloudWatch the rest",
        default=True,
    )
    probe: KafkaProbe = setting("records of the agent's own through each broker", default_factory=KafkaProbe)
    trust: tuple[Trusted, ...] = setting("where another source is trusted than usually (docs/msk.md)", default=())

    def __post_init__(self) -> None:
        if not self.protocol and (self.msk is None or self.msk.topics is None):
            raise ValueError("protocol: without it, MSK must tell of the partitions: write 'msk: {topics: {}, ...}'")
        if not self.protocol and self.probe.enabled:
            raise ValueError("probe: it writes to the brokers, which cannot be reached: leave out `protocol: false`")
        if not self.bootstrap and self.msk is None:
            raise ValueError("bootstrap: at least one broker is needed: write ['host:9092']")
        Kafka.__post_init__(self)  # super() knows the class as it was before it got its slots

    @property
    def order(self) -> dict[str, tuple[Kind, ...]]:
        """The sources that are trusted in another order than usually, by metric."""
        return {setting.metric: setting.sources for setting in self.trust}

    @property
    def msk_listener(self) -> str:
        """What MSK's API calls the bootstrap servers that fit how we log in."""
        mechanism = self.sasl.mechanism if self.sasl is not None else ""
        if mechanism in {"AWS_MSK_IAM", "OAUTHBEARER"}:
            return "BootstrapBrokerStringSaslIam"
        if mechanism:
            return "BootstrapBrokerStringSaslScram"
        return "BootstrapBrokerStringTls" if self.tls is not None else "BootstrapBrokerString"
