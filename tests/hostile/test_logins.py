"""Brokers that mean harm before they have let the agent in: within the TLS handshake, and within SASL's frames."""

import asyncio
import random
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest

from streamwatch.core.errors import SourceError
from streamwatch.settings.types import Secret
from streamwatch.sources.kafka import Config
from streamwatch.sources.kafka.apis import API_VERSIONS, SASL_HANDSHAKE
from streamwatch.sources.kafka.config import KafkaTls, Sasl
from streamwatch.sources.kafka.dial import Dialer
from tests.addresses import servers

MIB = 2**20
SASL = Sasl(mechanism="SCRAM-SHA-512", username="u", password=Secret("p"))
Attack = Callable[[int], AsyncIterator[bytes]]
"""Yields what is sent, for a request of that correlation id; what has no end goes on until the agent hangs up."""


async def noise(_: int) -> AsyncIterator[bytes]:
    chance = random.Random(7)
    while True:
        yield chance.randbytes(16_384)


async def dripping_frame(number: int) -> AsyncIterator[bytes]:
    for byte in struct.pack(">ii", 100_000, number) + bytes(100_000):
        yield bytes([byte])
        await asyncio.sleep(0.05)  # that is the attack


async def huge_length(number: int) -> AsyncIterator[bytes]:
    yield struct.pack(">ii", 2**31 - 1, number)
    while True:
        yield bytes(16_384)


async def large_frame(number: int) -> AsyncIterator[bytes]:
    yield struct.pack(">ii", MIB - 64, number)
    while True:
        yield bytes(16_384)


async def endless_frames(number: int) -> AsyncIterator[bytes]:
    while True:
        yield struct.pack(">ii", 8, number) + bytes(4)
        number += 1


async def endless_records(_: int) -> AsyncIterator[bytes]:
    """TLS records, each as it should be, of one handshake message of 16 MiB."""
    yield struct.pack(">BHH", 22, 0x0303, 4) + b"\x02\xff\xff\xff"
    while True:
        yield struct.pack(">BHH", 22, 0x0303, 16_384) + bytes(16_384)


async def empty_records(_: int) -> AsyncIterator[bytes]:
    while True:
        yield struct.pack(">BHH", 22, 0x0303, 0) * 100


async def dripping_record(_: int) -> AsyncIterator[bytes]:
    for byte in struct.pack(">BHH", 22, 0x0303, 16_384) + b"\x02" + bytes(16_383):
        yield bytes([byte])
        await asyncio.sleep(0.05)  # that is the attack


async def long_record(_: int) -> AsyncIterator[bytes]:
    yield struct.pack(">BHH", 22, 0x0303, 65_535)
    while True:
        yield bytes(16_384)


def answer(request: bytes, body: bytes) -> bytes:
    """Return the frame that answers a request, of an API whose answers have the old head."""
    return struct.pack(">i", len(body) + 4) + request[4:8] + body


def versions() -> bytes:
    kind = API_VERSIONS.response
    spans = ((3, 0, 12), (17, 0, 1), (18, 0, 3), (36, 0, 2))
    keys = [kind.ApiVersion(version=3, api_key=k, min_version=a, max_version=b) for k, a, b in spans]
    return bytes(kind(version=3, error_code=0, api_keys=keys).encode())


def welcome() -> bytes:
    return bytes(SASL_HANDSHAKE.response(version=1, error_code=0, mechanisms=["SCRAM-SHA-512"]).encode())


class Broker:
    """Behaves for some requests, and attacks at the next."""

    def __init__(self, attack: Attack, *, behaves_for: int | None) -> None:
        """Begin.

        Args:
            attack: what it sends.
            behaves_for: how many requests it answers as a broker does before; None: it attacks at once.

        """
        self._attack, self._behaves_for = attack, behaves_for
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            number = 0
            if self._behaves_for is not None:
                for body in (versions(), welcome())[: self._behaves_for]:
                    writer.write(answer(await self._request(reader), body))
                number = struct.unpack(">i", (await self._request(reader))[4:8])[0]
            async for part in self._attack(number):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)  # the agent is on this loop, too
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        (length,) = struct.unpack(">i", await reader.readexactly(4))
        return await reader.readexactly(length)


def attacked(broker: Broker, **settings: object) -> tuple[SourceError, int]:
    """Dial it; return what the agent says, and the most memory that was held meanwhile."""

    async def run() -> SourceError:
        server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        config = Config(name="hostile", bootstrap=servers([f"{host}:{port}"]), connect_timeout=2.0, **settings)  # type: ignore[arg-type]
        async with server, asyncio.timeout(180):
            with pytest.raises(SourceError) as found:
                await Dialer(config).dial(host, port)
            while not broker.ended:  # noqa: ASYNC110 - until the agent has hung up
                await asyncio.sleep(0)
        return found.value

    tracemalloc.start()
    try:
        return asyncio.run(run()), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "attack", [noise, endless_records, empty_records, dripping_record, long_record, huge_length, dripping_frame]
)
def test_a_tls_handshake_that_means_harm_ends_in_time_and_costs_little(attack: Attack) -> None:
    error, held = attacked(Broker(attack, behaves_for=None), tls=KafkaTls())
    assert len(str(error)) < 500
    assert held < 8 * MIB


@pytest.mark.parametrize("attack", [noise, huge_length, large_frame, endless_frames, dripping_frame])
@pytest.mark.parametrize("behaves_for", [0, 1, 2])
def test_frames_of_a_login_that_mean_harm_end_in_time_and_cost_little(attack: Attack, behaves_for: int) -> None:
    """At the negotiation, at the handshake of SASL, and at its first round."""
    error, held = attacked(Broker(attack, behaves_for=behaves_for), sasl=SASL)
    assert len(str(error)) < 500
    assert held < 8 * MIB
