"""A connection to each broker of a cluster, found from the bootstrap servers; brokers come and go."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from streamwatch.core.errors import SourceForeign, SourceUnavailable
from streamwatch.model.kafka import Broker
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.advertised import first_of_each_address, read_advertised
from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import Dialer
from streamwatch.sources.kafka.failover import KRAFT_SECONDS, ZOOKEEPER_SECONDS
from streamwatch.sources.kafka.metadata import Registered
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.pulses import Pulses
from streamwatch.sources.kafka.request_stats import RequestStats
from streamwatch.sources.log import LineLimit, logger

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

log = logger(__name__)


class BrokerPool:
    """The connections to a cluster's brokers. Lives on the source's event loop."""

    def __init__(
        self, config: Config, changed: Callable[[], None], pulses: Pulses, account: "Account | None" = None
    ) -> None:
        self.stats = RequestStats()
        self.connections: dict[int, BrokerConnection] = {}
        """By broker id: every broker that the metadata lists, or that still holds replicas."""
        self._config = config
        self._dialer = Dialer(config, account)
        self._changed = changed
        self._pulses = pulses
        self._lines = LineLimit(log)
        self._bootstrap: list[BrokerConnection] = []
        self._registered: dict[int, Registered] = {}
        self._known: dict[int, Registered] = {}

    async def first(self, usable: Callable[[BrokerConnection], bool] = lambda _: True) -> list[BrokerConnection]:
        """Return connections to ask about the cluster, best first: brokers that are up, else bootstrap servers.

        Raises:
            SourceError: nobody can be reached; the reason is the first server's.

        """
        ready = [connection for connection in self.connections.values() if connection.up and usable(connection)]
        if ready:
            return ready
        tried = {connection.name for connection in self._bootstrap}
        for server in self._config.bootstrap:
            if str(server) not in tried:
                self._bootstrap.append(self._connect(str(server), server.host, server.port))
        await _settled(self._bootstrap)
        ready = [connection for connection in self._bootstrap if connection.up]
        if not ready:
            reasons = [f"{connection.name}: {connection.down}" for connection in self._bootstrap]
            kind = type(self._bootstrap[0].down or SourceUnavailable())
            raise kind("; ".join(reasons))
        return ready

    def accept(self, cluster_id: str | None, connection: BrokerConnection) -> None:
        """Accept the id that a broker's metadata gives; the first one is the cluster's from then on.

        Raises:
            SourceForeign: it is another cluster's, and the connection is refused.

        """
        identity = self._dialer.identity
        try:
            identity.check(cluster_id, f"{connection.host}:{connection.port}")
        except SourceForeign as error:
            connection.refuse(error)
            raise
        if identity.learn(cluster_id):
            for other in self._bootstrap:
                other.check_identity()

    def begin_read(self) -> None:
        """Let the brokers answer as much as they may within one read."""
        self._dialer.budget.begin_read()

    async def follow(self, listed: tuple[Registered, ...], holders: set[int]) -> tuple[Problem, ...]:
        """Connect to the brokers that the metadata lists, and stay connected to those that only still hold replicas.

        Args:
            listed: the brokers that the metadata lists now.
            holders: the ids of brokers that replicas are assigned to.

        Returns:
            What of the list is not believed.

        """
        advertised = read_advertised(listed)
        self._registered = {broker.id: broker for broker in advertised.brokers}
        gone = {node: b for node, b in self._known.items() if node in holders and node not in self._registered}
        self._known = gone | self._registered
        wanted = {broker.id: broker for broker in first_of_each_address((*advertised.brokers, *gone.values()))}
        for node, connection in list(self.connections.items()):
            broker = wanted.get(node)
            if broker is None or (connection.host, connection.port) != (broker.host, broker.port):
                del self.connections[node]
                await connection.close()
        for broker in wanted.values():
            if broker.id not in self.connections:
                self.connections[broker.id] = self._adopt(broker) or self._connect(
                    str(broker.id), broker.host, broker.port
                )
        for connection in self._bootstrap:
            if not isinstance(connection.down, SourceForeign):
                await connection.close()
        # Those at which another cluster answers are kept: as long as it does, that is a problem.
        self._bootstrap = [connection for connection in self._bootstrap if isinstance(connection.down, SourceForeign)]
        await _settled(self.connections.values())
        for connection in self.connections.values():
            connection.changed = self._changed
        return advertised.problems

    def brokers(self, holders: set[int]) -> tuple[Broker, ...]:
        """Return every broker known: registered, or assigned to replicas (``holders``) though not registered."""
        found = []
        for node in sorted(set(self._known) | holders):
            known = self._known.get(node, Registered(node, "", 0, None))
            connection = self.connections.get(node)
            up = connection.up if connection is not None else None if node in self._registered else False
            found.append(Broker(node, known.host, known.port, known.rack, up, node in self._registered))
        return tuple(found)

    def down_since(self) -> dict[int, float]:
        """Return since when each broker that is down has been so, by the loop's time."""
        return {
            node: connection.down_since for node, connection in self.connections.items() if connection.down is not None
        }

    @property
    def session_timeout(self) -> float:
        """After how many seconds without a broker the cluster gives up its session."""
        kraft = any(DESCRIBE_QUORUM.key in connection.versions for connection in self.connections.values())
        return self._config.session_timeout or (KRAFT_SECONDS if kraft else ZOOKEEPER_SECONDS)

    def down(self) -> list[Problem]:
        """Return a problem for each broker that is down, and for each address at which another cluster answers."""
        foreign: dict[tuple[str, int], Problem] = {}
        problems = []
        for connection in [*self._bootstrap, *self.connections.values()]:
            if isinstance(connection.down, SourceForeign):
                foreign[connection.host, connection.port] = problem(
                    "cluster", connection.down, f"broker {connection.name}: {connection.down}"
                )
            elif connection.down is not None and connection not in self._bootstrap:
                detail = f"broker {connection.name} ({connection.host}:{connection.port}): {connection.down}"
                problems.append(problem("broker", connection.down, detail))
        return [*foreign.values(), *problems]

    async def close(self) -> None:
        """Drop all connections."""
        await asyncio.gather(*(connection.close() for connection in [*self.connections.values(), *self._bootstrap]))

    def _adopt(self, broker: Registered) -> BrokerConnection | None:
        """Make a bootstrap connection the broker's own where the address is the same: one connection a broker."""
        for connection in self._bootstrap:
            if (connection.host, connection.port) == (broker.host, broker.port):
                self._bootstrap.remove(connection)
                self.stats.rename(connection.name, str(broker.id))
                connection.name = str(broker.id)
                return connection
        return None

    def _connect(self, name: str, host: str, port: int) -> BrokerConnection:
        return BrokerConnection(name, host, port, self._config, self._dialer, self.stats, self._pulses, self._lines)


async def _settled(connections: Iterable[BrokerConnection]) -> None:
    """Wait until each connection is known to be up or down: a dial has its own deadline."""
    await asyncio.gather(*(connection.settled() for connection in connections))
