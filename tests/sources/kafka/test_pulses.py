"""Pulses of several clusters on one event loop: a timer for all, and each on behalf of its own cluster."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar, copy_context

from streamwatch.sources.kafka.apis import METADATA
from streamwatch.sources.kafka.config import Pulse
from streamwatch.sources.kafka.pulses import Pulses
from streamwatch.sources.kafka.wire import InFlightRequest

QUICK = Pulse(interval=0.1, deadline=0.1)
SLOW = Pulse(interval=60.0, deadline=1.0)
CLUSTER: ContextVar[str] = ContextVar("cluster", default="nobody's")


class Broker:
    """Answers at once, or never; notes on whose behalf it is pinged."""

    def __init__(self, *, answers: bool = True) -> None:
        self.pinged: list[str] = []
        self.missed_for: list[str] = []
        self._answers = answers

    def ping(self) -> InFlightRequest:
        self.pinged.append(CLUSTER.get())
        request = InFlightRequest(METADATA, len(self.pinged), flexible=False, sent_bytes=1)
        if self._answers:
            request.answer.set_result(b"")
        return request

    def missed(self, request: InFlightRequest) -> None:
        assert not request.answer.done()
        self.missed_for.append(CLUSTER.get())


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


async def watch(pulses: Pulses, cluster: str, broker: Broker, pulse: Pulse, is_over: asyncio.Event) -> None:
    CLUSTER.set(cluster)
    with pulses.watch(broker, pulse):
        await is_over.wait()


def test_each_is_pinged_on_behalf_of_its_own_cluster_also_when_who_was_first_has_left() -> None:
    async def run() -> None:
        pulses, first, second, ends = Pulses(), Broker(), Broker(), [asyncio.Event(), asyncio.Event()]
        tasks = [
            asyncio.create_task(watch(pulses, "one", first, QUICK, ends[0]), context=copy_context()),
            asyncio.create_task(watch(pulses, "other", second, QUICK, ends[1]), context=copy_context()),
        ]
        await until(lambda: bool(first.pinged and second.pinged))
        assert len(pulses._timers) == 1
        ends[0].set()
        await tasks[0]
        seen = len(first.pinged)
        before = len(second.pinged)
        await until(lambda: len(second.pinged) > before + 2)
        assert len(first.pinged) == seen
        assert set(first.pinged) == {"one"}
        assert set(second.pinged) == {"other"}
        ends[1].set()
        await tasks[1]
        assert not pulses._timers, "nobody is left"
        assert not first.missed_for + second.missed_for

    asyncio.run(run())


def test_who_does_not_answer_is_missed_and_others_are_not() -> None:
    async def run() -> None:
        pulses, good, hung, is_over = Pulses(), Broker(), Broker(answers=False), asyncio.Event()
        tasks = [
            asyncio.create_task(watch(pulses, "good", good, QUICK, is_over)),
            asyncio.create_task(watch(pulses, "hung", hung, QUICK, is_over)),
        ]
        await until(lambda: len(hung.missed_for) > 1)
        assert set(hung.missed_for) == {"hung"}
        assert not good.missed_for
        is_over.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_other_intervals_have_their_own_timer_and_without_pulses_there_is_none() -> None:
    async def run() -> None:
        pulses, broker = Pulses(), Broker()
        with pulses.watch(broker, Pulse(enabled=False)):
            assert not pulses._timers
        with pulses.watch(broker, QUICK), pulses.watch(broker, SLOW):
            assert len(pulses._timers) == 2
        assert not pulses._timers

    asyncio.run(run())
