"""Calls of Kinesis from the probe's event loop: boto3 blocks, so each is made in a thread of a pool."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.model.kinesis import CallCount
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.session import Account, SourceCalls

_ATTEMPTS: Final = 1
"""Of botocore: the probe tries again by itself, and knows why."""
_MOST_CALLS: Final = 32
"""At once: as many as two a second of which none is answered before botocore gives up, and what reads."""


class StreamCalls:
    """Calls about one stream. Lives on the probe's event loop."""

    def __init__(self, access: AwsAccess, region: str, stream: str, clock: Clock) -> None:
        """Prepare; nothing is called.

        Args:
            access: who the agent is; the probe has a session of its own.
            region: where the stream is.
            stream: its name.
            clock: for deadlines.

        """
        self.region, self.stream = region, stream
        self._clock = clock
        self._end = threading.Event()
        self._calls = SourceCalls(Account(access, clock, _ATTEMPTS), clock, self._end.wait)
        self._pool = ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix=f"probe {stream}")

    async def call(
        self, operation: str, parameters: Mapping[str, Any], *, wants: tuple[str, ...], seconds: float
    ) -> dict[str, Any]:
        """Call an operation, that must begin within so many seconds; who no longer waits leaves it to its end.

        Raises:
            SourceError: what happened.

        """
        call = partial(
            self._calls.call, "kinesis", self.region, operation, parameters, wants=wants,
            deadline=self._clock.monotonic() + seconds,
        )  # fmt: skip
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def counts(self) -> tuple[CallCount, ...]:
        """Return what was called since the start."""
        return self._calls.counts()

    def close(self) -> None:
        """Begin no more calls; those under way end by themselves, within botocore's own timeouts."""
        self._end.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
