"""Shard iterators: opaque to clients, and not to be made by them; good for five minutes."""

import base64
import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from streamwatch.reference.kinesis.errors import ServiceError, invalid

LIFE_SECONDS: Final = 300.0
_FORM: Final = struct.Struct(">dI24s8s")
_NONCE_BYTES: Final = 20
_BEGIN: Final = (1).to_bytes(8)
"""Of every iterator of AWS; the rest is hidden there too."""
_MAC_BYTES: Final = 16


def _dated(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")


@dataclass(frozen=True, slots=True)
class Iterator:
    """A place in a shard: after the record with this sequence number."""

    stream: bytes
    """8 bytes that name the stream, and no other of the same name."""
    shard: int
    after: int
    made: float


class Iterators:
    """Writes and reads iterators with a key of its own."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def write(self, iterator: Iterator) -> str:
        """Return the text that a client keeps."""
        plain = _FORM.pack(iterator.made, iterator.shard, iterator.after.to_bytes(24), iterator.stream)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        hidden = self._mask(nonce, plain)
        return base64.b64encode(_BEGIN + nonce + hidden + self._mac(nonce + hidden)).decode()

    def read(self, text: str, now: float) -> Iterator:
        """Return what it says.

        Raises:
            Refused: it is none of ours, or too old.

        """
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise invalid("Invalid ShardIterator.") from error
        body, mac = raw[len(_BEGIN) : -_MAC_BYTES], raw[-_MAC_BYTES:]
        if (
            not raw.startswith(_BEGIN)
            or len(body) != _NONCE_BYTES + _FORM.size
            or not hmac.compare_digest(mac, self._mac(body))
        ):
            raise invalid("Invalid ShardIterator.")
        made, shard, after, stream = _FORM.unpack(self._mask(body[:_NONCE_BYTES], body[_NONCE_BYTES:]))
        if now - made > LIFE_SECONDS:
            why = (
                f"Iterator expired. The iterator was created at time {_dated(made)} while right now it is"
                f" {_dated(now)} which is further in the future than the tolerated delay of"
                f" {LIFE_SECONDS * 1000:.0f} milliseconds."
            )
            raise ServiceError("ExpiredIteratorException", why)
        return Iterator(stream, shard, int.from_bytes(after), made)

    def _mask(self, nonce: bytes, data: bytes) -> bytes:
        stream = hashlib.shake_256(self._key + nonce).digest(len(data))
        return bytes(a ^ b for a, b in zip(data, stream, strict=True))

    def _mac(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")[:_MAC_BYTES]
