"""The archive's file: written anew as a whole now and then, and appended to in between.

Whatever waits here waits for the disk: only a thread of its own calls it.
"""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from streamwatch.archive.archive import Archive, Row
from streamwatch.archive.marks import AlertMark
from streamwatch.archive.packing import (
    HEAD,
    StoredRow,
    StoredStep,
    packed_mark,
    packed_row,
    packed_step,
    read_head,
    records,
)
from streamwatch.archive.rings import LAST, LEVELS
from streamwatch.core.records import flush, is_at, locked, recreated

_LEAST_GROWTH: Final = 2**20
"""A file may grow by so much, or by as much as it had when it was written anew, before it is written anew again."""

_MOST_STEPS: Final = 2_160
"""Six hours: each appended step takes its time when the file is read."""


class ArchiveFile:
    """One file. Not for several threads at once."""

    def __init__(self, path: Path, archive: Archive) -> None:
        self._path, self._archive = path, archive
        self._file: BinaryIO | None = None
        """Open, and locked, once it was written anew."""
        self._whole = 0
        """Its size when it was written anew."""
        self.size = 0
        self._step = -1
        """The newest step that is in it to its end."""
        self._steps = 0
        """Steps that were appended."""
        self._versions: dict[int, int] = {}
        """The version of each row that is in it."""

    def load(self) -> None:
        """Bring what it has into the archive, as far as it can be read.

        Raises:
            OSError: the disk does not give it.
            FileFormatError: it is of another version, or none of ours.
            TornError: not all of it can be read; what stands before is in the archive.

        """
        rows: dict[int, Row | None] = {}
        known, of = list[int](), list[Row | None]()
        """The rows of the last step, and what they are of."""
        with self._path.open("rb") as file:
            read_head(file.read(len(HEAD)))
            for stored in records(file):
                if isinstance(stored, StoredRow):
                    rows[stored.file_row], known = (stored.name, stored.entity), []
                    self._archive.restore((stored.name, stored.entity), stored.curves)
                elif isinstance(stored, StoredStep):
                    if stored.file_rows != known:
                        known, of = stored.file_rows, [rows.get(file_row) for file_row in stored.file_rows]
                    self._archive.restore_step(stored.number, of, stored.values)
                elif isinstance(stored, AlertMark):
                    self._archive.marks.restore(stored)

    def set_aside(self, ending: str) -> Path:
        """Give what is there another name, so that a new one can be made; return that name.

        Raises:
            OSError: that cannot be.

        """
        aside = self._path.with_name(f"{self._path.name}.{ending}")
        self._path.rename(aside)
        return aside

    def write(self, now: float) -> None:
        """Write what is new.

        Raises:
            OSError: that cannot be; the next call writes all of it anew.

        """
        try:
            if self._file is not None and not is_at(self._file, self._path):
                self.close()
            grown = self.size > 2 * self._whole + _LEAST_GROWTH or self._steps > _MOST_STEPS
            if self._file is None or grown:
                self._write_all(now)
            else:
                self._append(self._file)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _append(self, file: BinaryIO) -> None:
        parts: list[bytes] = []
        head = self._archive.head()
        first = min(self._step + 1, head)  # a clock that was set back begins again
        for number in range(max(first, head - LEVELS[0].steps), head):
            parts += self._new_step(number)
        parts += [packed_mark(mark) for mark in self._archive.marks.unwritten()]
        data = b"".join(parts)
        file.write(data)
        flush(file)
        self.size += len(data)
        self._steps += max(0, head - 1 - self._step)
        self._step = head - 1

    def _new_step(self, number: int) -> list[bytes]:
        """Return the records of a step, those of its rows that the file does not have among them."""
        values = self._archive.step(number)
        if values is None:
            return []
        parts: list[bytes] = []
        rows: list[int] = []
        for row in np.flatnonzero(~np.isnan(values[:, LAST])).tolist():
            identity = self._archive.identity(row)
            if identity is not None:
                (name, entity), version = identity
                if self._versions.get(row) != version:
                    self._versions[row] = version
                    parts.append(packed_row(row, name, entity, None))
                rows.append(row)
        return [*parts, packed_step(number, rows, values[rows])] if rows else []

    def _write_all(self, now: float) -> None:
        """Write all that the archive has to a new file, and put it in the place of the old one."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        self._lock_present()
        head, versions = self._archive.head(), dict[int, int]()
        file = recreated(fresh)
        try:
            file.write(HEAD)
            for row in range(self._archive.rows()):
                copy = self._archive.copy(row)
                if copy is not None:
                    file.write(packed_row(row, *copy.row, copy.curves))
                    versions[row] = copy.version
            for mark in self._archive.marks.all(now):
                file.write(packed_mark(mark))
            flush(file)
            self._whole = self.size = file.tell()
            fresh.replace(self._path)
        except OSError:
            file.close()
            with suppress(OSError):
                fresh.unlink()
            raise
        self.close()
        self._file, self._versions, self._step, self._steps = file, versions, head - 1, 0

    def _lock_present(self) -> None:
        """Make sure that no other process writes the file that is there.

        Raises:
            OSError: one does, or it cannot be opened.

        """
        if self._file is not None:
            return
        if self._path.exists():
            locked(self._path).close()
