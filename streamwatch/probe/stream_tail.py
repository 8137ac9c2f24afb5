"""A reader of one shard of the probe's stream: it reads while a record is expected, and at most four times a second."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.core.errors import SourceError, SourceThrottled
from streamwatch.model.probe import Cause
from streamwatch.probe.stream_calls import StreamCalls
from streamwatch.probe.stream_causes import cause_of

_GAP_SECONDS: Final = 0.25
"""Between two reads of a shard, which may be read five times a second."""
_ANSWER_SECONDS: Final = 2.0
_MOST_RECORDS: Final = 1000
_MOST_ARRIVED: Final = 1024


@dataclass(frozen=True, slots=True)
class StreamArrival:
    """A record, and when it came, by the loop's time."""

    at: float
    data: bytes


class ShardTail:
    """Follows a shard from the first record that is expected. Lives on the probe's event loop."""

    def __init__(self, calls: StreamCalls, shard: str) -> None:
        self.cause: Cause | None = None
        """Why nothing is read now; None where reads are answered."""
        self._calls, self._shard = calls, shard
        self._iterator: str | None = None
        self._arrived: OrderedDict[str, StreamArrival] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[StreamArrival]] = {}
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for a record of it."""
        return not self._waiting

    async def arrival(self, number: str) -> StreamArrival:
        """Return the record with this sequence number, once it has come; a read for another one may have brought it."""
        if number in self._arrived:
            return self._arrived[number]
        waiter: asyncio.Future[StreamArrival] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiter
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_while_wanted())
        try:
            return await waiter
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read_while_wanted(self) -> None:
        while self._waiting:
            try:
                await self._read()
                self.cause = None
            except SourceError as error:
                self.cause = cause_of(error)
                if not isinstance(error, SourceThrottled):
                    self._iterator = None  # it may have expired, or be of a stream that was made again
            await asyncio.sleep(_GAP_SECONDS)

    async def _read(self) -> None:
        if self._iterator is None:
            self._iterator = await self._first_iterator()
        answer = await self._call("GetRecords", {"ShardIterator": self._iterator, "Limit": _MOST_RECORDS}, "Records")
        now = asyncio.get_running_loop().time()
        for record in answer["Records"]:
            self._take(str(record["SequenceNumber"]), StreamArrival(now, bytes(record["Data"])))
        self._iterator = answer.get("NextShardIterator")  # none where the shard is closed, and read to its end

    async def _first_iterator(self) -> str:
        """Return an iterator at the first record that is expected: sequence numbers grow within a shard."""
        place = {
            "StreamName": self._calls.stream,
            "ShardId": self._shard,
            "ShardIteratorType": "AT_SEQUENCE_NUMBER",
            "StartingSequenceNumber": min(self._waiting, key=int),
        }
        return str((await self._call("GetShardIterator", place, "ShardIterator"))["ShardIterator"])

    async def _call(self, operation: str, parameters: dict[str, Any], wants: str) -> dict[str, Any]:
        return await self._calls.call(operation, parameters, wants=(wants,), seconds=_ANSWER_SECONDS)

    def _take(self, number: str, arrival: StreamArrival) -> None:
        self._arrived[number] = arrival
        while len(self._arrived) > _MOST_ARRIVED:
            self._arrived.popitem(last=False)
        waiter = self._waiting.pop(number, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(arrival)


class ShardTails:
    """The readers of the shards in which records are expected."""

    def __init__(self, calls: StreamCalls) -> None:
        self._calls = calls
        self._tails: dict[str, ShardTail] = {}

    def of(self, shard: str) -> ShardTail:
        """Return the reader of a shard; those of which nobody wants anything are forgotten where another one comes."""
        if shard not in self._tails:
            self._tails = {name: tail for name, tail in self._tails.items() if not tail.is_idle}
            self._tails[shard] = ShardTail(self._calls, shard)
        return self._tails[shard]

    def close(self) -> None:
        """Read no more."""
        for tail in self._tails.values():
            tail.close()
