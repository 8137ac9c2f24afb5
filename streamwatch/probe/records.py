"""One record as a batch, and the heads of the batches that a fetch returns: no other record is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kafka.record.default_records import DefaultRecordBatchBuilder

_MAGIC: Final = 2
_ROOM: Final = 1024
_HEAD: Final = struct.Struct(">qiibIhi")
"""Base offset, length, leader epoch, magic, checksum, attributes, last offset's delta."""
_LENGTH_AT_END: Final = 12
_CODEC: Final = 0x07


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch in a partition, by its head; ``data`` is all of it, as it stands in the log."""

    first: int
    last: int
    data: bytes
    is_compressed: bool

    def may_hold(self, token: bytes) -> bool:
        """Say whether this is the batch with the token; a topic may have its own compression, which hides it."""
        return self.is_compressed or token in self.data


def record_batch(token: bytes, at_ms: int) -> bytes:
    """Return a batch of one record, not compressed: its key says whose it is, its value which."""
    builder = DefaultRecordBatchBuilder(_MAGIC, 0, False, -1, -1, -1, _ROOM)  # noqa: FBT003 - as the class takes it
    builder.append(0, at_ms, b"streamwatch", token, [])
    return bytes(builder.build())


def batches(data: bytes) -> Iterator[Batch]:
    """Yield the batches of a fetch; a fetch may cut the last one off, which then is left out."""
    at = 0
    while at + _HEAD.size <= len(data):
        first, length, _, _, _, attributes, delta = _HEAD.unpack_from(data, at)
        end = at + _LENGTH_AT_END + length
        if not at + _HEAD.size <= end <= len(data):
            return
        yield Batch(first, first + max(0, delta), data[at:end], bool(attributes & _CODEC))
        at = end
