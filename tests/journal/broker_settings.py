"""What all brokers say of topics' settings, each asked by itself: a restart alone can change it.

Brokers of Kafka 4.3 can have the settings of a topic's first life when they come back; where in the end all that run
have them, these are its settings, and the journal says so once, though nobody set them.
"""

from collections.abc import Collection, Iterable
from typing import Final

from kafka.protocol.admin import DescribeConfigsRequest

from tests.real.clients import ask_broker
from tests.real.kafka import KafkaCluster

_NAMES: Final = ["min.insync.replicas", "retention.ms", "retention.bytes", "cleanup.policy"]
_TOPIC: Final = 2
_VERSION: Final = 4
Values = dict[tuple[str, str], str]
"""By topic and setting."""


class BrokerSettings:
    """What every broker that runs agreed on when it was asked last."""

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self._agreed: Values = {}

    def by_broker(self, topics: Iterable[str]) -> dict[int, Values]:
        """Ask every broker that runs."""
        ports = {node: int(self._cluster.address(node).rpartition(":")[2]) for node in self._cluster.live_broker_ids}
        return {node: _settings(port, topics) for node, port in ports.items()}

    def changed(self, topics: Collection[str], explained: Collection[str]) -> set[str]:
        """Ask every broker; return the topics of which they now agree on something else, but for those explained."""
        if not topics:
            return set()
        first, *others = self.by_broker(topics).values()
        agreed = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
        differing = {name for (name, key), value in agreed.items() if self._agreed.get((name, key), value) != value}
        self._agreed = {key: value for key, value in self._agreed.items() if key[0] in topics} | agreed
        return differing - set(explained)


def _settings(port: int, topics: Iterable[str]) -> Values:
    resource = DescribeConfigsRequest.DescribeConfigsResource
    asked = [resource(resource_type=_TOPIC, resource_name=name, configuration_keys=_NAMES) for name in topics]
    request = DescribeConfigsRequest(
        version=_VERSION, resources=asked, include_synonyms=False, include_documentation=False
    )
    answer = ask_broker(port, request)
    if answer is None:
        return {}
    return {
        (result.resource_name, config.name): config.value
        for result in answer.results
        if not result.error_code
        for config in result.configs
    }
