"""The probe of one stream as a source: it runs by itself, and is asked for its figures."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.model.kinesis import StreamKey
from streamwatch.model.probe import StreamProbeSnapshot
from streamwatch.model.snapshot import Problem
from streamwatch.probe.stats import Totals
from streamwatch.probe.stream_attempt import StreamAttempt
from streamwatch.probe.stream_calls import StreamCalls
from streamwatch.probe.stream_tail import ShardTails
from streamwatch.sources.account_config import AccountConfig
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.kafka.loops import Loops
from streamwatch.sources.log import reading
from streamwatch.sources.problems import problem

_Result = TypeVar("_Result")
_CLOSE_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 60.0
"""Between descriptions of the stream, where it is known."""
_LOOK_AGAIN_SECONDS: Final = 5.0
_DESCRIBE_SECONDS: Final = 10.0
_TOKEN_BYTES: Final = 16


class StreamProbeSource:
    """Probes one stream from now on. ``read`` and ``close`` may be called from any thread, one at a time."""

    def __init__(self, name: str, config: AccountConfig, clock: Clock, loops: Loops | None = None) -> None:
        """Start the probe.

        Args:
            name: of the source.
            config: whose stream, and how it is probed.
            clock: what time it is.
            loops: whose event loops it shares with other probes; None for one of its own.

        """
        self._name, self._probe, self._clock = name, config.stream_probe, clock
        self._calls = StreamCalls(config.access, config.probed_region, config.stream_probe.stream, clock)
        self._share = (loops or Loops()).share(name)
        self._tails = ShardTails(self._calls)
        self._totals = Totals()
        self._stream: StreamKey | None = None
        self._error: SourceError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._run(self._start())

    def read(self) -> StreamProbeSnapshot:
        """Return what is known by now; nothing is waited for."""
        return self._run(self._figures())

    def close(self) -> None:
        """End the probe and leave the loop; one that hangs is left to the end of the process."""
        if not self._share.is_closed:
            self._share.close(self._close(), _CLOSE_SECONDS)

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self._share.submit(coroutine)

    async def _start(self) -> None:
        reading(self._name)
        self._spawn(self._look())
        self._task = asyncio.create_task(self._write(), name=self._name)

    async def _look(self) -> None:
        """Ask for the stream, again and again: whose it is, and whether it is there."""
        while True:
            try:
                self._stream = await self._described()
                self._error = None
            except SourceError as error:
                self._error = error
            await asyncio.sleep(_LOOK_SECONDS if self._error is None else _LOOK_AGAIN_SECONDS)

    async def _described(self) -> StreamKey:
        answer = await self._calls.call(
            "DescribeStreamSummary", {"StreamName": self._probe.stream}, wants=("StreamDescriptionSummary",),
            seconds=_DESCRIBE_SECONDS,
        )  # fmt: skip
        what = f"kinesis DescribeStreamSummary in {self._calls.region}"
        with taken_apart(what):
            summary = answer["StreamDescriptionSummary"]
            account, status = str(summary["StreamARN"]).split(":")[4], str(summary["StreamStatus"])
        if status == "CREATING":
            raise SourceUnavailable(f"{what}: it is CREATING: records go through it when it is ACTIVE")
        return account, self._calls.region, self._probe.stream

    async def _write(self) -> None:
        """Begin an attempt at every interval, once the stream is known; what is late is left out."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if self._stream is not None:
                self._spawn(self._attempt())
            due = max(due + self._probe.interval, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _attempt(self) -> None:
        attempt = StreamAttempt(self._calls, self._tails, os.urandom(_TOKEN_BYTES))
        await attempt.run(self._probe.timeout)
        self._totals.add(attempt, asyncio.get_running_loop().time())

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _figures(self) -> StreamProbeSnapshot:
        return StreamProbeSnapshot(
            source=self._name,
            stream=self._stream,
            taken_at=self._clock.now(),
            read_seconds=0.0,
            is_up=self._stream is not None and not self._task.done(),
            problems=tuple(self._problems()),
            measured=self._totals.measured(asyncio.get_running_loop().time()),
            calls=self._calls.counts(),
        )

    def _problems(self) -> list[Problem]:
        if self._error is None:
            return []
        remedy = ": make it (`streamwatch doctor` has the command)" if isinstance(self._error, NotThere) else ""
        return [problem("stream", self._error, f"the probe's stream {self._probe.stream!r}: {self._error}{remedy}")]

    async def _close(self) -> None:
        self._tails.close()
        self._calls.close()
