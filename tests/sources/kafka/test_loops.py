"""Clusters that share an event loop: each has its own tasks, and ends alone."""

import asyncio
import concurrent.futures
import threading

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.settings.types import HostPort
from streamwatch.sources.kafka import KafkaSource
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.loops import Loops, LoopShare
from tests.conftest import closed_port


async def nothing() -> None:
    pass


async def begin() -> asyncio.Task[None]:
    """Begin something that never ends by itself, and that begins more."""

    async def outer() -> None:
        inner = asyncio.create_task(asyncio.sleep(3600))
        await inner

    task = asyncio.create_task(outer())
    await asyncio.sleep(0)
    return task


def test_beyond_so_many_clusters_share_loops() -> None:
    loops = Loops(2)
    shares = [loops.share(str(at)) for at in range(5)]
    assert len({share.thread for share in shares}) == 2
    for share in shares:
        share.close(nothing(), 5)
    assert not [share for share in shares if share.thread.is_alive()]


def test_who_leaves_takes_its_own_tasks_only() -> None:
    loops = Loops(1)
    one, other = loops.share("one"), loops.share("other")
    gone, stays = one.submit(begin()), other.submit(begin())
    assert len([task for task in one.tasks if not task.done()]) == 2
    one.close(nothing(), 5)
    assert gone.cancelled()
    assert not stays.done()
    assert one.thread.is_alive()
    other.close(nothing(), 5)
    assert stays.cancelled()
    assert not other.thread.is_alive()


def test_who_waits_for_a_cluster_that_leaves_is_let_go() -> None:
    loops = Loops(1)
    one, other = loops.share("one"), loops.share("other")
    began, errors = threading.Event(), list[BaseException]()

    async def wait() -> None:
        began.set()
        await asyncio.sleep(3600)

    def read(share: LoopShare) -> None:
        try:
            share.submit(wait())
        except concurrent.futures.CancelledError as error:
            errors.append(error)

    reader = threading.Thread(target=read, args=(one,))
    reader.start()
    assert began.wait(20)
    one.close(nothing(), 5)
    reader.join(20)
    assert len(errors) == 1
    other.close(nothing(), 5)


@pytest.mark.parametrize("most", [1, 3])
def test_clusters_on_one_loop_are_read_and_closed_one_by_one(most: int) -> None:
    loops = Loops(most)
    configs = [Config(name=f"c{at}", bootstrap=(HostPort("127.0.0.1", closed_port()),)) for at in range(4)]
    sources = [KafkaSource(one, SystemClock(), lambda: None, loops=loops) for one in configs]
    for at, source in enumerate(sources):
        assert {one.read().problems[0].reason for one in sources[at:]} == {"unreachable"}
        source.close()
        source.close()
    assert not [source for source in sources if source._thread.is_alive()]


def test_the_last_share_ends_what_nobody_owns_too() -> None:
    """What it had open would stay open until it is collected."""
    share, waits, ended = Loops(1).share("a"), threading.Event(), threading.Event()

    async def wait() -> None:
        try:
            waits.set()
            await asyncio.sleep(3600)
        finally:
            ended.set()

    tasks: list[asyncio.Task[None]] = []
    share.loop.call_soon_threadsafe(lambda: tasks.append(share.loop.create_task(wait())))
    assert waits.wait(20)
    share.close(nothing(), 180)
    assert ended.is_set()
