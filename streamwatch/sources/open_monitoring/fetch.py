"""Fetches one page: gzip where the exporter can, within a deadline and a size, whatever the other side does."""

import re
import zlib
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceMisread, SourceUnavailable
from streamwatch.settings.types import HostPort
from streamwatch.sources.open_monitoring.parse import Found, Reader, Unreadable

_CHUNK: Final = 65536
_OK: Final = 200
_GZIP: Final = 16 + zlib.MAX_WBITS


def fetch(  # noqa: PLR0913, PLR0917 - where, what, and the bounds
    address: HostPort, path: str, pattern: re.Pattern[bytes], timeout: float, most_bytes: int, clock: Clock
) -> tuple[Found, int]:
    """Return the wanted series of a page, and how many bytes came.

    Raises:
        SourceError: where, what happened.

    """
    deadline = clock.monotonic() + timeout
    where = f"http://{address}{path}"
    with closing(HTTPConnection(address.host, address.port, timeout=timeout)) as connection:
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Accept": "text/plain"})
            answer = connection.getresponse()
            if answer.status != _OK:
                raise SourceMisread(f"{where}: HTTP status {answer.status}: is this the exporter's port and path?")
            return _read(answer, connection, Reader(pattern), (deadline, timeout, most_bytes, clock), where)
        except TimeoutError as error:
            raise SourceUnavailable(f"{where}: no answer within {timeout:g}s") from error
        except OSError as error:
            raise SourceUnavailable(
                f"{where}: {error.strerror or error}: is the exporter on, and reachable?"
            ) from error
        except HTTPException as error:
            raise SourceMisread(f"{where}: the answer is no HTTP: {type(error).__name__}") from error
        except (Unreadable, zlib.error) as error:
            raise SourceMisread(f"{where}: {error}") from error


def _read(
    answer: HTTPResponse,
    connection: HTTPConnection,
    reader: Reader,
    bounds: tuple[float, float, int, Clock],
    where: str,
) -> tuple[Found, int]:
    deadline, timeout, most_bytes, clock = bounds
    unpack = zlib.decompressobj(_GZIP) if answer.getheader("Content-Encoding", "") == "gzip" else None
    received = unpacked = 0
    while True:
        left = deadline - clock.monotonic()
        if left <= 0:
            raise SourceUnavailable(f"{where}: no answer to its end within {timeout:g}s")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = answer.read1(_CHUNK)
        if not chunk:
            promised = answer.getheader("Content-Length")
            if promised is not None and received < int(promised):
                raise SourceMisread(f"{where}: the page broke off after {received} of {promised} bytes")
            return reader.end(), received
        received += len(chunk)
        while chunk:
            text = unpack.decompress(chunk, _CHUNK) if unpack is not None else chunk
            chunk = unpack.unconsumed_tail if unpack is not None else b""
            unpacked += len(text)
            if unpacked > most_bytes:
                raise SourceMisread(f"{where}: the page is larger than {most_bytes} bytes: raise `max_page`?")
            reader.feed(text)
