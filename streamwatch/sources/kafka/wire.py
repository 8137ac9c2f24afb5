"""One TCP or TLS connection to a broker: frames out, frames in, in order.

kafka-python's own parser decodes every answer into objects; here the bytes are handed on as they came, because an
answer that equals the last one is not decoded at all.
"""

import asyncio
import ssl
import struct
from collections import deque
from io import BytesIO
from typing import Final

from streamwatch.core.errors import SourceError, SourceMisread, SourceUnavailable
from streamwatch.sources.kafka.answer_budget import AnswerBudget
from streamwatch.sources.kafka.apis import API_VERSIONS, KafkaApi

_LENGTH: Final = struct.Struct(">i")
_HEADER: Final = struct.Struct(">ihhi")
_TLS_ALERT: Final = 0x1503
"""What a TLS record of that kind begins with: a TLS listener sends one to whoever talks to it in the clear."""
_STRANGERS_FRAME: Final = 2**20
"""The largest answer of a broker that has not let the agent in: the brokers of a cluster of thousands take less."""


class Refused(SourceUnavailable):
    """Nothing listens at the address."""


class InFlightRequest:
    """One request on its way: what it asks, when it left, and the answer to come."""

    __slots__ = ("answer", "api", "correlation", "flexible", "received_bytes", "sent_at", "sent_bytes")

    def __init__(self, api: KafkaApi, correlation: int, *, flexible: bool, sent_bytes: int) -> None:
        self.api = api
        self.correlation = correlation
        self.flexible = flexible
        self.sent_at = asyncio.get_running_loop().time()
        self.sent_bytes = sent_bytes
        self.received_bytes = 0
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()


class KafkaConnection(asyncio.Protocol):
    """Sends requests and pairs answers with them; a broker answers one connection's requests in their order.

    Lives on one event loop and is not thread-safe. Once lost it stays lost: ``lost`` then holds why.
    """

    def __init__(self, client_id: str, max_frame: int, budget: AnswerBudget) -> None:
        """Prepare; asyncio connects it.

        Args:
            client_id: as brokers see it.
            max_frame: the largest answer that is accepted, once the broker has let the agent in.
            budget: of the cluster's answers; this connection takes its share of it.

        """
        name = client_id.encode()
        self._client_id = struct.pack(">h", len(name)) + name
        self._max_frame = max_frame
        self._budget = budget
        self._transport: asyncio.Transport | None = None
        self._correlation = 0
        self._allowed = min(max_frame, _STRANGERS_FRAME)
        self._head = bytearray()
        """What has arrived of a frame's length, correlation id and, where they are due, tagged fields."""
        self._head_bytes = _LENGTH.size
        self._body: BytesIO | None = None
        """What has arrived of a body: it grows with that, and is the answer without being copied."""
        self._body_bytes = 0
        self.in_flight: deque[InFlightRequest] = deque()
        self.lost: asyncio.Future[SourceError] = asyncio.get_running_loop().create_future()
        self._received_at = 0.0
        """When anything came last, by the loop's time."""

    def silent_since(self, request: InFlightRequest) -> float:
        """Return since when the broker has been silent over a request: since it was sent, or anything came."""
        return max(request.sent_at, self._received_at)

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS session; None for a connection in the clear."""
        found: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object") if self._transport else None
        return found

    def trust(self) -> None:
        """Accept answers of every size that is configured: until the broker let the agent in, it gets small ones."""
        self._allowed = self._max_frame

    def send(self, api: KafkaApi, version: int, body: bytes) -> InFlightRequest:
        """Send one request; its answer's body (without the header) comes as ``request.answer``.

        Raises:
            SourceError: the connection is lost.

        """
        if self.lost.done():
            raise self.lost.result()
        assert self._transport is not None  # noqa: S101 - a connection is handed out only when it is made
        self._correlation = (self._correlation + 1) & 0x7FFFFFFF
        flexible = api.flexible(version)
        tail = self._client_id + b"\0" if flexible else self._client_id
        size = _HEADER.size - _LENGTH.size + len(tail) + len(body)
        # The answer to ApiVersions never has the longer header: a broker may not know yet what the client can read.
        longer = flexible and api is not API_VERSIONS
        request = InFlightRequest(api, self._correlation, flexible=longer, sent_bytes=size + _LENGTH.size)
        self.in_flight.append(request)
        # One write: in Python 3.12 and later, writelines never gets rid of a part that is empty.
        self._transport.write(_HEADER.pack(size, api.key, version, self._correlation) + tail + body)
        return request

    def close(self, reason: SourceError) -> None:
        """Drop the connection at once; everything in flight fails with this reason."""
        self._lose(reason)
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls:

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - the loop's promise
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is in flight."""
        reason = "the broker closed the connection" if exc is None else f"the connection broke: {exc}"
        self._lose(SourceUnavailable(reason))

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames and hand each to the request it answers."""
        self._received_at = asyncio.get_running_loop().time()
        view = memoryview(data)
        try:
            while view:
                view = view[self._take(view) :]
        except SourceMisread as error:
            self.close(error)

    def _take(self, view: memoryview) -> int:
        """Move some bytes of the stream into the current frame; return how many."""
        if self._body is None:
            used = min(self._head_bytes - len(self._head), len(view))
            self._head += view[:used]
            if len(self._head) == self._head_bytes:
                self._read_head()
            return used
        used = min(self._body_bytes - self._body.tell(), len(view))
        self._budget.take(used)
        self._body.write(view[:used])
        if self._body.tell() == self._body_bytes:
            self._deliver(self._body)
        return used

    def _read_head(self) -> None:
        """Check as much of a frame's head as has arrived: nothing is kept of a frame that no request is waiting for."""
        size = _LENGTH.unpack_from(self._head)[0]
        if size > self._max_frame and size >> 16 == _TLS_ALERT:
            raise SourceMisread("a TLS alert instead of an answer: does this listener want TLS? See `tls`")
        if not 4 <= size <= self._allowed:  # noqa: PLR2004 - the correlation id
            limit = "max_frame" if self._allowed == self._max_frame else "before the broker let the agent in"
            raise SourceMisread(f"a frame of {size} bytes: allowed are 4 to {self._allowed} ({limit})")
        if len(self._head) == _LENGTH.size:
            self._head_bytes = 2 * _LENGTH.size
            return
        if not self.in_flight:
            raise SourceMisread("an answer that nothing asked for")
        request = self.in_flight[0]
        correlation = _LENGTH.unpack_from(self._head, _LENGTH.size)[0]
        if correlation != request.correlation:
            raise SourceMisread(f"answer {correlation} where {request.correlation} ({request.api.name}) was due")
        whole = 2 * _LENGTH.size + request.flexible
        if len(self._head) < whole <= size + _LENGTH.size:
            self._head_bytes = whole
            return
        if request.flexible and (len(self._head) < whole or self._head[-1]):
            raise SourceMisread(f"{request.api.name}: an answer's header with tagged fields")
        self._body, self._body_bytes = BytesIO(), size + _LENGTH.size - whole
        if not self._body_bytes:
            self._deliver(self._body)

    def _deliver(self, body: BytesIO) -> None:
        """Hand the answer to the request that waits for it: it was checked that it is the first one's."""
        request = self.in_flight.popleft()
        request.received_bytes = len(self._head) + self._body_bytes
        self._head.clear()
        self._head_bytes, self._body = _LENGTH.size, None
        if not request.answer.done():
            request.answer.set_result(body.getvalue())

    def _lose(self, reason: SourceError) -> None:
        if self.lost.done():
            return
        self.lost.set_result(reason)
        for request in self.in_flight:
            if not request.answer.done():
                request.answer.set_exception(reason)
                request.answer.exception()  # whoever waited may be gone: then nobody else would look at it
        self.in_flight.clear()


async def open_connection(  # noqa: PLR0913 - what a connection is made of
    host: str, port: int, *, tls: ssl.SSLContext | None, client_id: str, max_frame: int, budget: AnswerBudget
) -> KafkaConnection:
    """Connect, with TLS where a context is given; the caller sets the deadline.

    Raises:
        SourceUnavailable: no connection.
        ssl.SSLError: no trust; the caller distinguishes why.

    """
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(
            lambda: KafkaConnection(client_id, max_frame, budget),
            host,
            port,
            ssl=tls,
            server_hostname=host if tls else None,
        )
    except ssl.SSLError:
        raise
    except OSError as error:
        why = error.strerror or str(error) or "cut off"
        if tls is not None and isinstance(error, ConnectionResetError | ConnectionAbortedError):
            why += " in the TLS handshake: is this the TLS listener's port?"
        kind = Refused if isinstance(error, ConnectionRefusedError) else SourceUnavailable
        raise kind(f"no connection: {why}") from error
    return connection
