"""The end of asyncio's tasks, and of what they have open."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_TURNS: Final = 3


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks of the running loop, but the one that runs, and wait for them and for what they close."""
    left = set(tasks) - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await next_turns()


async def next_turns() -> None:
    """Let the loop turn: what was dropped, also by who was connecting, closes its sockets in its next turns."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
