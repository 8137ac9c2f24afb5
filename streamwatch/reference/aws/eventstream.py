"""Messages of an AWS event stream (application/vnd.amazon.eventstream)."""

import struct
import zlib
from collections.abc import Mapping

KIND = "application/vnd.amazon.eventstream"
_STRING = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message: lengths, their checksum, headers, payload, a checksum of all."""
    headers_block = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(headers_block) + len(payload), len(headers_block))
    start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers_block + payload
    return start + struct.pack(">I", zlib.crc32(start))


def event(name: str, payload: bytes, kind: str) -> bytes:
    """Return an event; ``kind`` is the content type of its payload."""
    return message({":message-type": "event", ":event-type": name, ":content-type": kind}, payload)


def failure(name: str, payload: bytes, kind: str) -> bytes:
    """Return an exception, after which nothing comes."""
    return message({":message-type": "exception", ":exception-type": name, ":content-type": kind}, payload)
