"""The releases of a cluster's brokers, and the metadata version that they have agreed upon."""

import asyncio
from dataclasses import dataclass, field, replace

from streamwatch import __version__
from streamwatch.core.errors import SourceError
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.sources.kafka.apis import API_VERSIONS
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.release import Offer, offer_of


@dataclass(frozen=True, slots=True)
class Releases:
    """What the brokers run; empty where that is not known."""

    oldest: str = ""
    metadata_version: str = ""
    """What is finalized."""
    by_broker: dict[int, str] = field(default_factory=dict)
    """Without brokers whose release is not known."""

    def into(self, snapshot: ClusterSnapshot) -> ClusterSnapshot:
        """Return the snapshot with its fields of these."""
        return replace(snapshot, version=self.oldest, metadata_version=self.metadata_version, releases=self.by_broker)


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
        connection = next((connection for connection in pool.connections.values() if connection.up), None)
        if connection is None or now - self._asked_at < self._config.topic_settings_interval:
            return
        self._asked_at, self._newest = now, Offer()
        try:
            self._newest = await _ask(session, connection)
        except SourceError as error:
            session.problems.append(problem("broker", error, f"broker {connection.name}: finalized features: {error}"))

    def releases(self, pool: BrokerPool) -> Releases:
        """Return what the brokers that are up run."""
        up = {node: pool.connections[node].offer for node in sorted(pool.connections) if pool.connections[node].up}
        if not up:
            return Releases()
        known = {node: offer.release for node, offer in up.items() if offer.release}
        oldest = min(known.values(), key=_ordered) if len(known) == len(up) else ""
        newest = max([self._newest, *up.values()], key=lambda offer: offer.epoch)
        return Releases(oldest, newest.metadata_version, known)


async def _ask(session: ReadSession, connection: BrokerConnection) -> Offer:
    version = connection.versions[API_VERSIONS.key]
    software = {"client_software_name": "streamwatch", "client_software_version": __version__} if version else {}
    answer = await session.ask(connection, API_VERSIONS, API_VERSIONS.encode(version, **software))
    return offer_of(API_VERSIONS.decode(version, answer))


def _ordered(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
