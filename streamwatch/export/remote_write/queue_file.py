"""The file of a queue: there while something waits, appended to, and written anew when it is full.

Whatever waits here waits for the disk: only a thread of its own calls it.
"""

import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from weakref import ref

from streamwatch.core.records import flush, is_at, locked, recreated
from streamwatch.export.remote_write.encode import Cycle
from streamwatch.export.remote_write.queue_packing import HEAD, Packing, Unpacking, packed_over

_FILLED: Final = 0.75
"""A file that is full is written anew with so much of what it may take."""


class QueueFile:
    """One file. Not for several threads at once."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path, self._most = path, most_bytes
        self._file: BinaryIO | None = None
        """Open, and locked."""
        self._is_ours = False
        """Whether what it has is what was written here."""
        self._packing = Packing()
        self._cycles: deque[ref[Cycle]] = deque()
        """Those that are in it, and were not over at the last write: one that was sent since is not kept for that."""
        self._over = 0
        """Cycles in it that are over."""
        self.size = 0

    def load(self, into: Unpacking) -> None:
        """Read what waits, and let no other process have it.

        Raises:
            OSError: the disk does not give it, or another process has it.
            NewerQueueError: a newer StreamWatch wrote it: it is left as it is.
            FileFormatError: it is none of ours.
            TornError: not all of it can be read; what stands before is read.

        """
        if not self._path.exists():
            return
        file = locked(self._path)
        try:
            with self._path.open("rb") as readable:
                self.size = os.fstat(readable.fileno()).st_size
                into.read(readable)
        finally:
            self._file = file

    def set_aside(self, ending: str) -> Path:
        """Give what is there another name; return that name.

        Raises:
            OSError: that cannot be.

        """
        aside = self._path.with_name(f"{self._path.name}.{ending}")
        self._path.rename(aside)
        self.close()
        return aside

    def write(self, waiting: Sequence[Cycle], done: int) -> int:
        """Write what is new; return how many samples wait that have no room in it.

        Args:
            waiting: the cycles that wait, the oldest first.
            done: how many samples of the first are over.

        Raises:
            OSError: that cannot be; the next call writes all of it anew.

        """
        try:
            if not waiting:
                self._remove()
            elif self._file is None or not self._is_ours or not self._append(self._file, waiting, done):
                self._write_all(waiting, done)
        except OSError:
            self.close()
            raise
        there = {id(cycle()) for cycle in self._cycles}
        return sum(cycle.size for cycle in waiting if id(cycle) not in there)

    def close(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file, self._is_ours = None, False
        self._cycles.clear()

    def _remove(self) -> None:
        if self._file is not None or self.size:
            self._path.unlink(missing_ok=True)
            self.close()
            self.size = 0

    def _append(self, file: BinaryIO, waiting: Sequence[Cycle], done: int) -> bool:
        """Append what is new; return whether there was room."""
        left = {id(cycle) for cycle in waiting}
        while self._cycles and id(self._cycles[0]()) not in left:
            self._cycles.popleft()
            self._over += 1
        if not self._cycles or not is_at(file, self._path):
            return False
        last = next(at for at, cycle in enumerate(waiting) if cycle is self._cycles[-1]())
        parts: list[bytes] = []
        for cycle in waiting[last + 1 :]:
            needs, own = self._packing.packed(cycle)
            parts += (*needs, own)
        parts.append(packed_over(self._over, done if waiting[0] is self._cycles[0]() else 0))
        data = b"".join(parts)
        if self.size + len(data) > self._most:
            return False
        file.write(data)
        flush(file)
        self.size += len(data)
        self._cycles.extend(map(ref, waiting[last + 1 :]))
        return True

    def _write_all(self, waiting: Sequence[Cycle], done: int) -> None:
        """Write the newest of what waits to a new file, and put it in the place of the old one."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        if self._file is None and self._path.exists():
            locked(self._path).close()
        packing, needed, own = Packing(), list[bytes](), list[bytes]()
        size = len(HEAD)
        for cycle in reversed(waiting):
            needs, text = packing.packed(cycle)
            size += len(text) + sum(map(len, needs))
            if size > self._most * _FILLED:
                break
            needed += needs
            own.insert(0, text)
        file = recreated(fresh)
        try:
            file.write(b"".join((HEAD, *needed, *own, packed_over(0, done if len(own) == len(waiting) else 0))))
            flush(file)
            written = file.tell()
            fresh.replace(self._path)
        except OSError:
            file.close()
            with suppress(OSError):
                fresh.unlink()
            raise
        self.close()
        self._file, self._is_ours, self._packing, self._over, self.size = file, True, packing, 0, written
        self._cycles.extend(map(ref, waiting[len(waiting) - len(own) :]))
