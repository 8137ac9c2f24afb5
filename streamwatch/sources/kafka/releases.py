"""The releases of a cluster's brokers, and the metadata version that they have agreed upon."""

import asyncio

from streamwatch import __version__
from streamwatch.core.errors import SourceError
from streamwatch.sources.kafka.apis import API_VERSIONS
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.release import Offer, offer_of


class ReleaseReader:
    """Takes what each session began with; one broker is asked again now and then, for features change meanwhile."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._newest = Offer()
        """The answer to the last such question."""
        self._asked_at: float | None = None

    async def refresh(self, session: ReadSession, pool: BrokerPool) -> None:
        """Ask one broker anew when it is time to."""
        now = asyncio.get_running_loop().time()
        if self._asked_at is None:
            self._asked_at = now  # The sessions are as new as the source.
        connection = next((one for one in pool.connections.values() if one.up), None)
        if connection is None or now - self._asked_at < self._config.topic_settings_interval:
            return
        self._asked_at, self._newest = now, Offer()
        try:
            self._newest = await _ask(session, connection)
        except SourceError as error:
            session.problems.append(problem("broker", error, f"broker {connection.name}: finalized features: {error}"))

    def releases(self, pool: BrokerPool) -> dict[int, str]:
        """Return the release of each broker that is up and of which it is known."""
        connections = {node: pool.connections[node] for node in sorted(pool.connections) if pool.connections[node].up}
        return {node: connection.offer.release for node, connection in connections.items() if connection.offer.release}

    def cluster(self, pool: BrokerPool) -> tuple[str, str]:
        """Return the oldest release that a broker runs, and the metadata version; empty where that is not known."""
        offers = [connection.offer for connection in pool.connections.values() if connection.up]
        if not offers:
            return "", ""
        releases = [offer.release for offer in offers]
        oldest = "" if "" in releases else min(releases, key=_ordered)
        return oldest, max([self._newest, *offers], key=lambda offer: offer.epoch).metadata_version


async def _ask(session: ReadSession, connection: BrokerConnection) -> Offer:
    version = connection.versions[API_VERSIONS.key]
    software = {"client_software_name": "streamwatch", "client_software_version": __version__} if version else {}
    answer = await session.ask(connection, API_VERSIONS, API_VERSIONS.encode(version, **software))
    return offer_of(API_VERSIONS.decode(version, answer))


def _ordered(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
