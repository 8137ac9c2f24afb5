"""The state file: what must outlive the agent, in one SQLite file. Tables belong to those who import it.

Everything that is decided together is written together, and is on the disk before it counts (``synchronous=FULL``: a
decision is rare, and costs milliseconds). Where the disk takes nothing any more, the agent goes on in memory, says so,
and writes everything down as soon as it can: a full disk is no reason not to page.
"""

import math
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from streamwatch.clock import STEP_SECONDS, Clock, boot

T = TypeVar("T")

_RETRY_SECONDS: Final = 30.0
_MARK_SECONDS: Final = 60.0
_TABLES: Final = ("alerts", "notified", "silences", "clocks")
_BUGS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.NotSupportedError)
"""Errors that are not the disk's."""
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
    """The file. May be used from any thread; without a path, everything is in memory only."""

    def __init__(self, path: Path | None, tell: Callable[[str], None], clock: Clock) -> None:
        """Open it, or begin a new one; one that cannot be used is set aside, and that is told.

        Args:
            path: of the file; its folder must exist.
            tell: told what went wrong, in words for people.
            clock: names a file that is set aside, and says when to try again.

        """
        self._lock = threading.RLock()
        self._tell, self._clock = tell, clock
        self.problem = ""
        """Why what is decided is not written; empty where it is."""
        self._file: sqlite3.Connection | None = None
        """The file, while it takes nothing."""
        self._retry_at = 0.0
        self._connection = _memory() if path is None else self._open(path)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction: all of it is kept, or nothing."""
        with self._lock:
            self._return()
            try:
                return self._transact(work)
            except sqlite3.Error as error:
                if self._file is not None or isinstance(error, _BUGS):
                    raise
                self._leave(error)
                return self._transact(work)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look something up."""
        with self._lock:
            return work(self._connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            for one in (self._connection, self._file):
                with suppress(sqlite3.Error):
                    if one is not None:
                        one.close()

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return found

    def _leave(self, error: sqlite3.Error) -> None:
        """Go on in memory."""
        memory = _memory()
        try:
            self._connection.backup(memory)
            _look(memory)
        except sqlite3.Error:
            memory.close()
            memory = _memory()
        self._file, self._connection = self._connection, memory
        self._retry_at = self._clock.monotonic() + _RETRY_SECONDS
        self.problem = str(error)
        self._tell(f"what is decided cannot be written: {error}: until it can, a restart forgets what changes now")

    def _return(self) -> None:
        """Write down what is in memory, where the file may take it again."""
        if self._file is None or self._clock.monotonic() < self._retry_at:
            return
        try:
            self._connection.backup(self._file)
        except sqlite3.Error:
            self._retry_at = self._clock.monotonic() + _RETRY_SECONDS
            return
        self._connection.close()
        self._connection, self._file, self.problem = self._file, None, ""

    def _open(self, path: Path) -> sqlite3.Connection:
        try:
            return _opened(path)
        except (sqlite3.DatabaseError, _Newer) as error:
            if isinstance(error, sqlite3.OperationalError) and not path.exists():
                self.problem = str(error)
                self._tell(f"{path}: cannot be made: {error}: alerts are kept in memory only: give another path")
                return _memory()
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
                return _memory()


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


def _memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
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
