"""The stories of clusters: time skips seconds for the cluster and the agent alike, and the load is a model, too."""

import math
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast

from streamwatch.agent.config import parse
from streamwatch.core.clock import SystemClock
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.reference.kafka import faults, topics
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers import HANDLERS
from streamwatch.reference.kafka.handlers.context import Context
from streamwatch.reference.kafka.login import ANONYMOUS
from streamwatch.reference.kafka.membership import Join, Joined, Synced
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.kafka.partition import Partition
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Site
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kafka.wire import KafkaRequest
from streamwatch.reference.load import MEMBERS, PARTITIONS, TOPICS
from streamwatch.reference.scenarios import SCENARIOS, ScenarioStep
from streamwatch.reference.timers import Later
from tests.audit.audited_agent import AuditedAgent, findings
from tests.audit.labels import CLUSTER, LEFT
from tests.audit.played import AuditedStory, judged
from tests.reference.batches import records
from tests.reference.groups_house import Actor, House, subscription, who

_CONFIG: Final = "kafka:\n  - {{name: shop, bootstrap: [{at}], interval: 2s, deadline: 1900ms}}\n"
_REPLICAS: Final = 3
_BODY: Final = b"x" * 200
_A_SECOND: Final = 8
"""Records of each partition."""
WARM_SECONDS: Final = 20
"""After which groups have their partitions, and lag is known."""
_SESSION_SECONDS: Final = 6.0
_LONGEST_SESSION_SECONDS: Final = 1800.0
"""Of a broker's default."""
_IDLE_SECONDS: Final = 1200.0
_PRODUCE: Final = (0, 9)
"""API and version."""


class SkippingClock(SystemClock):
    """The machine's clocks, which run on, and are put forward at will."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        """Return the wall clock, put forward."""
        return super().now() + self._skipped

    def monotonic(self) -> float:
        """Return the monotonic clock, put forward."""
        return super().monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Put both forward."""
        self._skipped += seconds


@dataclass
class Flow:
    """How one topic is written and read; changed by the orders of a story."""

    topic: str
    only: int | None = None
    hot: int | None = None
    times: int = 1
    pace: float = 0.0
    members: list[Actor] = field(default_factory=list)

    @property
    def group(self) -> str:
        """Who reads it."""
        return f"{self.topic}-readers"

    def count(self, partition: int, each: int) -> int:
        """Return how many records a partition gets where each would get so many."""
        if self.only is not None:
            return each * PARTITIONS if partition == self.only else 0
        return each * (self.times if partition == self.hot else 1)


class Group:
    """What the members of a flow's group ask the cluster: the other side of ``Actor``."""

    def __init__(self, flow: Flow, session_seconds: float) -> None:
        self._flow, self._session = flow, session_seconds
        self.site: Site
        self.now = 0.0

    def join(self, member: str = "", instance: str | None = None) -> Later[Joined]:
        """Join."""
        asked = Join(
            member_id=member, instance_id=instance, client_id=self._flow.group, host="/127.0.0.1",
            session_seconds=self._session, rebalance_seconds=30.0, protocol_type="consumer",
            protocols=(("range", subscription(self._flow.topic)),), needs_id=False, knows_skip=True,
        )  # fmt: skip
        return self.site.groups.join(self._flow.group, asked, self.now)

    def sync(self, asker: Who, **of: bytes) -> Later[Synced]:
        """Get one's partitions; the leader gives each member its share."""
        held = {member: _assigned(self._flow.topic, range(at, PARTITIONS, len(of))) for at, member in enumerate(of)}
        return self.site.groups.sync(self._flow.group, asker, held, self.now)

    def beat(self, asker: Who) -> Code:
        """Say that one lives."""
        return self.site.groups.heartbeat(self._flow.group, asker, self.now)

    def set_members(self, count: int) -> None:
        """Let members leave, as consumers do that are closed, or come."""
        members = self._flow.members
        while len(members) > count:
            self.site.groups.leave(self._flow.group, [Who(members.pop().id)], self.now)
        members += [Actor(cast("House", self)) for _ in range(count - len(members))]

    def live(self) -> None:
        """Let members beat, read what their pace allows, and commit it."""
        flow, groups = self._flow, self.site.groups
        for member in flow.members:
            member.turn()
        stable = next((each.joined for each in flow.members if each.joined is not None and each.assignment), None)
        if stable is None or flow.group in self.site.stalled:
            return
        most = math.ceil(len(flow.members) / flow.pace / PARTITIONS) if flow.pace else sys.maxsize
        committed, offsets = groups.offsets.of(flow.group), dict[tuple[str, int], Committed]()
        for partition in self.site.cluster.topics[flow.topic].partitions:
            at = committed[partition.key].offset if partition.key in committed else 0
            if partition.leader is not None:
                until = min(at + most, partition.leader.high_watermark)
                offsets[partition.key] = Committed(max(at, until), at=self.now)
        groups.commit(flow.group, who(stable), offsets, self.now)


def _assigned(topic: str, partitions: Collection[int]) -> bytes:
    """Return an assignment as Kafka's consumers write it."""
    name = topic.encode()
    numbers = b"".join(struct.pack(">i", each) for each in partitions)
    return struct.pack(f">hih{len(name)}si", 0, 1, len(name), name, len(partitions)) + numbers + struct.pack(">i", -1)


class ClusterWorld:
    """A cluster under the load of the stories, and an agent that watches it."""

    def __init__(self, kafka: ReferenceKafka, clock: SkippingClock, session_seconds: float) -> None:
        self._kafka, self._clock = kafka, clock
        self.flows = {topic: Flow(topic) for topic in TOPICS}
        self._groups = {name: Group(flow, session_seconds) for name, flow in self.flows.items()}
        kafka.do(self._make)
        self.agent = AuditedAgent(parse(_CONFIG.format(at=kafka.bootstrap), "stories", Path()), clock)

    def perform(self, step: ScenarioStep) -> None:
        """Do a step of a story."""
        if step.on == "load":
            self._kafka.do(lambda site, now: self._obey(site, now, step))
        else:
            self._kafka.do(lambda site, now: faults.apply(site, now, step.name, step.parameters))

    def second(self) -> None:
        """Let a second pass in which everybody writes and reads."""
        self._pass_time(1.0, _A_SECOND)

    def hours(self, hours: float) -> None:
        """Let hours pass in which a record comes every twenty minutes; members' sessions are long enough."""
        for _ in range(int(hours)):
            for _ in range(int(3600 / _IDLE_SECONDS)):
                self._pass_time(_IDLE_SECONDS, 1)
            self.agent.read()

    def _pass_time(self, seconds: float, count: int) -> None:
        self._kafka.do(lambda site, now: self._live(site, now, count))
        for _ in range(2):  # followers fetch at the first, and at the second hear what is committed
            self._clock.skip(seconds / 2)
            self._kafka.do(lambda _, __: None)

    def _make(self, site: Site, now: float) -> None:
        cluster = site.cluster
        for flow in self.flows.values():
            placed = topics.assign(cluster, PARTITIONS, _REPLICAS)
            topics.create(cluster, flow.topic, placed, {"min.insync.replicas": "2"}, now)
            site.coordinator(flow.group, now)
            group = self._groups[flow.topic]
            group.site, group.now = site, now
            group.set_members(MEMBERS)

    def _obey(self, site: Site, now: float, step: ScenarioStep) -> None:
        given = step.parameters
        name = given.get("group", given.get("topic"))
        flow = next(each for each in self.flows.values() if name in {each.group, each.topic})
        group = self._groups[flow.topic]
        group.site, group.now = site, now
        if step.name == "members":
            group.set_members(int(given["count"]))
        elif step.name == "pace":
            flow.pace = float(given["seconds"])
        elif step.name == "only":
            flow.only = given["partition"]
        else:
            assert step.name == "hot", step.name
            flow.hot, flow.times = given["partition"], int(given["times"])

    def _live(self, site: Site, now: float, count: int) -> None:
        for name, group in self._groups.items():
            for partition in site.cluster.topics[name].partitions:
                _write(site, partition, self.flows[name].count(partition.index, count), now)
            group.site, group.now = site, now
            group.live()


def _write(site: Site, partition: Partition, count: int, now: float) -> None:
    """Write records as a producer with acks=all does; what is refused is lost."""
    broker = site.cluster.brokers.get(partition.state.leader)
    if broker is None or not broker.is_running or not count:
        return
    batch = records(*[_BODY] * count, timestamp=int(now * 1000) - count)
    one = SimpleNamespace(index=partition.index, records=batch)
    topic = SimpleNamespace(name=partition.topic.name, topic_id=None, partition_data=[one])
    body = SimpleNamespace(acks=-1, timeout_ms=5000, transactional_id=None, topic_data=[topic])
    request = KafkaRequest(*_PRODUCE, 0, "load", body, len(batch))
    HANDLERS[_PRODUCE[0]](Context(site, broker, request, "PLAINTEXT", ANONYMOUS, "127.0.0.1", now))


@contextmanager
def cluster_world(brokers: int = 3, *, session_seconds: float = _SESSION_SECONDS) -> Iterator[ClusterWorld]:
    """Make one, whose agent is closed at the end."""
    clock = SkippingClock()
    with ReferenceKafka(Spec(brokers=brokers, settings=HURRIED_SETTINGS), clock=clock.now) as kafka:
        world = ClusterWorld(kafka, clock, session_seconds)
        try:
            yield world
        finally:
            world.agent.close()


def left_alone() -> list[AuditedStory]:
    """Play ``rewound_group`` until its group is stopped and set back, and leave it so for days."""
    found: list[AuditedStory] = []
    with cluster_world(session_seconds=_LONGEST_SESSION_SECONDS) as world:
        for _ in range(WARM_SECONDS):
            world.second()
            world.agent.read()
        for step in SCENARIOS["rewound_group"].steps[:2]:
            world.perform(step)
            world.second()
            world.agent.read()
        passed = 0.0
        for hours, comes in LEFT.items():
            world.hours(hours - passed)
            passed = hours
            wanted = [*CLUSTER["rewound_group"].standing, *comes]
            found.append(judged(f"rewound_group, left so for {hours:g} h", wanted, findings(world.agent.audit())))
    return found
