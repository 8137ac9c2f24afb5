"""Files of records, each with its length and its checksum: one that a kill or a full disk tore is read up to there."""

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_HEAD: Final = struct.Struct("<cII")
"""Kind, length and checksum; the checksum is of the kind, too."""
_MOST_BYTES: Final = 64 * 2**20
"""No record is larger: what says so is torn."""
_OWNERS_ONLY: Final = 0o600


class TornError(Exception):
    """The file ends within a record, or a record is damaged."""


class FileFormatError(Exception):
    """The file is none that this version reads."""


def record(kind: bytes, body: bytes) -> bytes:
    """Return a record; its kind is one byte."""
    return _HEAD.pack(kind, len(body), zlib.crc32(body, zlib.crc32(kind))) + body


def inflated(data: bytes, most: int = _MOST_BYTES) -> bytes:
    """Return what was compressed.

    Raises:
        ValueError: it is larger than ``most``, or ends early: what a few bytes grow into has a bound.
        zlib.error: it is nothing that was compressed.

    """
    found = zlib.decompressobj()
    plain = found.decompress(data, most)
    if not found.eof:
        raise ValueError(f"what is compressed is larger than {most} bytes, or not all there")
    return plain


def texts(listed: object) -> tuple[str, ...]:
    """Return the texts of a list of JSON.

    Raises:
        ValueError: it is no list of texts.

    """
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ValueError("a list of texts is none")
    return tuple(listed)


def read_records(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the body of each record.

    Raises:
        TornError: the file ends within a record, or one is damaged.

    """
    while len(start := file.read(_HEAD.size)) == _HEAD.size:
        kind, length, checksum = _HEAD.unpack(start)
        body = file.read(length) if length <= _MOST_BYTES else b""
        if len(body) < length or zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise TornError
        yield kind, body
    if start:
        raise TornError


def flush(file: BinaryIO) -> None:
    """Have what was written on the disk.

    Raises:
        OSError: that cannot be.

    """
    file.flush()
    os.fsync(file.fileno())


def is_at(file: BinaryIO, path: Path) -> bool:
    """Say whether an open file is still the one at its path."""
    try:
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def locked(path: Path) -> BinaryIO:
    """Open a file to append to it, as the only one who does; where there is none, it is its owner's only.

    Raises:
        OSError: another process does, or it cannot be opened.

    """
    return _locked(path, 0)


def recreated(path: Path) -> BinaryIO:
    """Open a file, empty, to append to it, as the only one who does; it is its owner's only.

    Raises:
        OSError: another process does, it cannot be opened, or is a link, which would lead to a file of somebody else's.

    """
    file = _locked(path, os.O_NOFOLLOW)
    try:
        os.fchmod(file.fileno(), _OWNERS_ONLY)
        file.truncate(0)
    except OSError:
        file.close()
        raise
    return file


def _locked(path: Path, flags: int) -> BinaryIO:
    appends = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    file = os.fdopen(os.open(path, appends | flags, _OWNERS_ONLY), "ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise OSError(error.errno, "another agent writes it: give each agent a state file of its own") from error
    return file
