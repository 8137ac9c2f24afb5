"""What all brokers say of topics' settings, asked one by one by librdkafka: a restart alone can change it.

Brokers of Kafka 4.3 can have the settings of a topic's first life when they come back; where in the end all that run
have them, these are its settings, and the journal says so once, though nobody set them.
"""

from collections.abc import Collection, Iterable
from functools import cache

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from tests.real.kafka import KafkaCluster

_NAMES = ("min.insync.replicas", "retention.ms", "retention.bytes", "cleanup.policy")
_SECONDS = 10.0

_admin = cache(lambda address: AdminClient({"bootstrap.servers": address, "log_level": 0}))


class BrokerSettings:
    """What every broker that runs agreed on when it was asked last."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self._agreed: dict[tuple[str, str], str] = {}
        """By topic and setting."""

    def changed(self, topics: Collection[str], explained: Collection[str]) -> set[str]:
        """Ask every broker; return the topics of which they now agree on something else, but for those explained."""
        if not topics:
            return set()
        answers = [_settings(_admin(self._cluster.address(node)), topics) for node in self._cluster.live_broker_ids]
        agreed = _same(answers)
        differing = {name for (name, key), value in agreed.items() if self._agreed.get((name, key), value) != value}
        self._agreed = {key: value for key, value in self._agreed.items() if key[0] in topics} | agreed
        return differing - set(explained)


def _settings(admin: AdminClient, topics: Iterable[str]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in topics], request_timeout=5.0)
    for resource, answer in asked.items():
        try:
            entries = answer.result(_SECONDS)
        except KafkaException:  # it is not there yet, or no more
            continue
        found |= {(resource.name, name): entries[name].value for name in _NAMES}
    return found


def _same(answers: list[dict[tuple[str, str], str]]) -> dict[tuple[str, str], str]:
    first, *others = answers
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
