"""The cluster as the probe knows it: its topic, and three connections to each broker.

A broker answers the requests of a connection in their order: what waits for records (fetches), or for replicas
(produces), must not hold up each other, nor the question who leads.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.probe.apis import APIS
from streamwatch.probe.causes import Failed
from streamwatch.probe.line import BrokerLine, request_part
from streamwatch.probe.topic import ProbeTopic, read_topic
from streamwatch.settings.types import HostPort
from streamwatch.sources.kafka.advertised import MOST_BROKERS
from streamwatch.sources.kafka.apis import METADATA, decoding
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import Dialer

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

Use = Literal["ask", "produce", "fetch"]

_METADATA_SECONDS: Final = 1.5
_MOST_FRAME: Final = 2**20
"""Bytes of an answer: records of the probe are small."""


class ProbeCluster:
    """What is known of the topic, and who is asked. Lives on the probe's event loop."""

    def __init__(
        self,
        config: Config,
        topic: str,
        bootstrap: Callable[[], tuple[HostPort, ...]],
        account: "Account | None" = None,
    ) -> None:
        own = replace(config, max_frame=_MOST_FRAME, client_id=f"{config.client_id}-probe")
        self.dialer = Dialer(own, account, APIS)
        self.name = topic
        self.topic: ProbeTopic | None = None
        """None before the first answer."""
        self.error: SourceError | None = None
        """Why it could not be asked for the last time."""
        self._bootstrap = bootstrap
        self._lines: dict[tuple[Use, str, int], BrokerLine] = {}
        self._answered: tuple[str, int] | None = None
        """Who answered last: it is asked first."""
        self._refreshing: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Ask who leads now, once for all who wait for it."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        await asyncio.shield(self._refreshing)

    def leader(self, partition: int, use: Use) -> BrokerLine:
        """Return the connection to a partition's leader.

        Raises:
            Failed: it has none.

        """
        topic = self.topic
        node = -1 if topic is None else topic.leader(partition)
        return self.broker(node, use)

    def broker(self, node: int, use: Use) -> BrokerLine:
        """Return the connection to a broker.

        Raises:
            Failed: it is not known.

        """
        brokers = () if self.topic is None else self.topic.brokers
        found = next((each for each in brokers if each.id == node), None)
        if found is None:
            raise Failed("leader_not_available")
        return self._line(use, found.host, found.port)

    def close(self) -> None:
        """Drop all connections."""
        for line in self._lines.values():
            line.close()

    def _line(self, use: Use, host: str, port: int) -> BrokerLine:
        key = (use, host, port)
        if key not in self._lines:
            self._lines[key] = BrokerLine(self.dialer, host, port)
        return self._lines[key]

    async def _refresh(self) -> None:
        known = () if self.topic is None else self.topic.brokers[:MOST_BROKERS]
        servers = [(each.host, each.port) for each in known]
        servers += [(each.host, each.port) for each in self._bootstrap()]
        servers.sort(key=lambda address: address != self._answered)
        reason: SourceError = SourceUnavailable("the bootstrap servers are not known yet")
        for host, port in dict.fromkeys(servers):
            try:
                self._take(await self._asked(self._line("ask", host, port)))
            except SourceError as error:
                reason = SourceUnavailable(f"{host}:{port}: {error}")
            else:
                self.error, self._answered = None, (host, port)
                return
        self.error = reason

    async def _asked(self, line: BrokerLine) -> ProbeTopic:
        version = await line.version(METADATA)
        topic = request_part(METADATA, "MetadataRequestTopic")(version=version, name=self.name)
        body = METADATA.encode(version, topics=[topic], allow_auto_topic_creation=False)
        message = await line.ask(METADATA, version, body, _METADATA_SECONDS)
        with decoding(METADATA):
            self.dialer.identity.check(message.cluster_id, f"{line.host}:{line.port}")
            self.dialer.identity.learn(message.cluster_id)
            return read_topic(message, self.name)

    def _take(self, topic: ProbeTopic) -> None:
        """Believe an answer; connections to brokers that moved, or are gone, are dropped."""
        self.topic = topic
        bootstrap = {(each.host, each.port) for each in self._bootstrap()}
        wanted = {(each.host, each.port) for each in topic.brokers} | bootstrap
        for key in [key for key in self._lines if key[1:] not in wanted]:
            self._lines.pop(key).close()
