"""One connection: frames in pieces, answers in order, and nothing larger than allowed."""

import asyncio
import struct
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from streamwatch.core.errors import SourceError, SourceMisread, SourceUnavailable
from streamwatch.sources.kafka.answer_budget import AnswerBudget
from streamwatch.sources.kafka.apis import API_VERSIONS, METADATA
from streamwatch.sources.kafka.wire import KafkaConnection, open_connection

T = TypeVar("T")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def with_server(serve: Serve, use: Callable[[KafkaConnection], Awaitable[T]], max_frame: int = 1000) -> T:
    """Run a server for one connection, and something that uses it."""

    async def run() -> T:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            port = server.sockets[0].getsockname()[1]
            connection = await open_connection(
                "127.0.0.1", port, tls=None, client_id="test", max_frame=max_frame, budget=AnswerBudget(max_frame)
            )
            async with asyncio.timeout(10):
                return await use(connection)
        finally:
            connection.close(SourceUnavailable("the test is over"))
            server.close()
            await server.wait_closed()

    return asyncio.run(run())


async def request(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    """Read one request: its key, version, correlation id and the rest."""
    size = struct.unpack(">i", await reader.readexactly(4))[0]
    frame = await reader.readexactly(size)
    key, version, correlation = struct.unpack_from(">hhi", frame)
    return key, version, correlation, frame[8:]


def answer(correlation: int, body: bytes, *, flexible: bool = True) -> bytes:
    payload = struct.pack(">i", correlation) + (b"\0" if flexible else b"") + body
    return struct.pack(">i", len(payload)) + payload


def test_a_request_has_its_header_and_an_answer_its_body() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        key, version, correlation, rest = await request(reader)
        seen.append((key, version, rest))
        writer.write(answer(correlation, b"hello"))
        await writer.drain()
        await reader.read()

    async def use(connection: KafkaConnection) -> bytes:
        exchange = connection.send(METADATA, 12, b"body")
        got = await exchange.answer
        assert (exchange.sent_bytes, exchange.received_bytes) == (4 + 8 + 2 + 4 + 1 + 4, 4 + 4 + 1 + 5)
        return got

    assert with_server(serve, use) == b"hello"
    assert seen == [(3, 12, b"\0\4test\0body")]


def test_the_answer_to_api_versions_never_has_the_longer_header() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, _, correlation, _ = await request(reader)
        writer.write(answer(correlation, b"plain", flexible=False))
        await reader.read()

    async def use(connection: KafkaConnection) -> bytes:
        return await connection.send(API_VERSIONS, 3, b"").answer

    assert with_server(serve, use) == b"plain"


def test_answers_arrive_in_pieces_of_any_size() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        correlations = [(await request(reader))[2] for _ in range(3)]
        stream = b"".join(answer(c, f"answer {c}".encode()) for c in correlations)
        for i in range(len(stream)):
            writer.write(stream[i : i + 1])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async def use(connection: KafkaConnection) -> list[bytes]:
        exchanges = [connection.send(METADATA, 12, b"") for _ in range(3)]
        return list(await asyncio.gather(*(exchange.answer for exchange in exchanges)))

    assert with_server(serve, use) == [b"answer 1", b"answer 2", b"answer 3"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda _: struct.pack(">i", 1001), "1001 bytes", id="larger_than_allowed"),
        pytest.param(lambda _: struct.pack(">i", -1), "-1 bytes", id="negative_length"),
        pytest.param(lambda _: struct.pack(">i", 3), "3 bytes", id="no_room_for_a_header"),
        pytest.param(lambda c: answer(c + 1, b""), "was due", id="another_correlation"),
        pytest.param(lambda c: answer(c, b"") + answer(c, b""), "nothing asked", id="an_answer_too_many"),
        pytest.param(lambda c: struct.pack(">iib", 5, c, 1), "tagged fields", id="a_header_with_tags"),
    ],
)
def test_what_is_not_the_protocol_ends_the_connection(spoil: Callable[[int], bytes], message: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, _, correlation, _ = await request(reader)
        writer.write(spoil(correlation))
        await writer.drain()
        await reader.read()

    async def use(connection: KafkaConnection) -> SourceError:
        connection.send(METADATA, 12, b"")
        return await connection.lost

    lost = with_server(serve, use)
    assert isinstance(lost, SourceMisread)
    assert message in str(lost)


def test_a_connection_that_closes_fails_everything_on_its_way() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await request(reader)

    async def use(connection: KafkaConnection) -> list[bytes | BaseException]:
        exchanges = [connection.send(METADATA, 12, b"") for _ in range(2)]
        results = list(await asyncio.gather(*(e.answer for e in exchanges), return_exceptions=True))
        with pytest.raises(SourceUnavailable):
            connection.send(METADATA, 12, b"")
        return results

    results = with_server(serve, use)
    assert all(isinstance(result, SourceUnavailable) for result in results)


def test_nobody_there_is_told() -> None:
    async def use() -> None:
        await open_connection("127.0.0.1", 1, tls=None, client_id="test", max_frame=100, budget=AnswerBudget(100))

    with pytest.raises(SourceUnavailable, match="no connection"):
        asyncio.run(use())


def test_what_is_only_announced_costs_nothing() -> None:
    announced = 100 * 2**20

    async def use() -> int:
        connection = KafkaConnection("test", announced, AnswerBudget(announced))
        connection.trust()
        tracemalloc.start()
        try:
            connection.data_received(struct.pack(">i", announced) + bytes(1000))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert asyncio.run(use()) < 2**16


@pytest.mark.parametrize("size", [2**20 + 1, 100 * 2**20])
def test_a_broker_that_has_not_let_the_agent_in_gets_small_frames_only(size: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(struct.pack(">i", size))
        await writer.drain()
        await reader.read()

    async def use(connection: KafkaConnection) -> SourceError:
        connection.send(METADATA, 12, b"")
        return await connection.lost

    lost = with_server(serve, use, max_frame=100 * 2**20)
    assert isinstance(lost, SourceMisread)
    assert f"a frame of {size} bytes: allowed are 4 to 1048576 (before the broker let the agent in)" in str(lost)


def test_a_broker_that_has_let_the_agent_in_gets_large_ones() -> None:
    body = bytes(range(256)) * 2**14

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, _, correlation, _ = await request(reader)
        writer.write(answer(correlation, body))
        await writer.drain()
        await reader.read()

    async def use(connection: KafkaConnection) -> bytes:
        connection.trust()
        return await connection.send(METADATA, 12, b"").answer

    assert with_server(serve, use, max_frame=100 * 2**20) == body
