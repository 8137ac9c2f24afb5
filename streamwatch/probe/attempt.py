"""One record on its way: written with acks=all, as often as Kafka's own clients would try, and consumed."""

import asyncio
from contextlib import suppress
from typing import Final, cast

from streamwatch.core.errors import SourceError
from streamwatch.model.probe import Cause, Stage
from streamwatch.probe.apis import PRODUCE
from streamwatch.probe.causes import Failed, cause_of_code, cause_of_error
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.line import request_part
from streamwatch.probe.records import record_batch
from streamwatch.probe.tail import Tail
from streamwatch.sources.kafka.apis import decoding

_PAUSE_SECONDS: Final = 0.1
"""Kafka's own ``retry.backoff.ms``."""
_ALL: Final = -1


class Attempt:
    """A record for one partition. Lives on the probe's event loop."""

    def __init__(self, cluster: ProbeCluster, tail: Tail, partition: int, token: bytes, at_ms: int) -> None:
        self.stage: Stage = "produce"
        self.cause: Cause = "timeout"
        """Of its failure, so far."""
        self.produced_seconds: float | None = None
        self.consumed_seconds: float | None = None
        """None unless it came: then the attempt has succeeded."""
        self._cluster = cluster
        self._tail = tail
        self._partition = partition
        self._token = token
        self._batch = record_batch(token, at_ms)

    async def run(self, seconds: float) -> None:
        """Write and consume it, within so many seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with suppress(TimeoutError, Failed):
            async with asyncio.timeout_at(deadline):
                await self._connect()
                started = loop.time()
                offset = await self._acknowledged(deadline)
                self.produced_seconds = loop.time() - started
                self.stage, self.cause = "consume", "timeout"
                arrival = await self._tail.arrival(offset)
                self.cause = "lost"
                if arrival.batch.may_hold(self._token):
                    self.consumed_seconds = max(arrival.at - started, 0.0)
        if self.stage == "consume" and self.cause == "timeout" and self._tail.cause:
            self.cause = cast("Cause", self._tail.cause)

    async def _connect(self) -> None:
        """Connect where that has not been done: an application's connections are there, too."""
        with suppress(SourceError, Failed):
            await self._cluster.leader(self._partition, "produce").session()

    async def _acknowledged(self, deadline: float) -> int:
        """Return the record's offset, once all in-sync replicas have it."""
        while True:
            try:
                return await self._write(deadline)
            except (Failed, SourceError) as error:
                failed = error if isinstance(error, Failed) else Failed(cause_of_error(error))
                self.cause = failed.cause
                if failed.is_final:
                    raise failed from None
            await self._cluster.refresh()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _write(self, deadline: float) -> int:
        line = self._cluster.leader(self._partition, "produce")
        version = await line.version(PRODUCE)
        left = max(0.001, deadline - asyncio.get_running_loop().time())
        message = await line.ask(PRODUCE, version, self._request(version, left), left + 1)
        with decoding(PRODUCE):
            part = message.responses[0].partition_responses[0]
            if part.error_code:
                raise Failed(cause_of_code(part.error_code))
            return int(part.base_offset)

    def _request(self, version: int, seconds: float) -> bytes:
        data = request_part(PRODUCE, "TopicProduceData", "PartitionProduceData")
        partition = data(version=version, index=self._partition, records=self._batch)
        topic = request_part(PRODUCE, "TopicProduceData")(
            version=version, name=self._cluster.name, partition_data=[partition]
        )
        return PRODUCE.encode(
            version, transactional_id=None, acks=_ALL, timeout_ms=max(1, int(seconds * 1000)), topic_data=[topic]
        )
