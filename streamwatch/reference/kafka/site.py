"""Everything that one reference cluster consists of, around the model: groups, rights, quotas, addresses, measures."""

import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.acls import Acls
from streamwatch.reference.kafka.cluster import Cluster
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.groups import Groups, Limits
from streamwatch.reference.kafka.measures import AllMeasures, Measures
from streamwatch.reference.kafka.partition import OFFSETS, TRANSACTIONS
from streamwatch.reference.kafka.quotas import Quotas
from streamwatch.reference.kafka.sasl import BrokerUsers
from streamwatch.reference.kafka.sessions import Sessions
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kafka.transactions import Transactions

PLAINTEXT = "PLAINTEXT"


@dataclass(frozen=True, slots=True)
class KafkaListener:
    """A way in, the same on every broker."""

    name: str = PLAINTEXT
    tls: ssl.SSLContext | None = None
    mechanisms: tuple[str, ...] = ()
    """Of SASL; none for a listener without logins."""


@dataclass(slots=True)
class ApiFault:
    """An API that answers with an error, or late."""

    code: Code
    times: int | None = None
    """How often; None until it is taken away."""
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may come in, and do what."""

    listeners: tuple[KafkaListener, ...] = (KafkaListener(),)
    credentials: BrokerUsers = field(default_factory=BrokerUsers)
    super_users: frozenset[str] = frozenset()
    """Principals, as in ``User:admin``."""
    authorize: bool = False
    """Whether what no ACL allows is denied."""
    keeps_acls: bool = False
    """Whether there is an authorizer though what no ACL speaks of is allowed, as on MSK."""

    @property
    def has_authorizer(self) -> bool:
        """Whether ACLs can be described and altered."""
        return self.authorize or self.keeps_acls or bool(self.super_users)


class Site:
    """One cluster and what surrounds its model."""

    def __init__(self, spec: Spec, access: Access, clock: Callable[[], float]) -> None:
        now = clock()
        self.clock = clock
        self.access = access
        self.measures = AllMeasures({each: Measures(now) for each in spec.broker_ids})
        self.cluster = Cluster(spec, now, self.measures)
        self.groups = Groups(self.cluster.timers, self._topics, _limits(self.cluster))
        self.transactions = Transactions(self.cluster, self.groups)
        self.acls = Acls(access.super_users, allow_everyone_if_no_acl=not access.authorize)
        self.quotas = Quotas()
        self.sessions = {each: Sessions() for each in spec.broker_ids}
        self.addresses: dict[tuple[int, str], tuple[str, int]] = {}
        """(host, port) by broker and listener."""
        self.offered: Mapping[int, tuple[int, int]] = {}
        """The versions of each API."""
        self.api_faults: dict[tuple[int | None, str], ApiFault] = {}
        """By broker (None: all) and API."""

        self.stalled: set[str] = set()
        """Groups whose members read nothing."""

    def _topics(self) -> Mapping[str, tuple[uuid.UUID, int]]:
        return {name: (one.id, len(one.partitions)) for name, one in self.cluster.topics.items()}

    def address(self, broker: int, listener: str) -> tuple[str, int]:
        """Return where a broker listens, for clients that came by the same listener."""
        return self.addresses[broker, listener]

    def fault(self, broker: int, api: str) -> ApiFault | None:
        """Return what is wrong with an API now, and count it."""
        for key in ((broker, api), (None, api)):
            found = self.api_faults.get(key)
            if found is not None:
                if found.times is not None:
                    found.times -= 1
                    if found.times <= 0:
                        del self.api_faults[key]
                return found
        return None

    def coordinator(self, key: str, now: float, *, is_transaction: bool = False) -> int | None:
        """Return the broker that coordinates a group or a transactional id; None where there is none now."""
        try:
            topic = topics.ensure(self.cluster, TRANSACTIONS if is_transaction else OFFSETS, now)
        except RequestRefused:
            return None
        partition = topic.partitions[java_hash(key) % len(topic.partitions)]
        leader = partition.leader
        return leader.broker if leader is not None and leader.volume.is_online else None

    def topics_changed(self) -> None:
        """Tell the groups whose coordinator assigns."""
        self.groups.refresh(self.clock())

    def settle(self) -> None:
        """Let groups know that their coordinators moved."""
        moved, self.cluster.moved = self.cluster.moved, []
        gone = {partition.index for partition in moved if partition.topic.name == OFFSETS}
        if gone:
            count = len(self.cluster.topics[OFFSETS].partitions)
            self.groups.moved(
                [one.name for one in self.groups.list() if java_hash(one.name) % count in gone], self.clock()
            )


def _limits(cluster: Cluster) -> Limits:
    """Return what the brokers' settings say about groups."""
    settings = cluster.settings
    return Limits(
        initial_delay=settings.seconds("group.initial.rebalance.delay.ms"),
        min_session=settings.seconds("group.min.session.timeout.ms"),
        max_session=settings.seconds("group.max.session.timeout.ms"),
        max_size=settings.number("group.max.size"),
        consumer_session=settings.seconds("group.consumer.session.timeout.ms"),
        consumer_heartbeat=settings.seconds("group.consumer.heartbeat.interval.ms"),
        offsets_retention=settings.number("offsets.retention.minutes") * 60.0,
    )


def java_hash(text: str) -> int:
    """Return Java's String.hashCode without its sign: Kafka chooses coordinators by it."""
    value = 0
    data = text.encode("utf-16-be")
    for at in range(0, len(data), 2):
        value = (31 * value + (data[at] << 8 | data[at + 1])) & 0xFFFFFFFF
    return value & 0x7FFFFFFF
