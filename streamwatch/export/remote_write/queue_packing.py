"""What the file of a queue is made of: a head with the version, then records.

A metric and the keys of samples stand there once; a cycle refers to them by their places, and has its values. What is
over is said by numbers: so many cycles of the file, and so many samples of the next one.
"""

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from weakref import WeakKeyDictionary

import numpy as np

from streamwatch.core.errors import CatalogueError
from streamwatch.core.records import FileFormatError, inflated, read_records, record, texts
from streamwatch.core.times import is_instant
from streamwatch.export.remote_write.encode import Cycle
from streamwatch.model.metric import Keys, Metric, Tier

VERSION: Final = 1
_MAGIC: Final = b"SWQUEUE\0"
HEAD: Final = _MAGIC + struct.pack("<I", VERSION)
_KINDS: Final = ("counter", "gauge", "histogram")
_CYCLE: Final = struct.Struct("<dI")
_OVER: Final = struct.Struct("<II")
_NONSENSE: Final = (ValueError, TypeError, LookupError, RecursionError)
"""What JSON becomes that is not what was written."""
_MOST_KEY_BYTES: Final = 2**29
"""Of the label sets of a metric, as JSON: 5,000,000 of them, many more than a source has."""


class NewerQueueError(Exception):
    """The file was written by a newer StreamWatch."""


@dataclass(slots=True)
class Packing:
    """Makes records, and remembers which metrics and keys the file has."""

    _metrics: dict[str, int] = field(default_factory=dict)
    _keys: WeakKeyDictionary[Keys, int] = field(default_factory=WeakKeyDictionary)
    _count: int = 0
    """Keys that the file has."""

    def packed(self, cycle: Cycle) -> tuple[list[bytes], bytes]:
        """Return the records that a cycle needs before it, and its own."""
        needs: list[bytes] = []
        samples = [(self._metric(one.metric, needs), self._key(one.keys, needs)) for one in cycle.samples]
        ended = [(self._metric(metric, needs), row) for metric, row in cycle.ended]
        text = json.dumps([samples, ended]).encode()
        values = b"".join(one.values.astype("<f8", copy=False).tobytes() for one in cycle.samples)
        return needs, record(b"C", _CYCLE.pack(cycle.at, len(text)) + text + zlib.compress(values, 1))

    def _metric(self, metric: Metric, needs: list[bytes]) -> int:
        known = self._metrics.get(metric.name)
        if known is None:
            known = self._metrics[metric.name] = len(self._metrics)
            what = [metric.name, metric.kind, metric.unit, metric.labels, int(metric.tier), metric.help]
            needs.append(record(b"M", json.dumps(what).encode()))
        return known

    def _key(self, keys: Keys, needs: list[bytes]) -> int:
        known = self._keys.get(keys)
        if known is None:
            known = self._keys[keys] = self._count
            self._count += 1
            needs.append(record(b"K", zlib.compress(json.dumps([keys.names, keys.rows]).encode(), 1)))
        return known


def packed_over(cycles: int, samples: int) -> bytes:
    """Return the record that says what is over: so many cycles of the file, and samples of the next one."""
    return record(b"O", _OVER.pack(cycles, samples))


@dataclass(slots=True)
class Unpacking:
    """What a file has, as far as it was read."""

    _metrics: list[Metric] = field(default_factory=list)
    _keys: list[Keys] = field(default_factory=list)
    _cycles: list[Cycle] = field(default_factory=list)
    _over: tuple[int, int] = 0, 0

    def read(self, file: BinaryIO) -> None:
        """Read a file.

        Raises:
            OSError: the disk does not give it.
            NewerQueueError: a newer StreamWatch wrote it.
            FileFormatError: it is none of ours, or a record that is whole cannot be understood.
            TornError: not all of it can be read; what stands before is there.

        """
        head = file.read(len(HEAD))
        if head[: len(_MAGIC)] != _MAGIC or len(head) < len(HEAD):
            raise FileFormatError("it is no queue of StreamWatch")
        (version,) = struct.unpack("<I", head[len(_MAGIC) :])
        if version > VERSION:
            raise NewerQueueError(f"it has version {version}, and this StreamWatch knows version {VERSION}")
        for kind, body in read_records(file):
            try:
                self._take(kind, body)
            except (*_NONSENSE, CatalogueError, struct.error, zlib.error) as error:
                raise FileFormatError(f"a record of it cannot be understood: {error}") from error

    def cycles(self) -> list[tuple[Cycle, int]]:
        """Return the cycles that are not over, each with the number of its samples that are."""
        cycles, samples = self._over
        left = self._cycles[cycles:]
        return [(cycle, 0 if at else samples) for at, cycle in enumerate(left)]

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == b"M":
            self._metrics.append(_metric(body))
        elif kind == b"K":
            self._keys.append(_keys(body))
        elif kind == b"C":
            self._cycles.append(self._cycle(body))
        elif kind == b"O":
            self._over = _OVER.unpack(body)

    def _cycle(self, body: bytes) -> Cycle:
        at, length = _CYCLE.unpack_from(body)
        listed, ended = json.loads(body[_CYCLE.size : _CYCLE.size + length])
        if not is_instant(at):
            raise ValueError("a cycle has no time")
        values = np.frombuffer(inflated(body[_CYCLE.size + length :]), dtype="<f8").astype(np.float64)
        samples, start = [], 0
        for metric, keys in listed:
            end = start + len(self._keys[keys])
            samples.append(self._metrics[metric].samples(self._keys[keys], values[start:end]))
            start = end
        return Cycle(at, samples, [self._ended(metric, row) for metric, row in ended])

    def _ended(self, number: int, row: object) -> tuple[Metric, tuple[str, ...]]:
        """Return a series that is no more."""
        metric, values = self._metrics[number], texts(row)
        if len(values) != len(metric.labels):
            raise ValueError("a series has other labels than its metric")
        return metric, values


def _metric(body: bytes) -> Metric:
    name, kind, unit, labels, tier, text = json.loads(body)
    texts([name, unit, text])
    if kind not in _KINDS:
        raise ValueError("a metric is of no kind")
    return Metric(name=name, kind=kind, unit=unit, labels=texts(labels), tier=Tier(tier), help=text, question="")


def _keys(body: bytes) -> Keys:
    names, rows = json.loads(inflated(body, _MOST_KEY_BYTES))
    found = Keys(texts(names), [texts(row) for row in rows])
    if any(len(row) != len(found.names) for row in found.rows):
        raise ValueError("a series has other labels than its metric")
    return found
