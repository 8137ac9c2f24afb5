"""A small HTTP/1.1 server on asyncio: for exporter pages, control and AWS's APIs; a framework would be too much."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

_MOST_HEAD_BYTES: Final = 65536
_MOST_BODY_BYTES: Final = 2**20
_IDLE_SECONDS: Final = 60.0
_MOST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the path is without its query, the names of headers are in small letters."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer."""

    body: str | bytes
    kind: str = "text/plain; charset=utf-8"
    """Its content type; empty for none."""
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: AsyncGenerator[bytes, None] | None = None
    """What follows the body, as it comes; the answer ends with it."""
    after: float = 0.0
    """Seconds to wait before it is given."""
    cut: int | None = None
    """Break off after so many bytes of the body."""


class _Bad(Exception):
    """A request that cannot be understood."""


def host_and_port(address: str) -> tuple[str, int]:
    """Take an address apart.

    Raises:
        ValueError: it is none; says how it is written. One without a host would be every address of the machine.

    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _MOST_PORT:
        raise ValueError(f"{address!r} is no address: write HOST:PORT, as in 127.0.0.1:0 for a port that is free")
    return host, int(port)


async def serve(
    answer: Callable[[Asked], HttpAnswer | None],
    host: str,
    port: int,
    *,
    most_body_bytes: int = _MOST_BODY_BYTES,
    tls: ssl.SSLContext | None = None,
) -> asyncio.Server:
    """Listen, and answer each request with what the function returns; the connection is dropped without an answer."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _one(answer, reader, writer, most_body_bytes):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()  # TLS would wait for the other side's farewell
        finally:
            writer.close()

    return await asyncio.start_server(accept, host, port, limit=_MOST_HEAD_BYTES, ssl=tls)


async def stop(servers: Iterable[asyncio.Server]) -> None:
    """Close listeners; what they had accepted begins first, as asyncio would forget it with its socket open."""
    closing = list(servers)
    loop = asyncio.get_running_loop()
    for listening in (sock for server in closing for sock in server.sockets):
        loop.remove_reader(listening.fileno())
    for _ in range(3):
        await asyncio.sleep(0)
    for server in closing:
        server.close()


async def end_tasks() -> None:
    """Cancel every other task of the loop, and let what they dropped close its sockets in the loop's next turns."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for _ in range(3):
        await asyncio.sleep(0)


def _checked(text: str, most: int) -> int:
    size = int(text)
    if not 0 <= size <= most:
        raise _Bad(f"a body of {size} bytes, where {most} is the most")
    return size


async def _one(
    answer: Callable[[Asked], HttpAnswer | None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int
) -> bool:
    """Answer one request; return whether the connection may be used again."""
    async with asyncio.timeout(_IDLE_SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    keep = False
    try:
        line, *rest = head.split("\r\n")
        method, target, version = line.split(" ")
        fields = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        if fields.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with asyncio.timeout(_IDLE_SECONDS):
            body = await _body(reader, fields, most)
        path, _, query = target.partition("?")
        page = answer(Asked(method, path, query, body, fields))
        if page is None:
            return False
        keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    except (ValueError, _Bad) as error:
        page = HttpAnswer(f"bad request: {error}\n", status=HTTPStatus.BAD_REQUEST)
    return await _give(page, writer, keep=keep)


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str], most: int) -> bytes:
    if fields.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(_checked(fields.get("content-length", "0"), most))
    parts: list[bytes] = []
    left = most
    while True:
        size = _checked(str(int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)), left)
        part = await reader.readexactly(size + 2)
        if not size:
            return b"".join(parts)
        parts.append(part[:-2])
        left -= size


async def _give(page: HttpAnswer, writer: asyncio.StreamWriter, *, keep: bool) -> bool:
    if page.after:
        await asyncio.sleep(page.after)
    data = page.body.encode() if isinstance(page.body, str) else page.body
    length = "Transfer-Encoding: chunked" if page.parts is not None else f"Content-Length: {len(data)}"
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        *([f"Content-Type: {page.kind}"] if page.kind else []),
        length,
        f"Connection: {'keep-alive' if keep else 'close'}",
        *(f"{name}: {value}" for name, value in page.headers.items()),
    ]
    start = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if page.parts is not None:
        await _give_parts(start, data, page.parts, writer)
        return keep
    if page.cut is not None:
        writer.write(start + data[: page.cut])
        keep = False
    else:
        writer.write(start + data)
    await writer.drain()
    return keep


async def _give_parts(
    start: bytes, data: bytes, parts: AsyncGenerator[bytes, None], writer: asyncio.StreamWriter
) -> None:
    writer.write(start + _chunk(data))
    await writer.drain()
    async with aclosing(parts) as given:
        async for part in given:
            writer.write(_chunk(part))
            await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
