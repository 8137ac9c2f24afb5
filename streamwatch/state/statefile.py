"""The state file: what must outlive the agent, in one SQLite file. Tables belong to those who import it.

Everything that is decided together is written together, and is on the disk before it counts (``synchronous=FULL``: a
decision is rare, and costs milliseconds). Where the disk takes nothing any more, or does not answer, the agent goes on
in memory, says so, and writes everything down as soon as it can: a full disk is no reason not to page, nor one that
hangs.
"""

import math
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from streamwatch.core.clock import STEP_SECONDS, Clock, boot
from streamwatch.state.transaction import Recorded, Transaction

T = TypeVar("T")

_RETRY_SECONDS: Final = 30.0
_MARK_SECONDS: Final = 60.0
_TABLES: Final = ("alerts", "notified", "silences", "clocks")
_PATIENCE_SECONDS: Final = 2.0
"""A disk that takes longer for a write hangs: whoever waits for it goes on in memory."""
_LOOK_SECONDS: Final = 1.0
_MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE alerts (
          rule TEXT NOT NULL, labels TEXT NOT NULL, state TEXT NOT NULL, value REAL, active_at REAL NOT NULL,
          annotations TEXT NOT NULL, fired_at REAL, resolved_at REAL, keep_firing_since REAL,
          PRIMARY KEY (rule, labels)
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE notified (
          target TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, told TEXT, told_at REAL NOT NULL,
          wanted TEXT NOT NULL, wants TEXT NOT NULL, doubt INTEGER NOT NULL, attempts INTEGER NOT NULL,
          next_at REAL NOT NULL, parked TEXT NOT NULL, since REAL NOT NULL, look_at REAL NOT NULL,
          content TEXT NOT NULL, PRIMARY KEY (target, key)
        )
        """,
        "CREATE INDEX notified_due ON notified (target, next_at) WHERE wanted <> '' AND parked = ''",
        "CREATE INDEX notified_look ON notified (look_at)",
        """
        CREATE TABLE silences (
          number INTEGER PRIMARY KEY AUTOINCREMENT, matchers TEXT NOT NULL, until REAL NOT NULL, by TEXT NOT NULL,
          comment TEXT NOT NULL
        )
        """,
    ),
    (
        """
        CREATE TABLE IF NOT EXISTS clocks (
          holder TEXT NOT NULL PRIMARY KEY, wall REAL NOT NULL, monotonic REAL NOT NULL, boot TEXT NOT NULL
        ) WITHOUT ROWID
        """,
        "ALTER TABLE silences ADD COLUMN starts REAL NOT NULL DEFAULT 0",
        "ALTER TABLE silences ADD COLUMN updated REAL NOT NULL DEFAULT 0",
    ),
)
"""Each makes the next version of what is there."""


class StateFile:
    """The file, and all of it in memory. May be used from any thread; without a path, there is no file.

    Nobody who reads waits for the disk. A thread of its own writes; who writes waits for it, so that what is decided is
    on the disk before it counts, but not for longer than a disk takes that works.
    """

    def __init__(self, path: Path | None, tell: Callable[[str], None], clock: Clock) -> None:
        """Open it, or begin a new one; one that cannot be used is set aside, and that is told.

        Args:
            path: of the file; its folder must exist.
            tell: told what went wrong, in words for people.
            clock: names a file that is set aside, and says when to try again.

        """
        self._tell, self._clock = tell, clock
        self._lock = threading.RLock()
        """Who uses the file holds it, for as long as the disk takes."""
        self._memory_lock = threading.RLock()
        """Never held while the disk is asked for anything."""
        self.problem = ""
        """Why what is decided is not written; empty where it is."""
        self._memory = _memory()
        self._is_behind = self._hangs = False
        """Whether the file lacks something that is in memory, and whether that is because the disk does not answer."""
        self._retry_at = 0.0
        self._version = 0
        self._waiting: SimpleQueue[Transaction[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        file = None if path is None else self._open(path)
        self._connection: sqlite3.Connection = self._memory if file is None else file
        if file is not None:
            self._version = _data_version(file)
            file.backup(self._memory)
            self._thread = threading.Thread(target=self._write, name="state", daemon=True)
            self._thread.start()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction: all of it is kept, or nothing."""
        transaction = Transaction(work)
        if self._thread is None or (self._is_behind and (self._hangs or self._clock.monotonic() < self._retry_at)):
            self._run(transaction)
        else:
            self._waiting.put(transaction)
            if not transaction.is_over.wait(_PATIENCE_SECONDS):
                self._hangs = True
                self._fall_behind(f"the disk has not answered for {_PATIENCE_SECONDS:g} s", self._clock.monotonic())
                self._run(transaction)
        return transaction.result()

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look something up, in memory."""
        with self._memory_lock:
            return work(self._memory)

    def glance(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Look something up, where nobody is at work in the memory; None where somebody is."""
        if not self._memory_lock.acquire(blocking=False):
            return None
        try:
            return work(self._memory)
        finally:
            self._memory_lock.release()

    def close(self) -> None:
        """Close the file; a disk that does not answer is left to the end of the process."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(_PATIENCE_SECONDS)
        with self._memory_lock:
            self._memory.close()
        if self._thread is None or not self._thread.is_alive():
            with suppress(sqlite3.Error):
                self._connection.close()
        while not self._waiting.empty():
            late = self._waiting.get()
            if late is not None:
                late.run(self._memory)  # which says that it is closed
                late.is_over.set()

    def _run(self, transaction: Transaction[Any]) -> None:
        with self._memory_lock:
            transaction.run(self._memory)

    def _fall_behind(self, why: str, retry_at: float) -> None:
        """Go on in memory."""
        with self._memory_lock:
            if self._is_behind:
                return
            self._is_behind, self.problem, self._retry_at = True, why, retry_at
        self._tell(f"what is decided cannot be written: {why}: until it can, a restart forgets what changes now")

    def _write(self) -> None:
        """Write what is to be written, until the end; look now and then what other processes have written."""
        while True:
            try:
                transaction = self._waiting.get(timeout=_LOOK_SECONDS)
                is_last = transaction is None
            except Empty:
                transaction, is_last = None, False
            with self._lock:
                self._step(transaction, is_last=is_last)
            self._hangs = False
            if transaction is not None:
                transaction.is_over.set()
            if is_last:
                return

    def _step(self, transaction: Transaction[Any] | None, *, is_last: bool) -> None:
        if not self._is_behind:
            try:
                self._transact(transaction)
            except sqlite3.Error as error:
                self._fall_behind(str(error), self._clock.monotonic() + _RETRY_SECONDS)
        if transaction is not None:
            self._run(transaction)  # where the file did not even begin
        if self._is_behind and (is_last or self._clock.monotonic() >= self._retry_at):
            try:
                self._catch_up()
            except sqlite3.Error:
                self._retry_at = self._clock.monotonic() + _RETRY_SECONDS

    def _transact(self, transaction: Transaction[Any] | None) -> None:
        """Do the work in memory, and then to the file what it did there, in one transaction of both."""
        file = self._connection
        self._look_around()
        if transaction is None:
            return
        file.execute("BEGIN IMMEDIATE")
        try:
            if self._is_foreign():
                file.execute("ROLLBACK")
                self._transact(transaction)
                return
            with self._memory_lock:
                if not self._is_behind:  # else somebody could wait no longer
                    transaction.run(self._memory)
            for statement, values in transaction.changes:
                file.execute(statement, values)
            file.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                file.execute("ROLLBACK")
            raise

    def _is_foreign(self) -> bool:
        """Say whether another process has written."""
        return _data_version(self._connection) != self._version

    def _look_around(self) -> None:
        """Take what another process has written."""
        if not self._is_foreign():
            return
        version, fresh = _data_version(self._connection), _memory()
        self._connection.backup(fresh)
        _look(fresh)
        with self._memory_lock:
            if not self._is_behind:
                fresh.backup(self._memory)
        self._version = version

    def _catch_up(self) -> None:
        """Write everything down that is in memory."""
        while self._is_behind:
            copy = _memory()
            with self._memory_lock:
                self._memory.backup(copy)
                changes = self._memory.total_changes
            copy.backup(self._connection)
            self._version = _data_version(self._connection)
            with self._memory_lock:
                if self._memory.total_changes == changes:
                    self._is_behind, self.problem = False, ""

    def _open(self, path: Path) -> sqlite3.Connection | None:
        try:
            return _opened(path)
        except (sqlite3.DatabaseError, _Newer) as error:
            if isinstance(error, sqlite3.OperationalError) and not path.exists():
                self.problem = str(error)
                self._tell(f"{path}: cannot be made: {error}: alerts are kept in memory only: give another path")
                return None
            aside = path.with_name(f"{path.name}.damaged-{int(self._clock.now())}")
            try:
                for ending in ("-wal", "-shm"):
                    path.with_name(path.name + ending).unlink(missing_ok=True)
                path.rename(aside)
                self._tell(f"{path}: cannot be used: {error}: set aside as {aside.name}, and begun anew")
                return _opened(path)
            except (OSError, sqlite3.Error) as second:
                self.problem = str(second)
                self._tell(f"{path}: cannot be used: {error}; nor begun anew: {second}: alerts are kept in memory only")
                return None


class Marks:
    """The marks of the clocks that one holder of instants leaves in the file: by them, a restart knows of a jump."""

    def __init__(self, holder: str, clock: Clock) -> None:
        self._holder, self._clock = holder, clock
        self._written_at = -math.inf

    def write(self, connection: sqlite3.Connection, *, at_once: bool = False) -> None:
        """Leave a mark, once a minute, in a transaction of the holder's."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        if at_once or monotonic - self._written_at >= _MARK_SECONDS:
            row = (self._holder, wall, monotonic, boot(self._clock))
            connection.execute("INSERT OR REPLACE INTO clocks VALUES (?, ?, ?, ?)", row)
            self._written_at = monotonic

    def jump(self, connection: sqlite3.Connection) -> float:
        """Return by how much the wall clock was set since the last mark, as far as that can be known.

        While the machine has not started anew, the monotonic clock tells. Else, a clock that is behind the last mark
        was set back by that at least; one that is ahead of it may be right.
        """
        question = "SELECT wall, monotonic, boot FROM clocks WHERE holder = ?"
        found = connection.execute(question, (self._holder,)).fetchone()
        if found is None:
            return 0.0
        wall, monotonic, started = float(found[0]), float(found[1]), str(found[2])
        passed = self._clock.now() - wall
        if not started or started != boot(self._clock):
            return min(0.0, passed)
        jump = passed - (self._clock.monotonic() - monotonic)
        return jump if abs(jump) >= STEP_SECONDS else 0.0


class _Newer(Exception):
    """The file was written by a newer StreamWatch."""


def _memory() -> Recorded:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Recorded)
    _migrate(connection)
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _check(connection)
        _migrate(connection)
        _look(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _data_version(connection: sqlite3.Connection) -> int:
    """Return a number that is another when another process has written."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _look(connection: sqlite3.Connection) -> None:
    """Look whether every table is there."""
    for table in _TABLES:
        connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - names from here


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("the file is damaged")


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise _Newer(f"version {version} is newer than this agent's {len(_MIGRATIONS)}")
    for number, statements in enumerate(_MIGRATIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
