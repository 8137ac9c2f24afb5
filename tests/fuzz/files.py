"""What stands on disk from before: the archive, and what waits for a receiver of remote write.

A record that is spoilt anywhere is torn, by its checksum, and nothing after it is read. So three in four are spoilt
within, and have a right checksum; what is read of them is used as the agent uses it.
"""

import json
import random
import tempfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np

from streamwatch.archive import packing
from streamwatch.archive.archive import Archive
from streamwatch.archive.keeper import ArchiveKeeper
from streamwatch.archive.marks import AlertMark
from streamwatch.archive.numbers import BY_NAME
from streamwatch.archive.rings import ROW_BYTES
from streamwatch.catalogue.kafka_groups import GROUP_LAG_SECONDS
from streamwatch.core.clock import ManualClock
from streamwatch.core.records import TornError, read_records, record
from streamwatch.core.times import rfc3339
from streamwatch.export.remote_write import queue_packing
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.encode import Cycle
from streamwatch.export.remote_write.queue_keeper import QueueKeeper
from streamwatch.export.remote_write.sender import Sender
from streamwatch.model.metric import Keys
from streamwatch.settings.types import Secret
from tests.fuzz.parser import Parser
from tests.fuzz.spoiling import spoilt, spoilt_json

_NOW: Final = 1_800_000_000.0
_ROWS: Final = [("shop", "billing"), ("shop", "ä")]
_KEYS: Final = Keys(GROUP_LAG_SECONDS.labels, _ROWS)
_LAG: Final = BY_NAME["group.kafka_group_lag_seconds"]


def _spoiler(head: int) -> Callable[[random.Random, list[bytes]], bytes]:
    """Return what spoils files that have so many bytes before their records."""

    def spoil(chance: random.Random, seeds: list[bytes]) -> bytes:
        file = chance.choice(seeds)
        try:
            records = list(read_records(BytesIO(file[head:])))
        except TornError:
            records = []
        if not records or not chance.randrange(4):
            return spoilt(chance, seeds)
        at = chance.randrange(len(records))
        kind, body = records[at]
        records[at] = kind, _within(chance, body)
        return file[:head] + b"".join(record(*one) for one in records)

    return spoil


def _within(chance: random.Random, body: bytes) -> bytes:
    """Return the body of a record of which the JSON, or what is compressed, is another."""
    begin, packed = body.find(b"["), body.rfind(b"x\x01")
    if packed >= 0 and (begin < 0 or chance.randrange(2)):
        try:
            plain = zlib.decompress(body[packed:])
        except zlib.error:
            return spoilt(chance, [body])
        other = spoilt_json(chance, [plain]) if plain[:1] == b"[" else spoilt(chance, [plain])
        return body[:packed] + zlib.compress(other, 1)
    if not begin:
        return spoilt_json(chance, [body])
    length = int.from_bytes(body[begin - 4 : begin], "little")  # it stands before the text
    text = spoilt_json(chance, [body[begin : begin + length]])
    return body[: begin - 4] + len(text).to_bytes(4, "little") + text + body[begin + length :]


def _archives() -> bytes:
    """Return an archive of two rows, a step and a mark."""
    archive = Archive(4 * ROW_BYTES, ManualClock(_NOW))
    archive.take("shop", [GROUP_LAG_SECONDS.samples(_KEYS, np.array([90.0, 7.0]))], _NOW)
    copies = [archive.copy(row) for row in range(2)]
    step = int(_NOW) // 10
    values = archive.step(step)
    assert values is not None
    rows = [packing.packed_row(at, *one.row, one.curves) for at, one in enumerate(copies) if one is not None]
    mark = packing.packed_mark(AlertMark(_NOW, "fires", {"alertname": "A", "group": "billing"}))
    return b"".join([packing.HEAD, *rows, packing.packed_step(step, [0, 1], values), mark])


def feed_archive(data: bytes) -> Archive:
    """Read an archive's file, look at what it had, and write it again."""
    clock = ManualClock(_NOW)
    archive = Archive(4 * ROW_BYTES, clock)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        state.with_name("state.archive").write_bytes(data)
        keeper = ArchiveKeeper(archive, state, clock)
        keeper._read_and_write()
        keeper._file.close()
    for row in _ROWS:
        archive.curve(_LAG, row, 3600)
        archive.since(_LAG, row)
    for mark in archive.marks.since(0.0):
        rfc3339(mark.at)
        mark.concerns({"alertname": "A"})
        json.dumps([mark.what, sorted(mark.labels)])
    return archive


def archive() -> Parser:
    """Return what reads the hours before."""
    return Parser((_archives(),), feed_archive, (), _spoiler(len(packing.HEAD)))


def _queue() -> bytes:
    """Return a file in which two cycles wait, and one more is over."""
    kept = queue_packing.Packing()
    parts = [queue_packing.HEAD]
    for at in range(3):
        values = np.array([90.0, 7.0 + at])
        ended = [(GROUP_LAG_SECONDS, ("shop", "gone"))]
        needs, own = kept.packed(Cycle(_NOW - 60 + at, [GROUP_LAG_SECONDS.samples(_KEYS, values)], ended))
        parts += [*needs, own]
    return b"".join([*parts, queue_packing.packed_over(1, 1)])


def feed_queue(data: bytes) -> int:
    """Read what waits, and send all of it; return how many samples were sent."""
    clock = ManualClock(_NOW)
    config = Config(name="m", url=Secret("http://127.0.0.1/"), version="1.0" if len(data) % 2 else "2.0")
    sender = Sender(config, {}, lambda *_: {}, clock, random.Random(1), restores=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "queue"
        path.write_bytes(data)
        keeper = QueueKeeper(sender, path, 2**20, clock)
        keeper.step()
        while sender.waiting()[0]:
            sender.step()
        keeper.step()
        keeper._file.close()
    return sender.counts.sent


def queue() -> Parser:
    """Return what reads the samples that wait for a receiver."""
    return Parser((_queue(),), feed_queue, (), _spoiler(len(queue_packing.HEAD)))
