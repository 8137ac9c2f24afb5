"""The state file: what must outlive the agent, in one SQLite file. It is handed the tables by whoever opens it.

Everything that is decided together is written together, and is on the disk before it counts (``synchronous=FULL``: a
decision is rare, and costs milliseconds). Where the disk takes nothing any more, or does not answer, the agent goes on
in memory, says so, and writes everything down as soon as it can: a full disk is no reason not to page, nor one that
hangs.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.state.schema import ForeignFileError, NewerFileError, Schema, Tables
from streamwatch.state.transaction import Recorded, Transaction
from streamwatch.state.unreadable import write_aside

T = TypeVar("T")

_RETRY_SECONDS: Final = 30.0
_CACHE_KB: Final = 256
"""What the connection to the file keeps of it, of which only transactions are asked; SQLite's own default is 2 MB."""
_WRITE_TIMEOUT_SECONDS: Final = 2.0
"""A disk that takes longer for a write hangs: whoever waits for it goes on in memory."""
_OPEN_SECONDS: Final = 10.0
"""A disk that takes longer to open the file hangs: the agent begins without it."""
_LOOK_SECONDS: Final = 1.0
_NOT_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
)
"""Codes of errors by which a file is as good as it was, and not this agent's to use: it is left where it is."""


class StateFile:
    """The file, and all of it in memory. May be used from any thread; without a path, there is no file.

    Nobody who reads waits for the disk. A thread of its own writes; who writes waits for it, so that what is decided is
    on the disk before it counts, but not for longer than a disk takes that works.
    """

    def __init__(
        self, path: Path | None, tables: Sequence[Tables], report: Callable[[str], None], clock: Clock
    ) -> None:
        """Open it, or begin a new one; one that cannot be used is set aside, and that is reported.

        Args:
            path: of the file; its folder must exist.
            tables: those of every owner.
            report: called with what went wrong, in words for people.
            clock: names a file that is set aside, and says when to try again.

        """
        self._schema, self._report, self._clock = Schema(tables), report, clock
        self._lock = threading.RLock()
        """Who uses the file holds it, for as long as the disk takes."""
        self._memory_lock = threading.RLock()
        """Never held while the disk is asked for anything."""
        self.problem = ""
        """Why what is decided is not written; empty where it is."""
        self._memory = _memory(self._schema)
        self._is_behind = self._hangs = False
        """Whether the file lacks something that is in memory, and whether that is because the disk does not answer."""
        self._retry_at = 0.0
        self._version = 0
        self._unreadable: set[tuple[str, tuple[Any, ...]]] = set()
        """Tables and keys of rows that another process wrote, that cannot be read, and that this was said of."""
        self._waiting: SimpleQueue[Transaction[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        file = None if path is None else self._open_in_time(path)
        self._connection: sqlite3.Connection = self._memory if file is None else file
        if file is not None:
            self._version = _data_version(file)
            file.backup(self._memory)
            self._thread = threading.Thread(target=self._write, name="state", daemon=True)
            self._thread.start()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something in one transaction: all of it is kept, or nothing."""
        transaction = Transaction(work)
        if not self._takes_writes():
            self._run(transaction)
        else:
            self._waiting.put(transaction)
            if not transaction.is_over.wait(_WRITE_TIMEOUT_SECONDS):
                self._hangs = True
                self._fall_behind(
                    f"the disk has not answered for {_WRITE_TIMEOUT_SECONDS:g} s", self._clock.monotonic()
                )
                self._run(transaction)
        return transaction.result()

    def write_later(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do something in one transaction, after what is waiting, and wait for nothing; ``work`` raises nothing."""
        transaction = Transaction(work)
        if self._takes_writes():
            self._waiting.put(transaction)
        else:
            self._run(transaction)

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
            self._thread.join(_WRITE_TIMEOUT_SECONDS)
        with self._memory_lock:
            self._memory.close()
        while not self._waiting.empty():
            late = self._waiting.get()
            if late is not None:
                late.run(self._memory)  # which says that it is closed
                late.is_over.set()
        if self._thread is not None:
            self._waiting.put(None)  # whoever still waits for the disk closes the file then

    def _takes_writes(self) -> bool:
        """Whether there is a file that took the last write, or is to be tried again."""
        is_given_up = self._is_behind and (self._hangs or self._clock.monotonic() < self._retry_at)
        return self._thread is not None and not is_given_up

    def _run(self, transaction: Transaction[Any]) -> None:
        with self._memory_lock:
            transaction.run(self._memory)

    def _fall_behind(self, why: str, retry_at: float) -> None:
        """Go on in memory."""
        with self._memory_lock:
            if self._is_behind:
                return
            self._is_behind, self.problem, self._retry_at = True, why, retry_at
        self._report(f"what is decided cannot be written: {why}: until it can, a restart forgets what changes now")

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
                with suppress(sqlite3.Error):
                    self._connection.close()
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
        with closing(_memory(self._schema)) as fresh:
            version = _data_version(self._connection)
            self._connection.backup(fresh)
            self._schema.check(fresh)
            unreadable = self._schema.remove_unreadable(fresh)
            with self._memory_lock:
                if not self._is_behind:
                    fresh.backup(self._memory)
        self._version = version
        if new := {(row.table, row.key) for row in unreadable} - self._unreadable:
            self._unreadable |= new
            self._report(f"{len(new)} rows that another process wrote cannot be read: they do not count")

    def _catch_up(self) -> None:
        """Write everything down that is in memory."""
        while self._is_behind:
            with closing(_memory(self._schema)) as copy:
                with self._memory_lock:
                    self._memory.backup(copy)
                    changes = self._memory.total_changes
                copy.backup(self._connection)
            self._version = _data_version(self._connection)
            with self._memory_lock:
                if self._memory.total_changes == changes:
                    self._is_behind, self.problem = False, ""

    def _open_in_time(self, path: Path) -> sqlite3.Connection | None:
        """Open the file; give up where the disk does not answer, since who begins has nothing to wait for."""
        opened: SimpleQueue[sqlite3.Connection | None] = SimpleQueue()
        gave_up = threading.Event()

        def attempt() -> None:
            file = self._open(path)
            opened.put(file)
            if gave_up.is_set() and file is not None:
                file.close()

        threading.Thread(target=attempt, name="state-open", daemon=True).start()
        try:
            return opened.get(timeout=_OPEN_SECONDS)
        except Empty:
            gave_up.set()
            self.problem = f"the disk has not answered for {_OPEN_SECONDS:g} s"
            self._report(
                f"{path}: cannot be opened: {self.problem}: alerts are kept in memory only: restart the agent when the"
                " disk answers again"
            )
            return None

    def _open(self, path: Path) -> sqlite3.Connection | None:
        try:
            return self._without_unreadable(path, _opened(path, self._schema))
        except ForeignFileError as error:
            self.problem = str(error)
            self._report(f"{path}: is left as it is: {error}: alerts are kept in memory only: give another path")
            return None
        except (sqlite3.DatabaseError, NewerFileError) as error:
            if isinstance(error, sqlite3.OperationalError) and not _exists(path):
                self.problem = str(error)
                self._report(f"{path}: cannot be made: {error}: alerts are kept in memory only: give another path")
                return None
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_DAMAGED:
                self.problem = str(error)
                why = "is it another user's, or does another program hold it?"
                self._report(f"{path}: cannot be used: {error}: alerts are kept in memory only: {why}")
                return None
            aside = path.with_name(f"{path.name}.damaged-{int(self._clock.now())}")
            try:
                for ending in ("-wal", "-shm"):
                    path.with_name(path.name + ending).unlink(missing_ok=True)
                path.rename(aside)
                self._report(f"{path}: cannot be used: {error}: set aside as {aside.name}, and a new one is made")
                return _opened(path, self._schema)
            except (OSError, sqlite3.Error) as second:
                self.problem = str(second)
                self._report(
                    f"{path}: cannot be used: {error}; no new one can be made: {second}: alerts are kept in memory only"
                )
                return None

    def _without_unreadable(self, path: Path, file: sqlite3.Connection) -> sqlite3.Connection:
        """Set the rows aside that nobody can read: one of them must not stop everything."""
        rows = self._schema.remove_unreadable(file)
        if not rows:
            return file
        aside = path.with_name(f"{path.name}.unreadable-{int(self._clock.now())}")
        try:
            write_aside(rows, aside)
            where = f"they are set aside in {aside.name}"
        except OSError as error:
            where = f"they are lost: {aside.name} cannot be written: {error.strerror}"
        tables = ", ".join(sorted({row.table for row in rows}))
        self._report(f"{path}: {len(rows)} rows of {tables} cannot be read ({rows[0].why}): {where}")
        return file


def _memory(schema: Schema) -> Recorded:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Recorded)
    schema.migrate(connection)
    return connection


def _opened(path: Path, schema: Schema) -> sqlite3.Connection:
    if path.is_symlink() and not (path.exists() and path.stat().st_size):
        raise ForeignFileError("it is a link that leads to no state file")
    _make_private(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        schema.refuse_foreign(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
        _check(connection)
        schema.migrate(connection)
        schema.check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _data_version(connection: sqlite3.Connection) -> int:
    """Return a number that is another when another process has written."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def _make_private(path: Path) -> None:
    """Let the owner only read the file, and those beside it, which get its mode: alerts and silences are in it.

    What a link leads to may be any file of the agent's user: its mode is left as it is.
    """
    with suppress(OSError):  # where it cannot be made, opening it says why; another's file is as its owner wants it
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        for ending in ("", "-wal", "-shm"):
            file = path.with_name(path.name + ending)
            if file.exists() and not file.is_symlink() and file.stat().st_mode & 0o077:
                file.chmod(0o600)


def _exists(path: Path) -> bool:
    """Say whether there is a file that may be looked at."""
    try:
        return path.exists()
    except OSError:
        return False


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("the file is damaged")
