"""Writes a record a second through each broker, and looks how that ends."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.probe.attempt import Attempt
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.shaper import Shaper
from streamwatch.probe.stats import ProbeStats
from streamwatch.probe.tail import Tail
from streamwatch.probe.topic import ProbeTopic, covers
from streamwatch.sources.probe_config import KafkaProbe

_LOOK_SECONDS: Final = 5.0
"""Between questions who leads, where nothing fails."""
_TOKEN_BYTES: Final = 16


class ClusterProber:
    """One cluster's probe. Lives on the probe's event loop; an attempt that waits keeps no other waiting."""

    def __init__(
        self, cluster: ProbeCluster, config: KafkaProbe, clock: Clock, stats: ProbeStats, shaper: Shaper | None
    ) -> None:
        self.covers: dict[int, int] = {}
        """The partition through which each broker is probed."""
        self._cluster = cluster
        self._config = config
        self._clock = clock
        self._stats = stats
        self._shaper = shaper
        self._topic: ProbeTopic | None = None
        self._tails: dict[int, tuple[Tail, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.Task[None] | None = None
        self._looked_at = float("-inf")

    async def run(self) -> None:
        """Begin an attempt through each broker at every interval; what is late is left out, not caught up with."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._cluster.dialer.budget.begin_read()
            self._look_if_due(loop.time())
            self._follow()
            self._begin()
            due = max(due + self._config.interval, loop.time())
            await asyncio.sleep(due - loop.time())

    def _look_if_due(self, now: float) -> None:
        if (self._look is None or self._look.done()) and (self._topic is None or now - self._looked_at > _LOOK_SECONDS):
            self._looked_at = now
            self._look = self._spawn(self._look_at_topic())

    async def _look_at_topic(self) -> None:
        await self._cluster.refresh()
        if self._shaper is not None and self._cluster.error is None:
            await self._shaper.look()

    def _follow(self) -> None:
        """Take a new answer of who leads: which partitions are written, and read."""
        topic = self._cluster.topic
        if topic is None or topic is self._topic:
            return
        self._topic = topic
        self.covers = covers(topic, self.covers)
        for broker in (*(each.id for each in topic.brokers), *self.covers):
            self._stats.see(broker)
        wanted = set(self.covers.values())
        left = self._config.timeout + self._config.interval
        for partition in [partition for partition in self._tails if partition not in wanted]:
            _, task = self._tails.pop(partition)
            asyncio.get_running_loop().call_later(left, task.cancel)  # records on their way are still to be consumed
        for partition in wanted - self._tails.keys():
            tail = Tail(self._cluster, partition)
            self._tails[partition] = (tail, self._spawn(tail.run()))

    def _begin(self) -> None:
        """Begin an attempt through each broker, spread over the interval: records that meet delay each other."""
        apart = self._config.interval / max(1, len(self.covers))
        for at, (broker, partition) in enumerate(sorted(self.covers.items())):
            self._spawn(self._attempt(broker, partition, self._tails[partition][0], at * apart))

    async def _attempt(self, broker: int, partition: int, tail: Tail, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        attempt = Attempt(self._cluster, tail, partition, os.urandom(_TOKEN_BYTES), int(self._clock.now() * 1000))
        await attempt.run(self._config.timeout)
        self._stats.add(broker, attempt, asyncio.get_running_loop().time())

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
