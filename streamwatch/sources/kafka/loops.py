"""The event loops of Kafka clusters: a few threads, however many clusters there are.

Up to so many clusters have a loop each. Beyond, they share them: what a cluster's answers cost to decode holds up those
on its loop only.
"""

import asyncio
import threading
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Final, TypeVar
from weakref import WeakSet

from streamwatch.core.tasks import end_tasks
from streamwatch.sources.kafka.pulses import Pulses

MOST_LOOPS: Final = 4
_END_SECONDS: Final = 2.0
_OWNER: Final[ContextVar["LoopShare | None"]] = ContextVar("owner", default=None)

T = TypeVar("T")


class _Loop:
    """A loop in a thread of its own, for as long as anybody has a share of it."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_task_factory(_task)
        self.pulses = Pulses()
        self.shares = 0
        self.thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self.thread.start()

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop)
        self.thread.join(_END_SECONDS)
        if not self.thread.is_alive():
            self.loop.close()

    async def _end(self) -> None:
        """Leave no task that waits, whoever began it: what it had open would be open until it is collected."""
        await end_tasks(asyncio.all_tasks())
        self.loop.stop()


class LoopShare:
    """One cluster's share of a loop: its tasks are known from those of others."""

    def __init__(self, loops: "Loops", owned: _Loop) -> None:
        self._loops, self._owned = loops, owned
        self.loop, self.thread, self.pulses = owned.loop, owned.thread, owned.pulses
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        """Those that run on behalf of the cluster, or did."""
        self.is_closed = False

    def submit(self, coroutine: Coroutine[Any, Any, T], timeout_seconds: float | None = None) -> T:
        """Run this on the loop, and return what it returns; called from another thread.

        Raises:
            TimeoutError: it did not return within the timeout; it is cancelled.
            CancelledError: the share was closed meanwhile.

        """
        found = asyncio.run_coroutine_threadsafe(self._run(coroutine), self.loop)
        try:
            return found.result(timeout_seconds)
        except TimeoutError:
            found.cancel()
            raise

    def close(self, last: Coroutine[Any, Any, None], timeout_seconds: float) -> None:
        """Run this, end every task, and leave the loop, which ends with its last share.

        A loop that hangs is left to the end of the process.
        """
        self.is_closed = True
        found = asyncio.run_coroutine_threadsafe(self._run(self._end(last)), self.loop)
        try:
            found.result(timeout_seconds)
        except TimeoutError:
            found.cancel()
        self._loops.leave(self._owned)

    async def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        _OWNER.set(self)
        task = asyncio.current_task()
        assert task is not None, "it runs"  # noqa: S101 - for the type
        self.tasks.add(task)
        return await coroutine

    async def _end(self, last: Coroutine[Any, Any, None]) -> None:
        await last
        await end_tasks(task for task in self.tasks if not task.done())


class Loops:
    """Hands out shares. May be used from any thread."""

    def __init__(self, most: int = MOST_LOOPS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._loops: list[_Loop] = []

    def share(self, name: str) -> LoopShare:
        """Return a share of a new loop, or of the one with the fewest, where there are enough."""
        with self._lock:
            if len(self._loops) < self._most:
                self._loops.append(_Loop(f"kafka {name}"))
            found = min(self._loops, key=lambda loop: loop.shares)
            found.shares += 1
        return LoopShare(self, found)

    def leave(self, loop: _Loop) -> None:
        """Give a share back."""
        with self._lock:
            loop.shares -= 1
            is_over = not loop.shares
            if is_over:
                self._loops.remove(loop)
        if is_over:
            loop.end()


def _task(loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any) -> asyncio.Task[Any]:  # noqa: ANN401 - as asyncio calls it
    """Make a task, and note on whose behalf it runs: that of the task that makes it."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **named)
    owner = _OWNER.get()
    if owner is not None:
        owner.tasks.add(task)
    return task
