"""Record batches (format v2, KIP-98): what a broker reads and changes in them without touching the records."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.crc import crc32c

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_AT, _CRC_FROM = 12, 21
_NO_PRODUCER: Final = -1
_COMPRESSION, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20


class BadBatch(Exception):
    """Bytes that a broker refuses; ``code`` says how."""

    def __init__(self, code: Code, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """One batch as it stands in a log; ``data`` is all of it, offsets and epoch filled in."""

    base_offset: int
    last_offset: int
    epoch: int
    """The leader's, at the time of the append."""
    max_timestamp: int
    """Milliseconds."""
    producer_id: int
    producer_epoch: int
    base_sequence: int
    attributes: int
    data: bytes

    @property
    def count(self) -> int:
        """How many offsets it takes."""
        return self.last_offset - self.base_offset + 1

    @property
    def last_sequence(self) -> int:
        """The sequence number of its last record; they wrap after 2^31 - 1."""
        return (self.base_sequence + self.count - 1) & 0x7FFFFFFF

    @property
    def has_producer(self) -> bool:
        """Whether an idempotent or transactional producer wrote it."""
        return self.producer_id != _NO_PRODUCER

    @property
    def is_transactional(self) -> bool:
        """Whether it belongs to a transaction."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Whether it ends a transaction instead of holding data."""
        return bool(self.attributes & _CONTROL)

    @property
    def compression(self) -> int:
        """0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & _COMPRESSION

    def placed(self, base_offset: int, epoch: int, append_time: int | None) -> "RecordBatch":
        """Return it as the leader writes it: at an offset, in an epoch, with the log's append time if it wants that."""
        data = bytearray(self.data)
        struct.pack_into(">q", data, 0, base_offset)
        struct.pack_into(">i", data, _LENGTH_AT, epoch)
        attributes, newest = self.attributes, self.max_timestamp
        if append_time is not None:
            attributes, newest = attributes | _APPEND_TIME, append_time
            struct.pack_into(">h", data, _CRC_FROM, attributes)
            struct.pack_into(">q", data, 35, newest)
            struct.pack_into(">I", data, 17, crc32c(bytes(data[_CRC_FROM:])))
        return replace(
            self,
            base_offset=base_offset,
            last_offset=base_offset + self.count - 1,
            epoch=epoch,
            attributes=attributes,
            max_timestamp=newest,
            data=bytes(data),
        )

    @property
    def committed(self) -> bool:
        """Of a control batch: whether it commits the transaction."""
        return _control_type(self.data) == 1

    @property
    def coordinator_epoch(self) -> int:
        """Of a control batch: the epoch of the coordinator that wrote it, the last but the count of headers."""
        return int(struct.unpack_from(">i", self.data, len(self.data) - 5)[0])


def parse(records: bytes) -> list[RecordBatch]:
    """Cut what a producer sent into batches and check each; raises BadBatch."""
    return list(_batches(records))


def _batches(records: bytes) -> Iterator[RecordBatch]:
    at = 0
    while at < len(records):
        if len(records) - at < _HEADER.size:
            raise BadBatch(Code.CORRUPT_MESSAGE, "a batch is cut short")
        base, length, epoch, magic, crc, attributes, delta, _, newest, pid, pepoch, seq, count = _HEADER.unpack_from(
            records, at
        )
        end = at + 12 + length
        if length < _HEADER.size - 12 or end > len(records):
            raise BadBatch(Code.CORRUPT_MESSAGE, "a batch is cut short")
        if magic != 2:  # noqa: PLR2004 - the format's version
            raise BadBatch(Code.INVALID_RECORD, f"message format {magic}: only 2 is kept")
        data = records[at:end]
        if crc32c(data[_CRC_FROM:]) != crc:
            raise BadBatch(Code.CORRUPT_MESSAGE, "the checksum does not fit")
        if delta < 0 or count != delta + 1:
            raise BadBatch(Code.INVALID_RECORD, "the batch does not hold as many records as it says")
        yield RecordBatch(base, base + delta, epoch, newest, pid, pepoch, seq, attributes, data)
        at = end


def marker(producer_id: int, producer_epoch: int, *, commit: bool, coordinator_epoch: int, at_ms: int) -> RecordBatch:
    """Return the control batch that ends a transaction."""
    key, value = struct.pack(">hh", 0, int(commit)), struct.pack(">hi", 0, coordinator_epoch)
    body = b"\0" + _varint(0) + _varint(0) + _varint(len(key)) + key + _varint(len(value)) + value + _varint(0)
    records = _varint(len(body)) + body
    attributes = _TRANSACTIONAL | _CONTROL
    rest = struct.pack(">hiqqqhii", attributes, 0, at_ms, at_ms, producer_id, producer_epoch, -1, 1) + records
    data = struct.pack(">qiibI", 0, 9 + len(rest), 0, 2, crc32c(rest)) + rest
    return RecordBatch(0, 0, 0, at_ms, producer_id, producer_epoch, -1, attributes, data)


def _control_type(data: bytes) -> int:
    """Return the type of a control record: 0 abort, 1 commit."""
    _, at = _read_varint(data, _HEADER.size)
    at += 1  # attributes
    for _ in ("timestamp delta", "offset delta", "length of the key"):
        _, at = _read_varint(data, at)
    return int(struct.unpack_from(">hh", data, at)[1])


def _varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def times(batch: RecordBatch) -> Iterator[tuple[int, int]]:
    """Yield (offset, timestamp in ms) of each record that can be read without a codec; else of the batch's end."""
    if batch.compression or batch.attributes & _APPEND_TIME:
        yield (batch.last_offset if batch.compression else batch.base_offset), batch.max_timestamp
        return
    base_time = struct.unpack_from(">q", batch.data, 27)[0]
    at = _HEADER.size
    while at < len(batch.data):
        length, at = _read_varint(batch.data, at)
        time, rest = _read_varint(batch.data, at + 1)
        offset, _ = _read_varint(batch.data, rest)
        yield batch.base_offset + offset, base_time + time
        at += length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            return (value >> 1) ^ -(value & 1), at
        shift += 7
