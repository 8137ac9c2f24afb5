"""What one broker measures of its own work, as its MBeans tell it. Nothing here is made up: it is counted or timed."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.meters import Histogram, Meter

_SEGMENT_BYTES: Final = 1448
PHASES: Final = ("total", "queue", "local", "remote", "response_queue", "send", "throttle")


@dataclass(slots=True)
class TopicMeasures:
    """Traffic of one topic, or of all, on one broker."""

    bytes_in: Meter
    bytes_out: Meter
    messages_in: Meter
    produce_requests: Meter
    fetch_requests: Meter
    failed_produce: Meter
    failed_fetch: Meter
    replication_in: Meter
    replication_out: Meter

    @classmethod
    def started(cls, now: float) -> "TopicMeasures":
        """Return meters that begin now."""
        return cls(*(Meter(now) for _ in range(9)))


@dataclass(slots=True)
class RequestMeasures:
    """One API on one broker: how often, by version, and where the time went (ms)."""

    versions: dict[int, Meter] = field(default_factory=dict)
    phases: dict[str, Histogram] = field(default_factory=lambda: {name: Histogram() for name in PHASES})
    size: Histogram = field(default_factory=Histogram)


class Measures:
    """All of one broker."""

    def __init__(self, now: float) -> None:
        self.started = now
        self.all_topics = TopicMeasures.started(now)
        self.topics: dict[str, TopicMeasures] = {}
        self.requests: defaultdict[str, RequestMeasures] = defaultdict(RequestMeasures)
        self.queue_size = 0
        """Requests that wait for a handler thread."""
        self.response_queue_size = 0
        self.busy = Meter(now)
        """Seconds of all handler threads together."""
        self.connections: defaultdict[str, int] = defaultdict(int)
        """Open ones, by listener."""
        self.connections_created: defaultdict[str, int] = defaultdict(int)
        self.connections_closed: defaultdict[str, int] = defaultdict(int)
        self.failed_authentications: defaultdict[str, int] = defaultdict(int)
        self.expired_connections: defaultdict[str, int] = defaultdict(int)
        """Closed because their login was over and not renewed."""
        self.throttled: dict[str, float] = {}
        """The last throttle time in ms, by quota."""
        self.network_bytes_in = 0
        self.network_bytes_out = 0
        self.dropped_in = 0.0
        """Packets that a fault let get lost."""
        self.dropped_out = 0.0

    def network(self, received: int, sent: int, dropped_share: float) -> None:
        """Bytes came and went; a share of their packets was lost, and sent again."""
        self.network_bytes_in += received
        self.network_bytes_out += sent
        if dropped_share:
            self.dropped_in += -(-received // _SEGMENT_BYTES) * dropped_share
            self.dropped_out += -(-sent // _SEGMENT_BYTES) * dropped_share

    def topic(self, name: str, now: float) -> TopicMeasures:
        """Return a topic's meters."""
        if name not in self.topics:
            self.topics[name] = TopicMeasures.started(now)
        return self.topics[name]

    def produced(self, topic: str, size: int, count: int, now: float) -> None:
        """Records were appended for a client."""
        for one in (self.all_topics, self.topic(topic, now)):
            one.bytes_in.mark(size, now)
            one.messages_in.mark(count, now)
            one.produce_requests.mark(1, now)

    def fetched(self, topic: str, size: int, now: float) -> None:
        """Records were given to a consumer."""
        for one in (self.all_topics, self.topic(topic, now)):
            one.bytes_out.mark(size, now)
            one.fetch_requests.mark(1, now)

    def failed_produce(self, topic: str, now: float) -> None:
        """A partition of a Produce request was refused."""
        for one in (self.all_topics, self.topic(topic, now)):
            one.failed_produce.mark(1, now)

    def failed_fetch(self, topic: str, now: float) -> None:
        """A partition of a Fetch request was refused."""
        for one in (self.all_topics, self.topic(topic, now)):
            one.failed_fetch.mark(1, now)

    def request(self, name: str, version: int, size: int, phases: tuple[float, ...], now: float) -> None:
        """A request was answered; phases are seconds, in the order of PHASES."""
        one = self.requests[name]
        if version not in one.versions:
            one.versions[version] = Meter(now)
        one.versions[version].mark(1, now)
        one.size.update(size)
        for phase, seconds in zip(PHASES, phases, strict=True):
            one.phases[phase].update(seconds * 1000)


class AllMeasures(dict[int, Measures]):
    """By broker; counts what followers fetch."""

    def replicated(self, follower: int, leader: int, size: int, now: float) -> None:
        """A follower fetched so many bytes from a leader."""
        if size:
            self[follower].all_topics.replication_in.mark(size, now)
            self[leader].all_topics.replication_out.mark(size, now)
