"""A reference cluster that runs: its brokers on ports of their own, driven by the clock, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar

from streamwatch.reference.http import Asked, HttpAnswer, end_tasks, host_and_port, serve, stop
from streamwatch.reference.kafka.control import ClusterControl
from streamwatch.reference.kafka.jmx_page import jmx_page
from streamwatch.reference.kafka.node import Node
from streamwatch.reference.kafka.node_page import node_page
from streamwatch.reference.kafka.site import Access, Site
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kafka.wire import offered

T = TypeVar("T")

_START_SECONDS: Final = 30.0


def wall_clock() -> Callable[[], float]:
    """Return a clock of Unix seconds that never goes back."""
    offset = time.time_ns() / 1e9 - time.monotonic()
    return lambda: time.monotonic() + offset


class ReferenceKafka:
    """A cluster as a context manager: ``with ReferenceKafka(Spec()) as kafka: ... kafka.bootstrap``."""

    def __init__(
        self,
        spec: Spec | None = None,
        access: Access | None = None,
        *,
        host: str = "127.0.0.1",
        first_port: int = 0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Nothing listens before it is entered.

        Args:
            spec: what it is made of.
            access: who may come in.
            host: where it listens.
            first_port: of the first broker; of the system's choice when 0.
            clock: Unix seconds that never go back; a test may put them forward, and calls ``do`` then.

        """
        self.spec = spec or Spec()
        self._host = host
        self._first_port = first_port
        self.site = Site(self.spec, access or Access(), clock or wall_clock())
        self.site.offered = offered(self.spec.release)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reference-kafka", daemon=True)
        self._nodes: dict[int, Node] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = float("inf")
        self._servers: list[asyncio.Server] = []
        self._following: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._soon(self._start())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything; harmless when it has been."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            self._soon(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_START_SECONDS)
        self._loop.close()

    # Where it is, and how to change it

    @property
    def bootstrap(self) -> str:
        """The addresses of all brokers on the first listener."""
        return self.bootstrap_of(self.site.access.listeners[0].name)

    def bootstrap_of(self, listener: str) -> str:
        """The addresses of all brokers on a listener."""
        return ",".join(f"{h}:{p}" for h, p in (self.site.addresses[b, listener] for b in self.spec.broker_ids))

    def do(self, change: Callable[[Site, float], T]) -> T:
        """Look at the cluster, or change it, between two of its own steps; return what the function returned."""

        async def run() -> T:
            answer = change(self.site, self.site.clock())
            self.pulse()
            while self._following:
                await asyncio.gather(*self._following)
            return answer

        return self._soon(run())

    def serve_control(self, address: str = "127.0.0.1:0") -> str:
        """Listen for faults; return where.

        Raises:
            OSError: the address cannot be had.
            ValueError: it is no address.

        """
        host, port = host_and_port(address)

        def answer(asked: Asked) -> HttpAnswer:
            page = ClusterControl(self.site)(asked)
            self.pulse()
            return page

        return self._soon(self._serve(answer, host, port))

    def serve_pages(self) -> dict[int, tuple[str, str]]:
        """Serve what open monitoring of MSK serves; return the addresses of (JMX, node) pages by broker."""
        return {
            number: (
                self._soon(self._serve(partial(jmx_page, self.site, number), self._host, 0)),
                self._soon(self._serve(partial(node_page, self.site, number), self._host, 0)),
            )
            for number in self.spec.broker_ids
        }

    async def _serve(self, answer: Callable[[Asked], HttpAnswer | None], host: str, port: int) -> str:
        server = await serve(answer, host, port)
        self._servers.append(server)
        bound = server.sockets[0].getsockname()
        return f"{bound[0]}:{bound[1]}"

    # Its life

    async def _start(self) -> None:
        for number, broker in self.site.cluster.brokers.items():
            self._nodes[number] = Node(self.site, broker, self.pulse)
        listeners = self.site.access.listeners
        for i, node in enumerate(self._nodes.values()):
            await node.listen(self._host, self._ports(i, [listener.name for listener in listeners]))
        self.pulse()

    def _ports(self, index: int, listeners: list[str]) -> dict[str, int]:
        """Return the ports of a broker: P, P + 1, ... for the first listener, then those of the next."""
        if not self._first_port:
            return {}
        return {name: self._first_port + at * self.spec.brokers + index for at, name in enumerate(listeners)}

    async def _stop(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        await stop(self._servers)
        for node in self._nodes.values():
            await node.close()
        await end_tasks()

    def _soon(self, what: Coroutine[object, object, T]) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return future.result(_START_SECONDS)

    def pulse(self) -> None:
        """Follow the model: broken brokers, moved coordinators, and when it wants to be woken next."""
        cluster = self.site.cluster
        cluster.timers.run(self.site.clock())
        if cluster.moved:
            self.site.settle()
        switched, cluster.switched = cluster.switched, []
        for broker in switched:
            task = asyncio.ensure_future(self._nodes[broker.id].follow(self._host))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        self._arm(cluster.timers.next)

    def _arm(self, due: float | None) -> None:
        if due is None or (self._alarm is not None and self._alarm_at <= due):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        delay = max(0.0, due - self.site.clock())
        self._alarm = self._loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, float("inf")
        self.pulse()
