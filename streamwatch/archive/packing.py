"""What the archive's file is made of: a head with the version, then records, each with its length and its checksum.

A row stands there with all that it has; a step has one value triple for each row of which something is known in it; a
mark is an alert that began or ended to fire. Bytes of numbers are put beside those of their weight before they are
compressed, since the high ones repeat.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np

from streamwatch.archive.marks import AlertMark
from streamwatch.archive.numbers import BY_NAME, LABELS
from streamwatch.archive.placing import Entity
from streamwatch.archive.rings import LEVELS, Curve, Float32s
from streamwatch.core.records import FileFormatError, inflated, read_records, record, texts
from streamwatch.core.times import is_instant

VERSION: Final = 1
_MAGIC: Final = b"SWARCHIV"
_LEVELS: Final = zlib.crc32(repr([(level.seconds, level.steps) for level in LEVELS]).encode())
HEAD: Final = _MAGIC + struct.pack("<II", VERSION, _LEVELS)
_STEP: Final = struct.Struct("<qII")
_VALUES: Final = 3
_ROW: Final = struct.Struct("<IqqqI")


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row of the file: what it is of, by the number's name, and what it has."""

    file_row: int
    name: str
    entity: Entity
    curves: list[Curve]


@dataclass(frozen=True, slots=True)
class StoredStep:
    """One step of the finest level."""

    number: int
    file_rows: list[int]
    values: Float32s
    """(rows, 3)."""


Stored = StoredRow | StoredStep | AlertMark


def packed_row(file_row: int, name: str, entity: Entity, curves: list[Curve] | None) -> bytes:
    """Return the record of a row; with what it has, where that is given."""
    text = json.dumps([name, *entity]).encode()
    firsts = [curve.first_step for curve in curves] if curves else [0, 0, 0]
    values = [np.concatenate([curve.values for curve in curves], axis=1)] if curves else []
    body = _ROW.pack(file_row, *firsts, len(text)) + text + b"".join(_packed(each) for each in values)
    return record(b"R", body)


def packed_step(number: int, rows: list[int], values: Float32s) -> bytes:
    """Return the record of a step, of these rows of the file."""
    numbers = zlib.compress(np.diff(np.array(rows, dtype="<u4"), prepend=np.uint32(0)).tobytes(), 1)
    body = _STEP.pack(number, len(rows), len(numbers)) + numbers + _packed(values.T)  # most are thrice the same
    return record(b"S", body)


def packed_mark(mark: AlertMark) -> bytes:
    """Return the record of a mark."""
    return record(b"M", json.dumps([mark.at, mark.what, dict(mark.labels)]).encode())


def read_head(data: bytes) -> None:
    """Check the first bytes of a file.

    Raises:
        FileFormatError: it is none of this version; says what it is.

    """
    if data[: len(_MAGIC)] != _MAGIC or len(data) < len(HEAD):
        raise FileFormatError("it is no archive of StreamWatch")
    version, levels = struct.unpack("<II", data[len(_MAGIC) : len(HEAD)])
    if version != VERSION or levels != _LEVELS:
        raise FileFormatError(f"it has version {version}, and this StreamWatch reads version {VERSION}")


def records(file: BinaryIO) -> Iterator[Stored | None]:
    """Yield what a file has after its head.

    A record of a kind or a number that this version does not know is None.

    Raises:
        TornError: it ends within a record, or a record is damaged.
        FileFormatError: a record that is whole cannot be understood.

    """
    for kind, body in read_records(file):
        try:
            yield _READ[kind](body) if kind in _READ else None
        except (ValueError, TypeError, KeyError, RecursionError, struct.error, zlib.error) as error:
            raise FileFormatError(f"a record of it cannot be understood: {error}") from error


def _packed(values: Float32s) -> bytes:
    """Return values in few bytes."""
    plain = np.ascontiguousarray(values, dtype="<f4").view(np.uint8).reshape(-1, 4)
    return zlib.compress(np.ascontiguousarray(plain.T).tobytes(), 1)


def _unpacked(data: bytes, columns: int) -> Float32s:
    plain = np.frombuffer(inflated(data), dtype=np.uint8).reshape(4, -1).T
    values: Float32s = np.ascontiguousarray(plain).view("<f4").reshape(-1, columns).astype(np.float32)
    return values


def _row(body: bytes) -> StoredRow | None:
    file_row, *firsts, length = _ROW.unpack_from(body)
    name, *entity = texts(json.loads(body[_ROW.size : _ROW.size + length]))
    if name not in BY_NAME or len(entity) != len(LABELS[BY_NAME[name].entity]):
        return None
    rest, curves = body[_ROW.size + length :], list[Curve]()
    if rest:
        values, start = _unpacked(rest, sum(level.steps for level in LEVELS)), 0
        for level, first in zip(LEVELS, firsts, strict=True):
            curves.append(Curve(level.seconds, first, values[:, start : start + level.steps]))
            start += level.steps
    return StoredRow(file_row, name, tuple(entity), curves)


def _step(body: bytes) -> StoredStep:
    number, count, length = _STEP.unpack_from(body)
    steps = np.frombuffer(inflated(body[_STEP.size : _STEP.size + length]), dtype="<u4")
    values = _unpacked(body[_STEP.size + length :], count).T
    if len(steps) != count or values.shape[1:] != (_VALUES,):
        raise ValueError("a step has another number of rows than of values")
    return StoredStep(number, np.cumsum(steps, dtype=np.uint32).tolist(), values)


def _mark(body: bytes) -> AlertMark:
    at, what, labels = json.loads(body)
    if not is_instant(at) or what not in {"fires", "resolved"} or not isinstance(labels, dict):
        raise ValueError("a mark is none")
    texts(list(labels.values()))
    return AlertMark(float(at), what, labels)


_READ: Final = {b"R": _row, b"S": _step, b"M": _mark}
