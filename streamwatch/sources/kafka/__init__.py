"""A Kafka cluster, read over its own protocol.

``KafkaSource`` keeps one connection to each broker on an event loop, which many clusters share where there are many;
``read`` blocks its caller until the snapshot is there. Between reads the loop pings the brokers, and wakes whoever
reads.

What needs kafka-python is imported where a source is made: the configuration is declared here, too, and read without.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.model.cluster_settings import ClusterSettings
from streamwatch.model.finding import Finding
from streamwatch.model.kafka import Broker, ClusterSnapshot
from streamwatch.settings.types import HostPort
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.failover import next_read
from streamwatch.sources.kafka.library import import_without_clients
from streamwatch.sources.kafka.loops import Loops
from streamwatch.sources.log import reading

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account
    from streamwatch.sources.kafka.broker_pool import BrokerPool
    from streamwatch.sources.kafka.read import ClusterReader

__all__ = ["Config", "KafkaSource", "check_up"]

_Result = TypeVar("_Result")
_SPARE_SECONDS = 2.0
"""Beyond its deadline and one dial, what a read may take to decode what it got."""
_CLOSE_SECONDS = 2.0


class KafkaSource:
    """Reads one cluster. ``read`` and ``close`` may be called from any thread, one at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - wired in one place
        self,
        config: Config,
        clock: Clock,
        wake: Callable[[], None],
        find: Callable[[], tuple[HostPort, ...]] | None = None,
        account: "Account | None" = None,
        loops: Loops | None = None,
    ) -> None:
        """Start the loop; connections are made by the first read.

        Args:
            config: how the cluster is reached.
            clock: what time it is.
            wake: called, from the loop's thread, when a broker goes down or comes up, and when leaders that do not
                answer must have been replaced; it must return at once.
            find: returns the bootstrap servers where the configuration gives none; may raise SourceError.
            account: whose credentials AWS_MSK_IAM shows; None where they are shared with nobody.
            loops: whose event loops it shares; None for one of its own.

        """
        self.config = config
        self.brokers: tuple[Broker, ...] = ()
        """As the last read found them."""
        self._clock = clock
        self._wake = wake
        self._find = find
        self._account = account
        self._share = (loops or Loops()).share(config.name)
        self._loop, self._thread = self._share.loop, self._share.thread
        self._next: asyncio.TimerHandle | None = None
        """The read that must come before the next interval."""
        self._pool, self._reader = self._run(self._build())

    def read(self) -> ClusterSnapshot:
        """Read the cluster, within the configured deadline and one connection's.

        What could not be read is unknown in the snapshot and one of its problems; with no broker at all the
        snapshot's topology is None.
        """
        if not self.config.bootstrap and self._find is not None:
            try:
                self.config = replace(self.config, bootstrap=self._find())
            except SourceError as error:
                return self._reader.nothing(error)
            self._pool, self._reader = self._run(self._build())
        snapshot = self._run(self._read())
        self.brokers = snapshot.brokers
        return snapshot

    def settings(self, snapshot: ClusterSnapshot) -> ClusterSettings:
        """Return what an audit needs beyond a read; what could not be asked is among its problems.

        It may be called from any thread, while a read is under way, too.
        """
        limit, now = self.config.read_seconds + _SPARE_SECONDS, self._clock.now()
        if self._share.is_closed:
            return ClusterSettings(asked_at=now, problems=("the source is closed",))
        try:
            return self._share.submit(self._ask_settings(snapshot, now), limit)
        except (SourceError, TimeoutError, CancelledError) as error:
            why = str(error) or f"no answer within {limit:g}s"
            return ClusterSettings(asked_at=now, problems=(why,))

    async def _ask_settings(self, snapshot: ClusterSnapshot, now: float) -> ClusterSettings:
        from streamwatch.sources.kafka.cluster_settings import read_cluster_settings  # noqa: PLC0415 - kafka-python
        from streamwatch.sources.kafka.read_session import ReadSession  # noqa: PLC0415 - the same

        reading(self.config.name)
        return await read_cluster_settings(ReadSession(self.config, self._pool.stats), self._pool, snapshot, now)

    def close(self) -> None:
        """Drop all connections and leave the loop; one that hangs is left to the end of the process."""
        if not self._share.is_closed:
            self._share.close(self._close(), _CLOSE_SECONDS)

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self._share.submit(coroutine)

    async def _build(self) -> "tuple[BrokerPool, ClusterReader]":
        import_without_clients()
        from streamwatch.sources.kafka.broker_pool import BrokerPool  # noqa: PLC0415 - kafka-python takes 0.1 s and 8 MB
        from streamwatch.sources.kafka.read import ClusterReader  # noqa: PLC0415 - the same

        reading(self.config.name)
        pool = BrokerPool(self.config, self._wake, self._share.pulses, self._account)
        return pool, ClusterReader(self.config, pool, self._clock)

    async def _read(self) -> ClusterSnapshot:
        reading(self.config.name)
        limit = self.config.read_seconds + self.config.connect_timeout + _SPARE_SECONDS
        try:
            async with asyncio.timeout(limit):
                snapshot = await self._reader.read()
                self._schedule_next_read(snapshot)
                return snapshot
        except SourceError as error:
            return self._reader.nothing(error)
        except TimeoutError:
            return self._reader.nothing(SourceUnavailable(f"no answer to the whole read within {limit:g}s"))

    def _schedule_next_read(self, now: ClusterSnapshot) -> None:
        """See to another read where leaders do not answer, at the time at which they must have been replaced."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        down_since = self._pool.down_since()
        if now.topology is None or now.metadata_frozen or not down_since:
            return
        wait = next_read(down_since, now.topology.leader, self._pool.session_timeout, self._loop.time())
        if wait is not None:
            self._next = self._loop.call_later(wait, self._wake)

    async def _close(self) -> None:
        if self._next is not None:
            self._next.cancel()
        await self._reader.close()
        await self._pool.close()


def check_up(config: Config, report: Callable[[Finding], None]) -> None:
    """Examine how one cluster can be reached and what may be asked of it; yield each finding as it comes."""
    import_without_clients()
    from streamwatch.sources.kafka.doctor import examine  # noqa: PLC0415 - kafka-python takes 0.1 s and 8 MB

    async def run() -> None:
        reading(config.name)
        async for finding in examine(config):
            report(finding)

    asyncio.run(run())
