"""Keeps what waits for a receiver on disk, too, in a thread of its own: a disk that hangs delays nothing but this."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from streamwatch.core.clock import Clock
from streamwatch.core.records import FileFormatError, TornError
from streamwatch.core.worker import AtEnd, Worker
from streamwatch.export.remote_write.queue_file import QueueFile
from streamwatch.export.remote_write.queue_packing import NewerQueueError, Unpacking
from streamwatch.export.remote_write.sender import Sender

log = logging.getLogger(__name__)

WRITE_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 2.0
"""What is taken at once is not worth a write."""
_HANGS_SECONDS: Final = 60.0
_COSTS: Final = "a restart forgets what waits; it is tried again"


def queue_path(state: Path, receiver: str) -> Path:
    """Return where what waits for a receiver is kept: beside the state file."""
    return state.with_name(f"{state.name}.remote-write-{quote(receiver, safe='')}")


class QueueKeeper:
    """Reads what waited when the agent ended, and writes what waits, from ``start`` to ``stop``."""

    def __init__(self, sender: Sender, path: Path, most_bytes: int, clock: Clock) -> None:
        """Prepare; nothing is read before ``start``.

        Args:
            sender: whose queue it is.
            path: of the file.
            most_bytes: what it may take.
            clock: what time it is.

        """
        self._sender, self._path, self._clock = sender, path, clock
        self._file = QueueFile(path, most_bytes)
        self._is_loaded = self._is_refused = self._is_ending = False
        self._problem = ""
        self._unwritten = 0
        self._busy_since: float | None = None
        """Since when it waits for the disk."""
        self._worker = Worker(f"remote write queue {sender.config.name}", self._step, clock, AtEnd.FINISH)

    def start(self) -> None:
        """Read the file, and begin to write it."""
        self._worker.start()

    def stop(self, timeout_seconds: float) -> None:
        """Write what still waits, and end; a disk that hangs is left to the end of the process."""
        self._is_ending = True
        if self._worker.stop(timeout_seconds):
            self._file.close()

    def step(self) -> float:
        """Read the file, if that was not done yet, and write what waits; return when to do so again."""
        if not self._is_loaded:
            self._is_loaded = self._load()
        if self._is_loaded and not self._is_refused:
            self._write()
        return WRITE_SECONDS

    def figures(self) -> tuple[float, float, float] | None:
        """Return the file's bytes, whether it can be written, and how many samples wait that are not in it.

        None where that is not known yet.
        """
        since = self._busy_since
        hangs = since is not None and self._clock.monotonic() - since > _HANGS_SECONDS
        if not self._is_loaded and not self._problem and not hangs:
            return None
        is_well = not self._problem and not hangs
        return float(self._file.size), float(is_well), float(self._unwritten if is_well else self._sender.waiting()[0])

    def _step(self) -> float:
        self._busy_since = self._clock.monotonic()
        try:
            return self.step()
        finally:
            self._busy_since = None

    def _write(self) -> None:
        waiting, done, late = self._sender.queued()
        if waiting and late < _PATIENCE_SECONDS and not self._file.size and not self._is_ending:
            return
        try:
            self._unwritten = self._file.write(waiting, done)
            if self._problem:
                log.info("%s: what waits is written again", self._path)
            self._problem = ""
        except OSError as error:
            self._fail(error, "written")

    def _fail(self, error: OSError, what: str) -> None:
        if not self._problem:
            log.error("%s: what waits cannot be %s: %s: %s", self._path, what, error.strerror or error, _COSTS)
        self._problem = str(error)

    def _load(self) -> bool:
        """Give the sender what the file has; return whether it is known."""
        found = Unpacking()
        try:
            self._file.load(found)
        except TornError:
            log.warning("%s: it is torn: what stands before that is sent", self._path)
        except NewerQueueError as error:
            log.warning("%s: %s: it is left as it is, and what waits is kept in memory only", self._path, error)
            self._problem, self._is_refused = str(error), True
            self._file.close()
        except FileFormatError as error:
            self._set_aside(str(error))
        except OSError as error:
            self._fail(error, "read")
            return False
        now, moment = self._clock.now(), self._clock.monotonic()
        cycles = [
            replace(cycle, done=done, offered=moment - max(0.0, now - cycle.at)) for cycle, done in found.cycles()
        ]
        if cycles and self._sender.restore(cycles):
            log.info("%s: %d cycles wait since before the start", self._path, len(cycles))
        elif cycles:
            log.warning("%s: %d cycles were read too late to be sent in order: dropped", self._path, len(cycles))
        else:
            self._sender.restore(())
        return True

    def _set_aside(self, why: str) -> None:
        try:
            aside = self._file.set_aside(f"aside-{int(self._clock.now())}")
            log.warning("%s: it cannot be read: %s: set aside as %s", self._path, why, aside)
        except OSError as error:
            log.warning("%s: it cannot be read: %s; nor set aside: %s", self._path, why, error.strerror)
