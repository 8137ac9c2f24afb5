"""A reference cluster without a network: requests go straight to the handlers, time passes when a test says so."""

from types import SimpleNamespace
from typing import Any

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.cluster import Cluster
from streamwatch.reference.kafka.handlers import HANDLERS
from streamwatch.reference.kafka.handlers.context import Context
from streamwatch.reference.kafka.login import ANONYMOUS
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.kafka.site import Access, Site
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kafka.wire import KafkaRequest
from streamwatch.reference.timers import Later
from tests.reference.batches import records

START = 1_700_000_000.0
QUICK = {"broker.session.timeout.ms": "6000", "replica.lag.time.max.ms": "4000", "offsets.topic.num.partitions": "4"}


class Stage:
    """A cluster and its time."""

    def __init__(self, spec: Spec | None = None, access: Access | None = None) -> None:
        self.now = START
        self.site = Site(spec or Spec(settings=QUICK), access or Access(), lambda: self.now)

    @property
    def cluster(self) -> Cluster:
        return self.site.cluster

    def topic(self, name: str, *replicas: tuple[int, ...], **settings: str) -> list[Partition]:
        """Make a topic with these replicas for each partition; underscores in settings stand for dots."""
        own = {key.replace("_", "."): value for key, value in settings.items()}
        return topics.create(self.cluster, name, replicas, own, self.now).partitions

    def advance(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        until = self.now + seconds
        timers = self.cluster.timers
        while (due := timers.next) is not None and due <= until:
            self.now = max(self.now, due)
            timers.run(self.now)
        self.now = until
        self.site.settle()

    def ask(self, broker: int, key: int, version: int, **body: Any) -> Any:
        """Send a request; return the answer, or a Later."""
        request = KafkaRequest(key, version, 0, "test", SimpleNamespace(**body), 100)
        context = Context(
            self.site, self.cluster.brokers[broker], request, "PLAINTEXT", ANONYMOUS, "127.0.0.1", self.now
        )
        return HANDLERS[key](context)

    def produce(
        self,
        broker: int,
        partition: Partition,
        *values: bytes,
        acks: int = -1,
        producer: tuple[int, int, int] = (-1, -1, -1),
        timeout_ms: int = 5000,
    ) -> Later[Any]:
        """Produce one batch; return what is answered, now or later."""
        one = SimpleNamespace(index=partition.index, records=records(*values, producer=producer))
        data = SimpleNamespace(name=partition.topic.name, topic_id=None, partition_data=[one])
        later = self.ask(broker, 0, 9, acks=acks, timeout_ms=timeout_ms, transactional_id=None, topic_data=[data])
        assert isinstance(later, Later)
        return later

    def brokers(self, *numbers: int) -> list[Any]:
        return [self.cluster.brokers[number] for number in numbers]


def row(later: Later[Any]) -> dict[str, Any]:
    """The answer of the only partition that was produced to."""
    assert later.answer is not None
    found: dict[str, Any] = later.answer["responses"][0]["partition_responses"][0]
    return found
