"""Whose metadata is believed: a broker's that finds an active controller.

A broker that is cut off from the controllers goes on giving the metadata that it had.
"""

import math
from typing import Final

from streamwatch.core.errors import SourceError, SourceForeign
from streamwatch.model.kafka import Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import METADATA
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.metadata import Metadata, MetadataReader
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.quorum import Opinion, ask_quorum
from streamwatch.sources.kafka.read_session import ReadSession

_WITNESSES: Final = 3
"""How many more brokers are asked when one finds no controller, before we say that there is none."""


class Authority:
    """Reads metadata from the broker that was believed last, as long as it finds a controller."""

    def __init__(self, pool: BrokerPool) -> None:
        self.connection: BrokerConnection | None = None
        """To the broker that was believed last; None before the first."""
        self._pool = pool
        self._metadata = MetadataReader()

    async def read(self, session: ReadSession) -> tuple[Metadata, Opinion]:
        """Ask a broker for the metadata, and for proof that a controller stands behind it.

        A broker that finds none is believed only when no other finds one, either. Returns the metadata, and what is
        known of the controllers.

        Raises:
            SourceError: no broker gave its metadata.

        """
        connections = await self._pool.first()
        connections.sort(key=lambda connection: connection is not self.connection)
        errors: list[SourceError] = []
        for connection in connections:
            try:
                metadata = await self._metadata_of(session, connection)
            except SourceForeign as error:  # and a problem of the connection's, for as long as it lasts
                errors.append(error)
                continue
            except SourceError as error:
                errors.append(error)
                session.problems.append(problem("broker", error, f"broker {connection.name}: metadata: {error}"))
                continue
            self.connection = connection
            others = [other for other in connections if other is not connection and other.up]
            opinion = await self._quorum(session, connection, metadata)
            if not opinion.final:
                metadata, opinion = await self._second_opinion(session, metadata, opinion, others)
            if opinion.problem:
                session.problems.append(opinion.problem)
            session.problems += metadata.problems
            return metadata, opinion
        raise errors[0]

    async def newer(self, session: ReadSession) -> Topology | None:
        """Return the topology as it is by now; None where nobody says."""
        try:
            connection = (await self._pool.first())[0]
            body = await session.ask(connection, METADATA, _all_topics(connection))
            return MetadataReader().read(body, connection.version(METADATA)).topology
        except SourceError as error:
            session.problems.append(problem("cluster", error, f"metadata again: {error}"))
            return None

    async def _second_opinion(
        self, session: ReadSession, metadata: Metadata, first: Opinion, connections: list[BrokerConnection]
    ) -> tuple[Metadata, Opinion]:
        """Ask other brokers, all at once, when one finds no controller, or cannot say whether there is one."""
        calls = {connection: ask_quorum(session, connection, metadata) for connection in connections[:_WITNESSES]}
        opinions = await session.all(
            calls, lambda connection, e: problem("broker", e, f"broker {connection.name}: controller: {e}")
        )
        for connection in [connection for connection, opinion in opinions.items() if opinion.active == 1]:
            try:
                newer = await self._metadata_of(session, connection)
            except SourceError as error:
                session.problems.append(problem("broker", error, f"broker {connection.name}: metadata: {error}"))
            else:
                self.connection = connection
                return newer, opinions[connection]
        unsure = [opinion for opinion in (first, *opinions.values()) if opinion.active != 0]
        if unsure:
            return metadata, unsure[0]
        detail = f"{1 + len(opinions)} brokers find no active controller: the metadata is as it was when there was one"
        return metadata, Opinion(0.0, problem=Problem("cluster", "unreachable", detail))

    async def _metadata_of(self, session: ReadSession, connection: BrokerConnection) -> Metadata:
        version = connection.version(METADATA)
        metadata = self._metadata.read(await session.ask(connection, METADATA, _all_topics(connection)), version)
        self._pool.accept(metadata.cluster_id, connection)
        return metadata

    async def _quorum(self, session: ReadSession, connection: BrokerConnection, metadata: Metadata) -> Opinion:
        """Return what this broker knows of the controllers; that it did not answer is no word about them."""
        try:
            return await ask_quorum(session, connection, metadata)
        except SourceError as error:
            detail = f"broker {connection.name}: whether a controller is active: {error}"
            return Opinion(math.nan, problem=problem("cluster", error, detail))


def _all_topics(connection: BrokerConnection) -> bytes:
    return METADATA.encode(connection.version(METADATA), topics=None, allow_auto_topic_creation=False)
