"""All brokers of one cluster at once: a link to each, found from the bootstrap servers, kept as the cluster changes."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from streamwatch.core.errors import SourceError, SourceForeign, SourceMisread, SourceUnavailable
from streamwatch.model.kafka import Broker
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM, UNDECODABLE, Api
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import Dialer
from streamwatch.sources.kafka.failover import KRAFT_SECONDS, ZOOKEEPER_SECONDS
from streamwatch.sources.kafka.link import Link
from streamwatch.sources.kafka.metadata import Registered
from streamwatch.sources.kafka.problems import OverBudget, problem
from streamwatch.sources.kafka.tally import Tally
from streamwatch.sources.log import logger

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

log = logger(__name__)

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Fanout:
    """The links to a cluster's brokers. Lives on the source's event loop."""

    def __init__(self, config: Config, changed: Callable[[], None], account: "Account | None" = None) -> None:
        self.tally = Tally()
        self.links: dict[int, Link] = {}
        """By broker id: every broker that the metadata lists, or that still holds replicas."""
        self._config = config
        self._dialer = Dialer(config, account)
        self._changed = changed
        self._bootstrap: list[Link] = []
        self._registered: dict[int, Registered] = {}
        self._known: dict[int, Registered] = {}

    async def first(self, usable: Callable[[Link], bool] = lambda _: True) -> list[Link]:
        """Return links to ask about the cluster, best first: brokers that are up, else bootstrap servers.

        Raises:
            SourceError: nobody can be reached; the reason is the first server's.

        """
        ready = [link for link in self.links.values() if link.up and usable(link)]
        if ready:
            return ready
        tried = {link.name for link in self._bootstrap}
        for server in self._config.bootstrap:
            if server not in tried:
                host, _, port = server.rpartition(":")
                self._bootstrap.append(self._link(server, host.strip("[]"), int(port)))
        await _settled(self._bootstrap)
        ready = [link for link in self._bootstrap if link.up]
        if not ready:
            reasons = [f"{link.name}: {link.down}" for link in self._bootstrap]
            kind = type(self._bootstrap[0].down or SourceUnavailable())
            raise kind("; ".join(reasons))
        return ready

    def accept(self, cluster_id: str | None, link: Link) -> None:
        """Accept the id that a broker's metadata gives; the first one is the cluster's from then on.

        Raises:
            SourceForeign: it is another cluster's, and the link is refused.

        """
        identity = self._dialer.identity
        try:
            identity.check(cluster_id, f"{link.host}:{link.port}")
        except SourceForeign as error:
            link.refuse(error)
            raise
        if identity.learn(cluster_id):
            for other in self._bootstrap:
                other.check_identity()

    async def follow(self, registered: tuple[Registered, ...], holders: set[int]) -> None:
        """Link to the brokers that the metadata lists, and keep the links to those that only still hold replicas.

        Args:
            registered: the brokers that the metadata lists now.
            holders: the ids of all brokers that replicas are assigned to.

        """
        self._registered = {broker.id: broker for broker in registered}
        self._known = {i: b for i, b in self._known.items() if i in holders} | self._registered
        for broker in self._registered.values():
            link = self.links.get(broker.id)
            if link is not None and (link.host, link.port) != (broker.host, broker.port):
                del self.links[broker.id]
                await link.close()
                link = None
            if link is None:
                self.links[broker.id] = self._adopt(broker) or self._link(str(broker.id), broker.host, broker.port)
        for node in set(self.links) - set(self._known):
            await self.links.pop(node).close()
        for link in self._bootstrap:
            if not isinstance(link.down, SourceForeign):
                await link.close()
        # Those at which another cluster answers are kept: as long as it does, that is a problem.
        self._bootstrap = [link for link in self._bootstrap if isinstance(link.down, SourceForeign)]
        await _settled(self.links.values())
        for link in self.links.values():
            link.changed = self._changed

    def brokers(self, holders: set[int]) -> tuple[Broker, ...]:
        """Return every broker known: registered, or assigned to replicas (``holders``) though not registered."""
        found = []
        for node in sorted(set(self._known) | holders):
            known = self._known.get(node, Registered(node, "", 0, None))
            link = self.links.get(node)
            up = link is not None and link.up
            found.append(Broker(node, known.host, known.port, known.rack, up, node in self._registered))
        return tuple(found)

    def falls(self) -> dict[int, float]:
        """Return since when each broker that is down has been so, by the loop's time."""
        return {node: link.down_since for node, link in self.links.items() if link.down is not None}

    @property
    def session_timeout(self) -> float:
        """After how many seconds without a broker the cluster gives up its session."""
        kraft = any(DESCRIBE_QUORUM.key in link.versions for link in self.links.values())
        return self._config.session_timeout or (KRAFT_SECONDS if kraft else ZOOKEEPER_SECONDS)

    def down(self) -> list[Problem]:
        """Return a problem for each broker that is down, and for each address at which another cluster answers."""
        foreign: dict[tuple[str, int], Problem] = {}
        problems = []
        for link in [*self._bootstrap, *self.links.values()]:
            if isinstance(link.down, SourceForeign):
                foreign[link.host, link.port] = problem("cluster", link.down, f"broker {link.name}: {link.down}")
            elif link.down is not None and link not in self._bootstrap:
                detail = f"broker {link.name} ({link.host}:{link.port}): {link.down}"
                problems.append(problem("broker", link.down, detail))
        return [*foreign.values(), *problems]

    async def close(self) -> None:
        """Drop all connections."""
        await asyncio.gather(*(link.close() for link in [*self.links.values(), *self._bootstrap]))

    def _adopt(self, broker: Registered) -> Link | None:
        """Make a bootstrap link the broker's own where the address is the same: one connection a broker."""
        for link in self._bootstrap:
            if (link.host, link.port) == (broker.host, broker.port):
                self._bootstrap.remove(link)
                self.tally.rename(link.name, str(broker.id))
                link.name = str(broker.id)
                return link
        return None

    def _link(self, name: str, host: str, port: int) -> Link:
        return Link(name, host, port, self._config, self._dialer, self.tally)


class Asking:
    """One read's way of asking: within its deadline and its budget, and noting what went wrong."""

    def __init__(self, config: Config, tally: Tally) -> None:
        self.problems: list[Problem] = []
        self._config = config
        self._tally = tally
        self._ends_at = asyncio.get_running_loop().time() + config.read_seconds
        self._budget = config.max_requests

    def left(self) -> float:
        """Return how many seconds this read still has."""
        return self._ends_at - asyncio.get_running_loop().time()

    async def ask(self, link: Link, api: Api, body: bytes) -> bytes:
        """Ask one broker once; the version is the one negotiated with it.

        Raises:
            SourceUnsupported: the broker does not offer it.
            SourceError: no answer, or none allowed any more.

        """
        version = link.version(api)
        if self._config.max_requests:
            if self._budget <= 0:
                raise OverBudget(f"max_requests ({self._config.max_requests}) reached before {api.name}")
            self._budget -= 1
        wait = min(self.left(), self._config.request_timeout)
        if wait <= 0:
            raise SourceUnavailable(f"the read's deadline ({self._config.read_seconds:g}s) came before {api.name}")
        return await link.ask(api, version, body, wait)

    async def all(
        self, calls: Mapping[Key, Awaitable[Answer]], failed: Callable[[Key, SourceError], Problem]
    ) -> dict[Key, Answer]:
        """Wait for many calls at once; return the answers of those that gave one, note a problem for each other."""
        results = await asyncio.gather(*calls.values(), return_exceptions=True)
        answers: dict[Key, Answer] = {}
        for key, result in zip(calls, results, strict=True):
            if isinstance(result, SourceError):
                self.problems.append(failed(key, result))
            elif isinstance(result, UNDECODABLE):
                # An answer that decodes to what cannot be, such as a list that is null; or a bug of ours: log it.
                log.error("answer not understood", exc_info=result)
                self.problems.append(failed(key, SourceMisread(f"not understood: {result!r}")))
            elif isinstance(result, BaseException):
                raise result
            else:
                answers[key] = result
        return answers


async def _settled(links: Iterable[Link]) -> None:
    """Wait until each link is known to be up or down: a dial has its own deadline."""
    await asyncio.gather(*(link.settled() for link in links))
