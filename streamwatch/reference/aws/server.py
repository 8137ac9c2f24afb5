"""A reference AWS on loopback: one endpoint, on an event loop in a thread of its own, as a context manager."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.control import CloudControl
from streamwatch.reference.aws.endpoint import MOST_BODY_BYTES, Endpoint
from streamwatch.reference.aws.msk import Msk, MskCluster
from streamwatch.reference.aws.msk_kinds import kind_of
from streamwatch.reference.aws.msk_metrics import NAMESPACE, Point, Sampler
from streamwatch.reference.http import end_tasks, host_and_port, serve, stop

if TYPE_CHECKING:  # who runs streams only does not pay for kafka-python
    from streamwatch.reference.kafka.server import ReferenceKafka

T = TypeVar("T")
_END_SECONDS: Final = 5.0
_MINUTE: Final = 60.0
_TICK_SECONDS: Final = 0.05
_BOOTSTRAP: Final = {
    "PLAINTEXT": "BootstrapBrokerString",
    "TLS": "BootstrapBrokerStringTls",
    "SSL": "BootstrapBrokerStringTls",
    "SASL_SCRAM": "BootstrapBrokerStringSaslScram",
    "IAM": "BootstrapBrokerStringSaslIam",
}
"""What MSK calls the addresses of a listener, by the listener's name."""
_ZOOKEEPER: Final = (1, 2, 3)
"""The ids of the nodes of an ensemble."""


def _put(msk: Msk, points: list[Point], _: Cloud, now: float) -> None:
    for name, dimensions, value, unit in points:
        msk.metrics.put(NAMESPACE, name, dimensions, value, unit, now)


class ReferenceAws:
    """A reference AWS: give boto3 its ``url`` as ``endpoint_url``."""

    def __init__(
        self,
        cloud: Cloud | None = None,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - the reference is the other side of the network
    ) -> None:
        """Nothing listens before it is entered.

        Args:
            cloud: what there is; an empty one that lets everybody in by default.
            port: on loopback; of the system's choice when 0.
            tls: for a client that insists on it.
            clock: Unix seconds; a test may let them pass as it likes.

        """
        self.cloud = cloud or Cloud()
        self.clock = clock
        self._tls = tls
        self._wanted_port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="reference aws", daemon=True)
        self._server: asyncio.Server | None = None
        self._control: asyncio.Server | None = None

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the port cannot be had.

        """
        self._thread.start()
        try:
            self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result()
            for life in (self._measure(), self._live()):
                asyncio.run_coroutine_threadsafe(life, self._loop)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_END_SECONDS)
        self._end()

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        if self._server is None:
            raise RuntimeError("reference aws: it does not run: enter it first")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """What SDKs call the endpoint URL."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def do(self, what: Callable[[Cloud, float], T]) -> T:
        """Look at the cloud or change it, between two requests."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(what(self.cloud, self.clock()))
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result()

    def add_msk(
        self,
        kafka: "ReferenceKafka",
        name: str = "reference",
        level: str = "DEFAULT",
        instance_type: str = "kafka.m7g.large",
    ) -> MskCluster:
        """Let a reference cluster be one of MSK's: its control plane describes it, CloudWatch has its metrics.

        Args:
            kafka: the cluster; it runs.
            name: what MSK calls it.
            level: of enhanced monitoring; serverless clusters have none.
            instance_type: ``kafka.m7g.large`` makes it one of Standard brokers, ``express.m7g.large`` one of Express
                brokers, ``serverless`` one without brokers that anybody sees.

        Raises:
            ValueError: there is no such type.

        """
        release, kind = kafka.spec.release, kind_of(instance_type)

        def add(cloud: Cloud, now: float) -> MskCluster:
            msk = cloud.msk()
            cluster = MskCluster(
                name=name,
                arn=msk.arn_of(name),
                made=now,
                kafka_version=".".join(map(str, release)) + ".0",
                look=kafka.do,
                bootstrap={
                    _BOOTSTRAP[listener.name]: kafka.bootstrap_of(listener.name)
                    for listener in kafka.site.access.listeners
                    if listener.name in _BOOTSTRAP
                },
                hosts=dict.fromkeys(kafka.spec.broker_ids, "127.0.0.1"),
                keepers=dict.fromkeys(kafka.spec.controller_ids if kafka.spec.kraft else _ZOOKEEPER, "127.0.0.1"),
                sampler=Sampler(name, level, kind),
                instance_type=instance_type,
                kraft=kafka.spec.kraft,
            )
            msk.clusters[cluster.arn] = cluster
            return cluster

        return self.do(add)

    def measure_msk(self) -> None:
        """Take the points of every MSK cluster now; done by itself once a minute."""
        for msk in self.do(lambda cloud, _: cloud.msks()):
            for cluster in list(msk.clusters.values()):
                points = cluster.look(cluster.sampler.sample)
                self.do(partial(_put, msk, points))

    def serve_control(self, address: str = "127.0.0.1:0") -> str:
        """Listen for faults; return where.

        Raises:
            OSError: the address cannot be had.
            ValueError: it is no address.

        """
        control = CloudControl(self.cloud, self.clock)
        serving = asyncio.run_coroutine_threadsafe(serve(control, *host_and_port(address)), self._loop)
        self._control = serving.result()
        name = self._control.sockets[0].getsockname()
        return f"{name[0]}:{name[1]}"

    async def _serve(self) -> asyncio.Server:
        endpoint = Endpoint(self.cloud, self.clock)
        return await serve(endpoint, "127.0.0.1", self._wanted_port, most_body_bytes=MOST_BODY_BYTES, tls=self._tls)

    async def _live(self) -> None:
        """Let what is due happen, whether or not anybody calls."""
        while True:
            self.cloud.pass_time(self.clock())
            await asyncio.sleep(_TICK_SECONDS)

    async def _measure(self) -> None:
        """Measure MSK clusters in the middle of every minute."""
        while True:
            await asyncio.sleep(_MINUTE - (self.clock() - _MINUTE / 2) % _MINUTE)
            await self._loop.run_in_executor(None, self.measure_msk)

    async def _close(self) -> None:
        await stop(server for server in (self._server, self._control) if server is not None)
        await end_tasks()
        # A measurement may be under way: it needs the loop.
        await asyncio.get_running_loop().shutdown_default_executor()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()
