"""The hours before on pages that show more than one thing: small pictures, and since when a broker does not answer."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from streamwatch.archive.numbers import BY_NAME, ArchivedNumber
from streamwatch.archive.rings import Curve
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.export.web_page.charts import WINDOWS, NamedSpark, Spark, spark
from streamwatch.export.web_page.clusters import BrokerView, ClusterView
from streamwatch.export.web_page.streams import StreamView
from streamwatch.export.web_page.words import span

_UP: Final = BY_NAME[f"broker.{k.BROKER_UP.name}"]
_LEADERS: Final = BY_NAME[f"broker.{k.BROKER_LEADERS.name}"]
_LAG: Final = BY_NAME[f"group.{g.GROUP_LAG_SECONDS.name}"]
_OF_CLUSTER: Final = tuple(
    BY_NAME[f"cluster.{metric.name}"] for metric in (k.TOPIC_END_OFFSET, k.BROKER_UNDER_REPLICATED, k.BROKER_UP)
)
_OF_STREAM: Final = tuple(BY_NAME[f"stream.{metric.name}"] for metric in (s.INCOMING_RECORDS, s.ITERATOR_AGE))
_MOST_BROKERS: Final = 24
"""So many brokers of a cluster have a picture."""


class Past(Protocol):
    """What is known of the hours before."""

    def curve(self, number: ArchivedNumber, entity: tuple[str, ...], span_seconds: float) -> Curve | None:
        """Return a number over the last so many seconds; None where nothing is archived of it."""

    def since(self, number: ArchivedNumber, entity: tuple[str, ...]) -> float | None:
        """Return since when a number has its last known value; None where it is not known."""


def cluster_with_past(view: ClusterView, past: Past, now: float) -> ClusterView:
    """Return the cluster with its pictures."""
    at = (view.name,)
    drawn = {broker.id for broker in view.brokers[:_MOST_BROKERS]}
    return replace(
        view,
        sparks=_named(_OF_CLUSTER, at, past, now),
        brokers=[_broker(broker, at, past, now, is_drawn=broker.id in drawn) for broker in view.brokers],
        groups=[replace(group, spark=_spark(_LAG, (*at, group.name), past, now)) for group in view.groups],
    )


def stream_with_past(view: StreamView, past: Past, now: float) -> StreamView:
    """Return the stream with its pictures."""
    return replace(view, sparks=_named(_OF_STREAM, view.key, past, now))


def broker_since(broker: str, cluster: str, past: Past, now: float) -> str:
    """Return for how long a broker has answered, or not, in words; nothing where that is not known."""
    since = past.since(_UP, (cluster, broker))
    return "" if since is None else f", for {span(max(0.0, now - since))}"


def _broker(view: BrokerView, at: tuple[str], past: Past, now: float, *, is_drawn: bool) -> BrokerView:
    words = view.words + (broker_since(view.id, *at, past, now) if view.health == "bad" else "")
    return replace(view, words=words, spark=_spark(_LEADERS, (*at, view.id), past, now) if is_drawn else None)


def _spark(number: ArchivedNumber, entity: tuple[str, ...], past: Past, now: float) -> Spark | None:
    curve = past.curve(number, entity, WINDOWS[0].seconds)
    return None if curve is None else spark(number, curve, now)


def _named(numbers: Iterable[ArchivedNumber], entity: tuple[str, ...], past: Past, now: float) -> Sequence[NamedSpark]:
    found = [(number.title, _spark(number, entity, past, now)) for number in numbers]
    return [NamedSpark(title, each) for title, each in found if each is not None]
