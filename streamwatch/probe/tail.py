"""A consumer without a group of one partition: it commits nothing, and looks at the heads of batches only."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from streamwatch.core.errors import SourceError
from streamwatch.probe.apis import FETCH
from streamwatch.probe.causes import Failed, cause_of_code, cause_of_error
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.line import request_part
from streamwatch.probe.records import Batch, batches
from streamwatch.sources.kafka.apis import Message, decoding

_WAIT_SECONDS: Final = 0.5
"""A broker keeps a fetch for so long where there is nothing new, as it does Kafka's own consumers."""
_SILENT_SECONDS: Final = 2.0
"""Beyond, how long it may take to answer."""
_PAUSE_SECONDS: Final = 0.1
_MOST_BYTES: Final = 65_536
_MOST_ARRIVED: Final = 64
_OFFSET_OUT_OF_RANGE: Final = 1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch, and when it came, by the loop's time."""

    at: float
    batch: Batch


class Tail:
    """Follows the end of a partition from the first record that is expected. Lives on the probe's event loop."""

    def __init__(self, cluster: ProbeCluster, partition: int) -> None:
        self.cause: str = ""
        """Why nothing is fetched now; empty where fetches are answered."""
        self._cluster = cluster
        self._partition = partition
        self._position = -1
        self._is_wanted = asyncio.Event()
        self._arrived: deque[Arrival] = deque(maxlen=_MOST_ARRIVED)
        self._waiting: dict[int, asyncio.Future[Arrival]] = {}

    async def arrival(self, offset: int) -> Arrival:
        """Return the batch with this offset, once it has come; it may have come before the producer knew of it."""
        came = next((each for each in self._arrived if each.batch.first <= offset <= each.batch.last), None)
        if came is not None:
            return came
        if self._position < 0 or self._position > offset:
            self._position = offset
        self._is_wanted.set()
        waiter = self._waiting.setdefault(offset, asyncio.get_running_loop().create_future())
        try:
            return await asyncio.shield(waiter)
        finally:
            self._waiting.pop(offset, None)

    async def run(self) -> None:
        """Fetch, again and again."""
        while True:
            await self._is_wanted.wait()
            try:
                await self._fetch()
                self.cause = ""
            except Failed as failed:
                self.cause = failed.cause
            except SourceError as error:
                self.cause = cause_of_error(error)
            if self.cause:
                await self._cluster.refresh()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _fetch(self) -> None:
        line = self._cluster.leader(self._partition, "fetch")
        version = await line.version(FETCH)
        position = self._position
        message = await line.ask(FETCH, version, self._request(version, position), _WAIT_SECONDS + _SILENT_SECONDS)
        now = asyncio.get_running_loop().time()
        with decoding(FETCH):
            found = self._answered(message)
        if found and self._position == position:  # else somebody expects a record before it
            self._position = found[-1].last + 1
        for batch in found:
            self._take(Arrival(now, batch))

    def _request(self, version: int, position: int) -> bytes:
        partition = request_part(FETCH, "FetchTopic", "FetchPartition")(
            version=version, partition=self._partition, fetch_offset=position, partition_max_bytes=_MOST_BYTES
        )
        topic = request_part(FETCH, "FetchTopic")(version=version, topic=self._cluster.name, partitions=[partition])
        wait = int(_WAIT_SECONDS * 1000)
        return FETCH.encode(version, max_wait_ms=wait, min_bytes=1, max_bytes=_MOST_BYTES, topics=[topic])

    def _answered(self, message: Message) -> list[Batch]:
        code = message.error_code or 0
        parts = [part for topic in message.responses for part in topic.partitions]
        code = code or next((part.error_code for part in parts if part.error_code), 0)
        if code == _OFFSET_OUT_OF_RANGE:
            self._position = min(self._waiting, default=-1)
            if self._position < 0:
                self._is_wanted.clear()
            return []
        if code:
            raise Failed(cause_of_code(code))
        return [batch for part in parts for batch in batches(bytes(part.records or b""))]

    def _take(self, arrival: Arrival) -> None:
        self._arrived.append(arrival)
        for offset in [offset for offset in self._waiting if arrival.batch.first <= offset <= arrival.batch.last]:
            waiter = self._waiting.pop(offset)
            if not waiter.done():
                waiter.set_result(arrival)
