"""Keeps the archive's file, in a thread of its own: reads it at the start, and writes what is new every 20 s."""

import logging
from pathlib import Path
from typing import Final

from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.catalogue import archive as c
from streamwatch.core.clock import Clock
from streamwatch.core.records import FileFormatError, TornError
from streamwatch.core.worker import AtEnd, Worker
from streamwatch.model.metric import Samples

log = logging.getLogger(__name__)

WRITE_SECONDS: Final = 20.0
"""What a kill costs at most is this, a step, and the time that the disk takes."""
_ENDING: Final = ".archive"
_HANGS_SECONDS: Final = 60.0
_COSTS: Final = "a restart forgets the hours before; it is tried again"


class ArchiveKeeper:
    """Reads and writes the file of an archive, from ``start`` to ``stop``."""

    def __init__(self, archive: Archive, state: Path, clock: Clock) -> None:
        """Prepare; nothing is read before ``start``.

        Args:
            archive: what is kept.
            state: the state file, beside which it is.
            clock: what time it is.

        """
        self._path = state.with_name(state.name + _ENDING)
        self._file, self._clock = ArchiveFile(self._path, archive), clock
        self._is_loaded = self._is_tried = False
        self._problem = ""
        self._size = 0
        self._busy_since: float | None = None
        """Since when it waits for the disk."""
        self._worker = Worker("archive", self._step, clock, AtEnd.FINISH)

    def start(self) -> None:
        """Read the file, and begin to write it."""
        self._worker.start()

    def write(self) -> None:
        """Write now, and not only when it is due."""
        self._worker.wake()

    def stop(self, timeout_seconds: float) -> bool:
        """Write what is new, and end; return whether that took no longer than this."""
        has_ended = self._worker.stop(timeout_seconds)
        if has_ended:
            self._file.close()
        return has_ended

    def collect(self) -> list[Samples]:
        """Return what there is to say about the file."""
        since = self._busy_since
        hangs = since is not None and self._clock.monotonic() - since > _HANGS_SECONDS
        if not self._is_tried and not hangs:
            return []
        return [
            c.ARCHIVE_FILE_UP.sample(0.0 if self._problem or hangs else 1.0),
            c.ARCHIVE_FILE_BYTES.sample(float(self._size)),
        ]

    def _step(self) -> float:
        self._busy_since = self._clock.monotonic()
        try:
            self._read_and_write()
        finally:
            self._busy_since = None
        return WRITE_SECONDS

    def _read_and_write(self) -> None:
        if not self._is_loaded:
            self._load()
            self._is_loaded = True
        try:
            self._file.write(self._clock.now())
            if self._problem:
                log.info("%s: the archive is written again", self._path)
            self._problem = ""
        except OSError as error:
            if not self._problem:
                why = error.strerror or error
                log.error("%s: the archive cannot be written: %s: %s", self._path, why, _COSTS)  # noqa: TRY400 - the error says all
            self._problem = str(error)
        self._size, self._is_tried = self._file.size, True

    def _load(self) -> None:
        """Read the file; what cannot be read of it is said, and costs nothing else."""
        try:
            self._file.load()
        except FileNotFoundError:
            return
        except TornError:
            log.warning("%s: the archive is torn: what stands before that is there", self._path)
        except (FileFormatError, OSError) as error:
            self._set_aside(str(error))

    def _set_aside(self, why: str) -> None:
        try:
            aside = self._file.set_aside(f"aside-{int(self._clock.now())}")
            log.warning(
                "%s: the archive cannot be read: %s: set aside as %s, a new one is made", self._path, why, aside
            )
        except OSError as error:
            log.warning("%s: the archive cannot be read: %s; nor set aside: %s", self._path, why, error.strerror)
