"""The traffic of a serverless cluster's topics: CloudWatch gets a data point for every partition, and Sum is right."""

from collections.abc import Iterator
from typing import Final

from streamwatch.reference.kafka.meters import Meter
from streamwatch.reference.kafka.site import Site

_TOLD: Final = {
    "BytesInPerSec": ("bytes_in", "Bytes/Second"),
    "BytesOutPerSec": ("bytes_out", "Bytes/Second"),
    "MessagesInPerSec": ("messages_in", "Count/Second"),
}


def traffic(site: Site, now: float) -> Iterator[tuple[str, str, float, str]]:
    """Yield (metric, topic, value, unit): as many of a topic as it has partitions.

    Brokers measure by topic: every partition tells an equal share. A topic's series begins with its first value that is
    not zero, as those of other clusters do.
    """
    for topic in site.cluster.topics.values():
        measured = [one.topics[topic.name] for one in site.measures.values() if topic.name in one.topics]
        for name, (own, unit) in _TOLD.items():
            meters: list[Meter] = [getattr(one, own) for one in measured]
            if any(meter.count for meter in meters):
                share = sum(meter.rates(now)[0] for meter in meters) / len(topic.partitions)
                yield from ((name, topic.name, share, unit) for _ in topic.partitions)
