"""Fetches one page: gzip where the exporter can, within a deadline and a size, whatever the other side does."""

import re
import zlib
from http.client import HTTPResponse
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceMisread, SourceUnavailable
from streamwatch.http.transport import Deadline, Transport, TransportError, exchange
from streamwatch.settings.types import HostPort
from streamwatch.sources.open_monitoring.parse import ExpositionParser, Series, Unreadable

_CHUNK: Final = 65536
_OK: Final = 200
_GZIP: Final = 16 + zlib.MAX_WBITS
_HEADERS: Final = {"Accept-Encoding": "gzip", "Accept": "text/plain"}


def fetch(  # noqa: PLR0913, PLR0917 - where, what, and the bounds
    address: HostPort, path: str, pattern: re.Pattern[bytes], timeout: float, most_bytes: int, clock: Clock
) -> tuple[Series, int]:
    """Return the wanted series of a page, and how many bytes came.

    Raises:
        SourceError: where, what happened.

    """
    url, deadline = f"http://{address}{path}", Deadline(timeout, clock)
    try:
        with exchange("GET", url, deadline=deadline, transport=Transport(), headers=_HEADERS) as response:
            if response.status != _OK:
                raise SourceMisread(f"{url}: HTTP status {response.status}: is this the exporter's port and path?")
            return _read(response, ExpositionParser(pattern), most_bytes)
    except TransportError as error:
        if not error.is_http:
            raise SourceMisread(f"{url}: {error}") from error.__cause__
        remedy = "" if error.is_late else ": is the exporter on, and reachable?"
        raise SourceUnavailable(f"{url}: {error}{remedy}") from error.__cause__
    except (Unreadable, zlib.error) as error:
        raise SourceMisread(f"{url}: {error}") from error


def _read(response: HTTPResponse, reader: ExpositionParser, most_bytes: int) -> tuple[Series, int]:
    """Return the wanted series, and how many bytes came.

    Raises:
        Unreadable: the page is too large, breaks off, or is none.

    """
    unpack = zlib.decompressobj(_GZIP) if response.getheader("Content-Encoding", "") == "gzip" else None
    received = unpacked = 0
    while chunk := response.read1(_CHUNK):
        received += len(chunk)
        while chunk:
            text = unpack.decompress(chunk, _CHUNK) if unpack is not None else chunk
            chunk = unpack.unconsumed_tail if unpack is not None else b""
            unpacked += len(text)
            if unpacked > most_bytes:
                raise Unreadable(f"the page is larger than {most_bytes} bytes: raise `max_page`?")
            reader.feed(text)
    if response.length:
        raise Unreadable(f"the page broke off after {received} of {received + response.length} bytes")
    return reader.end(), received
