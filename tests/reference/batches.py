"""Record batches as a producer makes them, by kafka-python's builder."""

import struct

from kafka.record.memory_records import MemoryRecordsBuilder

from streamwatch.reference.kafka.crc import crc32c

_TRANSACTIONAL = 0x10


def records(
    *values: bytes,
    producer: tuple[int, int, int] = (-1, -1, -1),
    timestamp: int = 1000,
    is_transactional: bool = False,
) -> bytes:
    """Return one batch; the producer is (id, epoch, first sequence), timestamps rise by one from the first."""
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=2**20)
    for i, value in enumerate(values):
        builder.append(timestamp=timestamp + i, key=None, value=value, headers=[])
    builder.close()
    data = bytearray(builder.buffer())
    if producer[0] >= 0:
        struct.pack_into(">qhi", data, 43, *producer)
        data[22] |= _TRANSACTIONAL if is_transactional else 0
        struct.pack_into(">I", data, 17, crc32c(bytes(data[21:])))
    return bytes(data)
