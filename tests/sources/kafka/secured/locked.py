"""A prepared cluster behind TLS and SASL, and with faults on the wire that it does not have by itself."""

import asyncio
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from streamwatch.core.clock import SystemClock
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.apis import API_VERSIONS, SASL_AUTHENTICATE, SASL_HANDSHAKE, KafkaApi
from streamwatch.sources.kafka.config import Pulse
from tests.addresses import servers
from tests.prepared import ALL_ANSWERS, BY_KEY, PreparedCluster, Truth
from tests.prepared_answers import Message
from tests.sources.kafka.secured.locks import Exchange, Lock, Refused

LARGEST = 2**20
"""What is announced as larger is not the protocol: a broker cuts it off."""
UNSUPPORTED_MECHANISM, SASL_FAILED = 33, 58

Spoil = Callable[[bytes], bytes]
Change = Callable[[Message], None]


@dataclass
class Door:
    """One connection: who is at it, and whether it is open."""

    exchange: Exchange | None = None
    open_until: float = 0.0


class LockedCluster(PreparedCluster):
    """The brokers of a truth, behind locks."""

    def __init__(self, truth: Truth, *, tls: ssl.SSLContext | None = None, lock: Lock | None = None) -> None:
        super().__init__(truth)
        self.tls = tls
        self.lock = lock
        self.spoilt: dict[tuple[int, str], Spoil] = {}
        """By broker and API: what is sent instead of an answer's frame, before the connection closes."""
        self.changed: dict[tuple[int, str], Change] = {}
        """By broker and API: what is changed in an answer."""
        self.garbled: dict[tuple[int, str], Spoil] = {}
        """By broker and API: what is made of an answer's body."""
        self.delay: dict[int, float] = {}
        """By broker: seconds before each answer."""
        self.most_waiting = 0
        """The most requests that waited for an answer on one connection."""
        self.too_late = 0
        """Requests on sessions that had ended."""

    def refuse(self, broker: int) -> None:
        """Cut every connection of a broker, and listen no more."""
        asyncio.run_coroutine_threadsafe(self._refuse(broker), self._loop).result(10)

    def listen_again(self, broker: int) -> None:
        asyncio.run_coroutine_threadsafe(self._listen(broker, self.truth.ports[broker]), self._loop).result(10)

    async def _start(self) -> None:
        self._servers = [await self._listen(broker, 0) for broker in self.truth.brokers]

    async def _listen(self, broker: int, port: int) -> asyncio.Server:
        serve = partial(self._serve, broker)
        server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=self.tls)
        self.truth.ports[broker] = server.sockets[0].getsockname()[1]
        if port:
            self._servers[self.truth.brokers.index(broker)] = server
        return server

    async def _refuse(self, broker: int) -> None:
        self._servers[self.truth.brokers.index(broker)].close()
        for at, writer in list(self._writers):
            if at == broker:
                writer.transport.abort()

    async def _serve(self, broker: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add((broker, writer))
        frames = asyncio.Queue[bytes]()
        answering = asyncio.create_task(self._answer_all(broker, frames, writer))
        try:
            while (size := struct.unpack(">i", await reader.readexactly(4))[0]) <= LARGEST:
                frames.put_nowait(await reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            answering.cancel()
            self._writers.discard((broker, writer))
            writer.close()

    async def _answer_all(self, broker: int, frames: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        door = Door(open_until=0.0 if self.lock else float("inf"))
        try:
            while True:
                frame = await frames.get()
                await asyncio.sleep(self.delay.get(broker, 0.0))
                self.most_waiting = max(self.most_waiting, 1 + frames.qsize())
                await self._answer_one(broker, frame, writer, door)
        except (ConnectionError, ssl.SSLError):
            writer.close()

    async def _answer_one(self, broker: int, frame: bytes, writer: asyncio.StreamWriter, door: Door) -> None:
        api = BY_KEY[struct.unpack_from(">h", frame)[0]]
        if api in {SASL_HANDSHAKE, SASL_AUTHENTICATE}:
            await self._login(api, frame, writer, door)
            return
        if api is not API_VERSIONS and door.open_until < self._loop.time():
            self.too_late += door.open_until > 0
            raise ConnectionError
        sink = _Sink()
        await self._answer(broker, frame, cast("asyncio.StreamWriter", sink))
        spoil = self.spoilt.get((broker, api.name))
        writer.write(spoil(bytes(sink.data)) if spoil else bytes(sink.data))
        await writer.drain()
        if spoil:
            raise ConnectionError

    async def _login(self, api: KafkaApi, frame: bytes, writer: asyncio.StreamWriter, door: Door) -> None:
        _, version, correlation, size = struct.unpack_from(">hhih", frame)
        flexible = api.flexible(version)
        asked = api.request.decode(frame[10 + size + flexible :], version=version)
        self.asked[api.name] += 1
        answer = self._handshake(asked, door) if api is SASL_HANDSHAKE else self._authenticate(version, asked, door)
        body = struct.pack(">i", correlation) + (b"\0" if flexible else b"") + bytes(answer.encode())
        writer.write(struct.pack(">i", len(body)) + body)
        await writer.drain()
        if answer.error_code:
            raise ConnectionError

    def _handshake(self, asked: Message, door: Door) -> Message:
        assert self.lock is not None
        known = asked.mechanism in self.lock.mechanisms
        door.exchange = self.lock.begin(asked.mechanism) if known else None
        code = 0 if known else UNSUPPORTED_MECHANISM
        return SASL_HANDSHAKE.response(version=1, error_code=code, mechanisms=list(self.lock.mechanisms))

    def _authenticate(self, version: int, asked: Message, door: Door) -> Message:
        assert self.lock is not None
        assert door.exchange is not None
        kind = partial(SASL_AUTHENTICATE.response, version=version)
        try:
            said, done = door.exchange.step(bytes(asked.auth_bytes))
        except Refused as refusal:
            return kind(error_code=SASL_FAILED, error_message=str(refusal), auth_bytes=b"", session_lifetime_ms=0)
        lasts = self.lock.session_ms if done else 0
        if done:
            door.open_until = self._loop.time() + lasts / 1000 if lasts else float("inf")
        return kind(error_code=0, error_message=None, auth_bytes=said, session_lifetime_ms=lasts)

    def _body(self, broker: int, api: KafkaApi, version: int, body: bytes) -> bytes | None:
        encoded = super()._body(broker, api, version, body)
        change, garble = self.changed.get((broker, api.name)), self.garbled.get((broker, api.name))
        if change is not None:
            asked = api.request.decode(body, version=version)
            answer: Any = ALL_ANSWERS[api.name](self.truth, self.faults[broker], broker, version, asked)
            change(answer)
            encoded = bytes(answer.encode())
        return garble(encoded) if garble and encoded is not None else encoded


class _Sink:
    """Takes an answer before it is sent."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> None:
        self.data += data

    async def drain(self) -> None: ...

    def close(self) -> None: ...


@contextmanager
def reading(
    cluster: PreparedCluster | str, wake: Callable[[], None] = lambda: None, **settings: Any
) -> Iterator[KafkaSource]:
    """A source on a cluster, or on an address, in a hurry."""
    plain: dict[str, Any] = {
        "name": "locked",
        "bootstrap": servers((cluster,) if isinstance(cluster, str) else cluster.bootstrap),
        "deadline": 3.0,
        "request_timeout": 0.5,
        "connect_timeout": 1.0,
        "pulse": Pulse(interval=0.1, deadline=0.3),
    }
    source = KafkaSource(Config(**(plain | settings)), SystemClock(), wake)
    try:
        yield source
    finally:
        source.close()
