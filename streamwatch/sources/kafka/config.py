"""How one Kafka cluster is reached, and what of it is read."""

from dataclasses import dataclass
from typing import Literal

from streamwatch.settings.types import Duration, FilePath, HostPort, Secret, Size, setting
from streamwatch.sources.names import Names

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaTls:
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
class Config:
    """How one cluster is read over Kafka's own protocol."""

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
    tls: KafkaTls | None = setting("TLS towards the brokers; left out, the connection is in the clear", default=None)
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
    max_requests: int = setting(
        "at most so many requests to the brokers in one read; what does not fit is unknown and said so (0: no limit)",
        default=0,
        minimum=0,
    )
    max_in_flight: int = setting(
        "requests sent to one broker before its first answer", default=8, minimum=1, maximum=100
    )
    max_frame: Size = setting(
        "the largest answer accepted from a broker; the brokers together may answer twice that in one read",
        default=100 * 2**20,
        minimum=2**16,
    )
    log_dirs_interval: Duration = setting(
        "how often brokers are asked for the size of their logs (slow for a broker with many)", default=60.0, minimum=1
    )
    topic_settings_interval: Duration = setting(
        "within this time the settings of every topic (min ISR, retention) are asked anew, a few each read",
        default=600.0,
        minimum=10,
    )
    lag_history: Duration = setting(
        "how far back end offsets are remembered: lag in seconds is known up to this age", default=86400.0, minimum=60
    )
    lookup_requests: int = setting(
        "at most so many requests to each broker in one read that look up when the first records which a group has not"
        " read were written, where the history does not reach back to them (0: none)",
        default=8,
        minimum=0,
        maximum=100,
    )
    client_id: str = setting("the client id that brokers see, for their quotas and logs", default="streamwatch")

    def __post_init__(self) -> None:
        if self.deadline is not None and self.deadline >= self.interval:
            raise ValueError(f"deadline: {self.deadline:g}s must be shorter than interval, {self.interval:g}s")
        if self.sasl is not None and self.sasl.mechanism == "AWS_MSK_IAM" and self.tls is None:
            raise ValueError("tls: AWS_MSK_IAM works over TLS only: write 'tls: {}'")

    @property
    def read_seconds(self) -> float:
        """How long one read may take."""
        return self.deadline or min(10.0, 0.8 * self.interval)
