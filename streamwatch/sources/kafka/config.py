"""How one Kafka cluster is reached, and what of it is read."""

from dataclasses import dataclass
from typing import Literal

from streamwatch.model.metric import Kind
from streamwatch.settings.types import Duration, FilePath, HostPort, Secret, Size, setting
from streamwatch.sources.msk.config import Config as Msk
from streamwatch.sources.names import Names
from streamwatch.sources.open_monitoring.config import Config as OpenMonitoring

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS towards the brokers; with `cert_file` and `key_file` the agent shows a certificate of its own (mTLS)."""

    ca_file: FilePath | None = setting("PEM file of the authorities to trust; without it, the system's", default=None)
    cert_file: FilePath | None = setting("PEM file of the agent's own certificate chain", default=None)
    key_file: FilePath | None = setting("PEM file of its private key", default=None)
    key_password: Secret | None = setting("what the private key is encrypted with", default=None)
    check_hostname: bool = setting("whether a broker's certificate must name the host that we connect to", default=True)

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file: a certificate and its key belong together: give both cert_file and key_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sasl:
    """Who the agent is, by SASL. It needs to describe the cluster, topics and groups; never to read or write."""

    mechanism: Mechanism = setting("the SASL mechanism")
    username: str | None = setting("user name (PLAIN and SCRAM)", default=None)
    password: Secret | None = setting("its password (PLAIN and SCRAM)", default=None)
    token_file: FilePath | None = setting(
        "file that holds the bearer token (OAUTHBEARER); read again whenever it changes", default=None
    )
    aws_region: str | None = setting("region of the cluster (AWS_MSK_IAM); without it, the environment's", default=None)
    aws_profile: str | None = setting("profile of the AWS credential chain (AWS_MSK_IAM)", default=None)

    def __post_init__(self) -> None:
        if self.mechanism in {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}:
            for name in ("username", "password"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name}: {self.mechanism} needs it")
        if self.mechanism == "OAUTHBEARER" and self.token_file is None:
            raise ValueError("token_file: OAUTHBEARER needs it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """A small request to each broker between reads, so that one that hangs is noticed within a second."""

    enabled: bool = setting("whether brokers are asked for a sign of life between reads", default=True)
    interval: Duration = setting("how often", default=1.0, minimum=0.1, maximum=60)
    deadline: Duration = setting(
        "how long a broker may take to answer before it counts as down", default=1.0, minimum=0.1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """Whose word counts for one metric, where several sources tell it."""

    metric: str = setting("the metric's name")
    sources: tuple[Kind, ...] = setting(
        "kinds of sources, the most trusted first; others are not believed: `kafka` (the protocol), `pages` (open"
        " monitoring), `topics` (MSK's topic calls), `cloudwatch`"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One Kafka cluster: Apache Kafka 2.8 or later, Amazon MSK, or what speaks its protocol."""

    name: str = setting("the cluster's name: the label `kafka_cluster` of everything read from it")
    bootstrap: tuple[HostPort, ...] = setting(
        "brokers to ask first; the others are found from them. Of a cluster of MSK's (`msk`) they can be left out",
        default=(),
    )
    cluster_id: str | None = setting(
        "the cluster's own id, as `kafka_cluster_info` shows it: a broker of any other is refused; without it, the id"
        " that the agent's first read finds",
        default=None,
    )
    tls: Tls | None = setting("TLS towards the brokers; left out, the connection is in the clear", default=None)
    sasl: Sasl | None = setting("who the agent is, by SASL", default=None)
    interval: Duration = setting("how often the cluster is read", default=15.0, minimum=1)
    deadline: Duration | None = setting(
        "how long one read may take: what has not been answered by then is unknown; by default 10s, or four fifths of a"
        " shorter interval",
        default=None,
        minimum=0.5,
    )
    request_timeout: Duration = setting("how long a broker may take for one request", default=5.0, minimum=0.1)
    connect_timeout: Duration = setting(
        "how long a broker may take to accept and authenticate", default=3.0, minimum=0.1
    )
    pulse: Pulse = setting("signs of life between reads", default_factory=Pulse)
    session_timeout: Duration | None = setting(
        "after how long without a broker the cluster gives its partitions to others (`broker.session.timeout.ms` of the"
        " controllers, `zookeeper.session.timeout.ms`): then it is read again; by default 9s, with ZooKeeper 18s, as"
        " Kafka's own",
        default=None,
        minimum=0.1,
    )
    topics: Names = setting(
        "topics whose offsets, sizes and settings are read; the cluster's own counts always cover all topics",
        default_factory=Names,
    )
    groups: Names = setting("consumer groups that are read", default_factory=Names)
    granularity: Literal["topic", "partition"] = setting(
        "`partition` adds series for each partition, and for each group and partition", default="topic"
    )
    max_series: int = setting(
        "at most so many series from this cluster; beyond, the least important are dropped and counted",
        default=100_000,
        minimum=100,
    )
    max_requests: int = setting(
        "at most so many requests to the brokers in one read; what does not fit is unknown and said so (0: no limit)",
        default=0,
        minimum=0,
    )
    max_in_flight: int = setting(
        "requests sent to one broker before its first answer", default=8, minimum=1, maximum=100
    )
    max_frame: Size = setting("the largest answer accepted from a broker", default=100 * 2**20, minimum=2**16)
    log_dirs_interval: Duration = setting(
        "how often brokers are asked for the size of their logs (slow for a broker with many)", default=60.0, minimum=1
    )
    topic_settings_interval: Duration = setting(
        "within this time the settings of every topic (min ISR, retention) are asked anew, a few each read",
        default=600.0,
        minimum=10,
    )
    partitions_per_broker: int = setting(
        "how many partition replicas a broker should hold at most (MSK's limits: docs/metrics.md)",
        default=4000,
        minimum=1,
    )
    lag_history: Duration = setting(
        "how far back end offsets are remembered: lag in seconds is known up to this age", default=86400.0, minimum=60
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
    lookup_requests: int = setting(
        "at most so many requests to each broker in one read that look up when the first records which a group has not"
        " read were written, where the history does not reach back to them (0: none)",
        default=8,
        minimum=0,
        maximum=100,
    )
    open_monitoring: OpenMonitoring | None = setting(
        "the brokers' JMX and node exporters (MSK: open monitoring); left out, they are not scraped", default=None
    )
    msk: Msk | None = setting("the cluster as Amazon MSK knows it; left out, AWS is not asked", default=None)
    protocol: bool = setting(
        "whether the brokers are asked themselves; false where the agent cannot reach them: then `msk.topics` tells of"
        " the partitions, and CloudWatch the rest",
        default=True,
    )
    trust: tuple[Trusted, ...] = setting("where another source is trusted than usually (docs/msk.md)", default=())
    client_id: str = setting("the client id that brokers see, for their quotas and logs", default="streamwatch")

    def __post_init__(self) -> None:
        if not self.protocol and (self.msk is None or self.msk.topics is None):
            raise ValueError("protocol: without it, MSK must tell of the partitions: write 'msk: {topics: {}, ...}'")
        if not self.bootstrap and self.msk is None:
            raise ValueError("bootstrap: at least one broker is needed: write ['host:9092']")
        if self.deadline is not None and self.deadline >= self.interval:
            raise ValueError(f"deadline: {self.deadline:g}s must be shorter than interval, {self.interval:g}s")
        if self.sasl is not None and self.sasl.mechanism == "AWS_MSK_IAM" and self.tls is None:
            raise ValueError("tls: AWS_MSK_IAM works over TLS only: write 'tls: {}'")

    @property
    def msk_listener(self) -> str:
        """What MSK's API calls the bootstrap servers that fit how we log in."""
        mechanism = self.sasl.mechanism if self.sasl is not None else ""
        if mechanism in {"AWS_MSK_IAM", "OAUTHBEARER"}:
            return "BootstrapBrokerStringSaslIam"
        if mechanism:
            return "BootstrapBrokerStringSaslScram"
        return "BootstrapBrokerStringTls" if self.tls is not None else "BootstrapBrokerString"

    @property
    def read_seconds(self) -> float:
        """How long one read may take."""
        return self.deadline or min(10.0, 0.8 * self.interval)
