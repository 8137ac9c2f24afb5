"""One record on its way through a stream: written as often as AWS's SDKs would try, and consumed."""

import asyncio
from contextlib import suppress
from typing import Final

from streamwatch.core.errors import SourceError
from streamwatch.model.probe import Cause, Stage
from streamwatch.probe.causes import Failed
from streamwatch.probe.stream_calls import StreamCalls
from streamwatch.probe.stream_causes import failed
from streamwatch.probe.stream_tail import ShardTails

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.6
"""The pause doubles: a stream that is throttled is not helped by a probe."""


class StreamAttempt:
    """A record of random bytes; its partition key is random, too, so that every shard has its turn."""

    def __init__(self, calls: StreamCalls, tails: ShardTails, token: bytes) -> None:
        self.stage: Stage = "produce"
        self.cause: Cause = "timeout"
        """Of its failure, so far."""
        self.produced_seconds: float | None = None
        self.consumed_seconds: float | None = None
        """None unless it came: then the attempt has succeeded."""
        self._calls, self._tails, self._token = calls, tails, token

    async def run(self, seconds: float) -> None:
        """Write and consume it, within so many seconds."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        with suppress(TimeoutError, Failed):
            async with asyncio.timeout_at(started + seconds):
                shard, number = await self._acknowledged(started + seconds)
                self.produced_seconds = loop.time() - started
                await self._consume(shard, number, started)

    async def _consume(self, shard: str, number: str, started: float) -> None:
        self.stage, self.cause = "consume", "timeout"
        tail = self._tails.of(shard)
        try:
            arrival = await tail.arrival(number)
        except asyncio.CancelledError:  # the time is over
            self.cause = tail.cause or "timeout"
            raise
        self.cause = "lost"
        if arrival.data == self._token:
            self.consumed_seconds = max(arrival.at - started, 0.0)

    async def _acknowledged(self, deadline: float) -> tuple[str, str]:
        """Return the shard and the sequence number that the record has got."""
        record = {"StreamName": self._calls.stream, "Data": self._token, "PartitionKey": self._token.hex()}
        pause = _FIRST_PAUSE_SECONDS
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                answer = await self._calls.call(
                    "PutRecord", record, wants=("ShardId", "SequenceNumber"), seconds=max(left, 0.001)
                )
            except SourceError as error:
                why = failed(error)
                self.cause = why.cause
                if why.is_final:
                    raise why from None
            else:
                return str(answer["ShardId"]), str(answer["SequenceNumber"])
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
