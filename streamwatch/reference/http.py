"""A small HTTP/1.1 server on asyncio: for exporter pages and for control, where a framework would be too much."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

_MOST_HEAD_BYTES: Final = 16384
_MOST_BODY_BYTES: Final = 2**20
_IDLE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the path is without its query."""

    method: str
    path: str
    query: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    body: str
    kind: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK


class _Bad(Exception):
    """A request that cannot be understood."""


async def serve(answer: Callable[[Asked], Page], host: str, port: int) -> asyncio.Server:
    """Listen, and answer each request with what the function returns."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _one(answer, reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(accept, host, port, limit=_MOST_HEAD_BYTES)


def _checked(size: int) -> int:
    if not 0 <= size <= _MOST_BODY_BYTES:
        raise _Bad(f"a body of {size} bytes")
    return size


async def _one(answer: Callable[[Asked], Page], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; return whether the connection may be used again."""
    async with asyncio.timeout(_IDLE_SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    keep = False
    try:
        line, *rest = head.split("\r\n")
        method, target, version = line.split(" ")
        fields = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        size = int(fields.get("content-length", "0"))
        async with asyncio.timeout(_IDLE_SECONDS):
            body = await reader.readexactly(_checked(size))
        path, _, query = target.partition("?")
        page = answer(Asked(method, path, query, body))
        keep = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    except (ValueError, _Bad) as error:
        page = Page(f"bad request: {error}\n", status=HTTPStatus.BAD_REQUEST)
    data = page.body.encode()
    connection = "keep-alive" if keep else "close"
    start = f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\nContent-Type: {page.kind}\r\n"
    writer.write(f"{start}Content-Length: {len(data)}\r\nConnection: {connection}\r\n\r\n".encode() + data)
    await writer.drain()
    return keep
