"""Where the lease is kept, in the configuration."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamwatch.core.clock import Clock
from streamwatch.pair.lease.dynamodb import Config as DynamoDb
from streamwatch.pair.lease.dynamodb import DynamoDbHome
from streamwatch.pair.lease.kubernetes import Config as Kubernetes
from streamwatch.pair.lease.kubernetes import KubernetesHome
from streamwatch.pair.lease.lease import AgentLease
from streamwatch.pair.lease.record import Home, RecordLease
from streamwatch.pair.lease.s3 import Config as S3Config
from streamwatch.pair.lease.s3 import S3Home
from streamwatch.settings.types import Duration, refuse, setting
from streamwatch.sources.cluster_config import ClusterConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaGroup:
    """Membership of a consumer group that nobody else uses; the agent needs Read on it."""

    kafka_cluster: str = setting("the Kafka cluster that has the group, by its `name` under `kafka`")
    group: str = setting("the group's id", default="streamwatch-lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where it is agreed who notifies: one of these, in something that is running already."""

    kafka_group: KafkaGroup | None = setting("a consumer group: its coordinator is the lock", default=None)
    dynamodb: DynamoDb | None = setting("an item of a DynamoDB table", default=None)
    s3: S3Config | None = setting("an object in S3", default=None)
    kubernetes: Kubernetes | None = setting("a Lease of Kubernetes", default=None)
    seconds: Duration = setting(
        "for how long the lease is valid without being renewed; of a consumer group it is the session timeout, of which"
        " brokers take no less than `group.min.session.timeout.ms`, 6s by default",
        default=6.0,
        minimum=1.0,
        maximum=60.0,
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        homes = [home for home in (self.kafka_group, self.dynamodb, self.s3, self.kubernetes) if home is not None]
        if len(homes) != 1:
            count = len(homes)
            yield f"kafka_group: one home of the lease is wanted, not {count}: kafka_group, dynamodb, s3 or kubernetes"


def lease(config: Config, name: str, clusters: Sequence[ClusterConfig], clock: Clock) -> AgentLease:
    """Return the lease of an agent by its configuration; nothing is asked yet."""
    if config.kafka_group is not None:
        from streamwatch.pair.lease.kafka_group import GroupLease  # noqa: PLC0415 - who has none does not pay for it

        wanted = config.kafka_group
        cluster = next(each for each in clusters if each.name == wanted.kafka_cluster)
        return GroupLease(cluster, cluster.bootstrap, wanted.group, name, config.seconds, clock)
    return RecordLease(_home(config, clock), name, secrets.token_hex(8), config.seconds, clock)


def _home(config: Config, clock: Clock) -> Home:
    if config.dynamodb is not None:
        return DynamoDbHome(config.dynamodb, clock)
    if config.s3 is not None:
        return S3Home(config.s3, clock)
    assert config.kubernetes is not None, "one of them is there"  # noqa: S101 - for the type
    return KubernetesHome(config.kubernetes, clock)
