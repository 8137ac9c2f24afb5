"""One client's connection to one broker: frames in, answers out, in order; every phase of a request is timed."""

import asyncio
import logging
import struct
from typing import Any, Final

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers import HANDLERS
from streamwatch.reference.kafka.handlers.context import Context, Reply
from streamwatch.reference.kafka.login import ANONYMOUS, AUTHENTICATE, HANDSHAKE, AuthenticatedClient
from streamwatch.reference.kafka.quotas import FETCH, PRODUCE, REQUEST
from streamwatch.reference.kafka.request_channel import RequestChannel
from streamwatch.reference.kafka.site import KafkaListener
from streamwatch.reference.kafka.tls import principal_of
from streamwatch.reference.kafka.wire import Answer, BadFrame, KafkaRequest, can_throttle, decode, encode
from streamwatch.reference.timers import Later

log = logging.getLogger(__name__)

_LENGTH: Final = struct.Struct(">i")
_BEFORE_LOGIN_BYTES: Final = 2**19
_PRODUCE, _FETCH = 0, 1


class _Gone(Exception):
    """The connection is to be closed, for a reason."""


class ClientConnection:
    """A connection and its login. Requests are taken one at a time, as Kafka's brokers do."""

    def __init__(
        self,
        channel: RequestChannel,
        listener: KafkaListener,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._channel = channel
        self._listener = listener
        self._reader = reader
        self._writer = writer
        peer = writer.get_extra_info("peername")
        self._host = str(peer[0]) if peer else "unknown"
        certificate = writer.get_extra_info("peercert")
        principal = principal_of(certificate) if certificate else ANONYMOUS
        self._login = AuthenticatedClient(listener, channel.site.access.credentials, principal)

    async def serve(self) -> None:
        """Answer until the client goes, or does what a broker does not forgive."""
        try:
            while not self._login.is_refused:
                frame = await self._frame()
                await self._channel.awake.wait()
                await self._turn(frame)
            self._channel.measures.failed_authentications[self._listener.name] += 1
        except (asyncio.IncompleteReadError, ConnectionError, OSError):
            pass
        except (_Gone, BadFrame) as reason:
            log.info("broker %s closes the connection of %s: %s", self._channel.broker.id, self._host, reason)
        except Exception:
            log.exception("broker %s fails the request of %s", self._channel.broker.id, self._host)
        finally:
            self._writer.close()

    async def _frame(self) -> bytes:
        size = _LENGTH.unpack(await self._reader.readexactly(4))[0]
        most = self._channel.site.cluster.settings.number("socket.request.max.bytes")
        if self._login.principal is None:
            most = min(most, _BEFORE_LOGIN_BYTES)
        if not 0 < size <= most:
            raise _Gone(f"a frame of {size} bytes")
        self._channel.measures.network(size + 4, 0, self._channel.broker.dropped_share)
        return await self._reader.readexactly(size)

    async def _turn(self, frame: bytes) -> None:
        """Queue a request, handle it, wait for what it waits for, send the answer."""
        channel, clock = self._channel, self._channel.site.clock
        received = clock()
        async with channel.queue:
            channel.measures.queue_size += 1
            try:
                await channel.handlers.acquire()
            finally:
                channel.measures.queue_size -= 1
        taken = clock()
        try:
            request = decode(frame, channel.site.offered)
            if not self._login.may_ask(request.key, taken):
                if self._login.has_expired(taken):
                    channel.measures.expired_connections[self._listener.name] += 1
                raise _Gone(f"{request.name} without a valid login")
            reply = await self._handle(request)
        finally:
            channel.handlers.release()
            channel.measures.busy.mark(clock() - taken, clock())
        handled = clock()
        answer = await _awaited(reply) if isinstance(reply, Later) else reply
        channel.pulse()
        ready = clock()
        await channel.awake.wait()
        if answer is None:
            return
        throttle = self._throttle(request, frame, answer, handled - taken, ready)
        await self._send(request, answer, (received, taken, handled, ready, throttle))

    async def _handle(self, request: KafkaRequest) -> Reply:
        """Do what a handler thread does; as slowly as the broker is."""
        channel, site = self._channel, self._channel.site
        fault = site.fault(channel.broker.id, request.name)
        pause = channel.broker.slow_seconds + (fault.delay_seconds if fault else 0.0)
        if pause:
            await asyncio.sleep(pause)
        now = site.clock()
        handler = HANDLERS.get(request.key)
        if handler is None and request.key not in {HANDSHAKE, AUTHENTICATE}:
            raise _Gone(f"{request.name} is listed, as by a real broker, and left out")
        if handler is None:
            return self._login.answer(request, now)
        principal = self._login.principal or ANONYMOUS
        context = Context(site, channel.broker, request, self._listener.name, principal, self._host, now)
        if fault is not None and fault.code:
            context.injected = fault.code
        reply = handler(context)
        if context.injected and not isinstance(reply, Later) and reply is not None:
            reply = _spoilt(reply, context.injected)
        channel.pulse()
        return reply

    def _throttle(self, request: KafkaRequest, frame: bytes, answer: Answer, busy: float, now: float) -> float:
        """Return for how many seconds this client is to be kept waiting by its quotas."""
        quotas, broker = self._channel.site.quotas, self._channel.broker.id
        if not quotas.limits:
            return 0.0
        who = ((self._login.principal or ANONYMOUS).removeprefix("User:"), request.client_id)
        seconds = quotas.throttle(broker, REQUEST, who, busy * 100, now)
        if request.key == _PRODUCE:
            used = quotas.throttle(broker, PRODUCE, who, len(frame), now)
            self._channel.measures.throttled["Produce"] = used * 1000
            seconds = max(seconds, used)
        elif request.key == _FETCH:
            size = sum(len(p["records"]) for topic in answer["responses"] for p in topic["partitions"])
            used = quotas.throttle(broker, FETCH, who, size, now)
            self._channel.measures.throttled["Fetch"] = used * 1000
            seconds = max(seconds, used)
        return seconds

    async def _send(
        self, request: KafkaRequest, answer: Answer, times: tuple[float, float, float, float, float]
    ) -> None:
        """Send an answer, and then nothing for as long as the client is throttled (KIP-219)."""
        received, taken, handled, ready, throttle = times
        channel, clock = self._channel, self._channel.site.clock
        if throttle and can_throttle(request):
            answer = {**answer, "throttle_time_ms": int(throttle * 1000)}
        channel.measures.response_queue_size += 1
        data = encode(request, answer)
        channel.measures.response_queue_size -= 1
        sending = clock()
        self._writer.write(data)
        await self._writer.drain()
        done = clock()
        channel.measures.network(0, len(data), channel.broker.dropped_share)
        phases = (
            done - received,
            taken - received,
            handled - taken,
            ready - handled,
            sending - ready,
            done - sending,
            throttle,
        )
        name = "FetchConsumer" if request.key == _FETCH else request.name
        channel.measures.request(name, request.version, request.size, phases, done)
        if throttle:
            await asyncio.sleep(throttle)


def _spoilt(answer: Any, code: Code) -> Any:  # noqa: ANN401 - a tree of mappings and lists
    """Return an answer in which every error code is this one."""
    if isinstance(answer, dict):
        return {
            name: code if name in {"error_code", "partition_error_code"} else _spoilt(value, code)
            for name, value in answer.items()
        }
    return [_spoilt(one, code) for one in answer] if isinstance(answer, list) else answer


async def _awaited(later: Later[Answer]) -> Answer:
    """Wait for an answer of the model's."""
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def pass_on(answer: Answer) -> None:
        if not future.done():
            future.set_result(answer)

    later.then(pass_on)
    return await future
